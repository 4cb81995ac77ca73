//! What goes into one page of a column, as it comes: levels, and values or their ids.

use super::bits::width;
use super::hybrid;
use super::levels::{Definitions, LIVE, Slots};
use super::page::tidy;
use super::plan::ColumnPlan;
use super::values::Values;

#[derive(Default)]
pub struct Entries {
    pub rows: usize,
    definitions: Levels,
    repetitions: Vec<u16>,
    /// One of these holds what there is: the values, or their ids in the column's dictionary.
    pub values: Values,
    pub ids: Vec<u32>,
}

/// Levels of which there may be no more than one, the usual case.
#[derive(Default)]
struct Levels {
    count: usize,
    same: u16,
    /// Empty as long as all are the same.
    each: Vec<u16>,
}

impl Entries {
    pub fn count(&self) -> usize {
        self.definitions.count
    }

    pub fn nulls(&self) -> usize {
        self.count() - self.values.count - self.ids.len()
    }

    /// Returns the bytes that it takes.
    pub fn size(&self) -> usize {
        self.values.size() + self.ids.len() * 4 + (self.repetitions.len() + self.definitions.each.len()) * 2
    }

    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        let levels = self.repetitions.capacity() + self.definitions.each.capacity();
        self.values.held_bytes() + self.ids.capacity() * 4 + levels * 2
    }

    /// Appends the levels of a column's part.
    pub fn push_levels(&mut self, plan: &ColumnPlan, slots: &Slots) {
        self.rows += slots.rows;
        self.repetitions.extend_from_slice(&slots.repetitions);
        let level = |level| if level == LIVE { plan.definition } else { level };
        match &slots.definitions {
            Definitions::Same(same, count) => self.definitions.push_same(level(*same), *count),
            Definitions::Each(each) => self.definitions.push_each(each.iter().map(|each| level(*each))),
        }
    }

    /// Appends the levels as a page of version 1 holds them.
    pub fn encode_levels(&self, plan: &ColumnPlan, out: &mut Vec<u8>) {
        if plan.repetition > 0 {
            behind_length(out, |out| hybrid::encode(&self.repetitions, width(plan.repetition.into()), out));
        }
        if plan.definition > 0 {
            let Levels { count, same, each } = &self.definitions;
            let width = width(plan.definition.into());
            behind_length(out, |out| match each.is_empty() {
                true => hybrid::encode_run((*same).into(), *count, width, out),
                false => hybrid::encode(each, width, out),
            });
        }
    }

    /// Empties it for its next use.
    pub fn tidy(&mut self) {
        self.rows = 0;
        self.definitions.count = 0;
        self.values.count = 0;
        tidy(&mut self.definitions.each);
        tidy(&mut self.repetitions);
        tidy(&mut self.ids);
        self.values.tidy();
    }
}

impl Levels {
    fn push_same(&mut self, level: u16, count: usize) {
        if self.each.is_empty() && (self.count == 0 || self.same == level) {
            self.same = level;
            self.count += count;
        } else {
            self.push_each(std::iter::repeat_n(level, count));
        }
    }

    fn push_each(&mut self, levels: impl Iterator<Item = u16>) {
        if self.each.is_empty() {
            self.each.resize(self.count, self.same);
        }
        self.each.extend(levels);
        self.count = self.each.len();
    }
}

/// Appends what `write` appends, and its length before it.
fn behind_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}
