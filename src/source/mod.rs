//! Where records come from.                                                                                         EDGE
//!
//! **What it is.** A source pushes [`SourceEvent`]s and obeys [`SourceCommand`]s; [`Log`] answers questions about the log.
//! [`join`] makes a real one, [`scripted`] plays a log in memory for tests.
//!
//! **Flow.** One thread polls librdkafka, and it alone touches the consumer (`poll.rs`). The group assigns a partition →
//! `Assigned`. Nothing is read until a `Start` names the offset: librdkafka gets the partition only then, so its first fetch
//! is the right one and no seek, reset or committed offset has a part in it. Which topics are subscribed is
//! resolved here, by name, again and again (`subscription.rs`). Records are copied once, into arenas, in rounds: what is
//! there, up to a number, and a pause of 10 ms where that was all (`round.rs`, `reads.rs`).
//!
//! **Promises.** Records of a partition come in offset order under the generation of their `Start`; a batch holds one
//! partition. Committed group offsets are never read. `Scanned` comes after the records it speaks of. What is on its way is
//! within the memory budget, but for one round and librdkafka's capped prefetch; without room the thread first does not
//! poll, then takes the partitions from librdkafka and gives them back at the same offsets (`pressure.rs`).
//!
//! **Failure.** What passes by itself is told once as `Trouble` and taken back once (`health.rs`); a partition that
//! librdkafka has let go of in silence is started again; an offset that Kafka does not have is told, and another `Start` is
//! due. A record that cannot be read whole, and whatever librdkafka calls fatal, ends the source with `Fatal`.
//!
//! **Cancellation and crash.** A revocation (`revocation.rs`) waits for its reply, up to `revoke_wait`, while polling and
//! heartbeats go on; starts and stops wait meanwhile, since they would count as its acknowledgement. `Shutdown`, or dropping
//! the event channel, leaves the group within 5 s or not at all. Nothing here must survive a crash.
//!
//! **Not here.** Positions (the chain), the check of topic ids, the leader epoch of a record. A header name with a NUL byte
//! is cut there, as librdkafka's interface gives it.

mod client_log;
mod health;
mod kafka;
mod log;
mod native;
mod poll;
mod pressure;
mod properties;
mod reads;
mod revocation;
mod round;
pub mod scripted;
mod statistics;
mod subscription;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

pub use self::kafka::join;
pub use self::log::KafkaLog;
pub use self::properties::{KafkaOptions, Protocol, Refusal, overridden, refused};
pub use self::subscription::TopicMatch;
pub use crate::domain::{Bounds, StartAt};
use crate::domain::{Offset, RawBatch, Topic, TopicId, TopicPartition};

/// A running source, to whoever runs it.
#[derive(Debug)]
pub struct Source {
    /// Closes when the source has ended.
    pub events: mpsc::Receiver<SourceEvent>,
    /// Never full, so that whoever empties `events` never waits here.
    pub commands: mpsc::UnboundedSender<SourceCommand>,
}

/// Why a source cannot start: the operator has to change something.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{0}")]
    Properties(String),
    #[error("cannot start the thread that polls kafka: {0}")]
    Thread(std::io::Error),
}

/// How far a partition was read, control records and aborted ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub partition: TopicPartition,
    /// Of the `Start` it follows.
    pub generation: u64,
    pub next: Offset,
    pub stable_end: Offset,
}

/// What a source tells.
#[derive(Debug)]
pub enum SourceEvent {
    /// The group gave us these; they wait for `Start`.
    Assigned(Vec<TopicPartition>),
    /// The group takes these back and waits, bounded, until `reply` is sent or dropped.
    Revoked { partitions: Vec<TopicPartition>, reply: oneshot::Sender<()> },
    /// Gone without a chance to finish (session lost): whatever is in hand belongs to somebody else now.
    Lost(Vec<TopicPartition>),
    /// All that one round took, as one event: each event wakes whoever listens.
    Records(Vec<RawBatch>),
    /// Kafka does not have the offset asked for.
    OutOfRange { partition: TopicPartition, generation: u64 },
    /// Everything before `next` was delivered or is no record, and `stable_end` is the log's stable end (statistics).
    Scanned(Scan),
    /// An error that passes by itself (broker gone, …), for /status and /readyz.
    Trouble(String),
    /// Kafka answers again.
    Recovered,
    /// The client is dead: the process must end.
    Fatal(String),
}

/// What a source obeys.
#[derive(Debug)]
pub enum SourceCommand {
    /// Read a partition from `at` under a new generation; if it was being read, its old position is left.
    Start { partition: TopicPartition, at: Offset, generation: u64 },
    /// Stop reading a partition; it stays ours.
    Stop(TopicPartition),
    /// Publish a position for lag tools. Never read back; failures are not reported.
    Commit { partition: TopicPartition, next: Offset },
    /// Leave the group and end; the event channel closes when that is done.
    Shutdown,
}

/// Why a question about the log has no answer; ask again later unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("{0}")]
    Unavailable(String),
    #[error("topic {0} does not exist")]
    NoTopic(Topic),
    /// The broker is too old, or a stand-in: the operator has to give the topic an `incarnation`.
    #[error("the broker tells no id for topic {0}: give it an `incarnation:` in the configuration")]
    NoTopicId(Topic),
}

/// Questions about the log. Each may take up to the client's time-out.
#[async_trait]
pub trait Log: Send + Sync {
    /// Returns the id of the topic, as the broker knows it that leads this partition now: it cannot hand out records of a
    /// re-created topic and still tell the old id, which another broker might for a moment.
    async fn topic_id(&self, partition: &TopicPartition) -> Result<TopicId, LogError>;
    async fn bounds(&self, partition: &TopicPartition) -> Result<Bounds, LogError>;
    /// Returns the offset where `start` lies; the stable end where no record is that late.
    async fn offset_at(&self, partition: &TopicPartition, start: StartAt) -> Result<Offset, LogError>;
    /// Returns the cluster's id; empty where the broker tells none.
    async fn cluster_id(&self) -> Result<String, LogError>;
    /// Returns the names of the topics that exist.
    async fn topics(&self) -> Result<Vec<Topic>, LogError>;
}

/// How a source reads.
#[derive(Clone, Debug)]
pub struct Options {
    /// Records per batch at most.
    pub batch_records: usize,
    /// Bytes per batch, about.
    pub batch_bytes: usize,
    /// How long a revocation may wait for its reply.
    pub revoke_wait: Duration,
    /// How often new topics and partitions are looked for.
    pub refresh: Duration,
}
