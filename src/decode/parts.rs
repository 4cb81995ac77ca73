//! The loop's less plain values: well-known types, map entries, and parts that become JSON.

use super::columns::{Odd, Plain};
use super::json::Json;
use super::payload::json::payload_of_json;
use super::program::{Action, Op};
use super::raw::RawReason;
use super::run::{Run, again, deeper};
use super::varint::{Rest, block, int32, seconds_then_nanos, tag, varint};
use super::wire::Reader;
use super::{check, time};
use crate::schema::MessageId;

impl<'a> Run<'a> {
    pub(super) fn timestamp(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let (seconds, nanos, rest) = self.seconds_and_nanos(rest, after)?;
        self.raw.add_if(nanos % 1_000 != 0, RawReason::Precision);
        self.long_or_null(op, time::micros((seconds, nanos)), row)?;
        Ok(rest)
    }

    pub(super) fn duration(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        let (seconds, nanos, rest) = self.seconds_and_nanos(rest, after)?;
        let value = time::nanos((seconds, nanos));
        let back = value.map(time::seconds_and_nanos);
        self.raw.add_if(back.is_some_and(|back| back != (seconds, nanos)), RawReason::Precision);
        self.long_or_null(op, value, row)?;
        Ok(rest)
    }

    /// Reads the message that Timestamp and Duration share.
    #[inline(always)]
    fn seconds_and_nanos(&mut self, rest: Rest<'a>, after: usize) -> Plain<(i64, i32, Rest<'a>)> {
        deeper(self.depth)?;
        match seconds_then_nanos(rest) {
            Some((seconds, nanos, rest)) if rest.len() >= after => Ok((seconds, nanos, rest)),
            _ => self.seconds_or_nanos(rest, after),
        }
    }

    /// Reads the same with whatever there is of it, and what else a newer schema may have.
    #[inline(never)]
    fn seconds_or_nanos(&mut self, rest: Rest<'a>, after: usize) -> Plain<(i64, i32, Rest<'a>)> {
        let (len, mut rest) = block(rest, after, &mut self.raw)?;
        let after = rest.len() - len;
        let (mut seconds, mut nanos, mut last) = (0, 0, 0);
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut self.raw)?;
            match tag {
                0x08 => {
                    let (bits, next) = varint(next, &mut self.raw)?;
                    seconds = bits as i64;
                    self.raw.add_if(seconds == 0, RawReason::Default);
                    rest = next;
                }
                0x10 => {
                    (nanos, rest) = int32(next, &mut self.raw)?;
                    self.raw.add_if(nanos == 0, RawReason::Default);
                }
                _ => rest = self.unknown(tag, 2, next, after)?,
            }
            self.raw.add_if(tag >> 3 < last, RawReason::FieldOrder);
            self.raw.add_if(tag >> 3 == last, RawReason::RepeatedField);
            last = tag >> 3;
        }
        if rest.len() == after { Ok((seconds, nanos, rest)) } else { Err(Odd) }
    }

    /// Passes over a field of a message whose known ones are numbered up to `known`: those do not fit their wire type.
    fn unknown(&mut self, tag: u32, known: u32, rest: Rest<'a>, after: usize) -> Plain<Rest<'a>> {
        if tag >> 3 <= known {
            return Err(Odd);
        }
        self.raw.add(RawReason::UnknownField);
        self.skip(tag, rest, after, deeper(self.depth)?)
    }

    pub(super) fn wrapper(&mut self, table: u32, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        deeper(self.depth)?;
        let (len, rest) = block(rest, after, &mut self.raw)?;
        let op = self.tables[table as usize].field(1);
        if len == 0 {
            self.default(op, row)?;
            return Ok(rest);
        }
        let after = rest.len() - len;
        let (tag, rest) = tag(rest, &mut self.raw)?;
        if tag != op.tag {
            return Err(Odd);
        }
        let rest = self.value_elsewhere(op, rest, after, row)?;
        // Anything behind the one field is left to the plain reader.
        if rest.len() == after { Ok(rest) } else { Err(Odd) }
    }

    pub(super) fn mask(&mut self, op: &Op, paths: u32, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        deeper(self.depth)?;
        let (len, mut rest) = block(rest, after, &mut self.raw)?;
        let (after, paths) = (rest.len() - len, paths as usize);
        if self.columns.lists[paths].is_open(row) {
            return Err(Odd);
        }
        self.columns.lists[paths].open(row);
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut self.raw)?;
            rest = if tag == 0x0a {
                let path = self.columns.lists[paths].add(row);
                self.text(&Op { implicit: false, ..*op }, next, after, path)?
            } else {
                self.unknown(tag, 1, next, after)?
            };
        }
        if rest.len() == after { Ok(rest) } else { Err(Odd) }
    }

    /// Writes what the content of an Any says, whose fields were read by `table`.
    pub(super) fn any_json(&mut self, table: u32, row: usize) -> Plain<()> {
        let table = &self.tables[table as usize];
        let texts = &mut self.columns.texts;
        let said = |op: &Op| {
            let text = &texts[op.column as usize];
            if text.is_set(row) { text.value(row) } else { &[] }
        };
        let type_url = std::str::from_utf8(said(table.field(1))).map_err(|_| Odd)?;
        let mut made = Json::new(self.types);
        if let Some(text) = made.any_text(type_url, said(table.field(2))) {
            texts[table.json].set_value(row, text.as_bytes())?;
        }
        self.json += made.spent();
        Ok(())
    }

    pub(super) fn json(&mut self, op: &Op, id: MessageId, bytes: &[u8], row: usize) -> Plain<()> {
        let message = Reader::new(self.types).read(id, bytes, deeper(self.depth)?).map_err(|_| Odd)?;
        check::required(self.types, id, &message).map_err(|_| Odd)?;
        let mut json = Json::new(self.types);
        let text = json.text(id, &message);
        let mut back = Vec::with_capacity(bytes.len());
        let comes_back = payload_of_json(self.types, id, text, &mut back).is_ok() && back == bytes;
        self.raw.add_if(!comes_back, RawReason::Json);
        self.columns.texts[op.column as usize].set_value(row, text.as_bytes())?;
        self.json += json.spent();
        Ok(())
    }

    /// Reads a map's entry into element `row` of its list: key and value, of which either may be missing.
    #[inline(always)]
    pub(super) fn entry(&mut self, list: u32, table: u32, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        self.depth = deeper(self.depth)?;
        let (len, mut rest) = block(rest, after, &mut self.raw)?;
        let after = rest.len() - len;
        let table = &self.tables[table as usize];
        let (key, value) = (table.field(1), table.field(2));
        // Both, in order, is what there nearly always is.
        let (mut has_key, mut has_value) = (false, false);
        if let Some(next) = again(key, rest, after) {
            rest = self.part(key, next, after, row)?;
            has_key = true;
            if let Some(next) = again(value, rest, after) {
                rest = self.part(value, next, after, row)?;
                has_value = true;
            }
        }
        if !has_value || rest.len() != after {
            rest = self.rest_of_entry([(key, has_key), (value, has_value)], rest, after, row)?;
        }
        self.depth -= 1;
        let first = self.columns.lists[list as usize].first();
        self.keys.add(self.columns, list, key, first, row)?;
        Ok(rest)
    }

    #[inline(always)]
    fn part(&mut self, op: &Op, rest: Rest<'a>, after: usize, row: usize) -> Plain<Rest<'a>> {
        match op.action {
            Action::Text => self.text(op, rest, after, row),
            _ => self.value_elsewhere(op, rest, after, row),
        }
    }

    /// Reads what is left of an entry of which a part is missing or stands elsewhere; which of the two `parts` are there is told.
    #[cold]
    #[inline(never)]
    fn rest_of_entry(
        &mut self,
        mut parts: [(&Op, bool); 2],
        mut rest: Rest<'a>,
        after: usize,
        row: usize,
    ) -> Plain<Rest<'a>> {
        self.raw.add(RawReason::MapEntry);
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut self.raw)?;
            let (op, is_there) = parts.iter_mut().find(|(op, is_there)| tag == op.tag && !is_there).ok_or(Odd)?;
            *is_there = true;
            rest = self.value_elsewhere(op, next, after, row)?;
        }
        for (missing, _) in parts.into_iter().filter(|(_, is_there)| !is_there) {
            self.default(missing, row)?;
        }
        if rest.len() == after { Ok(rest) } else { Err(Odd) }
    }

    /// Writes what an unset value means.
    fn default(&mut self, op: &Op, row: usize) -> Plain<()> {
        let column = op.column as usize;
        match op.action {
            Action::Text => self.columns.texts[column].set_value(row, &[]),
            Action::Bool => self.columns.flags[column].set(row, false),
            Action::Int32 | Action::Sint32 | Action::Sfixed32 => self.columns.ints[column].set(row, 0),
            Action::Uint32
            | Action::Fixed32
            | Action::Int64
            | Action::Sint64
            | Action::Sfixed64
            | Action::Bigint
            | Action::FixedBigint
            | Action::Timestamp
            | Action::Duration => self.columns.longs[column].set(row, 0),
            Action::Uint64 | Action::Fixed64 => self.columns.ulongs[column].set(row, 0),
            Action::Float => self.columns.floats[column].set(row, 0.0),
            Action::Double => self.columns.doubles[column].set(row, 0.0),
            Action::Message { table } => {
                self.columns.marks[column].set(row)?;
                self.fields(table, &[], 0, row).map(|_| ())
            }
            Action::Wrapper { table } => {
                let tables = self.tables;
                self.default(tables[table as usize].field(1), row)
            }
            _ => Err(Odd),
        }
    }
}
