//! THE table: what a protobuf value becomes. Mapping version 1.
//!
//! One rule over all: it must read the same in Athena and Trino, Spark and DuckDB. `docs/mapping.md` is the reader's copy.
//!
//! | protobuf | [`Element`] | Arrow | Parquet |
//! |---|---|---|---|
//! | bool, float, double, string, bytes | `Bool` … `Bytes` | Boolean, Float32, Float64, Utf8, Binary | same, STRING |
//! | int32 sint32 sfixed32 / int64 sint64 sfixed64 | `Int32` / `Int64` | Int32 / Int64 | INT32 / INT64 |
//! | uint32 fixed32 | `Uint32` | Int64 | INT64; a Parquet UINT is read as signed by some |
//! | uint64 fixed64 | `Uint64` | Decimal128(20,0) | FIXED DECIMAL; options `Bigint`, `UintText` |
//! | enum | `EnumName` | dictionary of Utf8 | STRING; options `int`, `both` (`EnumNumber`) |
//! | message | `Struct` | Struct | group |
//! | message without fields | `Present` | Boolean | Parquet has no empty group |
//! | Timestamp | `Timestamp` | Timestamp(µs, UTC) | TIMESTAMP(MICROS); nanoseconds break Spark and Athena |
//! | Duration | `Duration` | Int64 nanoseconds | INT64 |
//! | FieldMask | `FieldMask` | List<Utf8> | LIST |
//! | Any | `Any` | Struct{type_url, value, json} | group |
//! | Struct, Value, ListValue; a type that stands on its own path | `Json` | Utf8 | STRING |
//! | wrappers | `Wrapper` | that of the scalar | |

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use serde::{Deserialize, Serialize};

use super::types::{EnumId, Kind, MessageId};

/// The version of this table, as stamped in layouts and footers.
pub const MAPPING_VERSION: u32 = 1;

/// What one value becomes.
#[derive(Clone, Debug)]
pub enum Element {
    Bool,
    Float,
    Double,
    Int32,
    Int64,
    Uint32,
    Uint64,
    /// uint64 as Int64; a value beyond it is out of range.
    Bigint,
    /// uint64 as decimal text.
    UintText,
    Text,
    Bytes,
    EnumName(EnumId),
    EnumNumber,
    Timestamp,
    Duration,
    FieldMask,
    Any,
    Json(MessageId),
    Present,
    Wrapper(Box<Element>),
    Struct(Vec<Column>),
}

/// Where a column's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Index in the message's fields.
    Field(usize),
    /// Index in the message's oneofs: which member is set.
    Case(usize),
}

#[derive(Clone, Debug)]
pub enum Shape {
    One(Element),
    List(Element),
    Map {
        key: Element,
        value: Element,
    },
    /// The column names of a oneof's members, by field index.
    Case(BTreeMap<usize, String>),
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub source: Source,
    pub shape: Shape,
    /// Proto names from the root; for a case column, the oneof's.
    pub path: Vec<String>,
    /// Field numbers from the root; a case column has only its message's.
    pub numbers: Vec<u32>,
    /// The default the schema declares, which is recorded and never filled in.
    pub default: Option<String>,
}

impl Shape {
    pub fn arrow(&self) -> DataType {
        match self {
            Shape::One(element) => element.arrow(),
            Shape::List(element) => list(element.arrow()),
            Shape::Map { key, value } => map(key.arrow(), value.arrow()),
            Shape::Case(_) => dictionary(DataType::Utf8),
        }
    }
}

/// How the operator wants a field instead of the table's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// uint64 as a signed 64-bit integer, checked.
    Bigint,
    /// uint64 as text.
    String,
    /// An enum as its number.
    Int,
    /// An enum as its name, and as its number in a second column `<name>_number`.
    Both,
}

impl Element {
    /// Returns what a scalar becomes; nothing for messages.
    pub(super) fn scalar(kind: Kind, form: Option<Form>) -> Option<Element> {
        Some(match kind {
            Kind::Bool => Element::Bool,
            Kind::Float => Element::Float,
            Kind::Double => Element::Double,
            Kind::String => Element::Text,
            Kind::Bytes => Element::Bytes,
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Element::Int32,
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Element::Int64,
            Kind::Uint32 | Kind::Fixed32 => Element::Uint32,
            Kind::Uint64 | Kind::Fixed64 => match form {
                Some(Form::Bigint) => Element::Bigint,
                Some(Form::String) => Element::UintText,
                _ => Element::Uint64,
            },
            Kind::Enum(_) if form == Some(Form::Int) => Element::EnumNumber,
            Kind::Enum(id) => Element::EnumName(id),
            Kind::Message(_) | Kind::Delimited(_) => return None,
        })
    }

    pub fn arrow(&self) -> DataType {
        match self {
            Element::Bool | Element::Present => DataType::Boolean,
            Element::Float => DataType::Float32,
            Element::Double => DataType::Float64,
            Element::Int32 | Element::EnumNumber => DataType::Int32,
            Element::Int64 | Element::Uint32 | Element::Bigint | Element::Duration => DataType::Int64,
            Element::Uint64 => DataType::Decimal128(20, 0),
            Element::UintText | Element::Text | Element::Json(_) => DataType::Utf8,
            Element::Bytes => DataType::Binary,
            Element::EnumName(_) => dictionary(DataType::Utf8),
            Element::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Element::FieldMask => list(DataType::Utf8),
            Element::Any => DataType::Struct(any_fields()),
            Element::Wrapper(scalar) => scalar.arrow(),
            Element::Struct(columns) => DataType::Struct(fields(columns)),
        }
    }

    /// Returns the Arrow type as the layout names it; arrow's own text changes between its releases.
    pub(super) fn arrow_name(&self) -> &'static str {
        match self {
            Element::Bool | Element::Present => "Boolean",
            Element::Float => "Float32",
            Element::Double => "Float64",
            Element::Int32 | Element::EnumNumber => "Int32",
            Element::Int64 | Element::Uint32 | Element::Bigint | Element::Duration => "Int64",
            Element::Uint64 => "Decimal128(20,0)",
            Element::UintText | Element::Text | Element::Json(_) => "Utf8",
            Element::Bytes => "Binary",
            Element::EnumName(_) => "Dictionary<Int32,Utf8>",
            Element::Timestamp => "Timestamp(us,UTC)",
            Element::FieldMask => "List<Utf8>",
            Element::Any => "Struct<type_url:Utf8,value:Binary,json:Utf8>",
            Element::Wrapper(scalar) => scalar.arrow_name(),
            Element::Struct(_) => "Struct",
        }
    }

    /// Returns the Parquet type as the layout names it.
    pub(super) fn parquet_name(&self) -> &'static str {
        match self {
            Element::Bool | Element::Present => "BOOLEAN",
            Element::Float => "FLOAT",
            Element::Double => "DOUBLE",
            Element::Int32 | Element::EnumNumber => "INT32",
            Element::Int64 | Element::Uint32 | Element::Bigint | Element::Duration => "INT64",
            Element::Uint64 => "FIXED_LEN_BYTE_ARRAY(9) DECIMAL(20,0)",
            Element::UintText | Element::Text | Element::Json(_) | Element::EnumName(_) => "BYTE_ARRAY STRING",
            Element::Bytes => "BYTE_ARRAY",
            Element::Timestamp => "INT64 TIMESTAMP(MICROS,UTC)",
            Element::FieldMask => "LIST<BYTE_ARRAY STRING>",
            Element::Any | Element::Struct(_) => "group",
            Element::Wrapper(scalar) => scalar.parquet_name(),
        }
    }

    /// Returns what the value means, where its type alone does not tell.
    pub(super) fn meaning(&self) -> Option<&'static str> {
        Some(match self {
            Element::Json(_) => "json",
            Element::Duration => "nanoseconds",
            Element::Present => "present",
            Element::EnumName(_) => "enum name",
            Element::EnumNumber => "enum number",
            Element::Any => "any",
            _ => return None,
        })
    }
}

pub fn dictionary(values: DataType) -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(values))
}

/// A list as Parquet spells it; its elements are never null.
pub fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, false)))
}

/// A map as Parquet spells it; neither keys nor values are ever null.
pub fn map(key: DataType, value: DataType) -> DataType {
    let entry = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, false)]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry), false)), false)
}

/// `json` is null where the type is not in the layout's descriptors.
pub fn any_fields() -> Fields {
    Fields::from(vec![
        Field::new("type_url", DataType::Utf8, true),
        Field::new("value", DataType::Binary, true),
        Field::new("json", DataType::Utf8, true),
    ])
}

/// Columns are always nullable, so that files from before a field read as null.
pub fn fields(columns: &[Column]) -> Fields {
    columns.iter().map(|column| Field::new(&column.name, column.shape.arrow(), true)).collect()
}
