//! A payload as a tree, as protobuf understands it: merged, last one wins, map keys once.

use std::borrow::Cow;
use std::collections::HashMap;

/// One value. Strings and bytes borrow from the payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Uint32(u32),
    Uint64(u64),
    Float(f32),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    Enum(i32),
    Message(Message<'a>),
}

impl<'a> Value<'a> {
    pub fn message(&self) -> Option<&Message<'a>> {
        match self {
            Value::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// What a field holds. A field without a slot is unset.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot<'a> {
    One(Value<'a>),
    Many(Vec<Value<'a>>),
    Map(MapSlot<'a>),
}

/// A map key; floats and bytes cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Uint32(u32),
    Uint64(u64),
    Text(Cow<'a, str>),
}

/// Entries in the order of their first appearance; the index keeps a hostile map from costing the square of its size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapSlot<'a> {
    pub entries: Vec<(Key<'a>, Value<'a>)>,
    index: HashMap<Key<'a>, usize>,
}

impl<'a> MapSlot<'a> {
    /// A key that comes twice keeps the place of the first and takes the value of the last.
    pub fn insert(&mut self, key: Key<'a>, value: Value<'a>) {
        match self.index.get(&key) {
            Some(at) => self.entries[*at].1 = value,
            None => {
                self.index.insert(key.clone(), self.entries.len());
                self.entries.push((key, value));
            }
        }
    }
}

/// The set fields of a message, by index of the field in its type. Only what was on the wire takes memory, so that many empty
/// messages of a wide type cost little.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message<'a> {
    /// Where the message's content began first, in the payload.
    pub position: usize,
    slots: Vec<(usize, Slot<'a>)>,
}

impl<'a> Message<'a> {
    pub fn new(position: usize) -> Message<'a> {
        Message { position, slots: Vec::new() }
    }

    pub fn slot(&self, field: usize) -> Option<&Slot<'a>> {
        self.place(field).ok().map(|at| &self.slots[at].1)
    }

    pub fn one(&self, field: usize) -> Option<&Value<'a>> {
        match self.slot(field)? {
            Slot::One(value) => Some(value),
            Slot::Many(_) | Slot::Map(_) => None,
        }
    }

    pub fn many(&self, field: usize) -> &[Value<'a>] {
        match self.slot(field) {
            Some(Slot::Many(values)) => values,
            _ => &[],
        }
    }

    pub fn entries(&self, field: usize) -> &[(Key<'a>, Value<'a>)] {
        match self.slot(field) {
            Some(Slot::Map(map)) => &map.entries,
            _ => &[],
        }
    }

    pub fn slots(&self) -> impl Iterator<Item = (usize, &Slot<'a>)> {
        self.slots.iter().map(|(field, slot)| (*field, slot))
    }

    pub fn set(&mut self, field: usize, value: Value<'a>) {
        let slot = Slot::One(value);
        match self.place(field) {
            Ok(at) => self.slots[at].1 = slot,
            Err(at) => self.slots.insert(at, (field, slot)),
        }
    }

    pub fn clear(&mut self, field: usize) {
        if let Ok(at) = self.place(field) {
            self.slots.remove(at);
        }
    }

    /// Takes a singular message out, to be merged with a later occurrence.
    pub fn take_message(&mut self, field: usize) -> Option<Message<'a>> {
        let at = self.place(field).ok()?;
        match self.slots.remove(at) {
            (_, Slot::One(Value::Message(message))) => Some(message),
            _ => None,
        }
    }

    pub fn list(&mut self, field: usize) -> &mut Vec<Value<'a>> {
        let at = self.made(field, || Slot::Many(Vec::new()));
        match &mut self.slots[at].1 {
            Slot::Many(values) => values,
            _ => unreachable!("a field is a list always or never"),
        }
    }

    pub fn map(&mut self, field: usize) -> &mut MapSlot<'a> {
        let at = self.made(field, || Slot::Map(MapSlot::default()));
        match &mut self.slots[at].1 {
            Slot::Map(map) => map,
            _ => unreachable!("a field is a map always or never"),
        }
    }

    fn made(&mut self, field: usize, slot: impl FnOnce() -> Slot<'a>) -> usize {
        match self.place(field) {
            Ok(at) => at,
            Err(at) => {
                self.slots.insert(at, (field, slot()));
                at
            }
        }
    }

    fn place(&self, field: usize) -> Result<usize, usize> {
        self.slots.binary_search_by_key(&field, |(held, _)| *held)
    }
}
