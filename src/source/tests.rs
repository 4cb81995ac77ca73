//! The source against librdkafka's broker in this process, which the demo uses too: no servers needed.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::time::timeout;

use super::*;
use crate::domain::MemoryBudget;

const PATIENCE: Duration = Duration::from_secs(30);

fn options(brokers: String) -> KafkaOptions {
    KafkaOptions { brokers, group: "g".to_owned(), protocol: Protocol::Classic, properties: Default::default() }
}

#[tokio::test]
async fn a_broker_in_this_process_is_read_and_tells_a_topic_id() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 2, 1).unwrap();
    let kafka = options(cluster.bootstrap_servers());
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &kafka.brokers).create().unwrap();
    for partition in 0..2 {
        producer
            .send(BaseRecord::to("t").partition(partition).key("k").payload("v"))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    producer.flush(PATIENCE).unwrap();

    let log = Arc::new(KafkaLog::new(&kafka).unwrap());
    let t = TopicPartition::new("t", 0);
    let (one, two) = (log.topic_id(&t).await.unwrap(), log.topic_id(&t).await.unwrap());
    assert_eq!(one, two);
    assert!(matches!(log.topic_id(&TopicPartition::new("u", 0)).await, Err(LogError::NoTopic(_))));

    let reading =
        Options { batch_records: 100, batch_bytes: 1 << 20, revoke_wait: PATIENCE, refresh: Duration::from_secs(1) };
    let matches = vec![TopicMatch::Name("t".to_owned())];
    let mut source = join(&kafka, matches, log, MemoryBudget::new(1 << 20), reading).unwrap();
    let mut read = 0;
    while read < 2 {
        match timeout(PATIENCE, source.events.recv()).await.unwrap().unwrap() {
            SourceEvent::Assigned(partitions) => {
                for partition in partitions {
                    source.commands.send(SourceCommand::Start { partition, at: Offset(0), generation: 1 }).unwrap();
                }
            }
            SourceEvent::Records(batch) => read += batch.records.len(),
            other => panic!("{other:?}"),
        }
    }
    source.commands.send(SourceCommand::Shutdown).unwrap();
    while timeout(PATIENCE, source.events.recv()).await.unwrap().is_some() {}
}
