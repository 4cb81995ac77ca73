//! What is known of a range's objects while its records are decoded, and the chunks their rows come in.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use super::raw::RawReason;
use super::reject::Reason;
use crate::domain::{BucketHour, Digest, ObjectKind, Offset, OffsetRange, Record, RecordDigest, Topic};

/// Rows of one object. An object's rows are its chunks, one after the other.
#[derive(Debug)]
pub struct Chunk {
    pub kind: ObjectKind,
    pub hour: BucketHour,
    pub batch: RecordBatch,
}

/// What an object holds, besides its rows.
#[derive(Debug)]
pub struct DecodedObject {
    pub kind: ObjectKind,
    pub hour: BucketHour,
    /// From its first record to behind its last.
    pub span: OffsetRange,
    pub rows: u64,
    /// The records' timestamps, in milliseconds; nothing where no record has one.
    pub min_timestamp: Option<i64>,
    pub max_timestamp: Option<i64>,
    /// Over its records, in offset order.
    pub digest: Digest,
    /// How many records each reason brought here; empty for rows.
    pub reasons: BTreeMap<&'static str, u64>,
    /// How many records keep their payload in `_raw`, by reason; empty for quarantine.
    pub raw: BTreeMap<&'static str, u64>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// A row, which keeps its payload if there is a reason.
    Row(Option<RawReason>),
    Refused(Reason),
}

impl Outcome {
    pub fn kind(self) -> ObjectKind {
        match self {
            Outcome::Row(_) => ObjectKind::Rows,
            Outcome::Refused(_) => ObjectKind::Quarantine,
        }
    }
}

/// The objects of one range of one partition: which there are, and what their records amount to. Grows with the range, and
/// holds no rows.
#[derive(Debug)]
pub struct Objects {
    pub(super) topic: Topic,
    pub(super) partition: i32,
    max_hours: usize,
    tallies: BTreeMap<(ObjectKind, BucketHour), Tally>,
    next: Option<Offset>,
}

impl Objects {
    /// A range that may hold records of `max_hours` different bucket hours, one at least.
    pub fn new(topic: &Topic, partition: i32, max_hours: usize) -> Objects {
        let (topic, max_hours) = (topic.clone(), max_hours.max(1));
        Objects { topic, partition, max_hours, tallies: BTreeMap::new(), next: None }
    }

    /// Returns the offset behind the last record taken.
    pub fn next(&self) -> Option<Offset> {
        self.next
    }

    /// Returns the objects by kind, then hour.
    pub fn finish(self) -> Vec<DecodedObject> {
        self.tallies.into_iter().map(|((kind, hour), tally)| tally.finish(kind, hour)).collect()
    }

    /// Whether the range has place for the hours it holds and `others`, which may repeat.
    pub(super) fn has_place_for(&self, others: &[BucketHour]) -> bool {
        let mut hours: Vec<_> = self.tallies.keys().map(|(_, hour)| hour).chain(others).collect();
        hours.sort_unstable();
        hours.dedup();
        hours.len() <= self.max_hours
    }

    /// Takes records into the objects of their kinds and hours.
    pub(super) fn count<'a>(&mut self, records: impl Iterator<Item = (Record<'a>, (BucketHour, Outcome))>) {
        let mut records = records.peekable();
        while let Some((first, (hour, outcome))) = records.peek() {
            // Neighbours mostly go the same way.
            let (hour, kind) = (*hour, outcome.kind());
            let tally = self.tallies.entry((kind, hour)).or_insert_with(|| Tally::new(first.offset));
            while let Some((record, (_, outcome))) =
                records.next_if(|(_, (other, outcome))| (*other, outcome.kind()) == (hour, kind))
            {
                tally.count(&record, outcome);
                self.next = Some(record.offset.following());
            }
        }
    }
}

#[derive(Debug)]
struct Tally {
    span: OffsetRange,
    rows: u64,
    min_timestamp: Option<i64>,
    max_timestamp: Option<i64>,
    digest: RecordDigest,
    reasons: BTreeMap<&'static str, u64>,
    raw: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn new(first: Offset) -> Tally {
        Tally {
            span: OffsetRange::only(first),
            rows: 0,
            min_timestamp: None,
            max_timestamp: None,
            digest: RecordDigest::default(),
            reasons: BTreeMap::new(),
            raw: BTreeMap::new(),
        }
    }

    fn count(&mut self, record: &Record<'_>, outcome: Outcome) {
        self.span = self.span.extended(record.offset);
        self.rows += 1;
        if let Some(millis) = record.timestamp.millis() {
            self.min_timestamp = Some(self.min_timestamp.map_or(millis, |min| min.min(millis)));
            self.max_timestamp = Some(self.max_timestamp.map_or(millis, |max| max.max(millis)));
        }
        self.digest.update(record);
        match outcome {
            Outcome::Row(None) => {}
            Outcome::Row(Some(reason)) => *self.raw.entry(reason.as_str()).or_default() += 1,
            Outcome::Refused(reason) => *self.reasons.entry(reason.as_str()).or_default() += 1,
        }
    }

    fn finish(self, kind: ObjectKind, hour: BucketHour) -> DecodedObject {
        DecodedObject {
            kind,
            hour,
            span: self.span,
            rows: self.rows,
            min_timestamp: self.min_timestamp,
            max_timestamp: self.max_timestamp,
            digest: self.digest.finish(),
            reasons: self.reasons,
            raw: self.raw,
        }
    }
}
