//! The source against a real broker.

mod outages;
mod secured;

use std::time::Duration;

use alluvium::domain::{Header, Offset, Timestamp, TopicPartition};
use alluvium::source::{
    Bounds, KafkaLog, Log, LogError, Options, Protocol, SourceCommand, SourceEvent, StartAt, TopicMatch,
};
use rdkafka::message::{Header as Sent, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use crate::kafka::{
    PATIENCE, add_partitions, broker, broker_for_me, broker_stays_up, create_topic, delete_before, delete_topic,
    eventually, log, options, producer, send, transactional, unique,
};
use crate::member::{Member, both, reading};
use crate::raw_header;

fn name(topic: &str) -> TopicMatch {
    TopicMatch::Name(topic.to_owned())
}

async fn starts_where_told(protocol: Protocol) {
    let _up = broker_stays_up().await;
    let topic = unique(&format!("late-{protocol:?}"));
    create_topic(&topic, 3).await;
    let producer = producer();
    (0..3).for_each(|partition| send(&producer, &topic, partition, 0..100));
    let mut member = Member::join(&options(&topic, protocol), name(&topic));
    member.tips.insert(TopicPartition::new(&topic, 1), 40);
    member.until("all is read", |member| member.count() == 260).await;
    for (partition, first) in [(0, 0), (1, 40), (2, 0)] {
        assert_eq!(member.values(&TopicPartition::new(&topic, partition)), (first..100).collect::<Vec<_>>());
    }
    // The same again under a new generation, while it is being read.
    let again = TopicPartition::new(&topic, 2);
    member.start(&again, 90);
    member.until("the restart is read", |member| member.count() == 270).await;
    assert_eq!(member.values(&again)[100..], (90..100).collect::<Vec<_>>());
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_read_from_where_its_start_says() {
    starts_where_told(Protocol::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_read_from_where_its_start_says_under_the_consumer_protocol() {
    starts_where_told(Protocol::Consumer).await;
}

async fn shares(protocol: Protocol) {
    let _up = broker_stays_up().await;
    let topic = unique(&format!("share-{protocol:?}"));
    create_topic(&topic, 6).await;
    let producer = producer();
    (0..6).for_each(|partition| send(&producer, &topic, partition, 0..50));
    let mut one = Member::join(&options(&topic, protocol), name(&topic));
    one.until("one reads all", |one| one.count() == 300).await;
    let mut two = Member::join(&options(&topic, protocol), name(&topic));
    two.tips = one.tips.clone();
    both(&mut one, &mut two, "they share", |one, two| one.owned.len() == 3 && two.owned.len() == 3).await;
    (0..6).for_each(|partition| send(&producer, &topic, partition, 50..100));
    both(&mut one, &mut two, "all is read", |one, two| one.count() + two.count() == 600).await;
    let mut one = {
        two.leave().await;
        one
    };
    one.tips.extend((0..6).map(|partition| (TopicPartition::new(&topic, partition), 100)));
    one.until("all came back", |one| one.owned.len() == 6).await;
    (0..6).for_each(|partition| send(&producer, &topic, partition, 100..110));
    one.until("the rest is read", |one| one.seen.values().flatten().filter(|seen| 100 <= seen.offset).count() == 60)
        .await;
    one.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_and_give_back() {
    shares(Protocol::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_and_give_back_under_the_consumer_protocol() {
    shares(Protocol::Consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_keeps_key_value_headers_and_timestamp() {
    let _up = broker_stays_up().await;
    let topic = unique("record");
    create_topic(&topic, 1).await;
    let producer = producer();
    let value: Option<&[u8]> = None;
    let headers = OwnedHeaders::new()
        .insert(Sent { key: "a", value: Some("1") })
        .insert(Sent { key: "b", value })
        .insert(Sent { key: "a", value: Some("") })
        .insert(Sent { key: "", value: Some("2") });
    let full = BaseRecord::to(&topic).key("").payload("v").timestamp(1_700_000_000_123).headers(headers);
    producer.send(full).map_err(|(error, _)| error).unwrap();
    let bare: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).timestamp(5);
    producer.send(bare).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    raw_header::send(&producer, &topic, b"\xff\xfe", b"\0");

    let mut member = Member::join(&options(&topic, Protocol::Classic), name(&topic));
    member.held = Some(Vec::new());
    member.until("all are read", |member| member.count() == 3).await;
    let batches = member.held.take().unwrap();
    let records: Vec<_> = batches.iter().flat_map(|batch| batch.records.iter()).collect();
    assert_eq!((records[0].key, records[0].value), (Some(&b""[..]), Some(&b"v"[..])));
    assert_eq!(records[0].timestamp, Timestamp::Create(1_700_000_000_123));
    assert_eq!(
        records[0].headers().collect::<Vec<_>>(),
        [
            Header { name: b"a", value: Some(b"1") },
            Header { name: b"b", value: None },
            Header { name: b"a", value: Some(b"") },
            Header { name: b"", value: Some(b"2") },
        ]
    );
    assert_eq!((records[1].key, records[1].value, records[1].headers().len()), (None, None, 0));
    assert_eq!(records[1].timestamp, Timestamp::Create(5));
    assert_eq!(records[2].headers().collect::<Vec<_>>(), [Header { name: b"\xff\xfe", value: Some(b"\0") }]);
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_records_are_not_seen_and_the_end_after_them_is_told() {
    let _up = broker_stays_up().await;
    let topic = unique("aborted");
    create_topic(&topic, 1).await;
    let partition = TopicPartition::new(&topic, 0);
    let producer = transactional(&topic);
    for (values, commit) in [(0..100, true), (100..150, false), (200..300, true), (300..310, false)] {
        producer.begin_transaction().unwrap();
        send(&producer, &topic, 0, values);
        if commit { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) }.unwrap();
    }
    let mut member = Member::join(&options(&topic, Protocol::Classic), name(&topic));
    member.until("the committed ones are read", |member| member.count() == 200).await;
    assert_eq!(member.values(&partition), (0..100).chain(200..300).collect::<Vec<_>>());
    // 260 records and 4 markers.
    member.until("the end is told", |member| member.scanned.get(&partition) == Some(&(264, 264))).await;
    assert_eq!(member.seen[&partition].last().unwrap().offset, 251);

    producer.begin_transaction().unwrap();
    send(&producer, &topic, 0, 400..401);
    let bounds = log().bounds(&partition).await.unwrap();
    assert_eq!(bounds, Bounds { first: Offset(0), stable_end: Offset(264) });
    producer.abort_transaction(PATIENCE).unwrap();
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_topics_and_partitions_are_found_and_deleted_topics_go() {
    let _up = broker_stays_up().await;
    let base = unique("found");
    let (first, second) = (format!("{base}.one"), format!("{base}.two"));
    create_topic(&first, 1).await;
    let pattern = regex::Regex::new(&format!(r"^(?:{}\.\w+)$", regex::escape(&base))).unwrap();
    let mut member = Member::join(&options(&base, Protocol::Classic), TopicMatch::Pattern(pattern));
    member.until("the first is assigned", |member| member.owned.len() == 1).await;
    create_topic(&second, 2).await;
    member.until("the second is found", |member| member.owned.len() == 3).await;
    add_partitions(&first, 3).await;
    member.until("its new partitions are found", |member| member.owned.len() == 5).await;
    assert!(
        !member.told.iter().any(|told| told.starts_with("revoked") || told.starts_with("lost")),
        "{:?}",
        member.told
    );
    let producer = producer();
    send(&producer, &first, 2, 0..10);
    send(&producer, &second, 1, 0..10);
    member.until("they are read", |member| member.count() == 20).await;
    delete_topic(&second).await;
    member.until("the deleted one goes", |member| member.owned.len() == 3).await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_kafka_dropped_is_told_and_another_start_reads_on() {
    let _up = broker_stays_up().await;
    let topic = unique("dropped");
    create_topic(&topic, 1).await;
    let partition = TopicPartition::new(&topic, 0);
    let producer = producer();
    send(&producer, &topic, 0, 0..100);
    delete_before(&topic, 0, 60).await;
    let mut member = Member::join(&options(&topic, Protocol::Classic), name(&topic));
    let told = format!("out of range {partition} 1");
    member.until("it is told", |member| member.told.contains(&told)).await;
    assert_eq!(log().bounds(&partition).await.unwrap().first, Offset(60));
    member.start(&partition, 60);
    member.until("the rest is read", |member| member.count() == 40).await;
    assert_eq!(member.values(&partition), (60..100).collect::<Vec<_>>());
    // Beyond the end is out of range as well: a restored log, or another cluster.
    member.start(&partition, 5000);
    let told = format!("out of range {partition} 3");
    member.until("it is told again", |member| member.told.contains(&told)).await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_created_topic_has_another_id_and_reads_from_zero() {
    let _up = broker_stays_up().await;
    let topic = unique("again");
    create_topic(&topic, 1).await;
    let (partition, log) = (TopicPartition::new(&topic, 0), log());
    let first = eventually("the id is told", async || log.topic_id(&partition).await.ok()).await;
    let producer = producer();
    send(&producer, &topic, 0, 0..10);
    let mut member = Member::join(&options(&topic, Protocol::Classic), name(&topic));
    member.until("it is read", |member| member.count() == 10).await;
    delete_topic(&topic).await;
    eventually("the topic is gone", async || {
        matches!(log.topic_id(&partition).await, Err(LogError::NoTopic(_))).then_some(())
    })
    .await;
    create_topic(&topic, 1).await;
    let second = eventually("the new id is told", async || log.topic_id(&partition).await.ok()).await;
    assert_ne!(first, second);
    // A producer of its own: the old one still believes in the sequence numbers of the old topic.
    send(&crate::kafka::producer(), &topic, 0, 1000..1030);
    if !member.owned.contains(&partition) {
        member.tips.clear();
        member.until("it is ours again", |member| member.owned.contains(&partition)).await;
    }
    member.seen.clear();
    member.start(&partition, 0);
    member.until("the new log is read", |member| member.count() == 30).await;
    assert_eq!(member.values(&partition), (1000..1030).collect::<Vec<_>>());
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_budget_suspends_reading_and_nothing_is_lost_or_doubled() {
    let _up = broker_stays_up().await;
    let topic = unique("budget");
    create_topic(&topic, 2).await;
    let producer = producer();
    (0..2).for_each(|partition| send(&producer, &topic, partition, 0..20_000));
    // About a quarter of what there is: 40,000 records of some fifty bytes.
    let budget = 512 << 10;
    let small = Options { batch_bytes: 16 << 10, ..reading() };
    let mut member = Member::with(&options(&topic, Protocol::Classic), name(&topic), budget, small);
    member.held = Some(Vec::new());
    let mut rounds = 0;
    while member.count() < 40_000 {
        // Until nothing comes any more: longer than the source only holds.
        let before = member.count();
        let quiet = tokio::time::Instant::now() + Duration::from_millis(1500);
        while tokio::time::Instant::now() < quiet && member.count() < 40_000 {
            member.step().await;
        }
        assert!(before < member.count(), "reading does not go on");
        assert!(member.budget.used() <= budget);
        member.held = Some(Vec::new());
        rounds += 1;
    }
    assert!(2 < rounds, "the budget was never full");
    for partition in 0..2 {
        let partition = TopicPartition::new(&topic, partition);
        assert_eq!(member.values(&partition), (0..20_000).collect::<Vec<_>>());
    }
    assert!(!member.told.iter().any(|told| told.starts_with("lost")), "{:?}", member.told);
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_partition_stays_ours_and_a_revocation_waits_for_its_reply() {
    let _up = broker_stays_up().await;
    let topic = unique("stop");
    create_topic(&topic, 2).await;
    let (zero, one) = (TopicPartition::new(&topic, 0), TopicPartition::new(&topic, 1));
    let producer = producer();
    let mut member = Member::join(&options(&topic, Protocol::Classic), name(&topic));
    member.until("both are ours", |member| member.owned.len() == 2).await;
    member.command(SourceCommand::Stop(zero.clone()));
    (0..2).for_each(|partition| send(&producer, &topic, partition, 0..10));
    member.until("the other is read", |member| member.count() == 10).await;
    assert!(member.values(&zero).is_empty());
    member.start(&zero, 5);
    member.until("it is read again", |member| member.count() == 15).await;

    let mut other = Member::join(&options(&topic, Protocol::Classic), name(&topic));
    let (revoked, reply) = loop {
        other.step().await;
        let event = tokio::time::timeout(Duration::from_millis(20), member.source.events.recv()).await;
        match event {
            Ok(Some(SourceEvent::Revoked { partitions, reply })) => break (partitions, reply),
            Ok(event) => member.handle(event.unwrap()),
            Err(_) => {}
        }
    };
    // Neither a start of what goes nor a restart of what stays may end the wait.
    let stays = if revoked.contains(&zero) { &one } else { &zero };
    member.start(&revoked[0], 0);
    member.start(stays, 0);
    member.command(SourceCommand::Commit { partition: revoked[0].clone(), next: Offset(10) });
    let patience = tokio::time::Instant::now() + Duration::from_secs(1);
    while tokio::time::Instant::now() < patience {
        other.step().await;
    }
    assert!(other.owned.is_empty(), "given away before the reply");
    member.seen.clear();
    reply.send(()).unwrap();
    both(&mut member, &mut other, "it is given away and the other is read again", |member, other| {
        other.owned.len() == 1 && member.values(stays) == (0..10).collect::<Vec<_>>()
    })
    .await;
    assert!(member.values(&revoked[0]).is_empty());
    other.leave().await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_answers() {
    let _up = broker_stays_up().await;
    let topic = unique("log");
    create_topic(&topic, 2).await;
    let (partition, log, producer) = (TopicPartition::new(&topic, 1), log(), producer());
    for (timestamp, value) in [(1000, "a"), (2000, "b"), (3000, "c")] {
        let record = BaseRecord::to(&topic).partition(1).key("k").payload(value).timestamp(timestamp);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    assert_eq!(log.offset_at(&partition, StartAt::Earliest).await.unwrap(), Offset(0));
    assert_eq!(log.offset_at(&partition, StartAt::Latest).await.unwrap(), Offset(3));
    assert_eq!(log.offset_at(&partition, StartAt::Time(1500)).await.unwrap(), Offset(1));
    assert_eq!(log.offset_at(&partition, StartAt::Time(3001)).await.unwrap(), Offset(3));
    assert!(log.topics().await.unwrap().contains(&partition.topic));
    assert_eq!(log.cluster_id().await.unwrap().len(), 22);
    let absent = TopicPartition::new(&unique("absent"), 0);
    assert!(matches!(log.topic_id(&absent).await, Err(LogError::NoTopic(_))));
    assert!(log.bounds(&absent).await.is_err());
}
