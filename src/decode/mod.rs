//! Records → columns.                                                                                             engine
//!
//! **What it is.** [`Decoder`] reads protobuf payloads by a layout and sorts them, hour by hour, into objects of rows; what
//! cannot become a row goes, raw, into an object of quarantine.
//!
//! **Flow.** record → [`framing`] → payload → [`wire`] (bytes to a tree, by protobuf's rules) → [`check`] (what only the whole
//! tells) → [`columns`] and [`envelope`] → [`part`], one per kind and bucket hour. [`json`] writes what no column holds.
//!
//! **Promises.** The result is a function of layout and records: no clock, no randomness, no order of a hash map. Every record
//! taken is in exactly one object. Nothing is allocated, sliced or recursed by a number that a payload claims.
//!
//! **Failure.** There is none: bad input is normal input, and [`Reason`] is the closed list of what may be wrong with it.
//!
//! **Not here.** Parquet (`encode`), cuts, what the hours' objects are called.

mod check;
mod columns;
mod cursor;
mod decoder;
mod envelope;
mod framing;
mod json;
mod part;
mod reject;
mod time;
mod value;
mod wire;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use crate::domain::{BucketHour, Digest, ObjectKind, Offset, OffsetRange};

pub use decoder::Decoder;
pub use framing::is_compressed;
pub use reject::Reason;
pub use wire::Oddities;

/// What became of some records.
#[derive(Debug)]
pub struct Decoded {
    /// By kind, then hour.
    pub objects: Vec<DecodedObject>,
    /// Records taken: the sum of the objects' rows.
    pub records: u64,
    /// The first record that was not taken, since one more hour or byte would have been too many.
    pub rest: Option<Offset>,
    /// What the rows say less than their payloads, summed.
    pub oddities: Oddities,
}

/// The content of one object.
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
    /// Fingerprint of the descriptor set they were read with.
    pub descriptor: Digest,
    pub batch: RecordBatch,
    /// How many records each reason brought here; empty for rows.
    pub reasons: BTreeMap<&'static str, u64>,
}

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
