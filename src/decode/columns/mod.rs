//! The buffers of a layout's message columns, and the Arrow arrays they become.
//!
//! Written at a row, in order: [`rows`] → [`buffers`] (numbers, truth values, which messages are there, where lists begin) and [`text`],
//! which keeps strings in a [`heap`] or by their number in a [`dictionary`]. Read at the end of a chunk: [`arrays`], by the tree of
//! columns, with [`unchecked`] for what Arrow would check value by value.

mod arrays;
mod buffers;
mod dictionary;
mod heap;
mod rows;
mod text;
mod unchecked;

pub use arrays::{binaries, finish, strings};
pub use buffers::{Fixed, Flags, List, Marks};
pub use rows::{Odd, Plain};
pub use text::Text;
pub use unchecked::NotUtf8;

use super::program::Place;

/// The buffers, by type. Each belongs to a *space*, whose rows it has: space 0 are the table's rows, space n + 1 the elements of
/// list n. A list comes before all lists inside it.
#[derive(Debug, Default)]
pub struct Columns {
    pub marks: Vec<Marks>,
    pub flags: Vec<Flags>,
    pub ints: Vec<Fixed<i32>>,
    pub longs: Vec<Fixed<i64>>,
    pub ulongs: Vec<Fixed<u64>>,
    pub floats: Vec<Fixed<f32>>,
    pub doubles: Vec<Fixed<f64>>,
    pub texts: Vec<Text>,
    pub lists: Vec<List>,
}

impl Columns {
    /// Whether a row has a value.
    pub fn is_set(&self, place: Place, row: usize) -> bool {
        match place {
            Place::Marks(at) => self.marks[at].is_set(row),
            Place::Flags(at) => self.flags[at].is_set(row),
            Place::Int32(at) => self.ints[at].get(row).is_some(),
            Place::Int64(at) => self.longs[at].get(row).is_some(),
            Place::Uint64(at) => self.ulongs[at].get(row).is_some(),
            Place::Float(at) => self.floats[at].get(row).is_some(),
            Place::Double(at) => self.doubles[at].get(row).is_some(),
            Place::Text(at) => self.texts[at].is_set(row),
            Place::List(at) => self.lists[at].is_open(row),
        }
    }

    /// Takes back everything from row `rows` of the table on.
    pub fn truncate(&mut self, rows: usize) {
        // A list's elements go to where the first row that goes had begun.
        let mut spaces = vec![rows; self.lists.len() + 1];
        for (at, list) in self.lists.iter_mut().enumerate() {
            list.truncate(spaces[list.space]);
            spaces[at + 1] = list.len();
        }
        let Columns { marks, flags, ints, longs, ulongs, floats, doubles, texts, lists: _ } = self;
        marks.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        flags.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        ints.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        longs.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        ulongs.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        floats.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        doubles.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
        texts.iter_mut().for_each(|column| column.truncate(spaces[column.space]));
    }
}
