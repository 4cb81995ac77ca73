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
//! reading; memory is bounded by the budget, whose permits the source takes before it copies.
//!
//! **Failure.** A partition that needs a person stops alone. A dead source or a panicking thread ends the process.
//!
//! **Cancellation and crash.** A crash at any instant is as good as a stop: the chain in the bucket is the only memory.

mod lane;
mod pack;
mod partition;
mod progress;
mod redo;
mod report;
mod request;
mod route;
mod router;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use lane::{Effect, Input, Lane, Now, Shared};
pub use pack::{Body, Making, Packed, pack};
pub use request::{Answer, Edges, Request, execute};
pub use route::{NoRoute, Route, Routes, TopicMatch, TopicRule, prepare};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::source::{Log, SourceCommand, SourceEvent};
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

/// The two ends of a source.
pub struct SourceEnds {
    pub events: mpsc::Receiver<SourceEvent>,
    pub commands: mpsc::UnboundedSender<SourceCommand>,
}

/// Runs everything between a source and a store until `stop`.
///
/// # Errors
/// A source that cannot go on, or a defect.
pub async fn run(
    ends: SourceEnds,
    log: Arc<dyn Log>,
    store: Arc<dyn ArchiveStore>,
    routes: Routes,
    shared: Shared,
    lanes: usize,
    stop_within: Duration,
    stop: CancellationToken,
) -> Result<(), PipelineError> {
    let executor = worker::Executor {
        store: store.clone(),
        log: log.clone(),
        board: shared.board.clone(),
        permits: Arc::new(Semaphore::new(worker::REQUESTS)),
        commands: ends.commands.clone(),
    };
    let mut senders = Vec::with_capacity(lanes);
    for number in 0..lanes {
        let (sender, inputs) = mpsc::channel(LANE_QUEUE);
        let (own, executor, runtime) = (sender.downgrade(), executor.clone(), Handle::current());
        let lane = Lane::new(shared.clone());
        let pulse = shared.board.pulse(&format!("lane {number}"));
        std::thread::Builder::new()
            .name(format!("lane-{number}"))
            .spawn(move || worker::run(lane, inputs, own, &executor, &runtime, &pulse))
            .map_err(|error| PipelineError::Broken(error.to_string()))?;
        senders.push(sender);
    }
    let stop_progress = stop.child_token();
    let progress = {
        let (store, board, stop) = (store.clone(), shared.board.clone(), stop_progress.clone());
        tokio::spawn(async move { progress::publish(&*store, &board, stop).await })
    };
    let router = router::Router {
        events: ends.events,
        commands: ends.commands,
        lanes: senders,
        routes: Arc::new(routes),
        log,
        store,
        board: shared.board,
        stop_within,
        owned: HashMap::new(),
        last_lane: HashMap::new(),
        preparing: JoinSet::new(),
    };
    let ended = router.run(stop).await;
    stop_progress.cancel();
    progress.await.map_err(|error| PipelineError::Broken(error.to_string()))?;
    ended
}
