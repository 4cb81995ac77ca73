//! One value → one place in an array.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Decimal128Builder, Float32Builder, Float64Builder, Int32Builder, Int64Builder,
    StringBuilder, StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_schema::DataType;

use super::ColumnsWriter;
use super::group::{AnyWriter, MaskWriter, StructWriter};
use crate::decode::json::Json;
use crate::decode::time;
use crate::decode::value::{Key, Value};
use crate::decode::wire::default_value;
use crate::schema::{Element, EnumId, Kind, MessageId, Types, fields};

/// Grows an array of one [`Element`].
pub enum ElementWriter {
    Bool(BooleanBuilder),
    Present(BooleanBuilder),
    Float(Float32Builder),
    Double(Float64Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Uint64(Decimal128Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    EnumName(EnumId, StringDictionaryBuilder<Int32Type>),
    Timestamp(TimestampMicrosecondBuilder),
    Duration(Int64Builder),
    FieldMask(Box<MaskWriter>),
    Any(Box<AnyWriter>),
    Json(MessageId, StringBuilder),
    /// The wrapped scalar, and what an empty wrapper holds.
    Wrapper(Box<ElementWriter>, Value<'static>),
    Struct(Box<StructWriter>),
}

impl ElementWriter {
    pub fn new(types: &Types, kind: Kind, element: &Element) -> ElementWriter {
        match element {
            Element::Bool => ElementWriter::Bool(BooleanBuilder::new()),
            Element::Present => ElementWriter::Present(BooleanBuilder::new()),
            Element::Float => ElementWriter::Float(Float32Builder::new()),
            Element::Double => ElementWriter::Double(Float64Builder::new()),
            Element::Int32 | Element::EnumNumber => ElementWriter::Int32(Int32Builder::new()),
            Element::Int64 | Element::Uint32 | Element::Bigint => ElementWriter::Int64(Int64Builder::new()),
            Element::Uint64 => {
                ElementWriter::Uint64(Decimal128Builder::new().with_data_type(DataType::Decimal128(20, 0)))
            }
            Element::Text | Element::UintText => ElementWriter::Text(StringBuilder::new()),
            Element::Bytes => ElementWriter::Bytes(BinaryBuilder::new()),
            Element::EnumName(id) => ElementWriter::EnumName(*id, StringDictionaryBuilder::new()),
            Element::Timestamp => ElementWriter::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Element::Duration => ElementWriter::Duration(Int64Builder::new()),
            Element::FieldMask => ElementWriter::FieldMask(Box::default()),
            Element::Any => ElementWriter::Any(Box::default()),
            Element::Json(id) => ElementWriter::Json(*id, StringBuilder::new()),
            Element::Wrapper(scalar) => {
                let id = kind.message().expect("a wrapper is a message");
                let inner = types.message(id).fields[0].kind;
                let writer = ElementWriter::new(types, inner, scalar);
                ElementWriter::Wrapper(Box::new(writer), default_value(inner, 0))
            }
            Element::Struct(columns) => {
                let id = kind.message().expect("a struct is a message");
                let inner = ColumnsWriter::new(types, id, columns);
                ElementWriter::Struct(Box::new(StructWriter::new(inner, fields(columns))))
            }
        }
    }

    /// Appends a value. One beyond the column becomes null and is counted; lists and maps were checked before.
    pub fn append(&mut self, json: &mut Json<'_>, value: &Value<'_>) {
        match (self, value) {
            (ElementWriter::Bool(out), Value::Bool(value)) => out.append_value(*value),
            (ElementWriter::Float(out), Value::Float(value)) => out.append_value(*value),
            (ElementWriter::Double(out), Value::Double(value)) => out.append_value(*value),
            (ElementWriter::Int32(out), Value::Int32(value) | Value::Enum(value)) => out.append_value(*value),
            (ElementWriter::Int64(out), Value::Int64(value)) => out.append_value(*value),
            (ElementWriter::Int64(out), Value::Uint32(value)) => out.append_value(i64::from(*value)),
            (ElementWriter::Int64(out), Value::Uint64(value)) => {
                out.append_option(counted(json, i64::try_from(*value).ok()));
            }
            (ElementWriter::Uint64(out), Value::Uint64(value)) => out.append_value(i128::from(*value)),
            (ElementWriter::Text(out), Value::Text(value)) => out.append_value(value),
            (ElementWriter::Text(out), Value::Uint64(value)) => out.append_value(value.to_string()),
            (ElementWriter::Bytes(out), Value::Bytes(value)) => out.append_value(value),
            (ElementWriter::EnumName(id, out), Value::Enum(number)) => {
                match json.types().enumeration(*id).name_of(*number) {
                    Some(name) => out.append_value(name),
                    None => out.append_value(number.to_string()),
                }
            }
            (ElementWriter::Timestamp(out), Value::Message(message)) => {
                out.append_option(counted(json, time::micros(message)));
            }
            (ElementWriter::Duration(out), Value::Message(message)) => {
                out.append_option(counted(json, time::nanos(message)));
            }
            (ElementWriter::Present(out), Value::Message(_)) => out.append_value(true),
            (ElementWriter::FieldMask(out), Value::Message(mask)) => out.append(mask),
            (ElementWriter::Any(out), Value::Message(any)) => out.append(json, any),
            (ElementWriter::Json(id, out), Value::Message(message)) => out.append_value(json.text(*id, message)),
            (ElementWriter::Wrapper(out, empty), Value::Message(message)) => match message.one(0) {
                Some(value) => out.append(json, value),
                None => out.append(json, empty),
            },
            (ElementWriter::Struct(out), Value::Message(message)) => out.append(json, message),
            (_, _) => unreachable!("the reader makes the values that the columns were compiled for"),
        }
    }

    pub fn append_key(&mut self, key: &Key<'_>) {
        match (self, key) {
            (ElementWriter::Bool(out), Key::Bool(key)) => out.append_value(*key),
            (ElementWriter::Int32(out), Key::Int32(key)) => out.append_value(*key),
            (ElementWriter::Int64(out), Key::Int64(key)) => out.append_value(*key),
            (ElementWriter::Int64(out), Key::Uint32(key)) => out.append_value(i64::from(*key)),
            (ElementWriter::Uint64(out), Key::Uint64(key)) => out.append_value(i128::from(*key)),
            (ElementWriter::Text(out), Key::Text(key)) => out.append_value(key),
            (_, _) => unreachable!("the reader makes the keys that the columns were compiled for"),
        }
    }

    pub fn append_null(&mut self) {
        match self {
            ElementWriter::Bool(out) | ElementWriter::Present(out) => out.append_null(),
            ElementWriter::Float(out) => out.append_null(),
            ElementWriter::Double(out) => out.append_null(),
            ElementWriter::Int32(out) => out.append_null(),
            ElementWriter::Int64(out) | ElementWriter::Duration(out) => out.append_null(),
            ElementWriter::Uint64(out) => out.append_null(),
            ElementWriter::Text(out) | ElementWriter::Json(_, out) => out.append_null(),
            ElementWriter::Bytes(out) => out.append_null(),
            ElementWriter::EnumName(_, out) => out.append_null(),
            ElementWriter::Timestamp(out) => out.append_null(),
            ElementWriter::FieldMask(out) => out.append_null(),
            ElementWriter::Any(out) => out.append_null(),
            ElementWriter::Wrapper(out, _) => out.append_null(),
            ElementWriter::Struct(out) => out.append_null(),
        }
    }

    pub fn finish(&mut self) -> ArrayRef {
        match self {
            ElementWriter::Bool(out) | ElementWriter::Present(out) => Arc::new(out.finish()),
            ElementWriter::Float(out) => Arc::new(out.finish()),
            ElementWriter::Double(out) => Arc::new(out.finish()),
            ElementWriter::Int32(out) => Arc::new(out.finish()),
            ElementWriter::Int64(out) | ElementWriter::Duration(out) => Arc::new(out.finish()),
            ElementWriter::Uint64(out) => Arc::new(out.finish()),
            ElementWriter::Text(out) | ElementWriter::Json(_, out) => Arc::new(out.finish()),
            ElementWriter::Bytes(out) => Arc::new(out.finish()),
            ElementWriter::EnumName(_, out) => Arc::new(out.finish()),
            ElementWriter::Timestamp(out) => Arc::new(out.finish()),
            ElementWriter::FieldMask(out) => out.finish(),
            ElementWriter::Any(out) => out.finish(),
            ElementWriter::Wrapper(out, _) => out.finish(),
            ElementWriter::Struct(out) => out.finish(),
        }
    }
}

/// Counts a value that has become null.
fn counted<T>(json: &mut Json<'_>, value: Option<T>) -> Option<T> {
    if value.is_none() {
        json.nulled += 1;
    }
    value
}
