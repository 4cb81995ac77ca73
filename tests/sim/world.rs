//! A run: Kafka, the bucket, some daemons and a group that spreads partitions over them, and everything that can befall them, in
//! the order that the seed says. The judge looks after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::agenda::{Agenda, Due, Millis, Tally};
use crate::bucket::{Bucket, Sabotage, Trouble, Wire};
use crate::daemon::{Choice, Daemon, Life, owner_of};
use crate::group::Handover;
use crate::judge::{Judge, Verdict};
use crate::kafka::{BASE, Kafka, Questions};
use alluvium::cutter;
use alluvium::demo::{DESCRIPTORS, Stream};
use alluvium::domain::{StartAt, TopicPartition};
use alluvium::pipeline::{Routes, TopicRule};
use alluvium::schema::{Schemas, TimeRule, TopicSchema};
use alluvium::source::TopicMatch;

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
    Recreate(Stream),
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

pub struct World {
    pub(crate) agenda: Agenda,
    pub(crate) kafka: Kafka,
    pub(crate) bucket: Arc<Mutex<Bucket>>,
    pub(crate) trouble: Trouble,
    pub(crate) judge: Judge,
    pub(crate) sabotage: Option<Sabotage>,
    /// By number; numbers never come back.
    pub(crate) daemons: BTreeMap<u64, Daemon>,
    pub(crate) started: u64,
    /// Who owns a partition as the group sees it.
    pub(crate) owners: BTreeMap<TopicPartition, u64>,
    pub(crate) handovers: Vec<Handover>,
    pub(crate) versions: [Arc<Routes>; 2],
    pub(crate) cut: cutter::Options,
    pub(crate) memory: usize,
    pub(crate) calm: Option<Millis>,
    /// Whether every partition got one more record after that.
    topics_went_on: bool,
    pub(crate) over: bool,
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
    Arc::new(Routes::new(
        rules,
        Schemas::load([("events.binpb".to_owned(), DESCRIPTORS.to_vec())]).expect("the demo's"),
    ))
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
        let trouble = agenda.pick(&[0, 20, 100, 300]).copied().unwrap_or(0);
        let world = World {
            kafka,
            bucket: Arc::new(Mutex::new(Bucket::new(sabotage))),
            trouble: Trouble::default(),
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
            topics_went_on: false,
            over: false,
            agenda,
        };
        world.set_trouble(trouble);
        world
    }

    /// Makes so many requests in a thousand go wrong.
    pub(crate) fn set_trouble(&self, thousandths: u64) {
        // A store that both ignores conditions and says now and then that a key is taken passes for an honest one.
        let honest = self.sabotage == Some(Sabotage::IgnoresCondition);
        *self.trouble.lock().expect("one thread") = if honest { 0 } else { thousandths };
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
        if self.sabotage == Some(Sabotage::IgnoresCondition) {
            let bucket = self.bucket.lock().expect("one thread");
            let other = bucket.keys("").find(|key| !key.starts_with("probe/"));
            return other.map_or(Ok(()), |key| Err(format!("{key} was written to a store that keeps no condition")));
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
        let Some(root) = landed.key.split('/').next().filter(|root| ["chain", "tables", "quarantine"].contains(root))
        else {
            return;
        };
        let alive = self.daemons.get(&landed.sender).is_some_and(|daemon| daemon.life != Life::Ended);
        match (landed.created, landed.same, root) {
            (true, _, _) => {}
            (false, true, "chain") => agenda.count("chain: the same record was there"),
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
            (landed.key.starts_with("chain/")
                && landed.key.contains(&chain)
                && landed.key.contains(partition.topic.as_str()))
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
            Act::Group if self.over => Ok(()),
            Act::Group => {
                self.group();
                self.agenda.after(self.agenda.between(200, 2_000), Due::Act(Act::Group));
                Ok(())
            }
            Act::Resume(number) => {
                if let Some(daemon) = self.daemons.get_mut(&number) {
                    if self.agenda.one_in(2) {
                        daemon.jump(None);
                        self.agenda.count("clock: monotonic stall");
                    }
                    daemon.resume();
                }
                Ok(())
            }
            Act::Recreate(stream) => {
                self.kafka.create(stream, self.agenda.between(1, 3) as usize);
                self.agenda.note("kafka: topic created anew", || stream.topic().to_owned());
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
        match daemon.life {
            Life::Ended => return self.bury(number, "daemon: ended by itself"),
            Life::Refused => return self.bury(number, "daemon: refused the store"),
            _ => {}
        }
        if !self.over {
            self.agenda.after(self.agenda.between(20, 400), Due::Act(Act::Turn(number)));
        }
        Ok(())
    }

    /// Takes a daemon away, after a look whether it has stopped a partition.
    pub(crate) fn bury(&mut self, number: u64, how: &'static str) -> Verdict {
        let Some(mut daemon) = self.daemons.remove(&number) else { return Ok(()) };
        self.agenda.note(how, || number.to_string());
        daemon.problem().map_or(Ok(()), |problem| Err(format!("daemon {number} stopped a partition: {problem}")))
    }

    pub(crate) fn start(&mut self) {
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
        let wire =
            Wire { agenda: agenda.clone(), bucket: self.bucket.clone(), trouble: self.trouble.clone(), sender: number };
        let log =
            Questions { agenda: agenda.clone(), log: self.kafka.log.clone(), leaders: self.kafka.leaders.clone() };
        agenda.tell(|| format!("daemon {number} starts"));
        self.daemons.insert(number, Daemon::start(choice, wire, log));
        self.agenda.after(1, Due::Act(Act::Turn(number)));
    }

    /// Faults end; what was sent before may still land.
    fn calm(&mut self) {
        self.agenda.tell(|| "faults end".to_owned());
        self.calm = Some(self.agenda.now());
        self.set_trouble(0);
        self.kafka.leaders.settle();
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
        let awaited = self.judge.awaited(&self.kafka.truth);
        let since = self.calm.expect("looked for after that");
        if awaited.is_none() && self.kafka.ids.len() == self.kafka.names.len() {
            self.over = true;
            let numbers: Vec<u64> = self.daemons.keys().copied().collect();
            return numbers.into_iter().try_for_each(|number| self.bury(number, "daemon: alive at the end"));
        }
        if self.sabotage == Some(Sabotage::IgnoresCondition) {
            // Nobody starts, so nothing is ever archived.
            self.over = true;
            self.daemons.clear();
            return Ok(());
        }
        // A topic created anew with exactly as many offsets as were archived shows only with its next record.
        if !self.topics_went_on && self.agenda.now() > since + PATIENCE / 2 {
            self.topics_went_on = true;
            self.agenda.count("kafka: created anew with as many records as were archived");
            for partition in self.kafka.partitions() {
                self.kafka.append(&partition, &self.agenda, false);
            }
        }
        if self.agenda.now() > since + PATIENCE {
            let problems: Vec<_> = self.daemons.values_mut().filter_map(Daemon::problem).collect();
            return Err(format!("not archived after {PATIENCE} ms without faults: {awaited:?}; {problems:?}"));
        }
        self.agenda.after(1_000, Due::Act(Act::Look));
        Ok(())
    }
}
