//! What senders should not send, through the whole daemon: records as large as Kafka lets them be, and a topic of nothing but junk.

use alluvium::chain::layout_keys;
use alluvium::domain::{Topic, TopicPartition};
use alluvium::encode::{Footer, read_records};
use alluvium::schema::Layout;
use alluvium::source::Log;
use alluvium::store::ArchiveStore;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::daemon::{Daemon, Setup};
use crate::kafka::{PATIENCE, broker_stays_up, config, create_topic_taking, eventually, log};
use crate::lake::{store, tips};

/// Beyond all of Kafka's and librdkafka's usual limits.
const MOST_BYTES: usize = 48 << 20;

/// Fields of `event.proto`: 2 is a text, 1 a number.
fn text(bytes: &[u8]) -> Vec<u8> {
    let mut length = Vec::new();
    prost::encoding::encode_varint(bytes.len() as u64, &mut length);
    [vec![0x12], length, bytes.to_vec()].concat()
}

/// Sends values to the one partition, and waits until Kafka has them.
fn send(topic: &str, values: impl IntoIterator<Item = Vec<u8>>) {
    let most = (MOST_BYTES + (1 << 20)).to_string();
    let producer: BaseProducer = config().set("message.max.bytes", most).set("linger.ms", "20").create().unwrap();
    for value in values {
        let mut record = BaseRecord::<(), _>::to(topic).partition(0).payload(&value);
        while let Err((_, back)) = producer.send(record) {
            producer.poll(PATIENCE / 100);
            record = back;
        }
    }
    producer.flush(PATIENCE).unwrap();
}

/// Waits until all records below `next` are archived.
async fn archived(setup: &Setup, next: i64) {
    let partition = TopicPartition { topic: Topic::new(&setup.topic), partition: 0 };
    let id = eventually("the topic has an id", async || log().topic_id(&partition).await.ok()).await;
    let store = store(&setup.bucket).await;
    let tip = async || tips(&*store, &setup.topic, id).await.get(&0).copied();
    eventually("all is archived", async || (tip().await == Some(next)).then_some(())).await;
}

/// Returns the values below a folder of the archive, in the order of their offsets.
async fn values(store: &dyn ArchiveStore, folder: &str) -> Vec<(i64, Vec<u8>)> {
    let mut values = Vec::new();
    for key in store.list(folder, None, 10_000).await.unwrap().keys {
        let object = store.get(&key).await.unwrap().unwrap();
        let footer = Footer::read(&object).unwrap();
        let (rule, descriptors) = layout_keys(footer.layout);
        let part = async |key: &str| store.get(key).await.unwrap().unwrap();
        let layout = Layout::from_stored(footer.layout, &part(&rule).await, &part(&descriptors).await).unwrap();
        let records = read_records(object, footer.kind, Some(&layout)).unwrap();
        values.extend(records.iter().map(|record| (record.offset.0, record.value.unwrap().to_vec())));
    }
    values.sort();
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn records_as_large_as_kafka_lets_them_be_are_archived_good_or_bad() {
    let _up = broker_stays_up().await;
    let setup = Setup::new("large").await;
    create_topic_taking(&setup.topic, 1, MOST_BYTES + (1 << 20)).await;
    let large = |first: u8| vec![first; MOST_BYTES];
    let sent = [text(b"small"), text(&large(b'x')), large(0xff), text(b"small"), text(&large(0xff)), text(b"last")];
    send(&setup.topic, sent.clone());
    let mut daemon = Daemon::start(&setup, "one");
    archived(&setup, sent.len() as i64).await;
    let store = store(&setup.bucket).await;
    let (rows, refused) = (values(&*store, "tables/").await, values(&*store, "quarantine/").await);
    let expected = |offsets: &[usize]| offsets.iter().map(|at| (*at as i64, sent[*at].clone())).collect::<Vec<_>>();
    // Not by `assert_eq`, which would print them.
    assert!(rows == expected(&[0, 1, 3, 5]), "{} rows", rows.len());
    assert!(refused == expected(&[2, 4]), "{} in quarantine", refused.len());
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_nothing_but_junk_is_kept_and_counted_by_reason() {
    let _up = broker_stays_up().await;
    let setup = Setup::new("junk").await;
    create_topic_taking(&setup.topic, 1, 1 << 20).await;
    let junk: [(&str, Vec<u8>); 4] = [
        ("truncated", vec![0x08, 0xff]),
        ("malformed_tag", b"\x1f\x8b\x08\x00 as if compressed".to_vec()),
        ("wire_type", vec![0x0d, 1, 2, 3, 4]),
        ("utf8", text(b"\xff")),
    ];
    let each = 25_000;
    send(&setup.topic, junk.iter().cycle().map(|(_, value)| value.clone()).take(4 * each));
    let mut daemon = Daemon::start(&setup, "one");
    archived(&setup, 4 * each as i64).await;
    let (_, metrics) = daemon.get("/metrics").unwrap();
    let counted = metrics.lines().filter(|line| line.starts_with("alluvium_records_quarantined_total"));
    let counted: Vec<&str> = counted.collect();
    for (reason, _) in &junk {
        let of_reason =
            |line: &&&str| line.contains(&format!("reason=\"{reason}\"")) && line.ends_with(&format!(" {each}"));
        assert_eq!(counted.iter().filter(of_reason).count(), 1, "{reason} in {counted:#?}");
    }
    let store = store(&setup.bucket).await;
    assert_eq!(values(&*store, "tables/").await.len(), 0);
    assert_eq!(values(&*store, "quarantine/").await.len(), 4 * each);
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
}
