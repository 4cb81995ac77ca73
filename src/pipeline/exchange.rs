//! What lanes hear and say, and what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::request::{Answer, Request};
use super::route::Route;
use crate::cutter;
use crate::domain::{MemoryBudget, RawBatch, TopicPartition};
use crate::source::{Scan, SourceCommand};
use crate::telemetry::{Metrics, StatusBoard};

/// The time, read once for an input: monotonic for decisions, wall for what people read.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub monotonic: Duration,
    pub wall: Timestamp,
}

/// What happens to a lane.
#[derive(Debug)]
pub enum Input {
    /// A partition is ours from now on.
    Take {
        partition: TopicPartition,
        route: Arc<Route>,
    },
    Records(RawBatch),
    OutOfRange {
        partition: TopicPartition,
        generation: u64,
    },
    Scanned(Scan),
    Answer {
        partition: TopicPartition,
        life: u64,
        answer: Answer,
    },
    /// The partition is to be given back; `reply` is sent when its newest cut is whole.
    LetGo {
        partition: TopicPartition,
        reply: oneshot::Sender<()>,
    },
    /// The partition is gone already.
    Drop(TopicPartition),
    Tick,
}

/// What a lane wants done.
#[derive(Debug)]
pub enum Effect {
    /// Carry a request out (after the back-off for `attempt`) and bring the answer.
    Ask {
        partition: TopicPartition,
        life: u64,
        attempt: u32,
        request: Request,
    },
    Source(SourceCommand),
}

/// What all lanes of a process share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub cut: cutter::Options,
    pub budget: MemoryBudget,
    pub metrics: Metrics,
    pub board: StatusBoard,
    /// The Kafka cluster's id; empty where unknown.
    pub cluster: String,
    /// What this process calls itself in cut records.
    pub writer: String,
    pub numbers: Arc<AtomicU64>,
}

impl Shared {
    /// Returns a number no life and no generation of this process had before.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}
