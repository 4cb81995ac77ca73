//! How soon a thousand partitions are read again after a start, with a store that takes its time.

use std::sync::Arc;
use std::time::Duration;

use alluvium::store::{ArchiveStore, Head, LocalStore, Page, Right, StoreError, Tags};
use alluvium::telemetry::Status;
use async_trait::async_trait;
use bytes::Bytes;

use crate::running::{Running, log_of};

const PARTITIONS: i32 = 1000;
/// What a request to the store takes.
const LATENCY: Duration = Duration::from_millis(20);
const WITHIN: Duration = Duration::from_secs(10);
const RECORDS: u64 = 2;

/// A store far away.
#[derive(Debug)]
struct Far(LocalStore);

impl Far {
    async fn reach(&self) -> &LocalStore {
        tokio::time::sleep(LATENCY).await;
        &self.0
    }
}

#[async_trait]
impl ArchiveStore for Far {
    async fn put_new(&self, right: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        self.reach().await.put_new(right, key, body, tags).await
    }

    async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.reach().await.overwrite(key, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.reach().await.get(key).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        self.reach().await.get_tail(key, bytes).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.reach().await.head(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.reach().await.list(prefix, after, limit).await
    }

    fn url(&self) -> String {
        self.0.url()
    }
}

/// Whether all partitions are read from behind their chains' ends.
fn all_read_on(status: &Status) -> bool {
    let partitions = status.partitions.iter().map(|view| &view.status);
    let at_end = |tip: i64, position: i64| tip == RECORDS as i64 && position >= tip;
    partitions.filter(|view| view.tip.zip(view.position).is_some_and(|(tip, at)| at_end(tip.0, at.0))).count()
        == PARTITIONS as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tips_are_read_within_ten_seconds_of_a_store_that_takes_20_ms() {
    let log = log_of(PARTITIONS, 0..RECORDS);
    let near = LocalStore::in_memory();
    let first = Running::start(&log, PARTITIONS, RECORDS as usize, Arc::new(near.clone()));
    first.until("all is archived", all_read_on).await;
    first.stop().await;

    let again = Running::start(&log, PARTITIONS, RECORDS as usize, Arc::new(Far(near)));
    let (_, took) = again.until("all chains are found", all_read_on).await;
    println!("{PARTITIONS} chains were found in {took:.1?} at {LATENCY:?} a request");
    assert!(took <= WITHIN, "{took:?}");
    again.stop().await;
}
