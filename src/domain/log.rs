//! What can be said of a partition's log without reading it.

use super::Offset;

/// The offsets a partition's log holds: `first..stable_end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    pub first: Offset,
    /// Last stable offset: what a `read_committed` reader can reach.
    pub stable_end: Offset,
}

/// Where an operator wants a new chain to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum StartAt {
    #[default]
    Earliest,
    Latest,
    /// The first record at or after this time, in milliseconds since the epoch.
    Time(i64),
}
