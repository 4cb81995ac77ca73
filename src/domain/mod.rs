//! The vocabulary, in the order a record meets it. Nothing here knows a clock, a network, a runtime or a log.
//!
//! One word per idea: a *record* is what Kafka holds, a *row* what became of it; a *partition* is Kafka's, a folder of the
//! table is a *bucket hour*; a *range* of offsets is half-open, `first..next`, so nobody ever adds one.

mod budget;
mod digest;
mod hour;
mod log;
mod offset;
mod padded;
mod partition;
mod record;

pub use budget::{MemoryBudget, Permit};
pub use digest::{Digest, RecordDigest};
pub use hour::BucketHour;
pub use log::{Bounds, StartAt};
pub use offset::{Offset, OffsetRange};
pub use padded::{PAD, Padded};
pub use partition::{Topic, TopicId, TopicPartition};
pub use record::{Header, RawBatch, Record, Records, Timestamp};

/// What an object of the archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Decoded rows of the table.
    Rows,
    /// Records that could not become rows, raw, with the reason.
    Quarantine,
}
