//! Kafka in, S3 out, by three daemons of which two do not have a good day; read back by somebody else.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use alluvium::chain::{ChainId, Cut, chain_prefix};
use alluvium::domain::{Topic, TopicId, TopicPartition};
use alluvium::source::Log;
use alluvium::store::{ArchiveSettings, ArchiveStore, S3Settings, open};

use crate::daemon::{Daemon, Setup};
use crate::events::{MESSAGE, SCHEMA, write_descriptors};
use crate::kafka::{broker_stays_up, create_topic, eventually, log, run, variable};
use crate::manifest::{Manifest, Sending};

const PARTITIONS: i32 = 6;

async fn setup(name: &str) -> (Setup, Arc<dyn ArchiveStore>) {
    let topic = format!("dev.live-{run}.{name}.{SCHEMA}.{MESSAGE}", run = run());
    let bucket = format!("live-{run}-{name}", run = run());
    let setup = Setup { folder: tempfile::tempdir().unwrap(), topic, bucket };
    write_descriptors(&setup.descriptors());
    create_bucket(&setup.bucket).await;
    create_topic(&setup.topic, PARTITIONS).await;
    let settings = S3Settings {
        bucket: setup.bucket.clone(),
        prefix: "archive".to_owned(),
        endpoint: Some(variable("ALLUVIUM_TEST_S3")),
        region: Some("us-east-1".to_owned()),
        path_style: true,
    };
    let store = open(&ArchiveSettings::S3(settings)).await.unwrap();
    (setup, store)
}

async fn create_bucket(name: &str) {
    let loaded = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region("us-east-1")
        .endpoint_url(variable("ALLUVIUM_TEST_S3"))
        .load()
        .await;
    let config = aws_sdk_s3::config::Builder::from(&loaded).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config).create_bucket().bucket(name).send().await.unwrap();
}

/// Returns where the chain of each partition ends.
async fn tips(store: &dyn ArchiveStore, topic: &str, id: TopicId) -> BTreeMap<i32, i64> {
    let mut tips = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let chain = ChainId { topic_id: id, partition: TopicPartition::new(topic, partition) };
        let page = store.list(&chain_prefix(&chain), None, 1).await.unwrap();
        if let Some(key) = page.keys.first() {
            let cut = Cut::parse(key, &store.get(key).await.unwrap().unwrap()).unwrap();
            tips.insert(partition, cut.range().next().0);
        }
    }
    tips
}

fn judge(setup: &Setup, manifest: &Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/judge.py");
    let judged = Command::new(variable("ALLUVIUM_TEST_PYTHON"))
        .args([script, "--bucket", &setup.bucket, "--prefix", "archive", "--endpoint", &variable("ALLUVIUM_TEST_S3")])
        .args(["--topic", &setup.topic, "--manifest"])
        .arg(manifest)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&judged.stdout));
    assert!(judged.status.success(), "the judge disagrees:\n{}", String::from_utf8_lossy(&judged.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_there_once_through_a_kill_and_a_pause_longer_than_the_session() {
    let _up = broker_stays_up().await;
    let (setup, store) = setup("faults").await;
    let topic = Topic::new(&setup.topic);
    let id = eventually("the topic has an id", async || log().topic_id(&topic).await.ok()).await;
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
    manifest.write(&path);
    judge(&setup, &path);
}
