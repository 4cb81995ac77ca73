//! The loop: one pass over a payload's bytes, from tag to tag, into the buffers of the columns. What it finds odd it leaves to the
//! plain reader, after which the row is begun anew; whether the bytes are canonical it tells in the same pass.

use super::buffers::{Fixed, List, Odd, Plain};
use super::columns::Columns;
use super::program::{Action, NONE, Op, Table};
use super::raw::{RawReason, RawReasons};
use super::varint::{block, fixed32, fixed64, int32, sint32, sint64, tag, uint32, varint};
use super::wire::MOST_NESTED;
use crate::schema::Types;

/// One payload being read.
pub struct Run<'a> {
    pub tables: &'a [Table],
    pub types: &'a Types,
    /// The payload and what lies behind it.
    pub input: &'a [u8],
    pub columns: &'a mut Columns,
    pub keys: &'a mut super::keys::Keys,
    /// Whether each string is checked as it comes, instead of each column at the end of a chunk.
    pub careful: bool,
    pub raw: RawReasons,
    /// Bytes of JSON made.
    pub json: usize,
}

impl Run<'_> {
    /// Reads the root message, `len` bytes from the input's begin, into a row.
    pub fn message(&mut self, len: usize, row: usize) -> Plain<()> {
        self.fields(0, 0, len, row, 0, 0).map(|_| ())
    }

    /// Reads fields from `at` to `end`, or, inside group `group`, to its end tag. Returns the position behind.
    pub(super) fn fields(
        &mut self,
        table: u32,
        mut at: usize,
        end: usize,
        row: usize,
        depth: usize,
        group: u32,
    ) -> Plain<usize> {
        let table = &self.tables[table as usize];
        let mut last = 0;
        // Kept apart from `self` while the loop runs, so that it can stay in a register.
        let mut raw = RawReasons::default();
        loop {
            if at >= end {
                if at > end || group != 0 {
                    return Err(Odd);
                }
                break;
            }
            let (tag, next) = tag(self.input, at, &mut raw)?;
            let op = table.find(tag);
            if op.is_plain {
                raw.add_if(op.number < last, RawReason::FieldOrder);
                at = self.value(op, next, end, row, depth, &mut raw)?;
            } else if op.action == Action::Unknown {
                // 0 stands for no group, and is no number of one.
                if group != 0 && tag == Op::tag(group, 4) {
                    at = next;
                    break;
                }
                raw.add(RawReason::UnknownField);
                at = self.skip(tag, next, end, depth)?;
                continue;
            } else {
                raw.add_if(op.number < last, RawReason::FieldOrder);
                at = self.member_or_element(op, next, end, row, depth, op.number == last)?;
            }
            last = op.number;
        }
        // A group may end where the message around it does, and not behind.
        if at > end || !table.required.iter().all(|place| self.columns.is_set(*place, row)) {
            return Err(Odd);
        }
        self.raw.add_all(raw);
        Ok(at)
    }

    /// Reads a field that stands in a oneof, or has elements, of which the last may have been the field before.
    #[inline(never)]
    fn member_or_element(
        &mut self,
        op: &Op,
        at: usize,
        end: usize,
        row: usize,
        depth: usize,
        goes_on: bool,
    ) -> Plain<usize> {
        let mut raw = RawReasons::default();
        raw.add_if(op.odd_packing, RawReason::Packing);
        let next = if op.packed {
            // One block holds them all.
            raw.add_if(goes_on, RawReason::Packing);
            self.packed(op, at, end, row, &mut raw)?
        } else {
            let mut row = row;
            if op.case != NONE {
                self.columns.ints[op.case as usize].set(row, op.member)?;
            }
            if op.list != NONE {
                row = self.columns.lists[op.list as usize].add(row);
            }
            self.value(op, at, end, row, depth, &mut raw)?
        };
        self.raw.add_all(raw);
        Ok(next)
    }

    /// Reads one value at `at` into a row. It may end behind `end` unless it is a block; whoever goes on from there notices.
    #[inline(always)]
    pub(super) fn value(
        &mut self,
        op: &Op,
        at: usize,
        end: usize,
        row: usize,
        depth: usize,
        raw: &mut RawReasons,
    ) -> Plain<usize> {
        match op.action {
            Action::Text => self.text(op, at, end, row, raw),
            Action::Message { table } => {
                let depth = deeper(depth)?;
                let (begin, end) = block(self.input, at, end, raw)?;
                self.columns.flags[op.column as usize].set(row, true)?;
                self.fields(table, begin, end, row, depth, 0)
            }
            Action::Timestamp => self.timestamp(op, at, end, row, depth),
            Action::Map { table } => self.entry(op, table, at, end, row, depth),
            Action::Group { table } => {
                let depth = deeper(depth)?;
                self.columns.flags[op.column as usize].set(row, true)?;
                self.fields(table, at, end, row, depth, op.number)
            }
            Action::Duration => self.duration(op, at, end, row, depth),
            Action::Wrapper { table } => self.wrapper(table, at, end, row, depth),
            Action::Mask { paths } => self.mask(op, paths, at, end, row, depth),
            Action::Any { table, json } => {
                let depth = deeper(depth)?;
                let (begin, end) = block(self.input, at, end, raw)?;
                self.columns.flags[op.column as usize].set(row, true)?;
                self.fields(table, begin, end, row, depth, 0)?;
                self.any_json(table, json, row)?;
                Ok(end)
            }
            Action::Json { id } => {
                let depth = deeper(depth)?;
                let (begin, end) = block(self.input, at, end, raw)?;
                self.json(op, id, (begin, end), row, depth)?;
                Ok(end)
            }
            Action::JsonGroup { id } => {
                let depth = deeper(depth)?;
                let (inner_end, next) = self.skip_group(op.number, at, end, depth)?;
                self.json(op, id, (at, inner_end), row, depth)?;
                Ok(next)
            }
            Action::Unknown | Action::Unfit => Err(Odd),
            _ => self.scalar(op, at, row, raw),
        }
    }

    #[inline(always)]
    pub(super) fn text(&mut self, op: &Op, at: usize, end: usize, row: usize, raw: &mut RawReasons) -> Plain<usize> {
        let (begin, end) = block(self.input, at, end, raw)?;
        raw.add_if(op.implicit && begin == end, RawReason::Default);
        if self.careful && op.text && std::str::from_utf8(&self.input[begin..end]).is_err() {
            return Err(Odd);
        }
        self.columns.texts[op.column as usize].set(row, &self.input[begin..], end - begin)?;
        Ok(end)
    }

    /// Reads a value of few bytes.
    #[inline(always)]
    pub(super) fn scalar(&mut self, op: &Op, at: usize, row: usize, raw: &mut RawReasons) -> Plain<usize> {
        let column = op.column as usize;
        let Columns { flags, ints, longs, ulongs, floats, doubles, .. } = &mut *self.columns;
        let (is_zero, next) = match op.action {
            Action::Int32 => {
                let (value, next) = int32(self.input, at, raw)?;
                ints[column].set(row, value)?;
                (value == 0, next)
            }
            Action::Sint32 => {
                let (value, next) = sint32(self.input, at, raw)?;
                ints[column].set(row, value)?;
                (value == 0, next)
            }
            Action::Uint32 => {
                let (value, next) = uint32(self.input, at, raw)?;
                longs[column].set(row, i64::from(value))?;
                (value == 0, next)
            }
            Action::Int64 => {
                let (bits, next) = varint(self.input, at, raw)?;
                longs[column].set(row, bits as i64)?;
                (bits == 0, next)
            }
            Action::Sint64 => {
                let (value, next) = sint64(self.input, at, raw)?;
                longs[column].set(row, value)?;
                (value == 0, next)
            }
            Action::Uint64 => {
                let (bits, next) = varint(self.input, at, raw)?;
                ulongs[column].set(row, bits)?;
                (bits == 0, next)
            }
            Action::Bigint => {
                let (bits, next) = varint(self.input, at, raw)?;
                self.long_or_null(op, i64::try_from(bits).ok(), row)?;
                (bits == 0, next)
            }
            Action::Bool => {
                let (bits, next) = varint(self.input, at, raw)?;
                raw.add_if(bits > 1, RawReason::Varint);
                flags[column].set(row, bits != 0)?;
                (bits == 0, next)
            }
            // The bits decide: -0.0 is no default.
            Action::Double => {
                let (bytes, next) = fixed64(self.input, at)?;
                doubles[column].set(row, f64::from_le_bytes(bytes))?;
                (bytes == [0; 8], next)
            }
            Action::Float => {
                let (bytes, next) = fixed32(self.input, at)?;
                floats[column].set(row, f32::from_le_bytes(bytes))?;
                (bytes == [0; 4], next)
            }
            Action::Fixed32 => {
                let (bytes, next) = fixed32(self.input, at)?;
                longs[column].set(row, i64::from(u32::from_le_bytes(bytes)))?;
                (bytes == [0; 4], next)
            }
            Action::Sfixed32 => {
                let (bytes, next) = fixed32(self.input, at)?;
                ints[column].set(row, i32::from_le_bytes(bytes))?;
                (bytes == [0; 4], next)
            }
            Action::Fixed64 => {
                let (bytes, next) = fixed64(self.input, at)?;
                ulongs[column].set(row, u64::from_le_bytes(bytes))?;
                (bytes == [0; 8], next)
            }
            Action::Sfixed64 => {
                let (bytes, next) = fixed64(self.input, at)?;
                longs[column].set(row, i64::from_le_bytes(bytes))?;
                (bytes == [0; 8], next)
            }
            Action::FixedBigint => {
                let (bytes, next) = fixed64(self.input, at)?;
                self.long_or_null(op, i64::try_from(u64::from_le_bytes(bytes)).ok(), row)?;
                (bytes == [0; 8], next)
            }
            _ => return Err(Odd),
        };
        raw.add_if(op.implicit && is_zero, RawReason::Default);
        Ok(next)
    }

    /// Writes a value of 64 signed bits; one beyond its column is null, but for an element, which may not be.
    pub(super) fn long_or_null(&mut self, op: &Op, value: Option<i64>, row: usize) -> Plain<()> {
        let column = &mut self.columns.longs[op.column as usize];
        match value {
            Some(value) => column.set(row, value),
            None if op.strict => Err(Odd),
            None => {
                self.raw.add(RawReason::Range);
                column.set_null(row)
            }
        }
    }

    /// Reads a block of numbers. Those most often packed have a loop of their own.
    fn packed(&mut self, op: &Op, at: usize, end: usize, row: usize, raw: &mut RawReasons) -> Plain<usize> {
        let (mut at, end) = block(self.input, at, end, raw)?;
        raw.add_if(at == end, RawReason::Packing);
        let (input, column) = (self.input, op.column as usize);
        let Columns { lists, ints, longs, .. } = &mut *self.columns;
        let list = &mut lists[op.list as usize];
        match op.action {
            Action::Int32 => {
                let read = |at, raw: &mut RawReasons| int32(input, at, raw);
                at = all(list, row, &mut ints[column], at, end, raw, read)?;
            }
            Action::Int64 => {
                let read = |at, raw: &mut RawReasons| varint(input, at, raw).map(|(bits, next)| (bits as i64, next));
                at = all(list, row, &mut longs[column], at, end, raw, read)?;
            }
            _ => {
                while at < end {
                    let row = self.columns.lists[op.list as usize].add(row);
                    at = self.scalar(op, at, row, raw)?;
                }
            }
        }
        if at == end { Ok(at) } else { Err(Odd) }
    }

    /// Passes over an unknown field.
    pub(super) fn skip(&mut self, tag: u32, at: usize, end: usize, depth: usize) -> Plain<usize> {
        match tag & 7 {
            // No field has number 0.
            _ if tag < 8 => Err(Odd),
            0 => varint(self.input, at, &mut self.raw).map(|(_, next)| next),
            1 => Ok(at + 8),
            2 => block(self.input, at, end, &mut self.raw).map(|(_, end)| end),
            3 => self.skip_group(tag >> 3, at, end, deeper(depth)?).map(|(_, next)| next),
            5 => Ok(at + 4),
            _ => Err(Odd),
        }
    }

    /// Returns where a group's end tag begins, and where it ends.
    fn skip_group(&mut self, number: u32, mut at: usize, end: usize, depth: usize) -> Plain<(usize, usize)> {
        while at < end {
            let (tag, next) = tag(self.input, at, &mut self.raw)?;
            if tag == Op::tag(number, 4) {
                return Ok((at, next));
            }
            at = self.skip(tag, next, end, depth)?;
        }
        Err(Odd)
    }
}

/// Reads numbers from `at` to `end` into the elements of a row.
#[inline(always)]
fn all<T: Copy + Default>(
    list: &mut List,
    row: usize,
    column: &mut Fixed<T>,
    mut at: usize,
    end: usize,
    raw: &mut RawReasons,
    read: impl Fn(usize, &mut RawReasons) -> Plain<(T, usize)>,
) -> Plain<usize> {
    while at < end {
        let (value, next) = read(at, raw)?;
        column.set(list.add(row), value)?;
        at = next;
    }
    Ok(at)
}

pub(super) fn deeper(depth: usize) -> Plain<usize> {
    if depth < MOST_NESTED { Ok(depth + 1) } else { Err(Odd) }
}
