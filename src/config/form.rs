//! Reads the tree by the keys: what is right becomes a value for serde, what is wrong is reported and left out.
//!
//! Every mistake of form is found in one pass, and one mistake hides no other: a bad value counts as reported, not as missing.

use serde_json::{Map, Number, Value as Json};

use super::mask::shown_name;
use super::mistake::{Findings, Kind, Mistake};
use super::replace::{Environment, replaced};
use super::scalar;
use super::shape::{Key, Shape};
use super::spans::Span;
use super::suggest::suggestion;
use super::tree::{Entry, Node, Value};
use super::wrong::Wrong;

pub(super) struct Form<'a> {
    pub source: &'a str,
    pub env: &'a Environment<'a>,
    pub keys: &'a [Key],
    pub found: &'a mut Findings,
}

impl Form<'_> {
    /// Reads the whole file.
    pub fn read(&mut self, root: &Node) -> Json {
        match &root.value {
            Value::Map(entries) => self.section(entries, self.keys, "", 0..0),
            _ => {
                self.wrong_kind("", "the file", &Shape::Section(self.keys.to_vec()), root);
                Json::Object(Map::new())
            }
        }
    }

    /// `place` is where the section's own key stands.
    fn section(&mut self, entries: &[Entry], keys: &[Key], path: &str, place: Span) -> Json {
        let mut values = Map::new();
        for entry in entries {
            let Some(key) = keys.iter().find(|key| key.name == entry.key) else {
                self.unknown(entry, keys, path);
                continue;
            };
            let path = join(path, &key.name);
            // An empty value's own place is where the next token stands.
            let spot = if entry.node.is_null() { entry.key_span.clone() } else { spot(&entry.node, &entry.key_span) };
            self.found.note_place(&path, spot);
            if let Some(value) = self.value(&entry.node, &key.shape, &path, &entry.key_span) {
                values.insert(key.name.clone(), value);
            }
        }
        for key in keys.iter().filter(|key| key.required && !values.contains_key(&key.name)) {
            let path = join(path, &key.name);
            if !self.found.is_mistaken(&path) {
                self.missing(key, &path, place.clone());
            }
        }
        Json::Object(values)
    }

    /// Returns nothing for a value that is left out or wrong.
    fn value(&mut self, node: &Node, shape: &Shape, path: &str, place: &Span) -> Option<Json> {
        if node.is_null() {
            return None;
        }
        match (shape, &node.value) {
            (_, Value::Unread) => {
                self.found.mark(path);
                None
            }
            (Shape::Section(keys), Value::Map(entries)) => Some(self.section(entries, keys, path, place.clone())),
            (Shape::Map(values), Value::Map(entries)) => Some(self.map(entries, values, path)),
            (Shape::List { items, least }, Value::List(nodes)) => self.list(nodes, items, *least, path, place),
            (Shape::Section(_) | Shape::Map(_) | Shape::List { .. }, _) => {
                self.wrong_kind(path, &format!("`{path}`"), shape, node)
            }
            (_, Value::Scalar { text, .. }) => {
                let text = self.replaced(text, node, path)?;
                match scalar(&text, shape) {
                    Ok(value) => Some(value),
                    Err((wrong, wanted)) => {
                        let mistake = Mistake::new(Kind::Form, format!("`{path}`: {}", wrong.what), wrong.help);
                        self.found.mistake(path, mistake.at(node.span.clone(), format!("wanted: {wanted}")));
                        None
                    }
                }
            }
            (_, _) => self.wrong_kind(path, &format!("`{path}`"), shape, node),
        }
    }

    /// Returns the text with the environment in it; nothing where that fails, or where it leaves nothing: `${NAME:-}` is how one
    /// file leaves a key out by its environment.
    fn replaced(&mut self, text: &str, node: &Node, path: &str) -> Option<String> {
        match replaced(text, self.env) {
            Ok((text, any)) => (!any || !text.is_empty()).then_some(text),
            Err(bad) => {
                for bad in bad {
                    let within = self.source.get(node.span.clone()).and_then(|source| source.find(bad.reference));
                    let span = match within {
                        Some(at) => node.span.start + at..node.span.start + at + bad.reference.len(),
                        None => node.span.clone(),
                    };
                    let mistake = Mistake::new(Kind::Form, format!("`{path}`: {}", bad.why), bad.help);
                    self.found.mistake(path, mistake.at(span, "cannot be replaced"));
                }
                None
            }
        }
    }

    fn map(&mut self, entries: &[Entry], shape: &Shape, path: &str) -> Json {
        let mut values = Map::new();
        for entry in entries {
            let path = join(path, &entry.key);
            self.found.note_place(&path, entry.key_span.clone());
            self.found.places.note_value(&path, entry.node.span.clone());
            if entry.node.is_null() {
                let help = "write one after a colon and a blank, or leave the name out";
                let mistake = Mistake::new(Kind::Form, format!("`{}` has no value", shown_name(&path)), help);
                self.found.mistake(&path, mistake.at(entry.key_span.clone(), "nothing follows"));
                continue;
            }
            if let Some(value) = self.value(&entry.node, shape, &path, &entry.key_span) {
                values.insert(entry.key.clone(), value);
            }
        }
        Json::Object(values)
    }

    fn list(&mut self, nodes: &[Node], items: &Shape, least: u64, path: &str, place: &Span) -> Option<Json> {
        let mut values = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let spot = spot(node, &node.span);
            self.found.note_place(&path, spot.clone());
            // A wrong entry keeps its place, so that the others keep their numbers.
            let empty = matches!(items, Shape::Section(_)).then(|| Json::Object(Map::new()));
            values.extend(self.value(node, items, &path, &spot).or(empty));
        }
        if (nodes.len() as u64) < least {
            let help = "write an entry; `alluvium config example` shows one";
            let mistake = Mistake::new(Kind::Form, format!("`{path}` is empty"), help);
            self.found.mistake(path, mistake.at(place.clone(), "at least one is wanted"));
            return None;
        }
        Some(Json::Array(values))
    }

    fn wrong_kind(&mut self, path: &str, whose: &str, shape: &Shape, node: &Node) -> Option<Json> {
        let (wanted, help) = match shape {
            Shape::Section(keys) => ("keys and values", format!("the keys here are {}", names(keys))),
            Shape::Map(_) => ("keys and values", "write `name: value`, a line for each".to_owned()),
            Shape::List { .. } => ("a list", "write `- value`, a line for each, or `[value, value]`".to_owned()),
            _ => ("one value", "write it behind the colon, without brackets, braces or dashes".to_owned()),
        };
        let is = match &node.value {
            Value::Scalar { .. } | Value::Unread => "one value",
            Value::List(_) => "a list",
            Value::Map(_) => "keys and values",
        };
        let mistake = Mistake::new(Kind::Form, format!("{whose} must be {wanted}"), help);
        self.found.mistake(path, mistake.at(spot(node, &node.span), format!("this is {is}")));
        None
    }

    fn unknown(&mut self, entry: &Entry, keys: &[Key], path: &str) {
        let section = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        let what = format!("unknown key `{}`{section}", shown_name(&entry.key));
        let mistake = Mistake::new(Kind::Form, what, format!("the keys here are {}", names(keys)));
        let meant = suggestion(&entry.key, keys, self.keys);
        let label = meant.as_ref().map_or("there is no such key".to_owned(), |key| format!("did you mean `{key}`?"));
        // The key meant is misspelt, not missing.
        meant.into_iter().for_each(|key| self.found.mark(&join(path, &key)));
        self.found.mistake(&join(path, &entry.key), mistake.at(entry.key_span.clone(), label));
    }

    fn missing(&mut self, key: &Key, path: &str, place: Span) {
        let (place, label) = match () {
            () if self.found.has(path) => (self.found.place(path), "this is nothing"),
            () if place.is_empty() => (place, "should be at the top level"),
            () => (place, "should be in here"),
        };
        let help = match (&key.example, &key.shape) {
            (Some(example), _) => format!("for instance `{}: {example}`", key.name).replace('"', ""),
            (None, Shape::Section(keys)) => {
                let names = names(keys.iter().filter(|key| key.required));
                format!("a section with {names}; `alluvium config example` shows one")
            }
            _ => "`alluvium config example` shows one".to_owned(),
        };
        let mistake = Mistake::new(Kind::Form, format!("`{path}` is missing"), help);
        self.found.mistake(path, mistake.at(place, label));
    }
}

fn names<'k>(keys: impl IntoIterator<Item = &'k Key>) -> String {
    keys.into_iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Returns the place to point at for a value: itself, or the key that leads to it where it runs over lines.
fn spot(node: &Node, key: &Span) -> Span {
    match &node.value {
        Value::Scalar { .. } | Value::Unread => node.span.clone(),
        Value::Map(entries) if key == &node.span => entries.first().map_or(key.clone(), |entry| entry.key_span.clone()),
        Value::List(_) | Value::Map(_) => key.clone(),
    }
}

/// Reads one scalar; what is wrong comes with what was wanted.
fn scalar(text: &str, shape: &Shape) -> Result<Json, (Wrong, String)> {
    match shape {
        Shape::Text { format, least } => {
            if (text.chars().count() as u64) < *least {
                return Err((Wrong::new("the text is empty", "write it, or leave the key out"), "text".to_owned()));
            }
            if let Some(format) = format {
                scalar::check(format, text).map_err(|wrong| (wrong, format.clone()))?;
            }
            Ok(Json::String(text.to_owned()))
        }
        Shape::Whole { least, most } => {
            let help = format!("write a whole number from {least} to {most}");
            let what = match text.parse::<u64>() {
                Ok(number) if (*least..=*most).contains(&number) => return Ok(Json::Number(Number::from(number))),
                Ok(_) => "out of bounds",
                Err(_) => "not a whole number",
            };
            Err((Wrong::new(what, help), "whole number".to_owned()))
        }
        Shape::Flag => match text {
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ => Err((Wrong::new("neither true nor false", "write `true` or `false`"), "truth value".to_owned())),
        },
        Shape::Choice(choices) => {
            if choices.iter().any(|(word, _)| word == text) {
                return Ok(Json::String(text.to_owned()));
            }
            let words = choices.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            Err((
                Wrong::new("not one of the words known here", format!("one of {words}")),
                "one of the known words".to_owned(),
            ))
        }
        Shape::Section(_) | Shape::Map(_) | Shape::List { .. } => unreachable!("`value` takes these before"),
    }
}
