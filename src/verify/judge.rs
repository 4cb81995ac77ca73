//! Judging one chain. Pure: the walk hands in what it saw, newest cut first; findings and facts come out.

use std::collections::BTreeSet;

use serde::Serialize;

use super::finding::{Finding, FindingKind};
use super::object::{Sight, judge_name, judge_object, said_of};
use crate::chain::{
    Break, ChainId, Cut, CutError, CutKind, CutObject, Line, LostObject, chain_prefix, cut_key, loss_key,
};
use crate::domain::{Bounds, Digest, Offset, OffsetRange, Topic, TopicId, TopicPartition};
use crate::walk::{Gap, Loss, Read, Window, selects, wanted};

/// Kafka's first release: records older than that have a clock that was never set.
const KAFKA_BEGAN: i64 = 1_293_840_000_000;
/// How far ahead of this machine's clock a record's may be, in milliseconds.
const CLOCKS_AGREE_WITHIN: i64 = 24 * 3_600_000;

/// What was seen of one cut.
#[derive(Debug)]
pub struct SeenCut {
    pub first: Offset,
    pub read: Read,
    /// One for each of the cut's objects that the window wants, in their order; none for a cut outside of it.
    pub objects: Vec<Sight>,
}

/// What a chain says, as far as it was walked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainFacts {
    pub topic: Topic,
    pub topic_id: TopicId,
    pub partition: i32,
    /// Of the newest cut; empty where the broker told none.
    pub cluster: String,
    /// Cut records read.
    pub cuts: u64,
    /// Objects looked at, and the rows their cuts name.
    pub objects: u64,
    pub rows: u64,
    /// The newest cut; null where it could not be read or lies outside the window.
    pub tip: Option<Tip>,
    pub gaps: Vec<Gap>,
    pub losses: Vec<Loss>,
    /// The newest cut, where its objects are not all there yet: its writer is at it, or the next owner will be.
    pub in_progress: Option<InProgress>,
    /// Records whose clock was far off; they are archived as they came.
    pub odd_times: Option<OddTimes>,
    /// What Kafka said of the partition; null where it was not asked.
    pub log: Option<LogFacts>,
}

impl ChainFacts {
    pub fn chain(&self) -> ChainId {
        ChainId {
            partition: TopicPartition { topic: self.topic.clone(), partition: self.partition },
            topic_id: self.topic_id,
        }
    }
}

/// The newest cut of a chain: kept elsewhere, it tells later whether the chain was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tip {
    pub first: Offset,
    pub next: Offset,
    /// BLAKE3 of the cut record's bytes.
    pub record: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InProgress {
    pub first: Offset,
    pub next: Offset,
    pub missing_objects: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OddTimes {
    pub cuts: u64,
    /// One of them.
    pub key: String,
    pub min_timestamp: i64,
    pub max_timestamp: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LogFacts {
    pub first: Offset,
    pub stable_end: Offset,
    /// Offsets between the newest cut and the log's end.
    pub behind: i64,
}

/// Judges a chain cut by cut.
#[derive(Debug)]
pub struct ChainJudge<'w> {
    chain: ChainId,
    window: &'w Window,
    /// Milliseconds since the epoch.
    now: i64,
    line: Line,
    facts: ChainFacts,
    findings: Vec<Finding>,
    cluster_told: bool,
}

impl<'w> ChainJudge<'w> {
    /// `follower` is the oldest cut that was listed and need not be read.
    pub fn new(chain: ChainId, window: &'w Window, follower: Option<Offset>, now: i64) -> ChainJudge<'w> {
        let facts = ChainFacts {
            topic: chain.topic().clone(),
            topic_id: chain.topic_id,
            partition: chain.partition.partition,
            cluster: String::new(),
            cuts: 0,
            objects: 0,
            rows: 0,
            tip: None,
            gaps: Vec::new(),
            losses: Vec::new(),
            in_progress: None,
            odd_times: None,
            log: None,
        };
        let line = Line::before(follower);
        ChainJudge { chain, window, now, line, facts, findings: Vec::new(), cluster_told: false }
    }

    /// Takes a key of the chain's folder that is neither a cut record nor the loss record of one.
    pub fn stranger(&mut self, key: &str) {
        let what = match key.contains(".loss.") {
            true => "a loss record, and the cut it belongs to is not there",
            false => "neither a cut record nor a loss record",
        };
        self.tell(FindingKind::StrangeKey, None, key.to_owned(), what);
    }

    pub fn add(&mut self, seen: SeenCut) {
        let newest = self.line.is_at_tip();
        let key = cut_key(&self.chain, seen.first);
        self.facts.cuts += 1;
        let (cut, record) = match seen.read.cut {
            Ok(read) => read,
            Err(error) => {
                let range = self.line.add_unreadable(seen.first);
                return self.tell(of_error(&error), range, key, told(&error));
            }
        };
        if newest {
            self.facts.tip = Some(Tip { first: cut.first, next: cut.next, record });
        }
        self.link(&cut, record);
        self.cluster(&cut, &key);
        if !selects(self.window, &cut) {
            return;
        }
        if let Some(what) = contradiction(&cut) {
            self.tell(FindingKind::ContradictoryCut, Some(cut.range()), key.clone(), what);
        }
        self.times(&cut, key);
        match (cut.kind, cut.reason) {
            (CutKind::Gap, Some(reason)) => self.facts.gaps.push(Gap { first: cut.first, next: cut.next, reason }),
            _ => self.data(&cut, seen.read.loss, &seen.objects, newest),
        }
    }

    /// Ends the chain; nothing older was listed.
    pub fn finish(mut self) -> (ChainFacts, Vec<Finding>) {
        if let Some(hole) = self.line.missing_below(self.window.first_offset()) {
            let key = cut_key(&self.chain, hole.first());
            self.tell(FindingKind::MissingCut, Some(hole), key, "no cut covers these offsets; a chain begins at 0");
        }
        self.facts.gaps.reverse();
        self.facts.losses.reverse();
        (self.facts, self.findings)
    }

    fn link(&mut self, cut: &Cut, record: Digest) {
        let (kind, range, key, what) = match self.line.add(cut, record) {
            None => return,
            Some(Break::Hole { range, after }) => (
                FindingKind::MissingCut,
                range,
                cut_key(&self.chain, range.first()),
                format!("no cut covers these offsets, between the cuts at {} and {after}", cut.first),
            ),
            Some(Break::Overlap { range, after }) => (
                FindingKind::OverlappingCuts,
                range,
                cut_key(&self.chain, after),
                format!("it begins at {after}, and the cut before it, at {}, ends at {}", cut.first, cut.next),
            ),
            Some(Break::Link { range, named, record }) => {
                let named = named.map_or("none".into(), |digest| digest.to_string());
                let what = format!("its hash is {record}, and the cut after it was written after {named}");
                (FindingKind::BrokenLink, range, cut_key(&self.chain, cut.first), what)
            }
        };
        self.tell(kind, Some(range), key, what);
    }

    fn cluster(&mut self, cut: &Cut, key: &str) {
        if self.facts.cluster.is_empty() {
            self.facts.cluster = cut.cluster.clone();
        }
        if !cut.cluster.is_empty() && cut.cluster != self.facts.cluster && !self.cluster_told {
            self.cluster_told = true;
            let what = format!("cluster {} wrote it, and {} the newest cut", cut.cluster, self.facts.cluster);
            self.tell(FindingKind::ForeignCluster, Some(cut.range()), key.to_owned(), what);
        }
    }

    fn times(&mut self, cut: &Cut, key: String) {
        let (Some(min), Some(max)) = (cut.min_timestamp, cut.max_timestamp) else { return };
        if KAFKA_BEGAN <= min && max <= self.now.saturating_add(CLOCKS_AGREE_WITHIN) {
            return;
        }
        let new = OddTimes { cuts: 0, key, min_timestamp: min, max_timestamp: max };
        let odd = self.facts.odd_times.get_or_insert(new);
        odd.cuts += 1;
        (odd.min_timestamp, odd.max_timestamp) = (odd.min_timestamp.min(min), odd.max_timestamp.max(max));
    }

    fn data(&mut self, cut: &Cut, loss: Option<Result<Vec<LostObject>, CutError>>, sights: &[Sight], newest: bool) {
        let lost = match loss.transpose() {
            Ok(lost) => {
                self.facts.losses.extend(lost.as_ref().map(|lost| Loss::of(cut, lost)));
                lost.unwrap_or_default()
            }
            Err(error) => {
                let key = loss_key(&self.chain, cut.first);
                self.tell(of_error(&error), Some(cut.range()), key, told(&error));
                Vec::new()
            }
        };
        let mut missing = 0;
        for (object, sight) in wanted(self.window, cut).zip(sights) {
            self.facts.objects += 1;
            self.facts.rows += object.rows;
            let lost = said_of(object, &lost);
            let fault = judge_name(cut, object);
            let cut_key = || cut_key(&cut.chain(), cut.first);
            if let Some((kind, what)) = fault {
                self.tell(kind, Some(cut.range()), cut_key(), what);
            }
            match sight {
                Sight::Absent if !lost.is_empty() => {}
                Sight::Absent if newest => missing += 1,
                Sight::Absent => {
                    let what = format!("{} names it with {} rows, and it is not there", cut_key(), object.rows);
                    self.tell(FindingKind::MissingObject, span(object), object.key.clone(), what);
                }
                sight => {
                    if let Some((kind, what)) = judge_object(cut, object, &lost, sight) {
                        self.tell(kind, span(object), object.key.clone(), what);
                    }
                }
            }
        }
        if missing > 0 {
            self.facts.in_progress = Some(InProgress { first: cut.first, next: cut.next, missing_objects: missing });
        }
    }

    fn tell(&mut self, kind: FindingKind, range: Option<OffsetRange>, key: String, what: impl Into<String>) {
        self.findings.push(Finding::new(kind, key, what).of(&self.chain).at(range));
    }
}

fn span(object: &CutObject) -> Option<OffsetRange> {
    OffsetRange::new(object.first, object.next)
}

fn of_error(error: &CutError) -> FindingKind {
    match error {
        CutError::Damaged { .. } => FindingKind::UnreadableRecord,
        CutError::Future { .. } => FindingKind::NewerRecord,
        CutError::Misplaced { .. } => FindingKind::MisplacedRecord,
    }
}

/// Says an error without the key, which stands before it.
fn told(error: &CutError) -> String {
    match error {
        CutError::Damaged { cause, .. } => format!("the record cannot be read: {cause}"),
        CutError::Future { version, .. } => {
            format!("it has format version {version}, this program reads up to {}", crate::chain::VERSION)
        }
        CutError::Misplaced { found, .. } => format!("the record says that it is {found}"),
    }
}

/// Returns what in a cut cannot be, beyond what the parser refuses.
fn contradiction(cut: &Cut) -> Option<String> {
    if let (Some(min), Some(max)) = (cut.min_timestamp, cut.max_timestamp)
        && max < min
    {
        return Some(format!("its newest record, {max}, is older than its oldest, {min}"));
    }
    let mut kinds = BTreeSet::new();
    let mut rows = 0u64;
    for object in &cut.objects {
        if !kinds.insert((object.kind, object.hour)) {
            return Some(format!("it names two objects for one hour, {}", object.key));
        }
        let span = object.next.0.abs_diff(object.first.0);
        if span < object.rows {
            return Some(format!("it has {} rows in {} offsets, {}", object.rows, span, object.key));
        }
        rows = rows.saturating_add(object.rows);
    }
    let offsets = cut.next.0.abs_diff(cut.first.0);
    (offsets < rows).then(|| format!("its objects have {rows} rows in {offsets} offsets"))
}

/// Compares a chain with the log of the topic that has its id.
pub fn judge_log(chain: &ChainId, facts: &mut ChainFacts, bounds: Bounds) -> Option<Finding> {
    let tip = facts.tip?;
    let behind = bounds.stable_end.0.saturating_sub(tip.next.0).max(0);
    facts.log = Some(LogFacts { first: bounds.first, stable_end: bounds.stable_end, behind });
    let key = cut_key(chain, tip.first);
    if bounds.stable_end < tip.next {
        let what = format!("it ends at {}, and Kafka's log at {}", tip.next, bounds.stable_end);
        let ahead = OffsetRange::new(bounds.stable_end.max(tip.first), tip.next);
        return Some(Finding::new(FindingKind::AheadOfLog, key, what).of(chain).at(ahead));
    }
    let dropped = OffsetRange::new(tip.next, bounds.first)?;
    let what = format!("the newest cut ends at {}, and Kafka's log begins at {}", tip.next, bounds.first);
    Some(Finding::new(FindingKind::NotArchived, key, what).of(chain).at(Some(dropped)))
}

/// Compares the cluster that a chain names with the one that was asked.
pub fn judge_cluster(chain: &ChainId, facts: &ChainFacts, ours: &str) -> Option<Finding> {
    if facts.cluster.is_empty() || ours.is_empty() || facts.cluster == ours {
        return None;
    }
    let what = format!("it was written for Kafka cluster {}, and `kafka.brokers` leads to {ours}", facts.cluster);
    Some(Finding::new(FindingKind::ForeignCluster, chain_prefix(chain), what).of(chain))
}
