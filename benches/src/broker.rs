//! librdkafka's mock broker in this process, with a topic full of events and one that is empty.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::corpus::{Shape, events};

pub const TOPIC: &str = "full";
/// The mock broker keeps 5 MiB of a partition, hence so many.
pub const PARTITIONS: i32 = 64;
pub const PER_PARTITION: u64 = 14_000;
pub const RECORDS: u64 = PARTITIONS as u64 * PER_PARTITION;

/// Without records, one with a single partition and one with many.
pub const IDLE: [(&str, i32); 2] = [("idle-1", 1), ("idle-1000", 1000)];

pub struct Broker(MockCluster<'static, DefaultProducerContext>);

impl Broker {
    /// Starts a broker and fills [`TOPIC`] with medium events, whose timestamps lie in one hour.
    pub fn filled() -> anyhow::Result<Broker> {
        let cluster = MockCluster::new(1)?;
        for (topic, partitions) in IDLE.into_iter().chain([(TOPIC, PARTITIONS)]) {
            cluster.create_topic(topic, partitions, 1)?;
        }
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "20")
            .set("queue.buffering.max.messages", "2000000")
            .create()?;
        for number in 0..RECORDS {
            let (partition, payload) = ((number % PARTITIONS as u64) as i32, Shape::Medium.payload(number));
            let at = events::BEGIN + (number * 3_600_000 / RECORDS) as i64;
            let record = BaseRecord::<(), [u8]>::to(TOPIC).partition(partition).payload(&payload).timestamp(at);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        producer.flush(Duration::from_secs(60))?;
        Ok(Broker(cluster))
    }

    pub fn address(&self) -> String {
        self.0.bootstrap_servers()
    }
}
