//! The consumer group: keeps processes alive and spreads partitions over them, not always as its members think.

use alluvium::domain::TopicPartition;
use tokio::sync::oneshot;

use crate::agenda::Millis;
use crate::daemon::Life;
use crate::world::World;

/// Processes that are kept alive.
const PROCESSES: usize = 3;

/// A partition on its way to another owner.
pub struct Handover {
    partition: TopicPartition,
    replied: oneshot::Receiver<()>,
    until: Millis,
}

impl World {
    /// Keeps processes alive and every partition owned.
    pub(crate) fn group(&mut self) {
        while self.daemons.len() < PROCESSES {
            self.start();
        }
        let now = self.agenda.now();
        for mut handover in std::mem::take(&mut self.handovers) {
            let replied = handover.replied.try_recv();
            if replied == Err(oneshot::error::TryRecvError::Empty) && now < handover.until {
                self.handovers.push(handover);
            } else {
                if replied.is_err() {
                    self.agenda.count("group: took a partition without waiting for its owner");
                }
                self.owners.remove(&handover.partition);
            }
        }
        let exist = self.kafka.partitions();
        let gone: Vec<_> = self.owners.keys().filter(|partition| !exist.contains(*partition)).cloned().collect();
        for partition in gone {
            if let Some(daemon) = self.owners.remove(&partition).and_then(|owner| self.daemons.get_mut(&owner)) {
                daemon.member.lose(&[partition]);
            }
        }
        let daemons = &self.daemons;
        let able = |number: &u64| daemons.get(number).is_some_and(|daemon| daemon.life == Life::Running);
        self.owners.retain(|_, owner| able(owner));
        let able: Vec<u64> =
            daemons.iter().filter(|(_, d)| d.life == Life::Running && d.paused.is_none()).map(|(n, _)| *n).collect();
        for partition in exist {
            if self.owners.contains_key(&partition) {
                continue;
            }
            let Some(&to) = self.agenda.pick(&able) else { continue };
            self.give(partition, to);
        }
    }

    fn give(&mut self, partition: TopicPartition, to: u64) {
        self.agenda.tell(|| format!("{partition} goes to {to}"));
        let member = &mut self.daemons.get_mut(&to).expect("picked among them").member;
        // It may have been its before, without the group's knowing.
        member.lose(std::slice::from_ref(&partition));
        member.assign(std::slice::from_ref(&partition));
        self.owners.insert(partition, to);
    }

    pub(crate) fn rebalance(&mut self, partition: TopicPartition) {
        let Some(&owner) = self.owners.get(&partition) else { return };
        let Some(daemon) = self.daemons.get_mut(&owner) else { return };
        let of = std::slice::from_ref(&partition);
        match self.agenda.below(4) {
            0 | 1 => {
                if self.handovers.iter().any(|handover| handover.partition == partition) {
                    return;
                }
                let replied = daemon.member.revoke(of);
                let until = self.agenda.now() + self.agenda.between(500, 30_000);
                self.agenda.note("group: revokes", || format!("{partition} of {owner}"));
                self.handovers.push(Handover { partition, replied, until });
            }
            2 => {
                daemon.member.lose(of);
                self.owners.remove(&partition);
                self.agenda.note("group: session lost", || format!("{partition} of {owner}"));
            }
            _ => {
                self.owners.remove(&partition);
                self.agenda.note("group: two owners at once", || format!("{partition}, also of {owner}"));
            }
        }
    }
}
