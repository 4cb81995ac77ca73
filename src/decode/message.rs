//! Payloads → the columns of their messages: the loop's workspace, and what is done where the loop gives up.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;

use super::columns::{self, Columns, NotUtf8};
use super::compile::compile;
use super::keys::Keys;
use super::place::Placing;
use super::program::{Program, TimeSource};
use super::raw::{RawReason, RawReasons};
use super::reject::Checked;
use super::run::Run;
use super::value::Value;
use super::wire::Reader;
use super::{check, time};
use crate::domain::Padded;
use crate::schema::Layout;

/// After a string that was not UTF-8, so many chunks are checked string by string: where one is, more follow.
const CAREFUL_CHUNKS: u32 = 64;

/// Reads payloads into the columns of a layout, row by row.
pub struct Messages {
    layout: Arc<Layout>,
    program: Program,
    columns: Columns,
    keys: Keys,
    careful: u32,
}

/// What a payload that was read says besides its columns.
pub struct Read {
    /// The time that the layout's rule names, in milliseconds; nothing where the row has none.
    pub event_time: Option<i64>,
    pub raw: RawReasons,
    /// Bytes of JSON made.
    pub json: usize,
}

impl Messages {
    pub fn new(layout: Arc<Layout>) -> Messages {
        let (program, columns) = compile(&layout);
        Messages { layout, program, columns, keys: Keys::default(), careful: 0 }
    }

    /// Reads a payload into a row, which is the next.
    ///
    /// # Errors
    /// What is wrong with it; the columns are as before.
    #[inline]
    pub fn read(&mut self, payload: Padded<'_>, row: usize) -> Checked<Read> {
        self.keys.clear();
        let mut run = Run {
            tables: &self.program.tables,
            types: self.layout.types(),
            columns: &mut self.columns,
            keys: &mut self.keys,
            careful: self.careful > 0,
            raw: RawReasons::default(),
            json: 0,
            depth: 0,
        };
        let read = run.message(payload.with_slack(), payload.value().len(), row);
        let (mut raw, mut json) = (run.raw, run.json);
        if read.is_err() {
            (raw, json) = self.plainly(payload.value(), row, raw)?;
        }
        let micros = match self.program.time {
            TimeSource::Record => None,
            TimeSource::Column(column) => self.columns.longs[column].get(row),
            TimeSource::Path(_) => self.time_at_path(payload.value()),
        };
        Ok(Read { event_time: micros.map(|micros| micros.div_euclid(1_000)), raw, json })
    }

    /// Takes everything back from a row on.
    pub fn truncate(&mut self, row: usize) {
        self.columns.truncate(row);
    }

    /// Takes the rows out, of which some have no message. They are gone, too, where a string is not UTF-8: then the same payloads
    /// can be read again, more carefully.
    pub fn finish(&mut self, rows: usize, present: Option<&NullBuffer>) -> Result<Vec<ArrayRef>, NotUtf8> {
        let made = columns::finish(&mut self.columns, self.layout.types(), &self.program.columns, rows, present);
        self.careful = if made.is_err() { CAREFUL_CHUNKS } else { self.careful.saturating_sub(1) };
        made
    }

    /// Reads a payload that the loop found odd by protobuf's rules as they are written, and says what is wrong with it. Where the
    /// loop had `found` nothing to name, something comes twice.
    #[cold]
    #[inline(never)]
    fn plainly(&mut self, payload: &[u8], row: usize, mut found: RawReasons) -> Checked<(RawReasons, usize)> {
        self.columns.truncate(row);
        let (types, root) = (self.layout.types(), self.layout.root());
        let mut reader = Reader::new(types);
        let message = reader.read(root, payload, 0)?;
        check::required(types, root, &message)?;
        check::ranges(types, root, self.layout.columns(), &message)?;
        found.add_if(reader.replaced, RawReason::Text);
        found.add_if(found.first().is_none(), RawReason::RepeatedField);
        let mut placing = Placing { types, columns: &mut self.columns, raw: &mut found, json: 0 };
        placing.message(&self.program.columns, &message, row).expect("a tree holds each value once");
        let json = placing.json;
        Ok((found, json))
    }

    /// Returns the microseconds at the end of a path that is no column.
    #[cold]
    #[inline(never)]
    fn time_at_path(&self, payload: &[u8]) -> Option<i64> {
        let TimeSource::Path(path) = &self.program.time else { return None };
        let message = Reader::new(self.layout.types()).read(self.layout.root(), payload, 0).ok()?;
        let mut at = &message;
        for field in path {
            at = at.one(*field).and_then(Value::message)?;
        }
        time::micros(time::parts(at))
    }
}
