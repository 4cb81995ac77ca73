//! From the records of a chain to what will be read. Pure: the walk hands in what it found, newest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::damage::{Damage, DamageKind};
use crate::chain::{Break, ChainId, Cut, CutError, CutKind, Line, LostObject, chain_prefix, cut_key};
use crate::domain::{Digest, Offset, OffsetRange};
use crate::walk::{Gap, Listed, Loss, Window, selects, wanted};

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

/// What the walk found of one listed cut.
#[derive(Debug)]
pub(super) struct Found {
    pub listed: Listed,
    /// The record and the digest of its bytes, or why it is none.
    pub cut: Result<(Cut, Digest), CutError>,
    /// What its loss records name, where one was listed.
    pub loss: Option<Result<Vec<LostObject>, CutError>>,
    /// Keys of objects in the window that are not there.
    pub missing: Vec<String>,
}

/// Builds a [`PartitionPlan`] cut by cut, newest first.
#[derive(Debug)]
pub(super) struct Planner<'w> {
    window: &'w Window,
    plan: PartitionPlan,
    line: Line,
    /// Gaps since the last data cut, which lies in the window or not.
    pending: Vec<Gap>,
    newer_selected: Option<bool>,
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
        Planner { window, plan, line: Line::before(follower), pending: Vec::new(), newer_selected: None }
    }

    pub fn add(&mut self, found: Found) {
        let first = found.listed.first;
        let newest = self.line.is_at_tip();
        let (cut, record) = match found.cut {
            Ok(read) => read,
            Err(error) => {
                let range = self.line.add_unreadable(first);
                return self.damage(DamageKind::UnreadableRecord, range, &self.key(first), error.to_string());
            }
        };
        self.link(&cut, record);
        if newest {
            self.plan.tip = Some(cut.next);
        }
        match cut.kind {
            CutKind::Gap => self.gap(&cut),
            CutKind::Data => self.data(&cut, record, found.loss, &found.missing, newest),
        }
    }

    /// Ends the plan; nothing older was listed.
    pub fn finish(mut self) -> PartitionPlan {
        if let Some(hole) = self.line.missing_below(self.window.first_offset()) {
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
        let ends = || format!("the cut before ends at {}", cut.next);
        match self.line.add(cut, record) {
            None => {}
            Some(Break::Hole { range, after }) => {
                self.damage(DamageKind::Hole, Some(range), &self.key(after), ends());
            }
            Some(Break::Overlap { range, after }) => {
                self.damage(DamageKind::Overlap, Some(range), &self.key(after), ends());
            }
            Some(Break::Link { range, named, record }) => {
                let named = named.map_or("none".into(), |digest| digest.to_string());
                let detail = format!("the record before it was {named}, it is {record}");
                self.damage(DamageKind::BrokenLink, Some(range), &self.key(cut.first), detail);
            }
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
        loss: Option<Result<Vec<LostObject>, CutError>>,
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
            self.plan.losses.push(Loss::of(cut, loss));
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
