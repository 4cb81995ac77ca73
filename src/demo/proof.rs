//! What the files say, read without the daemon.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use async_trait::async_trait;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use super::broker::{Ledger, Tips};
use super::{DemoError, PARTITIONS, Stream};
use crate::chain::{ChainId, Cut, chain_prefix};
use crate::domain::{RecordDigest, Topic, TopicId, TopicPartition};
use crate::replay::{ProvenRange, Replay, Sink, SinkError, Window};
use crate::store::{ArchiveStore, LocalStore};

/// What stands in for the topic ids that the mock broker does not tell.
pub(super) const INCARNATION: &str = "demo";

/// One line of the demo's table.
#[derive(Clone, Debug, Serialize)]
pub struct TableFacts {
    pub topic: &'static str,
    pub table: String,
    pub records: u64,
    pub quarantined: u64,
    pub objects: usize,
    /// Of keys, values and headers as produced.
    pub produced_bytes: u64,
    pub object_bytes: u64,
    /// UTC, RFC 3339.
    pub oldest: String,
    pub newest: String,
}

/// What was proven.
#[derive(Clone, Debug, Serialize)]
pub struct Proven {
    pub tables: Vec<TableFacts>,
    /// From the first record produced to the last one archived, the crash included.
    pub seconds: f64,
    pub replayed_topic: &'static str,
    pub replayed_records: u64,
    pub replayed_bytes: u64,
    pub bucket: PathBuf,
}

/// The demo's bucket.
pub(super) struct Bucket {
    store: Arc<dyn ArchiveStore>,
    folder: PathBuf,
}

/// What is found of one topic in the listed files.
#[derive(Default)]
struct Found {
    /// How often each offset of a partition was seen.
    seen: BTreeMap<i32, Vec<u8>>,
    objects: usize,
    bytes: u64,
    quarantined: u64,
    times: Option<(i64, i64)>,
    table: String,
}

impl Bucket {
    pub(super) fn open(folder: &Path) -> Result<Bucket, DemoError> {
        std::fs::create_dir_all(folder).map_err(|source| DemoError::Io { path: folder.to_owned(), source })?;
        let store: Arc<dyn ArchiveStore> = Arc::new(LocalStore::in_folder(folder)?);
        Ok(Bucket { store, folder: folder.to_owned() })
    }

    pub(super) async fn tips(&self) -> Result<Tips, DemoError> {
        let mut tips = Tips::default();
        for stream in Stream::ALL {
            for partition in 0..PARTITIONS {
                let partition = TopicPartition::new(stream.topic(), partition);
                let topic_id = TopicId::from_incarnation(&partition.topic, INCARNATION);
                let chain = ChainId { partition, topic_id };
                let Some(key) = self.store.list(&chain_prefix(&chain), None, 1).await?.keys.into_iter().next() else {
                    continue;
                };
                let Some(bytes) = self.store.get(&key).await? else { continue };
                let cut =
                    Cut::parse(&key, &bytes).map_err(|error| DemoError::Object { key, cause: error.to_string() })?;
                tips.set(chain.partition, cut.next);
            }
        }
        Ok(tips)
    }

    pub(super) fn objects(&self) -> Result<usize, DemoError> {
        Ok(self.files("tables")?.len() + self.files("quarantine")?.len())
    }

    /// Lists what any reader of the folder would.
    fn files(&self, root: &str) -> Result<Vec<PathBuf>, DemoError> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.join(root)];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(DemoError::Io { path: folder, source }),
            };
            for entry in entries {
                let path = entry.map_err(|source| DemoError::Io { path: folder.clone(), source })?.path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Proves from the files that all of the ledger is there once, and that a replay gives every byte back.
    pub(super) async fn prove(&self, ledger: &Ledger, seconds: f64) -> Result<Proven, DemoError> {
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for root in ["tables", "quarantine"] {
            for path in self.files(root)? {
                let table = path.strip_prefix(self.folder.join(root)).ok().and_then(|below| below.iter().next());
                let table = table.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                read_object(&path, &table, root == "quarantine", &mut found)?;
            }
        }
        let tables = Stream::ALL
            .into_iter()
            .map(|stream| compare(stream, found.remove(stream.topic()).unwrap_or_default(), ledger))
            .collect::<Result<Vec<_>, _>>()?;
        let topic = Stream::Bookings.topic();
        let (replayed_records, replayed_bytes) = self.replay(topic, ledger).await?;
        let bucket = self.folder.clone();
        Ok(Proven { tables, seconds, replayed_topic: topic, replayed_records, replayed_bytes, bucket })
    }

    async fn replay(&self, topic: &'static str, ledger: &Ledger) -> Result<(u64, u64), DemoError> {
        let replay = Replay {
            store: self.store.clone(),
            topic: Topic::new(topic),
            topic_id: None,
            window: Window::default(),
            partitions: None,
        };
        let mut sink = Digests::default();
        let plan = replay.plan().await?;
        let summary = replay.run(&plan, &mut sink).await?;
        if let Some(damage) = summary.damage.first() {
            return Err(DemoError::NotProven(damage.to_string()));
        }
        for (partition, produced) in ledger.iter().filter(|(partition, _)| partition.topic.as_str() == topic) {
            let replayed = sink.0.remove(&partition.partition).unwrap_or_default().finish();
            if replayed != produced.digest {
                return Err(DemoError::NotProven(format!("{partition} replays with other bytes than were produced")));
            }
        }
        Ok((summary.records(), summary.bytes()))
    }
}

/// Digests what a replay emits, by partition.
#[derive(Default)]
struct Digests(BTreeMap<i32, RecordDigest>);

#[async_trait]
impl Sink for Digests {
    async fn emit(&mut self, range: &ProvenRange) -> Result<(), SinkError> {
        let digest = self.0.entry(range.chain.partition.partition).or_default();
        range.records().for_each(|record| digest.update(&record));
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn read_object(
    path: &Path,
    table: &str,
    quarantine: bool,
    found: &mut BTreeMap<String, Found>,
) -> Result<(), DemoError> {
    let broken = |cause: String| DemoError::Object { key: path.display().to_string(), cause };
    let file = File::open(path).map_err(|source| DemoError::Io { path: path.to_owned(), source })?;
    let size = file.metadata().map_err(|source| DemoError::Io { path: path.to_owned(), source })?.len();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(error.to_string()))?;
    let columns = ["_topic", "_partition", "_offset", "_timestamp"];
    let projection = ProjectionMask::columns(builder.parquet_schema(), columns);
    let reader = builder.with_projection(projection).build().map_err(|error| broken(error.to_string()))?;
    let mut counted = None;
    for batch in reader {
        let batch = batch.map_err(|error| broken(error.to_string()))?;
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| broken(format!("no column {name}")));
        let topics = column("_topic")?.as_string::<i32>();
        let partitions = column("_partition")?.as_primitive::<Int32Type>();
        let offsets = column("_offset")?.as_primitive::<Int64Type>();
        let times = column("_timestamp")?.as_primitive::<TimestampMillisecondType>();
        for row in 0..batch.num_rows() {
            let topic = found.entry(topics.value(row).to_owned()).or_default();
            topic.see(partitions.value(row), offsets.value(row), times.value(row));
            topic.quarantined += u64::from(quarantine);
            counted = Some(topics.value(row).to_owned());
        }
    }
    if let Some(topic) = counted.and_then(|topic| found.get_mut(&topic)) {
        topic.objects += 1;
        topic.bytes += size;
        table.clone_into(&mut topic.table);
    }
    Ok(())
}

impl Found {
    fn see(&mut self, partition: i32, offset: i64, millis: i64) {
        let seen = self.seen.entry(partition).or_default();
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        if at >= seen.len() {
            seen.resize(at + 1, 0);
        }
        seen[at] = seen[at].saturating_add(1);
        let (oldest, newest) = self.times.unwrap_or((millis, millis));
        self.times = Some((oldest.min(millis), newest.max(millis)));
    }
}

fn compare(stream: Stream, found: Found, ledger: &Ledger) -> Result<TableFacts, DemoError> {
    let (mut records, mut produced_bytes) = (0, 0);
    for partition in 0..PARTITIONS {
        let name = TopicPartition::new(stream.topic(), partition);
        let Some(produced) = ledger.get(&name) else {
            return Err(DemoError::NotProven(format!("nothing is known to be produced into {name}")));
        };
        let seen = found.seen.get(&partition).map_or(&[][..], Vec::as_slice);
        let once = seen.iter().filter(|times| **times == 1).count();
        if seen.len() as i64 != produced.records || once != seen.len() {
            let doubled = seen.iter().filter(|times| **times > 1).count();
            let missing = produced.records - seen.iter().filter(|times| **times > 0).count() as i64;
            return Err(DemoError::NotProven(format!("{name}: {missing} offsets missing, {doubled} more than once")));
        }
        records += once as u64;
        produced_bytes += produced.bytes;
    }
    let time = |millis| jiff::Timestamp::from_second(millis / 1000).unwrap_or_default().to_string();
    let (oldest, newest) = found.times.unwrap_or_default();
    Ok(TableFacts {
        topic: stream.topic(),
        table: found.table,
        records,
        quarantined: found.quarantined,
        objects: found.objects,
        produced_bytes,
        object_bytes: found.bytes,
        oldest: time(oldest),
        newest: time(newest),
    })
}
