//! The loop's less plain values: well-known types, map entries, and parts that become JSON.

use super::buffers::{Odd, Plain};
use super::json::Json;
use super::payload::json::payload_of_json;
use super::program::{Action, Op};
use super::raw::{RawReason, RawReasons};
use super::run::{Run, deeper};
use super::varint::{block, tag, varint};
use super::wire::Reader;
use super::{check, time};
use crate::schema::MessageId;

impl Run<'_> {
    pub(super) fn timestamp(&mut self, op: &Op, at: usize, end: usize, row: usize, depth: usize) -> Plain<usize> {
        let (seconds, nanos, end) = self.seconds_and_nanos(at, end, depth)?;
        self.raw.add_if(nanos % 1_000 != 0, RawReason::Precision);
        self.long_or_null(op, time::micros((seconds, nanos)), row)?;
        Ok(end)
    }

    pub(super) fn duration(&mut self, op: &Op, at: usize, end: usize, row: usize, depth: usize) -> Plain<usize> {
        let (seconds, nanos, end) = self.seconds_and_nanos(at, end, depth)?;
        let value = time::nanos((seconds, nanos));
        let back = value.map(time::seconds_and_nanos);
        self.raw.add_if(back.is_some_and(|back| back != (seconds, nanos)), RawReason::Precision);
        self.long_or_null(op, value, row)?;
        Ok(end)
    }

    /// Reads the message that Timestamp and Duration share.
    fn seconds_and_nanos(&mut self, at: usize, end: usize, depth: usize) -> Plain<(i64, i32, usize)> {
        let depth = deeper(depth)?;
        let mut raw = RawReasons::default();
        let (mut at, end) = block(self.input, at, end, &mut raw)?;
        let (mut seconds, mut nanos, mut last) = (0, 0, 0);
        while at < end {
            let (tag, next) = tag(self.input, at, &mut raw)?;
            match tag {
                0x08 => {
                    let (bits, next) = varint(self.input, next, &mut raw)?;
                    seconds = bits as i64;
                    raw.add_if(seconds == 0, RawReason::Default);
                    at = next;
                }
                0x10 => {
                    let (bits, next) = varint(self.input, next, &mut raw)?;
                    nanos = bits as i32;
                    raw.add_if(i64::from(nanos) as u64 != bits, RawReason::Varint);
                    raw.add_if(nanos == 0, RawReason::Default);
                    at = next;
                }
                _ => at = self.unknown(tag, 2, next, end, depth)?,
            }
            raw.add_if(tag >> 3 < last, RawReason::FieldOrder);
            raw.add_if(tag >> 3 == last, RawReason::RepeatedField);
            last = tag >> 3;
        }
        self.raw.add_all(raw);
        if at == end { Ok((seconds, nanos, end)) } else { Err(Odd) }
    }

    /// Passes over a field of a message whose known ones are numbered up to `known`: those do not fit their wire type.
    fn unknown(&mut self, tag: u32, known: u32, at: usize, end: usize, depth: usize) -> Plain<usize> {
        if tag >> 3 <= known {
            return Err(Odd);
        }
        self.raw.add(RawReason::UnknownField);
        self.skip(tag, at, end, depth)
    }

    pub(super) fn wrapper(&mut self, table: u32, at: usize, end: usize, row: usize, depth: usize) -> Plain<usize> {
        deeper(depth)?;
        let (begin, end) = block(self.input, at, end, &mut self.raw)?;
        let table = &self.tables[table as usize];
        if begin == end {
            self.default(table.first(), row, depth)?;
            return Ok(end);
        }
        let mut raw = RawReasons::default();
        let (tag, next) = tag(self.input, begin, &mut raw)?;
        let op = table.find(tag);
        let next = match op.action {
            Action::Unknown | Action::Unfit => return Err(Odd),
            Action::Text => self.text(op, next, end, row, &mut raw)?,
            _ => self.scalar(op, next, row, &mut raw)?,
        };
        self.raw.add_all(raw);
        // Anything behind the one field is left to the plain reader.
        if next == end { Ok(end) } else { Err(Odd) }
    }

    pub(super) fn mask(
        &mut self,
        op: &Op,
        paths: u32,
        at: usize,
        end: usize,
        row: usize,
        depth: usize,
    ) -> Plain<usize> {
        let depth = deeper(depth)?;
        let (mut at, end) = block(self.input, at, end, &mut self.raw)?;
        let paths = paths as usize;
        if self.columns.lists[paths].is_open(row) {
            return Err(Odd);
        }
        self.columns.lists[paths].open(row);
        while at < end {
            let (tag, next) = tag(self.input, at, &mut self.raw)?;
            at = if tag == 0x0a {
                let path = self.columns.lists[paths].add(row);
                let mut raw = RawReasons::default();
                let at = self.text(&Op { implicit: false, ..*op }, next, end, path, &mut raw)?;
                self.raw.add_all(raw);
                at
            } else {
                self.unknown(tag, 1, next, end, depth)?
            };
        }
        if at == end { Ok(end) } else { Err(Odd) }
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

    pub(super) fn json(
        &mut self,
        op: &Op,
        id: MessageId,
        bytes: (usize, usize),
        row: usize,
        depth: usize,
    ) -> Plain<()> {
        let bytes = &self.input[bytes.0..bytes.1];
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
        at: usize,
        end: usize,
        row: usize,
        depth: usize,
    ) -> Plain<usize> {
        let depth = deeper(depth)?;
        let mut raw = RawReasons::default();
        let (mut at, end) = block(self.input, at, end, &mut raw)?;
        let tables = self.tables;
        let table = &tables[table as usize];
        let (mut has_key, mut has_value) = (false, false);
        while at < end {
            let (tag, next) = tag(self.input, at, &mut raw)?;
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
            at = self.value(part, next, end, row, depth, &mut raw)?;
        }
        if at > end {
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
        Ok(end)
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
                self.fields(table, 0, 0, row, depth, 0).map(|_| ())
            }
            Action::Wrapper { table } => {
                let tables = self.tables;
                self.default(tables[table as usize].first(), row, depth)
            }
            _ => Err(Odd),
        }
    }
}
