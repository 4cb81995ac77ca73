//! The Kafka under test: topics, producers, faults.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use alluvium::source::{KafkaLog, KafkaOptions, Protocol};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long a condition may take to come true before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a variable that `make test` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the live tests by `make test`, which starts the servers"))
}

pub fn brokers() -> String {
    variable("ALLUVIUM_TEST_KAFKA")
}

/// Returns a name no other test and no other run has.
pub fn unique(name: &str) -> String {
    format!("dev.live-{}.{name}.alluvium.Test", run())
}

/// Returns what tells this run from others.
pub fn run() -> String {
    static RUN: OnceLock<u32> = OnceLock::new();
    format!("{:08x}", RUN.get_or_init(rand::random))
}

pub fn options(group: &str, protocol: Protocol) -> KafkaOptions {
    let mut properties = vec![("reconnect.backoff.max.ms", "500")];
    if protocol == Protocol::Classic {
        properties.extend([("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "500")]);
    }
    let properties = properties.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    KafkaOptions { brokers: brokers(), group: group.to_owned(), protocol, properties }
}

pub fn log() -> KafkaLog {
    KafkaLog::new(&options("unused", Protocol::Classic)).unwrap()
}

static BROKER: RwLock<()> = RwLock::const_new(());

/// Keeps the broker up: what every test holds that does not take it down itself.
pub async fn broker_stays_up() -> RwLockReadGuard<'static, ()> {
    BROKER.read().await
}

/// Lets a test have the broker for itself.
pub async fn broker_for_me() -> RwLockWriteGuard<'static, ()> {
    BROKER.write().await
}

/// Does `kill` or `start` to the broker; `start` waits until it answers.
pub async fn broker(action: &'static str) {
    let done = tokio::task::spawn_blocking(move || {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/localstack/broker");
        let state = variable("ALLUVIUM_TEST_STATE");
        let status = std::process::Command::new(script).args([action, "--state", &state]).status().unwrap();
        assert!(status.success(), "localstack/broker {action}: {status}");
    });
    done.await.unwrap();
}

pub fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers()).set("reconnect.backoff.max.ms", "500");
    config
}

fn admin() -> AdminClient<DefaultClientContext> {
    config().create().unwrap()
}

pub async fn create_topic(name: &str, partitions: i32) {
    create_topic_taking(name, partitions, 1 << 20).await;
}

/// Makes a topic that takes records of so many bytes.
pub async fn create_topic_taking(name: &str, partitions: i32, bytes: usize) {
    let bytes = bytes.to_string();
    // Tests write old timestamps, which retention would drop.
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1))
        .set("retention.ms", "-1")
        .set("max.message.bytes", &bytes);
    // Right after a deletion the name may still be taken.
    eventually("the topic is created", async || {
        let outcome = admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        outcome.into_iter().all(|topic| topic.is_ok()).then_some(())
    })
    .await;
    known_everywhere(name, partitions as usize).await;
}

/// Waits until a topic has so many partitions, each with a leader.
async fn known_everywhere(name: &str, partitions: usize) {
    let reader: BaseConsumer = config().create().unwrap();
    eventually("the topic is known everywhere", async || {
        let metadata = reader.fetch_metadata(Some(name), PATIENCE).unwrap();
        let known = metadata.topics().iter().any(|topic| topic.partitions().len() == partitions);
        let led =
            metadata.topics().iter().flat_map(|topic| topic.partitions()).all(|partition| partition.error().is_none());
        (known && led).then_some(())
    })
    .await;
}

pub async fn delete_topic(name: &str) {
    let outcome = admin().delete_topics(&[name], &AdminOptions::new()).await.unwrap();
    outcome.into_iter().for_each(|topic| drop(topic.unwrap()));
}

pub async fn add_partitions(name: &str, total: usize) {
    let outcome = admin().create_partitions([&NewPartitions::new(name, total)], &AdminOptions::new()).await.unwrap();
    outcome.into_iter().for_each(|topic| drop(topic.unwrap()));
    known_everywhere(name, total).await;
}

/// Makes Kafka forget what comes before `offset`, as retention does.
pub async fn delete_before(name: &str, partition: i32, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(name, partition, Offset::Offset(offset)).unwrap();
    admin().delete_records(&list, &AdminOptions::new()).await.unwrap();
}

pub fn producer() -> BaseProducer {
    config().set("enable.idempotence", "true").set("linger.ms", "5").create().unwrap()
}

pub fn transactional(id: &str) -> BaseProducer {
    let producer: BaseProducer = config().set("transactional.id", id).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

/// Sends values `from..to` as decimal texts to one partition, and waits until all are there (in a transaction: sent).
pub fn send(producer: &BaseProducer, topic: &str, partition: i32, values: std::ops::Range<u64>) {
    for value in values {
        let text = value.to_string();
        let mut record = BaseRecord::to(topic).partition(partition).key(&text).payload(&text);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(PATIENCE).unwrap();
}

/// Asks until there is an answer; between two questions other tasks run.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
