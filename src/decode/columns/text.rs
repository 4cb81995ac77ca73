//! Strings and bytes: plain, or, as long as few of them differ, by a dictionary.

use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::buffers::{Nulls, Presence};
use super::dictionary::{Dictionary, FEW};
use super::heap::Heap;
use super::rows::{Plain, Starts};

/// How many chunks a column that gave up stays plain before it tries again.
const PATIENCE: u32 = 64;

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

#[cfg(test)]
mod tests {
    use super::super::rows::Odd;
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
