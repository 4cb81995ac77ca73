//! Topics of the real broker, filled before the daemon starts.

use std::time::Duration;

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::corpus::Shape;

/// Payloads made once and sent again and again: what fills a topic shall not take longer than what is measured.
const DIFFERENT: u64 = 65_536;

pub struct Kafka {
    brokers: String,
    payloads: Vec<Vec<u8>>,
}

impl Kafka {
    pub fn new(brokers: &str) -> Kafka {
        let payloads = (0..DIFFERENT).map(|number| Shape::Medium.payload(number)).collect();
        Kafka { brokers: brokers.to_owned(), payloads }
    }

    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    pub async fn create(&self, topic: &str, partitions: i32) -> anyhow::Result<()> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        let topics = [NewTopic::new(topic, partitions, TopicReplication::Fixed(1))];
        let results = admin.create_topics(&topics, &AdminOptions::new()).await?;
        results
            .into_iter()
            .try_for_each(|result| result.map(|_| ()))
            .map_err(|(topic, code)| anyhow::anyhow!("{topic}: {code}"))
    }

    fn producer(&self) -> anyhow::Result<ThreadedProducer<DefaultProducerContext>> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("linger.ms", "50").set("batch.size", "1000000");
        Ok(config.create()?)
    }

    /// Sends so many events, partition after partition, and waits until the broker has them all.
    pub fn fill(&self, topic: &str, partitions: i32, records: u64) -> anyhow::Result<()> {
        let producer = self.producer()?;
        for number in 0..records {
            let partition = (number * partitions as u64 / records) as i32;
            self.send(&producer, topic, partition, number)?;
        }
        producer.flush(Duration::from_secs(120)).context("the broker does not take the events")
    }

    /// Sends one event a second to each partition, for so long.
    pub fn trickle(&self, topic: &str, partitions: i32, seconds: u64) -> anyhow::Result<()> {
        let producer = self.producer()?;
        for second in 0..seconds {
            for partition in 0..partitions {
                self.send(&producer, topic, partition, second * partitions as u64 + partition as u64)?;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        producer.flush(Duration::from_secs(60)).context("the broker does not take the events")
    }

    fn send(
        &self,
        producer: &ThreadedProducer<DefaultProducerContext>,
        topic: &str,
        partition: i32,
        number: u64,
    ) -> anyhow::Result<()> {
        let payload = &self.payloads[(number % DIFFERENT) as usize];
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(payload);
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
}
