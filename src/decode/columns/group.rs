//! What has parts of its own, and needs no writer of elements for them: structs, field masks, Any.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer, OffsetBufferBuilder};
use arrow_schema::{Field, Fields};

use super::ColumnsWriter;
use crate::decode::json::{Json, any_parts};
use crate::decode::value::{Message, Value};
use crate::schema::any_fields;

pub struct StructWriter {
    columns: ColumnsWriter,
    fields: Fields,
    validity: NullBufferBuilder,
}

impl StructWriter {
    pub fn new(columns: ColumnsWriter, fields: Fields) -> StructWriter {
        StructWriter { columns, fields, validity: NullBufferBuilder::new(0) }
    }

    pub fn append(&mut self, json: &mut Json<'_>, message: &Message<'_>) {
        self.columns.append(json, message);
        self.validity.append_non_null();
    }

    pub fn append_null(&mut self) {
        self.columns.append_null();
        self.validity.append_null();
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(StructArray::new(self.fields.clone(), self.columns.finish(), self.validity.finish()))
    }
}

/// A FieldMask: the list of its paths.
#[derive(Default)]
pub struct MaskWriter {
    paths: StringBuilder,
    offsets: Offsets,
}

impl MaskWriter {
    pub fn append(&mut self, mask: &Message<'_>) {
        let paths = mask.many(0);
        for path in paths {
            if let Value::Text(path) = path {
                self.paths.append_value(path);
            }
        }
        self.offsets.append(paths.len());
    }

    pub fn append_null(&mut self) {
        self.offsets.append_null();
    }

    pub fn finish(&mut self) -> ArrayRef {
        list_of(Arc::new(self.paths.finish()), &mut self.offsets)
    }
}

/// An Any: its two fields, and its content as JSON where the layout knows the type.
pub struct AnyWriter {
    urls: StringBuilder,
    values: BinaryBuilder,
    texts: StringBuilder,
    validity: NullBufferBuilder,
}

impl Default for AnyWriter {
    fn default() -> AnyWriter {
        AnyWriter {
            urls: StringBuilder::new(),
            values: BinaryBuilder::new(),
            texts: StringBuilder::new(),
            validity: NullBufferBuilder::new(0),
        }
    }
}

impl AnyWriter {
    pub fn append(&mut self, json: &mut Json<'_>, any: &Message<'_>) {
        let (url, value) = any_parts(any);
        self.urls.append_value(url);
        self.values.append_value(value);
        self.texts.append_option(json.any_text(any));
        self.validity.append_non_null();
    }

    pub fn append_null(&mut self) {
        self.urls.append_null();
        self.values.append_null();
        self.texts.append_null();
        self.validity.append_null();
    }

    pub fn finish(&mut self) -> ArrayRef {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(self.urls.finish()), Arc::new(self.values.finish()), Arc::new(self.texts.finish())];
        Arc::new(StructArray::new(any_fields(), columns, self.validity.finish()))
    }
}

/// Where each list ends in the array of all elements.
pub struct Offsets {
    ends: OffsetBufferBuilder<i32>,
    validity: NullBufferBuilder,
}

impl Default for Offsets {
    fn default() -> Offsets {
        Offsets { ends: OffsetBufferBuilder::new(0), validity: NullBufferBuilder::new(0) }
    }
}

impl Offsets {
    pub fn append(&mut self, length: usize) {
        self.ends.push_length(length);
        self.validity.append_non_null();
    }

    pub fn append_null(&mut self) {
        self.ends.push_length(0);
        self.validity.append_null();
    }

    pub fn finish(&mut self) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        let ends = std::mem::replace(&mut self.ends, OffsetBufferBuilder::new(0));
        (ends.finish(), self.validity.finish())
    }
}

pub fn list_of(elements: ArrayRef, offsets: &mut Offsets) -> ArrayRef {
    let field = Arc::new(Field::new("element", elements.data_type().clone(), false));
    let (offsets, validity) = offsets.finish();
    Arc::new(ListArray::new(field, offsets, elements, validity))
}
