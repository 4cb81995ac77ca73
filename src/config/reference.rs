//! The table of all keys, `docs/configuration.md`.

use std::fmt::Write as _;

use serde_json::Value;

use super::example::yaml;
use super::shape::{Key, Shape, keys, walk};

const INTRODUCTION: &str = "\
# Configuration

One YAML file, given by `alluvium run -c FILE` and tried by `alluvium check -c FILE`. `alluvium config example` prints one with every
key, `alluvium config schema` its JSON Schema for editors. This page is generated from the program's types.

- Unknown keys are refused. A wrong file tells every mistake at once with line and column, and the exit code is 2.
- `${NAME}` and `${NAME:-default}` in a value are replaced from the environment; the default also stands for an empty variable. A
  name that is not set and has no default is a mistake. A value of which the replacement leaves nothing counts as left out.
  `$${` stands for `${` itself. Within `{ … }` and `[ … ]`, put a reference in quotes.
- Durations are a whole number with `ms`, `s`, `m` or `h`; sizes one with `KiB`, `MiB`, `GiB`, `TiB` (powers of two), `kB`, `MB`, `GB`,
  `TB` (powers of ten) or `B`.
- Aliases, tags and a second document are refused.

| key | type | default | meaning |
|---|---|---|---|
";

/// Returns the page.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    walk(&keys(), "", &mut |path, key| {
        let default = match (&key.default, key.required, &key.shape) {
            (Some(value), _, _) => code(value),
            (None, true, _) => "**required**".to_owned(),
            (None, false, _) => String::new(),
        };
        let _ = writeln!(page, "| `{path}` | {} | {default} | {} |", kind(&key.shape), meaning(key));
    });
    page
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Section(_) => "section".to_owned(),
        Shape::Map(values) => format!("names, each with {}", kind(values)),
        Shape::List { items, .. } => {
            format!("list of {}", if matches!(**items, Shape::Section(_)) { "sections" } else { "texts" })
        }
        Shape::Text { format, .. } => format.clone().unwrap_or_else(|| "text".to_owned()),
        Shape::Whole { least, most } => format!("whole number, {least} to {most}"),
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Choice(_) => "one of the words".to_owned(),
    }
}

fn meaning(key: &Key) -> String {
    let mut text = key.doc.clone();
    let words = match &key.shape {
        Shape::Map(values) => values,
        shape => shape,
    };
    if let Shape::Choice(choices) = words {
        let words = choices.iter().map(|(word, doc)| format!("<br>`{word}`: {doc}"));
        text.extend(words);
    }
    if let Some(example) = key.example.as_ref().filter(|_| key.default.is_none()) {
        text += &format!(" For instance {}.", code(example));
    }
    text.replace('|', "\\|")
}

fn code(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{}`", yaml(other)),
    }
}
