//! The thread around a lane, and the tasks that carry its requests out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use super::exchange::{Effect, Input, Now};
use super::lane::Lane;
use super::request::{Edges, execute};
use crate::retry;
use crate::source::{Log, SourceCommand};
use crate::store::ArchiveStore;
use crate::telemetry::{Pulse, StatusBoard};

/// Requests on their way at once, all lanes together: enough to find a thousand chain tips within seconds, few enough not to
/// be told to slow down.
pub const REQUESTS: usize = 64;

/// How the tries of one question are spaced.
pub const BACK_OFF: retry::Policy =
    retry::Policy { first: Duration::from_millis(100), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.5 };

/// Carries requests out, for all lanes.
#[derive(Clone)]
pub struct Executor {
    pub store: Arc<dyn ArchiveStore>,
    pub log: Arc<dyn Log>,
    pub board: StatusBoard,
    pub permits: Arc<Semaphore>,
    pub commands: mpsc::UnboundedSender<SourceCommand>,
}

impl Executor {
    /// Starts what a lane wants done; answers go to `lane`. Never waits.
    fn start(&self, effect: Effect, lane: &mpsc::Sender<Input>, runtime: &Handle) {
        match effect {
            // A source that has ended needs no commands.
            Effect::Source(command) => drop(self.commands.send(command)),
            Effect::Ask { partition, life, attempt, request } => {
                let (executor, lane) = (self.clone(), lane.clone());
                runtime.spawn(async move {
                    if attempt > 0 {
                        tokio::time::sleep(BACK_OFF.delay(attempt, rand::random())).await;
                    }
                    let _permit = executor.permits.acquire().await;
                    let edges = Edges { store: &*executor.store, log: &*executor.log, board: &executor.board };
                    let answer = execute(request, &edges).await;
                    // A lane that has ended needs no answers.
                    drop(lane.send(Input::Answer { partition, life, answer }).await);
                });
            }
        }
    }
}

/// Runs a lane until its inputs end.
pub fn run(
    mut lane: Lane,
    mut inputs: mpsc::Receiver<Input>,
    own: mpsc::WeakSender<Input>,
    executor: &Executor,
    runtime: &Handle,
    pulse: &Pulse,
) {
    let epoch = Instant::now();
    while let Some(input) = inputs.blocking_recv() {
        pulse.beat();
        let now = Now { monotonic: epoch.elapsed(), wall: Timestamp::now() };
        let effects = lane.handle(input, now);
        // Gone only when the router is, and then nothing may begin any more.
        let Some(own) = own.upgrade() else { break };
        for effect in effects {
            executor.start(effect, &own, runtime);
        }
    }
}
