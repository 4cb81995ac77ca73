//! What the program uses: every value decided, checked and typed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::origin::Origin;
use crate::domain::Topic;
use crate::schema::TopicSchema;
use crate::source::StartAt;
pub use crate::source::{KafkaOptions, Protocol, TopicMatch};
pub use crate::store::{ArchiveSettings, S3Settings};

#[derive(Debug)]
pub struct Settings {
    pub kafka: KafkaOptions,
    pub topics: Vec<TopicSettings>,
    /// FileDescriptorSet files, resolved against the configuration file's folder.
    pub descriptors: Vec<PathBuf>,
    pub archive: ArchiveSettings,
    pub cut: CutSettings,
    /// Bytes for everything buffered, all partitions together.
    pub memory: usize,
    pub lanes: usize,
    pub http: SocketAddr,
    /// How long a stop may take to finish the newest cut.
    pub stop_within: Duration,
    pub origin: Origin,
}

impl Settings {
    /// Returns the entry that decides for a topic: the first that takes it.
    pub fn topic(&self, topic: &Topic) -> Option<&TopicSettings> {
        self.topics.iter().find(|entry| entry.matches.takes(topic))
    }
}

#[derive(Clone, Debug)]
pub struct TopicSettings {
    pub matches: TopicMatch,
    pub schema: TopicSchema,
    /// Columns with a Bloom filter.
    pub bloom: BTreeSet<String>,
    pub start: StartAt,
    /// Stands in for the topic id where the broker tells none.
    pub incarnation: Option<String>,
}

/// When a range is closed: at the first of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutSettings {
    pub every: Duration,
    pub bytes: usize,
    pub rows: usize,
}
