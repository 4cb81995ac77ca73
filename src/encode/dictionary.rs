//! The different values of a column, numbered in the order of their first appearance.

use std::hash::{BuildHasher, Hasher};

use arrow_array::DictionaryArray;
use arrow_array::types::Int32Type;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::levels::Live;
use super::plan::Kind;
use super::values::{Strings, Values};

/// A dictionary of more bytes costs its readers more than it saves.
const MOST_BYTES: usize = 1 << 20;

#[derive(Default)]
pub struct Dictionary {
    /// Of a seed of its own, so that nobody can send values that collide. Ids do not depend on it.
    hasher: RandomState,
    ids: HashTable<u32>,
    stored: Stored,
    count: u32,
}

#[derive(Default)]
struct Stored {
    /// The values as the dictionary's page holds them (PLAIN).
    plain: Vec<u8>,
    /// Where each byte string ends in `plain`; nothing for values of fixed width.
    ends: Vec<u32>,
}

impl Stored {
    fn string(&self, id: u32) -> &[u8] {
        let begin = id.checked_sub(1).map_or(0, |before| self.ends[before as usize] as usize);
        // Behind its length.
        &self.plain[begin + 4..self.ends[id as usize] as usize]
    }

    fn push_string(&mut self, value: &[u8]) {
        self.plain.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.plain.extend_from_slice(value);
        self.ends.push(self.plain.len() as u32);
    }
}

impl Dictionary {
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Returns the values as the dictionary's page holds them.
    pub fn page(&self) -> &[u8] {
        &self.stored.plain
    }

    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.ids.allocation_size() + self.stored.plain.capacity() + self.stored.ends.capacity() * 4
    }

    /// Whether it does not pay for a column of so many values.
    pub fn is_too_large_for(&self, values: usize) -> bool {
        self.stored.plain.len() > MOST_BYTES || self.len() > values / 2 && self.len() > 256
    }

    /// Hands on the values one by one, without the lengths of strings.
    pub fn each(&self, mut take: impl FnMut(&[u8])) {
        let Stored { plain, ends } = &self.stored;
        match plain.len().checked_div(self.len()) {
            Some(width) if ends.is_empty() => plain.chunks_exact(width).for_each(take),
            _ => (0..self.count).take(ends.len()).for_each(|id| take(self.stored.string(id))),
        }
    }

    /// Appends the ids of values of that kind.
    pub fn ids_of(&mut self, kind: Kind, values: &Values, ids: &mut Vec<u32>) {
        ids.reserve(values.count);
        match kind {
            Kind::Bytes => values.each(kind, usize::MAX, |value| ids.push(self.id_of_string(value))),
            _ => values.each(kind, usize::MAX, |value| ids.push(self.id_of_fixed(value))),
        }
    }

    /// Appends the ids of the living values of an array that has a dictionary of its own: only what appears of that is looked up,
    /// once each. `known` is workspace.
    pub fn ids_of_keyed(
        &mut self,
        (keyed, strings): (&DictionaryArray<Int32Type>, Strings<'_>),
        live: &Live,
        known: &mut Vec<u32>,
        ids: &mut Vec<u32>,
    ) {
        const UNKNOWN: u32 = u32::MAX;
        known.clear();
        known.resize(strings.len(), UNKNOWN);
        let keys = keyed.keys().values();
        live.extend(ids, |place| {
            let key = keys[place] as usize;
            if known[key] == UNKNOWN {
                known[key] = self.id_of_string(strings.get(key));
            }
            known[key]
        });
    }

    #[inline]
    fn id_of_fixed(&mut self, value: &[u8]) -> u32 {
        let width = value.len();
        self.id(
            value,
            |stored, id| &stored.plain[id as usize * width..][..width],
            |stored| stored.plain.extend_from_slice(value),
        )
    }

    fn id_of_string(&mut self, value: &[u8]) -> u32 {
        self.id(value, Stored::string, |stored| stored.push_string(value))
    }

    /// Returns the id of a value. Where it appears for the first time it gets one, and is stored. `at` finds the value of an id.
    #[inline]
    fn id(&mut self, value: &[u8], at: impl Fn(&Stored, u32) -> &[u8], store: impl FnOnce(&mut Stored)) -> u32 {
        let Dictionary { hasher, ids, stored, count } = self;
        let hash = |value: &[u8]| hash(hasher, value);
        match ids.entry(hash(value), |id| at(stored, *id) == value, |id| hash(at(stored, *id))) {
            Entry::Occupied(id) => *id.get(),
            Entry::Vacant(place) => {
                let id = *count;
                place.insert(id);
                store(stored);
                *count += 1;
                id
            }
        }
    }
}

pub fn hash(hasher: &impl BuildHasher, value: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(value);
    hasher.finish()
}
