//! Facts about chain tips, published for whoever looks from outside: `progress/<process>.json`, overwritten, monotone, so a
//! stale copy is never wrong.
//!
//! Format version 1. Field by field it is described in `docs/formats.md`; a golden file in `tests/corpus/progress/` holds it.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::chain::progress_key;
use crate::domain::{Offset, Topic, TopicId};
use crate::store::ArchiveStore;
use crate::telemetry::{PartitionView, Status, StatusBoard};

const VERSION: u32 = 1;
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
        let progress = Progress::new(board.status());
        if progress.partitions.is_empty() {
            continue;
        }
        if let Err(error) = store.overwrite(&progress_key(&progress.process), progress.to_bytes().into()).await {
            tracing::debug!(%error, "progress not published this round");
        }
    }
}

impl Progress {
    fn new(status: Status) -> Progress {
        let partitions = status.partitions.into_iter().filter_map(PartitionProgress::new);
        Progress { version: VERSION, process: status.process, partitions: partitions.collect() }
    }

    /// Returns the stored bytes: one line of JSON and a newline.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("progress has only string keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }
}

impl PartitionProgress {
    /// Returns nothing for a partition that is not known to have a whole cut.
    fn new(view: PartitionView) -> Option<PartitionProgress> {
        let done = view.status.tip?;
        let scanned = view.status.done.map_or(done, |scanned| scanned.max(done));
        let topic_id = view.status.topic_id?;
        Some(PartitionProgress { topic: view.topic, topic_id, partition: view.partition, done, scanned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemoryBudget, TopicPartition};
    use crate::telemetry::{PartitionState, PartitionStatus};

    #[test]
    fn version_1_is_written_byte_for_byte() {
        let board = StatusBoard::new("alluvium-0", MemoryBudget::new(1));
        let topic_id = Some("0123456789abcdef0123456789abcdef".parse().unwrap());
        // Scanned beyond the newest cut; not read yet; without a cut.
        for (partition, topic_id, tip, done) in
            [(7, topic_id, Some(2_400), Some(2_412)), (8, topic_id, Some(1_200), None), (9, None, None, None)]
        {
            let mut status = PartitionStatus::new(PartitionState::Reading);
            (status.topic_id, status.tip, status.done) = (topic_id, tip.map(Offset), done.map(Offset));
            board.set(&TopicPartition::new("prod.search.flight-search.flights_v1.SearchPerformed", partition), status);
        }
        let written = String::from_utf8(Progress::new(board.status()).to_bytes()).unwrap();
        assert_eq!(written, include_str!("../../tests/corpus/progress/v1.json"));
    }
}
