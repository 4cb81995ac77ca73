//! What a column writes at a row. It is zeroes ahead of what is written, so that a row that was skipped costs nothing, and the one
//! after it no branch that the processor would have to guess.

use arrow_buffer::{BooleanBuffer, Buffer};

/// The loop leaves a message to the plain reader: something came twice, or the bytes are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

pub type Plain<T> = Result<T, Odd>;

/// A bit for each row. Rows never set are 0, and need not exist.
#[derive(Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    #[inline(always)]
    pub fn set(&mut self, row: usize) {
        let word = row / 64;
        let bit = 1 << (row % 64);
        match self.words.get_mut(word) {
            Some(word) => *word |= bit,
            None => *grow(&mut self.words, word) = bit,
        }
    }

    /// Sets a row that is not yet.
    #[inline(always)]
    pub fn set_once(&mut self, row: usize) -> Plain<()> {
        let word = row / 64;
        let bit = 1 << (row % 64);
        match self.words.get_mut(word) {
            Some(word) if *word & bit != 0 => return Err(Odd),
            Some(word) => *word |= bit,
            None => *grow(&mut self.words, word) = bit,
        }
        Ok(())
    }

    pub fn get(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub fn truncate(&mut self, rows: usize) {
        self.words.truncate(rows.div_ceil(64));
        if let Some(last) = self.words.get_mut(rows / 64) {
            *last &= (1 << (rows % 64)) - 1;
        }
    }

    pub fn finish(&mut self, rows: usize) -> BooleanBuffer {
        let mut words = renewed(&mut self.words, rows.div_ceil(64));
        // Arrow's bits begin with the lowest of the first byte.
        words.iter_mut().for_each(|word| *word = word.to_le());
        BooleanBuffer::new(Buffer::from_vec(words), 0, rows)
    }
}

/// How many rows are zeroes ahead: few enough to be still in the processor's cache when they are written.
const AHEAD: usize = 256;

/// Makes a buffer reach beyond `row`, and returns what stands there.
#[cold]
#[inline(never)]
fn grow<T: Copy + Default>(values: &mut Vec<T>, row: usize) -> &mut T {
    values.resize(row + AHEAD, T::default());
    &mut values[row]
}

/// Takes the first `len` values out and leaves room for about as many, so that the next chunk need not move what it has.
fn renewed<T: Copy + Default>(values: &mut Vec<T>, len: usize) -> Vec<T> {
    let mut taken = std::mem::replace(values, Vec::with_capacity(len + len / 16 + AHEAD));
    taken.resize(len, T::default());
    taken
}

/// A value for each row, the default where none was written.
#[derive(Debug, Default)]
pub struct Rows<T> {
    /// Defaults from `next` on.
    values: Vec<T>,
    /// One behind the last row written.
    next: usize,
}

impl<T: Copy + Default> Rows<T> {
    /// Writes the value of a row, which must stand behind all that were written.
    #[inline(always)]
    pub fn set(&mut self, row: usize, value: T) -> Plain<()> {
        if row < self.next {
            return Err(Odd);
        }
        match self.values.get_mut(row) {
            Some(slot) => *slot = value,
            None => *grow(&mut self.values, row) = value,
        }
        self.next = row + 1;
        Ok(())
    }

    /// Returns the rows up to the last one written.
    pub fn all(&self) -> &[T] {
        &self.values[..self.next]
    }

    pub fn truncate(&mut self, rows: usize) {
        if rows < self.next {
            self.values[rows..self.next].fill(T::default());
            self.next = rows;
        }
    }

    /// Takes out so many rows.
    pub fn take(&mut self, rows: usize) -> Vec<T> {
        self.next = 0;
        renewed(&mut self.values, rows)
    }
}

/// Where each row's part of something longer begins.
#[derive(Debug, Default)]
pub struct Starts {
    /// One more than where, 0 for a row that was skipped.
    after: Rows<i32>,
}

impl Starts {
    /// Writes where the part of a row begins, which must stand behind all that were written.
    #[inline(always)]
    pub fn set(&mut self, row: usize, start: usize) -> Plain<()> {
        self.after.set(row, start as i32 + 1)
    }

    /// Returns how many rows there are up to the last one written.
    pub fn len(&self) -> usize {
        self.after.next
    }

    /// Returns where the first part begins that stands at a row or behind it.
    pub fn from(&self, row: usize) -> Option<usize> {
        self.after.all().get(row..)?.iter().find(|after| **after != 0).map(|after| *after as usize - 1)
    }

    pub fn truncate(&mut self, rows: usize) {
        self.after.truncate(rows);
    }

    /// Takes out where each row begins, and where the last ends, which is at `end`. Skipped ones are empty.
    pub fn take(&mut self, rows: usize, end: usize) -> Vec<i32> {
        let mut starts = self.after.take(rows + 1);
        let mut end = end as i32;
        for start in starts.iter_mut().rev() {
            end = if *start == 0 { end } else { *start - 1 };
            *start = end;
        }
        starts
    }
}
