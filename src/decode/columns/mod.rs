//! Messages → Arrow arrays, column by column, as the layout's tree says.

mod element;
mod group;
mod nested;

use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;

use self::element::ElementWriter;
use self::nested::{ListWriter, MapWriter};
use super::json::Json;
use super::value::{Message, Slot, Value};
use super::wire::default_value;
use crate::schema::{Column, MessageId, Presence, Shape, Source, Types};

/// Grows the columns of one message type, a row (or struct element) at a time.
pub struct ColumnsWriter {
    columns: Vec<ColumnWriter>,
}

struct ColumnWriter {
    source: Source,
    values: Values,
    /// What an unset field of implicit presence means.
    default: Option<Value<'static>>,
}

// A writer lives as long as an object is made, and there is one a column: a box would buy nothing.
#[allow(clippy::large_enum_variant)]
enum Values {
    One(ElementWriter),
    List(ListWriter),
    Map(MapWriter),
    Case { members: BTreeMap<usize, String>, names: StringDictionaryBuilder<Int32Type> },
}

impl ColumnsWriter {
    pub fn new(types: &Types, id: MessageId, columns: &[Column]) -> ColumnsWriter {
        ColumnsWriter { columns: columns.iter().map(|column| ColumnWriter::new(types, id, column)).collect() }
    }

    pub fn append(&mut self, json: &mut Json<'_>, message: &Message<'_>) {
        self.columns.iter_mut().for_each(|column| column.append(json, message));
    }

    /// Appends a place where no message stands: a tombstone, an unset parent.
    pub fn append_null(&mut self) {
        self.columns.iter_mut().for_each(|column| column.append_null());
    }

    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.columns.iter_mut().map(|column| column.finish()).collect()
    }
}

impl ColumnWriter {
    fn new(types: &Types, id: MessageId, column: &Column) -> ColumnWriter {
        let field = match column.source {
            Source::Field(at) => Some(&types.message(id).fields[at]),
            Source::Case(_) => None,
        };
        let (values, default) = match (&column.shape, field) {
            (Shape::One(element), Some(field)) => {
                let implicit = field.presence == Presence::Implicit;
                let default = implicit.then(|| default_value(field.kind, 0));
                (Values::One(ElementWriter::new(types, field.kind, element)), default)
            }
            (Shape::List(element), Some(field)) => {
                (Values::List(ListWriter::new(ElementWriter::new(types, field.kind, element))), None)
            }
            (Shape::Map { key, value }, Some(field)) => {
                let (key_field, value_field) = types.entry(field);
                let keys = ElementWriter::new(types, key_field.kind, key);
                (Values::Map(MapWriter::new(keys, ElementWriter::new(types, value_field.kind, value))), None)
            }
            (Shape::Case(members), _) => {
                (Values::Case { members: members.clone(), names: StringDictionaryBuilder::new() }, None)
            }
            (_, None) => unreachable!("only a case column has no field"),
        };
        ColumnWriter { source: column.source, values, default }
    }

    fn append(&mut self, json: &mut Json<'_>, message: &Message<'_>) {
        let slot = match self.source {
            Source::Field(at) => message.slot(at),
            Source::Case(_) => None,
        };
        match (&mut self.values, slot) {
            (Values::One(one), Some(Slot::One(value))) => one.append(json, value),
            (Values::One(one), _) => match &self.default {
                Some(default) => one.append(json, default),
                None => one.append_null(),
            },
            (Values::List(list), Some(Slot::Many(values))) => list.append(json, values),
            (Values::List(list), _) => list.append(json, &[]),
            (Values::Map(map), Some(Slot::Map(slot))) => map.append(json, &slot.entries),
            (Values::Map(map), _) => map.append(json, &[]),
            (Values::Case { members, names }, _) => {
                match message.slots().find_map(|(at, _)| members.get(&at)) {
                    Some(name) => names.append_value(name),
                    None => names.append_null(),
                };
            }
        }
    }

    fn append_null(&mut self) {
        match &mut self.values {
            Values::One(one) => one.append_null(),
            Values::List(list) => list.append_null(),
            Values::Map(map) => map.append_null(),
            Values::Case { names, .. } => names.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::One(one) => one.finish(),
            Values::List(list) => list.finish(),
            Values::Map(map) => map.finish(),
            Values::Case { names, .. } => std::sync::Arc::new(names.finish()),
        }
    }
}
