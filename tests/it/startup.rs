//! A start with a thousand partitions, against a store that takes 20 ms for each request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium::cutter;
use alluvium::demo::{DESCRIPTORS, Stream};
use alluvium::domain::{MemoryBudget, StartAt, TopicPartition};
use alluvium::pipeline::{Pipeline, Routes, Shared, TopicRule};
use alluvium::schema::{Schemas, TopicSchema};
use alluvium::source::TopicMatch;
use alluvium::source::scripted::{Link, ScriptedLog};
use alluvium::store::{ArchiveStore, Head, LocalStore, Page, Right, StoreError, Tags};
use alluvium::telemetry::{Metrics, StatusBoard};
use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::rig::event;

const PARTITIONS: i32 = 1000;
const LATENCY: Duration = Duration::from_millis(20);
const WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
struct SlowStore {
    inner: LocalStore,
    latency: Duration,
}

impl SlowStore {
    async fn wait(&self) {
        tokio::time::sleep(self.latency).await;
    }
}

#[async_trait]
impl ArchiveStore for SlowStore {
    async fn put_new(&self, right: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        self.wait().await;
        self.inner.put_new(right, key, body, tags).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.wait().await;
        self.inner.put(key, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.wait().await;
        self.inner.get(key).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        self.wait().await;
        self.inner.get_tail(key, bytes).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.wait().await;
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.wait().await;
        self.inner.list(prefix, after, limit).await
    }

    fn url(&self) -> String {
        self.inner.url()
    }
}

/// Runs a daemon's pipeline that is assigned every partition, until all are read from a chain's tip on; returns how long that took.
async fn start(log: &ScriptedLog, store: SlowStore) -> Duration {
    let topic = Stream::Searches.topic();
    let all: Vec<_> = (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect();
    let rule = TopicRule {
        matches: TopicMatch::Name(topic.to_owned()),
        schema: TopicSchema::default(),
        bloom: BTreeSet::new(),
        start: StartAt::Earliest,
        incarnation: None,
    };
    let schemas = Schemas::load([("events.binpb".to_owned(), DESCRIPTORS.to_vec())]).unwrap();
    let budget = MemoryBudget::new(256 << 20);
    let board = StatusBoard::new("test", budget.clone());
    let (source, mut link) = Link::new(64);
    let mut member = log.join(budget.clone(), 100);
    let pipeline = Pipeline {
        source,
        log: Arc::new(log.clone()),
        store: Arc::new(store),
        routes: Routes::new(vec![rule], schemas),
        shared: Shared {
            cut: cutter::Options { every: Duration::from_millis(100), bytes: 1 << 20, rows: 1000 },
            budget,
            metrics: Metrics::new(board.clone()),
            board: board.clone(),
            cluster: "scripted".into(),
            writer: "test".into(),
            numbers: Arc::default(),
        },
        lanes: 2,
        stop_within: WITHIN,
    };
    let (stop, began) = (CancellationToken::new(), Instant::now());
    let running = tokio::spawn(pipeline.run(stop.clone()));
    member.assign(&all);
    let reads = |board: &StatusBoard| {
        let partitions = board.status().partitions;
        partitions.iter().filter(|view| view.status.position.is_some() && view.status.tip.is_some()).count()
    };
    while reads(&board) < all.len() {
        for _ in 0..20 {
            link.exchange(&mut member);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(began.elapsed() < 6 * WITHIN, "only {} partitions are read", reads(&board));
    }
    let took = began.elapsed();
    stop.cancel();
    while !running.is_finished() {
        link.exchange(&mut member);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.await.unwrap().unwrap();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tips_are_read_within_ten_seconds_of_a_store_that_takes_20_ms() {
    let log = ScriptedLog::new();
    log.create_topic(Stream::Searches.topic(), PARTITIONS as usize);
    for partition in 0..PARTITIONS {
        log.append(&TopicPartition::new(Stream::Searches.topic(), partition), event(partition as u64));
    }
    let mut store = SlowStore { inner: LocalStore::in_memory(), latency: Duration::ZERO };
    start(&log, store.clone()).await;
    store.latency = LATENCY;
    let took = start(&log, store).await;
    println!("{PARTITIONS} tips in {took:.1?}");
    assert!(took <= WITHIN, "{took:?}");
}
