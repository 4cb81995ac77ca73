//! What `/status` tells, as plain data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::domain::{Offset, Topic, TopicId};

/// What a partition is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionState {
    /// Ours, and nothing was done for it yet.
    Assigned,
    /// Looking for the newest cut, and finishing it.
    Recovering,
    Reading,
    /// The cut record is being written.
    Cutting,
    /// The newest cut's objects are being written.
    Uploading,
    /// Another process's cut is being finished.
    Adopting,
    /// A person must look; see the problem.
    Stopped,
}

impl PartitionState {
    pub const ALL: [PartitionState; 7] = [
        PartitionState::Assigned,
        PartitionState::Recovering,
        PartitionState::Reading,
        PartitionState::Cutting,
        PartitionState::Uploading,
        PartitionState::Adopting,
        PartitionState::Stopped,
    ];

    /// Returns the word that stands for it in `/status` and in metrics.
    pub fn word(self) -> &'static str {
        match self {
            PartitionState::Assigned => "assigned",
            PartitionState::Recovering => "recovering",
            PartitionState::Reading => "reading",
            PartitionState::Cutting => "cutting",
            PartitionState::Uploading => "uploading",
            PartitionState::Adopting => "adopting",
            PartitionState::Stopped => "stopped",
        }
    }
}

/// The last cut whose objects were all confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastCut {
    pub first: Offset,
    pub next: Offset,
    /// When its last object was confirmed.
    #[serde(serialize_with = "text")]
    pub at: Timestamp,
    pub objects: usize,
}

/// Why a partition or topic stands still until a person acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub cause: String,
    pub remedy: String,
}

/// One partition, as the lane that owns it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionStatus {
    pub topic_id: Option<TopicId>,
    pub state: PartitionState,
    /// The next offset to read.
    pub position: Option<Offset>,
    /// `next` of the newest cut.
    pub tip: Option<Offset>,
    /// Everything before it is in the archive, or is no record (control records, aborted ones).
    pub done: Option<Offset>,
    /// The end of what a `read_committed` reader can reach in Kafka.
    pub stable_end: Option<Offset>,
    pub buffered_records: u64,
    pub buffered_bytes: u64,
    pub last_cut: Option<LastCut>,
    /// Timestamp of the oldest record known that is not in the archive yet.
    #[serde(serialize_with = "text_or_null")]
    pub oldest_waiting: Option<Timestamp>,
    /// Why it does not go on by itself just now, in words: "memory: 98 % of the budget is used", "the store to answer".
    pub waits_for: Option<String>,
    pub problem: Option<Problem>,
}

impl PartitionStatus {
    pub fn new(state: PartitionState) -> PartitionStatus {
        PartitionStatus {
            topic_id: None,
            state,
            position: None,
            tip: None,
            done: None,
            stable_end: None,
            buffered_records: 0,
            buffered_bytes: 0,
            last_cut: None,
            oldest_waiting: None,
            waits_for: None,
            problem: None,
        }
    }

    /// Returns the offsets that Kafka has and the archive has not, control records at the very end left out as far as known.
    pub fn lag_records(&self) -> Option<u64> {
        let (end, done) = (self.stable_end?, self.done?);
        // A statistic of Kafka's end may be older than our position.
        Some(end.0.saturating_sub(done.0).max(0).unsigned_abs())
    }

    /// Returns the age of the oldest record not archived, in seconds: 0 where nothing is missing, nothing where the age is
    /// not known.
    pub fn lag_seconds(&self, now: Timestamp) -> Option<f64> {
        match self.oldest_waiting {
            // A producer's clock may run ahead of ours.
            Some(oldest) => Some(now.duration_since(oldest).as_secs_f64().max(0.0)),
            None => (self.lag_records()? == 0).then_some(0.0),
        }
    }
}

/// Whether an edge answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    pub answers: bool,
    /// Since when it has been so.
    #[serde(serialize_with = "text")]
    pub since: Timestamp,
    /// What it said, or what was said of it, when it last did not answer; kept after it recovered.
    pub last_error: Option<String>,
    #[serde(serialize_with = "text_or_null")]
    pub last_error_at: Option<Timestamp>,
}

/// The whole of `/status`.
#[derive(Debug, Serialize)]
pub struct Status {
    pub version: &'static str,
    /// What this process calls itself in cut records.
    pub process: String,
    #[serde(serialize_with = "text")]
    pub started: Timestamp,
    pub uptime_seconds: u64,
    pub ready: bool,
    /// Why it is not ready, in words.
    pub not_ready: Vec<String>,
    pub memory_used: usize,
    pub memory_budget: usize,
    pub kafka: Health,
    pub store: Health,
    /// Whether the store takes what is written, which it need not where it answers.
    pub store_writes: Health,
    /// Topics that match the configuration and are not archived, with the reason.
    pub refused_topics: BTreeMap<Topic, Problem>,
    pub partitions: Vec<PartitionView>,
}

/// A partition in `/status`: its name, what the lane told, and what follows from it.
#[derive(Debug, Serialize)]
pub struct PartitionView {
    pub topic: Topic,
    pub partition: i32,
    #[serde(flatten)]
    pub status: PartitionStatus,
    pub lag_records: Option<u64>,
    pub lag_seconds: Option<f64>,
}

fn text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

fn text_or_null<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => text(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_offsets_and_is_never_negative() {
        let mut status = PartitionStatus::new(PartitionState::Reading);
        assert_eq!(status.lag_records(), None);
        (status.done, status.stable_end) = (Some(Offset(7)), Some(Offset(10)));
        assert_eq!(status.lag_records(), Some(3));
        status.done = Some(Offset(12));
        assert_eq!(status.lag_records(), Some(0));
    }

    #[test]
    fn lag_in_seconds_is_zero_only_where_nothing_is_missing() {
        let now = Timestamp::from_second(1_000).unwrap();
        let mut status = PartitionStatus::new(PartitionState::Recovering);
        (status.done, status.stable_end) = (Some(Offset(7)), Some(Offset(10)));
        assert_eq!(status.lag_seconds(now), None, "something is missing, how old it is nobody knows");
        status.oldest_waiting = Some(Timestamp::from_second(940).unwrap());
        assert_eq!(status.lag_seconds(now), Some(60.0));
        status.oldest_waiting = Some(Timestamp::from_second(2_000).unwrap());
        assert_eq!(status.lag_seconds(now), Some(0.0));
        (status.oldest_waiting, status.done) = (None, Some(Offset(10)));
        assert_eq!(status.lag_seconds(now), Some(0.0));
    }

    #[test]
    fn the_word_of_a_state_is_the_one_in_the_json() {
        for state in PartitionState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }
}
