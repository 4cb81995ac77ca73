//! A run: Kafka, the bucket, some daemons and a group that spreads partitions over them, and everything that can befall them, in
//! the order that the seed says. The judge looks after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium::cutter;
use alluvium::demo::{DESCRIPTORS, Stream};
use alluvium::domain::{StartAt, TopicPartition};
use alluvium::pipeline::{Routes, TopicRule};
use alluvium::schema::{Schemas, TimeRule, TopicSchema};
use alluvium::source::TopicMatch;
use alluvium::source::scripted::Outcome;
use tokio::sync::oneshot;

use crate::agenda::{Agenda, Due, Millis, Tally};
use crate::bucket::{Bucket, Sabotage, Trouble, Wire};
use crate::daemon::{Choice, Daemon, Life, owner_of};
use crate::judge::{Judge, Verdict};
use crate::kafka::{BASE, Kafka, Questions};

/// Processes that Kubernetes keeps alive.
const SLOTS: usize = 3;
const MINUTE: Millis = 60_000;
/// Faults end somewhere before.
const ACTIVE: (Millis, Millis) = (20_000, 120_000);
/// After the last fault everything is archived within this time.
const PATIENCE: Millis = 30 * MINUTE;

/// What happens by itself.
#[derive(Debug)]
pub enum Act {
    /// A daemon's threads get a moment.
    Turn(u64),
    /// Something befalls somebody.
    Chaos,
    /// The group looks who is there.
    Group,
    Resume(u64),
    Recreate(&'static str),
    /// Faults are over.
    Calm,
    /// Is everything archived?
    Look,
}

/// What came of a run.
pub struct Report {
    pub verdict: Verdict,
    pub tally: Tally,
    pub trace: Vec<String>,
}

/// A partition on its way to another owner.
struct Handover {
    partition: TopicPartition,
    replied: oneshot::Receiver<()>,
    until: Millis,
}

pub struct World {
    agenda: Agenda,
    kafka: Kafka,
    bucket: Arc<Mutex<Bucket>>,
    trouble: Trouble,
    judge: Judge,
    sabotage: Option<Sabotage>,
    /// By number; numbers never come back.
    daemons: BTreeMap<u64, Daemon>,
    started: u64,
    /// Who owns a partition as the group sees it.
    owners: BTreeMap<TopicPartition, u64>,
    handovers: Vec<Handover>,
    versions: [Arc<Routes>; 2],
    cut: cutter::Options,
    memory: usize,
    calm: Option<Millis>,
    over: bool,
}

/// Lives through a seed.
pub fn run(seed: u64, sabotage: Option<Sabotage>) -> Report {
    let mut world = World::new(seed, sabotage);
    let verdict = world.live();
    Report { verdict, tally: world.agenda.tally(), trace: world.agenda.trace() }
}

fn routes(starts: &[StartAt], time: &[TimeRule]) -> Arc<Routes> {
    let rule = |(stream, (start, time)): (Stream, (&StartAt, &TimeRule))| TopicRule {
        matches: TopicMatch::Name(stream.topic().to_owned()),
        schema: TopicSchema { time: time.clone(), ..TopicSchema::default() },
        bloom: BTreeSet::new(),
        start: *start,
        incarnation: None,
    };
    let rules = Stream::ALL.into_iter().zip(starts.iter().zip(time)).map(rule).collect();
    Arc::new(Routes::new(rules, Schemas::load([("events.binpb".to_owned(), DESCRIPTORS.to_vec())]).expect("the demo's")))
}

impl World {
    fn new(seed: u64, sabotage: Option<Sabotage>) -> World {
        let agenda = Agenda::new(seed);
        let mut kafka = Kafka::new();
        kafka.create(Stream::Searches, agenda.between(1, 3) as usize);
        if agenda.one_in(2) {
            kafka.create(Stream::Bookings, 1);
        }
        let later = [StartAt::Latest, StartAt::Time(BASE + 5), StartAt::Earliest, StartAt::Earliest];
        let starts = [StartAt::Earliest, later[agenda.below(4) as usize]];
        let field = |name: &str| TimeRule::Field(name.to_owned());
        let newer = [field("searched_at"), field("booked_at")];
        let cut = cutter::Options {
            every: Duration::from_secs(agenda.between(2, 20)),
            bytes: if agenda.one_in(4) { 600 } else { 1 << 20 },
            rows: agenda.between(2, 12) as usize,
        };
        World {
            kafka,
            bucket: Arc::new(Mutex::new(Bucket::new(sabotage))),
            trouble: Arc::new(Mutex::new(agenda.pick(&[0, 20, 100, 300]).copied().unwrap_or(0))),
            judge: Judge::default(),
            sabotage,
            daemons: BTreeMap::new(),
            started: 0,
            owners: BTreeMap::new(),
            handovers: Vec::new(),
            versions: [routes(&starts, &[TimeRule::Record, TimeRule::Record]), routes(&starts, &newer)],
            cut,
            memory: if agenda.one_in(5) { 20_000 } else { 64 << 20 },
            calm: None,
            over: false,
            agenda,
        }
    }

    fn live(&mut self) -> Verdict {
        for _ in 0..self.agenda.between(5, 30) {
            self.produce();
        }
        self.agenda.after(0, Due::Act(Act::Group));
        self.agenda.after(100, Due::Act(Act::Chaos));
        self.agenda.after(self.agenda.between(ACTIVE.0, ACTIVE.1), Due::Act(Act::Calm));
        while let Some(due) = self.agenda.next() {
            match due {
                Due::Land(land) => land(),
                Due::Wake(task) => {
                    if let Some(daemon) = self.daemons.get_mut(&owner_of(task)) {
                        daemon.wake(task);
                    }
                }
                Due::Act(act) => self.act(act)?,
            }
            self.look_at_what_landed()?;
        }
        self.judge.end(&self.bucket.lock().expect("one thread"), &self.kafka.truth)
    }

    fn look_at_what_landed(&mut self) -> Verdict {
        let mut bucket = self.bucket.lock().expect("one thread");
        if bucket.landed.is_empty() {
            return Ok(());
        }
        for landed in std::mem::take(&mut bucket.landed) {
            self.situation(&landed);
            if landed.created {
                self.agenda.tell(|| format!("created by {}: {}", landed.sender, landed.key));
                self.judge.see(&landed, &bucket, &self.kafka.truth, &self.agenda)?;
            }
        }
        Ok(())
    }

    /// Counts what a landing shows of the protocol.
    fn situation(&self, landed: &crate::bucket::Landed) {
        let agenda = &self.agenda;
        let Some(root) = landed.key.split('/').next().filter(|root| ["chain", "tables", "quarantine"].contains(root)) else {
            return;
        };
        let alive = self.daemons.get(&landed.sender).is_some_and(|daemon| daemon.life != Life::Ended);
        match (landed.created, landed.same, root) {
            (true, _, _) => {}
            (false, true, "chain") => agenda.count("chain: own record found"),
            (false, false, "chain") => agenda.note("chain: another's cut was first", || landed.key.clone()),
            (false, _, _) => agenda.count("object: was there already"),
        }
        match (landed.late, landed.created) {
            (true, false) => agenda.count("late PUT refused"),
            (true, true) => agenda.note("late PUT landed", || landed.key.clone()),
            _ => {}
        }
        match (alive, landed.created) {
            (false, true) => agenda.note("a dead process's PUT landed", || landed.key.clone()),
            (false, false) => agenda.count("a dead process's PUT refused"),
            _ => {}
        }
        if alive && !self.owns(landed) {
            let what = if landed.created { "a zombie's PUT landed" } else { "a zombie's PUT refused" };
            agenda.note(what, || format!("{} by {}", landed.key, landed.sender));
        }
    }

    /// Whether the group takes the sender for the partition's owner.
    fn owns(&self, landed: &crate::bucket::Landed) -> bool {
        let mut mine = self.owners.iter().filter(|(_, owner)| **owner == landed.sender);
        mine.any(|(partition, _)| {
            let id = self.kafka.ids.get(partition.topic.as_str());
            let chain = format!("/{:05}/", partition.partition);
            let object = id.map(|id| format!("-{}-{:05}-", id.short(), partition.partition));
            (landed.key.starts_with("chain/") && landed.key.contains(&chain) && landed.key.contains(partition.topic.as_str()))
                || object.is_some_and(|object| landed.key.contains(&object))
        })
    }

    fn act(&mut self, act: Act) -> Verdict {
        match act {
            Act::Turn(number) => self.turn(number),
            Act::Chaos if self.calm.is_none() => {
                self.chaos()?;
                self.agenda.after(self.agenda.between(20, 1_500), Due::Act(Act::Chaos));
                Ok(())
            }
            Act::Chaos => Ok(()),
            Act::Group => {
                self.group();
                if !self.over {
                    self.agenda.after(self.agenda.between(200, 2_000), Due::Act(Act::Group));
                }
                Ok(())
            }
            Act::Resume(number) => {
                if let Some(daemon) = self.daemons.get_mut(&number) {
                    daemon.resume();
                }
                Ok(())
            }
            Act::Recreate(name) => {
                let stream = *Stream::ALL.iter().find(|stream| stream.topic() == name).expect("one of these");
                self.kafka.create(stream, self.agenda.between(1, 3) as usize);
                self.agenda.note("kafka: topic created anew", || name.to_owned());
                Ok(())
            }
            Act::Calm => {
                self.calm();
                Ok(())
            }
            Act::Look => self.look(),
        }
    }

    fn turn(&mut self, number: u64) -> Verdict {
        let away = self.kafka.leaders.are_away(self.agenda.now());
        let Some(daemon) = self.daemons.get_mut(&number) else { return Ok(()) };
        daemon.turn(if away { 0 } else { self.agenda.between(0, 6) }, self.sabotage);
        if daemon.life == Life::Ended {
            return self.bury(number, "daemon: ended by itself");
        }
        if !self.over {
            self.agenda.after(self.agenda.between(20, 400), Due::Act(Act::Turn(number)));
        }
        Ok(())
    }

    /// Takes a daemon away, after a look whether it has stopped a partition.
    fn bury(&mut self, number: u64, how: &'static str) -> Verdict {
        let Some(mut daemon) = self.daemons.remove(&number) else { return Ok(()) };
        self.agenda.note(how, || number.to_string());
        daemon.problem().map_or(Ok(()), |problem| Err(format!("daemon {number} stopped a partition: {problem}")))
    }

    fn start(&mut self) {
        self.started += 1;
        let number = self.started;
        let agenda = &self.agenda;
        // Rolled out somewhere in the middle, and rolled back now and then.
        let newer = agenda.below(ACTIVE.1) < agenda.now();
        if newer {
            agenda.count("daemon: of a newer version, with another layout");
        }
        let years = 31_557_600_000 * (agenda.below(60) as i64 - 30);
        let choice = Choice {
            routes: self.versions[usize::from(newer)].clone(),
            cut: self.cut,
            memory: self.memory,
            lanes: agenda.between(1, 2) as usize,
            batch: agenda.between(1, 7) as usize,
            wall: if agenda.one_in(3) { years } else { 0 },
        };
        let wire = Wire {
            agenda: agenda.clone(),
            bucket: self.bucket.clone(),
            trouble: self.trouble.clone(),
            sender: number,
        };
        let log =
            Questions { agenda: agenda.clone(), log: self.kafka.log.clone(), leaders: self.kafka.leaders.clone() };
        agenda.tell(|| format!("daemon {number} starts"));
        self.daemons.insert(number, Daemon::start(choice, wire, log));
        self.agenda.after(1, Due::Act(Act::Turn(number)));
    }

    /// Keeps processes alive and every partition owned.
    fn group(&mut self) {
        let refused = self.daemons.values().any(|daemon| daemon.life == Life::Refused);
        while self.daemons.len() < SLOTS && !refused {
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
        let able: Vec<u64> = daemons.iter().filter(|(_, d)| d.life == Life::Running && d.paused.is_none()).map(|(n, _)| *n).collect();
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

    fn produce(&mut self) {
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

    fn end_transaction(&mut self, partition: &TopicPartition) {
        let outcome = if self.agenda.one_in(2) { Outcome::Aborted } else { Outcome::Committed };
        self.kafka.end_transaction(partition, outcome);
        self.agenda.count(match outcome {
            Outcome::Aborted => "kafka: transaction aborted",
            Outcome::Committed => "kafka: transaction committed",
        });
    }

    fn chaos(&mut self) -> Verdict {
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
                let name = Stream::ALL.iter().map(|stream| stream.topic()).find(|name| *name == partition.topic.as_str());
                let name = name.expect("one of these");
                self.kafka.delete(name);
                agenda.note("kafka: topic deleted", || name.to_owned());
                let after = if agenda.one_in(2) { 0 } else { agenda.between(10, 15_000) };
                agenda.after(after, Due::Act(Act::Recreate(name)));
            }
            (79..81, Some(partition), _) => {
                let name = Stream::ALL.iter().map(|stream| stream.topic()).find(|name| *name == partition.topic.as_str());
                if partitions.len() < 6 {
                    self.kafka.grow(name.expect("one of these"));
                    agenda.note("kafka: partition added", || partition.topic.to_string());
                }
            }
            (81..85, Some(partition), _) => {
                // Shorter than a daemon's patience with a log that seems to end too early.
                self.kafka.leaders.change(partition.clone(), now + agenda.between(50, 700), agenda.between(1, 5) as i64);
                agenda.note("kafka: a new leader is behind", || partition.to_string());
            }
            (85..87, ..) => {
                self.kafka.leaders.go_away(now + agenda.between(100, 20_000));
                agenda.count("kafka: away");
            }
            (87..91, ..) => {
                let trouble = agenda.pick(&[0, 20, 100, 300, 1000]).copied().unwrap_or(0);
                *self.trouble.lock().expect("one thread") = trouble;
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

    fn rebalance(&mut self, partition: TopicPartition) {
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

    /// Faults end; what was sent before may still land.
    fn calm(&mut self) {
        self.agenda.tell(|| "faults end".to_owned());
        self.calm = Some(self.agenda.now());
        *self.trouble.lock().expect("one thread") = 0;
        self.kafka.leaders.go_away(0);
        let absent = Stream::ALL.into_iter().filter(|stream| stream.topic() == Stream::Searches.topic());
        let absent: Vec<_> = absent.filter(|stream| !self.kafka.ids.contains_key(stream.topic())).collect();
        if !absent.is_empty() {
            // Its re-creation is on the agenda.
            self.agenda.tell(|| "a topic is still to come".to_owned());
        }
        for daemon in self.daemons.values_mut() {
            daemon.resume();
        }
        for partition in self.kafka.partitions() {
            if self.kafka.facts(&partition).is_some_and(|facts| facts.has_open()) {
                self.end_transaction(&partition);
            }
            self.kafka.append(&partition, &self.agenda, false);
        }
        self.agenda.after(1_000, Due::Act(Act::Look));
    }

    fn look(&mut self) -> Verdict {
        if self.daemons.values().any(|daemon| daemon.life == Life::Refused) {
            self.over = true;
            self.agenda.count("daemon: refused the store");
            return Ok(());
        }
        let awaited = self.judge.awaited(&self.kafka.truth);
        let since = self.calm.expect("looked for after that");
        if awaited.is_none() && self.kafka.ids.len() == self.topics() {
            self.over = true;
            let numbers: Vec<u64> = self.daemons.keys().copied().collect();
            return numbers.into_iter().try_for_each(|number| self.bury(number, "daemon: alive at the end"));
        }
        if self.agenda.now() > since + PATIENCE {
            let problems: Vec<_> = self.daemons.values_mut().filter_map(Daemon::problem).collect();
            return Err(format!("not archived after {PATIENCE} ms without faults: {awaited:?}; {problems:?}"));
        }
        self.agenda.after(1_000, Due::Act(Act::Look));
        Ok(())
    }

    /// How many topics there are when none is being created anew.
    fn topics(&self) -> usize {
        let names: BTreeSet<_> = self.kafka.names.iter().collect();
        names.len()
    }
}
