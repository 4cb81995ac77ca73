//! A range of records → the objects of its cut, decoded and encoded. Pure.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::chain::{ChainId, CutObject, object_key};
use crate::decode::{Chunk, DecodedObject, Decoder, Objects};
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
    pub layout: &'a Arc<Layout>,
    /// Columns that get a Bloom filter.
    pub bloom: &'a BTreeSet<String>,
    pub nonce: &'a str,
    /// Where the cut begins: the chain's end, which may lie before the first record.
    pub first: Offset,
    /// Where it ends, if that is decided already (a redo); else after the last record taken.
    pub next: Option<Offset>,
    pub max_hours: usize,
}

/// Decodes and encodes records, given in offset order and not before `making.first`. Nothing where there are none.
///
/// # Errors
/// Those of the Parquet writer, which no input is known to cause.
pub fn pack<'r>(
    workbench: &Workbench,
    making: Making<'_>,
    records: impl Iterator<Item = Record<'r>> + Clone,
    budget: &MemoryBudget,
) -> Result<Option<Packed>, EncodeError> {
    workbench.with(making.layout, making.bloom, |engines| {
        let mut range = OpenRange::new(&making.chain.partition, making.max_hours);
        let rest = range.push(engines, records)?;
        range.finish(engines, making, rest, budget)
    })
}

/// The engines of a lane, which all its partitions share: their workspace is large, and a lane works on one range at a time.
/// They are those of the rule last asked for.
#[derive(Clone, Default)]
pub struct Workbench(Arc<Mutex<Option<Engines>>>);

impl Workbench {
    fn with<T>(&self, layout: &Arc<Layout>, bloom: &BTreeSet<String>, work: impl FnOnce(&mut Engines) -> T) -> T {
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
}

impl OpenRange {
    fn new(partition: &TopicPartition, max_hours: usize) -> OpenRange {
        let objects = Objects::new(&partition.topic, partition.partition, max_hours);
        OpenRange { objects, open: BTreeMap::new() }
    }

    /// Decodes and encodes further records. Returns the first that was not taken.
    fn push<'r>(
        &mut self,
        engines: &mut Engines,
        records: impl Iterator<Item = Record<'r>> + Clone,
    ) -> Result<Option<Offset>, EncodeError> {
        let Engines { decoder, encoder, .. } = engines;
        let mut encoded = Ok(());
        let rest = decoder.decode(&mut self.objects, records, &mut |chunk| {
            if encoded.is_ok() {
                encoded = add(encoder, &mut self.open, &chunk);
            }
        });
        encoded.map(|()| rest)
    }

    fn finish(
        mut self,
        engines: &mut Engines,
        making: Making<'_>,
        rest: Option<Offset>,
        budget: &MemoryBudget,
    ) -> Result<Option<Packed>, EncodeError> {
        let Making { chain, layout, nonce, first, .. } = making;
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
pub(super) fn records(batches: &VecDeque<RawBatch>) -> impl Iterator<Item = Record<'_>> + Clone {
    batches.iter().flat_map(|batch| batch.records.iter())
}
