//! The assembly: every thread, task, channel and capacity of the daemon.                                           wiring
//!
//! **Flow.**
//!
//! ```text
//!            64 events                128 inputs                      64 at once
//! source ──────────────▶ router ───────────────────▶ lane 0..n ───────────────────▶ store, log
//! (poll    ◀───────────────────────────────────────  (a thread     ◀──────────────  (tasks)
//!  thread)      commands, without a bound             each)            answers
//! ```
//!
//! A partition belongs to one lane from `Take` to `LetGo`; a lane handles one input after the other and never waits, so the
//! rules of the chain need no locks. All waiting is in the tasks that carry requests out.
//!
//! **Promises.** Records are dropped only where the chain says so; a range that uploads does not hold up the next one's
//! reading; what is buffered is within the budget, whose permits the source takes before it hands records on.
//!
//! **Failure.** A partition that needs a person stops alone. A dead source or a panicking thread ends the process.
//!
//! **Cancellation and crash.** A crash at any instant is as good as a stop: the chain in the bucket is the only memory.

mod exchange;
mod lane;
mod pack;
mod partition;
mod progress;
mod redo;
mod report;
mod request;
mod route;
mod router;
mod tally;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use exchange::{Effect, Input, Now, Shared};
pub use lane::Lane;
pub use request::{Answer, Edges, Request, execute};
pub use route::{NoRoute, Route, Routes, TopicRule, prepare};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
pub use worker::BACK_OFF;

use crate::source::{Log, Source};
use crate::store::ArchiveStore;

/// Inputs waiting for a lane: a few batches, so that memory is in buffers and not in queues.
const LANE_QUEUE: usize = 128;

/// Why the pipeline ended.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("kafka: {0}")]
    Source(String),
    #[error("the consumer thread ended by itself")]
    SourceEnded,
    #[error("a task ended abnormally: {0}")]
    Broken(String),
}

/// Everything between a source and a store.
pub struct Pipeline {
    pub source: Source,
    pub log: Arc<dyn Log>,
    pub store: Arc<dyn ArchiveStore>,
    pub routes: Routes,
    pub shared: Shared,
    pub lanes: usize,
    /// How long the newest cuts may take when partitions are given back, or the process stops.
    pub stop_within: Duration,
}

impl Pipeline {
    /// Runs until `stop`.
    ///
    /// # Errors
    /// A source that cannot go on, or a defect.
    pub async fn run(self, stop: CancellationToken) -> Result<(), PipelineError> {
        let lanes = self.start_lanes()?;
        let board = self.shared.board;
        let stop_progress = CancellationToken::new();
        let progress = {
            let (store, board, stop) = (self.store.clone(), board.clone(), stop_progress.clone());
            tokio::spawn(async move { progress::publish(&*store, &board, stop).await })
        };
        let router = router::Router {
            events: self.source.events,
            commands: self.source.commands,
            lanes,
            routes: Arc::new(self.routes),
            log: self.log,
            store: self.store,
            board,
            stop_within: self.stop_within,
            owned: HashMap::new(),
            last_lane: HashMap::new(),
            preparing: JoinSet::new(),
        };
        let ended = router.run(stop).await;
        stop_progress.cancel();
        progress.await.map_err(|error| PipelineError::Broken(error.to_string()))?;
        ended
    }

    fn start_lanes(&self) -> Result<Vec<mpsc::Sender<Input>>, PipelineError> {
        let executor = worker::Executor {
            store: self.store.clone(),
            log: self.log.clone(),
            board: self.shared.board.clone(),
            permits: Arc::new(Semaphore::new(worker::REQUESTS)),
            commands: self.source.commands.clone(),
        };
        let start = |number: usize| {
            let (sender, inputs) = mpsc::channel(LANE_QUEUE);
            let (own, executor, runtime) = (sender.downgrade(), executor.clone(), Handle::current());
            let lane = Lane::new(self.shared.clone());
            let pulse = self.shared.board.pulse(&format!("lane {number}"));
            std::thread::Builder::new()
                .name(format!("lane-{number}"))
                .spawn(move || worker::run(lane, inputs, own, &executor, &runtime, &pulse))
                .map_err(|error| PipelineError::Broken(format!("no thread for lane {number}: {error}")))?;
            Ok(sender)
        };
        (0..self.lanes).map(start).collect()
    }
}
