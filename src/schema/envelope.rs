//! The columns that every table has, whatever its message: who a row is, and the bytes it came in.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::mapping::{dictionary, list};

/// The envelope of rows, `_topic` to `_raw`. It comes before the message's columns, so that a message grows at the end.
pub fn row_envelope() -> Vec<Field> {
    let mut fields = common(DataType::Utf8);
    fields.push(Field::new("_tombstone", DataType::Boolean, false));
    fields.push(Field::new("_raw", DataType::Binary, true));
    fields
}

/// All columns of a quarantine object. Header names are bytes, since not being UTF-8 can be the reason to be here.
pub fn quarantine_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = common(DataType::Binary);
        fields.extend([
            Field::new("value", DataType::Binary, true),
            Field::new("reason", dictionary(DataType::Utf8), false),
            Field::new("field", DataType::Utf8, true),
            Field::new("position", DataType::Int64, true),
            Field::new("schema", dictionary(DataType::Utf8), false),
            Field::new("detail", DataType::Utf8, false),
        ]);
        Arc::new(Schema::new(fields))
    });
    SCHEMA.clone()
}

/// Returns the fields of one header in `_headers`.
pub fn header_fields(name: DataType, value: DataType) -> Fields {
    Fields::from(vec![Field::new("key", name, false), Field::new("value", value, true)])
}

fn common(header_name: DataType) -> Vec<Field> {
    vec![
        Field::new("_topic", dictionary(DataType::Utf8), false),
        Field::new("_partition", DataType::Int32, false),
        Field::new("_offset", DataType::Int64, false),
        Field::new("_timestamp", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true),
        Field::new("_timestamp_type", dictionary(DataType::Utf8), true),
        Field::new("_key", DataType::Binary, true),
        Field::new("_headers", list(DataType::Struct(header_fields(header_name, DataType::Binary))), false),
        Field::new("_schema", dictionary(DataType::Utf8), false),
        Field::new("_framing", dictionary(DataType::Binary), true),
    ]
}
