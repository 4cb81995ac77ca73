//! Facts about chain tips, published for whoever looks from outside: `progress/<process>.json`, overwritten, monotone, so a
//! stale copy is never wrong.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::chain::progress_key;
use crate::domain::{Offset, Topic, TopicId};
use crate::store::ArchiveStore;
use crate::telemetry::StatusBoard;

const EVERY: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct Progress {
    version: u32,
    process: String,
    partitions: Vec<PartitionProgress>,
}

#[derive(Serialize)]
struct PartitionProgress {
    topic: Topic,
    topic_id: TopicId,
    partition: i32,
    /// `next` of the newest whole cut.
    done: Offset,
    /// Everything below was delivered or is no record: at least `done`.
    scanned: Offset,
}

/// Publishes until `stop`. A failure is nothing to act on: the next round says more.
pub async fn publish(store: &dyn ArchiveStore, board: &StatusBoard, stop: CancellationToken) {
    let mut rounds = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        let status = board.status();
        let partitions = status.partitions.into_iter().filter_map(|view| {
            let done = view.status.tip?;
            let scanned = view.status.done.map_or(done, |scanned| scanned.max(done));
            Some(PartitionProgress {
                topic: view.topic,
                topic_id: view.status.topic_id?,
                partition: view.partition,
                done,
                scanned,
            })
        });
        let progress = Progress { version: 1, process: status.process, partitions: partitions.collect() };
        if progress.partitions.is_empty() {
            continue;
        }
        let key = progress_key(&progress.process);
        let bytes = serde_json::to_vec(&progress).expect("progress has only string keys and finite numbers");
        if let Err(error) = store.overwrite(&key, bytes.into()).await {
            tracing::debug!(%error, "progress not published this round");
        }
    }
}
