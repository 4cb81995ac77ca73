//! The invariants of `docs/guarantees.md`, as conditions on a state.

use std::collections::BTreeSet;
use std::sync::Arc;

use alluvium::chain::{Cut, CutKind, CutObject, numbered_loss_key};
use alluvium::domain::{Digest, Offset};

use super::log::{Log, Row};
use super::state::State;
use super::store::{Object, Record, What, digest};
use super::writer::Layout;

pub const I1: &str = "I1 one cut per first offset";
pub const I2: &str = "I2 the cuts form one line";
pub const I3: &str = "I3 an object follows from its cut and the log";
pub const I4: &str = "I4 what has a successor is whole";
pub const I5: &str = "I5 no row is there twice";
pub const I7: &str = "I7 what is missing was dropped by Kafka, and that is written down";

/// I1: of a chain's cuts, no two have the same first offset.
pub fn is_one_cut_each(state: &State) -> bool {
    state.logs.iter().all(|log| {
        let cuts = state.store.cuts(&State::chain(log));
        cuts.windows(2).all(|pair| pair[0].1.first != pair[1].1.first)
    })
}

/// I2: from 0 on, without overlap or hole, each linked to the bytes of the one before.
pub fn is_one_line(state: &State) -> bool {
    state.logs.iter().all(|log| {
        let (mut next, mut previous) = (Offset::ZERO, None);
        state.store.cuts(&State::chain(log)).into_iter().all(|(bytes, cut)| {
            let fits = cut.first == next && cut.previous == previous;
            (next, previous) = (cut.next, Some(Digest::of(bytes)));
            fits
        })
    })
}

/// I3: each object was named by a cut, and has the rows that the cut's layout makes of the log; fewer only as a loss record says.
pub fn follows_from_cut_and_log(state: &State) -> bool {
    state.store.objects().all(|(key, object)| {
        let Some(cut) = cut_of(state, key, object) else { return false };
        let Some(named) = cut.objects.iter().find(|named| named.key == *key) else { return false };
        let wanted = rows_of(state, &cut, named);
        let first = log_of(state, &cut).first;
        object.rows == wanted && object.seen().digest == named.digest
            || is_told(state, &cut, named, &object.rows)
                && object.rows.iter().all(|row| wanted.contains(row))
                && wanted.iter().all(|row| object.rows.contains(row) || row.1 < first)
    })
}

/// I4: every cut but the newest of its chain.
pub fn has_whole_predecessors(state: &State) -> bool {
    state.logs.iter().all(|log| {
        let cuts = state.store.cuts(&State::chain(log));
        let older = cuts.len().saturating_sub(1);
        cuts[..older].iter().all(|(_, cut)| is_whole(state, cut))
    })
}

/// Whether each object of a cut is there, or named by a loss record.
pub fn is_whole(state: &State, cut: &Cut) -> bool {
    let is_compacted = |object| {
        !state.compacted.is_empty() && rows_of(state, cut, object).iter().all(|row| state.compacted.contains(row))
    };
    cut.objects.iter().all(|object| {
        state.store.object(&object.key).is_some() || is_told(state, cut, object, &[]) || is_compacted(object)
    })
}

/// I5: for a reader that merely lists.
pub fn has_no_row_twice(state: &State) -> bool {
    let mut seen = BTreeSet::new();
    visible(state).all(|row| seen.insert(row))
}

/// I7: every record below the end of what is done is there, or it was dropped and a gap or a loss record covers it.
pub fn misses_only_what_was_dropped(state: &State) -> bool {
    let seen: BTreeSet<Row> = visible(state).collect();
    state.logs.iter().all(|log| {
        let cuts = state.store.cuts(&State::chain(log));
        cuts.iter().enumerate().all(|(index, (_, cut))| {
            let is_done = index + 1 < cuts.len() || is_whole(state, cut);
            let missing = || log.rows(span(cut)).filter(|row| !seen.contains(row));
            match cut.kind {
                CutKind::Gap => cut.next.0 <= i64::from(log.first),
                CutKind::Data => {
                    !is_done || missing().all(|row| row.1 < log.first && state.is_row_told_lost(log, cut, row))
                }
            }
        })
    })
}

impl State {
    /// Whether a loss record speaks of fewer rows in the object that a row belongs to.
    fn is_row_told_lost(&self, log: &Log, cut: &Cut, row: Row) -> bool {
        let Some(layout) = cut.layout.and_then(Layout::named) else { return false };
        let hour = layout.hour(log, row);
        cut.objects.iter().filter(|object| object.hour == hour).any(|object| {
            let rows = self.store.object(&object.key).map_or(&[][..], |object| &object.rows);
            is_told(self, cut, object, rows)
        })
    }
}

/// Whether a loss record of the cut says that these rows are all that is left of an object.
fn is_told(state: &State, cut: &Cut, object: &CutObject, rows: &[Row]) -> bool {
    let records = (0..).map_while(|number| state.store.loss(&numbered_loss_key(&cut.chain(), cut.first, number)));
    records.flat_map(|loss| &loss.objects).any(|lost| {
        lost.key == object.key && lost.found == rows.len() as u64 && (rows.is_empty() || lost.digest == digest(rows))
    })
}

/// Returns the cut in the bucket that asked for an object.
pub fn cut_of(state: &State, key: &str, object: &Object) -> Option<Arc<Cut>> {
    state.store.keys.values().find_map(|stored| match &stored.what {
        What::Cut(Record { read: cut, .. })
            if cut.nonce == object.nonce && cut.objects.iter().any(|named| named.key == key) =>
        {
            Some(cut.clone())
        }
        _ => None,
    })
}

/// Returns the rows that an object of a cut has when nothing was dropped.
fn rows_of(state: &State, cut: &Cut, object: &CutObject) -> Vec<Row> {
    let log = log_of(state, cut);
    let layout = cut.layout.and_then(Layout::named).unwrap_or(Layout::AllInOne);
    log.rows(span(cut)).filter(|row| layout.hour(log, *row) == object.hour).collect()
}

fn log_of<'s>(state: &'s State, cut: &Cut) -> &'s Log {
    &state.logs[usize::from(cut.topic_id.0[0])]
}

fn span(cut: &Cut) -> std::ops::Range<u8> {
    cut.first.0 as u8..cut.next.0 as u8
}

/// Every row that a reader of the tables sees.
fn visible(state: &State) -> impl Iterator<Item = Row> {
    let objects = state.store.objects().flat_map(|(_, object)| object.rows.iter().copied());
    objects.chain(state.compacted.iter().copied())
}

/// Whether the chain of the newest topic holds all that was produced, or says why not.
pub fn is_archived(state: &State) -> bool {
    let log = state.log();
    let cuts = state.store.cuts(&State::chain(log));
    let next = cuts.last().map_or(0, |(_, cut)| cut.next.0 as u8);
    log.rows(next..log.end).next().is_none() && cuts.iter().all(|(_, cut)| is_whole(state, cut))
}
