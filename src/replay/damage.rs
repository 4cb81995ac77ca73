//! What an archive can have wrong with it.

use std::fmt;

use serde::Serialize;

use crate::chain::ChainId;
use crate::domain::{Offset, OffsetRange, Topic};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageKind {
    /// No cut covers the range.
    Hole,
    /// Two cuts cover the range.
    Overlap,
    /// A cut record is not the one its successor was written after.
    BrokenLink,
    /// A cut or loss record cannot be read.
    UnreadableRecord,
    /// A cut record is not the one it was when the replay was planned.
    ChangedRecord,
    MissingObject,
    UnreadableObject,
    /// The object's rows keep no payloads, and the layout that makes them is missing or damaged.
    UnreadableLayout,
    /// An object's records are not those the cut names.
    WrongRecords,
}

/// One fault, and where it is. A replay that finds one emits nothing of its range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    pub kind: DamageKind,
    pub topic: Topic,
    pub partition: i32,
    /// Null where the record that would tell it cannot be read.
    pub first: Option<Offset>,
    pub next: Option<Offset>,
    pub key: String,
    pub detail: String,
}

impl Damage {
    pub(super) fn new(
        kind: DamageKind,
        chain: &ChainId,
        range: Option<OffsetRange>,
        key: impl Into<String>,
        detail: impl Into<String>,
    ) -> Damage {
        Damage {
            kind,
            topic: chain.topic().clone(),
            partition: chain.partition.partition,
            first: range.map(OffsetRange::first),
            next: range.map(OffsetRange::next),
            key: key.into(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DamageKind::Hole => "no cut covers these offsets",
            DamageKind::Overlap => "two cuts cover these offsets",
            DamageKind::BrokenLink => "the hash chain is broken",
            DamageKind::UnreadableRecord => "the record cannot be read",
            DamageKind::ChangedRecord => "the record was changed",
            DamageKind::MissingObject => "the object is missing",
            DamageKind::UnreadableObject => "the object cannot be read",
            DamageKind::UnreadableLayout => "its payloads cannot be made again without their layout",
            DamageKind::WrongRecords => "the object's records are not those that were archived",
        };
        write!(f, "{}/{}", self.topic, self.partition)?;
        if let (Some(first), Some(next)) = (self.first, self.next) {
            write!(f, " {first}..{next}")?;
        }
        write!(f, ", {}: {what}", self.key)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}
