//! What the program uses: every value decided, checked and typed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::schema::TopicSchema;
use crate::source::StartAt;
pub use crate::store::{ArchiveSettings, S3Settings};

#[derive(Debug)]
pub struct Settings {
    pub kafka: KafkaSettings,
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
}

impl Settings {
    /// Returns the entry that decides for a topic: the first that speaks of it.
    pub fn topic(&self, name: &str) -> Option<&TopicSettings> {
        self.topics.iter().find(|topic| topic.matches.is_match(name))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Classic,
    /// KIP-848.
    Consumer,
}

#[derive(Debug)]
pub struct KafkaSettings {
    pub brokers: String,
    pub group: String,
    pub protocol: Protocol,
    /// librdkafka properties of the operator; values may be secrets.
    pub properties: BTreeMap<String, SecretString>,
}

/// Which topics a rule speaks of.
#[derive(Clone, Debug)]
pub enum TopicMatch {
    Name(String),
    /// Anchored at both ends.
    Pattern(regex::Regex),
}

impl TopicMatch {
    pub fn is_match(&self, topic: &str) -> bool {
        match self {
            TopicMatch::Name(name) => name == topic,
            TopicMatch::Pattern(pattern) => pattern.is_match(topic),
        }
    }
}

#[derive(Clone, Debug)]
pub struct TopicSettings {
    pub matches: TopicMatch,
    pub schema: TopicSchema,
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
