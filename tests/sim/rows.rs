//! Parquet objects as the judge reads them, and the digest of `docs/formats.md`, written a second time.

use alluvium::domain::Timestamp;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prost::Message;

use crate::kafka::Fact;

/// Adds a record as `docs/formats.md` says.
pub fn hash(into: &mut blake3::Hasher, offset: i64, fact: &Fact) {
    let (kind, millis) = match fact.record.timestamp {
        Timestamp::None => (0, -1),
        Timestamp::Create(millis) => (1, millis),
        Timestamp::Append(millis) => (2, millis),
    };
    into.update(&[&offset.to_be_bytes()[..], &[kind], &millis.to_be_bytes()].concat());
    part(into, fact.record.key.as_deref());
    part(into, fact.record.value.as_deref());
    into.update(&(fact.record.headers.len() as u32).to_be_bytes());
    for (name, value) in &fact.record.headers {
        part(into, Some(name));
        part(into, value.as_deref());
    }
}

fn part(into: &mut blake3::Hasher, bytes: Option<&[u8]>) {
    into.update(&bytes.map_or(-1, |bytes| bytes.len() as i64).to_be_bytes());
    into.update(bytes.unwrap_or_default());
}

/// A row as a reader sees it.
pub struct Row {
    pub offset: i64,
    millis: Option<i64>,
    key: Option<Vec<u8>>,
    search: Option<String>,
}

impl Row {
    /// Compares with the log, by what is easily read without our code; the digest covers the rest.
    pub fn check(&self, fact: &Fact, key: &str) -> Result<(), String> {
        #[derive(Message)]
        struct Ids {
            #[prost(string, tag = "1")]
            first: String,
            #[prost(string, tag = "7")]
            seventh: String,
        }
        let same = self.millis == fact.record.timestamp.millis() && self.key == fact.record.key;
        let rows = key.starts_with("tables/");
        let ids = fact.record.value.as_deref().filter(|value| rows && !value.is_empty());
        let ids = ids.and_then(|value| Ids::decode(value).ok());
        let wanted = ids.map(|ids| if key.contains("flight_search") { ids.first } else { ids.seventh });
        let search = self.search.as_deref().unwrap_or_default();
        if same && search == wanted.as_deref().unwrap_or_default() {
            return Ok(());
        }
        Err(format!("offset {} reads as another record: search_id {search:?}, not {wanted:?}", self.offset))
    }
}

/// A Parquet object as the judge reads it.
pub struct Object {
    pub cut: String,
    pub nonce: String,
    pub digest: String,
    pub quarantine: bool,
    pub rows: Vec<Row>,
}

impl Object {
    pub fn read(bytes: &Bytes) -> Result<Object, String> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|error| error.to_string())?;
        let facts = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
        let fact = |name: &str| {
            let name = format!("alluvium.{name}");
            let found = facts.iter().find(|entry| entry.key == name).and_then(|entry| entry.value.clone());
            found.ok_or_else(|| format!("the footer has no {name}"))
        };
        let (cut, nonce, digest) = (fact("cut.key")?, fact("cut.nonce")?, fact("digest")?);
        let quarantine = fact("kind")? == "quarantine";
        let names = ["_offset", "_timestamp", "_key", "search_id"];
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let reader = builder.with_projection(mask).build().map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| error.to_string())?;
            rows_of(&batch, &mut rows).ok_or("a column has another type")?;
        }
        Ok(Object { cut, nonce, digest, quarantine, rows })
    }
}

fn rows_of(batch: &RecordBatch, rows: &mut Vec<Row>) -> Option<()> {
    let offsets = batch.column_by_name("_offset")?.as_primitive_opt::<Int64Type>()?;
    let times = batch.column_by_name("_timestamp")?.as_primitive_opt::<TimestampMillisecondType>()?;
    let keys = batch.column_by_name("_key")?.as_binary_opt::<i32>()?;
    let searches = batch.column_by_name("search_id").map(|column| column.as_string::<i32>());
    for at in 0..batch.num_rows() {
        rows.push(Row {
            offset: offsets.value(at),
            millis: times.is_valid(at).then(|| times.value(at)),
            key: keys.is_valid(at).then(|| keys.value(at).to_vec()),
            search: searches.filter(|searches| searches.is_valid(at)).map(|searches| searches.value(at).to_owned()),
        });
    }
    Some(())
}
