//! A range of records → the objects of its cut, decoded and encoded. Pure.
//!
//! **What it is.** A [`Range`] holds records raw, at the cost of their bytes. Once there is enough of them for row groups of their
//! own, they are packed ahead, so that a busy partition neither holds its minute raw nor encodes it in one go; what a quiet one
//! holds is packed when its cut is due.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::chain::{ChainId, CutObject, object_key};
use crate::decode::{CHUNK_ROWS, Chunk, DecodedObject, Decoder, Objects};
use crate::domain::{
    BucketHour, Digest, MemoryBudget, ObjectKind, Offset, OffsetRange, Permit, RawBatch, Record, TopicPartition,
};
use crate::encode::{EncodeError, Encoder, ObjectFacts, OpenObject};
use crate::schema::Layout;

/// An object ready to be uploaded.
#[derive(Debug)]
pub struct Body {
    pub bytes: Bytes,
    pub rows: u64,
    pub digest: Digest,
    _permit: Permit,
}

/// What became of the records of a range.
#[derive(Debug)]
pub struct Packed {
    pub range: OffsetRange,
    /// The first record that was not taken: it opens one bucket hour too many.
    pub rest: Option<Offset>,
    pub objects: Vec<CutObject>,
    /// One for each of `objects`.
    pub bodies: Vec<Body>,
    pub min_timestamp: Option<i64>,
    pub max_timestamp: Option<i64>,
    /// Records in quarantine, by reason.
    pub quarantined: BTreeMap<&'static str, u64>,
}

/// Which cut is being made.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    pub chain: &'a ChainId,
    pub nonce: &'a str,
    /// Where the cut begins: the chain's end, which may lie before the first record.
    pub first: Offset,
    /// Where it ends, if that is decided already (a redo); else after the last record taken.
    pub next: Option<Offset>,
}

/// So many bytes or records are packed before their cut is due: full chunks.
const AHEAD_BYTES: usize = 8 << 20;
const AHEAD_ROWS: usize = 2 * CHUNK_ROWS;

/// How the records of a range are packed.
#[derive(Clone, Copy)]
pub struct Packing<'a> {
    pub partition: &'a TopicPartition,
    pub layout: &'a Arc<Layout>,
    /// Columns that get a Bloom filter.
    pub bloom: &'a BTreeSet<String>,
    pub max_hours: usize,
    pub budget: &'a MemoryBudget,
}

/// Records of one partition in offset order, those before packed ahead.
#[derive(Default)]
pub struct Range {
    ahead: Option<Ahead>,
    raw: VecDeque<RawBatch>,
    /// Of `raw`.
    rows: usize,
    bytes: usize,
}

/// What is packed ahead.
struct Ahead {
    open: OpenRange,
    /// Of the first record, in milliseconds.
    timestamp: Option<i64>,
    _permit: Permit,
}

impl Range {
    pub fn push(&mut self, batch: RawBatch) {
        self.rows += batch.records.len();
        self.bytes += batch.records.payload_bytes();
        self.raw.push_back(batch);
    }

    pub fn is_empty(&self) -> bool {
        self.ahead.is_none() && self.raw.is_empty()
    }

    /// Whether the next record belongs to another range.
    pub fn is_full(&self) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| ahead.open.rest.is_some())
    }

    /// Returns the number of records that are held raw, and their bytes.
    pub fn raw(&self) -> (usize, usize) {
        (self.rows, self.bytes)
    }

    /// Returns the first record's timestamp in milliseconds.
    pub fn first_timestamp(&self) -> Option<i64> {
        match &self.ahead {
            Some(ahead) => ahead.timestamp,
            None => records(&self.raw).next()?.timestamp.millis(),
        }
    }

    /// Packs what is held raw, if it is enough.
    ///
    /// # Errors
    /// Those of the Parquet writer, which no input is known to cause.
    pub fn pack_ahead(&mut self, workbench: &Workbench, packing: Packing<'_>) -> Result<(), EncodeError> {
        if self.is_full() || self.rows < AHEAD_ROWS && self.bytes < AHEAD_BYTES {
            return Ok(());
        }
        let timestamp = self.first_timestamp();
        let open = self.packed(workbench, packing)?;
        let permit = packing.budget.take(open.held_bytes());
        self.ahead = Some(Ahead { open, timestamp, _permit: permit });
        Ok(())
    }

    /// Makes the objects of the cut. What belongs to another range stays. Nothing where there are no records.
    ///
    /// # Errors
    /// Those of the Parquet writer, which no input is known to cause.
    pub fn finish(
        &mut self,
        workbench: &Workbench,
        packing: Packing<'_>,
        making: Making<'_>,
    ) -> Result<Option<Packed>, EncodeError> {
        let open = self.packed(workbench, packing)?;
        workbench.with(packing, |engines| open.finish(engines, packing, making))
    }

    /// Packs everything that belongs to the range, and lets go of it raw.
    fn packed(&mut self, workbench: &Workbench, packing: Packing<'_>) -> Result<OpenRange, EncodeError> {
        let before = self.ahead.take().map(|ahead| ahead.open);
        let mut open = before.unwrap_or_else(|| OpenRange::new(packing.partition, packing.max_hours));
        if open.rest.is_none() {
            workbench.with(packing, |engines| open.push(engines, records(&self.raw)))?;
        }
        for mut batch in std::mem::take(self).raw {
            if let Some(rest) = open.rest {
                batch.records.drop_before(rest);
                if !batch.records.is_empty() {
                    self.push(batch);
                }
            }
        }
        Ok(open)
    }
}

/// The engines of a lane, which all its partitions share: their workspace is large, and a lane works on one range at a time.
/// They are those of the rule last asked for.
#[derive(Clone, Default)]
pub struct Workbench(Arc<Mutex<Option<Engines>>>);

impl Workbench {
    fn with<T>(&self, packing: Packing<'_>, work: impl FnOnce(&mut Engines) -> T) -> T {
        let Packing { layout, bloom, .. } = packing;
        // Never waited for: only the lane's own thread works here. Engines that a panic left behind are not used again.
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = shared.take().filter(|engines| engines.serve(layout, bloom));
        let mut engines = fitting.unwrap_or_else(|| Engines::new(layout, bloom));
        let done = work(&mut engines);
        *shared = Some(engines);
        done
    }
}

/// What works on the ranges of one layout.
struct Engines {
    bloom: BTreeSet<String>,
    decoder: Decoder,
    encoder: Encoder,
}

impl Engines {
    fn new(layout: &Arc<Layout>, bloom: &BTreeSet<String>) -> Engines {
        let encoder = Encoder::new(layout.clone()).with_filters(bloom.clone());
        Engines { bloom: bloom.clone(), decoder: Decoder::new(layout.clone()), encoder }
    }

    fn serve(&self, layout: &Layout, bloom: &BTreeSet<String>) -> bool {
        self.decoder.layout().fingerprint() == layout.fingerprint() && self.bloom == *bloom
    }
}

/// A range in the making: its objects as far as they are encoded.
struct OpenRange {
    objects: Objects,
    open: BTreeMap<(ObjectKind, BucketHour), OpenObject>,
    /// The first record that was not taken: it opens one bucket hour too many.
    rest: Option<Offset>,
}

impl OpenRange {
    fn new(partition: &TopicPartition, max_hours: usize) -> OpenRange {
        let objects = Objects::new(&partition.topic, partition.partition, max_hours);
        OpenRange { objects, open: BTreeMap::new(), rest: None }
    }

    fn held_bytes(&self) -> usize {
        self.open.values().map(OpenObject::held_bytes).sum()
    }

    /// Decodes and encodes further records, up to the first that belongs to another range.
    fn push<'r>(
        &mut self,
        engines: &mut Engines,
        records: impl Iterator<Item = Record<'r>> + Clone,
    ) -> Result<(), EncodeError> {
        let Engines { decoder, encoder, .. } = engines;
        let mut encoded = Ok(());
        self.rest = decoder.decode(&mut self.objects, records, &mut |chunk| {
            if encoded.is_ok() {
                encoded = add(encoder, &mut self.open, &chunk);
            }
        });
        encoded
    }

    fn finish(
        mut self,
        engines: &mut Engines,
        packing: Packing<'_>,
        making: Making<'_>,
    ) -> Result<Option<Packed>, EncodeError> {
        let Packing { layout, budget, .. } = packing;
        let Making { chain, nonce, first, .. } = making;
        let rest = self.rest;
        let next = making.next.or(rest).or(self.objects.next());
        let Some(range) = next.and_then(|next| OffsetRange::new(first, next)) else { return Ok(None) };
        let decoded = self.objects.finish();
        let facts = ObjectFacts {
            topic: chain.topic().clone(),
            topic_id: chain.topic_id,
            partition: chain.partition.partition,
            cut: range,
            cut_key: crate::chain::cut_key(chain, first),
            nonce: nonce.to_owned(),
        };
        let mut packed = Packed {
            range,
            rest,
            objects: Vec::with_capacity(decoded.len()),
            bodies: Vec::with_capacity(decoded.len()),
            min_timestamp: decoded.iter().filter_map(|object| object.min_timestamp).min(),
            max_timestamp: decoded.iter().filter_map(|object| object.max_timestamp).max(),
            quarantined: BTreeMap::new(),
        };
        for object in &decoded {
            let open = self.open.remove(&(object.kind, object.hour)).expect("an object has the rows it counts");
            let bytes = engines.encoder.finish(open, object, &facts)?;
            let key = object_key(object.kind, layout.table(), object.hour, object.min_timestamp, chain, first);
            packed.add(object, key, bytes, budget);
        }
        Ok((!packed.objects.is_empty()).then_some(packed))
    }
}

fn add(
    encoder: &mut Encoder,
    open: &mut BTreeMap<(ObjectKind, BucketHour), OpenObject>,
    chunk: &Chunk,
) -> Result<(), EncodeError> {
    let object = match open.entry((chunk.kind, chunk.hour)) {
        Entry::Occupied(object) => object.into_mut(),
        Entry::Vacant(place) => place.insert(encoder.open(chunk.kind)?),
    };
    encoder.push(object, &chunk.batch)
}

impl Packed {
    fn add(&mut self, object: &DecodedObject, key: String, bytes: Bytes, budget: &MemoryBudget) {
        self.objects.push(CutObject {
            key,
            kind: object.kind,
            hour: object.hour,
            rows: object.rows,
            first: object.span.first(),
            next: object.span.next(),
            digest: object.digest,
        });
        // Made from bytes that are let go next: refusing the permit would keep both.
        let permit = budget.take(bytes.len());
        self.bodies.push(Body { bytes, rows: object.rows, digest: object.digest, _permit: permit });
        for (reason, records) in &object.reasons {
            *self.quarantined.entry(reason).or_default() += records;
        }
    }
}

/// Returns the records of some batches, in order.
fn records(batches: &VecDeque<RawBatch>) -> impl Iterator<Item = Record<'_>> + Clone {
    batches.iter().flat_map(|batch| batch.records.iter())
}
