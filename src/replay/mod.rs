//! Archive → records again, exactly as they were, or not at all.                                                 wiring
//!
//! **What it is.** [`Replay`] says which records of one topic; [`Replay::plan`] walks the chains and says what is there;
//! [`Replay::run`] reads, proves and emits it into a [`Sink`].
//!
//! **Flow.** `walk` reads of a partition's chain, newest first, the cut records that can meet the window and one more on
//! either side → `plan` checks that they form one hash-linked line → `read` fetches the objects of one cut and, through
//! their layout, what makes payloads of rows that keep none, checks each object against its digest and merges them by offset → a
//! sink. Partitions take turns by time; two ranges are in memory at most.
//!
//! **Promises.** Within a partition records leave in offset order. Nothing of a range leaves before every object of it that
//! can hold records of the window has been read whole and has its digest. Data folders are never listed. Damage that the
//! records themselves show (a hole, a broken link, a missing object) stops a replay before its first record.
//!
//! **Failure.** Damage is a finding, not an error: it is in [`Plan`] and [`Summary`], and nothing after the first is read. A
//! [`ReplayError`] is a store, a sink or a request that cannot be served. Reads are tried again for some seconds.
//!
//! **Cancellation and crash.** A replay that is dropped leaves what it emitted; it keeps no state and starts from the front.
//!
//! **Not here.** Whether the archive holds all that Kafka held: gaps and losses are reported as the chain tells them.

mod damage;
mod emit;
mod kafka;
mod plan;
mod read;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

pub use crate::walk::{Gap, Loss, Window};
pub use damage::{Damage, DamageKind};
pub use emit::{JsonLines, Sink, SinkError};
pub use kafka::{KafkaSink, Placement};
pub use plan::{PartitionPlan, PlannedRange};
pub use read::ProvenRange;

use crate::domain::{Offset, Topic, TopicId};
use crate::store::{ArchiveStore, StoreError};
use crate::walk::{Fetch, Layouts};
use read::Unread;

/// Chains walked at a time.
const CHAINS_AT_ONCE: usize = 8;
/// Ranges in memory: one that leaves, one that is read meanwhile.
const RANGES_AT_ONCE: usize = 2;

/// Which records.
#[derive(Clone, Debug)]
pub struct Replay {
    pub store: Arc<dyn ArchiveStore>,
    pub topic: Topic,
    /// Needed only where the archive knows several topics of this name.
    pub topic_id: Option<TopicId>,
    pub window: Window,
    /// All of the archive's where not said.
    pub partitions: Option<BTreeSet<i32>>,
}

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{url} has nothing of topic {topic}: chain/{topic}/ is empty")]
    NoTopic { topic: Topic, url: String },
    #[error("topic {topic} was re-created, {url} has {}: choose one with --topic-id", list(ids))]
    SeveralIds { topic: Topic, url: String, ids: BTreeSet<TopicId> },
    #[error("{url} has nothing of topic {topic} with id {id}, only {}", list(ids))]
    NoSuchId { topic: Topic, url: String, id: TopicId, ids: BTreeSet<TopicId> },
    #[error("{url} has no chain of partition {partition} of topic {topic}, only of {}", list(found))]
    NoPartition { topic: Topic, url: String, partition: i32, found: BTreeSet<i32> },
    #[error("the window is empty: it ends where it begins or before")]
    EmptyWindow,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sink(#[from] SinkError),
}

fn list<T: ToString>(items: &BTreeSet<T>) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// What a replay will do.
#[derive(Debug)]
pub struct Plan {
    pub topic: Topic,
    pub topic_id: TopicId,
    pub window: Window,
    pub partitions: Vec<PartitionPlan>,
}

impl Plan {
    pub fn damage(&self) -> impl Iterator<Item = &Damage> {
        self.partitions.iter().flat_map(|partition| &partition.damage)
    }

    /// Returns the rows that will be read; the window may leave some of them out.
    pub fn rows(&self) -> u64 {
        self.partitions.iter().flat_map(|partition| &partition.ranges).map(|range| range.rows).sum()
    }

    pub fn highest_partition(&self) -> i32 {
        self.partitions.iter().map(|partition| partition.chain.partition.partition).max().unwrap_or(0)
    }

    /// Returns the summary of a replay that has not emitted anything.
    pub fn summary(&self) -> Summary {
        Summary {
            topic: self.topic.clone(),
            topic_id: self.topic_id,
            partitions: self.partitions.iter().map(PartitionSummary::planned).collect(),
            damage: self.damage().cloned().collect(),
        }
    }
}

/// What a replay did.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub topic: Topic,
    pub topic_id: TopicId,
    pub partitions: Vec<PartitionSummary>,
    pub damage: Vec<Damage>,
}

#[derive(Debug, Serialize)]
pub struct PartitionSummary {
    pub partition: i32,
    pub ranges_planned: usize,
    pub objects_planned: usize,
    pub rows_planned: u64,
    pub ranges: usize,
    /// Rows that were read and proven; the window may have left some of them out.
    pub rows_read: u64,
    /// Records that were emitted.
    pub records: u64,
    /// Their keys, values and headers.
    pub bytes: u64,
    /// The offsets of the emitted ones lie in `first..next`.
    pub first: Option<Offset>,
    pub next: Option<Offset>,
    pub gaps: Vec<Gap>,
    pub losses: Vec<Loss>,
    /// The newest cut, whose objects were not all there yet; it was left out.
    pub unfinished: Option<Unfinished>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    pub first: Offset,
    pub next: Offset,
}

impl Summary {
    /// Whether everything asked for was emitted and proven.
    pub fn is_proven(&self) -> bool {
        self.damage.is_empty()
    }

    pub fn records(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.records).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.bytes).sum()
    }
}

impl PartitionSummary {
    fn planned(plan: &PartitionPlan) -> PartitionSummary {
        PartitionSummary {
            partition: plan.chain.partition.partition,
            ranges_planned: plan.ranges.len(),
            objects_planned: plan.ranges.iter().map(|range| range.objects).sum(),
            rows_planned: plan.ranges.iter().map(|range| range.rows).sum(),
            ranges: 0,
            rows_read: 0,
            records: 0,
            bytes: 0,
            first: None,
            next: None,
            gaps: plan.gaps.clone(),
            losses: plan.losses.clone(),
            unfinished: plan.unfinished.map(|range| Unfinished { first: range.first(), next: range.next() }),
        }
    }

    fn emitted(&mut self, range: &ProvenRange) {
        self.ranges += 1;
        self.rows_read += range.rows_read;
        for record in range.records() {
            self.records += 1;
            self.first.get_or_insert(record.offset);
            self.next = Some(record.offset.following());
            let headers = record.headers().map(|header| header.name.len() + header.value.map_or(0, <[u8]>::len));
            let bytes =
                record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers.sum::<usize>();
            self.bytes += bytes as u64;
        }
    }
}

impl Replay {
    /// Walks the chains and says what is there, without reading an object.
    pub async fn plan(&self) -> Result<Plan, ReplayError> {
        if self.window.is_empty() {
            return Err(ReplayError::EmptyWindow);
        }
        let fetch = Fetch::new(self.store.clone());
        let topic_id = self.choose_topic(&fetch).await?;
        let partitions = self.choose_partitions(&fetch, topic_id).await?;
        let plans = partitions
            .into_iter()
            .map(|partition| walk::plan_partition(&fetch, &self.topic, topic_id, partition, &self.window));
        let partitions = stream::iter(plans).buffered(CHAINS_AT_ONCE).try_collect().await?;
        Ok(Plan { topic: self.topic.clone(), topic_id, window: self.window, partitions })
    }

    /// Emits a plan. With damage in the plan nothing is emitted; damage found on the way ends it before the range's first
    /// record.
    pub async fn run(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<Summary, ReplayError> {
        let mut summary = plan.summary();
        if !summary.is_proven() {
            return Ok(summary);
        }
        let (fetch, layouts) = (Fetch::new(self.store.clone()), Layouts::default());
        let reads = plan::interleaved(&plan.partitions).map(|(at, range)| {
            let (partition, fetch, layouts) = (&plan.partitions[at], &fetch, &layouts);
            async move {
                let read =
                    read::read_range(fetch, layouts, &partition.chain, &partition.ranges[range], &plan.window).await;
                read.map(|proven| (at, proven))
            }
        });
        let mut reads = stream::iter(reads).buffered(RANGES_AT_ONCE);
        while let Some(read) = reads.next().await {
            match read {
                Ok((at, proven)) => {
                    sink.emit(&proven).await?;
                    summary.partitions[at].emitted(&proven);
                }
                Err(Unread::Damaged(damage)) => {
                    summary.damage.push(*damage);
                    break;
                }
                Err(Unread::Store(error)) => return Err(error.into()),
            }
        }
        sink.finish().await?;
        Ok(summary)
    }

    async fn choose_topic(&self, fetch: &Fetch) -> Result<TopicId, ReplayError> {
        let ids = crate::walk::topic_ids(fetch, &self.topic).await?;
        let (topic, url) = (self.topic.clone(), self.store.url());
        match (self.topic_id, ids.first()) {
            (_, None) => Err(ReplayError::NoTopic { topic, url }),
            (Some(id), _) if ids.contains(&id) => Ok(id),
            (Some(id), _) => Err(ReplayError::NoSuchId { topic, url, id, ids }),
            (None, Some(id)) if ids.len() == 1 => Ok(*id),
            // Nothing in an id or a chain tells which topic was first.
            (None, _) => Err(ReplayError::SeveralIds { topic, url, ids }),
        }
    }

    async fn choose_partitions(&self, fetch: &Fetch, topic_id: TopicId) -> Result<BTreeSet<i32>, ReplayError> {
        let found = crate::walk::partitions(fetch, &self.topic, topic_id).await?;
        let Some(asked) = &self.partitions else { return Ok(found) };
        match asked.difference(&found).next() {
            Some(&partition) => {
                let (topic, url) = (self.topic.clone(), self.store.url());
                Err(ReplayError::NoPartition { topic, url, partition, found })
            }
            None => Ok(asked.clone()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
