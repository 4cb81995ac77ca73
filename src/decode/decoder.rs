//! The frame around the loop: records in, chunks of rows by hour out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;

use super::columns::NotUtf8;
use super::envelope::Origin;
use super::framing::{self, Framed};
use super::message::{Messages, Read};
use super::objects::{Chunk, Objects, Outcome};
use super::part::{Quarantine, Rows};
use super::raw::RawReason;
use super::reject::{Checked, Reason, Reject};
use super::wire::MOST_BYTES;
use crate::domain::{BucketHour, ObjectKind, Offset, Padded, Record};
use crate::schema::Layout;

/// How many records a chunk takes at most: enough for a column to be encoded at its pace, few enough to stay in the cache.
pub const CHUNK_ROWS: usize = 16_384;

/// How many bytes of records close a chunk.
const CHUNK_BYTES: usize = 8 << 20;

/// Reads records by one layout. Holds the workspace, not the records: one serves all partitions of a thread.
pub struct Decoder {
    layout: Arc<Layout>,
    messages: Messages,
    /// The layout's descriptor fingerprint as text: what `_schema` says where the producer named nothing.
    descriptor: String,
    rows: Rows,
    quarantine: Quarantine,
    /// What became of the chunk's records.
    outcomes: Vec<(BucketHour, Outcome)>,
    /// Their hours, each once.
    hours: Vec<BucketHour>,
    /// The name of a producer's schema.
    schema: String,
    /// A payload that was compressed in its frame.
    inflated: Vec<u8>,
}

impl Decoder {
    pub fn new(layout: Arc<Layout>) -> Decoder {
        Decoder {
            messages: Messages::new(layout.clone()),
            descriptor: layout.descriptor().to_string(),
            rows: Rows::new(),
            quarantine: Quarantine::new(),
            outcomes: Vec::new(),
            hours: Vec::new(),
            schema: String::new(),
            inflated: Vec::new(),
            layout,
        }
    }

    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Takes records, which follow those of `objects`, until they end or the next would open one bucket hour more than the
    /// range may hold, and says which that is. Their rows go to `sink`, chunk by chunk.
    pub fn decode<'a>(
        &mut self,
        objects: &mut Objects,
        records: impl Iterator<Item = Record<'a>> + Clone,
        sink: &mut impl FnMut(Chunk),
    ) -> Option<Offset> {
        let mut records = records.peekable();
        while records.peek().is_some() {
            let mut full = self.take(objects, records.clone());
            let mut rows = self.rows(objects);
            if rows.is_err() {
                // Which record it is tells only a look at each.
                self.quarantine.finish(&objects.topic, objects.partition);
                full = self.take(objects, records.clone());
                rows = self.rows(objects);
            }
            let rows = rows.expect("each string was checked");
            let refused = self.quarantine.finish(&objects.topic, objects.partition);
            objects.count(records.clone().zip(self.outcomes.iter().copied()));
            records.by_ref().take(self.outcomes.len()).for_each(drop);
            self.by_hour(ObjectKind::Rows, rows, sink);
            self.by_hour(ObjectKind::Quarantine, refused, sink);
            if full {
                return records.peek().map(|record| record.offset);
            }
        }
        None
    }

    /// Fills a chunk. Says whether it ended because the next record belongs to another range.
    fn take<'a>(&mut self, objects: &Objects, records: impl Iterator<Item = Record<'a>>) -> bool {
        self.outcomes.clear();
        self.hours.clear();
        let mut bytes = 0;
        for record in records.take(CHUNK_ROWS) {
            if bytes > CHUNK_BYTES {
                return false;
            }
            match self.record(objects, &record) {
                Some(taken) => bytes += taken,
                None => return true,
            }
        }
        false
    }

    fn rows(&mut self, objects: &Objects) -> Result<RecordBatch, NotUtf8> {
        self.rows.finish(&objects.topic, objects.partition, &self.layout, &mut self.messages)
    }

    /// Takes a record and returns how many bytes it came to; nothing where it belongs to another range.
    fn record(&mut self, objects: &Objects, record: &Record<'_>) -> Option<usize> {
        let framed = match record.value {
            None => Ok(None),
            Some(value) => framing::open(self.layout.framing(), record, value).map(Some),
        };
        let framed = check_record(record).and(framed);
        let read = match &framed {
            Err(reject) => Err(reject.clone()),
            Ok(None) => Ok(None),
            Ok(Some(framed)) => self.payload(record, framed).map(Some),
        };
        let event_time = read.as_ref().ok().and_then(|read| read.as_ref()?.event_time);
        let hour = BucketHour::of(event_time.or(record.timestamp.millis()));
        if !self.hours.contains(&hour) {
            self.hours.push(hour);
            if !objects.has_place_for(&self.hours) {
                self.messages.truncate(self.rows.len());
                return None;
            }
        }
        let framed = framed.as_ref().ok().and_then(Option::as_ref);
        self.schema.clear();
        match framed.and_then(|framed| framed.schema) {
            Some(name) => write!(self.schema, "{name}").expect("a String takes all text"),
            None => self.schema.push_str(&self.descriptor),
        }
        let origin = Origin { schema: &self.schema, framing: framed.and_then(|framed| framed.framing) };
        let mut bytes = size(record);
        let outcome = match read {
            Err(reject) => {
                self.quarantine.refused(record, origin, &reject, &self.descriptor);
                Outcome::Refused(reject.reason)
            }
            Ok(None) => {
                self.rows.tombstone(record, origin);
                Outcome::Row(None)
            }
            Ok(Some(read)) => {
                bytes += read.json;
                let reason = read.raw.first();
                let raw = framed.zip(record.value).map(|(framed, value)| framed.raw(value));
                self.rows.end(record, origin, raw.filter(|_| reason.is_some()));
                Outcome::Row(reason)
            }
        };
        self.outcomes.push((hour, outcome));
        Some(bytes)
    }

    /// Reads a payload into the columns of the row that is next.
    fn payload(&mut self, record: &Record<'_>, framed: &Framed<'_>) -> Checked<Read> {
        let payload = &framed.payload[..];
        let before = record.value.map_or(0, <[u8]>::len).saturating_sub(payload.len());
        let padded = record.value_padded().filter(|_| !framed.is_inflated()).and_then(|value| value.skip(before));
        let padded = padded.unwrap_or_else(|| {
            self.inflated.clear();
            self.inflated.extend_from_slice(payload);
            Padded::grow(&mut self.inflated)
        });
        let mut read = self.messages.read(padded, self.rows.len()).map_err(|mut reject| {
            // Positions are the value's, unless the payload had to be inflated.
            let before = if framed.is_inflated() { 0 } else { before };
            reject.position = reject.position.map(|at| at + before);
            reject
        })?;
        read.raw.add_if(framed.is_inflated(), RawReason::Framing);
        Ok(read)
    }

    /// Splits a kind's rows by their hours, in the order of the rows.
    fn by_hour(&self, kind: ObjectKind, batch: RecordBatch, sink: &mut impl FnMut(Chunk)) {
        let of_kind = self.outcomes.iter().filter(|(_, outcome)| outcome.kind() == kind);
        let mut rows_of: BTreeMap<BucketHour, Vec<u32>> = BTreeMap::new();
        of_kind.zip(0..).for_each(|((hour, _), row)| rows_of.entry(*hour).or_default().push(row));
        if rows_of.len() == 1 {
            rows_of.keys().for_each(|hour| sink(Chunk { kind, hour: *hour, batch: batch.clone() }));
            return;
        }
        for (hour, rows) in rows_of {
            let batch = take_record_batch(&batch, &UInt32Array::from(rows)).expect("the rows are the batch's");
            sink(Chunk { kind, hour, batch });
        }
    }
}

/// Refuses what cannot become a row whatever its value is.
fn check_record(record: &Record<'_>) -> Checked<()> {
    if let Some(name) = record.headers().map(|header| header.name).find(|name| std::str::from_utf8(name).is_err()) {
        let detail = format!("header name {:?} is not UTF-8", String::from_utf8_lossy(name));
        return Err(Reject::new(Reason::HeaderName, None, detail));
    }
    if size(record) > MOST_BYTES {
        return Err(Reject::new(Reason::TooLarge, None, format!("a record of {} bytes", size(record))));
    }
    Ok(())
}

fn size(record: &Record<'_>) -> usize {
    let bytes = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers().map(|header| header.name.len() + bytes(header.value)).sum();
    bytes(record.key) + bytes(record.value) + headers
}
