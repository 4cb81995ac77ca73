//! The loop: one pass over a payload's bytes, from tag to tag, into the buffers of the columns. What it finds odd it leaves to the
//! plain reader, after which the row is begun anew; whether the bytes are canonical it tells in the same pass.

use super::columns::{Columns, Odd, Plain};
use super::program::{Action, END, Op, Other, Stands, Table};
use super::raw::{RawReason, RawReasons};
use super::varint::{Rest, block, fixed, int32, number, short_tag, sint32, sint64, tag, uint32, varint};
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
    /// How many messages are around the one being read.
    pub depth: usize,
}

impl<'a> Run<'a> {
    /// Reads the root message, the first `len` bytes of the input, into a row.
    pub fn message(&mut self, input: Rest<'a>, len: usize, row: usize) -> Plain<()> {
        self.fields(0, input, input.len() - len, row).map(|_| ())
    }

    /// Reads fields until only the last `after` bytes of the input are left; those of a group until its end tag. Returns what
    /// follows.
    pub(super) fn fields(&mut self, table: u32, mut rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let table = &self.tables[table as usize];
        let mut last = 0;
        let mut is_open = table.is_group;
        while rest.len() > after {
            // Told apart by the length of the tag, so that what is looked up by one byte is within its table.
            let (tag, next, found) = match rest {
                [first @ ..0x80, next @ ..] => (u32::from(*first), next, table.find(u32::from(*first))),
                _ => {
                    let (tag, next) = tag(rest, &mut self.raw)?;
                    (tag, next, table.find(tag))
                }
            };
            rest = match found {
                Some(op) => match op.stands {
                    Stands::Alone => self.value(op, next, after, row)?,
                    _ => self.member_or_elements(op, next, after, row, last)?,
                },
                None => match table.find_other(tag) {
                    Other::Op(op) => self.member_or_elements(op, next, after, row, last)?,
                    Other::End => {
                        rest = next;
                        is_open = false;
                        break;
                    }
                    Other::Unfit => return Err(Odd),
                    Other::Unknown => {
                        self.raw.add(RawReason::UnknownField);
                        rest = self.skip(tag, next, after, self.depth)?;
                        continue;
                    }
                },
            };
            if tag < last {
                std::hint::cold_path();
                self.raw.add_if(tag >> 3 < last >> 3, RawReason::FieldOrder);
            }
            last = tag;
        }
        // A group may end where the message around it does, and not behind.
        if rest.len() < after || is_open || !table.required.iter().all(|place| self.columns.is_set(*place, row)) {
            return Err(Odd);
        }
        Ok(rest)
    }

    /// Reads a message inside, if it is not too deep.
    pub(super) fn inside(&mut self, table: u32, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        self.depth = deeper(self.depth)?;
        let rest = self.fields(table, rest, after, row)?;
        self.depth -= 1;
        Ok(rest)
    }

    /// Reads a field that stands in a oneof or has elements, as many as follow each other; `last` is the tag before.
    fn member_or_elements(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize, last: u32) -> Plain<Rest<'a>> {
        match op.stands {
            Stands::Alone => self.value_elsewhere(op, rest, after, row),
            Stands::Member { member, case } => {
                self.columns.ints[case as usize].set(row, i32::from(member))?;
                self.value_elsewhere(op, rest, after, row)
            }
            Stands::Element { list, packed, odd } => {
                // One block holds them all.
                self.raw.add_if(odd || packed && last >> 3 == op.number(), RawReason::Packing);
                match op.action {
                    _ if packed => self.packed(op, list, rest, after, row),
                    Action::Text => self
                        .elements(op, list, rest, after, row, |run, rest, element| run.text(op, rest, after, element)),
                    Action::Message { table } => self.elements(op, list, rest, after, row, |run, rest, element| {
                        run.submessage(op, table, rest, after, element)
                    }),
                    Action::Map { table } => self.elements(op, list, rest, after, row, |run, rest, element| {
                        run.entry(list, table, rest, after, element)
                    }),
                    _ => self.elements(op, list, rest, after, row, |run, rest, element| {
                        run.value_elsewhere(op, rest, after, element)
                    }),
                }
            }
        }
    }

    /// The same as [`value`](Self::value), for those that are not worth a copy of it.
    #[inline(never)]
    pub(super) fn value_elsewhere(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        self.value(op, rest, after, row)
    }

    /// Reads one value into a row. It may end within the last `after` bytes unless it is a block; whoever goes on from there notices.
    #[inline(always)]
    pub(super) fn value(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let column = op.column as usize;
        // Writes a number: to which buffer, by which reader, as what, and which bits are the default.
        macro_rules! scalar {
            ($buffers:ident, $read:expr, $zero:expr, $value:expr) => {{
                let (value, next) = $read?;
                self.columns.$buffers[column].set(row, $value(value))?;
                if value == $zero {
                    std::hint::cold_path();
                    self.raw.add_if(op.implicit, RawReason::Default);
                }
                Ok(next)
            }};
        }
        match op.action {
            Action::Text => self.text(op, rest, after, row),
            Action::Message { table } => self.submessage(op, table, rest, after, row),
            Action::Timestamp => self.timestamp(op, rest, after, row),
            Action::Int32 => scalar!(ints, int32(rest, &mut self.raw), 0, |value| value),
            Action::Sint32 => scalar!(ints, sint32(rest, &mut self.raw), 0, |value| value),
            Action::Uint32 => scalar!(longs, uint32(rest, &mut self.raw), 0, i64::from),
            Action::Int64 => scalar!(longs, number(rest, &mut self.raw), 0, |bits| bits as i64),
            Action::Sint64 => scalar!(longs, sint64(rest, &mut self.raw), 0, |value| value),
            Action::Uint64 => scalar!(ulongs, number(rest, &mut self.raw), 0, |bits| bits),
            Action::Bool => {
                let (bits, next) = varint(rest, &mut self.raw)?;
                self.columns.flags[column].set(row, bits != 0)?;
                if bits != 1 {
                    self.raw.add_if(bits > 1, RawReason::Varint);
                    self.raw.add_if(bits == 0 && op.implicit, RawReason::Default);
                }
                Ok(next)
            }
            // The bits decide: -0.0 is no default.
            Action::Double => scalar!(doubles, fixed(rest), [0; 8], f64::from_le_bytes),
            Action::Float => scalar!(floats, fixed(rest), [0; 4], f32::from_le_bytes),
            Action::Fixed32 => scalar!(longs, fixed(rest), [0; 4], |bytes| i64::from(u32::from_le_bytes(bytes))),
            Action::Sfixed32 => scalar!(ints, fixed(rest), [0; 4], i32::from_le_bytes),
            Action::Fixed64 => scalar!(ulongs, fixed(rest), [0; 8], u64::from_le_bytes),
            Action::Sfixed64 => scalar!(longs, fixed(rest), [0; 8], i64::from_le_bytes),
            Action::Bigint => {
                let (bits, next) = number(rest, &mut self.raw)?;
                self.long_or_null(op, i64::try_from(bits).ok(), row)?;
                self.raw.add_if(bits == 0 && op.implicit, RawReason::Default);
                Ok(next)
            }
            Action::FixedBigint => {
                let (bytes, next) = fixed(rest)?;
                self.long_or_null(op, i64::try_from(u64::from_le_bytes(bytes)).ok(), row)?;
                self.raw.add_if(bytes == [0; 8] && op.implicit, RawReason::Default);
                Ok(next)
            }
            Action::Group { table } => {
                self.columns.marks[column].set(row)?;
                self.inside(table, rest, after, row)
            }
            Action::Duration => self.duration(op, rest, after, row),
            Action::Wrapper { table } => self.wrapper(table, rest, after, row),
            Action::Mask { paths } => self.mask(op, paths, rest, after, row),
            Action::Any { table } => {
                let (len, rest) = block(rest, after, &mut self.raw)?;
                self.columns.marks[column].set(row)?;
                let rest = self.inside(table, rest, rest.len() - len, row)?;
                self.any_json(table, row)?;
                Ok(rest)
            }
            Action::Json { id } => {
                let (len, rest) = block(rest, after, &mut self.raw)?;
                let (bytes, rest) = rest.split_at(len);
                self.json(op, id, bytes, row)?;
                Ok(rest)
            }
            Action::JsonGroup { id } => {
                let (inner, next) = self.skip_group(op.number(), rest, after, deeper(self.depth)?)?;
                self.json(op, id, inner, row)?;
                Ok(next)
            }
            // A map is a list.
            Action::Map { .. } | Action::End => Err(Odd),
        }
    }

    #[inline(always)]
    fn submessage(&mut self, op: &Op, table: u32, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let (len, rest) = block(rest, after, &mut self.raw)?;
        self.columns.marks[op.column as usize].set(row)?;
        self.inside(table, rest, rest.len() - len, row)
    }

    #[inline(always)]
    pub(super) fn text(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let (len, rest) = block(rest, after, &mut self.raw)?;
        if len == 0 {
            std::hint::cold_path();
            self.raw.add_if(op.implicit, RawReason::Default);
        }
        if self.careful && op.text && std::str::from_utf8(&rest[..len]).is_err() {
            return Err(Odd);
        }
        self.columns.texts[op.column as usize].set(row, rest, len)?;
        Ok(&rest[len..])
    }

    /// Writes a value of 64 signed bits; one beyond its column is null, but for an element, which may not be.
    #[inline(always)]
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

    /// Reads elements, as many as follow each other, each by `read`.
    #[inline(always)]
    fn elements(
        &mut self,
        op: &Op,
        list: u32,
        mut rest: Rest<'a>,
        after: usize,
        row: usize,
        mut read: impl FnMut(&mut Self, Rest<'a>, usize) -> Plain<Rest<'a>>,
    ) -> Plain<Rest<'a>> {
        let mut element = self.columns.lists[list as usize].begin(row);
        loop {
            rest = read(self, rest, element)?;
            element += 1;
            match again(op, rest, after) {
                Some(next) => rest = next,
                None => break,
            }
        }
        self.columns.lists[list as usize].end(element);
        Ok(rest)
    }

    /// Reads a block of numbers. Those most often packed have a loop of their own.
    fn packed(&mut self, op: &Op, list: u32, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let (len, mut rest) = block(rest, after, &mut self.raw)?;
        self.raw.add_if(len == 0, RawReason::Packing);
        let (after, column) = (rest.len() - len, op.column as usize);
        let Columns { lists, ints, longs, .. } = &mut *self.columns;
        let elements = &mut lists[list as usize];
        let mut element = elements.begin(row);
        match op.action {
            Action::Int32 => {
                let values = &mut ints[column].values;
                while rest.len() > after {
                    let (value, next) = int32(rest, &mut self.raw)?;
                    values.set(element, value)?;
                    (element, rest) = (element + 1, next);
                }
                elements.end(element);
            }
            Action::Int64 => {
                let values = &mut longs[column].values;
                while rest.len() > after {
                    let (bits, next) = number(rest, &mut self.raw)?;
                    values.set(element, bits as i64)?;
                    (element, rest) = (element + 1, next);
                }
                elements.end(element);
            }
            _ => {
                while rest.len() > after {
                    let row = self.columns.lists[list as usize].add(row);
                    rest = self.value_elsewhere(op, rest, after, row)?;
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
            if tag == Op::tag(number, END) {
                return Ok((&group[..group.len() - rest.len()], next));
            }
            rest = self.skip(tag, next, after, depth)?;
        }
        Err(Odd)
    }
}

/// Returns what follows the tag of another element; nothing where another field comes, or none.
#[inline(always)]
pub(super) fn again<'a>(op: &Op, rest: Rest<'a>, after: usize) -> Option<Rest<'a>> {
    if rest.len() <= after {
        return None;
    }
    short_tag(rest).and_then(|(tag, next)| (tag == op.tag).then_some(next))
}

pub(super) fn deeper(depth: usize) -> Plain<usize> {
    if depth < MOST_NESTED { Ok(depth + 1) } else { Err(Odd) }
}
