//! Kafka in, S3 out, by three daemons of which two do not have a good day; read back by somebody else.

use alluvium::domain::{Topic, TopicPartition};
use alluvium::source::Log;

use crate::daemon::{Daemon, Setup};
use crate::kafka::{broker_stays_up, create_topic, eventually, log};
use crate::lake::{judge, store, tips};
use crate::manifest::{Manifest, Sending};

const PARTITIONS: i32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_there_once_through_a_kill_and_a_pause_longer_than_the_session() {
    let _up = broker_stays_up().await;
    let setup = Setup::new("faults").await;
    create_topic(&setup.topic, PARTITIONS).await;
    let store = store(&setup.bucket).await;
    let topic = Topic::new(&setup.topic);
    let id = eventually("the topic has an id", async || {
        log().topic_id(&TopicPartition { topic: topic.clone(), partition: 0 }).await.ok()
    })
    .await;
    let manifest = Manifest::new(&setup.topic, PARTITIONS);
    let mut one = Daemon::start(&setup, "one");
    let two = Daemon::start(&setup, "two");
    let mut three = Daemon::start(&setup, "three");
    manifest.send(0..60_000, Sending::Plain);
    manifest.send(60_000..66_000, Sending::Aborted);
    manifest.send(66_000..72_000, Sending::Committed);
    let shared = |daemons: &[&Daemon]| daemons.iter().all(|daemon| !daemon.partitions("tip").is_empty());
    eventually("all three have partitions", async || shared(&[&one, &two, &three]).then_some(())).await;
    eventually("something is archived", async || (!tips(&*store, &setup.topic, id).await.is_empty()).then_some(()))
        .await;

    manifest.send(72_000..140_000, Sending::Plain);
    let reads = |daemon: &Daemon| daemon.partitions("buffered_records").iter().any(|(_, number)| *number > Some(0));
    eventually("one has records in hand", async || reads(&one).then_some(())).await;
    one.signal("KILL");
    one.ended().await;
    eventually("two has records in hand", async || {
        manifest.send(0..600, Sending::Plain);
        reads(&two).then_some(())
    })
    .await;
    two.signal("STOP");
    eventually("three has all", async || (three.partitions("tip").len() == PARTITIONS as usize).then_some(())).await;
    manifest.send(140_000..200_000, Sending::Plain);
    manifest.send(200_000..206_000, Sending::Aborted);
    two.signal("CONT");
    manifest.send(206_000..212_000, Sending::Committed);
    let mut two = two;
    eventually("two is back", async || (!two.partitions("tip").is_empty()).then_some(())).await;

    let (records, ends) = manifest.ends();
    assert!(200_000 <= records, "{records} records");
    eventually("all is archived", async || (tips(&*store, &setup.topic, id).await == ends).then_some(())).await;
    for daemon in [&mut two, &mut three] {
        daemon.signal("TERM");
        assert!(daemon.ended().await.success());
    }
    let path = setup.folder.path().join("manifest.jsonl");
    manifest.write(&path, id, |_, _| false);
    judge(&setup.bucket, &setup.topic, &path);
}
