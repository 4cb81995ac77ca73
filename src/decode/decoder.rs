//! The loop: record by record, into the object of its hour.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::envelope::Origin;
use super::framing::{self, Framed};
use super::json::Json;
use super::part::{QuarantinePart, RowsPart};
use super::reject::{Checked, Reason, Reject};
use super::value::{Message, Value};
use super::wire::{MOST_BYTES, Oddities, Reader};
use super::{Decoded, check, time};
use crate::domain::{BucketHour, Record, Topic};
use crate::schema::Layout;

/// Reads records by one layout.
pub struct Decoder {
    layout: Arc<Layout>,
    /// The layout's descriptor fingerprint as text: what `_schema` says where the producer named nothing.
    descriptor: String,
}

impl Decoder {
    pub fn new(layout: Arc<Layout>) -> Decoder {
        let descriptor = layout.descriptor().to_string();
        Decoder { layout, descriptor }
    }

    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Takes records in offset order until they end, or the next would open the `max_hours + 1`th different bucket hour, or
    /// the objects hold as many bytes as Arrow's 32-bit offsets allow. At least one record is always taken.
    pub fn decode<'a>(
        &mut self,
        topic: &Topic,
        partition: i32,
        records: impl Iterator<Item = Record<'a>>,
        max_hours: usize,
    ) -> Decoded {
        let mut work = Work::new(&self.layout, &self.descriptor, topic, partition);
        let mut rest = None;
        for record in records {
            if !work.take(&record, max_hours.max(1)) {
                rest = Some(record.offset);
                break;
            }
        }
        work.finish(rest)
    }
}

/// One call of [`Decoder::decode`].
struct Work<'d> {
    layout: &'d Layout,
    descriptor: &'d str,
    topic: &'d Topic,
    partition: i32,
    hours: BTreeSet<BucketHour>,
    rows: BTreeMap<BucketHour, RowsPart>,
    quarantine: BTreeMap<BucketHour, QuarantinePart>,
    records: u64,
    /// Bytes of values, keys and headers taken, and of the texts made from them.
    bytes: usize,
    oddities: Oddities,
}

/// A value that passed all checks, or a tombstone.
enum Content<'v> {
    Tombstone,
    Row { raw: &'v [u8], message: Message<'v> },
}

impl<'d> Work<'d> {
    fn new(layout: &'d Layout, descriptor: &'d str, topic: &'d Topic, partition: i32) -> Work<'d> {
        Work {
            layout,
            descriptor,
            topic,
            partition,
            hours: BTreeSet::new(),
            rows: BTreeMap::new(),
            quarantine: BTreeMap::new(),
            records: 0,
            bytes: 0,
            oddities: Oddities::default(),
        }
    }

    /// Takes the record, or says that it belongs to the next range.
    fn take(&mut self, record: &Record<'_>, max_hours: usize) -> bool {
        if self.bytes > MOST_BYTES {
            return false;
        }
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
        if !self.hours.contains(&hour) && self.hours.len() == max_hours {
            return false;
        }
        self.hours.insert(hour);
        self.keep(record, framed, content, hour, reader.oddities);
        true
    }

    fn keep(
        &mut self,
        record: &Record<'_>,
        framed: Option<&Framed<'_>>,
        content: Checked<Content<'_>>,
        hour: BucketHour,
        oddities: Oddities,
    ) {
        let origin = Origin {
            schema: framed.and_then(|framed| framed.schema.as_deref()).unwrap_or(self.descriptor),
            framing: framed.and_then(|framed| framed.framing),
        };
        let (layout, topic, partition) = (self.layout, self.topic, self.partition);
        self.records += 1;
        self.bytes += size(record);
        match content {
            Err(reject) => {
                let part = self.quarantine.entry(hour).or_insert_with(|| QuarantinePart::new(topic, partition));
                part.refused(record, origin, &reject, self.descriptor);
            }
            Ok(Content::Tombstone) => {
                let part = self.rows.entry(hour).or_insert_with(|| RowsPart::new(layout, topic, partition));
                part.tombstone(record, origin);
            }
            Ok(Content::Row { raw, message }) => {
                let part = self.rows.entry(hour).or_insert_with(|| RowsPart::new(layout, topic, partition));
                let mut json = Json::new(layout.types());
                part.row(record, origin, raw, &mut json, &message);
                self.bytes += json.spent();
                self.oddities.add(Oddities { nulled_parts: json.nulled, ..oddities });
            }
        }
    }

    /// Returns the time that the layout's rule names, in milliseconds; nothing where the row has none.
    fn event_time(&self, message: &Message<'_>) -> Option<i64> {
        let mut at = message;
        for index in self.layout.time_path()? {
            at = at.one(*index).and_then(Value::message)?;
        }
        time::micros(at).map(|micros| micros.div_euclid(1_000))
    }

    fn finish(self, rest: Option<crate::domain::Offset>) -> Decoded {
        let layout = self.layout;
        let rows = self.rows.into_iter().map(|(hour, part)| part.finish(hour, layout));
        let quarantine = self.quarantine.into_iter().map(|(hour, part)| part.finish(hour, layout));
        Decoded { objects: rows.chain(quarantine).collect(), records: self.records, rest, oddities: self.oddities }
    }
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
