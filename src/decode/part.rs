//! The rows of a chunk in the making.

use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_schema::{Field, Fields, Schema};

use super::columns::{Fixed, Flags, NotUtf8, Text, binaries, strings};
use super::envelope::{Envelope, HeaderNames, ONCE, Origin};
use super::message::Messages;
use super::reject::Reject;
use crate::domain::{Record, Topic};
use crate::schema::{Layout, quarantine_schema};

/// Rows of the table.
pub struct Rows {
    envelope: Envelope,
    tombstones: Flags,
    raws: Text,
}

impl Rows {
    pub fn new() -> Rows {
        Rows {
            envelope: Envelope::new(HeaderNames::Text),
            tombstones: Flags::new(0, false),
            raws: Text::plain(0, true),
        }
    }

    /// Returns how many rows there are, which is the row whose columns may be written next.
    pub fn len(&self) -> usize {
        self.envelope.rows()
    }

    /// Ends the row whose columns were written; `raw` is what its payload was, if the row does not tell.
    pub fn end(&mut self, record: &Record<'_>, origin: Origin<'_>, raw: Option<&[u8]>) {
        let row = self.len();
        if let Some(raw) = raw {
            self.raws.set_value(row, raw).expect(ONCE);
        }
        self.envelope.append(record, origin);
    }

    /// A record with a null value.
    pub fn tombstone(&mut self, record: &Record<'_>, origin: Origin<'_>) {
        self.tombstones.set(self.len(), true).expect(ONCE);
        self.envelope.append(record, origin);
    }

    /// Takes the rows out. They are gone, too, where a string is not UTF-8.
    pub fn finish(
        &mut self,
        topic: &Topic,
        partition: i32,
        layout: &Layout,
        messages: &mut Messages,
    ) -> Result<RecordBatch, NotUtf8> {
        let rows = self.len();
        let (tombstones, _) = self.tombstones.finish(rows);
        let present = NullBuffer::new(!&tombstones);
        let around = Some(&present).filter(|present| present.null_count() > 0);
        let mut arrays = self.envelope.finish(topic, partition);
        arrays.push(Arc::new(BooleanArray::new(tombstones, None)));
        arrays.push(binaries(&self.raws.finish(rows), None));
        arrays.extend(messages.finish(rows, around)?);
        Ok(batch(layout.arrow_schema(), arrays))
    }
}

/// Records that could not become rows.
pub struct Quarantine {
    envelope: Envelope,
    values: Text,
    reasons: Text,
    fields: Text,
    positions: Fixed<i64>,
    schemas: Text,
    details: Text,
}

impl Quarantine {
    pub fn new() -> Quarantine {
        Quarantine {
            envelope: Envelope::new(HeaderNames::Bytes),
            values: Text::plain(0, true),
            reasons: Text::new(0, false),
            fields: Text::new(0, true),
            positions: Fixed::new(0, true),
            schemas: Text::new(0, false),
            details: Text::new(0, false),
        }
    }

    /// Takes a record as it is; `descriptor` is the schema it was read with.
    pub fn refused(&mut self, record: &Record<'_>, origin: Origin<'_>, reject: &Reject, descriptor: &str) {
        let row = self.envelope.rows();
        self.envelope.append(record, origin);
        if let Some(value) = record.value {
            self.values.set_value(row, value).expect(ONCE);
        }
        if let Some(field) = reject.field() {
            self.fields.set_value(row, field.as_bytes()).expect(ONCE);
        }
        if let Some(position) = reject.position {
            self.positions.set(row, position as i64).expect(ONCE);
        }
        self.reasons.set_value(row, reject.reason.as_str().as_bytes()).expect(ONCE);
        self.schemas.set_value(row, descriptor.as_bytes()).expect(ONCE);
        self.details.set_value(row, reject.detail.as_bytes()).expect(ONCE);
    }

    /// Takes the rows out.
    pub fn finish(&mut self, topic: &Topic, partition: i32) -> RecordBatch {
        let rows = self.envelope.rows();
        let mut arrays = self.envelope.finish(topic, partition);
        let text = |column: &mut Text| strings(&column.finish(rows), None).expect("these texts are ours");
        let (reasons, fields) = (text(&mut self.reasons), text(&mut self.fields));
        let (schemas, details) = (text(&mut self.schemas), text(&mut self.details));
        let (positions, nulls) = self.positions.finish(rows);
        let positions = PrimitiveArray::<Int64Type>::new(positions.into(), nulls.within(None));
        let values = binaries(&self.values.finish(rows), None);
        arrays.extend([values, reasons, fields, Arc::new(positions), schemas, details]);
        batch(&quarantine_schema(), arrays)
    }
}

/// Makes a batch of columns that `schema` names; strings and bytes may be numbers in a dictionary, or not.
fn batch(schema: &Schema, arrays: Vec<ArrayRef>) -> RecordBatch {
    let fields = schema.fields().iter().zip(&arrays);
    let fields: Fields =
        fields.map(|(field, array)| Field::new(field.name(), array.data_type().clone(), field.is_nullable())).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("the columns are the schema's")
}
