//! What may befall anybody at any time.

use std::time::Duration;

use alluvium::domain::TopicPartition;
use alluvium::source::scripted::Outcome;

use crate::agenda::Due;
use crate::bucket::Sabotage;
use crate::daemon::{Daemon, Life};
use crate::judge::Verdict;
use crate::kafka::stream_of;
use crate::world::{Act, World};

impl World {
    pub(crate) fn produce(&mut self) {
        let partitions: Vec<_> = self.kafka.partitions().into_iter().collect();
        let Some(partition) = self.agenda.pick(&partitions).cloned() else { return };
        let open = self.kafka.facts(&partition).is_some_and(|facts| facts.has_open());
        let transaction = open || self.agenda.one_in(12);
        for _ in 0..self.agenda.between(1, 4) {
            self.kafka.append(&partition, &self.agenda, transaction);
        }
        if transaction && self.agenda.one_in(2) {
            self.end_transaction(&partition);
        }
    }

    pub(crate) fn end_transaction(&mut self, partition: &TopicPartition) {
        let outcome = if self.agenda.one_in(2) { Outcome::Aborted } else { Outcome::Committed };
        self.kafka.end_transaction(partition, outcome);
        self.agenda.count(match outcome {
            Outcome::Aborted => "kafka: transaction aborted",
            Outcome::Committed => "kafka: transaction committed",
        });
    }

    pub(crate) fn chaos(&mut self) -> Verdict {
        let agenda = self.agenda.clone();
        let now = agenda.now();
        let partitions: Vec<_> = self.kafka.partitions().into_iter().collect();
        let partition = agenda.pick(&partitions).cloned();
        let daemons: Vec<u64> = self.daemons.keys().copied().collect();
        let daemon = agenda.pick(&daemons).copied();
        match (agenda.below(100), partition, daemon) {
            (0..40, ..) => self.produce(),
            (40..47, _, Some(number)) => return self.bury(number, "daemon: killed"),
            (47..52, _, Some(number)) => self.pause(number),
            (52..55, _, Some(number)) => {
                let running = |daemon: &&mut Daemon| daemon.life == Life::Running && daemon.paused.is_none();
                if let Some(daemon) = self.daemons.get_mut(&number).filter(running) {
                    daemon.stop();
                    agenda.note("daemon: stopped gracefully", || number.to_string());
                }
            }
            (55..67, Some(partition), _) => self.rebalance(partition),
            (67..71, Some(partition), _) => {
                let end = self.kafka.facts(&partition).map_or(0, |facts| facts.facts.len() as u64);
                let before = agenda.below(end + 1) as i64;
                if self.kafka.expire(&partition, before) {
                    agenda.note("kafka: retention", || format!("{partition} before {before}"));
                }
            }
            (71..76, Some(partition), _) => {
                for _ in 0..agenda.between(1, 4) {
                    let end = self.kafka.facts(&partition).map_or(0, |facts| facts.facts.len() as u64);
                    let offset = agenda.below(end) as i64;
                    if end > 0 && self.kafka.compact(&partition, offset) {
                        agenda.note("kafka: compaction", || format!("{partition} at {offset}"));
                    }
                }
            }
            (76..79, Some(partition), _) => {
                let name = stream_of(&partition).topic();
                self.kafka.delete(name);
                agenda.note("kafka: topic deleted", || name.to_owned());
                let after = if agenda.one_in(2) { 0 } else { agenda.between(10, 15_000) };
                agenda.after(after, Due::Act(Act::Recreate(stream_of(&partition))));
            }
            (79..81, Some(partition), _) if partitions.len() < 6 => {
                self.kafka.grow(stream_of(&partition).topic());
                agenda.note("kafka: partition added", || partition.topic.to_string());
            }
            (81..85, Some(partition), _) => {
                // Shorter than a daemon's patience with a log that seems to end too early.
                let (until, by) = (now + agenda.between(50, 700), agenda.between(1, 5) as i64);
                if self.kafka.leaders.change(partition.clone(), now, until, by) {
                    agenda.note("kafka: a new leader is behind", || partition.to_string());
                }
            }
            (85..87, ..) => {
                let until = now + agenda.between(100, 20_000);
                self.kafka.leaders.go_away(until);
                agenda.count("kafka: away");
                for partition in partitions {
                    let (until, by) = (until + agenda.between(50, 700), agenda.between(1, 5) as i64);
                    if agenda.one_in(2) && self.kafka.leaders.change(partition, now, until, by) {
                        agenda.count("kafka: away, and then a new leader is behind");
                    }
                }
            }
            (87..91, ..) => {
                let trouble = agenda.pick(&[0, 20, 100, 300, 1000]).copied().unwrap_or(0);
                self.set_trouble(trouble);
                if trouble == 1000 {
                    agenda.count("store: an outage");
                }
            }
            (91..94, _, Some(number)) => {
                let daemon = self.daemons.get_mut(&number).expect("picked among them");
                agenda.count("clock: monotonic jump");
                daemon.jump(Some(Duration::from_millis(agenda.between(1_000, 3_600_000))));
            }
            (94..97, _, Some(number)) => {
                let daemon = self.daemons.get_mut(&number).expect("picked among them");
                daemon.wall = 31_557_600_000 * (agenda.below(60) as i64 - 30);
                agenda.count("clock: wall clock years off");
            }
            (97..100, Some(partition), _) if self.kafka.facts(&partition).is_some_and(|facts| facts.has_open()) => {
                self.end_transaction(&partition);
            }
            _ => {}
        }
        if self.sabotage == Some(Sabotage::Deletes) && agenda.one_in(20) {
            self.bucket.lock().expect("one thread").delete_one();
        }
        Ok(())
    }

    /// SIGSTOP; the group may notice.
    fn pause(&mut self, number: u64) {
        let daemon = self.daemons.get_mut(&number).expect("picked among them");
        if daemon.paused.is_some() {
            return;
        }
        daemon.paused = Some(Vec::new());
        let long = self.agenda.one_in(2);
        let wakes = self.agenda.between(100, if long { 60_000 } else { 3_000 });
        self.agenda.after(wakes, Due::Act(Act::Resume(number)));
        self.agenda.note("daemon: stopped and continued", || format!("{number} for {wakes} ms"));
        if long {
            // It does not know.
            self.owners.retain(|_, owner| *owner != number);
        }
    }
}
