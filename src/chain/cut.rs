//! The cut record: the decision that a range is one unit of archive, as stored.
//!
//! Format version 1. Field by field it is described in `docs/formats.md`; a golden pair in `tests/corpus/chain/` holds it.

use serde::{Deserialize, Serialize};

use super::keys::{ChainId, cut_key};
use crate::domain::{BucketHour, Digest, ObjectKind, Offset, OffsetRange, Topic, TopicId, TopicPartition};

/// The format version this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// What a cut stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutKind {
    /// The records of the range are in the objects.
    Data,
    /// The archive has nothing of this range, for the cut's reason.
    Gap,
}

/// Why a gap is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Kafka had dropped the offsets before the archive read them.
    Retention,
    /// The operator chose a later start.
    Skipped,
}

impl GapReason {
    /// Returns the word that stands for it in cut records, metrics and messages.
    pub fn word(self) -> &'static str {
        match self {
            GapReason::Retention => "retention",
            GapReason::Skipped => "skipped",
        }
    }
}

/// One object of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutObject {
    /// Relative to the archive's prefix.
    pub key: String,
    pub kind: ObjectKind,
    pub hour: BucketHour,
    pub rows: u64,
    /// The span of this object's records, within the cut's.
    pub first: Offset,
    pub next: Offset,
    /// Over the object's records in offset order, see [`crate::domain::RecordDigest`].
    pub digest: Digest,
}

impl CutObject {
    /// Whether `made` is this object made again: a cut has one object for each kind and bucket hour.
    pub fn key_matches(&self, made: &CutObject) -> bool {
        self.kind == made.kind && self.hour == made.hour
    }
}

/// A cut record. Field order is the stored order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    pub version: u32,
    pub topic: Topic,
    pub topic_id: TopicId,
    pub partition: i32,
    /// The Kafka cluster's id; empty where the broker tells none.
    pub cluster: String,
    pub first: Offset,
    pub next: Offset,
    pub kind: CutKind,
    /// Null in a data cut.
    pub reason: Option<GapReason>,
    /// Fingerprint of the layout; null in a gap.
    pub layout: Option<Digest>,
    /// Which process wrote the record.
    pub writer: String,
    /// Random per attempt at a range: tells an own record from a foreign one.
    pub nonce: String,
    /// -1: unknown, and nothing else is written yet. Nothing is decided by it.
    pub leader_epoch: i32,
    /// Milliseconds; null where no record has a timestamp.
    pub min_timestamp: Option<i64>,
    pub max_timestamp: Option<i64>,
    pub objects: Vec<CutObject>,
    /// BLAKE3 of the preceding cut record's bytes; null in the first.
    pub previous: Option<Digest>,
}

/// Why bytes are no cut record this program may act on. Nothing is guessed: the partition stops.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CutError {
    #[error("{key} is damaged: {cause}")]
    Damaged { key: String, cause: String },
    #[error("{key} has format version {version}, this program reads up to {VERSION}: run a newer one")]
    Future { key: String, version: u32 },
    #[error("{key} belongs elsewhere: it says {found}")]
    Misplaced { key: String, found: String },
}

impl Cut {
    /// Returns a data cut without objects, for whoever decides on it to fill in.
    pub(super) fn new(chain: ChainId, first: Offset, next: Offset, previous: Option<Digest>) -> Cut {
        Cut {
            version: VERSION,
            topic: chain.partition.topic,
            topic_id: chain.topic_id,
            partition: chain.partition.partition,
            cluster: String::new(),
            first,
            next,
            kind: CutKind::Data,
            reason: None,
            layout: None,
            writer: String::new(),
            nonce: String::new(),
            leader_epoch: -1,
            min_timestamp: None,
            max_timestamp: None,
            objects: Vec::new(),
            previous,
        }
    }

    /// Returns the range; the parser admits no empty one.
    pub fn range(&self) -> OffsetRange {
        OffsetRange::new(self.first, self.next).expect("a parsed or proposed cut has a range")
    }

    pub fn chain(&self) -> ChainId {
        ChainId {
            partition: TopicPartition { topic: self.topic.clone(), partition: self.partition },
            topic_id: self.topic_id,
        }
    }

    /// Returns the stored bytes: one line of JSON and a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a cut has only string keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the record at `key` and checks that it stands where it says and holds together.
    pub fn parse(key: &str, bytes: &[u8]) -> Result<Cut, CutError> {
        let cut: Cut = parse_versioned(key, bytes)?;
        cut.check().map_err(|cause| CutError::Damaged { key: key.to_owned(), cause })?;
        if cut_key(&cut.chain(), cut.first) != key {
            return Err(CutError::Misplaced { key: key.to_owned(), found: cut_key(&cut.chain(), cut.first) });
        }
        Ok(cut)
    }

    fn check(&self) -> Result<(), String> {
        let range = OffsetRange::new(self.first, self.next)
            .ok_or_else(|| format!("{}..{} is no range", self.first, self.next))?;
        let gap = self.kind == CutKind::Gap;
        if gap != self.reason.is_some() || gap != self.layout.is_none() || gap != self.objects.is_empty() {
            return Err("a gap has a reason and neither layout nor objects, a data cut the reverse".into());
        }
        if self.previous.is_some() == (self.first == Offset::ZERO) {
            return Err("`previous` is null in the first cut of a chain and only there".into());
        }
        for object in &self.objects {
            let span = OffsetRange::new(object.first, object.next).filter(|span| range.encloses(*span));
            if span.is_none() || object.rows == 0 {
                return Err(format!(
                    "{} spans {}..{} with {} rows",
                    object.key, object.first, object.next, object.rows
                ));
            }
        }
        Ok(())
    }
}

/// Reads a stored record of a version this program knows.
fn parse_versioned<T: serde::de::DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, CutError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let damaged = |error: serde_json::Error| CutError::Damaged { key: key.to_owned(), cause: error.to_string() };
    // The version first, and alone: a later form may have fields this program does not know.
    let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if version > VERSION {
        return Err(CutError::Future { key: key.to_owned(), version });
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// Rows of a cut that Kafka had dropped before they were uploaded. Create-only, beside the cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossRecord {
    pub version: u32,
    /// BLAKE3 of the cut record's bytes.
    pub cut: Digest,
    pub writer: String,
    pub objects: Vec<LostObject>,
}

/// An object of a cut that could not be made as the cut says: what Kafka still had is under its key, or nothing is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostObject {
    pub key: String,
    /// Rows the cut names.
    pub rows: u64,
    /// Rows that Kafka still had when the loss was found.
    pub found: u64,
    /// Digest over the rows found.
    pub digest: Digest,
}

impl LossRecord {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a loss record has only string keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the loss record at `key` and checks that it speaks of the cut record whose bytes hash to `cut`.
    pub fn parse(key: &str, bytes: &[u8], cut: Digest) -> Result<LossRecord, CutError> {
        let loss: LossRecord = parse_versioned(key, bytes)?;
        if loss.cut != cut {
            return Err(CutError::Misplaced { key: key.to_owned(), found: format!("cut record {}", loss.cut) });
        }
        Ok(loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = include_str!("../../tests/corpus/chain/v1.json");
    const GAP: &str = include_str!("../../tests/corpus/chain/v1.gap.json");
    const LOSS: &str = include_str!("../../tests/corpus/chain/v1.loss.json");

    fn stored(text: &str) -> (String, Cut) {
        let cut: Cut = serde_json::from_str(text).unwrap();
        (cut_key(&cut.chain(), cut.first), cut)
    }

    #[test]
    fn version_1_reads_and_writes_byte_for_byte() {
        for text in [DATA, GAP] {
            let (key, cut) = stored(text);
            assert_eq!(Cut::parse(&key, text.as_bytes()).unwrap(), cut);
            assert_eq!(String::from_utf8(cut.to_bytes()).unwrap(), text);
        }
        let loss: LossRecord = serde_json::from_str(LOSS).unwrap();
        assert_eq!(String::from_utf8(loss.to_bytes()).unwrap(), LOSS);
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let (key, _) = stored(DATA);
        let later = DATA.replacen("\"version\":1", "\"version\":2,\"new\":true", 1);
        assert!(matches!(Cut::parse(&key, later.as_bytes()), Err(CutError::Future { version: 2, .. })));
        for bytes in [&b""[..], b"{}", &DATA.as_bytes()[..DATA.len() / 2], b"\xff\xfe"] {
            assert!(matches!(Cut::parse(&key, bytes), Err(CutError::Damaged { .. })));
        }
    }

    #[test]
    fn a_record_under_another_name_is_not_obeyed() {
        let (_, cut) = stored(DATA);
        let elsewhere = cut_key(&cut.chain(), Offset(0));
        assert!(matches!(Cut::parse(&elsewhere, DATA.as_bytes()), Err(CutError::Misplaced { .. })));
    }

    #[test]
    fn what_does_not_hold_together_is_damage() {
        let (_, good) = stored(DATA);
        let spoil: [fn(&mut Cut); 6] = [
            |cut| cut.next = cut.first,
            |cut| cut.kind = CutKind::Gap,
            |cut| cut.layout = None,
            |cut| cut.previous = None,
            |cut| cut.objects[0].rows = 0,
            |cut| cut.objects[0].next = Offset(cut.next.0 + 1),
        ];
        for spoil in spoil {
            let mut cut = good.clone();
            spoil(&mut cut);
            let key = cut_key(&cut.chain(), cut.first);
            assert!(matches!(Cut::parse(&key, &cut.to_bytes()), Err(CutError::Damaged { .. })), "{cut:?}");
        }
    }
}
