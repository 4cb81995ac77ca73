//! The loop: one pass over a payload's bytes, from tag to tag, into the buffers of the columns. What it finds odd it leaves to the
//! plain reader, after which the row is begun anew; whether the bytes are canonical it tells in the same pass.

use super::buffers::{Odd, Plain};
use super::columns::Columns;
use super::program::{Action, NONE, Op, Table};
use super::raw::{RawReason, RawReasons};
use super::varint::{block, fixed32, fixed64, tag, varint};
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
            Action::Any { url, value, json, id } => {
                let depth = deeper(depth)?;
                let (begin, end) = block(self.input, at, end, raw)?;
                self.columns.flags[op.column as usize].set(row, true)?;
                self.any(id, [url, value, json], (begin, end), row, depth)?;
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
        match op.action {
            Action::Int32 => {
                let (bits, next) = varint(self.input, at, raw)?;
                let value = bits as i32;
                raw.add_if(i64::from(value) as u64 != bits, RawReason::Varint);
                raw.add_if(op.implicit && value == 0, RawReason::Default);
                self.columns.ints[column].set(row, value)?;
                Ok(next)
            }
            Action::Sint32 => {
                let (bits, next) = varint(self.input, at, raw)?;
                let low = bits as u32;
                raw.add_if(u64::from(low) != bits, RawReason::Varint);
                raw.add_if(op.implicit && low == 0, RawReason::Default);
                self.columns.ints[column].set(row, (low >> 1) as i32 ^ -((low & 1) as i32))?;
                Ok(next)
            }
            Action::Uint32 => {
                let (bits, next) = varint(self.input, at, raw)?;
                let low = bits as u32;
                raw.add_if(u64::from(low) != bits, RawReason::Varint);
                raw.add_if(op.implicit && low == 0, RawReason::Default);
                self.columns.longs[column].set(row, i64::from(low))?;
                Ok(next)
            }
            Action::Int64 => {
                let (bits, next) = varint(self.input, at, raw)?;
                raw.add_if(op.implicit && bits == 0, RawReason::Default);
                self.columns.longs[column].set(row, bits as i64)?;
                Ok(next)
            }
            Action::Sint64 => {
                let (bits, next) = varint(self.input, at, raw)?;
                raw.add_if(op.implicit && bits == 0, RawReason::Default);
                self.columns.longs[column].set(row, (bits >> 1) as i64 ^ -((bits & 1) as i64))?;
                Ok(next)
            }
            Action::Uint64 => {
                let (bits, next) = varint(self.input, at, raw)?;
                raw.add_if(op.implicit && bits == 0, RawReason::Default);
                self.columns.ulongs[column].set(row, bits)?;
                Ok(next)
            }
            Action::Bigint => {
                let (bits, next) = varint(self.input, at, raw)?;
                self.bigint(op, bits, row, raw)?;
                Ok(next)
            }
            Action::Bool => {
                let (bits, next) = varint(self.input, at, raw)?;
                raw.add_if(bits > 1, RawReason::Varint);
                raw.add_if(op.implicit && bits == 0, RawReason::Default);
                self.columns.flags[column].set(row, bits != 0)?;
                Ok(next)
            }
            Action::Double => {
                let (bytes, next) = fixed64(self.input, at)?;
                raw.add_if(op.implicit && bytes == [0; 8], RawReason::Default);
                self.columns.doubles[column].set(row, f64::from_le_bytes(bytes))?;
                Ok(next)
            }
            Action::Float => {
                let (bytes, next) = fixed32(self.input, at)?;
                raw.add_if(op.implicit && bytes == [0; 4], RawReason::Default);
                self.columns.floats[column].set(row, f32::from_le_bytes(bytes))?;
                Ok(next)
            }
            Action::Fixed32 => {
                let (bytes, next) = fixed32(self.input, at)?;
                raw.add_if(op.implicit && bytes == [0; 4], RawReason::Default);
                self.columns.longs[column].set(row, i64::from(u32::from_le_bytes(bytes)))?;
                Ok(next)
            }
            Action::Sfixed32 => {
                let (bytes, next) = fixed32(self.input, at)?;
                raw.add_if(op.implicit && bytes == [0; 4], RawReason::Default);
                self.columns.ints[column].set(row, i32::from_le_bytes(bytes))?;
                Ok(next)
            }
            Action::Fixed64 => {
                let (bytes, next) = fixed64(self.input, at)?;
                raw.add_if(op.implicit && bytes == [0; 8], RawReason::Default);
                self.columns.ulongs[column].set(row, u64::from_le_bytes(bytes))?;
                Ok(next)
            }
            Action::Sfixed64 => {
                let (bytes, next) = fixed64(self.input, at)?;
                raw.add_if(op.implicit && bytes == [0; 8], RawReason::Default);
                self.columns.longs[column].set(row, i64::from_le_bytes(bytes))?;
                Ok(next)
            }
            Action::FixedBigint => {
                let (bytes, next) = fixed64(self.input, at)?;
                self.bigint(op, u64::from_le_bytes(bytes), row, raw)?;
                Ok(next)
            }
            _ => Err(Odd),
        }
    }

    /// uint64 as 64 signed bits: null beyond, but in a list or map, where nothing may be null.
    fn bigint(&mut self, op: &Op, bits: u64, row: usize, raw: &mut RawReasons) -> Plain<()> {
        raw.add_if(op.implicit && bits == 0, RawReason::Default);
        match i64::try_from(bits) {
            Ok(value) => self.columns.longs[op.column as usize].set(row, value),
            Err(_) => self.beyond(op, row),
        }
    }

    /// A value beyond its column.
    pub(super) fn beyond(&mut self, op: &Op, row: usize) -> Plain<()> {
        if op.strict {
            return Err(Odd);
        }
        self.raw.add(RawReason::Range);
        self.columns.longs[op.column as usize].set_null(row)
    }

    fn packed(&mut self, op: &Op, at: usize, end: usize, row: usize, raw: &mut RawReasons) -> Plain<usize> {
        let (mut at, end) = block(self.input, at, end, raw)?;
        raw.add_if(at == end, RawReason::Packing);
        while at < end {
            let row = self.columns.lists[op.list as usize].add(row);
            at = self.scalar(op, at, row, raw)?;
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

pub(super) fn deeper(depth: usize) -> Plain<usize> {
    if depth < MOST_NESTED { Ok(depth + 1) } else { Err(Odd) }
}
