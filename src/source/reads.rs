//! What the group gave us and what of it is being read: positions, generations, and the batches that wait for room.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::SourceEvent;
use super::statistics::PartitionStatistics;
use crate::domain::{Header, MemoryBudget, Offset, RawBatch, Records, Timestamp, TopicPartition};

/// After this many statistics in a row that do not see a partition fetched, it is started again.
const IDLE: u32 = 3;

/// One partition under one `Start`.
#[derive(Debug)]
pub(super) struct Read {
    pub partition: TopicPartition,
    pub generation: u64,
    /// Everything before it was taken over; where reading begins again after a suspension.
    pub position: Offset,
    /// Kafka has no such offset: nothing comes until another `Start`.
    pub out_of_range: bool,
    /// How many statistics came since librdkafka was told to start it. The first may be older than that.
    pub statistics_seen: u32,
    /// How many of them in a row did not see it fetched.
    idle: u32,
    /// What was last said of it by `Scanned`.
    scanned: Option<(Offset, Offset)>,
    /// The open batch.
    records: Records,
    /// Bytes and records of the last batch, which the next is like.
    usual: (usize, usize),
}

/// A closed batch without a permit or without room in the channel.
#[derive(Debug)]
struct Unsent {
    partition: TopicPartition,
    generation: u64,
    records: Records,
}

#[derive(Debug, Default)]
pub(super) struct Reads {
    owned: BTreeSet<TopicPartition>,
    /// Found by index within a round, so that a record costs no look-up by name.
    reads: Vec<Read>,
    index: HashMap<TopicPartition, usize>,
    /// Indexes of reads with open batches.
    open: Vec<usize>,
    unsent: VecDeque<Unsent>,
}

impl Reads {
    pub fn own(&mut self, partitions: &[TopicPartition]) {
        self.owned.extend(partitions.iter().cloned());
    }

    pub fn owns(&self, partition: &TopicPartition) -> bool {
        self.owned.contains(partition)
    }

    /// Forgets partitions that are no longer ours, and what of them waits.
    pub fn disown(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.stop(partition);
        }
    }

    pub fn start(&mut self, partition: TopicPartition, at: Offset, generation: u64) {
        self.stop(&partition);
        self.index.insert(partition.clone(), self.reads.len());
        self.reads.push(Read {
            partition,
            generation,
            position: at,
            out_of_range: false,
            statistics_seen: 0,
            idle: 0,
            scanned: None,
            records: Records::default(),
            usual: (0, 0),
        });
    }

    pub fn stop(&mut self, partition: &TopicPartition) {
        debug_assert!(self.open.is_empty(), "starts and stops come between rounds");
        let Some(gone) = self.index.remove(partition) else { return };
        self.reads.swap_remove(gone);
        if let Some(moved) = self.reads.get(gone) {
            self.index.insert(moved.partition.clone(), gone);
        }
        self.unsent.retain(|batch| batch.partition != *partition);
    }

    pub fn find(&self, partition: &TopicPartition) -> Option<usize> {
        self.index.get(partition).copied()
    }

    pub fn get_mut(&mut self, partition: &TopicPartition) -> Option<&mut Read> {
        self.find(partition).map(|index| &mut self.reads[index])
    }

    pub fn iter(&self) -> impl Iterator<Item = &Read> {
        self.reads.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Read> {
        self.reads.iter_mut()
    }

    /// Takes over one record of the read at `index`. One before the position is left: it was asked for under an older start,
    /// or delivered before.
    pub fn push<'h>(
        &mut self,
        index: usize,
        offset: Offset,
        timestamp: Timestamp,
        (key, value): (Option<&[u8]>, Option<&[u8]>),
        headers: impl IntoIterator<Item = Header<'h>>,
        batch_bytes: usize,
    ) {
        let read = &mut self.reads[index];
        if offset < read.position {
            return;
        }
        if read.records.is_empty() {
            self.open.push(index);
            read.records = Records::with_capacity(read.usual.0, read.usual.1);
        }
        read.records.push(offset, timestamp, key, value, headers);
        read.position = offset.following();
        if batch_bytes <= read.records.payload_bytes() {
            self.unsent.push_back(read.close());
            self.open.retain(|&open| open != index);
        }
    }

    /// Closes what a round has left open. Batches never wait for a later round.
    pub fn end_round(&mut self) {
        for index in self.open.drain(..) {
            self.unsent.push_back(self.reads[index].close());
        }
    }

    pub fn is_stuck(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends what has room in the budget, in order, if the channel has room for it; `each` hears of every batch sent.
    pub fn send(
        &mut self,
        budget: &MemoryBudget,
        events: &mpsc::Sender<SourceEvent>,
        mut each: impl FnMut(&TopicPartition),
    ) -> Result<(), Closed> {
        let slot = match events.try_reserve() {
            Ok(slot) => slot,
            Err(TrySendError::Full(())) => return Ok(()),
            Err(TrySendError::Closed(())) => return Err(Closed),
        };
        let mut batches = Vec::with_capacity(self.unsent.len());
        while let Some(unsent) = self.unsent.front()
            && let Some(permit) = budget.try_take(unsent.records.held_bytes())
            && let Some(Unsent { partition, generation, records }) = self.unsent.pop_front()
        {
            each(&partition);
            batches.push(RawBatch { partition, generation, records, permit });
        }
        if !batches.is_empty() {
            slot.send(SourceEvent::Records(batches));
        }
        Ok(())
    }
}

impl Read {
    /// Returns what the statistics that just came mean for this read.
    pub fn judge(&mut self, statistics: Option<&PartitionStatistics>) -> Judgement {
        self.statistics_seen += 1;
        if self.statistics_seen == 1 || self.out_of_range {
            return Judgement::NothingNew;
        }
        self.idle = if statistics.is_some_and(PartitionStatistics::is_fetched) { 0 } else { self.idle + 1 };
        if IDLE <= self.idle {
            (self.statistics_seen, self.idle) = (0, 0);
            return Judgement::Idle;
        }
        let scanned = statistics.and_then(|statistics| statistics.scanned(self.position));
        match scanned {
            Some((next, stable_end)) if scanned != self.scanned => {
                self.scanned = scanned;
                Judgement::Scanned(next, stable_end)
            }
            _ => Judgement::NothingNew,
        }
    }

    fn close(&mut self) -> Unsent {
        let mut records = std::mem::take(&mut self.records);
        self.usual = (records.payload_bytes(), records.len());
        records.trim();
        Unsent { partition: self.partition.clone(), generation: self.generation, records }
    }
}

/// What statistics mean for a read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    NothingNew,
    /// Everything before the first was delivered or is no record; the second is the stable end.
    Scanned(Offset, Offset),
    /// librdkafka has let go of it without a word, as when a pause throws away the error that says so.
    Idle,
}

/// Nobody listens any more.
#[derive(Debug)]
pub(super) struct Closed;

#[cfg(test)]
mod tests {
    use super::*;

    fn push(reads: &mut Reads, partition: &TopicPartition, offsets: impl IntoIterator<Item = i64>) {
        let index = reads.find(partition).unwrap();
        for offset in offsets {
            reads.push(index, Offset(offset), Timestamp::None, (None, Some(b"12345678")), [], 24);
        }
    }

    fn offsets(events: &mut mpsc::Receiver<SourceEvent>) -> Vec<(u64, Vec<i64>)> {
        let mut seen = Vec::new();
        while let Ok(SourceEvent::Records(batches)) = events.try_recv() {
            let offsets = |batch: &RawBatch| batch.records.iter().map(|record| record.offset.0).collect();
            seen.extend(batches.iter().map(|batch| (batch.generation, offsets(batch))));
        }
        seen
    }

    #[test]
    fn batches_close_at_their_size_and_at_the_end_of_a_round() {
        let (sender, mut events) = mpsc::channel(8);
        let (mut reads, budget) = (Reads::default(), MemoryBudget::new(1 << 20));
        let partition = TopicPartition::new("t", 0);
        reads.start(partition.clone(), Offset(5), 1);
        push(&mut reads, &partition, [3, 4, 5, 6, 9, 10]);
        reads.end_round();
        reads.send(&budget, &sender, |_| ()).unwrap();
        assert_eq!(offsets(&mut events), [(1, vec![5, 6, 9]), (1, vec![10])]);
        assert_eq!(reads.get_mut(&partition).unwrap().position, Offset(11));
    }

    #[test]
    fn without_room_batches_wait_in_order_and_a_new_start_drops_them() {
        let (sender, mut events) = mpsc::channel(1);
        let (mut reads, budget) = (Reads::default(), MemoryBudget::new(1 << 20));
        let (one, two) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
        reads.start(one.clone(), Offset(0), 1);
        reads.start(two.clone(), Offset(0), 2);
        push(&mut reads, &one, [0]);
        reads.end_round();
        reads.send(&budget, &sender, |_| ()).unwrap();
        push(&mut reads, &one, [1]);
        push(&mut reads, &two, [0]);
        reads.end_round();
        reads.send(&budget, &sender, |_| ()).unwrap();
        assert!(reads.is_stuck());
        assert_eq!(offsets(&mut events), [(1, vec![0])]);
        reads.start(one.clone(), Offset(1), 3);
        reads.send(&budget, &sender, |_| ()).unwrap();
        assert!(!reads.is_stuck());
        assert_eq!(offsets(&mut events), [(2, vec![0])]);
        assert_eq!(reads.find(&one).map(|index| reads.reads[index].generation), Some(3));
    }

    #[test]
    fn a_full_budget_keeps_batches_back() {
        let (sender, mut events) = mpsc::channel(8);
        let (mut reads, budget) = (Reads::default(), MemoryBudget::new(100));
        let held = budget.take(100);
        let partition = TopicPartition::new("t", 0);
        reads.start(partition.clone(), Offset(0), 1);
        push(&mut reads, &partition, [0]);
        reads.end_round();
        reads.send(&budget, &sender, |_| ()).unwrap();
        assert!(reads.is_stuck() && offsets(&mut events).is_empty());
        drop(held);
        reads.send(&budget, &sender, |_| ()).unwrap();
        assert_eq!(offsets(&mut events).len(), 1);
    }
}
