//! The loop: one pass over a payload's bytes, from tag to tag, into the buffers of the columns. What it finds odd it leaves to the
//! plain reader, after which the row is begun anew; whether the bytes are canonical it tells in the same pass.

use super::buffers::{Fixed, List, Odd, Plain};
use super::columns::Columns;
use super::program::{Action, NONE, Op, Table};
use super::raw::{RawReason, RawReasons};
use super::varint::{Rest, block, fixed, int32, sint32, sint64, tag, uint32, varint};
use super::wire::MOST_NESTED;
use crate::schema::Types;

/// One payload being read.
pub struct Run<'a> {
    pub tables: &'a [Table],
    pub types: &'a Types,
    pub columns: &'a mut Columns,
    pub keys: &'a mut super::keys::Keys,
    /// Whether each string is checked as it comes, instead of each column at the end of a chunk.
    pub careful: bool,
    pub raw: RawReasons,
    /// Bytes of JSON made.
    pub json: usize,
}

impl<'a> Run<'a> {
    /// Reads the root message, the first `len` bytes of the input, into a row.
    pub fn message(&mut self, input: Rest<'a>, len: usize, row: usize) -> Plain<()> {
        self.fields(0, input, input.len() - len, row, 0, 0).map(|_| ())
    }

    /// Reads fields until only the last `after` bytes of the input are left, or, inside group `group`, to its end tag. Returns what
    /// follows.
    pub(super) fn fields(
        &mut self,
        table: u32,
        mut rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
        mut group: u32,
    ) -> Plain<Rest<'a>> {
        let table = &self.tables[table as usize];
        let mut last = 0;
        // Kept apart from `self` while the loop runs, so that it can stay in a register.
        let mut raw = RawReasons::default();
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut raw)?;
            let op = table.find(tag);
            if op.is_plain {
                rest = self.value(op, next, after, row, depth, &mut raw)?;
            } else if op.action == Action::Unknown {
                // 0 stands for no group, and is no number of one.
                if group != 0 && tag == Op::tag(group, 4) {
                    rest = next;
                    group = 0;
                    break;
                }
                raw.add(RawReason::UnknownField);
                rest = self.skip(tag, next, after, depth)?;
                continue;
            } else {
                // One block holds them all.
                raw.add_if(op.packed && op.number == last, RawReason::Packing);
                rest = self.member_or_elements(op, tag, next, after, row, depth)?;
            }
            raw.add_if(op.number < last, RawReason::FieldOrder);
            last = op.number;
        }
        // A group may end where the message around it does, and not behind.
        if rest.len() < after || group != 0 || !table.required.iter().all(|place| self.columns.is_set(*place, row)) {
            return Err(Odd);
        }
        self.raw.add_all(raw);
        Ok(rest)
    }

    /// Reads a field that stands in a oneof, does not fit, or has elements: as many as follow each other.
    #[inline(never)]
    fn member_or_elements(
        &mut self,
        op: &Op,
        tag_of_it: u32,
        mut rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
    ) -> Plain<Rest<'a>> {
        let mut raw = RawReasons::default();
        raw.add_if(op.odd_packing, RawReason::Packing);
        if op.packed {
            rest = self.packed(op, rest, after, row, &mut raw)?;
        } else if op.list == NONE {
            if op.case != NONE {
                self.columns.ints[op.case as usize].set(row, op.member)?;
            }
            rest = self.value(op, rest, after, row, depth, &mut raw)?;
        } else {
            loop {
                let element = self.columns.lists[op.list as usize].add(row);
                rest = self.value(op, rest, after, element, depth, &mut raw)?;
                if rest.len() <= after {
                    break;
                }
                match tag(rest, &mut raw)? {
                    (tag, next) if tag == tag_of_it => rest = next,
                    _ => break,
                }
            }
        }
        self.raw.add_all(raw);
        Ok(rest)
    }

    /// Reads one value into a row. It may end within the last `after` bytes unless it is a block; whoever goes on from there notices.
    #[inline(always)]
    pub(super) fn value(
        &mut self,
        op: &Op,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
        raw: &mut RawReasons,
    ) -> Plain<Rest<'a>> {
        let column = op.column as usize;
        let (is_zero, next) = match op.action {
            Action::Text => return self.text(op, rest, after, row, raw),
            Action::Message { table } => {
                let depth = deeper(depth)?;
                let (len, rest) = block(rest, after, raw)?;
                self.columns.flags[column].set(row, true)?;
                return self.fields(table, rest, rest.len() - len, row, depth, 0);
            }
            Action::Timestamp => return self.timestamp(op, rest, after, row, depth),
            Action::Map { table } => return self.entry(op, table, rest, after, row, depth),
            Action::Group { table } => {
                let depth = deeper(depth)?;
                self.columns.flags[column].set(row, true)?;
                return self.fields(table, rest, after, row, depth, op.number);
            }
            Action::Duration => return self.duration(op, rest, after, row, depth),
            Action::Wrapper { table } => return self.wrapper(table, rest, after, row, depth),
            Action::Mask { paths } => return self.mask(op, paths, rest, after, row, depth),
            Action::Any { table, json } => {
                let depth = deeper(depth)?;
                let (len, rest) = block(rest, after, raw)?;
                self.columns.flags[column].set(row, true)?;
                let rest = self.fields(table, rest, rest.len() - len, row, depth, 0)?;
                self.any_json(table, json, row)?;
                return Ok(rest);
            }
            Action::Json { id } => {
                let depth = deeper(depth)?;
                let (len, rest) = block(rest, after, raw)?;
                let (bytes, rest) = rest.split_at(len);
                self.json(op, id, bytes, row, depth)?;
                return Ok(rest);
            }
            Action::JsonGroup { id } => {
                let depth = deeper(depth)?;
                let (inner, next) = self.skip_group(op.number, rest, after, depth)?;
                self.json(op, id, inner, row, depth)?;
                return Ok(next);
            }
            Action::Unknown | Action::Unfit => return Err(Odd),
            Action::Int32 => {
                let (value, next) = int32(rest, raw)?;
                self.columns.ints[column].set(row, value)?;
                (value == 0, next)
            }
            Action::Sint32 => {
                let (value, next) = sint32(rest, raw)?;
                self.columns.ints[column].set(row, value)?;
                (value == 0, next)
            }
            Action::Uint32 => {
                let (value, next) = uint32(rest, raw)?;
                self.columns.longs[column].set(row, i64::from(value))?;
                (value == 0, next)
            }
            Action::Int64 => {
                let (bits, next) = varint(rest, raw)?;
                self.columns.longs[column].set(row, bits as i64)?;
                (bits == 0, next)
            }
            Action::Sint64 => {
                let (value, next) = sint64(rest, raw)?;
                self.columns.longs[column].set(row, value)?;
                (value == 0, next)
            }
            Action::Uint64 => {
                let (bits, next) = varint(rest, raw)?;
                self.columns.ulongs[column].set(row, bits)?;
                (bits == 0, next)
            }
            Action::Bigint => {
                let (bits, next) = varint(rest, raw)?;
                self.long_or_null(op, i64::try_from(bits).ok(), row)?;
                (bits == 0, next)
            }
            Action::Bool => {
                let (bits, next) = varint(rest, raw)?;
                raw.add_if(bits > 1, RawReason::Varint);
                self.columns.flags[column].set(row, bits != 0)?;
                (bits == 0, next)
            }
            // The bits decide: -0.0 is no default.
            Action::Double => {
                let (bytes, next) = fixed(rest)?;
                self.columns.doubles[column].set(row, f64::from_le_bytes(bytes))?;
                (bytes == [0; 8], next)
            }
            Action::Float => {
                let (bytes, next) = fixed(rest)?;
                self.columns.floats[column].set(row, f32::from_le_bytes(bytes))?;
                (bytes == [0; 4], next)
            }
            Action::Fixed32 => {
                let (bytes, next) = fixed(rest)?;
                self.columns.longs[column].set(row, i64::from(u32::from_le_bytes(bytes)))?;
                (bytes == [0; 4], next)
            }
            Action::Sfixed32 => {
                let (bytes, next) = fixed(rest)?;
                self.columns.ints[column].set(row, i32::from_le_bytes(bytes))?;
                (bytes == [0; 4], next)
            }
            Action::Fixed64 => {
                let (bytes, next) = fixed(rest)?;
                self.columns.ulongs[column].set(row, u64::from_le_bytes(bytes))?;
                (bytes == [0; 8], next)
            }
            Action::Sfixed64 => {
                let (bytes, next) = fixed(rest)?;
                self.columns.longs[column].set(row, i64::from_le_bytes(bytes))?;
                (bytes == [0; 8], next)
            }
            Action::FixedBigint => {
                let (bytes, next) = fixed(rest)?;
                self.long_or_null(op, i64::try_from(u64::from_le_bytes(bytes)).ok(), row)?;
                (bytes == [0; 8], next)
            }
        };
        raw.add_if(is_zero && op.implicit, RawReason::Default);
        Ok(next)
    }

    #[inline(always)]
    pub(super) fn text(
        &mut self,
        op: &Op,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        raw: &mut RawReasons,
    ) -> Plain<Rest<'a>> {
        let (len, rest) = block(rest, after, raw)?;
        raw.add_if(len == 0 && op.implicit, RawReason::Default);
        if self.careful && op.text && std::str::from_utf8(&rest[..len]).is_err() {
            return Err(Odd);
        }
        self.columns.texts[op.column as usize].set(row, rest, len)?;
        Ok(&rest[len..])
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
    fn packed(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize, raw: &mut RawReasons) -> Plain<Rest<'a>> {
        let (len, mut rest) = block(rest, after, raw)?;
        raw.add_if(len == 0, RawReason::Packing);
        let (after, column) = (rest.len() - len, op.column as usize);
        let Columns { lists, ints, longs, .. } = &mut *self.columns;
        let list = &mut lists[op.list as usize];
        match op.action {
            Action::Int32 => rest = all(list, row, &mut ints[column], rest, after, raw, int32)?,
            Action::Int64 => {
                let read =
                    |rest: Rest<'a>, raw: &mut RawReasons| varint(rest, raw).map(|(bits, rest)| (bits as i64, rest));
                rest = all(list, row, &mut longs[column], rest, after, raw, read)?;
            }
            _ => {
                while rest.len() > after {
                    let row = self.columns.lists[op.list as usize].add(row);
                    // Numbers are not nested: the depth is of no account.
                    rest = self.value(op, rest, after, row, 0, raw)?;
                }
            }
        }
        if rest.len() == after { Ok(rest) } else { Err(Odd) }
    }

    /// Passes over an unknown field.
    pub(super) fn skip(&mut self, tag: u32, rest: Rest<'a>, after: usize, depth: usize) -> Plain<Rest<'a>> {
        match tag & 7 {
            // No field has number 0.
            _ if tag < 8 => Err(Odd),
            0 => varint(rest, &mut self.raw).map(|(_, rest)| rest),
            1 => rest.get(8..).ok_or(Odd),
            2 => block(rest, after, &mut self.raw).map(|(len, rest)| &rest[len..]),
            3 => self.skip_group(tag >> 3, rest, after, deeper(depth)?).map(|(_, rest)| rest),
            5 => rest.get(4..).ok_or(Odd),
            _ => Err(Odd),
        }
    }

    /// Returns what stands before a group's end tag, and what follows it.
    fn skip_group(&mut self, number: u32, group: Rest<'a>, after: usize, depth: usize) -> Plain<(&'a [u8], Rest<'a>)> {
        let mut rest = group;
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut self.raw)?;
            if tag == Op::tag(number, 4) {
                return Ok((&group[..group.len() - rest.len()], next));
            }
            rest = self.skip(tag, next, after, depth)?;
        }
        Err(Odd)
    }
}

/// Reads numbers into the elements of a row, until only the last `after` bytes of the input are left.
#[inline(always)]
fn all<'a, T: Copy + Default>(
    list: &mut List,
    row: usize,
    column: &mut Fixed<T>,
    mut rest: Rest<'a>,
    after: usize,
    raw: &mut RawReasons,
    read: impl Fn(Rest<'a>, &mut RawReasons) -> Plain<(T, Rest<'a>)>,
) -> Plain<Rest<'a>> {
    while rest.len() > after {
        let (value, next) = read(rest, raw)?;
        column.set(list.add(row), value)?;
        rest = next;
    }
    Ok(rest)
}

pub(super) fn deeper(depth: usize) -> Plain<usize> {
    if depth < MOST_NESTED { Ok(depth + 1) } else { Err(Odd) }
}
