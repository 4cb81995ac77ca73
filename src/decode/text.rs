//! Strings and bytes: plain, or, as long as few of them differ, as numbers in a dictionary that is built while decoding, where
//! each costs a look into a small table instead of a copy.

use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::buffers::{Nulls, Plain, Presence, Rows, Starts};

/// A chunk's dictionary is given up once it holds this many values, and an eighth of the rows.
const FEW: usize = 256;

/// And once its values take this many bytes.
const MOST_BYTES: usize = 64 << 10;

/// How many chunks a column that gave up stays plain before it tries again.
const PATIENCE: u32 = 64;

/// How far a value's place in the table may lie from where its hash says, whatever values a producer finds.
const PROBES: usize = 8;

/// A column of byte strings.
#[derive(Debug)]
pub struct Text {
    pub space: usize,
    presence: Presence,
    /// Where each row begins in `bytes`, while there is no dictionary.
    starts: Starts,
    bytes: Heap,
    dictionary: Option<Box<Dictionary>>,
    /// How many chunks a column without dictionary stays so.
    plain_for: u32,
}

/// The rows as numbers of values, of which each is there once.
#[derive(Debug)]
struct Dictionary {
    /// One more than the number of each row's value, 0 where none was written.
    rows: Rows<i32>,
    /// From values to their numbers: open addressing, 0 for nothing, else one more than the number.
    slots: Box<[u16; SLOTS]>,
    /// By number.
    keys: Vec<Key>,
    /// By number: where each value begins in `bytes`.
    starts: Vec<i32>,
    bytes: Heap,
    /// Whether a value found no place.
    is_full: bool,
}

/// A power of two.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 12;

/// What tells most values apart without a look at their bytes: the length, and the first and the last eight. Up to sixteen bytes
/// that is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    len: usize,
}

impl Key {
    /// Without a branch on the length, which the processor could only guess, where eight bytes can be read whatever it is.
    #[inline(always)]
    fn of(input: &[u8], len: usize) -> Key {
        let mask = u64::MAX >> (u64::BITS - 8 * len.clamp(1, 8) as u32);
        let word = |at: usize| {
            input.get(at..).and_then(|from| from.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes) & mask)
        };
        match (word(0), word(len.max(8) - 8)) {
            (Some(first), Some(last)) if len > 0 => Key { first, last, len },
            _ => {
                let word = input[..len].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
                Key { first: word, last: word, len }
            }
        }
    }

    /// Returns the slot at which a value is looked for first.
    #[inline(always)]
    fn slot(self) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (self.first ^ self.len as u64).wrapping_mul(ODD) ^ self.last.rotate_left(32);
        (mixed.wrapping_mul(ODD) >> (u64::BITS - SLOT_BITS)) as usize
    }
}

/// What a column holds, as Arrow wants it.
pub enum Finished {
    Plain { offsets: OffsetBuffer<i32>, bytes: Buffer, nulls: Nulls },
    Dictionary { ids: ScalarBuffer<i32>, offsets: OffsetBuffer<i32>, bytes: Buffer, nulls: Nulls },
}

impl Text {
    pub fn new(space: usize, explicit: bool) -> Text {
        Text { dictionary: Some(Dictionary::new()), ..Text::plain(space, explicit) }
    }

    /// A column that never tries a dictionary.
    pub fn plain(space: usize, explicit: bool) -> Text {
        Text {
            space,
            presence: Presence::new(explicit),
            starts: Starts::default(),
            bytes: Heap::default(),
            dictionary: None,
            plain_for: u32::MAX,
        }
    }

    /// Writes the first `len` bytes of `input` to a row that has no value yet. What follows them is read, too, where it is
    /// there, and never kept: short values move as whole words.
    #[inline(always)]
    pub fn set(&mut self, row: usize, input: &[u8], len: usize) -> Plain<()> {
        self.presence.set(row);
        let Some(dictionary) = &mut self.dictionary else {
            self.starts.set(row, self.bytes.len())?;
            self.bytes.append(input, len);
            return Ok(());
        };
        let number = dictionary.number(input, len);
        dictionary.rows.set(row, number as i32 + 1)?;
        // A value among the first few is no reason to count.
        if number >= FEW && dictionary.is_too_many() {
            self.give_up();
        }
        Ok(())
    }

    pub fn set_value(&mut self, row: usize, value: &[u8]) -> Plain<()> {
        self.set(row, value, value.len())
    }

    /// Writes the values where their numbers stood.
    #[cold]
    #[inline(never)]
    fn give_up(&mut self) {
        let Some(dictionary) = self.dictionary.take() else { return };
        for (row, after) in dictionary.rows.all().iter().enumerate().filter(|(_, after)| **after != 0) {
            let value = dictionary.value(*after as usize - 1);
            self.starts.set(row, self.bytes.len()).expect("rows stand in order");
            self.bytes.append(value, value.len());
        }
        self.plain_for = PATIENCE;
    }

    pub fn is_set(&self, row: usize) -> bool {
        let rows = self.dictionary.as_ref().map_or(self.starts.len(), |dictionary| dictionary.rows.all().len());
        rows > row && self.presence.get(row)
    }

    /// Whether two rows that are set have the same value. A dictionary holds no value twice.
    pub fn is_same(&self, one: usize, other: usize) -> bool {
        match &self.dictionary {
            Some(dictionary) => dictionary.rows.all()[one] == dictionary.rows.all()[other],
            None => self.value(one) == self.value(other),
        }
    }

    /// Returns the value of a row; of one that was skipped, the empty one.
    pub fn value(&self, row: usize) -> &[u8] {
        match &self.dictionary {
            Some(dictionary) => {
                let number = (dictionary.rows.all()[row] as usize).checked_sub(1);
                number.map_or(&[], |number| dictionary.value(number))
            }
            None => {
                let end = |row| self.starts.from(row).unwrap_or(self.bytes.len());
                &self.bytes.all()[end(row)..end(row + 1)]
            }
        }
    }

    /// A dictionary keeps the values that only truncated rows had; they are few.
    pub fn truncate(&mut self, rows: usize) {
        match &mut self.dictionary {
            Some(dictionary) => dictionary.rows.truncate(rows),
            None => {
                self.bytes.truncate(self.starts.from(rows).unwrap_or(self.bytes.len()));
                self.starts.truncate(rows);
            }
        }
        self.presence.truncate(rows);
    }

    pub fn finish(&mut self, rows: usize) -> Finished {
        let nulls = self.presence.finish(rows);
        if let Some(dictionary) = &mut self.dictionary {
            let (ids, offsets, bytes) = dictionary.finish(rows, matches!(nulls, Nulls::Around(_)));
            return Finished::Dictionary { ids, offsets, bytes, nulls };
        }
        let offsets = self.starts.take(rows, self.bytes.len());
        let bytes = Buffer::from_vec(self.bytes.take());
        if self.plain_for != u32::MAX {
            self.plain_for = self.plain_for.saturating_sub(1);
            self.dictionary = (self.plain_for == 0).then(Dictionary::new);
        }
        Finished::Plain { offsets: OffsetBuffer::new(offsets.into()), bytes, nulls }
    }
}

impl Dictionary {
    fn new() -> Box<Dictionary> {
        Box::new(Dictionary {
            rows: Rows::default(),
            slots: Box::new([0; SLOTS]),
            keys: Vec::new(),
            starts: Vec::new(),
            bytes: Heap::default(),
            is_full: false,
        })
    }

    /// Returns the number of a value, a new one where it is not there yet.
    #[inline(always)]
    fn number(&mut self, input: &[u8], len: usize) -> usize {
        let key = Key::of(input, len);
        let mut slot = key.slot();
        for _ in 0..PROBES {
            let Some(number) = (self.slots[slot] as usize).checked_sub(1) else {
                self.slots[slot] = self.keys.len() as u16 + 1;
                return self.add(key, input, len);
            };
            if self.keys[number] == key && (len <= 16 || self.value(number) == &input[..len]) {
                return number;
            }
            slot = (slot + 1) % SLOTS;
        }
        // A value without a place would be new each time.
        self.is_full = true;
        self.add(key, input, len)
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, key: Key, input: &[u8], len: usize) -> usize {
        self.keys.push(key);
        self.is_full |= self.keys.len() == SLOTS;
        self.starts.push(self.bytes.len() as i32);
        self.bytes.append(input, len);
        self.keys.len() - 1
    }

    #[cold]
    fn is_too_many(&self) -> bool {
        self.is_full || self.keys.len() > self.rows.all().len() / 8 || self.bytes.len() > MOST_BYTES
    }

    fn value(&self, number: usize) -> &[u8] {
        let end = self.starts.get(number + 1).map_or(self.bytes.len(), |end| *end as usize);
        &self.bytes.all()[self.starts[number] as usize..end]
    }

    /// Takes out the rows' numbers and the values. Rows that were skipped are empty, or null whatever stands there.
    fn finish(&mut self, rows: usize, empties: bool) -> (ScalarBuffer<i32>, OffsetBuffer<i32>, Buffer) {
        let mut ids = self.rows.take(rows);
        let empty = if empties && ids.contains(&0) { self.number(&[], 0) as i32 } else { 0 };
        ids.iter_mut().for_each(|id| *id = if *id == 0 { empty } else { *id - 1 });
        self.starts.push(self.bytes.len() as i32);
        let offsets = std::mem::take(&mut self.starts);
        self.slots.fill(0);
        self.keys.clear();
        self.is_full = false;
        (ids.into(), OffsetBuffer::new(offsets.into()), Buffer::from_vec(self.bytes.take()))
    }
}

/// Bytes one behind the other, with room behind them that is written ahead: short values move as one or two whole words.
#[derive(Debug, Default)]
struct Heap {
    /// What counts, and what does not.
    bytes: Vec<u8>,
    len: usize,
}

/// What moves at once.
const WORD: usize = 32;

/// How much is written ahead: little enough to be still in the processor's cache when it is written over.
const AHEAD: usize = 4 << 10;

impl Heap {
    fn len(&self) -> usize {
        self.len
    }

    fn all(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Appends the first `len` bytes of `input`, of which as much as a word may be read beyond.
    #[inline(always)]
    fn append(&mut self, input: &[u8], len: usize) {
        let room = self.bytes.get_mut(self.len..).and_then(|room| room.first_chunk_mut::<{ 2 * WORD }>());
        match (room, input.first_chunk::<{ 2 * WORD }>()) {
            (Some(room), Some(words)) if len <= 2 * WORD => {
                room[..WORD].copy_from_slice(&words[..WORD]);
                if len > WORD {
                    room[WORD..].copy_from_slice(&words[WORD..]);
                }
                self.len += len;
            }
            _ => self.append_slowly(&input[..len]),
        }
    }

    #[inline(never)]
    fn append_slowly(&mut self, value: &[u8]) {
        let end = self.len + value.len();
        if self.bytes.len() < end + 2 * WORD {
            self.bytes.resize(end + AHEAD, 0);
        }
        self.bytes[self.len..end].copy_from_slice(value);
        self.len = end;
    }

    fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Takes the bytes out and leaves room for as many.
    fn take(&mut self) -> Vec<u8> {
        let len = std::mem::take(&mut self.len);
        let mut bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(len + len / 16));
        bytes.truncate(len);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::buffers::Odd;
    use super::*;

    fn rows(finished: Finished) -> Vec<Vec<u8>> {
        let of =
            |offsets: &[i32], bytes: &[u8], at: usize| bytes[offsets[at] as usize..offsets[at + 1] as usize].to_vec();
        match finished {
            Finished::Plain { offsets, bytes, .. } => {
                (0..offsets.len() - 1).map(|row| of(&offsets, &bytes, row)).collect()
            }
            Finished::Dictionary { ids, offsets, bytes, .. } => {
                ids.iter().map(|id| of(&offsets, &bytes, *id as usize)).collect()
            }
        }
    }

    #[test]
    fn few_values_become_a_dictionary_and_many_do_not() {
        let mut text = Text::new(0, false);
        for row in 0..1_000 {
            text.set_value(row, format!("value {}", row % 10).as_bytes()).unwrap();
        }
        let finished = text.finish(1_001);
        assert!(matches!(&finished, Finished::Dictionary { offsets, .. } if offsets.len() == 12));
        let rows_of = rows(finished);
        assert_eq!((rows_of[999].as_slice(), rows_of[1_000].as_slice()), (&b"value 9"[..], &b""[..]));
        for row in 0..1_000 {
            text.set_value(row, format!("a value with more than thirty-two bytes, {row}").as_bytes()).unwrap();
        }
        assert_eq!(text.value(0), b"a value with more than thirty-two bytes, 0");
        let finished = text.finish(1_000);
        assert!(matches!(finished, Finished::Plain { .. }));
        for (row, value) in rows(finished).iter().enumerate() {
            assert_eq!(value, format!("a value with more than thirty-two bytes, {row}").as_bytes());
        }
    }

    #[test]
    fn rows_that_are_skipped_truncated_or_null_are_empty() {
        for mut text in [Text::new(0, true), Text::plain(0, true)] {
            text.set_value(1, b"a").unwrap();
            text.set_value(3, b"gone").unwrap();
            assert_eq!(text.set_value(3, b"b"), Err(Odd));
            text.truncate(3);
            text.set_value(4, b"b").unwrap();
            assert!(text.is_set(4) && !text.is_set(3));
            let (Finished::Plain { nulls, .. } | Finished::Dictionary { nulls, .. }) = text.finish(6);
            let nulls = nulls.within(None).unwrap();
            assert_eq!(nulls.iter().collect::<Vec<_>>(), [false, true, false, false, true, false]);
        }
    }

    #[test]
    fn a_column_of_nulls_needs_no_dictionary_value() {
        let Finished::Dictionary { ids, offsets, .. } = Text::new(0, true).finish(2) else { panic!("no dictionary") };
        assert_eq!((&ids[..], &offsets[..]), (&[0, 0][..], &[0][..]));
    }
}
