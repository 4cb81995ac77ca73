//! A row of bound columns → its bytes.

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_buffer::NullBuffer;

use super::columns::{Content, Field, Lists, Message, Scalars, Value, Values, bind};
use super::error::{PayloadError, Written};
use super::json::payload_of_json;
use super::put::{self, Scalar};
use crate::schema::{Layout, Presence, Types};

/// Makes the payloads of a batch's rows.
pub struct PayloadWriter<'l> {
    types: &'l Types,
    message: Message,
}

impl<'l> PayloadWriter<'l> {
    /// Binds a batch of the layout's rows. Only the message's columns are looked at; text, bytes and enums may be
    /// dictionary-encoded or plain.
    ///
    /// # Errors
    /// Where a column is missing or of another type, or holds an enum or number in text that is none.
    pub fn new(layout: &'l Layout, batch: &RecordBatch) -> Result<PayloadWriter<'l>, PayloadError> {
        let (types, array_of) = (layout.types(), |name: &str| batch.column_by_name(name).cloned());
        Ok(PayloadWriter { types, message: bind(types, layout.root(), layout.columns(), &array_of)? })
    }

    /// Appends the payload of a row, which must be no tombstone.
    ///
    /// # Errors
    /// Where the row holds null or JSON that the decoder never writes there: nothing is appended then.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let start = out.len();
        let written = self.message.write(self.types, row, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }
}

impl Message {
    fn write(&self, types: &Types, row: usize, out: &mut Vec<u8>) -> Written {
        self.fields.iter().try_for_each(|field| field.write(types, row, out).map_err(|error| error.inside(&field.name)))
    }
}

impl Field {
    fn write(&self, types: &Types, row: usize, out: &mut Vec<u8>) -> Written {
        match &self.shape {
            Values::One { presence: Presence::Explicit, value } if is_null(&value.nulls, row) => Ok(()),
            Values::One { presence: Presence::Implicit, value } if value.is_default(row) => Ok(()),
            Values::One { value, .. } => value.write(types, row, out),
            Values::Many { lists, packed: false, value } => {
                lists.of(row)?.try_for_each(|at| value.write(types, at, out))
            }
            Values::Many { lists, packed: true, value } => match lists.of(row)? {
                none if none.is_empty() => Ok(()),
                mut some => put::block(out, self.number, |out| some.try_for_each(|at| value.bare(at, out))),
            },
            Values::Map { lists, key, value } => lists.of(row)?.try_for_each(|at| {
                put::block(out, self.number, |out| {
                    key.write(types, at, out)?;
                    value.write(types, at, out)
                })
            }),
        }
    }
}

impl Lists {
    fn of(&self, row: usize) -> Result<Range<usize>, PayloadError> {
        if is_null(&self.nulls, row) {
            return Err(null());
        }
        Ok(self.offsets[row] as usize..self.offsets[row + 1] as usize)
    }
}

impl Value {
    /// Writes a value with its tag.
    fn write(&self, types: &Types, at: usize, out: &mut Vec<u8>) -> Written {
        if is_null(&self.nulls, at) {
            return Err(null());
        }
        match &self.content {
            Content::Message(message) => put::message(out, self.number, self.kind, |out| message.write(types, at, out)),
            Content::Json(id, texts) => {
                put::message(out, self.number, self.kind, |out| payload_of_json(types, *id, texts.value(at), out))
            }
            Content::Scalars(scalars) => {
                put::scalar(out, self.number, self.kind, &scalars.at(at));
                Ok(())
            }
        }
    }

    /// Writes a number without its tag.
    fn bare(&self, at: usize, out: &mut Vec<u8>) -> Written {
        match &self.content {
            _ if is_null(&self.nulls, at) => Err(null()),
            Content::Scalars(scalars) => {
                put::bare(out, self.kind, &scalars.at(at));
                Ok(())
            }
            Content::Message(_) | Content::Json(..) => unreachable!("the schema packs only numbers"),
        }
    }

    /// Whether a field without presence holds its default. A null is none.
    fn is_default(&self, at: usize) -> bool {
        matches!(&self.content, Content::Scalars(scalars) if !is_null(&self.nulls, at) && scalars.at(at).is_default())
    }
}

impl Scalars {
    fn at(&self, at: usize) -> Scalar<'_> {
        match self {
            Scalars::Bits(bits) => Scalar::Bits(bits[at]),
            Scalars::Bytes(bytes) => Scalar::Bytes(Cow::Borrowed(bytes.value(at))),
        }
    }
}

fn is_null(nulls: &Option<NullBuffer>, at: usize) -> bool {
    nulls.as_ref().is_some_and(|nulls| nulls.is_null(at))
}

fn null() -> PayloadError {
    PayloadError::new("null, where a row has a value")
}
