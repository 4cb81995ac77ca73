//! The source against librdkafka's broker in this process, which the demo uses too: no servers needed.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{self, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::time::timeout;

use super::*;
use crate::domain::{Header, MemoryBudget};

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

    let mut source = joined(&kafka, log);
    let read = records(&mut source, 2).await;
    assert_eq!(read.iter().map(|batch| batch.records.len()).sum::<usize>(), 2);
    source.commands.send(SourceCommand::Shutdown).unwrap();
    while timeout(PATIENCE, source.events.recv()).await.unwrap().is_some() {}
}

#[tokio::test]
async fn every_header_comes_whatever_the_value_and_the_compression() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let kafka = options(cluster.bootstrap_servers());
    let value = |number: usize| [None, Some(&b""[..]), Some(b"\0"), Some(b"value")][number % 4];
    let names = |number: usize| &["a", "\0b", "a"][..number / 4 % 4];
    let mut count = 0;
    for compression in ["none", "gzip", "zstd", "lz4", "snappy"] {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.brokers)
            .set("compression.type", compression)
            .set("linger.ms", "50")
            .create()
            .unwrap();
        for _ in 0..64 {
            let headers = names(count).iter().fold(OwnedHeaders::new(), |headers, &key| {
                headers.insert(message::Header { key, value: value(count / 16) })
            });
            let mut record = BaseRecord::<[u8], [u8]>::to("t").partition(0);
            record.payload = value(count);
            record.headers = (!names(count).is_empty()).then_some(headers);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            count += 1;
        }
        producer.flush(PATIENCE).unwrap();
    }

    let mut source = joined(&kafka, Arc::new(KafkaLog::new(&kafka).unwrap()));
    for batch in records(&mut source, count).await {
        for record in batch.records.iter() {
            let number = record.offset.0 as usize;
            assert_eq!(record.value, value(number));
            // librdkafka cuts a name at its NUL.
            let name = |name: &'static str| name.split('\0').next().unwrap().as_bytes();
            let expected: Vec<_> =
                names(number).iter().map(|own| Header { name: name(own), value: value(number / 16) }).collect();
            assert_eq!(record.headers().collect::<Vec<_>>(), expected, "{number}");
        }
    }
}

fn joined(kafka: &KafkaOptions, log: Arc<KafkaLog>) -> Source {
    let reading =
        Options { batch_records: 100, batch_bytes: 1 << 20, revoke_wait: PATIENCE, refresh: Duration::from_secs(1) };
    join(kafka, vec![TopicMatch::Name("t".to_owned())], log, MemoryBudget::new(1 << 20), reading).unwrap()
}

/// Starts what is assigned and returns so many records.
async fn records(source: &mut Source, count: usize) -> Vec<RawBatch> {
    let mut read: Vec<RawBatch> = Vec::new();
    while read.iter().map(|batch| batch.records.len()).sum::<usize>() < count {
        match timeout(PATIENCE, source.events.recv()).await.unwrap().unwrap() {
            SourceEvent::Assigned(partitions) => {
                for partition in partitions {
                    source.commands.send(SourceCommand::Start { partition, at: Offset(0), generation: 1 }).unwrap();
                }
            }
            SourceEvent::Records(batches) => read.extend(batches),
            other => panic!("{other:?}"),
        }
    }
    read
}
