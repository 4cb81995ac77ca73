//! What happens to the daemon while it runs: the broker gone, S3 gone, topics and partitions added, a member that leaves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alluvium::domain::{Topic, TopicPartition};
use alluvium::source::{Log, Protocol};

use crate::daemon::{Daemon, Setup};
use crate::gateway::Gateway;
use crate::kafka::{add_partitions, broker, broker_for_me, broker_stays_up, create_topic, eventually, log};
use crate::lake::{judge, store, tips};
use crate::manifest::{Manifest, Sending};

const PARTITIONS: i32 = 3;

/// Waits until the archive holds all that Kafka acknowledged, the newest manifest last, and has it judged.
async fn all_is_archived_once(setup: &Setup, manifests: &[&Manifest]) {
    let topic = Topic::new(&setup.topic);
    let id = eventually("the topic has an id", async || {
        log().topic_id(&TopicPartition { topic: topic.clone(), partition: 0 }).await.ok()
    })
    .await;
    let store = store(&setup.bucket).await;
    let ends: BTreeMap<_, _> = manifests.iter().flat_map(|manifest| manifest.ends().1).collect();
    eventually("all is archived", async || (tips(&*store, &setup.topic, id).await == ends).then_some(())).await;
    let path = setup.folder.path().join("manifest.jsonl");
    manifests.iter().for_each(|manifest| manifest.write(&path, id, |_, _| false));
    judge(&setup.bucket, &setup.topic, &path);
}

/// Waits until a daemon archives so many partitions.
async fn has_archived(daemon: &Daemon, partitions: usize) {
    let done = || daemon.partitions("tip").iter().filter(|(_, tip)| *tip > Some(0)).count();
    eventually("there are cuts", async || (done() == partitions).then_some(())).await;
}

async fn ready(daemon: &Daemon) {
    eventually("it is ready", async || daemon.not_ready().filter(String::is_empty)).await;
}

/// Waits until a daemon says that an edge does not answer: with the reason, alive, and on both pages.
async fn says_silent(daemon: &Daemon, edge: &str) {
    let said = format!("{edge} has not answered since");
    let why = eventually("it is not ready", async || daemon.not_ready().filter(|why| why.contains(&said))).await;
    assert_eq!(daemon.get("/healthz").unwrap().0, 200);
    let status = daemon.status().unwrap();
    assert_eq!((&status["ready"], &status[edge]["answers"]), (&false.into(), &false.into()), "{status:#}");
    let error = status[edge]["last_error"].as_str().unwrap();
    assert!(!error.is_empty() && why.contains(": "), "{why}");
}

async fn stops(mut daemon: Daemon) {
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_and_comes_back_is_waited_for_and_nothing_is_lost() {
    let _mine = broker_for_me().await;
    let setup = Setup::new("broker-gone").await;
    create_topic(&setup.topic, PARTITIONS).await;
    let manifest = Manifest::new(&setup.topic, PARTITIONS);
    let daemon = Daemon::start(&setup, "one");
    manifest.send(0..3_000, Sending::Plain);
    has_archived(&daemon, PARTITIONS as usize).await;
    ready(&daemon).await;

    manifest.send(3_000..6_000, Sending::Plain);
    broker("kill").await;
    says_silent(&daemon, "kafka").await;
    broker("start").await;
    manifest.send(6_000..9_000, Sending::Plain);
    all_is_archived_once(&setup, &[&manifest]).await;
    ready(&daemon).await;
    stops(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_cannot_be_reached_for_a_while_is_waited_for_and_nothing_is_lost() {
    let _up = broker_stays_up().await;
    let mut setup = Setup::new("s3-gone").await;
    let proxy = Gateway::to(setup.endpoint.trim_start_matches("http://")).await;
    setup.endpoint = proxy.endpoint();
    create_topic(&setup.topic, PARTITIONS).await;
    let manifest = Manifest::new(&setup.topic, PARTITIONS);
    let daemon = Daemon::start(&setup, "one");
    manifest.send(0..3_000, Sending::Plain);
    has_archived(&daemon, PARTITIONS as usize).await;
    ready(&daemon).await;

    proxy.cut();
    manifest.send(3_000..6_000, Sending::Plain);
    says_silent(&daemon, "store").await;
    let waits = |status: serde_json::Value| {
        let mut partitions = status["partitions"].as_array().into_iter().flatten();
        partitions.any(|partition| partition["waits_for"] == "the store to take the newest cut").then_some(())
    };
    eventually("a cut waits for the store", async || daemon.status().and_then(waits)).await;
    proxy.mend();
    manifest.send(6_000..9_000, Sending::Plain);
    all_is_archived_once(&setup, &[&manifest]).await;
    ready(&daemon).await;
    stops(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_stop_that_waits() {
    let _up = broker_stays_up().await;
    let mut setup = Setup::new("twice").await;
    let proxy = Gateway::to(setup.endpoint.trim_start_matches("http://")).await;
    setup.endpoint = proxy.endpoint();
    create_topic(&setup.topic, 1).await;
    let manifest = Manifest::new(&setup.topic, 1);
    let mut daemon = Daemon::start(&setup, "one");
    manifest.send(0..1_000, Sending::Plain);
    has_archived(&daemon, 1).await;
    proxy.cut();
    manifest.send(1_000..2_000, Sending::Plain);
    says_silent(&daemon, "store").await;

    daemon.signal("TERM");
    let waits = |status: serde_json::Value| {
        let mut partitions = status["partitions"].as_array().into_iter().flatten();
        partitions.any(|partition| partition["position"].is_null()).then_some(())
    };
    eventually("it has stopped reading", async || daemon.status().and_then(waits)).await;
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_and_partitions_that_appear_while_it_runs_are_archived_from_their_first_record() {
    let _up = broker_stays_up().await;
    let mut setup = Setup::new("found").await;
    setup.entry = format!("match: '{}.+'", setup.topic.split_once("v1").unwrap().0.replace('.', r"\."));
    let daemon = Daemon::start(&setup, "one");
    let started = |why: &String| !why.contains("not started");
    eventually("it has started", async || daemon.not_ready().filter(started)).await;

    create_topic(&setup.topic, 1).await;
    let before = Manifest::new(&setup.topic, 1);
    before.send(0..1_000, Sending::Plain);
    has_archived(&daemon, 1).await;
    add_partitions(&setup.topic, PARTITIONS as usize).await;
    let after = Manifest::new(&setup.topic, PARTITIONS);
    after.send(1_000..4_000, Sending::Plain);
    all_is_archived_once(&setup, &[&before, &after]).await;
    stops(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_consumer_protocol_a_member_leaves_in_time_and_all_is_archived_once() {
    let _up = broker_stays_up().await;
    let mut setup = Setup::new("kip-848").await;
    setup.protocol = Protocol::Consumer;
    create_topic(&setup.topic, PARTITIONS).await;
    let manifest = Manifest::new(&setup.topic, PARTITIONS);
    let (one, two) = (Daemon::start(&setup, "one"), Daemon::start(&setup, "two"));
    manifest.send(0..3_000, Sending::Plain);
    let share = |daemon: &Daemon| daemon.partitions("tip").len();
    let both = || 0 < share(&one) && 0 < share(&two) && share(&one) + share(&two) == PARTITIONS as usize;
    eventually("both have partitions", async || both().then_some(())).await;
    manifest.send(3_000..6_000, Sending::Plain);
    let stopped = Instant::now();
    stops(one).await;
    // `stop_within`, whose default is less, and the time to leave the group.
    assert!(stopped.elapsed() < Duration::from_secs(40), "{:?}", stopped.elapsed());
    manifest.send(6_000..9_000, Sending::Plain);
    all_is_archived_once(&setup, &[&manifest]).await;
    assert_eq!(two.partitions("tip").len(), PARTITIONS as usize);
    stops(two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_whose_name_in_the_group_is_taken_ends_with_1_and_says_why() {
    let _up = broker_stays_up().await;
    let mut setup = Setup::new("fenced").await;
    setup.properties = "group.instance.id: same, ";
    create_topic(&setup.topic, 1).await;
    let manifest = Manifest::new(&setup.topic, 1);
    manifest.send(0..1_000, Sending::Plain);
    let mut one = Daemon::start(&setup, "one");
    has_archived(&one, 1).await;
    let two = Daemon::start(&setup, "two");
    assert_eq!(one.ended().await.code(), Some(1));
    let log = one.log();
    let last = log.lines().rfind(|line| line.contains("ERROR")).expect("it says why");
    assert!(last.contains("fenced"), "{last}");

    manifest.send(1_000..2_000, Sending::Plain);
    all_is_archived_once(&setup, &[&manifest]).await;
    stops(two).await;
}
