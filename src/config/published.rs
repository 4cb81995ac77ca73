//! The JSON Schema for editors.

use serde_json::{Value, json};

use super::shape::{is_empty, schema};

/// Returns the JSON Schema (draft 2020-12) of the file.
pub fn json_schema() -> Value {
    let mut schema = schema();
    publish(&mut schema);
    schema["title"] = "Alluvium configuration".into();
    schema
}

/// Brings the schema of the types into the form in which files are written: any scalar may be a reference to the
/// environment, an optional section may be empty, and a required key has no default.
fn publish(schema: &mut Value) {
    let required = schema["required"].clone();
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        publish(property);
        // With all its keys behind `#` a section is null.
        if property["type"] == "object" && !required.as_array().is_some_and(|names| names.contains(&json!(name))) {
            property["type"] = json!(["object", "null"]);
        }
    }
    for inner in ["items", "additionalProperties"] {
        schema.get_mut(inner).filter(|inner| inner.is_object()).into_iter().for_each(publish);
    }
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default").is_some_and(is_empty) {
        object.remove("default");
    }
    let kind = object.get("type");
    let is_container = kind.is_some_and(|kind| kind == "object" || kind == "array");
    let is_any_scalar = kind.and_then(Value::as_array).is_some_and(|kinds| kinds.len() > 2);
    if is_container || is_any_scalar {
        return;
    }
    let mut either = serde_json::Map::new();
    for name in ["type", "format", "pattern", "oneOf", "minimum", "maximum", "minLength"] {
        either.extend(object.remove(name).map(|value| (name.to_owned(), value)));
    }
    object.insert("anyOf".to_owned(), json!([either, { "type": "string", "pattern": r"\$\{\w+(:-[^}]*)?\}" }]));
}
