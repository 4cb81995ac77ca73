//! Whether a map's newest key came before in the same map.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::columns::{Columns, Odd, Plain};
use super::program::{Action, Op};

/// Maps up to this size are compared entry by entry.
const SMALL: usize = 16;

/// The keys of a record's larger maps.
#[derive(Debug, Default)]
pub struct Keys {
    /// Of what the map is and the key: keyed, so that no producer makes them meet.
    seen: HashSet<u64>,
    state: RandomState,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    Bool(bool),
    Int(i32),
    Long(i64),
    Ulong(u64),
    Text(&'a [u8]),
}

impl Keys {
    /// Forgets an earlier record's.
    pub fn clear(&mut self) {
        if !self.seen.is_empty() {
            self.seen.clear();
        }
    }

    /// Takes in entry `row` of a list whose present map began at entry `first`. A key that came before is odd.
    #[inline(always)]
    pub fn add(&mut self, columns: &Columns, list: u32, key: &Op, first: usize, row: usize) -> Plain<()> {
        if row == first { Ok(()) } else { self.add_further(columns, list, key, first, row) }
    }

    fn add_further(&mut self, columns: &Columns, list: u32, key: &Op, first: usize, row: usize) -> Plain<()> {
        if row - first < SMALL {
            let came_before = match key.action {
                Action::Text => {
                    let keys = &columns.texts[key.column as usize];
                    (first..row).any(|earlier| keys.is_same(earlier, row))
                }
                _ => {
                    let newest = key_of(columns, key, row)?;
                    (first..row).any(|earlier| key_of(columns, key, earlier) == Ok(newest))
                }
            };
            return if came_before { Err(Odd) } else { Ok(()) };
        }
        let from = if row - first == SMALL { first } else { row };
        for row in from..=row {
            let hash = self.state.hash_one((list, first, key_of(columns, key, row)?));
            if !self.seen.insert(hash) {
                return Err(Odd);
            }
        }
        Ok(())
    }
}

fn key_of<'a>(columns: &'a Columns, key: &Op, row: usize) -> Plain<Key<'a>> {
    let at = key.column as usize;
    Ok(match key.action {
        Action::Bool => Key::Bool(columns.flags[at].value(row)),
        Action::Int32 | Action::Sint32 | Action::Sfixed32 => Key::Int(columns.ints[at].get(row).ok_or(Odd)?),
        Action::Uint32 | Action::Fixed32 | Action::Int64 | Action::Sint64 | Action::Sfixed64 => {
            Key::Long(columns.longs[at].get(row).ok_or(Odd)?)
        }
        Action::Uint64 | Action::Fixed64 => Key::Ulong(columns.ulongs[at].get(row).ok_or(Odd)?),
        _ => Key::Text(columns.texts[at].value(row)),
    })
}
