//! The board that lanes and tasks write on, and that scrapes and `/status` read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::status::{Health, PartitionStatus, PartitionView, Problem, Status};
use crate::domain::{MemoryBudget, Topic, TopicPartition};

/// What the process depends on outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Kafka,
    /// The store, asked for what it holds.
    Store,
    /// The store, given something to keep: a full disk or a right that is gone leaves the other well.
    StoreWrites,
}

/// Shared by everyone in the process; clones are the same board. An entry is replaced as a whole, at most a few times a
/// second per partition, never per record.
#[derive(Clone, Debug)]
pub struct StatusBoard {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    process: String,
    memory: MemoryBudget,
    started: Timestamp,
    clock: Instant,
    facts: Mutex<Facts>,
}

#[derive(Debug)]
struct Facts {
    partitions: BTreeMap<TopicPartition, PartitionStatus>,
    refused: BTreeMap<Topic, Problem>,
    kafka: Health,
    store: Health,
    store_writes: Health,
    /// The key of the last write that had no clean answer, until it is known what became of it.
    unclear: Option<String>,
    /// Why the process has not come up yet; nothing once it has.
    starting: Option<String>,
    pulses: Vec<(String, Weak<AtomicU64>)>,
}

/// Held by a loop that must not stall; see [`StatusBoard::pulse`].
#[derive(Debug)]
pub struct Pulse {
    last: Arc<AtomicU64>,
    clock: Instant,
}

impl Pulse {
    /// Says that the loop has come round once more.
    pub fn beat(&self) {
        self.last.store(millis(self.clock.elapsed()), Ordering::Relaxed);
    }
}

impl StatusBoard {
    /// `process` is what this process calls itself in cut records.
    pub fn new(process: &str, memory: MemoryBudget) -> StatusBoard {
        let started = Timestamp::now();
        let unknown = Health { answers: false, since: started, last_error: None, last_error_at: None };
        let facts = Facts {
            partitions: BTreeMap::new(),
            refused: BTreeMap::new(),
            kafka: unknown.clone(),
            store: unknown.clone(),
            store_writes: unknown,
            unclear: None,
            starting: Some("starting".into()),
            pulses: Vec::new(),
        };
        let shared =
            Shared { process: process.to_owned(), memory, started, clock: Instant::now(), facts: facts.into() };
        StatusBoard { shared: Arc::new(shared) }
    }

    /// Replaces what is known of a partition.
    pub fn set(&self, partition: &TopicPartition, status: PartitionStatus) {
        self.facts().partitions.insert(partition.clone(), status);
    }

    /// Forgets a partition that is no longer ours.
    pub fn remove(&self, partition: &TopicPartition) {
        self.facts().partitions.remove(partition);
    }

    /// Says why a topic that matches the configuration is not archived.
    pub fn refuse(&self, topic: &Topic, problem: Problem) {
        self.facts().refused.insert(topic.clone(), problem);
    }

    /// Says that a topic refused before is archived now, or gone.
    pub fn admit(&self, topic: &Topic) {
        self.facts().refused.remove(topic);
    }

    /// Says what the start is busy with, for `/readyz`.
    pub fn starting(&self, stage: &str) {
        self.facts().starting = Some(stage.to_owned());
    }

    pub fn started(&self) {
        self.facts().starting = None;
    }

    /// Notes that an edge answered. Returns for how long it had not, where that is news.
    pub fn answered(&self, edge: Edge) -> Option<Duration> {
        let mut facts = self.facts();
        let health = facts.edge(edge);
        if health.answers {
            return None;
        }
        let now = Timestamp::now();
        let silent = Duration::try_from(now.duration_since(health.since)).unwrap_or_default();
        (health.answers, health.since) = (true, now);
        // The first answer after the start ends no trouble.
        health.last_error.is_some().then_some(silent)
    }

    /// Notes that an edge did not answer, and why. Returns whether it had answered before.
    pub fn troubled(&self, edge: Edge, cause: &str) -> bool {
        let mut facts = self.facts();
        let health = facts.edge(edge);
        let now = Timestamp::now();
        (health.last_error, health.last_error_at) = (Some(cause.to_owned()), Some(now));
        let news = health.answers;
        if news {
            (health.answers, health.since) = (false, now);
        }
        news
    }

    /// Notes that a write had no clean answer, and why. Returns whether writes had been taken before.
    pub fn unclear(&self, key: &str, cause: &str) -> bool {
        self.facts().unclear = Some(key.to_owned());
        self.troubled(Edge::StoreWrites, cause)
    }

    /// Notes that something is at a key. Where the last write that had no clean answer went there, it is settled: nothing will
    /// be written again that could end the trouble. Returns what [`answered`](Self::answered) does.
    pub fn found(&self, key: &str) -> Option<Duration> {
        self.facts().unclear.take_if(|unclear| unclear.as_str() == key)?;
        self.answered(Edge::StoreWrites)
    }

    /// Returns a pulse for a loop by this name. Once the loop has not beaten for [`super::http::STALLED`], `/healthz` fails
    /// until it does; a loop that ends drops its pulse.
    pub fn pulse(&self, name: &str) -> Pulse {
        let pulse = Pulse { last: Arc::default(), clock: self.shared.clock };
        pulse.beat();
        self.facts().pulses.push((name.to_owned(), Arc::downgrade(&pulse.last)));
        pulse
    }

    /// Returns the loops that have not come round for `limit`, with how long they have not.
    pub fn stalled(&self, limit: Duration) -> Vec<(String, Duration)> {
        let mut facts = self.facts();
        facts.pulses.retain(|(_, last)| last.strong_count() > 0);
        let now = self.shared.clock.elapsed();
        let silence = |last: &Weak<AtomicU64>| {
            last.upgrade().map(|last| now.saturating_sub(Duration::from_millis(last.load(Ordering::Relaxed))))
        };
        let stalled = facts.pulses.iter().filter_map(|(name, last)| Some((name.clone(), silence(last)?)));
        stalled.filter(|(_, silent)| *silent >= limit).collect()
    }

    /// Returns everything the board knows, with what follows from it.
    pub fn status(&self) -> Status {
        let now = Timestamp::now();
        let facts = self.facts();
        let not_ready = facts.not_ready();
        let view = |(name, status): (&TopicPartition, &PartitionStatus)| PartitionView {
            topic: name.topic.clone(),
            partition: name.partition,
            lag_records: status.lag_records(),
            lag_seconds: status.lag_seconds(now),
            status: status.clone(),
        };
        Status {
            version: env!("CARGO_PKG_VERSION"),
            process: self.shared.process.clone(),
            started: self.shared.started,
            uptime_seconds: self.shared.clock.elapsed().as_secs(),
            ready: not_ready.is_empty(),
            not_ready,
            memory_used: self.shared.memory.used(),
            memory_budget: self.shared.memory.limit(),
            kafka: facts.kafka.clone(),
            store: facts.store.clone(),
            store_writes: facts.store_writes.clone(),
            refused_topics: facts.refused.clone(),
            partitions: facts.partitions.iter().map(view).collect(),
        }
    }

    /// Returns why the process is not ready, in words; nothing where it is.
    pub fn not_ready(&self) -> Vec<String> {
        self.facts().not_ready()
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // No code that holds the lock can panic halfway through a change, so poisoned facts are whole.
        self.shared.facts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Facts {
    fn edge(&mut self, edge: Edge) -> &mut Health {
        match edge {
            Edge::Kafka => &mut self.kafka,
            Edge::Store => &mut self.store,
            Edge::StoreWrites => &mut self.store_writes,
        }
    }

    /// Ready means: came up, both edges answer, and the store takes writes. A stopped partition does not count: a restart would
    /// not mend it, the others go on, and `alluvium_partitions{state="stopped"}` is there to wake somebody.
    fn not_ready(&self) -> Vec<String> {
        let silent = |what: &str, health: &Health| match &health.last_error {
            _ if health.answers => None,
            Some(error) => Some(format!("{what} since {:.0}: {error}", health.since)),
            None => Some(format!("{what} yet")),
        };
        let starting = self.starting.as_ref().map(|stage| format!("not started: {stage}"));
        let silent = [
            silent("kafka has not answered", &self.kafka),
            silent("store has not answered", &self.store),
            silent("store has not taken a write", &self.store_writes),
        ];
        starting.into_iter().chain(silent.into_iter().flatten()).collect()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::PartitionState;
    use super::*;

    fn board() -> StatusBoard {
        StatusBoard::new("alluvium-0", MemoryBudget::new(100))
    }

    #[test]
    fn ready_is_started_with_all_edges_answering_whatever_a_partition_does() {
        let board = board();
        assert_eq!(board.not_ready().len(), 4);
        board.started();
        assert_eq!(board.answered(Edge::Kafka), None, "a first answer is no recovery");
        board.answered(Edge::Store);
        board.answered(Edge::StoreWrites);
        board.set(&TopicPartition::new("t", 0), PartitionStatus::new(PartitionState::Stopped));
        assert_eq!(board.not_ready(), Vec::<String>::new());
        assert!(board.troubled(Edge::Store, "503 slow down"), "the first trouble is news");
        assert!(!board.troubled(Edge::Store, "503 slow down"));
        let reasons = board.not_ready();
        assert!(reasons[0].starts_with("store has not answered since 2") && reasons[0].ends_with("503 slow down"));
        assert!(board.answered(Edge::Store).is_some(), "a recovery is news");
        assert_eq!(board.status().store.last_error.as_deref(), Some("503 slow down"));
        assert!(board.status().ready);
    }

    #[test]
    fn a_store_that_only_reads_is_not_ready_until_it_takes_a_write_or_the_unclear_one_is_found() {
        let board = board();
        board.started();
        for edge in [Edge::Kafka, Edge::Store, Edge::StoreWrites] {
            board.answered(edge);
        }
        assert!(board.unclear("chain/1", "no space left"));
        assert!(!board.unclear("chain/2", "no space left"), "no news");
        board.answered(Edge::Store);
        assert_eq!(board.found("chain/1"), None, "a write before the last");
        assert!(board.not_ready()[0].starts_with("store has not taken a write since 2"), "{:?}", board.not_ready());
        assert!(board.found("chain/2").is_some());
        assert_eq!(board.not_ready(), Vec::<String>::new());
        board.unclear("chain/3", "no space left");
        assert!(board.answered(Edge::StoreWrites).is_some());
        assert_eq!(board.not_ready(), Vec::<String>::new());
    }

    #[test]
    fn a_partition_given_back_leaves_nothing() {
        let board = board();
        let partition = TopicPartition::new("t", 3);
        board.set(&partition, PartitionStatus::new(PartitionState::Reading));
        assert_eq!(board.status().partitions.len(), 1);
        board.remove(&partition);
        assert!(board.status().partitions.is_empty());
    }

    #[test]
    fn a_loop_that_does_not_come_round_is_named_until_it_ends() {
        let board = board();
        let lane = board.pulse("lane 0");
        assert_eq!(board.stalled(Duration::from_secs(60)), []);
        assert_eq!(board.stalled(Duration::ZERO)[0].0, "lane 0");
        drop(lane);
        assert_eq!(board.stalled(Duration::ZERO), []);
    }
}
