//! A range of records → the objects of its cut, decoded and encoded. Pure.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::chain::{ChainId, CutObject, object_key};
use crate::decode::{Decoded, DecodedObject, Decoder};
use crate::domain::{Digest, MemoryBudget, Offset, OffsetRange, Permit, RawBatch, Record};
use crate::encode::{EncodeError, ObjectFacts, encode};
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
    pub layout: &'a Layout,
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
    decoder: &mut Decoder,
    making: Making<'_>,
    records: impl Iterator<Item = Record<'r>>,
    budget: &MemoryBudget,
) -> Result<Option<Packed>, EncodeError> {
    let partition = &making.chain.partition;
    let mut last = None;
    let counted = records.inspect(|record| last = Some(record.offset));
    let Decoded { objects: decoded, rest, .. } =
        decoder.decode(&partition.topic, partition.partition, counted, making.max_hours);
    let next = making.next.or(rest).or(last.map(Offset::following));
    let Some(range) = next.and_then(|next| OffsetRange::new(making.first, next)) else { return Ok(None) };
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
        packed.add(object, making, budget)?;
    }
    Ok((!packed.objects.is_empty()).then_some(packed))
}

impl Packed {
    fn add(&mut self, object: &DecodedObject, making: Making<'_>, budget: &MemoryBudget) -> Result<(), EncodeError> {
        let Making { chain, layout, nonce, first, .. } = making;
        let facts = ObjectFacts {
            topic: chain.topic().clone(),
            topic_id: chain.topic_id,
            partition: chain.partition.partition,
            cut: self.range,
            cut_key: crate::chain::cut_key(chain, first),
            nonce: nonce.to_owned(),
            layout: layout.fingerprint(),
        };
        let bytes = encode(object, &facts)?;
        self.objects.push(CutObject {
            key: object_key(object.kind, layout.table(), object.hour, object.min_timestamp, chain, first),
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
        Ok(())
    }
}

/// Returns the records of some batches, in order.
pub(super) fn records(batches: &VecDeque<RawBatch>) -> impl Iterator<Item = Record<'_>> {
    batches.iter().flat_map(|batch| batch.records.iter())
}
