//! One object in the making: the records of a range that share kind and bucket hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, Int64Builder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};

use super::DecodedObject;
use super::columns::ColumnsWriter;
use super::envelope::{EnvelopeWriter, HeaderNames, Origin};
use super::json::Json;
use super::reject::Reject;
use super::value::Message;
use crate::domain::{BucketHour, ObjectKind, OffsetRange, Record, RecordDigest, Topic};
use crate::schema::{Layout, quarantine_schema};

/// What all objects know of their records.
pub struct Tally {
    span: Option<OffsetRange>,
    rows: u64,
    min_timestamp: Option<i64>,
    max_timestamp: Option<i64>,
    digest: RecordDigest,
    reasons: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn new() -> Tally {
        Tally {
            span: None,
            rows: 0,
            min_timestamp: None,
            max_timestamp: None,
            digest: RecordDigest::default(),
            reasons: BTreeMap::new(),
        }
    }

    fn count(&mut self, record: &Record<'_>) {
        let here = OffsetRange::only(record.offset);
        self.span = Some(self.span.map_or(here, |span| span.extended(record.offset)));
        self.rows += 1;
        if let Some(millis) = record.timestamp.millis() {
            self.min_timestamp = Some(self.min_timestamp.map_or(millis, |min| min.min(millis)));
            self.max_timestamp = Some(self.max_timestamp.map_or(millis, |max| max.max(millis)));
        }
        self.digest.update(record);
    }

    fn finish(self, kind: ObjectKind, hour: BucketHour, layout: &Layout, batch: RecordBatch) -> DecodedObject {
        DecodedObject {
            kind,
            hour,
            span: self.span.expect("an object begins with its first record"),
            rows: self.rows,
            min_timestamp: self.min_timestamp,
            max_timestamp: self.max_timestamp,
            digest: self.digest.finish(),
            descriptor: layout.descriptor(),
            batch,
            reasons: self.reasons,
        }
    }
}

/// Rows of the table.
pub struct RowsPart {
    tally: Tally,
    envelope: EnvelopeWriter,
    tombstones: BooleanBuilder,
    raws: BinaryBuilder,
    columns: ColumnsWriter,
}

impl RowsPart {
    pub fn new(layout: &Layout, topic: &Topic, partition: i32) -> RowsPart {
        RowsPart {
            tally: Tally::new(),
            envelope: EnvelopeWriter::new(topic, partition, HeaderNames::Text),
            tombstones: BooleanBuilder::new(),
            raws: BinaryBuilder::new(),
            columns: ColumnsWriter::new(layout.types(), layout.root(), layout.columns()),
        }
    }

    pub fn row(
        &mut self,
        record: &Record<'_>,
        origin: Origin<'_>,
        raw: &[u8],
        json: &mut Json<'_>,
        message: &Message<'_>,
    ) {
        self.tally.count(record);
        self.envelope.append(record, origin);
        self.tombstones.append_value(false);
        self.raws.append_value(raw);
        self.columns.append(json, message);
    }

    /// A record with a null value.
    pub fn tombstone(&mut self, record: &Record<'_>, origin: Origin<'_>) {
        self.tally.count(record);
        self.envelope.append(record, origin);
        self.tombstones.append_value(true);
        self.raws.append_null();
        self.columns.append_null();
    }

    pub fn finish(mut self, hour: BucketHour, layout: &Layout) -> DecodedObject {
        let mut arrays = self.envelope.finish();
        arrays.push(Arc::new(self.tombstones.finish()));
        arrays.push(Arc::new(self.raws.finish()));
        arrays.extend(self.columns.finish());
        let batch = batch(layout.arrow_schema().clone(), arrays);
        self.tally.finish(ObjectKind::Rows, hour, layout, batch)
    }
}

/// Records that could not become rows.
pub struct QuarantinePart {
    tally: Tally,
    envelope: EnvelopeWriter,
    values: BinaryBuilder,
    reasons: StringDictionaryBuilder<Int32Type>,
    fields: StringBuilder,
    positions: Int64Builder,
    schemas: StringDictionaryBuilder<Int32Type>,
    details: StringBuilder,
}

impl QuarantinePart {
    pub fn new(topic: &Topic, partition: i32) -> QuarantinePart {
        QuarantinePart {
            tally: Tally::new(),
            envelope: EnvelopeWriter::new(topic, partition, HeaderNames::Bytes),
            values: BinaryBuilder::new(),
            reasons: StringDictionaryBuilder::new(),
            fields: StringBuilder::new(),
            positions: Int64Builder::new(),
            schemas: StringDictionaryBuilder::new(),
            details: StringBuilder::new(),
        }
    }

    /// Takes a record as it is; `descriptor` is the schema it was read with.
    pub fn refused(&mut self, record: &Record<'_>, origin: Origin<'_>, reject: &Reject, descriptor: &str) {
        self.tally.count(record);
        *self.tally.reasons.entry(reject.reason.as_str()).or_default() += 1;
        self.envelope.append(record, origin);
        self.values.append_option(record.value);
        self.reasons.append_value(reject.reason.as_str());
        self.fields.append_option(reject.field());
        self.positions.append_option(reject.position.map(|at| at as i64));
        self.schemas.append_value(descriptor);
        self.details.append_value(&reject.detail);
    }

    pub fn finish(mut self, hour: BucketHour, layout: &Layout) -> DecodedObject {
        let mut arrays = self.envelope.finish();
        let rest: [ArrayRef; 6] = [
            Arc::new(self.values.finish()),
            Arc::new(self.reasons.finish()),
            Arc::new(self.fields.finish()),
            Arc::new(self.positions.finish()),
            Arc::new(self.schemas.finish()),
            Arc::new(self.details.finish()),
        ];
        arrays.extend(rest);
        self.tally.finish(ObjectKind::Quarantine, hour, layout, batch(quarantine_schema(), arrays))
    }
}

fn batch(schema: arrow_schema::SchemaRef, arrays: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema, arrays).expect("the writers make the arrays of the layout's schema")
}
