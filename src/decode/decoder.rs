//! The frame around the loop: records in, chunks of rows by hour out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;

use super::envelope::Origin;
use super::framing::{self, Framed};
use super::json::Json;
use super::objects::{Chunk, Objects};
use super::part::{QuarantinePart, RowsPart};
use super::reject::{Checked, Reason, Reject};
use super::value::{Message, Value};
use super::wire::{MOST_BYTES, Reader};
use super::{check, time};
use crate::domain::{BucketHour, ObjectKind, Offset, Record};
use crate::schema::Layout;

/// How many records a chunk takes at most: enough for a column to be encoded at its pace, few enough to stay in the cache.
const CHUNK_ROWS: usize = 16_384;

/// How many bytes of records close a chunk.
const CHUNK_BYTES: usize = 8 << 20;

/// Reads records by one layout. Holds the workspace, not the records: one serves all partitions of a thread.
pub struct Decoder {
    layout: Arc<Layout>,
    /// The layout's descriptor fingerprint as text: what `_schema` says where the producer named nothing.
    descriptor: String,
}

/// A value that passed all checks, or a tombstone.
enum Content<'v> {
    Tombstone,
    Row { raw: &'v [u8], message: Message<'v> },
}

impl Decoder {
    pub fn new(layout: Arc<Layout>) -> Decoder {
        let descriptor = layout.descriptor().to_string();
        Decoder { layout, descriptor }
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
            let mut work = Work::new(self, objects);
            let full = work.take(objects, records.clone());
            for outcome in &work.outcomes {
                let record = records.next().expect("an outcome is a record's");
                objects.count(&record, outcome.hour, outcome.refused);
            }
            work.finish().into_iter().for_each(&mut *sink);
            if full {
                return records.peek().map(|record| record.offset);
            }
        }
        None
    }
}

/// What became of a record.
struct Outcome {
    hour: BucketHour,
    refused: Option<Reason>,
}

/// One chunk in the making.
struct Work<'d> {
    layout: &'d Layout,
    descriptor: &'d str,
    outcomes: Vec<Outcome>,
    /// The bucket hours of the outcomes, each once.
    hours: Vec<BucketHour>,
    rows: RowsPart,
    quarantine: QuarantinePart,
    bytes: usize,
}

impl<'d> Work<'d> {
    fn new(decoder: &'d Decoder, objects: &Objects) -> Work<'d> {
        let Decoder { layout, descriptor } = decoder;
        Work {
            layout,
            descriptor,
            outcomes: Vec::new(),
            hours: Vec::new(),
            rows: RowsPart::new(layout, &objects.topic, objects.partition),
            quarantine: QuarantinePart::new(&objects.topic, objects.partition),
            bytes: 0,
        }
    }

    /// Fills the chunk. Says whether it ended because the next record belongs to another range.
    fn take<'a>(&mut self, objects: &Objects, records: impl Iterator<Item = Record<'a>>) -> bool {
        for record in records.take(CHUNK_ROWS) {
            if self.bytes > CHUNK_BYTES {
                return false;
            }
            if !self.record(objects, &record) {
                return true;
            }
        }
        false
    }

    /// Takes the record, or says that it belongs to another range.
    fn record(&mut self, objects: &Objects, record: &Record<'_>) -> bool {
        let layout = self.layout;
        let mut reader = Reader::new(layout.types());
        let framed = match record.value {
            None => Ok(None),
            Some(value) => framing::open(layout.framing(), record, value).map(Some),
        };
        let (framed, content) = match &framed {
            Err(reject) => (None, Err(reject.clone())),
            Ok(framed) => (framed.as_ref(), content(layout, &mut reader, record, framed.as_ref())),
        };
        let hour = match &content {
            Ok(Content::Row { message, .. }) => BucketHour::of(self.event_time(message).or(record.timestamp.millis())),
            _ => BucketHour::of(record.timestamp.millis()),
        };
        if !self.hours.contains(&hour) {
            self.hours.push(hour);
            if !objects.has_place_for(&self.hours) {
                return false;
            }
        }
        let origin = Origin {
            schema: framed.and_then(|framed| framed.schema.as_deref()).unwrap_or(self.descriptor),
            framing: framed.and_then(|framed| framed.framing),
        };
        let mut refused = None;
        match content {
            Err(reject) => {
                refused = Some(reject.reason);
                self.quarantine.refused(record, origin, &reject, self.descriptor);
            }
            Ok(Content::Tombstone) => self.rows.tombstone(record, origin),
            Ok(Content::Row { raw, message }) => {
                let mut json = Json::new(layout.types());
                self.rows.row(record, origin, raw, &mut json, &message);
                self.bytes += json.spent();
            }
        }
        self.bytes += size(record);
        self.outcomes.push(Outcome { hour, refused });
        true
    }

    /// Returns the time that the layout's rule names, in milliseconds; nothing where the row has none.
    fn event_time(&self, message: &Message<'_>) -> Option<i64> {
        let mut at = message;
        for index in self.layout.time_path()? {
            at = at.one(*index).and_then(Value::message)?;
        }
        time::micros(at).map(|micros| micros.div_euclid(1_000))
    }

    fn finish(self) -> Vec<Chunk> {
        let hours = |refused: bool| {
            let of_kind = self.outcomes.iter().filter(move |outcome| outcome.refused.is_some() == refused);
            of_kind.map(|outcome| outcome.hour).collect::<Vec<_>>()
        };
        let (rows, refused) = (hours(false), hours(true));
        let mut chunks = by_hour(ObjectKind::Rows, self.rows.finish(self.layout), &rows);
        chunks.extend(by_hour(ObjectKind::Quarantine, self.quarantine.finish(), &refused));
        chunks
    }
}

/// Splits rows by their hours, in the order of the rows.
fn by_hour(kind: ObjectKind, batch: RecordBatch, hours: &[BucketHour]) -> Vec<Chunk> {
    let mut rows_of: BTreeMap<BucketHour, Vec<u32>> = BTreeMap::new();
    hours.iter().zip(0..).for_each(|(hour, row)| rows_of.entry(*hour).or_default().push(row));
    if let [hour] = rows_of.keys().collect::<Vec<_>>()[..] {
        return vec![Chunk { kind, hour: *hour, batch }];
    }
    let take = |rows| take_record_batch(&batch, &UInt32Array::from(rows)).expect("the rows are the batch's");
    rows_of.into_iter().map(|(hour, rows)| Chunk { kind, hour, batch: take(rows) }).collect()
}

/// Reads and checks a value.
fn content<'v>(
    layout: &Layout,
    reader: &mut Reader<'_>,
    record: &Record<'v>,
    framed: Option<&'v Framed<'v>>,
) -> Checked<Content<'v>> {
    if let Some(name) = record.headers().map(|header| header.name).find(|name| std::str::from_utf8(name).is_err()) {
        let detail = format!("header name {:?} is not UTF-8", String::from_utf8_lossy(name));
        return Err(Reject::new(Reason::HeaderName, None, detail));
    }
    if size(record) > MOST_BYTES {
        return Err(Reject::new(Reason::TooLarge, None, format!("a record of {} bytes", size(record))));
    }
    let (Some(framed), Some(value)) = (framed, record.value) else { return Ok(Content::Tombstone) };
    // Positions are the value's, unless the payload had to be inflated.
    let before = framed.framing.filter(|framing| !framing::is_compressed(framing)).map_or(0, <[u8]>::len);
    let (types, root) = (layout.types(), layout.root());
    let read = reader.read(root, &framed.payload, 0).and_then(|message| {
        check::required(types, root, &message)?;
        check::ranges(types, root, layout.columns(), &message)?;
        Ok(message)
    });
    match read {
        Ok(message) => Ok(Content::Row { raw: framed.raw(value), message }),
        Err(mut reject) => {
            reject.position = reject.position.map(|at| at + before);
            Err(reject)
        }
    }
}

fn size(record: &Record<'_>) -> usize {
    let bytes = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers().map(|header| header.name.len() + bytes(header.value)).sum();
    bytes(record.key) + bytes(record.value) + headers
}
