//! From the source's events to the lanes: who owns which partition, and which topics may be archived at all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::PipelineError;
use super::exchange::Input;
use super::route::{NoRoute, Route, Routes, prepare};
use crate::domain::{Topic, TopicPartition};
use crate::source::{Log, SourceCommand, SourceEvent};
use crate::store::ArchiveStore;
use crate::telemetry::{Edge, PartitionState, PartitionStatus, Problem, StatusBoard};

/// How long to wait before a topic that could not be prepared is tried again.
const PREPARE_AGAIN: Duration = Duration::from_secs(2);
/// How often lanes look at their deadlines: fine against a cut of seconds, nothing against a core.
const TICK: Duration = Duration::from_millis(100);
/// What remains to close the consumer after the lanes are done.
const CLOSE: Duration = Duration::from_secs(8);

/// One task that owns the assignment.
pub struct Router {
    pub events: mpsc::Receiver<SourceEvent>,
    pub commands: mpsc::UnboundedSender<SourceCommand>,
    pub lanes: Vec<mpsc::Sender<Input>>,
    pub routes: Arc<Routes>,
    pub log: Arc<dyn Log>,
    pub store: Arc<dyn ArchiveStore>,
    pub board: StatusBoard,
    /// How long the newest cuts may take when partitions are given back, or the process stops.
    pub stop_within: Duration,
    pub owned: HashMap<TopicPartition, Owner>,
    /// Which lane had a partition last. It gets it again, so that what it may still hold of it is replaced.
    pub last_lane: HashMap<TopicPartition, usize>,
    pub preparing: JoinSet<(Topic, Result<Arc<Route>, NoRoute>)>,
}

/// Who has a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Its topic is being prepared, or was refused.
    Nobody,
    Lane(usize),
}

impl Router {
    /// Runs until `stop` or until the source ends.
    ///
    /// # Errors
    /// A source that cannot go on.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), PipelineError> {
        let mut ticks = tokio::time::interval(TICK);
        let pulse = self.board.pulse("router");
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.stop().await,
                _ = ticks.tick() => {
                    pulse.beat();
                    tick(&self.lanes);
                }
                Some(prepared) = self.preparing.join_next() => {
                    let (topic, result) = prepared.map_err(|error| PipelineError::Broken(error.to_string()))?;
                    self.on_prepared(topic, result).await;
                }
                event = self.events.recv() => match event {
                    Some(event) => self.on_event(event).await?,
                    None => return Err(PipelineError::SourceEnded),
                },
            }
        }
    }

    async fn on_event(&mut self, event: SourceEvent) -> Result<(), PipelineError> {
        match event {
            SourceEvent::Assigned(partitions) => self.on_assigned(partitions),
            SourceEvent::Revoked { partitions, reply } => {
                let done = self.let_go(partitions).await;
                let within = self.stop_within;
                tokio::spawn(async move {
                    wait_for(done, within).await;
                    // A source that stopped waiting has gone on by itself.
                    let _ = reply.send(());
                });
            }
            SourceEvent::Lost(partitions) => {
                for partition in partitions {
                    if let Some(Owner::Lane(lane)) = self.owned.remove(&partition) {
                        self.send(lane, Input::Drop(partition)).await;
                    } else {
                        self.board.remove(&partition);
                    }
                }
            }
            SourceEvent::Records(batches) => {
                for batch in batches {
                    if let Some(Owner::Lane(lane)) = self.owned.get(&batch.partition) {
                        self.send(*lane, Input::Records(batch)).await;
                    }
                }
            }
            SourceEvent::OutOfRange { partition, generation } => {
                if let Some(Owner::Lane(lane)) = self.owned.get(&partition) {
                    self.send(*lane, Input::OutOfRange { partition, generation }).await;
                }
            }
            SourceEvent::Scanned(scan) => {
                if let Some(Owner::Lane(lane)) = self.owned.get(&scan.partition) {
                    self.send(*lane, Input::Scanned(scan)).await;
                }
            }
            SourceEvent::Trouble(cause) => {
                if self.board.troubled(Edge::Kafka, &cause) {
                    tracing::warn!(cause, "kafka does not answer; waiting, nothing is lost");
                }
            }
            SourceEvent::Recovered => {
                if let Some(silent) = self.board.answered(Edge::Kafka) {
                    tracing::info!(silent_seconds = silent.as_secs(), "kafka answers again");
                }
            }
            SourceEvent::Fatal(cause) => return Err(PipelineError::Source(cause)),
        }
        Ok(())
    }

    fn on_assigned(&mut self, partitions: Vec<TopicPartition>) {
        tracing::info!(?partitions, "assigned");
        let mut topics: Vec<Topic> = Vec::new();
        for partition in partitions {
            self.board.set(&partition, PartitionStatus::new(PartitionState::Assigned));
            if !topics.contains(&partition.topic) {
                topics.push(partition.topic.clone());
            }
            self.owned.insert(partition, Owner::Nobody);
        }
        for topic in topics {
            self.prepare(topic, Duration::ZERO);
        }
    }

    fn prepare(&mut self, topic: Topic, delay: Duration) {
        let (routes, log, store) = (self.routes.clone(), self.log.clone(), self.store.clone());
        self.preparing.spawn(async move {
            tokio::time::sleep(delay).await;
            let route = prepare(&topic, &routes, &*log, &*store).await;
            (topic, route)
        });
    }

    async fn on_prepared(&mut self, topic: Topic, result: Result<Arc<Route>, NoRoute>) {
        let waiting =
            self.owned.iter().filter(|(partition, owner)| partition.topic == topic && **owner == Owner::Nobody);
        let waiting: Vec<_> = waiting.map(|(partition, _)| partition.clone()).collect();
        match result {
            Ok(route) => {
                self.board.admit(&topic);
                for lint in route.layout.lints() {
                    tracing::warn!(%topic, "{lint}");
                }
                for partition in waiting {
                    let lane = self.last_lane.get(&partition).copied().unwrap_or_else(|| self.least_loaded());
                    self.last_lane.insert(partition.clone(), lane);
                    self.owned.insert(partition.clone(), Owner::Lane(lane));
                    self.send(lane, Input::Take { partition, route: route.clone() }).await;
                }
            }
            Err(NoRoute::Refused { cause, remedy }) => {
                tracing::error!(%topic, cause, remedy, "topic refused; the others go on");
                self.board.refuse(&topic, Problem { cause, remedy });
            }
            Err(NoRoute::Later(cause)) => {
                tracing::warn!(%topic, cause, "topic not ready yet");
                if !waiting.is_empty() {
                    self.prepare(topic, PREPARE_AGAIN);
                }
            }
        }
    }

    fn least_loaded(&self) -> usize {
        let load = |lane: usize| self.owned.values().filter(|owner| **owner == Owner::Lane(lane)).count();
        (0..self.lanes.len()).min_by_key(|lane| load(*lane)).unwrap_or(0)
    }

    async fn let_go(&mut self, partitions: Vec<TopicPartition>) -> Vec<oneshot::Receiver<()>> {
        let mut done = Vec::new();
        for partition in partitions {
            match self.owned.remove(&partition) {
                Some(Owner::Lane(lane)) => {
                    let (reply, released) = oneshot::channel();
                    self.send(lane, Input::LetGo { partition, reply }).await;
                    done.push(released);
                }
                _ => self.board.remove(&partition),
            }
        }
        done
    }

    /// Step 8: stop reading, finish the newest cuts if time allows, drop the rest, leave the group.
    async fn stop(mut self) -> Result<(), PipelineError> {
        tracing::info!(within_seconds = self.stop_within.as_secs(), "stopping: finishing the newest cuts");
        let all = self.owned.keys().cloned().collect();
        let done = self.let_go(all).await;
        let (events, lanes) = (&mut self.events, &self.lanes);
        // The source must not be kept waiting meanwhile: its thread has to see the commands. And lanes go on telling the board.
        let drain = async {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                tokio::select! {
                    event = events.recv() => if event.is_none() { return },
                    _ = ticks.tick() => tick(lanes),
                }
            }
        };
        tokio::select! {
            unfinished = wait_for(done, self.stop_within) => match unfinished {
                0 => tracing::info!("all newest cuts are whole"),
                n => tracing::warn!(unfinished = n, "time is up; the next owner finishes these cuts"),
            },
            () = drain => {}
        }
        drop(self.commands.send(SourceCommand::Shutdown));
        let closed = async { while self.events.recv().await.is_some() {} };
        if tokio::time::timeout(CLOSE, closed).await.is_err() {
            tracing::warn!("the consumer did not close in time; the group will notice by its session time-out");
        }
        Ok(())
    }

    async fn send(&self, lane: usize, input: Input) {
        if self.lanes[lane].send(input).await.is_err() {
            tracing::error!(lane, "the lane has ended");
        }
    }
}

/// Waits for all, or until the time is up. Returns how many were not done.
async fn wait_for(done: Vec<oneshot::Receiver<()>>, within: Duration) -> usize {
    let deadline = tokio::time::Instant::now() + within;
    let mut unfinished = 0;
    for released in done {
        if tokio::time::timeout_at(deadline, released).await.is_err() {
            unfinished += 1;
        }
    }
    unfinished
}

/// A lane too busy for a tick has inputs enough to notice the time by.
fn tick(lanes: &[mpsc::Sender<Input>]) {
    for lane in lanes {
        drop(lane.try_send(Input::Tick));
    }
}
