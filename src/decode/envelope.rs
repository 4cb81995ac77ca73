//! The columns around the message: who the record is, and the bytes it came in.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BinaryDictionaryBuilder, Int32Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{Array, ListArray, StructArray};
use arrow_buffer::OffsetBufferBuilder;
use arrow_schema::{DataType, Field};

use crate::domain::{Record, Timestamp, Topic};
use crate::schema::header_fields;

/// What the framing said of a record.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub schema: &'a str,
    pub framing: Option<&'a [u8]>,
}

/// Grows the columns `_topic` to `_framing`, which rows and quarantine share.
pub struct EnvelopeWriter {
    topic: Topic,
    partition: i32,
    topics: StringDictionaryBuilder<Int32Type>,
    partitions: Int32Builder,
    offsets: Int64Builder,
    timestamps: TimestampMillisecondBuilder,
    timestamp_types: StringDictionaryBuilder<Int32Type>,
    keys: BinaryBuilder,
    headers: HeadersWriter,
    schemas: StringDictionaryBuilder<Int32Type>,
    framings: BinaryDictionaryBuilder<Int32Type>,
}

impl EnvelopeWriter {
    pub fn new(topic: &Topic, partition: i32, names: HeaderNames) -> EnvelopeWriter {
        EnvelopeWriter {
            topic: topic.clone(),
            partition,
            topics: StringDictionaryBuilder::new(),
            partitions: Int32Builder::new(),
            offsets: Int64Builder::new(),
            timestamps: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            timestamp_types: StringDictionaryBuilder::new(),
            keys: BinaryBuilder::new(),
            headers: HeadersWriter::new(names),
            schemas: StringDictionaryBuilder::new(),
            framings: BinaryDictionaryBuilder::new(),
        }
    }

    pub fn append(&mut self, record: &Record<'_>, origin: Origin<'_>) {
        self.topics.append_value(self.topic.as_str());
        self.partitions.append_value(self.partition);
        self.offsets.append_value(record.offset.0);
        self.timestamps.append_option(record.timestamp.millis());
        match record.timestamp {
            Timestamp::None => self.timestamp_types.append_null(),
            Timestamp::Create(_) => self.timestamp_types.append_value("create"),
            Timestamp::Append(_) => self.timestamp_types.append_value("append"),
        }
        self.keys.append_option(record.key);
        self.headers.append(record);
        self.schemas.append_value(origin.schema);
        self.framings.append_option(origin.framing);
    }

    pub fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.topics.finish()),
            Arc::new(self.partitions.finish()),
            Arc::new(self.offsets.finish()),
            Arc::new(self.timestamps.finish()),
            Arc::new(self.timestamp_types.finish()),
            Arc::new(self.keys.finish()),
            self.headers.finish(),
            Arc::new(self.schemas.finish()),
            Arc::new(self.framings.finish()),
        ]
    }
}

/// How header names are kept: as text in rows, as they came in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderNames {
    Text,
    Bytes,
}

struct HeadersWriter {
    names: NamesWriter,
    values: BinaryBuilder,
    ends: OffsetBufferBuilder<i32>,
}

enum NamesWriter {
    Text(StringBuilder),
    Bytes(BinaryBuilder),
}

impl HeadersWriter {
    fn new(names: HeaderNames) -> HeadersWriter {
        let names = match names {
            HeaderNames::Text => NamesWriter::Text(StringBuilder::new()),
            HeaderNames::Bytes => NamesWriter::Bytes(BinaryBuilder::new()),
        };
        HeadersWriter { names, values: BinaryBuilder::new(), ends: OffsetBufferBuilder::new(0) }
    }

    fn append(&mut self, record: &Record<'_>) {
        let headers = record.headers();
        self.ends.push_length(headers.len());
        for header in headers {
            match &mut self.names {
                // The decoder sends a record with another name to quarantine.
                NamesWriter::Text(out) => out.append_value(String::from_utf8_lossy(header.name)),
                NamesWriter::Bytes(out) => out.append_value(header.name),
            }
            self.values.append_option(header.value);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let names: ArrayRef = match &mut self.names {
            NamesWriter::Text(out) => Arc::new(out.finish()),
            NamesWriter::Bytes(out) => Arc::new(out.finish()),
        };
        let fields = header_fields(names.data_type().clone());
        let headers = StructArray::new(fields.clone(), vec![names, Arc::new(self.values.finish())], None);
        let element = Arc::new(Field::new("element", DataType::Struct(fields), false));
        let ends = std::mem::replace(&mut self.ends, OffsetBufferBuilder::new(0)).finish();
        Arc::new(ListArray::new(element, ends, Arc::new(headers), None))
    }
}
