//! The keys of the file, as data: made from the JSON Schema of [`FileConfig`], and followed by everything that walks the keys:
//! the check of a file, the example, the reference.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::file::FileConfig;

/// One key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub name: String,
    /// Its doc comment, as one paragraph.
    pub doc: String,
    pub required: bool,
    /// What holds where it is left out; nothing where leaving it out means something else.
    pub default: Option<Value>,
    pub example: Option<Value>,
    pub shape: Shape,
}

/// What a key's value looks like.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Section(Vec<Key>),
    /// Names of the operator's own, each with a scalar.
    Map(Box<Shape>),
    List {
        items: Box<Shape>,
        least: u64,
    },
    /// With the name of its kind in [`super::scalar::FORMATS`], where it is more than text.
    Text {
        format: Option<String>,
        least: u64,
    },
    Whole {
        least: u64,
        most: u64,
    },
    Flag,
    /// Words, each with what it means.
    Choice(Vec<(String, String)>),
}

/// Returns the schema of the file as the types tell it, without references.
pub(super) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<FileConfig>().to_value()
}

/// Returns the keys of the file in the order of the types.
pub(super) fn keys() -> Vec<Key> {
    match shape(&schema()) {
        Shape::Section(keys) => keys,
        _ => unreachable!("the root is a struct"),
    }
}

fn shape(schema: &Value) -> Shape {
    let number = |name: &str, default: u64| schema[name].as_u64().unwrap_or(default);
    if let Some(choices) = schema["oneOf"].as_array() {
        return Shape::Choice(choices.iter().map(|c| (text(&c["const"]), paragraph(c))).collect());
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
        return Shape::Section(properties.iter().map(|(name, schema)| key(name, schema, required(name))).collect());
    }
    // `[kind, "null"]` is an optional kind.
    let kind = schema["type"].as_array().map_or(&schema["type"], |kinds| &kinds[0]);
    match kind.as_str() {
        Some("object") => Shape::Map(Box::new(shape(&schema["additionalProperties"]))),
        Some("array") => Shape::List { items: Box::new(shape(&schema["items"])), least: number("minItems", 0) },
        Some("integer") => Shape::Whole { least: number("minimum", 0), most: number("maximum", u64::MAX) },
        Some("boolean") => Shape::Flag,
        _ => Shape::Text { format: schema["format"].as_str().map(str::to_owned), least: number("minLength", 0) },
    }
}

fn key(name: &str, schema: &Value, required: bool) -> Key {
    Key {
        name: name.to_owned(),
        doc: paragraph(schema),
        required,
        // A required key has a value in `Default` only to fill the place; an empty one tells nothing.
        default: schema.get("default").filter(|value| !required && !is_empty(value)).cloned(),
        example: schema["examples"].get(0).cloned(),
        shape: shape(schema),
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn paragraph(schema: &Value) -> String {
    text(&schema["description"]).replace('\n', " ")
}

/// Calls `visit` with the path of every key (`topics[].match`), sections before what is in them.
pub(super) fn walk(keys: &[Key], prefix: &str, visit: &mut impl FnMut(&str, &Key)) {
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        visit(&path, key);
        match &key.shape {
            Shape::Section(keys) => walk(keys, &format!("{path}."), visit),
            Shape::List { items, .. } => {
                if let Shape::Section(keys) = &**items {
                    walk(keys, &format!("{path}[]."), visit);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::scalar::FORMATS;

    #[test]
    fn every_key_and_choice_is_documented_and_every_kind_is_known() {
        let mut seen = 0;
        walk(&keys(), "", &mut |path, key| {
            seen += 1;
            assert!(key.doc.ends_with('.'), "{path}: {:?}", key.doc);
            match &key.shape {
                Shape::Choice(choices) => {
                    assert!(choices.iter().all(|(word, doc)| !word.is_empty() && !doc.is_empty()))
                }
                Shape::Text { format: Some(format), .. } => {
                    assert!(FORMATS.contains(&format.as_str()), "{path}: {format}")
                }
                _ => {}
            }
        });
        assert!(seen > 25, "{seen}");
    }

    #[test]
    fn the_names_in_required_are_keys() {
        fn check(schema: &Value) {
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(schema["properties"].get(name.as_str().unwrap()).is_some(), "{name}");
            }
            schema.as_object().into_iter().flatten().for_each(|(_, inner)| check(inner));
        }
        check(&schema());
    }

    #[test]
    fn a_key_has_a_default_an_example_or_says_what_leaving_it_out_means() {
        walk(&keys(), "", &mut |path, key| {
            let section = matches!(key.shape, Shape::Section(_)) || path == "topics";
            assert!(section || key.default.is_some() || key.example.is_some(), "{path}");
        });
    }
}
