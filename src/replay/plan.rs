//! From the records of a chain to what will be read. Pure: the walk hands in what it found, newest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use serde::Serialize;

use super::damage::{Damage, DamageKind};
use super::window::Window;
use crate::chain::{ChainId, Cut, CutError, CutKind, GapReason, LossRecord, chain_prefix, cut_key};
use crate::domain::{Digest, Offset, OffsetRange};

/// A cut that lies in the window, small enough to hold years of them; its record is read again when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRange {
    pub range: OffsetRange,
    /// BLAKE3 of the cut record: the second reading must be of the same bytes.
    pub record: Digest,
    pub min_timestamp: Option<i64>,
    /// Objects and rows that will be read; the window may leave some of the rows out.
    pub objects: usize,
    pub rows: u64,
    pub has_loss: bool,
}

/// Offsets of the window that the archive says it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub first: Offset,
    pub next: Offset,
    pub reason: GapReason,
}

/// Rows of a cut that Kafka had dropped before they were uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The cut's.
    pub first: Offset,
    pub next: Offset,
    pub rows: u64,
}

/// What a replay does with one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPlan {
    pub chain: ChainId,
    /// In offset order.
    pub ranges: Vec<PlannedRange>,
    /// Inside the window; for a window of time those beside or between its cuts, since a gap has no time.
    pub gaps: Vec<Gap>,
    pub losses: Vec<Loss>,
    /// The newest cut, where its objects are not all there yet: its writer is at it, or the next owner will be.
    pub unfinished: Option<OffsetRange>,
    /// `next` of the newest cut, where it was looked at.
    pub tip: Option<Offset>,
    pub damage: Vec<Damage>,
}

/// A cut as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub first: Offset,
    pub has_loss: bool,
}

/// Returns which of the listed cuts (newest first) must be read: those that can meet the window, and one more on either
/// side, whose hashes vouch for the outermost. Times are known only to the records, so a window of time needs them all.
pub(super) fn needed(listed: &[Listed], window: &Window) -> Range<usize> {
    if window.is_timed() {
        return 0..listed.len();
    }
    let newest = listed.partition_point(|cut| window.next.is_some_and(|next| next <= cut.first));
    let beyond = listed.partition_point(|cut| window.first_offset() < cut.first);
    newest.saturating_sub(1)..(beyond + 2).min(listed.len())
}

/// What the walk found of one listed cut.
#[derive(Debug)]
pub(super) struct Found {
    pub listed: Listed,
    /// The record and the digest of its bytes, or why it is none.
    pub cut: Result<(Cut, Digest), CutError>,
    /// The loss record, where one was listed.
    pub loss: Option<Result<LossRecord, CutError>>,
    /// Keys of objects in the window that are not there.
    pub missing: Vec<String>,
}

/// Builds a [`PartitionPlan`] cut by cut, newest first.
#[derive(Debug)]
pub(super) struct Planner<'w> {
    window: &'w Window,
    plan: PartitionPlan,
    /// The cut after the next one to come: where it begins, and what it says of its predecessor.
    successor: Option<Successor>,
    /// Gaps since the last data cut, which lies in the window or not.
    pending: Vec<Gap>,
    newer_selected: Option<bool>,
}

#[derive(Clone, Copy, Debug)]
struct Successor {
    first: Offset,
    /// Unknown where it could not be read.
    previous: Option<Option<Digest>>,
}

impl<'w> Planner<'w> {
    /// `follower` is the oldest cut that was listed and need not be read.
    pub fn new(chain: ChainId, window: &'w Window, follower: Option<Offset>) -> Planner<'w> {
        let plan = PartitionPlan {
            chain,
            ranges: Vec::new(),
            gaps: Vec::new(),
            losses: Vec::new(),
            unfinished: None,
            tip: None,
            damage: Vec::new(),
        };
        let successor = follower.map(|first| Successor { first, previous: None });
        Planner { window, plan, successor, pending: Vec::new(), newer_selected: None }
    }

    pub fn add(&mut self, found: Found) {
        let first = found.listed.first;
        let successor = self.successor;
        let (cut, record) = match found.cut {
            Ok(read) => read,
            Err(error) => {
                let range = successor.and_then(|next| OffsetRange::new(first, next.first));
                self.damage(DamageKind::UnreadableRecord, range, &self.key(first), error.to_string());
                self.successor = Some(Successor { first, previous: None });
                return;
            }
        };
        self.link(&cut, record);
        self.successor = Some(Successor { first, previous: Some(cut.previous) });
        if successor.is_none() {
            self.plan.tip = Some(cut.next);
        }
        match cut.kind {
            CutKind::Gap => self.gap(&cut),
            CutKind::Data => self.data(&cut, record, found.loss, &found.missing, successor.is_none()),
        }
    }

    /// Ends the plan; nothing older was listed.
    pub fn finish(mut self) -> PartitionPlan {
        let oldest = self.successor.map(|successor| successor.first);
        if let Some(hole) = oldest.and_then(|oldest| OffsetRange::new(self.window.first_offset(), oldest)) {
            let folder = chain_prefix(&self.plan.chain);
            self.damage(DamageKind::Hole, Some(hole), &folder, "a chain begins at offset 0".into());
        }
        // With no data cut at all nothing tells whether a gap lies in a window of time.
        if self.newer_selected != Some(false) {
            self.plan.gaps.append(&mut self.pending);
        }
        self.plan.ranges.reverse();
        self.plan.gaps.reverse();
        self.plan.losses.reverse();
        self.plan
    }

    /// Checks a cut against the one after it.
    fn link(&mut self, cut: &Cut, record: Digest) {
        let Some(successor) = self.successor else { return };
        let key = self.key(successor.first);
        if let Some(hole) = OffsetRange::new(cut.next, successor.first) {
            self.damage(DamageKind::Hole, Some(hole), &key, format!("the cut before ends at {}", cut.next));
        }
        if let Some(overlap) = OffsetRange::new(successor.first, cut.next) {
            self.damage(DamageKind::Overlap, Some(overlap), &key, format!("the cut before ends at {}", cut.next));
        }
        // Without a hole; else the predecessor it names is the one that is not there.
        if let Some(previous) = successor.previous
            && cut.next == successor.first
            && previous != Some(record)
        {
            let detail = format!(
                "the record before it was {}, it is {record}",
                previous.map_or("none".into(), |d| d.to_string())
            );
            self.damage(DamageKind::BrokenLink, Some(cut.range()), &self.key(cut.first), detail);
        }
    }

    fn gap(&mut self, cut: &Cut) {
        if self.window.meets(cut.range())
            && let Some(reason) = cut.reason
        {
            self.pending.push(Gap { first: cut.first, next: cut.next, reason });
        }
    }

    fn data(
        &mut self,
        cut: &Cut,
        record: Digest,
        loss: Option<Result<LossRecord, CutError>>,
        missing: &[String],
        newest: bool,
    ) {
        let selected = selects(self.window, cut);
        if selected || self.newer_selected.unwrap_or(selected) {
            self.plan.gaps.append(&mut self.pending);
        }
        self.pending.clear();
        self.newer_selected = Some(selected);
        if !selected {
            return;
        }
        let loss = match loss.transpose() {
            Ok(loss) => loss,
            Err(error) => {
                let key = crate::chain::loss_key(&self.plan.chain, cut.first);
                return self.damage(DamageKind::UnreadableRecord, Some(cut.range()), &key, error.to_string());
            }
        };
        if newest && !missing.is_empty() {
            self.plan.unfinished = Some(cut.range());
            return;
        }
        for key in missing {
            self.damage(DamageKind::MissingObject, Some(cut.range()), key, String::new());
        }
        if let Some(loss) = &loss {
            let rows = loss.objects.iter().map(|object| object.rows.saturating_sub(object.found)).sum();
            self.plan.losses.push(Loss { first: cut.first, next: cut.next, rows });
        }
        let wanted = || wanted(self.window, cut);
        self.plan.ranges.push(PlannedRange {
            range: cut.range(),
            record,
            min_timestamp: cut.min_timestamp,
            objects: wanted().count(),
            rows: wanted().map(|object| object.rows).sum(),
            has_loss: loss.is_some(),
        });
    }

    fn key(&self, first: Offset) -> String {
        cut_key(&self.plan.chain, first)
    }

    fn damage(&mut self, kind: DamageKind, range: Option<OffsetRange>, key: &str, detail: String) {
        let damage = Damage::new(kind, &self.plan.chain, range, key, detail);
        self.plan.damage.push(damage);
    }
}

/// Whether a cut may hold records of the window.
pub(super) fn selects(window: &Window, cut: &Cut) -> bool {
    window.meets(cut.range()) && window.meets_times(cut.min_timestamp, cut.max_timestamp)
}

/// Returns the objects of a cut that may hold records of the window.
pub(super) fn wanted<'c>(window: &Window, cut: &'c Cut) -> impl Iterator<Item = &'c crate::chain::CutObject> {
    let window = *window;
    cut.objects
        .iter()
        .filter(move |object| OffsetRange::new(object.first, object.next).is_some_and(|span| window.meets(span)))
}

/// Returns (plan, range) indices in the order of replay: each partition's in offset order, partitions interleaved by the
/// oldest timestamp of their next range, so that a replayed topic grows about as the first one did.
pub(super) fn interleaved(plans: &[PartitionPlan]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let head =
        move |plan: usize, at: usize| plans[plan].ranges.get(at).map(|range| Reverse((range.min_timestamp, plan, at)));
    let mut heads: BinaryHeap<_> = (0..plans.len()).filter_map(|plan| head(plan, 0)).collect();
    std::iter::from_fn(move || {
        let Reverse((_, plan, at)) = heads.pop()?;
        heads.extend(head(plan, at + 1));
        Some((plan, at))
    })
}

#[cfg(test)]
mod tests;
