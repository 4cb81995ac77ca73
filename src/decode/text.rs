//! Strings and bytes: plain, or, as long as few of them differ, as numbers in a dictionary that is built while decoding, where
//! each costs a look into a small table instead of a copy.

use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::buffers::{Nulls, Odd, Plain, Presence, room_for};

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
    /// Plain: where each row begins in `bytes`. Dictionary: where each of its values does.
    starts: Vec<i32>,
    bytes: Vec<u8>,
    presence: Presence,
    /// The rows' numbers, while there is a dictionary.
    ids: Vec<i32>,
    dictionary: Option<Dictionary>,
    /// How many chunks a column without dictionary stays so.
    plain_for: u32,
}

/// From values to their numbers: open addressing, 0 for nothing, else one more than the number.
#[derive(Debug)]
struct Dictionary {
    slots: Box<[u16; SLOTS]>,
    /// By number.
    keys: Vec<Key>,
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
    #[inline(always)]
    fn of(input: &[u8], len: usize) -> Key {
        let word =
            |at: usize| input.get(at..).and_then(|from| from.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes));
        if let (true, Some(first), Some(last)) = (len >= 8, word(0), word(len.wrapping_sub(8))) {
            return Key { first, last, len };
        }
        let first = match word(0) {
            Some(first) => first & !(u64::MAX << (8 * len as u32 % 64)),
            None => input[..len].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        Key { first, last: 0, len }
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
            starts: Vec::new(),
            bytes: Vec::new(),
            presence: Presence::new(explicit),
            ids: Vec::new(),
            dictionary: None,
            plain_for: u32::MAX,
        }
    }

    /// Writes the first `len` bytes of `input` to a row that has no value yet. What follows them is read, too, where it is
    /// there, and never kept: short values move as whole words.
    #[inline(always)]
    pub fn set(&mut self, row: usize, input: &[u8], len: usize) -> Plain<()> {
        self.presence.set(row);
        if self.dictionary.is_some() {
            return self.number(row, input, len);
        }
        if self.starts.len() != row {
            self.fill(row)?;
        }
        self.starts.push(self.bytes.len() as i32);
        append(&mut self.bytes, input, len);
        Ok(())
    }

    pub fn set_value(&mut self, row: usize, value: &[u8]) -> Plain<()> {
        self.set(row, value, value.len())
    }

    #[inline(never)]
    fn fill(&mut self, rows: usize) -> Plain<()> {
        if self.starts.len() > rows {
            return Err(Odd);
        }
        self.starts.resize(rows, self.bytes.len() as i32);
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, row: usize, input: &[u8], len: usize) -> Plain<()> {
        if self.ids.len() != row {
            self.fill_numbers(row)?;
        }
        let id = self.intern(input, len);
        self.ids.push(id);
        // A value among the first few is no reason to count.
        if id >= FEW as i32 && self.is_too_many() {
            self.give_up();
        }
        Ok(())
    }

    fn is_too_many(&self) -> bool {
        let is_full = self.dictionary.as_ref().is_some_and(|dictionary| dictionary.is_full);
        is_full || self.starts.len() > self.ids.len() / 8 || self.bytes.len() > MOST_BYTES
    }

    #[inline(never)]
    fn fill_numbers(&mut self, rows: usize) -> Plain<()> {
        if self.ids.len() > rows {
            return Err(Odd);
        }
        // What no row of the wire said is the empty value, or null whatever stands here.
        let explicit = matches!(self.presence, Presence::Explicit(_));
        let empty = if explicit { 0 } else { self.intern(&[], 0) };
        self.ids.resize(rows, empty);
        Ok(())
    }

    /// Returns the number of a value, a new one where the dictionary does not hold it.
    #[inline(always)]
    fn intern(&mut self, input: &[u8], len: usize) -> i32 {
        let dictionary = self.dictionary.as_mut().expect("numbers are given while there is a dictionary");
        let key = Key::of(input, len);
        let mut slot = key.slot();
        for _ in 0..PROBES {
            let Some(id) = (dictionary.slots[slot] as usize).checked_sub(1) else {
                dictionary.slots[slot] = self.starts.len() as u16 + 1;
                return self.grow(key, input, len);
            };
            if dictionary.keys[id] == key && (len <= 16 || value_at(&self.starts, &self.bytes, id) == &input[..len]) {
                return id as i32;
            }
            slot = (slot + 1) % SLOTS;
        }
        // A value without a place would be new each time.
        dictionary.is_full = true;
        self.grow(key, input, len)
    }

    #[inline(never)]
    fn grow(&mut self, key: Key, input: &[u8], len: usize) -> i32 {
        if let Some(dictionary) = &mut self.dictionary {
            dictionary.keys.push(key);
            dictionary.is_full |= dictionary.keys.len() == SLOTS;
        }
        self.starts.push(self.bytes.len() as i32);
        append(&mut self.bytes, input, len);
        self.starts.len() as i32 - 1
    }

    /// Writes the values where their numbers stood.
    #[inline(never)]
    fn give_up(&mut self) {
        let (starts, bytes) = (std::mem::take(&mut self.starts), std::mem::take(&mut self.bytes));
        for row in 0..self.ids.len() {
            self.starts.push(self.bytes.len() as i32);
            if self.presence.get(row) {
                self.bytes.extend_from_slice(value_at(&starts, &bytes, self.ids[row] as usize));
            }
        }
        self.ids.clear();
        self.dictionary = None;
        self.plain_for = PATIENCE;
    }

    pub fn is_set(&self, row: usize) -> bool {
        let rows = if self.dictionary.is_some() { self.ids.len() } else { self.starts.len() };
        rows > row && self.presence.get(row)
    }

    /// Whether two rows that are set have the same value. A dictionary holds no value twice.
    pub fn is_same(&self, one: usize, other: usize) -> bool {
        if self.dictionary.is_some() { self.ids[one] == self.ids[other] } else { self.value(one) == self.value(other) }
    }

    /// Returns the value of a row that is set.
    pub fn value(&self, row: usize) -> &[u8] {
        let at = if self.dictionary.is_some() { self.ids[row] as usize } else { row };
        value_at(&self.starts, &self.bytes, at)
    }

    /// A dictionary keeps the values that only truncated rows had; they are few.
    pub fn truncate(&mut self, rows: usize) {
        if self.dictionary.is_some() {
            self.ids.truncate(rows);
        } else if let Some(start) = self.starts.get(rows) {
            self.bytes.truncate(*start as usize);
            self.starts.truncate(rows);
        }
        self.presence.truncate(rows);
    }

    pub fn finish(&mut self, rows: usize) -> Finished {
        if self.dictionary.is_some() && self.ids.len() < rows {
            self.fill_numbers(rows).expect("no row stands behind the last");
        }
        let (values, length) = (self.starts.len(), self.bytes.len());
        let mut offsets = std::mem::replace(&mut self.starts, room_for(values));
        let bytes = Buffer::from_vec(std::mem::replace(&mut self.bytes, room_for(length)));
        let nulls = self.presence.finish(rows);
        if let Some(dictionary) = &mut self.dictionary {
            dictionary.slots.fill(0);
            dictionary.keys.clear();
            dictionary.is_full = false;
            offsets.push(length as i32);
            let ids = std::mem::replace(&mut self.ids, room_for(rows)).into();
            return Finished::Dictionary { ids, offsets: OffsetBuffer::new(offsets.into()), bytes, nulls };
        }
        offsets.resize(rows + 1, length as i32);
        if self.plain_for != u32::MAX {
            self.plain_for = self.plain_for.saturating_sub(1);
            self.dictionary = (self.plain_for == 0).then(Dictionary::new);
        }
        Finished::Plain { offsets: OffsetBuffer::new(offsets.into()), bytes, nulls }
    }
}

impl Dictionary {
    fn new() -> Dictionary {
        Dictionary { slots: Box::new([0; SLOTS]), keys: Vec::new(), is_full: false }
    }
}

fn value_at<'a>(starts: &[i32], bytes: &'a [u8], at: usize) -> &'a [u8] {
    let end = starts.get(at + 1).map_or(bytes.len(), |end| *end as usize);
    &bytes[starts[at] as usize..end]
}

#[inline(always)]
fn append(bytes: &mut Vec<u8>, input: &[u8], len: usize) {
    let end = bytes.len() + len;
    match (input.first_chunk::<32>(), input.first_chunk::<64>()) {
        (Some(words), _) if len <= 32 => bytes.extend_from_slice(words),
        (_, Some(words)) if len <= 64 => bytes.extend_from_slice(words),
        _ => bytes.extend_from_slice(&input[..len]),
    }
    bytes.truncate(end);
}

#[cfg(test)]
mod tests {
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
