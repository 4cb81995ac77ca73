//! Replay into a Kafka topic: idempotent, acknowledged by all replicas, at the original timestamps.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::{DeliveryFuture, OwnedDeliveryResult};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::emit::{Sink, SinkError};
use super::read::ProvenRange;
use crate::domain::{Offset, Record, TopicPartition};

/// Records handed to the client and not yet acknowledged; with its own cap on bytes, what bounds memory.
const UNACKNOWLEDGED: usize = 50_000;
const METADATA_WAIT: Duration = Duration::from_secs(20);

/// Which partition of the target a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The one it came from.
    Same,
    /// The one its key hashes to, as Kafka's own producer would choose; order holds per key only.
    ByKey,
}

/// Writes records to one topic.
pub struct KafkaSink {
    producer: FutureProducer,
    topic: String,
    placement: Placement,
    waiting: VecDeque<(TopicPartition, Offset, DeliveryFuture)>,
}

impl KafkaSink {
    /// Connects, and checks that the topic is there and holds `highest`, the last partition that will be written to.
    pub async fn open(
        mut config: ClientConfig,
        topic: &str,
        highest: i32,
        placement: Placement,
    ) -> Result<KafkaSink, SinkError> {
        // Other names for what is set here and by the caller, and transactions, which this producer does not begin.
        for name in ["metadata.broker.list", "request.required.acks", "transactional.id"] {
            config.remove(name);
        }
        config.set("enable.idempotence", "true").set("acks", "all");
        // Java's partitioner, so that a key lands where the first producer would have put it.
        config.set("partitioner", "murmur2_random").set("linger.ms", "20").set("queue.buffering.max.kbytes", "65536");
        let brokers = config.get("bootstrap.servers").unwrap_or_default().to_owned();
        let failed = |error: KafkaError| {
            SinkError::Kafka(format!(
                "cannot write to Kafka topic {topic} at {brokers}: {error}; see that a broker listens there and that \
                 `kafka.properties` fit its listener"
            ))
        };
        let producer: FutureProducer = config.create().map_err(failed)?;
        let asked = producer.clone();
        // All topics: asking for one by name may create it, with whatever number of partitions.
        let metadata = tokio::task::spawn_blocking(move || asked.client().fetch_metadata(None, METADATA_WAIT)).await;
        let metadata =
            metadata.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())).map_err(failed)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map_or(0, |found| found.partitions().len());
        if partitions == 0 {
            let needed = highest + 1;
            return Err(SinkError::Kafka(format!(
                "Kafka topic {topic} does not exist: create it, with {needed} partitions to keep each record's own"
            )));
        }
        if placement == Placement::Same && partitions <= usize::try_from(highest).unwrap_or(0) {
            return Err(SinkError::Kafka(format!(
                "Kafka topic {topic} has {partitions} partitions and the replay writes to partition {highest}: add partitions, \
                 or let keys choose with --partition-by-key"
            )));
        }
        Ok(KafkaSink { producer, topic: topic.to_owned(), placement, waiting: VecDeque::new() })
    }

    async fn send(&mut self, partition: &TopicPartition, record: &Record<'_>) -> Result<(), SinkError> {
        let mut headers = None;
        for header in record.headers() {
            let key = std::str::from_utf8(header.name).map_err(|_| {
                let at = record.offset;
                SinkError::Kafka(format!(
                    "{partition} offset {at} has a header name that is not UTF-8, which the Kafka client cannot write: leave \
                     the offset out, or replay to a file"
                ))
            })?;
            let grown: OwnedHeaders = headers.unwrap_or_default();
            headers = Some(grown.insert(Header { key, value: header.value }));
        }
        loop {
            let mut out = FutureRecord::<[u8], [u8]>::to(&self.topic);
            (out.key, out.payload, out.headers) = (record.key, record.value, headers.take());
            // 0 would mean now; -1 is how Kafka writes down that there is none.
            out.timestamp = Some(record.timestamp.millis().unwrap_or(-1));
            out.partition = (self.placement == Placement::Same).then_some(partition.partition);
            match self.producer.send_result(out) {
                Ok(delivery) => {
                    self.waiting.push_back((partition.clone(), record.offset, delivery));
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused))
                    if !self.waiting.is_empty() =>
                {
                    headers = refused.headers;
                    self.acknowledge_one().await?;
                }
                Err((error, _)) => return Err(self.refused(partition, record.offset, &error)),
            }
        }
    }

    /// Waits for the oldest record to be acknowledged.
    async fn acknowledge_one(&mut self) -> Result<(), SinkError> {
        let Some((partition, offset, delivery)) = self.waiting.pop_front() else { return Ok(()) };
        let outcome: Result<OwnedDeliveryResult, _> = delivery.await;
        match outcome {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(self.refused(&partition, offset, &error)),
            Err(_) => Err(self.refused(&partition, offset, &KafkaError::Canceled)),
        }
    }

    fn refused(&self, partition: &TopicPartition, offset: Offset, error: &KafkaError) -> SinkError {
        SinkError::Kafka(format!("Kafka topic {} did not take {partition} offset {offset}: {error}", self.topic))
    }
}

#[async_trait]
impl Sink for KafkaSink {
    async fn emit(&mut self, range: &ProvenRange) -> Result<(), SinkError> {
        for record in range.records() {
            self.send(&range.chain.partition, &record).await?;
            while self.waiting.len() > UNACKNOWLEDGED {
                self.acknowledge_one().await?;
            }
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        while !self.waiting.is_empty() {
            self.acknowledge_one().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::message::{Headers, Message, OwnedMessage};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::{Offset as Position, TopicPartitionList};

    use super::*;
    use crate::chain::ChainId;
    use crate::domain::{Header as RecordHeader, Records, Timestamp, TopicId};

    const TARGET: &str = "restored";

    fn cluster(partitions: i32) -> (MockCluster<'static, DefaultProducerContext>, ClientConfig) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TARGET, partitions, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        (cluster, config)
    }

    fn range(partition: i32, records: Records) -> ProvenRange {
        let chain = ChainId { partition: TopicPartition::new("prod.a.b.c.D", partition), topic_id: TopicId([1; 16]) };
        ProvenRange::of(chain, records)
    }

    fn read_back(mut config: ClientConfig, partition: i32, count: usize) -> Vec<OwnedMessage> {
        let consumer: BaseConsumer = config.set("group.id", "test").create().unwrap();
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(TARGET, partition, Position::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let next = || consumer.poll(Duration::from_secs(20)).expect("a record in time").unwrap().detach();
        (0..count).map(|_| next()).collect()
    }

    #[tokio::test]
    async fn records_arrive_as_they_were_in_their_own_partition() {
        let (_cluster, config) = cluster(3);
        let mut records = Records::default();
        let headers = [
            RecordHeader { name: b"a", value: Some(b"1") },
            RecordHeader { name: b"a", value: None },
            RecordHeader { name: b"", value: Some(b"") },
        ];
        records.push(Offset(7), Timestamp::Create(1_000), Some(b"key"), Some(b"value"), headers);
        records.push(Offset(9), Timestamp::Create(500), None, Some(b""), []);
        records.push(Offset(10), Timestamp::None, Some(b""), None, []);
        let mut sink = KafkaSink::open(config.clone(), TARGET, 2, Placement::Same).await.unwrap();
        sink.emit(&range(2, records)).await.unwrap();
        sink.finish().await.unwrap();

        let seen = read_back(config, 2, 3);
        assert_eq!((seen[0].key(), seen[0].payload()), (Some(&b"key"[..]), Some(&b"value"[..])));
        assert_eq!((seen[1].key(), seen[1].payload()), (None, Some(&b""[..])));
        assert_eq!((seen[2].key(), seen[2].payload()), (Some(&b""[..]), None));
        let times: Vec<_> = seen.iter().map(|message| message.timestamp().to_millis()).collect();
        assert_eq!(times, [Some(1_000), Some(500), None]);
        let got: Vec<_> = seen[0].headers().unwrap().iter().map(|header| (header.key, header.value)).collect();
        assert_eq!(got, [("a", Some(&b"1"[..])), ("a", None), ("", Some(&b""[..]))]);
        assert_eq!(seen[1].headers().map_or(0, |headers| headers.count()), 0);
    }

    #[tokio::test]
    async fn a_topic_with_too_few_partitions_or_none_is_refused_before_anything_is_written() {
        let (_cluster, config) = cluster(2);
        let refused =
            |topic: &'static str, highest, placement| KafkaSink::open(config.clone(), topic, highest, placement);
        let error = refused(TARGET, 2, Placement::Same).await.err().unwrap().to_string();
        assert!(error.contains("has 2 partitions") && error.contains("--partition-by-key"), "{error}");
        assert!(refused(TARGET, 2, Placement::ByKey).await.is_ok());
        let error = refused("elsewhere", 2, Placement::Same).await.err().unwrap().to_string();
        assert!(error.contains("elsewhere does not exist") && error.contains("with 3 partitions"), "{error}");
    }

    #[tokio::test]
    async fn a_header_name_that_is_not_text_is_refused_with_its_offset() {
        let (_cluster, config) = cluster(1);
        let mut records = Records::default();
        records.push(Offset(7), Timestamp::None, None, None, [RecordHeader { name: b"\xff", value: None }]);
        let mut sink = KafkaSink::open(config, TARGET, 0, Placement::Same).await.unwrap();
        let error = sink.emit(&range(0, records)).await.unwrap_err().to_string();
        assert!(error.contains("prod.a.b.c.D/0 offset 7") && error.contains("not UTF-8"), "{error}");
    }
}
