//! The loop's less plain values: well-known types, map entries, and parts that become JSON.

use super::buffers::{Odd, Plain};
use super::json::Json;
use super::payload::json::payload_of_json;
use super::program::{Action, Op};
use super::raw::{RawReason, RawReasons};
use super::run::{Run, deeper};
use super::varint::{Rest, block, tag, varint};
use super::wire::Reader;
use super::{check, time};
use crate::schema::MessageId;

impl<'a> Run<'a> {
    pub(super) fn timestamp(
        &mut self,
        op: &Op,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
    ) -> Plain<Rest<'a>> {
        let (seconds, nanos, rest) = self.seconds_and_nanos(rest, after, depth)?;
        self.raw.add_if(nanos % 1_000 != 0, RawReason::Precision);
        self.long_or_null(op, time::micros((seconds, nanos)), row)?;
        Ok(rest)
    }

    pub(super) fn duration(
        &mut self,
        op: &Op,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
    ) -> Plain<Rest<'a>> {
        let (seconds, nanos, rest) = self.seconds_and_nanos(rest, after, depth)?;
        let value = time::nanos((seconds, nanos));
        let back = value.map(time::seconds_and_nanos);
        self.raw.add_if(back.is_some_and(|back| back != (seconds, nanos)), RawReason::Precision);
        self.long_or_null(op, value, row)?;
        Ok(rest)
    }

    /// Reads the message that Timestamp and Duration share.
    fn seconds_and_nanos(&mut self, rest: Rest<'a>, after: usize, depth: usize) -> Plain<(i64, i32, Rest<'a>)> {
        let depth = deeper(depth)?;
        let mut raw = RawReasons::default();
        let (len, mut rest) = block(rest, after, &mut raw)?;
        let after = rest.len() - len;
        let (mut seconds, mut nanos, mut last) = (0, 0, 0);
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut raw)?;
            match tag {
                0x08 => {
                    let (bits, next) = varint(next, &mut raw)?;
                    seconds = bits as i64;
                    raw.add_if(seconds == 0, RawReason::Default);
                    rest = next;
                }
                0x10 => {
                    let (bits, next) = varint(next, &mut raw)?;
                    nanos = bits as i32;
                    raw.add_if(i64::from(nanos) as u64 != bits, RawReason::Varint);
                    raw.add_if(nanos == 0, RawReason::Default);
                    rest = next;
                }
                _ => rest = self.unknown(tag, 2, next, after, depth)?,
            }
            raw.add_if(tag >> 3 < last, RawReason::FieldOrder);
            raw.add_if(tag >> 3 == last, RawReason::RepeatedField);
            last = tag >> 3;
        }
        self.raw.add_all(raw);
        if rest.len() == after { Ok((seconds, nanos, rest)) } else { Err(Odd) }
    }

    /// Passes over a field of a message whose known ones are numbered up to `known`: those do not fit their wire type.
    fn unknown(&mut self, tag: u32, known: u32, rest: Rest<'a>, after: usize, depth: usize) -> Plain<Rest<'a>> {
        if tag >> 3 <= known {
            return Err(Odd);
        }
        self.raw.add(RawReason::UnknownField);
        self.skip(tag, rest, after, depth)
    }

    pub(super) fn wrapper(
        &mut self,
        table: u32,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
    ) -> Plain<Rest<'a>> {
        deeper(depth)?;
        let (len, rest) = block(rest, after, &mut self.raw)?;
        let table = &self.tables[table as usize];
        if len == 0 {
            self.default(table.first(), row, depth)?;
            return Ok(rest);
        }
        let after = rest.len() - len;
        let mut raw = RawReasons::default();
        let (tag, rest) = tag(rest, &mut raw)?;
        let op = table.find(tag);
        let rest = self.value(op, rest, after, row, depth, &mut raw)?;
        self.raw.add_all(raw);
        // Anything behind the one field is left to the plain reader.
        if rest.len() == after { Ok(rest) } else { Err(Odd) }
    }

    pub(super) fn mask(
        &mut self,
        op: &Op,
        paths: u32,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
    ) -> Plain<Rest<'a>> {
        let depth = deeper(depth)?;
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
                let mut raw = RawReasons::default();
                let rest = self.text(&Op { implicit: false, ..*op }, next, after, path, &mut raw)?;
                self.raw.add_all(raw);
                rest
            } else {
                self.unknown(tag, 1, next, after, depth)?
            };
        }
        if rest.len() == after { Ok(rest) } else { Err(Odd) }
    }

    /// Writes what the content of an Any says, whose fields were read by `table`.
    pub(super) fn any_json(&mut self, table: u32, json: u32, row: usize) -> Plain<()> {
        let table = &self.tables[table as usize];
        let texts = &mut self.columns.texts;
        let said = |op: &Op| {
            let text = &texts[op.column as usize];
            if text.is_set(row) { text.value(row) } else { &[] }
        };
        let type_url = std::str::from_utf8(said(table.first())).map_err(|_| Odd)?;
        let mut made = Json::new(self.types);
        if let Some(text) = made.any_text(type_url, said(table.second())) {
            texts[json as usize].set_value(row, text.as_bytes())?;
        }
        self.json += made.spent();
        Ok(())
    }

    pub(super) fn json(&mut self, op: &Op, id: MessageId, bytes: &[u8], row: usize, depth: usize) -> Plain<()> {
        let message = Reader::new(self.types).read(id, bytes, depth).map_err(|_| Odd)?;
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

    /// Reads a map's entry into element `row`: key and value, of which either may be missing.
    #[inline(never)]
    pub(super) fn entry(
        &mut self,
        op: &Op,
        table: u32,
        rest: Rest<'a>,
        after: usize,
        row: usize,
        depth: usize,
    ) -> Plain<Rest<'a>> {
        let depth = deeper(depth)?;
        let mut raw = RawReasons::default();
        let (len, mut rest) = block(rest, after, &mut raw)?;
        let after = rest.len() - len;
        let table = &self.tables[table as usize];
        let (mut has_key, mut has_value) = (false, false);
        while rest.len() > after {
            let (tag, next) = tag(rest, &mut raw)?;
            let part = table.find(tag);
            match part.number {
                1 if !has_key => {
                    has_key = true;
                    raw.add_if(has_value, RawReason::MapEntry);
                }
                2 if !has_value => has_value = true,
                _ => {
                    self.raw.add(RawReason::MapEntry);
                    return Err(Odd);
                }
            }
            rest = self.value(part, next, after, row, depth, &mut raw)?;
        }
        if rest.len() < after {
            return Err(Odd);
        }
        raw.add_if(!has_key || !has_value, RawReason::MapEntry);
        if !has_key {
            self.default(table.first(), row, depth)?;
        }
        if !has_value {
            self.default(table.second(), row, depth)?;
        }
        self.raw.add_all(raw);
        let first = self.columns.lists[op.list as usize].first();
        self.keys.add(self.columns, op.list, table.first(), first, row)?;
        Ok(rest)
    }

    /// Writes what an unset value means.
    fn default(&mut self, op: &Op, row: usize, depth: usize) -> Plain<()> {
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
                self.columns.flags[column].set(row, true)?;
                self.fields(table, &[], 0, row, depth, 0).map(|_| ())
            }
            Action::Wrapper { table } => {
                let tables = self.tables;
                self.default(tables[table as usize].first(), row, depth)
            }
            _ => Err(Odd),
        }
    }
}
