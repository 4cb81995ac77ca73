//! Lists and maps: offsets around the arrays of their elements.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, MapArray, StructArray};
use arrow_schema::DataType;

use super::element::ElementWriter;
use super::group::{Offsets, list_of};
use crate::decode::json::Json;
use crate::decode::value::{Key, Value};

pub struct ListWriter {
    elements: ElementWriter,
    offsets: Offsets,
}

impl ListWriter {
    pub fn new(elements: ElementWriter) -> ListWriter {
        ListWriter { elements, offsets: Offsets::default() }
    }

    pub fn append(&mut self, json: &mut Json<'_>, values: &[Value<'_>]) {
        values.iter().for_each(|value| self.elements.append(json, value));
        self.offsets.append(values.len());
    }

    pub fn append_null(&mut self) {
        self.offsets.append_null();
    }

    pub fn finish(&mut self) -> ArrayRef {
        list_of(self.elements.finish(), &mut self.offsets)
    }
}

pub struct MapWriter {
    keys: ElementWriter,
    values: ElementWriter,
    offsets: Offsets,
}

impl MapWriter {
    pub fn new(keys: ElementWriter, values: ElementWriter) -> MapWriter {
        MapWriter { keys, values, offsets: Offsets::default() }
    }

    pub fn append(&mut self, json: &mut Json<'_>, entries: &[(Key<'_>, Value<'_>)]) {
        for (key, value) in entries {
            self.keys.append_key(key);
            self.values.append(json, value);
        }
        self.offsets.append(entries.len());
    }

    pub fn append_null(&mut self) {
        self.offsets.append_null();
    }

    pub fn finish(&mut self) -> ArrayRef {
        let (keys, values) = (self.keys.finish(), self.values.finish());
        let DataType::Map(entry, sorted) = crate::schema::map(keys.data_type().clone(), values.data_type().clone())
        else {
            unreachable!("`map` makes maps")
        };
        let DataType::Struct(fields) = entry.data_type().clone() else { unreachable!("a map's entry is a struct") };
        let entries = StructArray::new(fields, vec![keys, values], None);
        let (offsets, validity) = self.offsets.finish();
        Arc::new(MapArray::new(entry, offsets, entries, validity, sorted))
    }
}
