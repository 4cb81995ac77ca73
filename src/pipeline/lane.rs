//! A lane: the partitions one worker thread owns, with everything that happens to them in order.
//!
//! **What it is.** [`Lane::handle`] takes one input and the time and returns the effects; it never waits. The thread around
//! it is in [`super::worker`]; tests drive it by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::exchange::{Effect, Input, Now, Shared};
use super::pack::Workbench;
use super::partition::Work;
use super::report;
use super::route::Route;
use crate::chain::Event;
use crate::domain::TopicPartition;

/// From this share of the budget on, in percent, each lane closes its largest range early.
const MEMORY_HIGH: usize = 70;

/// How often the board is told: a person looks no more often, and a thousand partitions cost nothing.
const SHOW_EVERY: Duration = Duration::from_millis(500);

/// The partitions of one worker.
pub struct Lane {
    shared: Shared,
    workbench: Workbench,
    /// In one order, so that a tick does the same in every run.
    works: BTreeMap<TopicPartition, Work>,
    /// When the board was last told of all partitions.
    shown: Duration,
}

impl Lane {
    pub fn new(shared: Shared) -> Lane {
        Lane { shared, workbench: Workbench::default(), works: BTreeMap::new(), shown: Duration::ZERO }
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
        let mut work =
            Work::new(partition.clone(), self.shared.next_number(), route, self.shared.clone(), self.workbench.clone());
        work.step(Event::Assigned, now, effects);
        self.shared.board.set(&partition, report::status(&work, self.shared.budget.percent(), now));
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
        if now.monotonic.saturating_sub(self.shown) >= SHOW_EVERY {
            self.shown = now.monotonic;
            let memory = self.shared.budget.percent();
            for (partition, work) in &self.works {
                self.shared.board.set(partition, report::status(work, memory, now));
            }
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
}
