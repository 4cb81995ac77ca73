//! Message types as a graph whose edges are indices, so that recursive types need no special care.

use std::collections::HashMap;

use super::error::SchemaError;
use super::features::{Presence, Utf8};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub(super) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnumId(pub(super) usize);

/// The declared type of a field. Signed, zigzag and fixed forms differ on the wire only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Double,
    Float,
    Int64,
    Uint64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    Bytes,
    Uint32,
    Enum(EnumId),
    Sfixed32,
    Sfixed64,
    Sint32,
    Sint64,
    /// Behind a length.
    Message(MessageId),
    /// Between group tags.
    Delimited(MessageId),
}

impl Kind {
    pub fn message(self) -> Option<MessageId> {
        match self {
            Kind::Message(id) | Kind::Delimited(id) => Some(id),
            _ => None,
        }
    }

    /// Whether values can stand one after the other without a tag each.
    pub(super) fn is_packable(self) -> bool {
        !matches!(self, Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Delimited(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    One,
    Many,
    /// The field's kind is the entry message, whose fields are the key (0) and the value (1).
    Map,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    /// What stands for the field in JSON: the name, or `[full.name]` of an extension.
    pub key: String,
    pub number: u32,
    pub kind: Kind,
    pub arity: Arity,
    pub presence: Presence,
    pub utf8: Utf8,
    /// Whether the values of a repeated field are written behind one length; both forms are read.
    pub packed: bool,
    /// Index in the message's oneofs.
    pub oneof: Option<usize>,
    /// As declared, in descriptor.proto's text form.
    pub default: Option<String>,
}

/// A type of `google.protobuf` whose fields are the published ones; a namesake with other fields is an ordinary message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WellKnown {
    Timestamp,
    Duration,
    FieldMask,
    Any,
    Struct,
    Value,
    ListValue,
    /// `DoubleValue` and its siblings: one field, `value`.
    Wrapper,
}

#[derive(Clone, Debug)]
pub struct MessageType {
    pub name: String,
    /// As declared; requested extensions follow.
    pub fields: Vec<Field>,
    /// Names; the one-member oneofs behind proto3 `optional` are left out.
    pub oneofs: Vec<String>,
    pub known: Option<WellKnown>,
    /// Whether a required field stands in this type or below it.
    pub guarded: bool,
    pub(super) by_number: HashMap<u32, usize>,
    /// Indices of `fields` in the order of their numbers.
    pub in_number_order: Vec<usize>,
}

impl MessageType {
    /// Returns the index of the field with that number.
    pub fn field_index(&self, number: u32) -> Option<usize> {
        self.by_number.get(&number).copied()
    }

    /// Whether the type's JSON is a value of its own kind, which an Any's JSON wraps in `value`.
    pub fn is_special_in_any(&self) -> bool {
        // Empty has no columns of its own kind, yet its JSON is wrapped, too.
        self.known.is_some() || self.name == "google.protobuf.Empty"
    }

    pub fn field_named(&self, name: &str) -> Option<(usize, &Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }
}

#[derive(Clone, Debug)]
pub struct EnumType {
    pub name: String,
    /// The first declared name of each number.
    pub(super) names: HashMap<i32, String>,
    /// The numbers of these names.
    pub(super) numbers: HashMap<String, i32>,
}

impl EnumType {
    pub fn name_of(&self, number: i32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }

    /// Whether its values are JSON's null.
    pub fn is_null_value(&self) -> bool {
        self.name == "google.protobuf.NullValue"
    }

    /// Returns the number whose first declared name that is.
    pub fn number_of(&self, name: &str) -> Option<i32> {
        self.numbers.get(name).copied()
    }
}

/// All types of a descriptor set.
#[derive(Clone, Debug, Default)]
pub struct Types {
    pub(super) messages: Vec<MessageType>,
    pub(super) enums: Vec<EnumType>,
    pub(super) by_name: HashMap<String, MessageId>,
}

impl Types {
    pub fn message(&self, id: MessageId) -> &MessageType {
        &self.messages[id.0 as usize]
    }

    pub fn enumeration(&self, id: EnumId) -> &EnumType {
        &self.enums[id.0]
    }

    /// Finds a message type by its full name.
    pub fn find(&self, name: &str) -> Option<MessageId> {
        self.by_name.get(name).copied()
    }

    /// Returns key and value of a map field's entry.
    pub fn entry(&self, field: &Field) -> (&Field, &Field) {
        let entry = self.message(field.kind.message().expect("a map field's kind is its entry message"));
        (&entry.fields[0], &entry.fields[1])
    }

    /// Marks the types from which a required field can be reached: to a fixed point, since types may be recursive.
    pub(super) fn mark_guarded(&mut self) {
        loop {
            let grown: Vec<usize> = (0..self.messages.len())
                .filter(|&at| !self.messages[at].guarded && self.needs_guard(&self.messages[at]))
                .collect();
            if grown.is_empty() {
                return;
            }
            grown.into_iter().for_each(|at| self.messages[at].guarded = true);
        }
    }

    fn needs_guard(&self, message: &MessageType) -> bool {
        message.fields.iter().any(|field| {
            field.presence == Presence::Required || field.kind.message().is_some_and(|id| self.message(id).guarded)
        })
    }
}

/// Checks that a set's fields are numbered as a protobuf compiler allows.
pub(super) fn checked_number(file: &str, name: &str, number: i32) -> Result<u32, SchemaError> {
    match u32::try_from(number) {
        Ok(number @ 1..0x2000_0000) => Ok(number),
        _ => Err(SchemaError::Malformed { file: file.to_owned(), cause: format!("{name} has number {number}") }),
    }
}
