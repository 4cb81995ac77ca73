//! A whole daemon without its threads: the program's own self-test, route preparation, lanes and requests, between a scripted
//! group member and the wires to the bucket and the log. What its threads and tasks would do is done when the agenda says so.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use alluvium::cutter;
use alluvium::domain::{MemoryBudget, Topic, TopicPartition};
use alluvium::pipeline::{
    Answer, BACK_OFF, Edges, Effect, Input, Lane, NoRoute, Now, Route, Routes, Shared, execute, prepare,
};
use alluvium::source::SourceEvent;
use alluvium::source::scripted::ScriptedMember;
use alluvium::store::{SelfTestError, self_test};
use alluvium::telemetry::{Metrics, StatusBoard};
use tokio::sync::oneshot;

use crate::agenda::{Due, Millis};
use crate::bucket::{Sabotage, Wire};
use crate::kafka::{BASE, Questions};

const STOP_WITHIN: Millis = 25_000;

/// What a task has done.
enum Done {
    Answered { lane: usize, partition: TopicPartition, life: u64, answer: Answer },
    Prepared(Topic, Result<Arc<Route>, NoRoute>),
    Tested(Result<(), SelfTestError>),
}

type Job = Pin<Box<dyn Future<Output = Done> + Send>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The self-test is under way.
    Starting,
    Running,
    /// SIGTERM: the newest cuts are being finished.
    Stopping(Millis),
    Ended,
    /// The store was found unfit.
    Refused,
}

/// A revocation that waits for the newest cuts.
struct Leaving {
    waiting: Vec<oneshot::Receiver<()>>,
    until: Millis,
    reply: Option<oneshot::Sender<()>>,
}

/// What is chosen for a daemon when it starts.
pub struct Choice {
    pub routes: Arc<Routes>,
    pub cut: cutter::Options,
    pub memory: usize,
    pub lanes: usize,
    pub batch: usize,
    /// How far its wall clock is off, in milliseconds.
    pub wall: i64,
}

pub struct Daemon {
    pub life: Life,
    pub member: ScriptedMember,
    /// What was not delivered while it was stopped.
    pub paused: Option<Vec<u64>>,
    pub board: StatusBoard,
    /// Added to its monotonic clock.
    monotonic: Duration,
    seen: Millis,
    pub wall: i64,
    lanes: Vec<Lane>,
    routes: Arc<Routes>,
    /// Nothing while the topic is being prepared, or was refused.
    owned: BTreeMap<TopicPartition, Option<usize>>,
    leaving: Vec<Leaving>,
    jobs: BTreeMap<u64, Job>,
    wire: Wire,
    log: Questions,
    numbers: Numbers,
}

/// Numbers tasks through a run; the daemon's own is in the upper half.
struct Numbers {
    next: u64,
}

/// Whose task it is.
pub fn owner_of(task: u64) -> u64 {
    task >> 32
}

impl Daemon {
    pub fn start(choice: Choice, wire: Wire, log: Questions) -> Daemon {
        let budget = MemoryBudget::new(choice.memory);
        let name = format!("daemon-{}", wire.sender);
        let board = StatusBoard::new(&name, budget.clone());
        let shared = Shared {
            cut: choice.cut,
            budget: budget.clone(),
            metrics: Metrics::new(board.clone()),
            board: board.clone(),
            cluster: "scripted".into(),
            writer: name.clone(),
            numbers: Arc::default(),
        };
        let mut daemon = Daemon {
            life: Life::Starting,
            member: log.log.join(budget, choice.batch),
            paused: None,
            board,
            monotonic: Duration::ZERO,
            seen: wire.agenda.now(),
            wall: choice.wall,
            lanes: (0..choice.lanes).map(|_| Lane::new(shared.clone())).collect(),
            routes: choice.routes,
            owned: BTreeMap::new(),
            leaving: Vec::new(),
            jobs: BTreeMap::new(),
            numbers: Numbers { next: wire.sender << 32 },
            wire: wire.clone(),
            log,
        };
        daemon.spawn(async move { Done::Tested(self_test(&wire, &name, "probe").await) });
        daemon
    }

    fn spawn(&mut self, job: impl Future<Output = Done> + Send + 'static) {
        self.numbers.next += 1;
        self.jobs.insert(self.numbers.next, Box::pin(job));
        self.wire.agenda.after(0, Due::Wake(self.numbers.next));
    }

    /// Lets a task go on, unless its process is dead or stopped.
    pub fn wake(&mut self, task: u64) {
        if let Some(missed) = &mut self.paused {
            return missed.push(task);
        }
        let Some(mut job) = self.jobs.remove(&task) else { return };
        self.wire.agenda.enter(task);
        match job.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Pending => drop(self.jobs.insert(task, job)),
            std::task::Poll::Ready(done) => self.on_done(done),
        }
    }

    fn on_done(&mut self, done: Done) {
        match done {
            Done::Answered { lane, partition, life, answer } => {
                self.feed(lane, Input::Answer { partition, life, answer });
            }
            Done::Prepared(topic, route) => self.on_prepared(&topic, route),
            Done::Tested(Ok(())) => self.life = Life::Running,
            // Kubernetes starts it again.
            Done::Tested(Err(SelfTestError::Store { .. })) => self.life = Life::Ended,
            Done::Tested(Err(_)) => self.life = Life::Refused,
        }
    }

    fn now(&mut self) -> Now {
        let now = self.wire.agenda.now();
        self.monotonic += Duration::from_millis(now - std::mem::replace(&mut self.seen, now));
        let wall = jiff::Timestamp::from_millisecond(BASE + now as i64 + self.wall).expect("within 9999 years");
        Now { monotonic: self.monotonic, wall }
    }

    /// Moves the monotonic clock forward; or stalls it, as in a machine that sleeps: what has passed is left out.
    pub fn jump(&mut self, by: Option<Duration>) {
        match by {
            Some(by) => self.monotonic += by,
            None => self.seen = self.wire.agenda.now(),
        }
    }

    fn feed(&mut self, lane: usize, input: Input) {
        let now = self.now();
        for effect in self.lanes[lane].handle(input, now) {
            match effect {
                Effect::Source(command) => self.member.obey(command),
                Effect::Ask { partition, life, attempt, request } => {
                    let (wire, log, board) = (self.wire.clone(), self.log.clone(), self.board.clone());
                    self.spawn(async move {
                        if attempt > 0 {
                            let random = wire.agenda.below(1000) as f64 / 1000.0;
                            wire.agenda.sleep(BACK_OFF.delay(attempt, random).as_millis() as u64).await;
                        }
                        let edges = Edges { store: &wire, log: &log, board: &board };
                        let answer = execute(request, &edges).await;
                        Done::Answered { lane, partition, life, answer }
                    });
                }
            }
        }
    }

    /// A moment of its threads: some events of the source, a tick, and what follows from time.
    pub fn turn(&mut self, events: u64, sabotage: Option<Sabotage>) {
        if !matches!(self.life, Life::Running | Life::Stopping(_)) || self.paused.is_some() {
            return;
        }
        for _ in 0..events {
            let Some(event) = self.member.poll() else { break };
            self.on_event(event, sabotage);
        }
        for lane in 0..self.lanes.len() {
            self.feed(lane, Input::Tick);
        }
        self.leave();
    }

    fn on_event(&mut self, event: SourceEvent, sabotage: Option<Sabotage>) {
        match event {
            SourceEvent::Assigned(partitions) => {
                let mut topics: Vec<Topic> = partitions.iter().map(|partition| partition.topic.clone()).collect();
                topics.dedup();
                self.owned.extend(partitions.into_iter().map(|partition| (partition, None)));
                topics.into_iter().for_each(|topic| self.prepare(topic, 0));
            }
            SourceEvent::Revoked { partitions, reply } => self.let_go(partitions, Some(reply)),
            SourceEvent::Lost(partitions) => {
                for partition in partitions {
                    if let Some(Some(lane)) = self.owned.remove(&partition) {
                        self.feed(lane, Input::Drop(partition));
                    }
                }
            }
            SourceEvent::Records(batches) => {
                for mut batch in batches {
                    let first = batch.records.first_offset().filter(|_| batch.records.len() > 1);
                    if let Some(first) = first.filter(|_| sabotage == Some(Sabotage::SkipsRecord)) {
                        batch.records.drop_before(first.following());
                    }
                    self.hand_on(&batch.partition.clone(), Input::Records(batch));
                }
            }
            SourceEvent::OutOfRange { partition, generation } => {
                self.hand_on(&partition.clone(), Input::OutOfRange { partition, generation });
            }
            SourceEvent::Scanned(scan) => self.hand_on(&scan.partition.clone(), Input::Scanned(scan)),
            SourceEvent::Trouble(_) | SourceEvent::Recovered | SourceEvent::Fatal(_) => {}
        }
    }

    fn hand_on(&mut self, partition: &TopicPartition, input: Input) {
        if let Some(Some(lane)) = self.owned.get(partition) {
            self.feed(*lane, input);
        }
    }

    fn prepare(&mut self, topic: Topic, delay: Millis) {
        let (routes, log, wire) = (self.routes.clone(), self.log.clone(), self.wire.clone());
        self.spawn(async move {
            wire.agenda.sleep(delay).await;
            let route = prepare(&topic, &routes, &log, &wire).await;
            Done::Prepared(topic, route)
        });
    }

    fn on_prepared(&mut self, topic: &Topic, route: Result<Arc<Route>, NoRoute>) {
        let waiting = self.owned.iter().filter(|(partition, lane)| partition.topic == *topic && lane.is_none());
        let waiting: Vec<_> = waiting.map(|(partition, _)| partition.clone()).collect();
        match route {
            Ok(route) => {
                for partition in waiting {
                    let lane = partition.partition as usize % self.lanes.len();
                    self.owned.insert(partition.clone(), Some(lane));
                    self.feed(lane, Input::Take { partition, route: route.clone() });
                }
            }
            Err(NoRoute::Later(_)) if !waiting.is_empty() => self.prepare(topic.clone(), 2_000),
            Err(NoRoute::Later(_)) => {}
            Err(NoRoute::Refused { cause, .. }) => panic!("{topic} refused: {cause}"),
        }
    }

    fn let_go(&mut self, partitions: Vec<TopicPartition>, reply: Option<oneshot::Sender<()>>) {
        let mut waiting = Vec::new();
        for partition in partitions {
            if let Some(Some(lane)) = self.owned.remove(&partition) {
                let (reply, released) = oneshot::channel();
                self.feed(lane, Input::LetGo { partition, reply });
                waiting.push(released);
            }
        }
        self.leaving.push(Leaving { waiting, until: self.wire.agenda.now() + STOP_WITHIN, reply });
    }

    /// SIGTERM.
    pub fn stop(&mut self) {
        self.let_go(self.owned.keys().cloned().collect(), None);
        self.life = Life::Stopping(self.wire.agenda.now() + STOP_WITHIN);
    }

    /// Replies to revocations whose cuts are whole or whose time is up.
    fn leave(&mut self) {
        let now = self.wire.agenda.now();
        self.leaving.retain_mut(|leaving| {
            let open =
                |released: &mut oneshot::Receiver<()>| released.try_recv() == Err(oneshot::error::TryRecvError::Empty);
            leaving.waiting.retain_mut(open);
            let over = leaving.waiting.is_empty() || leaving.until <= now;
            if let Some(reply) = leaving.reply.take_if(|_| over) {
                // Whoever waited may be gone.
                let _ = reply.send(());
            }
            !over
        });
        if let Life::Stopping(until) = self.life
            && (self.leaving.is_empty() || until <= now)
        {
            self.life = Life::Ended;
        }
    }

    /// Wakes what was missed while it was stopped.
    pub fn resume(&mut self) {
        for task in self.paused.take().into_iter().flatten() {
            self.wire.agenda.after(0, Due::Wake(task));
        }
    }

    /// What a person must look at.
    pub fn problem(&mut self) -> Option<String> {
        self.monotonic += Duration::from_secs(1);
        (0..self.lanes.len()).for_each(|lane| self.feed(lane, Input::Tick));
        let partitions = self.board.status().partitions;
        let told = |problem: alluvium::telemetry::Problem| format!("{}; {}", problem.cause, problem.remedy);
        partitions.into_iter().find_map(|view| view.status.problem.map(told))
    }
}
