//! Columns that hold no strings: numbers, truth values, which messages are there, and where lists begin; and which of their rows are
//! null.

use arrow_buffer::{BooleanBuffer, NullBuffer};

use super::rows::{Bits, Odd, Plain, Rows, Starts};

/// Which rows of a column hold a value.
#[derive(Debug)]
pub enum Presence {
    /// All whose message is there: the column has no nulls of its own.
    Implicit,
    /// The same, but for rows whose value is beyond the column.
    Unless(Bits),
    Explicit(Bits),
}

impl Presence {
    pub fn new(explicit: bool) -> Presence {
        if explicit { Presence::Explicit(Bits::default()) } else { Presence::Implicit }
    }

    #[inline(always)]
    pub fn set(&mut self, row: usize) {
        if let Presence::Explicit(bits) = self {
            bits.set(row);
        }
    }

    pub fn get(&self, row: usize) -> bool {
        match self {
            Presence::Implicit => true,
            Presence::Unless(bits) => !bits.get(row),
            Presence::Explicit(bits) => bits.get(row),
        }
    }

    pub fn truncate(&mut self, rows: usize) {
        if let Presence::Explicit(bits) | Presence::Unless(bits) = self {
            bits.truncate(rows);
        }
    }

    pub fn finish(&mut self, rows: usize) -> Nulls {
        match self {
            Presence::Implicit => Nulls::Around(None),
            Presence::Unless(bits) => Nulls::Around(Some(NullBuffer::new(!&bits.finish(rows)))),
            Presence::Explicit(bits) => Nulls::Own(NullBuffer::new(bits.finish(rows))),
        }
    }
}

/// The nulls of a finished column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Those of the message around it, and what else is null.
    Around(Option<NullBuffer>),
    Own(NullBuffer),
}

impl Nulls {
    pub fn within(&self, around: Option<&NullBuffer>) -> Option<NullBuffer> {
        let nulls = match self {
            Nulls::Around(others) => NullBuffer::union(around, others.as_ref()),
            Nulls::Own(nulls) => Some(nulls.clone()),
        };
        nulls.filter(|nulls| nulls.null_count() > 0)
    }
}

/// Values of one width.
#[derive(Debug)]
pub struct Fixed<T> {
    /// Whose rows: see [`super::Columns`].
    pub space: usize,
    /// Without regard to presence, which elements do not have.
    pub values: Rows<T>,
    presence: Presence,
}

impl<T: Copy + Default> Fixed<T> {
    pub fn new(space: usize, explicit: bool) -> Fixed<T> {
        Fixed { space, values: Rows::default(), presence: Presence::new(explicit) }
    }

    /// A column without presence that does not hold every value.
    pub fn narrow(space: usize) -> Fixed<T> {
        Fixed { space, values: Rows::default(), presence: Presence::Unless(Bits::default()) }
    }

    /// Writes the value of a row that has none yet.
    #[inline(always)]
    pub fn set(&mut self, row: usize, value: T) -> Plain<()> {
        self.values.set(row, value)?;
        self.presence.set(row);
        Ok(())
    }

    /// Writes that a row's value is beyond the column.
    pub fn set_null(&mut self, row: usize) -> Plain<()> {
        self.values.set(row, T::default())?;
        if let Presence::Unless(bits) = &mut self.presence {
            bits.set(row);
        }
        Ok(())
    }

    /// Returns the value of a row, if one was written.
    pub fn get(&self, row: usize) -> Option<T> {
        self.values.all().get(row).copied().filter(|_| self.presence.get(row))
    }

    pub fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.presence.truncate(rows);
    }

    pub fn finish(&mut self, rows: usize) -> (Vec<T>, Nulls) {
        (self.values.take(rows), self.presence.finish(rows))
    }
}

/// The presence of messages, whose value is that they are there.
#[derive(Debug)]
pub struct Marks {
    pub space: usize,
    bits: Bits,
}

impl Marks {
    pub fn new(space: usize) -> Marks {
        Marks { space, bits: Bits::default() }
    }

    #[inline(always)]
    pub fn set(&mut self, row: usize) -> Plain<()> {
        self.bits.set_once(row)
    }

    pub fn is_set(&self, row: usize) -> bool {
        self.bits.get(row)
    }

    pub fn truncate(&mut self, rows: usize) {
        self.bits.truncate(rows);
    }

    pub fn finish(&mut self, rows: usize) -> NullBuffer {
        NullBuffer::new(self.bits.finish(rows))
    }
}

/// Truth values.
#[derive(Debug)]
pub struct Flags {
    pub space: usize,
    /// One behind the last row written.
    next: usize,
    values: Bits,
    presence: Presence,
}

impl Flags {
    pub fn new(space: usize, explicit: bool) -> Flags {
        Flags { space, next: 0, values: Bits::default(), presence: Presence::new(explicit) }
    }

    #[inline(always)]
    pub fn set(&mut self, row: usize, value: bool) -> Plain<()> {
        if row < self.next {
            return Err(Odd);
        }
        self.next = row + 1;
        if value {
            self.values.set(row);
        }
        self.presence.set(row);
        Ok(())
    }

    pub fn is_set(&self, row: usize) -> bool {
        row < self.next && self.presence.get(row)
    }

    /// Returns the value of a row that is set.
    pub fn value(&self, row: usize) -> bool {
        self.values.get(row)
    }

    pub fn truncate(&mut self, rows: usize) {
        self.next = self.next.min(rows);
        self.values.truncate(rows);
        self.presence.truncate(rows);
    }

    pub fn finish(&mut self, rows: usize) -> (BooleanBuffer, Nulls) {
        self.next = 0;
        (self.values.finish(rows), self.presence.finish(rows))
    }
}

/// Where each row's elements begin among all elements.
#[derive(Debug)]
pub struct List {
    pub space: usize,
    starts: Starts,
    /// How many elements there are.
    len: usize,
    /// The first of the row that was begun last.
    first: usize,
    presence: Presence,
}

impl List {
    pub fn new(space: usize, explicit: bool) -> List {
        List { space, starts: Starts::default(), len: 0, first: 0, presence: Presence::new(explicit) }
    }

    /// Adds an element to a row and returns which it is.
    #[inline(always)]
    pub fn add(&mut self, row: usize) -> usize {
        self.open(row);
        self.len += 1;
        self.len - 1
    }

    /// Begins a row like [`open`](Self::open) and returns which element its next is.
    #[inline(always)]
    pub fn begin(&mut self, row: usize) -> usize {
        self.open(row);
        self.len
    }

    /// Takes in how many elements there are after some were added to the row begun last.
    pub fn end(&mut self, len: usize) {
        self.len = len;
    }

    /// Begins a row, if it is not the one the list stands at; it may stay empty.
    #[inline(always)]
    pub fn open(&mut self, row: usize) {
        if self.starts.set(row, self.len).is_ok() {
            self.first = self.len;
            self.presence.set(row);
        }
    }

    /// Whether the row was begun, which is the last.
    pub fn is_open(&self, row: usize) -> bool {
        self.starts.len() > row
    }

    /// Returns the first element of the row that was begun last.
    pub fn first(&self) -> usize {
        self.first
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn truncate(&mut self, rows: usize) {
        if let Some(start) = self.starts.from(rows) {
            self.len = start;
            self.starts.truncate(rows);
        }
        self.presence.truncate(rows);
    }

    /// Returns the offsets, one more than rows.
    pub fn finish(&mut self, rows: usize) -> (Vec<i32>, Nulls) {
        (self.starts.take(rows, std::mem::take(&mut self.len)), self.presence.finish(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_rows_are_filled_and_a_row_is_written_once() {
        let mut ages = Fixed::<i64>::new(0, true);
        assert_eq!(ages.set(2, 7), Ok(()));
        assert_eq!(ages.set(2, 8), Err(Odd));
        assert_eq!(ages.set(1, 8), Err(Odd));
        assert_eq!((ages.get(1), ages.get(2), ages.get(3)), (None, Some(7), None));
        let (values, nulls) = ages.finish(4);
        assert_eq!(values, [0, 0, 7, 0]);
        assert_eq!(nulls.within(None).unwrap().iter().collect::<Vec<_>>(), [false, false, true, false]);
        assert_eq!(ages.finish(1).0, [0]);
    }

    #[test]
    fn truncating_leaves_no_trace() {
        let (mut fixed, mut flags, mut list) = (Fixed::<i32>::new(0, true), Flags::new(0, true), List::new(0, false));
        for row in 0..70 {
            fixed.set(row, row as i32).unwrap();
            flags.set(row, true).unwrap();
            list.add(row);
        }
        fixed.truncate(65);
        flags.truncate(65);
        list.truncate(65);
        assert_eq!((fixed.get(64), fixed.get(65), list.len()), (Some(64), None, 65));
        assert!(flags.is_set(64) && !flags.is_set(65));
        let (values, nulls) = flags.finish(70);
        assert_eq!((values.count_set_bits(), nulls.within(None).unwrap().null_count()), (65, 5));
        assert_eq!(list.finish(66).0[64..], [64, 65, 65]);
    }

    #[test]
    fn implicit_values_are_null_where_their_message_is() {
        let around = NullBuffer::from(vec![true, false, true]);
        let mut fixed = Fixed::<i32>::new(0, false);
        assert_eq!(fixed.finish(3).1.within(Some(&around)).unwrap(), around);
        let mut narrow = Fixed::<i32>::narrow(0);
        narrow.set_null(2).unwrap();
        assert_eq!(narrow.set(2, 7), Err(Odd));
        let nulls = narrow.finish(3).1.within(Some(&around)).unwrap();
        assert_eq!(nulls.iter().collect::<Vec<_>>(), [true, false, false]);
    }
}
