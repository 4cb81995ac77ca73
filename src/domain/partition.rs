//! Who a record belongs to: topic, partition, and the id that tells a topic from its re-created namesake.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a Kafka topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topic(Arc<str>);

impl Topic {
    pub fn new(name: &str) -> Topic {
        Topic(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One Kafka partition.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: Topic,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: Topic::new(topic), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The 128-bit id a broker gives a topic when it creates it; never given twice (KIP-516). Prints as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// Returns the id from the two halves in which librdkafka hands it out.
    pub fn from_halves(most: i64, least: i64) -> TopicId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&most.to_be_bytes());
        id[8..].copy_from_slice(&least.to_be_bytes());
        TopicId(id)
    }

    /// Returns the id that stands in where a broker tells none: the first 16 bytes of BLAKE3 over the topic's name, a zero
    /// byte and the operator's `incarnation` text. The name is in it, since one text may be given to many topics, and two of
    /// them may share a table.
    pub fn from_incarnation(topic: &Topic, text: &str) -> TopicId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(topic.as_str().as_bytes()).update(&[0]).update(text.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        TopicId(id)
    }

    /// Returns the first eight hex digits: enough to keep a re-created topic's object names apart from its forebear's.
    pub fn short(self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is no topic id.
#[derive(Debug, thiserror::Error)]
#[error("a topic id has 32 lower-case hex digits, not {0:?}")]
pub struct NoTopicId(String);

impl FromStr for TopicId {
    type Err = NoTopicId;

    fn from_str(text: &str) -> Result<TopicId, NoTopicId> {
        let no = || NoTopicId(text.to_owned());
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(no());
        }
        u128::from_str_radix(text, 16).map(|id| TopicId(id.to_be_bytes())).map_err(|_| no())
    }
}

impl Serialize for TopicId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TopicId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TopicId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_reads_back_from_its_text() {
        let id = TopicId::from_halves(0x0123_4567_89ab_cdef, -1);
        assert_eq!(id.to_string(), "0123456789abcdefffffffffffffffff");
        assert_eq!(id.to_string().parse::<TopicId>().unwrap(), id);
        assert_eq!(id.short(), "01234567");
        assert!("0123456789ABCDEFffffffffffffffff".parse::<TopicId>().is_err());
    }

    #[test]
    fn topics_with_one_incarnation_text_have_different_ids() {
        let id = |topic: &str, text: &str| TopicId::from_incarnation(&Topic::new(topic), text);
        assert_eq!(id("a", "1"), id("a", "1"));
        assert_ne!(id("a", "1"), id("b", "1"));
        assert_ne!(id("a", "1"), id("a", "2"));
    }
}
