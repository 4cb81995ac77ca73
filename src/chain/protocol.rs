//! What the state machine of a chain hears and says.

use super::problem::Problem;
use super::{Cut, CutObject};
use crate::domain::{Bounds, Digest, Offset, StartAt, TopicId};

/// An answer that tells nothing: look, or ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unclear;

/// What an object in the bucket says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    pub rows: u64,
    pub nonce: String,
    pub digest: Digest,
}

impl Seen {
    /// Returns what stands for an object that does not say who it is: it matches no cut.
    pub fn stranger() -> Seen {
        Seen { rows: u64::MAX, nonce: String::new(), digest: Digest([0; 32]) }
    }
}

/// A range the lane has decoded and encoded, ready to be decided.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Past the last record.
    pub next: Offset,
    pub layout: Digest,
    pub nonce: String,
    pub min_timestamp: Option<i64>,
    pub max_timestamp: Option<i64>,
    pub objects: Vec<CutObject>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The group gave us the partition.
    Assigned,
    TopicId(Result<TopicId, Unclear>),
    /// The first key of the chain's listing and its bytes.
    Tip(Result<Option<(String, Vec<u8>)>, Unclear>),
    Bounds(Result<Bounds, Unclear>),
    StartOffset(Result<Offset, Unclear>),
    /// The read position is not in the log any more, or the log ends before the range that is read again.
    OutOfRange,
    Proposed(Proposal),
    /// What is buffered could not be made into objects.
    CannotPack(String),
    CutPut(Result<(), Unclear>),
    CutSeen(Result<Option<Vec<u8>>, Unclear>),
    ObjectPut(usize, Result<(), Unclear>),
    ObjectSeen(usize, Result<Option<Seen>, Unclear>),
    /// The range of the cut under way was read and encoded again with the cut's layout; objects as far as Kafka still had
    /// their records.
    Redone(Vec<CutObject>),
    /// The cut's layout cannot be had or used.
    RedoImpossible(String),
    LossPut(Result<(), Unclear>),
    LossSeen(Result<Option<Vec<u8>>, Unclear>),
    /// Reading has ended (revoked, or the process stops).
    LetGo,
}

/// What to do, with the number of tries that went before (for the back-off).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    pub attempt: u32,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    AskTopicId,
    FindTip {
        prefix: String,
    },
    AskBounds,
    AskStart(StartAt),
    /// Drop what is buffered and read from here.
    Read {
        from: Offset,
    },
    /// Drop what is buffered; read nothing.
    StopReading,
    PutCut {
        key: String,
        bytes: Vec<u8>,
    },
    LookAtCut {
        key: String,
    },
    /// Upload the body with this index into the cut's objects.
    PutObject {
        index: usize,
        key: String,
    },
    LookAtObject {
        index: usize,
        key: String,
    },
    /// Drop what is buffered, read the cut's range again from `from`, encode it with the cut's layout, answer `Redone`.
    Redo {
        cut: Box<Cut>,
        from: Offset,
    },
    PutLoss {
        key: String,
        bytes: Vec<u8>,
    },
    LookAtLoss {
        key: String,
    },
    /// A cut is whole: report it.
    Finished {
        cut: Box<Cut>,
        by: Finisher,
    },
    /// Nothing is left to do for a partition that was let go.
    Released,
    /// Stop this partition and page.
    Halt(Box<Problem>),
}

/// Who made a finished cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finisher {
    /// This process decided it.
    Us,
    /// It was there: from an earlier life, or another process.
    Adopted,
}

/// Where a partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Idle,
    Identifying,
    FindingTip,
    /// Finishing a cut that was there; nothing new is read.
    Settling,
    Positioning,
    Reading,
    LettingGo,
    Halted,
}

/// The chain's end as far as it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tip {
    pub next: Offset,
    /// BLAKE3 of the newest cut record; nothing in an empty chain.
    pub previous: Option<Digest>,
}

pub(super) fn command(attempt: u32, action: Action) -> Command {
    Command { attempt, action }
}
