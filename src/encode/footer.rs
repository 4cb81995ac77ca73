//! What an object says of itself. Format version 1; `docs/formats.md` describes it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use parquet::file::metadata::{FooterTail, KeyValue, ParquetMetaData, ParquetMetaDataReader};

use super::error::ReadError;
use super::{FORMAT_VERSION, ObjectFacts};
use crate::decode::DecodedObject;
use crate::domain::{BucketHour, Digest, ObjectKind, Offset, OffsetRange, Topic, TopicId};
use crate::schema::{Layout, MAPPING_VERSION};

/// Length of the metadata and the closing magic.
const TAIL: usize = 8;

pub(super) fn entries(object: &DecodedObject, facts: &ObjectFacts, layout: &Layout) -> Vec<KeyValue> {
    let mut entries = Vec::new();
    let mut put = |name: &str, value: &dyn Display| {
        entries.push(KeyValue { key: format!("alluvium.{name}"), value: Some(value.to_string()) });
    };
    put("format", &FORMAT_VERSION);
    put("writer", &env!("CARGO_PKG_VERSION"));
    put("mapping", &MAPPING_VERSION);
    put("topic", &facts.topic);
    put("topic_id", &facts.topic_id);
    put("partition", &facts.partition);
    put("cut.first", &facts.cut.first());
    put("cut.next", &facts.cut.next());
    put("cut.key", &facts.cut_key);
    put("cut.nonce", &facts.nonce);
    put("kind", &kind_name(object.kind));
    put("hour", &object.hour);
    put("first", &object.span.first());
    put("next", &object.span.next());
    put("rows", &object.rows);
    put("digest", &object.digest);
    put("layout", &layout.fingerprint());
    put("descriptor", &layout.descriptor());
    if let (Some(min), Some(max)) = (object.min_timestamp, object.max_timestamp) {
        put("min_timestamp", &min);
        put("max_timestamp", &max);
    }
    if object.kind == ObjectKind::Rows {
        put("raw", &object.raw.values().sum::<u64>());
        object.raw.iter().for_each(|(reason, rows)| put(&format!("raw.{reason}"), rows));
    }
    entries
}

/// A parsed footer.
#[derive(Clone, Debug)]
pub struct Footer {
    /// Version of the program that wrote the object.
    pub writer: String,
    pub mapping: u32,
    pub topic: Topic,
    pub topic_id: TopicId,
    pub partition: i32,
    pub cut: OffsetRange,
    pub cut_key: String,
    pub nonce: String,
    pub kind: ObjectKind,
    pub hour: BucketHour,
    pub span: OffsetRange,
    pub rows: u64,
    pub digest: Digest,
    pub layout: Digest,
    pub descriptor: Digest,
    /// The records' timestamps, in milliseconds; nothing where no record has one.
    pub min_timestamp: Option<i64>,
    pub max_timestamp: Option<i64>,
    /// How many rows carry their payload in `_raw`, by the reason why; nothing where the writer did not say, and all do.
    pub raw: Option<BTreeMap<String, u64>>,
    /// All of Parquet's own: schema, row groups, sizes, statistics.
    pub parquet: ParquetMetaData,
}

impl Footer {
    /// Returns how many of an object's last bytes hold its footer, told from eight of them or more. An untrusted number: ask
    /// for no more than the object's size.
    pub fn needed(tail: &[u8]) -> Result<usize, ReadError> {
        let Some(last) = tail.last_chunk::<TAIL>() else { return Err(ReadError::Short { needed: TAIL }) };
        let tail = FooterTail::try_new(last).map_err(ReadError::no_parquet)?;
        if tail.is_encrypted_footer() {
            return Err(ReadError::NotOurs { cause: "its footer is encrypted".into() });
        }
        Ok(tail.metadata_length() + TAIL)
    }

    /// Reads the footer out of an object's last bytes. Where these are too few, the error tells how many it takes.
    pub fn read(tail: &[u8]) -> Result<Footer, ReadError> {
        let needed = Footer::needed(tail)?;
        let Some(start) = tail.len().checked_sub(needed) else { return Err(ReadError::Short { needed }) };
        let parquet =
            ParquetMetaDataReader::decode_metadata(&tail[start..tail.len() - TAIL]).map_err(ReadError::no_parquet)?;
        Footer::parse(parquet)
    }

    pub(super) fn parse(parquet: ParquetMetaData) -> Result<Footer, ReadError> {
        let none = Vec::new();
        let entries = Entries(parquet.file_metadata().key_value_metadata().unwrap_or(&none));
        let format: u32 = entries.get("format")?;
        if format > FORMAT_VERSION {
            return Err(ReadError::Newer { format });
        }
        let footer = Footer {
            writer: entries.get("writer")?,
            mapping: entries.get("mapping")?,
            topic: Topic::new(entries.text("topic")?),
            topic_id: entries.get("topic_id")?,
            partition: entries.get("partition")?,
            cut: entries.range("cut.first", "cut.next")?,
            cut_key: entries.get("cut.key")?,
            nonce: entries.get("cut.nonce")?,
            kind: kind_named(entries.text("kind")?)?,
            hour: entries.get("hour")?,
            span: entries.range("first", "next")?,
            rows: entries.get("rows")?,
            digest: entries.get("digest")?,
            layout: entries.get("layout")?,
            descriptor: entries.get("descriptor")?,
            min_timestamp: entries.optional("min_timestamp")?,
            max_timestamp: entries.optional("max_timestamp")?,
            raw: entries.raw()?,
            parquet,
        };
        let rows = footer.parquet.file_metadata().num_rows();
        if u64::try_from(rows) != Ok(footer.rows) || !footer.cut.encloses(footer.span) {
            let cause =
                format!("it holds {rows} rows, and says {} in {} of cut {}", footer.rows, footer.span, footer.cut);
            return Err(ReadError::Damaged { cause });
        }
        Ok(footer)
    }
}

struct Entries<'a>(&'a [KeyValue]);

impl Entries<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        let entry = self.0.iter().find(|entry| entry.key.strip_prefix("alluvium.") == Some(name))?;
        entry.value.as_deref()
    }

    fn text(&self, name: &str) -> Result<&str, ReadError> {
        let missing = || ReadError::NotOurs { cause: format!("its footer has no alluvium.{name}") };
        self.find(name).ok_or_else(missing)
    }

    fn get<T: FromStr>(&self, name: &str) -> Result<T, ReadError> {
        parsed(name, self.text(name)?)
    }

    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, ReadError> {
        self.find(name).map(|text| parsed(name, text)).transpose()
    }

    fn raw(&self) -> Result<Option<BTreeMap<String, u64>>, ReadError> {
        let Some(total) = self.optional::<u64>("raw")? else { return Ok(None) };
        let reasons = self.0.iter().filter_map(|entry| entry.key.strip_prefix("alluvium.raw."));
        let counts = reasons.map(|reason| Ok((reason.to_owned(), self.get(&format!("raw.{reason}"))?)));
        let counts = counts.collect::<Result<BTreeMap<String, u64>, ReadError>>()?;
        if counts.values().try_fold(0u64, |sum, rows| sum.checked_add(*rows)) != Some(total) {
            return Err(ReadError::Damaged { cause: format!("alluvium.raw is {total}, its parts are {counts:?}") });
        }
        Ok(Some(counts))
    }

    fn range(&self, first: &str, next: &str) -> Result<OffsetRange, ReadError> {
        let (first, next) = (Offset(self.get(first)?), Offset(self.get(next)?));
        OffsetRange::new(first, next)
            .ok_or_else(|| ReadError::Damaged { cause: format!("{first}..{next} is no range") })
    }
}

fn parsed<T: FromStr>(name: &str, text: &str) -> Result<T, ReadError> {
    text.parse().map_err(|_| ReadError::Damaged { cause: format!("alluvium.{name} is {text:?}") })
}

fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Rows => "rows",
        ObjectKind::Quarantine => "quarantine",
    }
}

fn kind_named(text: &str) -> Result<ObjectKind, ReadError> {
    match text {
        "rows" => Ok(ObjectKind::Rows),
        "quarantine" => Ok(ObjectKind::Quarantine),
        _ => Err(ReadError::Damaged { cause: format!("alluvium.kind is {text:?}") }),
    }
}
