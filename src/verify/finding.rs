//! What an archive can have wrong with it, said so that a person can act on it.

use std::fmt;

use serde::Serialize;

use crate::chain::ChainId;
use crate::domain::{Offset, OffsetRange, Topic};

/// What sort of wrong it is, for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Missing,
    Doubled,
    Foreign,
    Altered,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Class::Missing => "missing",
            Class::Doubled => "doubled",
            Class::Foreign => "foreign",
            Class::Altered => "altered",
        }
    }
}

/// What is wrong. [`FindingKind::says`] is the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    MissingCut,
    TruncatedChain,
    MissingObject,
    NotArchived,
    OverlappingCuts,
    DoubledRows,
    StrangeObject,
    StrangeKey,
    ForeignCluster,
    UnreadableRecord,
    NewerRecord,
    MisplacedRecord,
    BrokenLink,
    ContradictoryCut,
    WrongObject,
    UnreadableObject,
    WrongRecords,
    UnreadableLayout,
    AheadOfLog,
}

/// A row of the table: the class, what it means, what to do.
type Says = (Class, &'static str, &'static str);

impl FindingKind {
    fn says(self) -> Says {
        use Class::*;
        match self {
            FindingKind::MissingCut => (
                Missing,
                "cuts join without a hole, so a cut record was deleted here, or never copied",
                "restore it from the bucket's versions or a copy",
            ),
            FindingKind::TruncatedChain => (
                Missing,
                "the chain reached further once, so its newest cut records were deleted or put back to an older state",
                "restore them from the bucket's versions or a copy before a writer goes on from here",
            ),
            FindingKind::MissingObject => (
                Missing,
                "its cut has a successor, so it was whole once; no loss record names it",
                "restore it from the bucket's versions or a copy",
            ),
            FindingKind::NotArchived => (
                Missing,
                "Kafka has dropped these offsets and no cut covers them; a running daemon would write a gap cut",
                "see why the daemon fell behind the topic's retention; nothing can bring the records back",
            ),
            FindingKind::OverlappingCuts => (
                Doubled,
                "a writer begins a cut only where another ends, so one of the two is forged or was put there by hand",
                "compare both with `alluvium inspect`; keep the one whose successor names its hash",
            ),
            FindingKind::DoubledRows => (
                Doubled,
                "a record is in one object of its cut, so these objects were not made by a sound writer",
                "report it with both objects; replay refuses the range",
            ),
            FindingKind::StrangeObject => (
                Foreign,
                "readers list it, and no cut record names it: its rows may be doubled or made up, or its cut was deleted",
                "find out who wrote it (the bucket's access log), then move it away, or restore its cut",
            ),
            FindingKind::StrangeKey => (
                Foreign,
                "this program writes no such key in a chain's folder",
                "find out who wrote it, then move it away",
            ),
            FindingKind::ForeignCluster => (
                Foreign,
                "two Kafka clusters wrote under one prefix",
                "give each cluster a prefix of its own in `archive.url`",
            ),
            FindingKind::UnreadableRecord => (
                Altered,
                "it was damaged or overwritten: records are created once and whole",
                "restore it from the bucket's versions or a copy",
            ),
            FindingKind::NewerRecord => {
                (Foreign, "a newer alluvium wrote it", "verify with the newest version of alluvium that writes here")
            }
            FindingKind::MisplacedRecord => {
                (Foreign, "it was copied here from elsewhere", "restore the record that belongs here, or move it away")
            }
            FindingKind::BrokenLink => (
                Altered,
                "the cut after it was written after other bytes: one of the two was forged or overwritten",
                "restore it from the bucket's versions; anchors kept elsewhere tell which of two is true",
            ),
            FindingKind::ContradictoryCut => (
                Altered,
                "no writer makes such a cut record: it was forged, or a writer has a defect",
                "compare it with the bucket's versions, and report it if it was always so",
            ),
            FindingKind::WrongObject => (
                Altered,
                "it is not the object its cut names: swapped, overwritten, or written by somebody else",
                "restore it from the bucket's versions or a copy",
            ),
            FindingKind::UnreadableObject => (
                Altered,
                "its bytes were damaged or cut short, or it is no Parquet file",
                "restore it from the bucket's versions or a copy",
            ),
            FindingKind::WrongRecords => (
                Altered,
                "its rows are not the records that were archived",
                "restore it from the bucket's versions or a copy",
            ),
            FindingKind::UnreadableLayout => (
                Altered,
                "rows that keep no payload cannot be made records again without it",
                "restore it from a copy, or run the version of alluvium that wrote it",
            ),
            FindingKind::AheadOfLog => (
                Altered,
                "the log was truncated or restored, or the newest cuts are forged",
                "compare the newest cuts with Kafka; archive a restored log under a new prefix",
            ),
        }
    }

    pub fn class(self) -> Class {
        self.says().0
    }
}

/// One thing wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub class: Class,
    /// The chain; null where the key tells none.
    pub topic: Option<Topic>,
    pub topic_id: Option<String>,
    pub partition: Option<i32>,
    /// The offsets in question; null where nothing tells them.
    pub first: Option<Offset>,
    pub next: Option<Offset>,
    pub key: String,
    pub what: String,
    pub why: &'static str,
    pub remedy: &'static str,
}

impl Finding {
    pub fn new(kind: FindingKind, key: impl Into<String>, what: impl Into<String>) -> Finding {
        let (class, why, remedy) = kind.says();
        Finding {
            kind,
            class,
            topic: None,
            topic_id: None,
            partition: None,
            first: None,
            next: None,
            key: key.into(),
            what: what.into(),
            why,
            remedy,
        }
    }

    pub fn of(self, chain: &ChainId) -> Finding {
        Finding {
            topic: Some(chain.topic().clone()),
            topic_id: Some(chain.topic_id.to_string()),
            partition: Some(chain.partition.partition),
            ..self
        }
    }

    pub fn at(self, range: Option<OffsetRange>) -> Finding {
        Finding { first: range.map(OffsetRange::first), next: range.map(OffsetRange::next), ..self }
    }

    pub fn range(&self) -> Option<OffsetRange> {
        OffsetRange::new(self.first?, self.next?)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.class.word().to_uppercase())?;
        if let (Some(topic), Some(partition)) = (&self.topic, self.partition) {
            write!(f, "{topic}/{partition} ")?;
        }
        if let Some(range) = self.range() {
            write!(f, "{range} ")?;
        }
        write!(f, "{}\n  what: {}\n  why: {}\n  do: {}", self.key, self.what, self.why, self.remedy)
    }
}
