//! A reader as the daemon's wiring is one, without the rest: starts what it is assigned, keeps what it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium::domain::{MemoryBudget, Offset, RawBatch, TopicPartition};
use alluvium::source::{KafkaLog, KafkaOptions, Options, Scan, Source, SourceCommand, SourceEvent, TopicMatch, join};

use crate::kafka::PATIENCE;

/// What one record was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub offset: i64,
    pub value: Option<String>,
}

pub struct Member {
    pub source: Source,
    pub budget: MemoryBudget,
    /// Where a partition is started when it is assigned; zero where nothing is said.
    pub tips: BTreeMap<TopicPartition, i64>,
    pub owned: BTreeSet<TopicPartition>,
    pub seen: BTreeMap<TopicPartition, Vec<Seen>>,
    pub scanned: BTreeMap<TopicPartition, (i64, i64)>,
    /// Everything but records and scans, in order, in short words.
    pub told: Vec<String>,
    /// Batches that are kept, with their permits.
    pub held: Option<Vec<RawBatch>>,
    /// Under which start a partition is read.
    pub generations: BTreeMap<TopicPartition, u64>,
    generation: u64,
}

pub fn reading() -> Options {
    Options {
        batch_records: 1000,
        batch_bytes: 1 << 20,
        revoke_wait: Duration::from_secs(5),
        refresh: Duration::from_secs(1),
    }
}

impl Member {
    pub fn join(kafka: &KafkaOptions, matches: TopicMatch) -> Member {
        Member::with(kafka, matches, 64 << 20, reading())
    }

    pub fn with(kafka: &KafkaOptions, matches: TopicMatch, budget: usize, options: Options) -> Member {
        let budget = MemoryBudget::new(budget);
        let log = Arc::new(KafkaLog::new(kafka).unwrap());
        let source = join(kafka, vec![matches], log, budget.clone(), options).unwrap();
        Member {
            source,
            budget,
            tips: BTreeMap::new(),
            owned: BTreeSet::new(),
            seen: BTreeMap::new(),
            scanned: BTreeMap::new(),
            told: Vec::new(),
            held: None,
            generations: BTreeMap::new(),
            generation: 0,
        }
    }

    pub fn command(&self, command: SourceCommand) {
        self.source.commands.send(command).unwrap();
    }

    pub fn start(&mut self, partition: &TopicPartition, at: i64) {
        self.generation += 1;
        self.generations.insert(partition.clone(), self.generation);
        self.command(SourceCommand::Start {
            partition: partition.clone(),
            at: Offset(at),
            generation: self.generation,
        });
    }

    /// Handles one event; tells whether there was one within a moment.
    pub async fn step(&mut self) -> bool {
        let Ok(event) = tokio::time::timeout(Duration::from_millis(20), self.source.events.recv()).await else {
            return false;
        };
        let event = event.expect("the source has ended");
        self.handle(event);
        true
    }

    pub fn handle(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::Assigned(partitions) => {
                self.told.push(format!("assigned {partitions:?}"));
                for partition in partitions {
                    let at = self.tips.get(&partition).copied().unwrap_or(0);
                    self.start(&partition, at);
                    self.owned.insert(partition);
                }
            }
            SourceEvent::Revoked { partitions, reply } => {
                self.told.push(format!("revoked {partitions:?}"));
                self.forget(&partitions);
                reply.send(()).ok();
            }
            SourceEvent::Lost(partitions) => {
                self.told.push(format!("lost {partitions:?}"));
                self.forget(&partitions);
            }
            SourceEvent::Records(batches) => batches.into_iter().for_each(|batch| self.records(batch)),
            SourceEvent::OutOfRange { partition, generation } => {
                self.told.push(format!("out of range {partition} {generation}"));
            }
            SourceEvent::Scanned(Scan { partition, next, stable_end, .. }) => {
                self.scanned.insert(partition, (next.0, stable_end.0));
            }
            SourceEvent::Trouble(why) => self.told.push(format!("trouble {why}")),
            SourceEvent::Recovered => self.told.push("recovered".to_owned()),
            SourceEvent::Fatal(why) => panic!("the client died: {why}"),
        }
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.generations.remove(partition);
        }
    }

    fn records(&mut self, batch: RawBatch) {
        if self.generations.get(&batch.partition) != Some(&batch.generation) {
            return; // of an older start, as a lane would drop it
        }
        let seen = self.seen.entry(batch.partition.clone()).or_default();
        for record in batch.records.iter() {
            let value = record.value.map(|value| String::from_utf8_lossy(value).into_owned());
            seen.push(Seen { offset: record.offset.0, value });
        }
        self.tips.insert(batch.partition.clone(), batch.records.last_offset().unwrap().0 + 1);
        if let Some(held) = &mut self.held {
            held.push(batch);
        }
    }

    /// Handles events until `condition` holds.
    pub async fn until(&mut self, what: &str, mut condition: impl FnMut(&Member) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "gave up waiting until {what}; told: {:#?}", self.told);
            self.step().await;
        }
    }

    pub fn count(&self) -> usize {
        self.seen.values().map(Vec::len).sum()
    }

    pub fn values(&self, partition: &TopicPartition) -> Vec<u64> {
        let seen = self.seen.get(partition).map_or(&[][..], Vec::as_slice);
        seen.iter().filter_map(|seen| seen.value.as_ref()?.parse().ok()).collect()
    }

    pub async fn leave(mut self) -> Member {
        self.command(SourceCommand::Shutdown);
        let deadline = Instant::now() + PATIENCE;
        while let Some(event) = self.source.events.recv().await {
            assert!(Instant::now() < deadline, "the source does not end");
            drop(event);
        }
        self
    }
}

/// Handles the events of two members in turn until `condition` holds.
pub async fn both(one: &mut Member, two: &mut Member, what: &str, mut condition: impl FnMut(&Member, &Member) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition(one, two) {
        assert!(Instant::now() < deadline, "gave up waiting until {what}; told: {:#?} and {:#?}", one.told, two.told);
        one.step().await;
        two.step().await;
    }
}
