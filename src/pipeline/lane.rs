//! A lane: the partitions one worker thread owns, with everything that happens to them in order.
//!
//! **What it is.** [`Lane::handle`] takes one input and the time and returns the effects; it never waits. The thread around
//! it is in [`super::worker`]; tests drive it by hand.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::partition::Work;
use super::report;
use super::request::{Answer, Request};
use super::route::Route;
use crate::chain::Event;
use crate::cutter;
use crate::domain::{MemoryBudget, RawBatch, TopicPartition};
use crate::source::{Scan, SourceCommand};
use crate::telemetry::{Metrics, StatusBoard};

/// From this share of the budget on, in percent, each lane closes its largest range early.
const MEMORY_HIGH: usize = 70;

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

/// The partitions of one worker.
pub struct Lane {
    shared: Shared,
    works: HashMap<TopicPartition, Work>,
}

impl Lane {
    pub fn new(shared: Shared) -> Lane {
        Lane { shared, works: HashMap::new() }
    }

    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Take { partition, route } => self.take(partition, route, now, &mut effects),
            Input::Records(batch) => {
                if let Some(work) = self.works.get_mut(&batch.partition) {
                    work.on_records(batch, now, &mut effects);
                }
            }
            Input::OutOfRange { partition, generation } => {
                self.with(&partition, |work| work.on_out_of_range(generation, now, &mut effects));
            }
            Input::Scanned(scan) => self.with(&scan.partition, |work| work.on_scanned(&scan, now, &mut effects)),
            Input::Answer { partition, life, answer } => self.with(&partition, |work| {
                if work.life == life {
                    work.on_answer(answer, now, &mut effects);
                }
            }),
            Input::LetGo { partition, reply } => {
                self.with(&partition, |work| work.let_go(reply, now, &mut effects));
            }
            Input::Drop(partition) => self.forget(&partition),
            Input::Tick => self.tick(now, &mut effects),
        }
        self.forget_released();
        effects
    }

    fn with(&mut self, partition: &TopicPartition, act: impl FnOnce(&mut Work)) {
        if let Some(work) = self.works.get_mut(partition) {
            act(work);
        }
    }

    fn take(&mut self, partition: TopicPartition, route: Arc<Route>, now: Now, effects: &mut Vec<Effect>) {
        let mut work = Work::new(partition.clone(), self.shared.next_number(), route, self.shared.clone());
        work.step(Event::Assigned, now, effects);
        self.shared.board.set(&partition, report::status(&work, now));
        self.works.insert(partition, work);
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for work in self.works.values_mut() {
            work.cut_if_due(now, effects);
        }
        if self.shared.budget.percent() >= MEMORY_HIGH {
            let open = self.works.values_mut().filter(|work| work.machine.is_open());
            if let Some(largest) = open.max_by_key(|work| work.cutter.bytes()) {
                largest.cut("memory", now, effects);
            }
        }
        for (partition, work) in &self.works {
            self.shared.board.set(partition, report::status(work, now));
        }
    }

    fn forget_released(&mut self) {
        let over: Vec<_> =
            self.works.values().filter(|work| work.is_over()).map(|work| work.partition.clone()).collect();
        for partition in over {
            self.forget(&partition);
        }
    }

    fn forget(&mut self, partition: &TopicPartition) {
        self.works.remove(partition);
        self.shared.board.remove(partition);
    }

    /// Whether the lane owns no partition.
    pub fn is_empty(&self) -> bool {
        self.works.is_empty()
    }
}
