//! A Kafka log in memory and members of a group over it, for tests: no threads, no clock, no waiting.
//!
//! **What it is.** [`ScriptedLog`] holds topics and answers questions as [`Log`]; [`ScriptedMember`] reads it as a group
//! member does, but only when the test says so, and the test decides what each member owns, also what two of them own at once.
//!
//! **Promises.** It is as unkind as Kafka: offsets have holes, aborted records count and are not seen, an open transaction
//! hides what follows, and a reader goes on in silence when a topic is deleted and created again under it.

mod member;
mod record;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

pub use self::member::{Link, ScriptedMember};
pub use self::record::ScriptedRecord;
use super::{Bounds, Log, LogError, StartAt};
use crate::domain::{MemoryBudget, Offset, Topic, TopicId, TopicPartition};

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    Aborted,
}

/// Topics in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ScriptedLog {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    topics: BTreeMap<Topic, TopicLog>,
    created: i64,
    away: bool,
    without_ids: bool,
}

#[derive(Debug)]
struct TopicLog {
    id: TopicId,
    partitions: Vec<PartitionLog>,
}

#[derive(Debug, Default)]
struct PartitionLog {
    /// The log start offset.
    first: i64,
    /// One for each offset since 0.
    slots: Vec<Slot>,
}

#[derive(Clone, Debug)]
enum Slot {
    Record(ScriptedRecord),
    /// In a transaction that has not ended.
    Open(ScriptedRecord),
    /// Aborted, compacted or a marker: an offset without a record.
    Nothing,
}

impl PartitionLog {
    fn end(&self) -> i64 {
        self.slots.len() as i64
    }

    fn stable_end(&self) -> i64 {
        self.slots.iter().position(|slot| matches!(slot, Slot::Open(_))).map_or(self.end(), |open| open as i64)
    }

    fn record(&self, offset: i64) -> Option<&ScriptedRecord> {
        match self.slots.get(usize::try_from(offset).ok()?) {
            Some(Slot::Record(record)) => Some(record),
            _ => None,
        }
    }
}

impl ScriptedLog {
    pub fn new() -> ScriptedLog {
        ScriptedLog::default()
    }

    /// Creates a topic under a new id, also one that was deleted before.
    pub fn create_topic(&self, name: &str, partitions: usize) -> TopicId {
        let mut shared = self.lock();
        shared.created += 1;
        // Ids of real brokers differ from their first digit on.
        let id = TopicId::from_incarnation(&Topic::new(name), &shared.created.to_string());
        let partitions = (0..partitions).map(|_| PartitionLog::default()).collect();
        let before = shared.topics.insert(Topic::new(name), TopicLog { id, partitions });
        assert!(before.is_none(), "topic {name} exists");
        id
    }

    pub fn delete_topic(&self, name: &str) {
        self.lock().topics.remove(&Topic::new(name)).unwrap_or_else(|| panic!("no topic {name}"));
    }

    pub fn add_partitions(&self, name: &str, total: usize) {
        let mut shared = self.lock();
        let topic = shared.topics.get_mut(&Topic::new(name)).unwrap_or_else(|| panic!("no topic {name}"));
        topic.partitions.resize_with(total, PartitionLog::default);
    }

    /// Appends a record outside any transaction; returns its offset.
    pub fn append(&self, partition: &TopicPartition, record: ScriptedRecord) -> Offset {
        self.push(partition, Slot::Record(record))
    }

    /// Appends a record to the partition's open transaction, which begins if there is none; returns its offset.
    pub fn append_open(&self, partition: &TopicPartition, record: ScriptedRecord) -> Offset {
        self.push(partition, Slot::Open(record))
    }

    /// Ends the partition's open transaction; its marker takes an offset.
    pub fn end_transaction(&self, partition: &TopicPartition, outcome: Outcome) {
        self.with(partition, |log| {
            for slot in &mut log.slots {
                if let Slot::Open(record) = slot {
                    *slot = match outcome {
                        Outcome::Committed => Slot::Record(record.clone()),
                        Outcome::Aborted => Slot::Nothing,
                    };
                }
            }
            log.slots.push(Slot::Nothing);
        });
    }

    /// Takes the record away and leaves a hole, as compaction does.
    pub fn compact(&self, partition: &TopicPartition, offset: Offset) {
        self.with(partition, |log| log.slots[offset.0 as usize] = Slot::Nothing);
    }

    /// Moves the log start, as retention does.
    pub fn expire_before(&self, partition: &TopicPartition, offset: Offset) {
        self.with(partition, |log| log.first = offset.0.clamp(log.first, log.end()));
    }

    /// Lets every question fail from now on, or be answered again.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    /// Makes this an old broker, which tells no topic ids.
    pub fn forget_topic_ids(&self) {
        self.lock().without_ids = true;
    }

    /// Returns a member that owns nothing yet and hands out batches of at most `batch` records.
    pub fn join(&self, budget: MemoryBudget, batch: usize) -> ScriptedMember {
        ScriptedMember::new(self.clone(), budget, batch)
    }

    fn push(&self, partition: &TopicPartition, slot: Slot) -> Offset {
        self.with(partition, |log| {
            log.slots.push(slot);
            Offset(log.end() - 1)
        })
    }

    fn with<T>(&self, partition: &TopicPartition, change: impl FnOnce(&mut PartitionLog) -> T) -> T {
        self.look(partition, change).unwrap_or_else(|| panic!("no partition {partition}"))
    }

    fn look<T>(&self, partition: &TopicPartition, change: impl FnOnce(&mut PartitionLog) -> T) -> Option<T> {
        let mut shared = self.lock();
        let topic = shared.topics.get_mut(&partition.topic)?;
        topic.partitions.get_mut(usize::try_from(partition.partition).ok()?).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A test that panicked while holding it has failed already.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T>(&self, topic: &Topic, answer: impl FnOnce(&TopicLog) -> Option<T>) -> Result<T, LogError> {
        let shared = self.lock();
        if shared.away {
            return Err(LogError::Unavailable("away".to_owned()));
        }
        shared.topics.get(topic).and_then(answer).ok_or_else(|| LogError::NoTopic(topic.clone()))
    }
}

#[async_trait]
impl Log for ScriptedLog {
    async fn topic_id(&self, partition: &TopicPartition) -> Result<TopicId, LogError> {
        let topic = &partition.topic;
        let id = self.answer(topic, |found| Some(found.id))?;
        if self.lock().without_ids { Err(LogError::NoTopicId(topic.clone())) } else { Ok(id) }
    }

    async fn bounds(&self, partition: &TopicPartition) -> Result<Bounds, LogError> {
        self.answer(&partition.topic, |topic| {
            let log = topic.partitions.get(usize::try_from(partition.partition).ok()?)?;
            Some(Bounds { first: Offset(log.first), stable_end: Offset(log.stable_end()) })
        })
    }

    async fn offset_at(&self, partition: &TopicPartition, start: StartAt) -> Result<Offset, LogError> {
        let bounds = self.bounds(partition).await?;
        Ok(match start {
            StartAt::Earliest => bounds.first,
            StartAt::Latest => bounds.stable_end,
            StartAt::Time(millis) => self.with(partition, |log| {
                let late = |&offset: &i64| log.record(offset).is_some_and(|record| record.is_since(millis));
                (bounds.first.0..bounds.stable_end.0).find(late).map_or(bounds.stable_end, Offset)
            }),
        })
    }

    async fn cluster_id(&self) -> Result<String, LogError> {
        if self.lock().away { Err(LogError::Unavailable("away".to_owned())) } else { Ok("scripted".to_owned()) }
    }

    async fn topics(&self) -> Result<Vec<Topic>, LogError> {
        let shared = self.lock();
        if shared.away {
            return Err(LogError::Unavailable("away".to_owned()));
        }
        Ok(shared.topics.keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests;
