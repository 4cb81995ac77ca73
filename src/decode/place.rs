//! A message as the plain reader understood it → the buffers: for the few that the loop finds odd.

use super::columns::{Columns, Plain};
use super::json::{Json, any_parts};
use super::program::{Branch, Node};
use super::raw::{RawReason, RawReasons};
use super::time;
use super::value::{Key, Message, Slot, Value};
use super::wire::default_value;
use crate::schema::{Source, Types};

/// Writes one message's columns.
pub struct Placing<'a> {
    pub types: &'a Types,
    pub columns: &'a mut Columns,
    pub raw: &'a mut RawReasons,
    /// Bytes of JSON made.
    pub json: usize,
}

impl Placing<'_> {
    pub fn message(&mut self, branches: &[Branch], message: &Message<'_>, row: usize) -> Plain<()> {
        for branch in branches.iter().filter(|branch| !branch.twin) {
            match (branch.source, &branch.node) {
                (Source::Case(_), Node::Case(column, members)) => {
                    let member = members.iter().position(|(field, _)| message.slot(*field).is_some());
                    if let Some(member) = member {
                        self.columns.ints[*column].set(row, member as i32)?;
                    }
                }
                (Source::Field(field), node) => {
                    if let Some(slot) = message.slot(field) {
                        self.slot(node, slot, row)?;
                    }
                }
                (Source::Case(_), _) => unreachable!("a oneof's column is its case"),
            }
        }
        Ok(())
    }

    fn slot(&mut self, node: &Node, slot: &Slot<'_>, row: usize) -> Plain<()> {
        match (node, slot) {
            (Node::List { list, element }, Slot::Many(values)) => values.iter().try_for_each(|value| {
                let row = self.columns.lists[*list].add(row);
                self.value(element, value, row)
            }),
            (Node::Map { list, key, value }, Slot::Map(map)) => {
                map.entries.iter().try_for_each(|(the_key, the_value)| {
                    let row = self.columns.lists[*list].add(row);
                    self.value(key, &value_of(the_key), row)?;
                    self.value(value, the_value, row)
                })
            }
            (node, Slot::One(value)) => self.value(node, value, row),
            _ => unreachable!("the columns were compiled for the reader's types"),
        }
    }

    fn value(&mut self, node: &Node, value: &Value<'_>, row: usize) -> Plain<()> {
        let columns = &mut *self.columns;
        match (node, value) {
            (Node::Bool(at), Value::Bool(value)) => columns.flags[*at].set(row, *value),
            (Node::Int32(at), Value::Int32(value)) => columns.ints[*at].set(row, *value),
            (Node::Int32(at) | Node::Enum(at, _), Value::Enum(number)) => columns.ints[*at].set(row, *number),
            (Node::Int64(at), Value::Int64(value)) => columns.longs[*at].set(row, *value),
            (Node::Int64(at), Value::Uint32(value)) => columns.longs[*at].set(row, i64::from(*value)),
            (Node::Int64(at), Value::Uint64(value)) => self.long_or_null(*at, i64::try_from(*value).ok(), row),
            (Node::Uint64(at) | Node::UintText(at), Value::Uint64(value)) => columns.ulongs[*at].set(row, *value),
            (Node::Float(at), Value::Float(value)) => columns.floats[*at].set(row, *value),
            (Node::Double(at), Value::Double(value)) => columns.doubles[*at].set(row, *value),
            (Node::Text(at), Value::Text(text)) => columns.texts[*at].set_value(row, text.as_bytes()),
            (Node::Bytes(at), Value::Bytes(bytes)) => columns.texts[*at].set_value(row, bytes),
            (Node::Micros(at), Value::Message(message)) => {
                self.long_or_null(*at, time::micros(time::parts(message)), row)
            }
            (Node::Duration(at), Value::Message(message)) => {
                self.long_or_null(*at, time::nanos(time::parts(message)), row)
            }
            (Node::Wrapper(inner, kind), Value::Message(message)) => match message.one(0) {
                Some(value) => self.value(inner, value, row),
                None => self.value(inner, &default_value(*kind, 0), row),
            },
            (Node::Json(at, id), Value::Message(message)) => {
                let mut json = Json::new(self.types);
                columns.texts[*at].set_value(row, json.text(*id, message).as_bytes())?;
                self.json += json.spent();
                Ok(())
            }
            (Node::Present(at), Value::Message(_)) => columns.marks[*at].set(row),
            (Node::Mask { paths, text }, Value::Message(mask)) => {
                columns.lists[*paths].open(row);
                mask.many(0).iter().try_for_each(|path| {
                    let row = self.columns.lists[*paths].add(row);
                    self.value(&Node::Text(*text), path, row)
                })
            }
            (Node::Any { presence, url, value, json }, Value::Message(any)) => {
                let (type_url, content) = any_parts(any);
                columns.marks[*presence].set(row)?;
                columns.texts[*url].set_value(row, type_url.as_bytes())?;
                columns.texts[*value].set_value(row, content)?;
                let mut text = Json::new(self.types);
                if let Some(text) = text.any_text(type_url, content) {
                    columns.texts[*json].set_value(row, text.as_bytes())?;
                }
                self.json += text.spent();
                Ok(())
            }
            (Node::Struct { presence, columns: branches }, Value::Message(message)) => {
                columns.marks[*presence].set(row)?;
                self.message(branches, message, row)
            }
            _ => unreachable!("the columns were compiled for the reader's types"),
        }
    }

    /// A value beyond its column is null; in lists and maps it was refused before.
    fn long_or_null(&mut self, column: usize, value: Option<i64>, row: usize) -> Plain<()> {
        match value {
            Some(value) => self.columns.longs[column].set(row, value),
            None => {
                self.raw.add(RawReason::Range);
                self.columns.longs[column].set_null(row)
            }
        }
    }
}

fn value_of<'a>(key: &Key<'a>) -> Value<'a> {
    match key {
        Key::Bool(key) => Value::Bool(*key),
        Key::Int32(key) => Value::Int32(*key),
        Key::Int64(key) => Value::Int64(*key),
        Key::Uint32(key) => Value::Uint32(*key),
        Key::Uint64(key) => Value::Uint64(*key),
        Key::Text(key) => Value::Text(key.clone()),
    }
}
