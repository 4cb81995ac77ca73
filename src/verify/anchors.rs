//! Chain tips kept elsewhere. A chain cannot tell by itself that its newest cuts were taken away; a tip written down earlier can.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, FindingKind};
use super::judge::ChainFacts;
use crate::chain::{ChainId, cut_key};
use crate::domain::{Digest, Offset, OffsetRange, Topic, TopicId, TopicPartition};

const VERSION: u32 = 1;

/// The file of `--tips` and `--anchors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    version: u32,
    /// Where they were taken, for people.
    pub archive: String,
    pub tips: Vec<Anchor>,
}

/// A chain had this cut record as its newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    pub topic: Topic,
    pub topic_id: TopicId,
    pub partition: i32,
    pub first: Offset,
    pub next: Offset,
    /// BLAKE3 of the cut record's bytes.
    pub record: Digest,
}

impl Anchors {
    pub fn of(archive: String, chains: &[ChainFacts]) -> Anchors {
        let anchor = |facts: &ChainFacts| {
            let tip = facts.tip?;
            let (topic, topic_id, partition) = (facts.topic.clone(), facts.topic_id, facts.partition);
            Some(Anchor { topic, topic_id, partition, first: tip.first, next: tip.next, record: tip.record })
        };
        Anchors { version: VERSION, archive, tips: chains.iter().filter_map(anchor).collect() }
    }

    /// Reads such a file, and says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Anchors, String> {
        let anchors: Anchors = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if anchors.version != VERSION {
            return Err(format!("it has version {}, this program reads {VERSION}", anchors.version));
        }
        Ok(anchors)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("anchors have only string keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }
}

impl Anchor {
    pub fn chain(&self) -> ChainId {
        ChainId {
            partition: TopicPartition { topic: self.topic.clone(), partition: self.partition },
            topic_id: self.topic_id,
        }
    }

    pub fn key(&self) -> String {
        cut_key(&self.chain(), self.first)
    }

    /// Judges what stands at its key now. `reaches` is where the chain ends as it was walked.
    pub fn judge(&self, found: Option<Digest>, reaches: Option<Offset>) -> Option<Finding> {
        let range = |first| OffsetRange::new(first, self.next);
        let finding = |kind, what: String| Finding::new(kind, self.key(), what).of(&self.chain());
        match found {
            Some(record) if record == self.record => None,
            Some(record) => {
                let what = format!("its hash is {record}, and was {} when the anchor was taken", self.record);
                Some(finding(FindingKind::BrokenLink, what).at(range(self.first)))
            }
            None => {
                let what = "it was the newest cut when the anchor was taken, and is not there any more";
                let from = reaches.filter(|&reaches| reaches < self.next).unwrap_or(self.first);
                Some(finding(FindingKind::TruncatedChain, what.into()).at(range(from)))
            }
        }
    }
}
