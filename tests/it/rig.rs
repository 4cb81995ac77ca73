//! Owners of partitions over a scripted log and a store with scripted faults, one step at a time: what runs when is the test's
//! decision, so a crash can be put before and after every step. The lanes are the daemon's own; only its threads are missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alluvium::chain::{ChainId, Cut, CutKind, LossRecord, chain_prefix, layout_keys, loss_key};
use alluvium::cutter;
use alluvium::demo::{DESCRIPTORS, Stream};
use alluvium::domain::{Digest, MemoryBudget, Offset, RecordDigest, StartAt, TopicId, TopicPartition};
use alluvium::encode::{Footer, read_records};
use alluvium::pipeline::{Answer, Edges, Effect, Input, Lane, Now, Routes, Shared, TopicRule, execute, prepare};
use alluvium::schema::{Layout, Schemas, TopicSchema};
use alluvium::source::scripted::{ScriptedLog, ScriptedMember, ScriptedRecord};
use alluvium::source::{SourceEvent, TopicMatch};
use alluvium::store::{ArchiveStore, FaultStore, LocalStore};
use alluvium::telemetry::{Metrics, StatusBoard};

pub const HOUR: i64 = 3_600_000;
/// 2026-11-25T00:00Z.
pub const BASE: i64 = 1_795_564_800_000;

/// The world the owners share.
pub struct Rig {
    pub log: ScriptedLog,
    pub store: FaultStore,
    pub topic: TopicPartition,
    rows: usize,
    pub bytes: usize,
    /// How many records come at once.
    pub batch: usize,
    routes: Arc<Routes>,
    owners: u64,
    /// How many objects there were when nothing was doubled: create-only objects do not change.
    audited: std::cell::Cell<usize>,
}

impl Rig {
    /// A world with one topic of one partition, whose ranges are closed at `rows` rows.
    pub fn new(rows: usize) -> Rig {
        let log = ScriptedLog::new();
        log.create_topic(Stream::Searches.topic(), 1);
        Rig {
            log,
            store: FaultStore::new(LocalStore::in_memory()),
            topic: TopicPartition::new(Stream::Searches.topic(), 0),
            rows,
            bytes: 1 << 20,
            batch: 3,
            routes: Arc::new(routes(StartAt::Earliest)),
            owners: 0,
            audited: std::cell::Cell::default(),
        }
    }

    pub fn starting_at(self, start: StartAt) -> Rig {
        Rig { routes: Arc::new(routes(start)), ..self }
    }

    /// Appends events numbered so, spread over three hours.
    pub fn append(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.log.append(&self.topic, event(number));
        }
    }

    /// A process that was just given the partition.
    pub async fn owner(&mut self) -> Owner {
        // The layout goes past the scripted faults: they are about cuts and objects.
        let store = self.store.clone();
        let route = loop {
            if let Ok(route) = prepare(&self.topic.topic, &self.routes, &self.log, &store).await {
                break route;
            }
        };
        self.owners += 1;
        let budget = MemoryBudget::new(64 << 20);
        let board = StatusBoard::new("test", budget.clone());
        let shared = Shared {
            cut: cutter::Options { every: Duration::from_secs(60), bytes: self.bytes, rows: self.rows },
            budget: budget.clone(),
            metrics: Metrics::new(board.clone()),
            board: board.clone(),
            cluster: "scripted".into(),
            writer: format!("owner-{}", self.owners),
            numbers: Arc::default(),
        };
        let mut owner = Owner {
            lane: Lane::new(shared),
            member: self.log.join(budget.clone(), self.batch),
            budget,
            board,
            log: self.log.clone(),
            store: self.store.clone(),
            open: VecDeque::new(),
            now: Duration::ZERO,
            wall: jiff::Timestamp::from_millisecond(BASE).unwrap(),
        };
        owner.member.assign(std::slice::from_ref(&self.topic));
        owner.feed(Input::Take { partition: self.topic.clone(), route });
        owner
    }

    pub fn chain(&self, id: TopicId) -> ChainId {
        ChainId { partition: self.topic.clone(), topic_id: id }
    }

    /// Everything a folder reader sees: offsets by topic id, each as often as it is there.
    pub async fn visible(&self) -> BTreeMap<TopicId, Vec<i64>> {
        let mut visible: BTreeMap<TopicId, Vec<i64>> = BTreeMap::new();
        for root in ["tables/", "quarantine/"] {
            for key in self.keys(root).await {
                let object = self.store.get(&key).await.unwrap().unwrap();
                let footer = Footer::read(&object).unwrap();
                let layout = self.layout(footer.layout).await;
                let records = read_records(object, footer.kind, Some(&layout)).unwrap();
                assert_eq!(digest(records.iter()), footer.digest, "{key}");
                let offsets = visible.entry(footer.topic_id).or_default();
                offsets.extend(records.iter().map(|record| record.offset.0));
            }
        }
        visible.values_mut().for_each(|offsets| offsets.sort_unstable());
        visible
    }

    async fn layout(&self, fingerprint: Digest) -> Layout {
        let (rule, descriptors) = layout_keys(fingerprint);
        let part = async |key: &str| self.store.get(key).await.unwrap().unwrap();
        Layout::from_stored(fingerprint, &part(&rule).await, &part(&descriptors).await).unwrap()
    }

    /// No row may be there twice, at any moment.
    pub async fn assert_nothing_doubled(&self) {
        let objects = self.keys("tables/").await.len() + self.keys("quarantine/").await.len();
        if self.audited.replace(objects) == objects {
            return;
        }
        for (id, offsets) in self.visible().await {
            let doubled: Vec<_> = offsets.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
            assert!(doubled.is_empty(), "{id}: {doubled:?} more than once");
        }
    }

    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let page = self.store.list(prefix, None, 100_000).await.unwrap();
        assert!(!page.more);
        page.keys
    }

    /// The cuts of a chain from the first to the newest, checked to be one line with right hashes, and whole as far as it says.
    pub async fn chain_of(&self, id: TopicId) -> Vec<Cut> {
        let mut cuts: Vec<Cut> = Vec::new();
        let mut previous = None;
        let keys = self.keys(&chain_prefix(&self.chain(id))).await;
        let keys: Vec<_> = keys.into_iter().filter(|key| !key.ends_with(".loss.json")).rev().collect();
        for key in &keys {
            let bytes = self.store.get(key).await.unwrap().unwrap();
            let cut = Cut::parse(key, &bytes).unwrap();
            assert_eq!(cut.first, cuts.last().map_or(Offset::ZERO, |before| before.next), "{key}");
            assert_eq!(cut.previous, previous, "{key}");
            previous = Some(Digest::of(&bytes));
            cuts.push(cut);
        }
        cuts
    }

    /// Checks that all of `expected` is visible once, in objects that the chain names and that are as it says.
    pub async fn assert_archived(&self, id: TopicId, expected: impl IntoIterator<Item = i64>) {
        let visible = self.visible().await.remove(&id).unwrap_or_default();
        assert_eq!(visible, expected.into_iter().collect::<Vec<_>>());
        for cut in self.chain_of(id).await {
            let lost = self.loss_of(id, cut.first).await;
            assert_eq!(cut.kind == CutKind::Gap, cut.objects.is_empty());
            for object in &cut.objects {
                if lost.as_ref().is_some_and(|loss| loss.objects.iter().any(|lost| lost.key == object.key)) {
                    continue;
                }
                let bytes =
                    self.store.get(&object.key).await.unwrap().unwrap_or_else(|| panic!("{} is missing", object.key));
                let footer = Footer::read(&bytes).unwrap();
                assert_eq!((footer.rows, footer.digest, footer.nonce), (object.rows, object.digest, cut.nonce.clone()));
            }
        }
    }

    pub async fn loss_of(&self, id: TopicId, first: Offset) -> Option<LossRecord> {
        let bytes = self.store.get(&loss_key(&self.chain(id), first)).await.unwrap()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    pub async fn topic_id(&self) -> TopicId {
        use alluvium::source::Log;
        self.log.topic_id(&self.topic).await.unwrap()
    }
}

/// The topic of searches, from the beginning or later.
pub fn routes(start: StartAt) -> Routes {
    let rule = TopicRule {
        matches: TopicMatch::Name(Stream::Searches.topic().to_owned()),
        schema: TopicSchema::default(),
        bloom: BTreeSet::new(),
        start,
        incarnation: None,
    };
    Routes::new(vec![rule], Schemas::load([("events.binpb".to_owned(), DESCRIPTORS.to_vec())]).unwrap())
}

fn digest<'a>(records: impl Iterator<Item = alluvium::domain::Record<'a>>) -> Digest {
    let mut digest = RecordDigest::default();
    records.for_each(|record| digest.update(&record));
    digest.finish()
}

/// The event with this number; three hours come in turn.
pub fn event(number: u64) -> ScriptedRecord {
    let millis = BASE + (number % 3) as i64 * HOUR + number as i64;
    ScriptedRecord::new(Stream::Searches.payload(number, millis)).at(millis).key(format!("k{number}"))
}

/// What an owner did last.
#[derive(Debug, PartialEq, Eq)]
pub enum Did {
    Something,
    /// Nothing is left to do until something happens outside.
    Nothing,
}

/// One process: a lane, a group member, and the requests that are on their way.
pub struct Owner {
    lane: Lane,
    pub member: ScriptedMember,
    pub board: StatusBoard,
    pub budget: MemoryBudget,
    log: ScriptedLog,
    store: FaultStore,
    pub open: VecDeque<Effect>,
    now: Duration,
    /// What this process takes the time of day to be.
    pub wall: jiff::Timestamp,
}

impl Owner {
    pub fn feed(&mut self, input: Input) {
        for effect in self.lane.handle(input, Now { monotonic: self.now, wall: self.wall }) {
            match effect {
                Effect::Source(command) => self.member.obey(command),
                ask => self.open.push_back(ask),
            }
        }
    }

    /// Takes one event from the source, if it has one.
    pub fn poll(&mut self) -> Did {
        match self.member.poll() {
            // Taken over already by `Rig::owner`.
            Some(SourceEvent::Assigned(_)) => {}
            Some(SourceEvent::Records(batches)) => {
                batches.into_iter().for_each(|batch| self.feed(Input::Records(batch)));
            }
            Some(SourceEvent::OutOfRange { partition, generation }) => {
                self.feed(Input::OutOfRange { partition, generation });
            }
            Some(SourceEvent::Scanned(scan)) => self.feed(Input::Scanned(scan)),
            Some(other) => panic!("{other:?}"),
            None => return Did::Nothing,
        }
        Did::Something
    }

    /// Carries out the request at `index` of those on their way, and hands the answer to the lane.
    pub async fn answer(&mut self, index: usize) {
        let Some(Effect::Ask { partition, life, request, .. }) = self.open.remove(index) else { return };
        let answer = self.execute(request).await;
        self.feed(Input::Answer { partition, life, answer });
    }

    async fn execute(&self, request: alluvium::pipeline::Request) -> Answer {
        let edges = Edges { store: &self.store, log: &self.log, board: &self.board };
        execute(request, &edges).await
    }

    /// One step: the oldest request on its way, else the source.
    pub async fn step(&mut self) -> Did {
        if self.open.is_empty() {
            return self.poll();
        }
        self.answer(0).await;
        Did::Something
    }

    /// Runs until a request of this name is on its way.
    pub async fn step_until(&mut self, request: &str) {
        while !self.open.iter().any(|effect| format!("{effect:?}").contains(request)) {
            assert_eq!(self.step().await, Did::Something, "there is no {request}");
        }
    }

    /// Runs until nothing is left to do.
    pub async fn settle(&mut self) {
        let mut steps = 0;
        while self.step().await == Did::Something {
            steps += 1;
            assert!(steps < 100_000, "does not come to rest: {:?}", self.open);
        }
    }

    /// Lets the cut's age come, and everything that follows from it.
    pub async fn settle_after_a_minute(&mut self) {
        self.settle().await;
        self.let_a_minute_pass();
        self.settle().await;
    }

    pub fn let_a_minute_pass(&mut self) {
        self.now += Duration::from_secs(61);
        self.feed(Input::Tick);
    }

    /// Ends the process. What it sent may still arrive: the requests are returned.
    pub fn crash(self) -> Vec<Effect> {
        self.open.into()
    }

    /// Returns what `/status` says a person must look at.
    pub fn problem(&mut self) -> Option<String> {
        self.now += Duration::from_secs(1);
        self.feed(Input::Tick);
        let status = self.board.status();
        status
            .partitions
            .into_iter()
            .find_map(|view| view.status.problem)
            .map(|problem| format!("{}; {}", problem.cause, problem.remedy))
    }
}
