//! The columns around the message: who the record is, and the bytes it came in.

use std::sync::Arc;

use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, ListArray, PrimitiveArray, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};

use super::columns::{Fixed, List, NotUtf8, Text, binaries, strings};
use crate::domain::{Record, Timestamp, Topic};
use crate::schema::header_fields;

/// A column is written once a row, by rows that ascend.
pub const ONCE: &str = "rows are written in order, once each";

/// What the framing said of a record.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub schema: &'a str,
    pub framing: Option<&'a [u8]>,
}

/// Grows the columns `_topic` to `_framing`, which rows and quarantine share.
pub struct Envelope {
    names: HeaderNames,
    rows: usize,
    offsets: Fixed<i64>,
    timestamps: Fixed<i64>,
    /// 0 for `create`, 1 for `append`.
    timestamp_types: Fixed<i32>,
    keys: Text,
    headers: List,
    header_names: Text,
    header_values: Text,
    schemas: Text,
    framings: Text,
}

/// How header names are kept: as text in rows, as they came in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderNames {
    Text,
    Bytes,
}

impl Envelope {
    pub fn new(names: HeaderNames) -> Envelope {
        Envelope {
            names,
            rows: 0,
            offsets: Fixed::new(0, false),
            timestamps: Fixed::new(0, true),
            timestamp_types: Fixed::new(0, true),
            keys: Text::new(0, true),
            headers: List::new(0, false),
            header_names: Text::new(1, false),
            header_values: Text::new(1, true),
            schemas: Text::new(0, false),
            framings: Text::new(0, true),
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn append(&mut self, record: &Record<'_>, origin: Origin<'_>) {
        let row = self.rows;
        self.rows += 1;
        self.offsets.set(row, record.offset.0).expect(ONCE);
        let kind = match record.timestamp {
            Timestamp::None => None,
            Timestamp::Create(millis) => Some((millis, 0)),
            Timestamp::Append(millis) => Some((millis, 1)),
        };
        if let Some((millis, kind)) = kind {
            self.timestamps.set(row, millis).expect(ONCE);
            self.timestamp_types.set(row, kind).expect(ONCE);
        }
        if let Some(key) = record.key {
            self.keys.set_value(row, key).expect(ONCE);
        }
        for header in record.headers() {
            let at = self.headers.add(row);
            self.header_names.set_value(at, header.name).expect(ONCE);
            if let Some(value) = header.value {
                self.header_values.set_value(at, value).expect(ONCE);
            }
        }
        self.schemas.set_value(row, origin.schema.as_bytes()).expect(ONCE);
        if let Some(framing) = origin.framing {
            self.framings.set_value(row, framing).expect(ONCE);
        }
    }

    /// Takes the rows out.
    pub fn finish(&mut self, topic: &Topic, partition: i32) -> Vec<ArrayRef> {
        let rows = std::mem::take(&mut self.rows);
        // The decoder sends a record with a header name that is no text to quarantine, where names are bytes.
        let text = |made: Result<ArrayRef, NotUtf8>| made.expect("what is text was checked, or is ours");
        let (offsets, _) = self.offsets.finish(rows);
        let (timestamps, nulls) = self.timestamps.finish(rows);
        let timestamps = PrimitiveArray::<TimestampMillisecondType>::new(timestamps.into(), nulls.within(None));
        let (kinds, nulls) = self.timestamp_types.finish(rows);
        vec![
            constants(&[topic.as_str()], ScalarBuffer::from(vec![0; rows]), None),
            Arc::new(Int32Array::from_value(partition, rows)),
            Arc::new(PrimitiveArray::<Int64Type>::new(offsets.into(), None)),
            Arc::new(timestamps.with_timezone("UTC")),
            constants(&["create", "append"], kinds.into(), nulls.within(None)),
            binaries(&self.keys.finish(rows), None),
            self.headers(rows),
            text(strings(&self.schemas.finish(rows), None)),
            binaries(&self.framings.finish(rows), None),
        ]
    }

    fn headers(&mut self, rows: usize) -> ArrayRef {
        let elements = self.headers.len();
        let names = self.header_names.finish(elements);
        let names = match self.names {
            HeaderNames::Text => strings(&names, None).expect("the decoder refuses other names"),
            HeaderNames::Bytes => binaries(&names, None),
        };
        let values = binaries(&self.header_values.finish(elements), None);
        let (starts, _) = self.headers.finish(rows);
        let fields = header_fields(names.data_type().clone(), values.data_type().clone());
        let pairs = StructArray::new(fields.clone(), vec![names, values], None);
        let element = Arc::new(Field::new("element", DataType::Struct(fields), false));
        Arc::new(ListArray::new(element, OffsetBuffer::new(starts.into()), Arc::new(pairs), None))
    }
}

/// Returns a column of a few known texts.
fn constants(texts: &[&str], ids: ScalarBuffer<i32>, nulls: Option<NullBuffer>) -> ArrayRef {
    let values = StringArray::from_iter_values(texts);
    Arc::new(DictionaryArray::<Int32Type>::new(PrimitiveArray::new(ids, nulls), Arc::new(values)))
}
