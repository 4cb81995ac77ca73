//! The Kafka of a run: the scripted log that daemons read, and beside it the truth about every offset that ever was, for the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use alluvium::demo::Stream;
use alluvium::domain::{Bounds, Offset, StartAt, Timestamp, Topic, TopicId, TopicPartition};
use alluvium::source::scripted::{Outcome, ScriptedLog, ScriptedRecord};
use alluvium::source::{Log, LogError};
use async_trait::async_trait;
use futures::FutureExt;

use crate::agenda::{Agenda, Millis};

pub const HOUR: i64 = 3_600_000;
/// 2026-11-25T00:00Z.
pub const BASE: i64 = 1_795_564_800_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Live,
    /// Aborted, or a transaction's marker.
    Never,
}

/// The truth about one offset.
#[derive(Clone, Debug)]
pub struct Fact {
    pub record: ScriptedRecord,
    /// The time in the payload, where it has one.
    pub payload_time: Option<i64>,
    pub state: State,
    /// Kafka has it no more.
    pub dropped: bool,
}

/// The truth about one partition of one incarnation of a topic.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub facts: Vec<Fact>,
    pub first: i64,
    pub deleted: bool,
}

impl Facts {
    pub fn stable_end(&self) -> i64 {
        self.facts.iter().position(|fact| fact.state == State::Open).unwrap_or(self.facts.len()) as i64
    }

    pub fn has_open(&self) -> bool {
        self.facts.iter().any(|fact| fact.state == State::Open)
    }
}

pub type Key = (TopicId, i32);

/// Both, changed together.
pub struct Kafka {
    pub log: ScriptedLog,
    pub truth: BTreeMap<Key, Facts>,
    /// Of the topics that exist.
    /// All names that ever were.
    pub names: BTreeSet<&'static str>,
    pub ids: BTreeMap<&'static str, TopicId>,
    pub leaders: Leaders,
    numbers: u64,
}

/// Who leads: away, or not yet knowing where the log ends.
#[derive(Clone, Default)]
pub struct Leaders {
    inner: Arc<Mutex<LeaderState>>,
}

const BETWEEN_CHANGES: Millis = 10_000;

#[derive(Default)]
struct LeaderState {
    away_until: Millis,
    behind: BTreeMap<TopicPartition, (Millis, i64)>,
}

impl Leaders {
    pub fn go_away(&self, until: Millis) {
        let mut inner = self.inner.lock().expect("one thread");
        inner.away_until = inner.away_until.max(until);
    }

    /// Lets a new leader take its high watermark for lower by `by` until then. Soon after another nothing happens: what a daemon
    /// is patient with is one change.
    pub fn change(&self, partition: TopicPartition, now: Millis, until: Millis, by: i64) -> bool {
        let mut inner = self.inner.lock().expect("one thread");
        let before = inner.behind.get(&partition).map_or(0, |(until, _)| *until + BETWEEN_CHANGES);
        let settled = before <= now;
        if settled {
            inner.behind.insert(partition, (until, by));
        }
        settled
    }

    /// All leaders are there and know where their logs end.
    pub fn settle(&self) {
        *self.inner.lock().expect("one thread") = LeaderState::default();
    }

    fn behind(&self, partition: &TopicPartition, now: Millis) -> i64 {
        let inner = self.inner.lock().expect("one thread");
        inner.behind.get(partition).filter(|(until, _)| now < *until).map_or(0, |(_, by)| *by)
    }

    pub fn are_away(&self, now: Millis) -> bool {
        now < self.inner.lock().expect("one thread").away_until
    }
}

impl Kafka {
    pub fn new() -> Kafka {
        Kafka {
            log: ScriptedLog::new(),
            truth: BTreeMap::new(),
            names: BTreeSet::new(),
            ids: BTreeMap::new(),
            leaders: Leaders::default(),
            numbers: 0,
        }
    }

    pub fn create(&mut self, stream: Stream, partitions: usize) {
        let id = self.log.create_topic(stream.topic(), partitions);
        self.ids.insert(stream.topic(), id);
        self.names.insert(stream.topic());
        for partition in 0..partitions as i32 {
            self.truth.insert((id, partition), Facts::default());
        }
    }

    pub fn delete(&mut self, name: &'static str) {
        let Some(id) = self.ids.remove(name) else { return };
        self.log.delete_topic(name);
        for (_, facts) in self.truth.range_mut((id, 0)..=(id, i32::MAX)) {
            facts.deleted = true;
            facts.facts.iter_mut().for_each(|fact| fact.dropped = true);
        }
    }

    pub fn grow(&mut self, name: &'static str) {
        let Some(&id) = self.ids.get(name) else { return };
        let partitions = self.truth.range((id, 0)..=(id, i32::MAX)).count();
        self.log.add_partitions(name, partitions + 1);
        self.truth.insert((id, partitions as i32), Facts::default());
    }

    /// The partitions that exist.
    pub fn partitions(&self) -> BTreeSet<TopicPartition> {
        let exist = self.ids.iter().flat_map(|(name, &id)| {
            let of = self.truth.range((id, 0)..=(id, i32::MAX));
            of.map(|((_, partition), _)| TopicPartition::new(name, *partition))
        });
        exist.collect()
    }

    pub fn facts(&mut self, partition: &TopicPartition) -> Option<&mut Facts> {
        let id = *self.ids.get(partition.topic.as_str())?;
        self.truth.get_mut(&(id, partition.partition))
    }

    pub fn append(&mut self, partition: &TopicPartition, agenda: &Agenda, open: bool) {
        let number = self.numbers;
        self.numbers += 1;
        let (record, payload_time) = record(partition, number, agenda);
        let Some(facts) = self.facts(partition) else { return };
        let state = if open { State::Open } else { State::Live };
        facts.facts.push(Fact { record: record.clone(), payload_time, state, dropped: false });
        if open {
            self.log.append_open(partition, record);
        } else {
            self.log.append(partition, record);
        }
    }

    pub fn end_transaction(&mut self, partition: &TopicPartition, outcome: Outcome) {
        let Some(facts) = self.facts(partition) else { return };
        let becomes = if outcome == Outcome::Committed { State::Live } else { State::Never };
        facts.facts.iter_mut().filter(|fact| fact.state == State::Open).for_each(|fact| fact.state = becomes);
        let marker = ScriptedRecord::tombstone();
        facts.facts.push(Fact { record: marker, payload_time: None, state: State::Never, dropped: false });
        self.log.end_transaction(partition, outcome);
    }

    pub fn compact(&mut self, partition: &TopicPartition, offset: i64) -> bool {
        let Some(facts) = self.facts(partition) else { return false };
        let first = facts.first;
        let Some(fact) = facts.facts.get_mut(offset as usize) else { return false };
        if fact.state != State::Live || fact.dropped || offset < first {
            return false;
        }
        fact.dropped = true;
        self.log.compact(partition, Offset(offset));
        true
    }

    pub fn expire(&mut self, partition: &TopicPartition, before: i64) -> bool {
        let Some(facts) = self.facts(partition) else { return false };
        // Kafka's log start never passes what is stable.
        let before = before.min(facts.stable_end());
        if before <= facts.first {
            return false;
        }
        facts.first = before;
        facts.facts[..before as usize].iter_mut().for_each(|fact| fact.dropped = true);
        self.log.expire_before(partition, Offset(before));
        true
    }
}

pub fn stream_of(partition: &TopicPartition) -> Stream {
    let mut streams = Stream::ALL.into_iter();
    streams.find(|stream| stream.topic() == partition.topic.as_str()).expect("there are no other topics")
}

fn record(partition: &TopicPartition, number: u64, agenda: &Agenda) -> (ScriptedRecord, Option<i64>) {
    let stream = stream_of(partition);
    let hours = if agenda.one_in(40) { agenda.between(0, 10_000) } else { agenda.between(0, 2) };
    let millis = BASE + hours as i64 * HOUR + number as i64;
    let in_payload = millis + (number % 2) as i64 * HOUR;
    let event = ScriptedRecord::new(stream.payload(number, in_payload)).key(format!("k{number}"));
    match agenda.below(40) {
        0 => (ScriptedRecord::tombstone().at(millis).key("gone"), None),
        1 => (ScriptedRecord::new([0x0a, 0xff, 0x01, b'?']).at(millis).key("broken"), None),
        2 => (ScriptedRecord::new([]).at(millis), None),
        3 => (event.at(millis).header([0xff, 0xfe], None), Some(in_payload)),
        4 => (event, Some(in_payload)),
        5 => (ScriptedRecord { timestamp: Timestamp::Append(millis), ..event }, Some(in_payload)),
        _ => (event.at(millis).header(*b"n", Some(&number.to_le_bytes())), Some(in_payload)),
    }
}

/// What a daemon asks of the log: it takes a while, and a leader may be away or behind.
#[derive(Clone)]
pub struct Questions {
    pub agenda: Agenda,
    pub log: ScriptedLog,
    pub leaders: Leaders,
}

impl Questions {
    async fn ask<T: Send>(
        &self,
        question: impl FnOnce(&ScriptedLog) -> Result<T, LogError> + Send,
    ) -> Result<T, LogError> {
        self.agenda.sleep(self.agenda.between(1, 40)).await;
        let away = self.leaders.are_away(self.agenda.now());
        let answer = if away { Err(LogError::Unavailable("no leader".to_owned())) } else { question(&self.log) };
        // Some answers are old when they arrive.
        self.agenda.sleep(if self.agenda.one_in(30) { self.agenda.between(100, 3_000) } else { 3 }).await;
        answer
    }
}

#[async_trait]
impl Log for Questions {
    async fn topic_id(&self, partition: &TopicPartition) -> Result<TopicId, LogError> {
        self.ask(|log| now(log.topic_id(partition))).await
    }

    async fn bounds(&self, partition: &TopicPartition) -> Result<Bounds, LogError> {
        let mut bounds = self.ask(|log| now(log.bounds(partition))).await?;
        let behind = self.leaders.behind(partition, self.agenda.now());
        bounds.stable_end = Offset((bounds.stable_end.0 - behind).max(bounds.first.0));
        Ok(bounds)
    }

    async fn offset_at(&self, partition: &TopicPartition, start: StartAt) -> Result<Offset, LogError> {
        self.ask(|log| now(log.offset_at(partition, start))).await
    }

    async fn cluster_id(&self) -> Result<String, LogError> {
        self.ask(|log| now(log.cluster_id())).await
    }

    async fn topics(&self) -> Result<Vec<Topic>, LogError> {
        self.ask(|log| now(log.topics())).await
    }
}

fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the scripted log never waits")
}
