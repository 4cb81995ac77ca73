//! The inverse of the room's JSON: text → payload.
//!
//! What the text does not say comes out as other bytes than it was made of, or as an error: NaN in a Value, an unset Value, a
//! time out of range, an Any whose content is not canonical. So a part is canonical if its bytes come back, and no rule has to
//! list what may be lost.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::{PayloadError, Written};
use super::put::{self, Scalar};
use super::text::Text;
use super::time;
use crate::decode::wire::MOST_NESTED;
use crate::schema::{Arity, EnumId, Field, Kind, MessageId, MessageType, Presence, Types, WellKnown};

/// Appends the deterministic payload of a message of type `id`, given as the JSON that a column holds of it.
///
/// # Errors
/// Where the text is none that the decoder writes of that type: nothing is appended then.
pub fn payload_of_json(types: &Types, id: MessageId, text: &str, out: &mut Vec<u8>) -> Written {
    let start = out.len();
    let mut work = Work { types, text: Text::new(text) };
    let written = work.message(out, id, 0).and_then(|()| work.text.end());
    if written.is_err() {
        out.truncate(start);
    }
    written
}

struct Work<'t, 'j> {
    types: &'t Types,
    text: Text<'j>,
}

impl<'j> Work<'_, 'j> {
    /// Writes the fields of a message; `depth` is how many messages stand around it.
    fn message(&mut self, out: &mut Vec<u8>, id: MessageId, depth: usize) -> Written {
        if depth > MOST_NESTED {
            return Err(PayloadError::new(format!("its JSON nests deeper than {MOST_NESTED} messages")));
        }
        let of = self.types.message(id);
        match of.known {
            None => {
                self.text.expect("{")?;
                self.members(out, of, depth, true)
            }
            Some(WellKnown::Timestamp) => self.time(out, of, "a Timestamp", time::of_timestamp),
            Some(WellKnown::Duration) => self.time(out, of, "a Duration", time::of_duration),
            Some(WellKnown::FieldMask) => self.mask(out, &of.fields[0]),
            Some(WellKnown::Wrapper) => {
                let field = &of.fields[0];
                put::unless_default(out, field.number, field.kind, &self.scalar(field.kind)?);
                Ok(())
            }
            Some(WellKnown::Any) => self.any(out, of, depth),
            Some(WellKnown::Struct) => self.object(out, &of.fields[0], depth),
            Some(WellKnown::ListValue) => self.array(out, &of.fields[0], depth),
            Some(WellKnown::Value) => self.dynamic(out, of, depth),
        }
    }

    /// Writes the members of an object up to its end. They stand in the order of their numbers, each once.
    fn members(&mut self, out: &mut Vec<u8>, of: &MessageType, depth: usize, mut first: bool) -> Written {
        let mut fields = of.in_number_order.iter().map(|at| &of.fields[*at]);
        while self.text.more("}", &mut first)? {
            let wrong = self.text.mark();
            let key = self.text.string()?;
            let field = fields
                .find(|field| field.key == key)
                .ok_or_else(|| wrong.is_not(&format!("the next field of {}", of.name)))?;
            self.text.expect(":")?;
            self.field(out, field, depth).map_err(|error| error.inside(&field.key))?;
        }
        Ok(())
    }

    fn field(&mut self, out: &mut Vec<u8>, field: &Field, depth: usize) -> Written {
        match field.arity {
            Arity::Many => self.array(out, field, depth),
            Arity::Map => self.object(out, field, depth),
            Arity::One if field.presence == Presence::Implicit => {
                put::unless_default(out, field.number, field.kind, &self.scalar(field.kind)?);
                Ok(())
            }
            Arity::One => self.value(out, field, depth),
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, field: &Field, depth: usize) -> Written {
        self.text.expect("[")?;
        let mut first = true;
        if !field.packed {
            while self.text.more("]", &mut first)? {
                self.value(out, field, depth)?;
            }
            return Ok(());
        }
        if self.text.take("]") {
            return Ok(());
        }
        put::block(out, field.number, |out| {
            while self.text.more("]", &mut first)? {
                put::bare(out, field.kind, &self.scalar(field.kind)?);
            }
            Ok(())
        })
    }

    fn object(&mut self, out: &mut Vec<u8>, field: &Field, depth: usize) -> Written {
        let (key_field, value_field) = self.types.entry(field);
        self.text.expect("{")?;
        let mut first = true;
        while self.text.more("}", &mut first)? {
            let wrong = self.text.mark();
            let key = self.text.string()?;
            let key = key_of(key_field.kind, key).ok_or_else(|| wrong.is_not("a key of the map"))?;
            self.text.expect(":")?;
            put::block(out, field.number, |out| {
                put::scalar(out, key_field.number, key_field.kind, &key);
                // The entry is a message, too.
                self.value(out, value_field, depth + 1)
            })?;
        }
        Ok(())
    }

    /// Writes one value of a field, with its tag.
    fn value(&mut self, out: &mut Vec<u8>, field: &Field, depth: usize) -> Written {
        match field.kind.message() {
            Some(id) => put::message(out, field.number, field.kind, |out| self.message(out, id, depth + 1)),
            None => {
                put::scalar(out, field.number, field.kind, &self.scalar(field.kind)?);
                Ok(())
            }
        }
    }

    fn scalar(&mut self, kind: Kind) -> Result<Scalar<'j>, PayloadError> {
        let wrong = self.text.mark();
        let scalar = match kind {
            Kind::Bool if self.text.take("true") => Some(Scalar::Bits(1)),
            Kind::Bool if self.text.take("false") => Some(Scalar::Bits(0)),
            Kind::Float => self.float(|text| Some(u64::from(text.parse::<f32>().ok()?.to_bits())))?,
            Kind::Double => self.float(|text| Some(text.parse::<f64>().ok()?.to_bits()))?,
            Kind::String => Some(Scalar::Bytes(bytes_of(self.text.string()?))),
            Kind::Bytes => {
                STANDARD.decode(self.text.string()?.as_bytes()).ok().map(|bytes| Scalar::Bytes(Cow::Owned(bytes)))
            }
            Kind::Enum(id) => self.enumeration(id)?,
            // A JSON number holds 53 bits in most readers.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                integer(kind, &self.text.string()?)
            }
            _ => integer(kind, self.text.number()),
        };
        scalar.ok_or_else(|| wrong.is_not(&format!("a {kind:?}")))
    }

    fn float(&mut self, parse: impl Fn(&str) -> Option<u64>) -> Result<Option<Scalar<'j>>, PayloadError> {
        let bits = match self.text.peek() {
            Some(b'"') => match &*self.text.string()? {
                // `parse` knows these names, and others that nobody writes.
                name @ ("NaN" | "Infinity" | "-Infinity") => parse(name),
                _ => None,
            },
            _ => parse(self.text.number()),
        };
        Ok(bits.map(Scalar::Bits))
    }

    fn enumeration(&mut self, id: EnumId) -> Result<Option<Scalar<'j>>, PayloadError> {
        let of = self.types.enumeration(id);
        let number = match self.text.peek() {
            Some(b'"') => of.number_of(&self.text.string()?),
            Some(b'n') if of.is_null_value() && self.text.take("null") => Some(0),
            _ => self.text.number().parse().ok(),
        };
        Ok(number.map(|number| Scalar::Bits(i64::from(number) as u64)))
    }

    fn time(
        &mut self,
        out: &mut Vec<u8>,
        of: &MessageType,
        what: &str,
        parse: impl Fn(&str) -> Option<(i64, i32)>,
    ) -> Written {
        let wrong = self.text.mark();
        let (seconds, nanos) = parse(&self.text.string()?).ok_or_else(|| wrong.is_not(what))?;
        for (field, value) in of.fields.iter().zip([seconds, i64::from(nanos)]) {
            put::unless_default(out, field.number, field.kind, &Scalar::Bits(value as u64));
        }
        Ok(())
    }

    fn mask(&mut self, out: &mut Vec<u8>, field: &Field) -> Written {
        let text = self.text.string()?;
        for path in text.split(',').filter(|_| !text.is_empty()) {
            let mut snake = String::with_capacity(path.len() + 4);
            for c in path.chars() {
                if c.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            put::scalar(out, field.number, field.kind, &Scalar::Bytes(bytes_of(Cow::Owned(snake))));
        }
        Ok(())
    }

    /// A Value: the member that the text's first character tells. An unset one has no text.
    fn dynamic(&mut self, out: &mut Vec<u8>, of: &MessageType, depth: usize) -> Written {
        let member = match self.text.peek() {
            Some(b'n') => 0,
            Some(b'-' | b'0'..=b'9') => 1,
            Some(b'"') => 2,
            Some(b't' | b'f') => 3,
            Some(b'{') => 4,
            Some(b'[') => 5,
            _ => return Err(self.text.mark().is_not("a value")),
        };
        self.value(out, &of.fields[member], depth)
    }

    fn any(&mut self, out: &mut Vec<u8>, of: &MessageType, depth: usize) -> Written {
        let [url_field, value_field] = &of.fields[..] else { unreachable!("an Any has two fields") };
        self.text.expect("{")?;
        if self.text.take("}") {
            return Ok(());
        }
        self.text.expect("\"@type\":")?;
        let url = self.text.string()?;
        let content = url.rsplit_once('/').and_then(|(_, name)| self.types.find(name));
        put::unless_default(out, url_field.number, url_field.kind, &Scalar::Bytes(bytes_of(url)));
        let before = out.len();
        put::block(out, value_field.number, |out| self.content(out, content, depth + 1))?;
        // A tag and the length 0: no content.
        if out.len() == before + 2 {
            out.truncate(before);
        }
        Ok(())
    }

    /// Writes an Any's bytes, and passes over the end of its object.
    fn content(&mut self, out: &mut Vec<u8>, id: Option<MessageId>, depth: usize) -> Written {
        match id {
            Some(id) if !self.types.message(id).is_special_in_any() => {
                return self.members(out, self.types.message(id), depth, false);
            }
            Some(id) => {
                self.text.expect(",\"value\":")?;
                self.message(out, id, depth)?;
            }
            None => {
                self.text.expect(",\"value\":")?;
                if let Scalar::Bytes(bytes) = self.scalar(Kind::Bytes)? {
                    out.extend_from_slice(&bytes);
                }
            }
        }
        self.text.expect("}")
    }
}

fn key_of(kind: Kind, key: Cow<'_, str>) -> Option<Scalar<'_>> {
    match (kind, &*key) {
        (Kind::String, _) => Some(Scalar::Bytes(bytes_of(key))),
        (Kind::Bool, "true") => Some(Scalar::Bits(1)),
        (Kind::Bool, "false") => Some(Scalar::Bits(0)),
        (Kind::Bool, _) => None,
        (_, key) => integer(kind, key),
    }
}

fn integer<'a>(kind: Kind, text: &str) -> Option<Scalar<'a>> {
    let bits = match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => i64::from(text.parse::<i32>().ok()?) as u64,
        Kind::Uint32 | Kind::Fixed32 => u64::from(text.parse::<u32>().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => text.parse::<i64>().ok()? as u64,
        Kind::Uint64 | Kind::Fixed64 => text.parse().ok()?,
        _ => return None,
    };
    Some(Scalar::Bits(bits))
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
