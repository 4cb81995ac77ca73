//! protobuf's JSON, for what a column cannot hold: written straight to text, with proto field names, unset fields left out.
//!
//! A part that has no text (NaN in a Value, a Timestamp out of range, the undecodable content of an Any) is `null` and counted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::check;
use super::time;
use super::value::{Key, Message, Slot, Value};
use super::wire::{MOST_NESTED, Reader, default_value};
use crate::schema::{Arity, Field, Kind, MessageId, Presence, Types, WellKnown};

/// How much text the JSON parts of one record may take: enum names and escapes can make a payload sixty times longer.
const MOST_TEXT: usize = 512 << 20;

/// Writes the JSON parts of one record.
pub struct Json<'t> {
    types: &'t Types,
    out: Vec<u8>,
    /// What the record's earlier parts took.
    spent: usize,
    pub nulled: u64,
}

impl<'t> Json<'t> {
    pub fn new(types: &'t Types) -> Json<'t> {
        Json { types, out: Vec::new(), spent: 0, nulled: 0 }
    }

    /// Returns how many bytes of text were made.
    pub fn spent(&self) -> usize {
        self.spent
    }

    /// Returns the text of a message.
    pub fn text(&mut self, id: MessageId, message: &Message<'_>) -> &str {
        self.out.clear();
        self.message(id, message, 0);
        if self.is_full() {
            self.out.clear();
            self.null();
        }
        self.spent += self.out.len();
        std::str::from_utf8(&self.out).expect("only UTF-8 is written")
    }

    /// Returns the text of an Any's content without its `@type`; nothing where its type is unknown or its bytes are none of
    /// that type.
    pub fn any_text(&mut self, url: &str, bytes: &[u8]) -> Option<&str> {
        let id = self.type_of(url)?;
        let Some(content) = self.content(id, bytes, 0) else {
            self.nulled += 1;
            return None;
        };
        Some(self.text(id, &content))
    }

    fn message(&mut self, id: MessageId, message: &Message<'_>, depth: usize) {
        match self.types.message(id).known {
            Some(WellKnown::Timestamp) => self.text_or_null(time::timestamp_text(message)),
            Some(WellKnown::Duration) => self.text_or_null(time::duration_text(message)),
            Some(WellKnown::FieldMask) => self.text_or_null(mask_text(message)),
            Some(WellKnown::Wrapper) => {
                let field = &self.types.message(id).fields[0];
                match message.one(0) {
                    Some(value) => self.value(field.kind, value, depth),
                    None => self.value(field.kind, &default_value(field.kind, 0), depth),
                }
            }
            Some(WellKnown::Any) => self.any(message, depth),
            Some(WellKnown::Struct) => self.fields_value(id, message, depth),
            Some(WellKnown::ListValue) => {
                let field = &self.types.message(id).fields[0];
                self.array(field.kind, message.many(0), depth);
            }
            Some(WellKnown::Value) => self.dynamic(id, message, depth),
            None => {
                self.out.push(b'{');
                self.members(id, message, depth, true);
                self.out.push(b'}');
            }
        }
    }

    /// Writes the set fields of a message, by number, and says whether the next member is still the first.
    fn members(&mut self, id: MessageId, message: &Message<'_>, depth: usize, mut first: bool) -> bool {
        let types = self.types;
        let of = types.message(id);
        for at in &of.in_number_order {
            let (field, slot) = (&of.fields[*at], message.slot(*at));
            let Some(slot) = slot.filter(|slot| speaks(field, slot)) else { continue };
            if self.is_full() {
                break;
            }
            self.separate(&mut first);
            self.string(&field.key);
            self.out.push(b':');
            match slot {
                Slot::One(value) => self.value(field.kind, value, depth),
                Slot::Many(values) => self.array(field.kind, values, depth),
                Slot::Map(map) => self.object(types.entry(field).1.kind, &map.entries, depth),
            }
        }
        first
    }

    fn array(&mut self, kind: Kind, values: &[Value<'_>], depth: usize) {
        self.out.push(b'[');
        let mut first = true;
        for value in values {
            if self.is_full() {
                break;
            }
            self.separate(&mut first);
            self.value(kind, value, depth);
        }
        self.out.push(b']');
    }

    fn object(&mut self, kind: Kind, entries: &[(Key<'_>, Value<'_>)], depth: usize) {
        self.out.push(b'{');
        let mut first = true;
        for (key, value) in entries {
            if self.is_full() {
                break;
            }
            self.separate(&mut first);
            match key {
                Key::Text(key) => self.string(key),
                Key::Bool(key) => self.string(&key.to_string()),
                Key::Int32(key) => self.string(&key.to_string()),
                Key::Int64(key) => self.string(&key.to_string()),
                Key::Uint32(key) => self.string(&key.to_string()),
                Key::Uint64(key) => self.string(&key.to_string()),
            }
            self.out.push(b':');
            self.value(kind, value, depth);
        }
        self.out.push(b'}');
    }

    fn value(&mut self, kind: Kind, value: &Value<'_>, depth: usize) {
        match value {
            Value::Bool(value) => self.plain(if *value { "true" } else { "false" }),
            Value::Int32(value) => self.plain(&value.to_string()),
            Value::Uint32(value) => self.plain(&value.to_string()),
            // A JSON number holds 53 bits in most readers.
            Value::Int64(value) => self.string(&value.to_string()),
            Value::Uint64(value) => self.string(&value.to_string()),
            Value::Float(value) if value.is_finite() => self.number(value),
            Value::Double(value) if value.is_finite() => self.number(value),
            Value::Float(value) => self.string(no_number(f64::from(*value))),
            Value::Double(value) => self.string(no_number(*value)),
            Value::Text(text) => self.string(text),
            Value::Bytes(bytes) => self.string(&STANDARD.encode(bytes)),
            Value::Enum(number) => self.enumeration(kind, *number),
            Value::Message(message) => match kind.message() {
                Some(id) => self.message(id, message, depth + 1),
                None => self.null(),
            },
        }
    }

    fn enumeration(&mut self, kind: Kind, number: i32) {
        let Kind::Enum(id) = kind else { return self.plain(&number.to_string()) };
        let types = self.types;
        let of = types.enumeration(id);
        if of.is_null_value() {
            return self.null();
        }
        match of.name_of(number) {
            Some(name) => self.string(name),
            None => self.plain(&number.to_string()),
        }
    }

    /// A Struct: its map alone.
    fn fields_value(&mut self, id: MessageId, message: &Message<'_>, depth: usize) {
        let field = &self.types.message(id).fields[0];
        self.object(self.types.entry(field).1.kind, message.entries(0), depth);
    }

    /// A Value: whichever member is set. Unset and not finite numbers have no text.
    fn dynamic(&mut self, id: MessageId, message: &Message<'_>, depth: usize) {
        let types = self.types;
        match message.slots().next() {
            Some((at, Slot::One(value))) => match value {
                Value::Double(number) if !number.is_finite() => self.no_text(),
                value => self.value(types.message(id).fields[at].kind, value, depth),
            },
            _ => self.no_text(),
        }
    }

    fn any(&mut self, any: &Message<'_>, depth: usize) {
        let (url, bytes) = any_parts(any);
        if url.is_empty() && bytes.is_empty() {
            return self.plain("{}");
        }
        let known = self.type_of(url);
        let content = known.map(|id| (id, self.content(id, bytes, depth)));
        if let Some((_, None)) = content {
            return self.no_text();
        }
        self.plain("{\"@type\":");
        self.string(url);
        match content {
            Some((id, Some(content))) if self.types.message(id).is_special_in_any() => {
                self.plain(",\"value\":");
                self.message(id, &content, depth + 1);
            }
            Some((id, Some(content))) => {
                self.members(id, &content, depth + 1, false);
            }
            _ => {
                self.plain(",\"value\":");
                self.string(&STANDARD.encode(bytes));
            }
        }
        self.out.push(b'}');
    }

    fn type_of(&self, url: &str) -> Option<MessageId> {
        let (_, name) = url.rsplit_once('/')?;
        self.types.find(name)
    }

    /// Reads an Any's bytes. The depth goes on counting, so that Any in Any in Any ends, too.
    fn content<'a>(&self, id: MessageId, bytes: &'a [u8], depth: usize) -> Option<Message<'a>> {
        if depth >= MOST_NESTED {
            return None;
        }
        let message = Reader::new(self.types).read(id, bytes, depth + 1).ok()?;
        check::required(self.types, id, &message).ok()?;
        Some(message)
    }

    fn text_or_null(&mut self, text: Option<String>) {
        match text {
            Some(text) => self.string(&text),
            None => self.no_text(),
        }
    }

    fn no_text(&mut self) {
        self.nulled += 1;
        self.plain("null");
    }

    fn null(&mut self) {
        self.plain("null");
    }

    /// The shortest text that reads back the same, as the standard library writes it: JSON crates change theirs.
    fn number(&mut self, value: &impl std::fmt::Debug) {
        self.plain(&format!("{value:?}"));
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.out, text).expect("a Vec takes all bytes");
    }

    fn plain(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn separate(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
    }

    fn is_full(&self) -> bool {
        self.spent + self.out.len() > MOST_TEXT
    }
}

/// Whether a field that is there has something to say: without presence, its default says nothing.
fn speaks(field: &Field, slot: &Slot<'_>) -> bool {
    match slot {
        Slot::One(Value::Float(value)) if field.presence == Presence::Implicit => value.to_bits() != 0,
        Slot::One(Value::Double(value)) if field.presence == Presence::Implicit => value.to_bits() != 0,
        Slot::One(value) if field.presence == Presence::Implicit => *value != default_value(field.kind, 0),
        Slot::One(_) => true,
        Slot::Many(values) => !values.is_empty(),
        Slot::Map(map) => field.arity == Arity::Map && !map.entries.is_empty(),
    }
}

/// Returns an Any's type URL and bytes.
pub fn any_parts<'m>(any: &'m Message<'_>) -> (&'m str, &'m [u8]) {
    let url = match any.one(0) {
        Some(Value::Text(url)) => url.as_ref(),
        _ => "",
    };
    let bytes = match any.one(1) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => &[][..],
    };
    (url, bytes)
}

fn no_number(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// Returns a FieldMask's paths in lowerCamelCase, joined by commas; nothing where a path would not come back the same.
fn mask_text(message: &Message<'_>) -> Option<String> {
    let mut text = String::new();
    for (at, path) in message.many(0).iter().enumerate() {
        let Value::Text(path) = path else { return None };
        if at > 0 {
            text.push(',');
        }
        push_camel(&mut text, path)?;
    }
    Some(text)
}

fn push_camel(text: &mut String, path: &str) -> Option<()> {
    let mut upper = false;
    for c in path.chars() {
        match c {
            '_' if !upper => upper = true,
            'a'..='z' if upper => {
                text.push(c.to_ascii_uppercase());
                upper = false;
            }
            'a'..='z' | '0'..='9' | '.' if !upper => text.push(c),
            _ => return None,
        }
    }
    (!upper && !path.is_empty()).then_some(())
}
