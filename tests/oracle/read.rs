//! A payload as prost-reflect reads it.
//!
//! What it reads otherwise than the rules say is set right here, and nowhere else:
//!
//! - It takes tags of up to ten bytes; five is the most. It takes a map field for a block whatever its wire type. Both are
//!   checked before it is asked.
//! - It refuses bits beyond 64 in a tenth byte, which are to be dropped: they are, before it is asked.
//! - It refuses text that is not UTF-8 under proto2, where that is to be replaced: its descriptors have `bytes` there
//!   ([`Schema::loose`](super::Schema)). A map's key cannot be bytes: there, nothing is claimed.
//! - It does not ask for required fields.
//! - It counts unknown fields as a level of nesting: near the limit, nothing is claimed of values.
//! - Its maps have no order: entries are read one by one.

use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage, Value};

use super::fields::{Field, field, fields};
use super::schema::Schema;
use super::wire::{self, END, FIXED32, FIXED64, GROUP, LEN, VARINT, split};

/// How deep messages, groups and map entries may nest below the root.
const MOST_NESTED: usize = 100;

/// What prost-reflect says of a payload.
pub enum Reading {
    Refused,
    Accepted(Instance),
    /// One of the cases where the two may differ.
    Unclaimed,
}

/// A message, with the bytes of all its occurrences: protobuf merges by concatenation.
#[derive(Clone, Debug)]
pub struct Instance {
    /// By the descriptors whose types are right.
    pub descriptor: MessageDescriptor,
    message: DynamicMessage,
    bytes: Vec<u8>,
}

pub fn read(schema: &Schema, descriptor: &MessageDescriptor, payload: &[u8]) -> Reading {
    let mut bytes = payload.to_vec();
    let end = bytes.len();
    if tidy(&mut bytes, 0, end, Some(descriptor), None, 0).is_none() {
        return Reading::Refused;
    }
    match DynamicMessage::decode(schema.loosened(descriptor), bytes.as_slice()) {
        Ok(message) => {
            let instance = Instance { descriptor: descriptor.clone(), message, bytes };
            if instance.lacks_required(schema) { Reading::Refused } else { Reading::Accepted(instance) }
        }
        Err(error) if error.to_string().contains("recursion limit") => Reading::Unclaimed,
        Err(error) if error.to_string().contains("UTF-8") && schema.has_loose_keys() => Reading::Unclaimed,
        Err(_) => Reading::Refused,
    }
}

impl Instance {
    pub fn has(&self, field: &Field) -> bool {
        match &field.extension {
            Some(_) => self.message.extensions().any(|(extension, _)| extension.number() == field.number),
            None => self.message.has_field_by_number(field.number),
        }
    }

    /// Returns a field's value or default.
    pub fn value(&self, field: &Field) -> Value {
        match &field.extension {
            Some(_) => {
                let extension = self.message.descriptor().get_extension(field.number).expect("an extension of both");
                self.message.get_extension(&extension).into_owned()
            }
            None => self.message.get_field_by_number(field.number).expect("a field of both").into_owned(),
        }
    }

    /// Returns a field's value where it is set, or means its default.
    pub fn stated(&self, field: &Field) -> Option<Value> {
        (self.has(field) || !field.presence).then(|| self.value(field))
    }

    /// Returns the number of the member of a oneof that is set.
    pub fn member(&self, oneof: &prost_reflect::OneofDescriptor) -> Option<u32> {
        oneof.fields().map(|member| member.number()).find(|number| self.message.has_field_by_number(*number))
    }

    pub fn number(&self, number: u32) -> Value {
        self.value(&field(&self.descriptor, number).expect("a field of the message"))
    }

    /// Returns the message in a singular field that is set.
    pub fn child(&self, schema: &Schema, of: &Field) -> Option<Instance> {
        self.has(of).then(|| {
            let rivals: Vec<u32> = of.oneof.iter().flat_map(|oneof| oneof.fields()).map(|f| f.number()).collect();
            let mut bytes = Vec::new();
            for (number, content) in split(&self.bytes) {
                if number == of.number {
                    bytes.extend_from_slice(content);
                } else if rivals.contains(&number) {
                    bytes.clear();
                }
            }
            again(schema, of, bytes)
        })
    }

    /// Returns an empty message of a field that is not set.
    pub fn absent(&self, schema: &Schema, of: &Field) -> Instance {
        again(schema, of, Vec::new())
    }

    /// Returns the messages of a list.
    pub fn children(&self, schema: &Schema, of: &Field) -> Vec<Instance> {
        self.occurrences(of).map(|content| again(schema, of, content.to_vec())).collect()
    }

    /// Returns a map's entries: the place of a key's first, with the last.
    pub fn entries(&self, schema: &Schema, of: &Field) -> Vec<Instance> {
        let mut entries: Vec<Instance> = Vec::new();
        for content in self.occurrences(of) {
            let entry = again(schema, of, content.to_vec());
            match entries.iter_mut().find(|held| held.number(1) == entry.number(1)) {
                Some(held) => *held = entry,
                None => entries.push(entry),
            }
        }
        entries
    }

    fn occurrences(&self, of: &Field) -> impl Iterator<Item = &[u8]> {
        let number = of.number;
        split(&self.bytes).into_iter().filter(move |(found, _)| *found == number).map(|(_, content)| content)
    }

    fn lacks_required(&self, schema: &Schema) -> bool {
        fields(&self.descriptor).iter().any(|field| {
            if field.required && !self.has(field) {
                return true;
            }
            let below = |instances: Vec<Instance>| instances.iter().any(|instance| instance.lacks_required(schema));
            match field.message() {
                None => false,
                // A value that is missing is an empty message.
                Some(entry) if field.map => fields(&entry)[1].message().is_some_and(|_| {
                    let values = self.entries(schema, field).into_iter().map(|entry| {
                        let value = &fields(&entry.descriptor)[1];
                        entry.child(schema, value).unwrap_or_else(|| entry.absent(schema, value))
                    });
                    below(values.collect())
                }),
                Some(_) if field.list => below(self.children(schema, field)),
                Some(_) => below(self.child(schema, field).into_iter().collect()),
            }
        })
    }
}

/// Reads a part of what was read before.
fn again(schema: &Schema, of: &Field, bytes: Vec<u8>) -> Instance {
    let descriptor = of.message().expect("a message's field");
    let message = DynamicMessage::decode(schema.loosened(&descriptor), bytes.as_slice());
    Instance { descriptor, message: message.expect("what was accepted as a part"), bytes }
}

/// Checks what prost-reflect does not, in `bytes[at..end]`, and drops bits beyond 64. Returns where it ends.
fn tidy(
    bytes: &mut [u8],
    mut at: usize,
    end: usize,
    descriptor: Option<&MessageDescriptor>,
    group: Option<u32>,
    depth: usize,
) -> Option<usize> {
    if depth > MOST_NESTED {
        return None;
    }
    while at < end {
        let tag_start = at;
        let tag = tidy_varint(bytes, &mut at, end)?;
        let (number, wire) = (u32::try_from(tag).ok()? >> 3, tag as u8 & 7);
        if at - tag_start > 5 || number == 0 {
            return None;
        }
        if wire == END {
            return (group == Some(number)).then_some(at);
        }
        let known = descriptor.and_then(|descriptor| field(descriptor, number));
        let inner = known.as_ref().and_then(Field::message);
        match (&known, wire) {
            (Some(field), LEN) if field.packable() => {
                let block = tidy_length(bytes, &mut at, end)?;
                while at < block {
                    at = tidy_scalar(bytes, at, block, field.wire())?;
                }
            }
            (Some(field), _) if wire != field.wire() => return None,
            (_, GROUP) => at = tidy(bytes, at, end, inner.as_ref(), Some(number), depth + 1)?,
            (_, LEN) => {
                let block = tidy_length(bytes, &mut at, end)?;
                if inner.is_some() {
                    tidy(bytes, at, block, inner.as_ref(), None, depth + 1)?;
                }
                at = block;
            }
            _ => at = tidy_scalar(bytes, at, end, wire)?,
        }
    }
    group.is_none().then_some(at)
}

fn tidy_length(bytes: &mut [u8], at: &mut usize, end: usize) -> Option<usize> {
    let length = usize::try_from(tidy_varint(bytes, at, end)?).ok()?;
    at.checked_add(length).filter(|block| *block <= end)
}

fn tidy_scalar(bytes: &mut [u8], mut at: usize, end: usize, wire: u8) -> Option<usize> {
    let after = match wire {
        VARINT => {
            tidy_varint(bytes, &mut at, end)?;
            at
        }
        FIXED64 => at + 8,
        FIXED32 => at + 4,
        _ => return None,
    };
    (after <= end).then_some(after)
}

fn tidy_varint(bytes: &mut [u8], at: &mut usize, end: usize) -> Option<u64> {
    let length = bytes[*at..end].iter().take(10).position(|byte| *byte < 0x80)? + 1;
    if length == 10 {
        bytes[*at + 9] &= 1;
    }
    Some(wire::read_varint(bytes, at))
}

/// Returns a text, with U+FFFD for what is none, and whether something was.
pub fn text(value: &Value) -> (String, bool) {
    match value {
        Value::String(text) => (text.clone(), false),
        Value::Bytes(bytes) => (String::from_utf8_lossy(bytes).into_owned(), std::str::from_utf8(bytes).is_err()),
        other => panic!("{other:?} is no text"),
    }
}
