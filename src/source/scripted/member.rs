//! A group member that moves when the test says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::sync::{mpsc, oneshot};

use super::{PartitionLog, ScriptedLog};
use crate::domain::{MemoryBudget, Offset, RawBatch, Records, TopicPartition};
use crate::source::{Scan, Source, SourceCommand, SourceEvent};

/// One member. What it owns is the test's decision; what it reads follows from the commands it is given.
#[derive(Debug)]
pub struct ScriptedMember {
    log: ScriptedLog,
    budget: MemoryBudget,
    batch: usize,
    owned: BTreeSet<TopicPartition>,
    reads: BTreeMap<TopicPartition, Read>,
    /// Read last; the next poll begins after it, so that none starves.
    last: Option<TopicPartition>,
    told: VecDeque<SourceEvent>,
    committed: BTreeMap<TopicPartition, Offset>,
    ended: bool,
}

#[derive(Debug)]
struct Read {
    position: i64,
    generation: u64,
    out_of_range: bool,
    scanned: Option<(i64, i64)>,
}

impl ScriptedMember {
    pub(super) fn new(log: ScriptedLog, budget: MemoryBudget, batch: usize) -> ScriptedMember {
        ScriptedMember {
            log,
            budget,
            batch: batch.max(1),
            owned: BTreeSet::new(),
            reads: BTreeMap::new(),
            last: None,
            told: VecDeque::new(),
            committed: BTreeMap::new(),
            ended: false,
        }
    }

    /// The group gives it partitions.
    pub fn assign(&mut self, partitions: &[TopicPartition]) {
        self.owned.extend(partitions.iter().cloned());
        self.told.push_back(SourceEvent::Assigned(partitions.to_vec()));
    }

    /// The group takes partitions back. They are read no more; what is returned gets the reply.
    pub fn revoke(&mut self, partitions: &[TopicPartition]) -> oneshot::Receiver<()> {
        let (reply, replied) = oneshot::channel();
        self.give_up(partitions);
        self.told.push_back(SourceEvent::Revoked { partitions: partitions.to_vec(), reply });
        replied
    }

    /// The session runs out.
    pub fn lose(&mut self, partitions: &[TopicPartition]) {
        self.give_up(partitions);
        self.told.push_back(SourceEvent::Lost(partitions.to_vec()));
    }

    /// Tells something that does not follow from the log: trouble, its end, a fatal error.
    pub fn tell(&mut self, event: SourceEvent) {
        self.told.push_back(event);
    }

    /// Returns what was last committed for a partition.
    pub fn committed(&self, partition: &TopicPartition) -> Option<Offset> {
        self.committed.get(partition).copied()
    }

    /// Whether it was told to shut down.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    pub fn obey(&mut self, command: SourceCommand) {
        match command {
            SourceCommand::Start { partition, at, generation } if self.owned.contains(&partition) => {
                let read = Read { position: at.0, generation, out_of_range: false, scanned: None };
                self.reads.insert(partition, read);
            }
            SourceCommand::Start { .. } => {}
            SourceCommand::Stop(partition) => drop(self.reads.remove(&partition)),
            SourceCommand::Commit { partition, next } => drop(self.committed.insert(partition, next)),
            SourceCommand::Shutdown => self.ended = true,
        }
    }

    /// Returns the next event: what was told first, then what the log has, one partition after the other. Nothing where
    /// nothing is left to tell, or where the budget has no room.
    pub fn poll(&mut self) -> Option<SourceEvent> {
        if let Some(told) = self.told.pop_front() {
            return Some(told);
        }
        let after = self.reads.keys().filter(|&partition| self.last.as_ref() < Some(partition));
        let order: Vec<_> = after.chain(self.reads.keys()).cloned().collect();
        order.into_iter().find_map(|partition| {
            let event = self.read(&partition)?;
            self.last = Some(partition);
            Some(event)
        })
    }

    fn read(&mut self, partition: &TopicPartition) -> Option<SourceEvent> {
        let read = self.reads.get_mut(partition).filter(|read| !read.out_of_range)?;
        let (budget, batch) = (&self.budget, self.batch);
        // By name: whoever reads does not see that the topic is another one now. A deleted topic gives nothing.
        self.log.look(partition, |log| {
            if read.position < log.first || log.end() < read.position {
                read.out_of_range = true;
                return Some(SourceEvent::OutOfRange { partition: partition.clone(), generation: read.generation });
            }
            let (records, next) = gather(log, read.position, batch);
            if records.is_empty() {
                read.position = next;
                let scanned = (next, log.stable_end());
                return (read.scanned.replace(scanned) != Some(scanned)).then(|| {
                    SourceEvent::Scanned(Scan {
                        partition: partition.clone(),
                        generation: read.generation,
                        next: Offset(next),
                        stable_end: Offset(scanned.1),
                    })
                });
            }
            let permit = budget.try_take(records.held_bytes())?;
            read.position = next;
            let (partition, generation) = (partition.clone(), read.generation);
            Some(SourceEvent::Records(vec![RawBatch { partition, generation, records, permit }]))
        })?
    }

    fn give_up(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.reads.remove(partition);
        }
    }
}

/// Returns up to `batch` records from `position` on, and where reading goes on after them.
fn gather(log: &PartitionLog, position: i64, batch: usize) -> (Records, i64) {
    let (mut records, mut next) = (Records::default(), position);
    let end = log.stable_end();
    while next < end && records.len() < batch {
        if let Some(record) = log.record(next) {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            records.push(Offset(next), record.timestamp, key, value, record.header_views());
        }
        next += 1;
    }
    (records, next)
}

/// The member's end of the channels that a [`Source`] consists of.
#[derive(Debug)]
pub struct Link {
    events: mpsc::Sender<SourceEvent>,
    commands: mpsc::UnboundedReceiver<SourceCommand>,
}

impl Link {
    /// Returns both ends: the source for whoever is tested, and the link for [`exchange`](Link::exchange). Dropping the link
    /// is a crash of the source.
    pub fn new(events: usize) -> (Source, Link) {
        let (told, events) = mpsc::channel(events);
        let (commands, obeyed) = mpsc::unbounded_channel();
        (Source { events, commands }, Link { events: told, commands: obeyed })
    }

    /// Lets the member obey what it was told and tell what it has, as far as the channel has room; returns how many commands
    /// and events that were. Zero means that the member waits for the other side.
    pub fn exchange(&mut self, member: &mut ScriptedMember) -> usize {
        let mut moved = 0;
        while let Ok(command) = self.commands.try_recv() {
            member.obey(command);
            moved += 1;
        }
        while !member.has_ended() {
            let Ok(slot) = self.events.try_reserve() else { break };
            let Some(event) = member.poll() else { break };
            slot.send(event);
            moved += 1;
        }
        moved
    }
}
