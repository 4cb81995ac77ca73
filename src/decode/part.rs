//! The rows of a chunk in the making.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, Int64Builder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};

use super::columns::ColumnsWriter;
use super::envelope::{EnvelopeWriter, HeaderNames, Origin};
use super::json::Json;
use super::reject::Reject;
use super::value::Message;
use crate::domain::{Record, Topic};
use crate::schema::{Layout, quarantine_schema};

/// Rows of the table.
pub struct RowsPart {
    envelope: EnvelopeWriter,
    tombstones: BooleanBuilder,
    raws: BinaryBuilder,
    columns: ColumnsWriter,
}

impl RowsPart {
    pub fn new(layout: &Layout, topic: &Topic, partition: i32) -> RowsPart {
        RowsPart {
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
        self.envelope.append(record, origin);
        self.tombstones.append_value(false);
        self.raws.append_value(raw);
        self.columns.append(json, message);
    }

    /// A record with a null value.
    pub fn tombstone(&mut self, record: &Record<'_>, origin: Origin<'_>) {
        self.envelope.append(record, origin);
        self.tombstones.append_value(true);
        self.raws.append_null();
        self.columns.append_null();
    }

    pub fn finish(mut self, layout: &Layout) -> RecordBatch {
        let mut arrays = self.envelope.finish();
        arrays.push(Arc::new(self.tombstones.finish()));
        arrays.push(Arc::new(self.raws.finish()));
        arrays.extend(self.columns.finish());
        batch(layout.arrow_schema().clone(), arrays)
    }
}

/// Records that could not become rows.
pub struct QuarantinePart {
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
        self.envelope.append(record, origin);
        self.values.append_option(record.value);
        self.reasons.append_value(reject.reason.as_str());
        self.fields.append_option(reject.field());
        self.positions.append_option(reject.position.map(|at| at as i64));
        self.schemas.append_value(descriptor);
        self.details.append_value(&reject.detail);
    }

    pub fn finish(mut self) -> RecordBatch {
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
        batch(quarantine_schema(), arrays)
    }
}

fn batch(schema: arrow_schema::SchemaRef, arrays: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(schema, arrays).expect("the writers make the arrays of the layout's schema")
}
