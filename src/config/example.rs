//! The file to start from.

use std::fmt::Write as _;

use serde_json::Value;

use super::shape::{Key, Shape, keys};

/// Returns a file with every key and its comment. What must be there is filled in; what has a default, or may be left out, is
/// there behind a `#` that only has to be taken away.
pub fn example() -> String {
    let mut text = String::from(
        "# Alluvium's configuration. ${NAME} and ${NAME:-default} are replaced from the environment in any value.\n\
         # A key behind `#` shows its default, or a value to try.\n",
    );
    section(&keys(), "", &mut text);
    text
}

fn section(keys: &[Key], indent: &str, out: &mut String) {
    for key in keys {
        let Key { name, doc, required, shape, .. } = key;
        out.push('\n');
        comment(doc, indent, out);
        let value = key.example.as_ref().filter(|_| *required).or(key.default.as_ref()).or(key.example.as_ref());
        match shape {
            Shape::Section(keys) => {
                let _ = writeln!(out, "{indent}{name}:");
                section(keys, &format!("{indent}  "), out);
            }
            Shape::List { items, .. } if matches!(**items, Shape::Section(_)) => {
                let _ = writeln!(out, "{indent}{name}:");
                if let Shape::Section(keys) = &**items {
                    entry(keys, &format!("{indent}  "), out);
                }
            }
            shape => {
                let words = match shape {
                    Shape::Map(values) => values,
                    shape => shape,
                };
                if let Shape::Choice(choices) = words {
                    choices.iter().for_each(|(word, doc)| comment(&format!("- {word}: {doc}"), indent, out));
                }
                let _ = writeln!(
                    out,
                    "{indent}{}{name}: {}",
                    if *required { "" } else { "#" },
                    value.map_or(String::new(), yaml)
                );
            }
        }
    }
}

/// Writes one entry of a list of sections, with its first key in force.
fn entry(keys: &[Key], indent: &str, out: &mut String) {
    let mut text = String::new();
    section(keys, &format!("{indent}  "), &mut text);
    let first = format!("{indent}  #{}:", keys[0].name);
    out.push_str(&text.replacen(&first, &format!("{indent}- {}:", keys[0].name), 1).replacen('\n', "", 1));
}

fn comment(text: &str, indent: &str, out: &mut String) {
    let width = 110 - indent.len();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            let _ = writeln!(out, "{indent}# {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{indent}# {line}");
}

/// Returns a value as one line of YAML: texts in single quotes where YAML could take them for something else.
pub(super) fn yaml(value: &Value) -> String {
    let is_plain = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !text.contains(": ")
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "./:_-".contains(c))
    };
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> = entries.iter().map(|(name, value)| format!("{name}: {}", yaml(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
