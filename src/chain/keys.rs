//! Names in the bucket, relative to the archive's prefix. `docs/formats.md` is the reader's copy of this file.

use crate::domain::{BucketHour, Digest, ObjectKind, Offset, Topic, TopicId, TopicPartition};

/// Which chain: a partition of one incarnation of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId {
    pub partition: TopicPartition,
    pub topic_id: TopicId,
}

impl ChainId {
    pub fn topic(&self) -> &Topic {
        &self.partition.topic
    }
}

/// Returns the folder of a chain, with its closing slash.
pub fn chain_prefix(chain: &ChainId) -> String {
    format!("chain/{}/{}/{:05}/", chain.topic(), chain.topic_id, chain.partition.partition)
}

/// Returns the key of the cut that begins at `first`. The number is inverted, so that the newest cut is the first key of a
/// listing.
pub fn cut_key(chain: &ChainId, first: Offset) -> String {
    format!("{}{:019}.json", chain_prefix(chain), i64::MAX - first.0)
}

/// Returns the key of the loss record beside the cut that begins at `first`.
pub fn loss_key(chain: &ChainId, first: Offset) -> String {
    numbered_loss_key(chain, first, 0)
}

/// Returns the key of a further loss record (`.loss.loss.json` and so on; the first has number 0). Whoever finds less than the
/// record before says writes one.
pub fn numbered_loss_key(chain: &ChainId, first: Offset, number: usize) -> String {
    format!("{}{:019}{}.json", chain_prefix(chain), i64::MAX - first.0, ".loss".repeat(number + 1))
}

/// Returns the key of an object of the cut that begins at `first`. `min_millis` is the smallest record timestamp in the
/// object (milliseconds), which gives the minute at the front of the name; 00 where no record has one.
pub fn object_key(
    kind: ObjectKind,
    table: &str,
    hour: BucketHour,
    min_millis: Option<i64>,
    chain: &ChainId,
    first: Offset,
) -> String {
    let root = match kind {
        ObjectKind::Rows => "tables",
        ObjectKind::Quarantine => "quarantine",
    };
    let minute = min_millis.map_or(0, |ms| ms.div_euclid(60_000).rem_euclid(60));
    format!(
        "{root}/{table}/{}/{minute:02}-{}-{:05}-{:020}.parquet",
        hour.folder(),
        chain.topic_id.short(),
        chain.partition.partition,
        first.0
    )
}

/// What the key of an object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    pub kind: ObjectKind,
    pub table: String,
    pub hour: BucketHour,
    /// The topic id's first eight digits.
    pub topic_id: String,
    pub partition: i32,
    /// The cut's.
    pub first: Offset,
}

impl ObjectName {
    /// Reads the key of an object; nothing where this program would not have written it so.
    pub fn parse(key: &str) -> Option<ObjectName> {
        let parts: Vec<&str> = key.split('/').collect();
        let [root, table, dt, hour, name] = parts[..] else { return None };
        let kind = match root {
            "tables" => ObjectKind::Rows,
            "quarantine" => ObjectKind::Quarantine,
            _ => return None,
        };
        let hour = format!("{}T{}", dt.strip_prefix("dt=")?, hour.strip_prefix("hour=")?).parse().ok()?;
        let parts: Vec<&str> = name.strip_suffix(".parquet")?.split('-').collect();
        let [minute, topic_id, partition, first] = parts[..] else { return None };
        let digits =
            |text: &str, length: usize| text.len() == length && text.bytes().all(|digit| digit.is_ascii_digit());
        let id = topic_id.len() == 8 && topic_id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let numbers = digits(minute, 2) && minute < "60" && 5 <= partition.len() && digits(first, 20);
        let name = ObjectName {
            kind,
            table: table.to_owned(),
            hour,
            topic_id: topic_id.to_owned(),
            partition: partition.parse().ok().filter(|&number| format!("{number:05}") == partition)?,
            first: Offset(first.parse().ok()?),
        };
        (id && numbers && !table.is_empty()).then_some(name)
    }
}

/// Returns the keys of a layout: its rule, and its descriptor set.
pub fn layout_keys(fingerprint: Digest) -> (String, String) {
    (format!("layouts/{fingerprint}.json"), format!("layouts/{fingerprint}.binpb"))
}

pub fn probe_key(process: &str, nonce: &str) -> String {
    format!("probe/{process}-{nonce}")
}

pub fn progress_key(process: &str) -> String {
    format!("progress/{process}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> ChainId {
        ChainId { partition: TopicPartition::new("prod.a.b.c.D", 7), topic_id: TopicId([0xab; 16]) }
    }

    #[test]
    fn the_newest_cut_lists_first_and_a_loss_record_after_its_cut() {
        let (old, new) = (cut_key(&chain(), Offset(0)), cut_key(&chain(), Offset(5)));
        assert!(new < old);
        assert!(cut_key(&chain(), Offset(5)) < loss_key(&chain(), Offset(5)));
        assert!(loss_key(&chain(), Offset(5)) < numbered_loss_key(&chain(), Offset(5), 1));
        assert!(numbered_loss_key(&chain(), Offset(5), 1) < old);
        assert_eq!(old, format!("chain/prod.a.b.c.D/{}/00007/9223372036854775807.json", "ab".repeat(16)));
    }

    #[test]
    fn an_object_is_named_by_minute_topic_partition_and_first_offset() {
        let hour = BucketHour::of(Some(61_000));
        let key = object_key(ObjectKind::Rows, "t", hour, Some(61_000), &chain(), Offset(12));
        assert_eq!(key, "tables/t/dt=1970-01-01/hour=00/01-abababab-00007-00000000000000000012.parquet");
        let name = ObjectName::parse(&key).unwrap();
        assert_eq!((name.kind, name.table.as_str(), name.hour), (ObjectKind::Rows, "t", hour));
        assert_eq!((name.topic_id.as_str(), name.partition, name.first), ("abababab", 7, Offset(12)));
        for (right, wrong) in
            [("tables/", "other/"), ("/01-", "/1-"), ("/01-", "/60-"), ("00007", "7"), ("abab", "ABAB")]
        {
            assert_eq!(ObjectName::parse(&key.replace(right, wrong)), None, "{wrong}");
        }
    }
}
