//! librdkafka's mock broker, and the thread that fills it no faster than the daemon archives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use super::PARTITIONS;
use super::events::Stream;
use crate::domain::{Digest, Header, Offset, RecordDigest, Records, Timestamp, TopicPartition};

/// Records a partition may hold that are not archived yet: about 2 MiB of the 5 MiB at which the mock broker drops its oldest.
const AHEAD: i64 = 8_000;
/// The events are spread over so many hours.
const HOURS: i64 = 5;
/// Records between two digest updates: bounds the arena.
const CHUNK: usize = 1_000;

pub(super) struct Broker {
    _cluster: MockCluster<'static, DefaultProducerContext>,
    address: String,
}

impl Broker {
    pub(super) fn start() -> Result<Broker, KafkaError> {
        let cluster = MockCluster::new(1)?;
        for stream in Stream::ALL {
            cluster.create_topic(stream.topic(), PARTITIONS, 1)?;
        }
        let address = cluster.bootstrap_servers();
        Ok(Broker { _cluster: cluster, address })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

/// How far the chains are.
#[derive(Clone, Debug, Default)]
pub(super) struct Tips(BTreeMap<TopicPartition, Offset>);

impl Tips {
    pub(super) fn set(&mut self, partition: TopicPartition, next: Offset) {
        self.0.insert(partition, next);
    }

    pub(super) fn next(&self, partition: &TopicPartition) -> Offset {
        self.0.get(partition).copied().unwrap_or(Offset::ZERO)
    }

    /// Returns the records decided so far; the mock broker's logs have neither holes nor control records.
    pub(super) fn records(&self) -> u64 {
        self.0.values().map(|next| next.0.unsigned_abs()).sum()
    }
}

/// What was produced into a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Produced {
    pub(super) records: i64,
    pub(super) bytes: u64,
    pub(super) digest: Digest,
}

pub(super) type Ledger = BTreeMap<TopicPartition, Produced>;

/// A partition as the producer sees it.
struct Lot {
    stream: Stream,
    partition: i32,
    next: i64,
    bytes: u64,
    digest: RecordDigest,
    recent: Records,
    /// How far the archive is.
    archived: Arc<AtomicI64>,
}

/// The producing thread.
pub(super) struct Producer {
    thread: JoinHandle<Result<Ledger, KafkaError>>,
    archived: BTreeMap<TopicPartition, Arc<AtomicI64>>,
    /// Numbers from here on wait.
    until: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Producer {
    /// Starts with the first half of the records; [`release`](Self::release) lets the rest go.
    pub(super) fn start(brokers: &str, records: u64, until_millis: i64) -> Result<Producer, KafkaError> {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .create()?;
        let mut lots: Vec<Lot> = Stream::ALL
            .into_iter()
            .flat_map(|stream| (0..PARTITIONS).map(move |partition| (stream, partition)))
            .map(|(stream, partition)| Lot::new(stream, partition))
            .collect();
        let archived = lots.iter().map(|lot| (lot.name(), lot.archived.clone())).collect();
        let (until, stop) = (Arc::new(AtomicU64::new(records / 2)), Arc::new(AtomicBool::new(false)));
        let (released, stopped) = (until.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let begin = until_millis - HOURS * 3_600_000;
            for number in 0..records {
                let millis = begin + (HOURS * 3_600_000 - 1) * number as i64 / records as i64;
                let count = lots.len() as u64;
                let lot = &mut lots[(number % count) as usize];
                while lot.is_ahead() || released.load(Ordering::Relaxed) <= number {
                    if stopped.load(Ordering::Relaxed) {
                        return Ok(Ledger::new());
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                lot.produce(&producer, number, millis)?;
            }
            producer.flush(Duration::from_secs(30))?;
            Ok(lots.into_iter().map(Lot::close).collect())
        });
        Ok(Producer { thread, archived, until, stop })
    }

    /// Lets the second half of the records go.
    pub(super) fn release(&self) {
        self.until.store(u64::MAX, Ordering::Relaxed);
    }

    /// Says how far the archive is, so that the producer may go on.
    pub(super) fn allow(&self, tips: &Tips) {
        for (partition, archived) in &self.archived {
            archived.store(tips.next(partition).0, Ordering::Relaxed);
        }
    }

    pub(super) fn finish(self) -> Result<Ledger, KafkaError> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the producing thread does not panic")
    }
}

impl Lot {
    fn new(stream: Stream, partition: i32) -> Lot {
        Lot {
            stream,
            partition,
            next: 0,
            bytes: 0,
            digest: RecordDigest::default(),
            recent: Records::default(),
            archived: Arc::default(),
        }
    }

    fn name(&self) -> TopicPartition {
        TopicPartition::new(self.stream.topic(), self.partition)
    }

    fn is_ahead(&self) -> bool {
        self.next - self.archived.load(Ordering::Relaxed) > AHEAD
    }

    fn produce(
        &mut self,
        producer: &ThreadedProducer<DefaultProducerContext>,
        number: u64,
        millis: i64,
    ) -> Result<(), KafkaError> {
        let key = format!("k{}", number % 5_000);
        // A tombstone now and then; the rest are events.
        let payload = (number % 1_000 != 500).then(|| self.stream.payload(number, millis));
        let trace = number.to_be_bytes();
        let headers = [Header { name: b"trace", value: Some(&trace) }, Header { name: b"retried", value: None }];
        let headers = &headers[..if number.is_multiple_of(50) { 2 } else { 1 }];
        let mut owned = OwnedHeaders::new();
        for header in headers {
            let key = std::str::from_utf8(header.name).expect("written above");
            owned = owned.insert(KafkaHeader { key, value: header.value });
        }
        let mut record = BaseRecord::to(self.stream.topic())
            .partition(self.partition)
            .timestamp(millis)
            .key(key.as_str())
            .headers(owned);
        if let Some(payload) = &payload {
            record = record.payload(payload);
        }
        while let Err((error, again)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(5));
            record = again;
        }
        let (key, value) = (Some(key.as_bytes()), payload.as_deref());
        self.recent.push(Offset(self.next), Timestamp::Create(millis), key, value, headers.iter().copied());
        self.next += 1;
        if self.recent.len() >= CHUNK {
            self.digest_recent();
        }
        Ok(())
    }

    fn digest_recent(&mut self) {
        self.bytes += self.recent.payload_bytes() as u64;
        self.recent.iter().for_each(|record| self.digest.update(&record));
        self.recent = Records::default();
    }

    fn close(mut self) -> (TopicPartition, Produced) {
        self.digest_recent();
        (self.name(), Produced { records: self.next, bytes: self.bytes, digest: self.digest.finish() })
    }
}
