//! What stands around the payload in a record's value. The framing is the topic's rule; nothing is guessed.

use std::borrow::Cow;
use std::fmt;

use super::cursor::Cursor;
use super::reject::{Checked, Reason, Reject};
use super::wire::MOST_BYTES;
use crate::domain::Record;
use crate::schema::Framing;

/// A value taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Framed<'a> {
    /// The bytes before the payload, as they came; nothing for a value without frame.
    pub framing: Option<&'a [u8]>,
    pub payload: Cow<'a, [u8]>,
    pub schema: Option<SchemaName>,
}

/// What a producer calls its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaName {
    /// A registry id.
    Id(u32),
    Guid([u8; 16]),
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match self {
            SchemaName::Id(id) => return id.fmt(f),
            SchemaName::Guid(bytes) => bytes,
        };
        for (at, byte) in bytes.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl Framed<'_> {
    /// Whether the payload was compressed in the value.
    pub fn is_inflated(&self) -> bool {
        matches!(self.payload, Cow::Owned(_))
    }

    /// Returns what `_raw` holds: the payload, or the whole value where the payload was compressed in it.
    pub fn raw<'r>(&'r self, value: &'r [u8]) -> &'r [u8] {
        match &self.payload {
            Cow::Borrowed(payload) => payload,
            Cow::Owned(_) => value,
        }
    }
}

/// Where Confluent's serializers put the schema's GUID.
const GUID_HEADER: &[u8] = b"__value_schema_id";

/// First byte, compression, UUID.
const GLUE_HEADER: usize = 18;

/// Takes a value apart as `framing` says.
pub fn open<'a>(framing: Framing, record: &Record<'a>, value: &'a [u8]) -> Checked<Framed<'a>> {
    match framing {
        Framing::Raw => Ok(Framed { framing: None, payload: Cow::Borrowed(value), schema: None }),
        Framing::Confluent => confluent(value),
        Framing::ConfluentHeader => confluent_header(record, value),
        Framing::Glue => glue(value),
        Framing::LengthDelimited => length_delimited(value),
    }
}

/// Whether a `_framing` says that the payload was compressed, so that `_raw` holds the whole value.
pub fn is_compressed(framing: &[u8]) -> bool {
    framing.len() == GLUE_HEADER && framing[..2] == [3, 5]
}

fn confluent(value: &[u8]) -> Checked<Framed<'_>> {
    let Some(([0, id @ ..], rest)) = value.split_first_chunk::<5>() else {
        return Err(refused(0, "no magic byte 0 and four bytes of schema id"));
    };
    let indexes = message_indexes(rest).ok_or_else(|| refused(5, "no list of message indexes"))?;
    Ok(split(value, 5 + indexes, Some(SchemaName::Id(u32::from_be_bytes(*id)))))
}

/// The last header of that name counts. The message indexes follow the GUID in the header; a header that ends with the GUID
/// leaves them to the value.
fn confluent_header<'a>(record: &Record<'a>, value: &'a [u8]) -> Checked<Framed<'a>> {
    let header = record.headers().filter(|header| header.name == GUID_HEADER).last();
    let Some(header) = header.and_then(|header| header.value) else {
        return Err(refused(None, "no header __value_schema_id"));
    };
    let (schema, rest) = match header.split_first().map(|(magic, rest)| (magic, rest.split_first_chunk())) {
        Some((1, Some((guid, rest)))) => (SchemaName::Guid(*guid), rest),
        _ => return Err(refused(None, "header __value_schema_id has no magic byte 1 and GUID")),
    };
    if rest.is_empty() {
        let indexes = message_indexes(value).ok_or_else(|| refused(0, "no list of message indexes"))?;
        return Ok(split(value, indexes, Some(schema)));
    }
    match message_indexes(rest) {
        Some(length) if length == rest.len() => {
            Ok(Framed { framing: None, payload: Cow::Borrowed(value), schema: Some(schema) })
        }
        _ => Err(refused(None, "header __value_schema_id has no list of message indexes behind its GUID")),
    }
}

fn glue(value: &[u8]) -> Checked<Framed<'_>> {
    let header = match value.first_chunk::<GLUE_HEADER>() {
        Some(header @ [3, 0 | 5, ..]) => header,
        Some([3, other, ..]) => return Err(refused(1, format!("compression {other} is neither 0 nor 5"))),
        _ => return Err(refused(0, "no byte 3, compression and UUID")),
    };
    let [_, _, guid @ ..] = *header;
    let (schema, rest) = (Some(SchemaName::Guid(guid)), &value[GLUE_HEADER..]);
    if header[1] == 0 {
        // AWS's own serializer puts a message index before the payload. Below 8 it cannot be taken for a tag, since no
        // field has number 0.
        let index = usize::from(rest.first().is_some_and(|byte| *byte < 8));
        return Ok(split(value, GLUE_HEADER + index, schema));
    }
    let mut payload = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(rest, MOST_BYTES)
        .map_err(|error| refused(GLUE_HEADER, format!("no zlib stream: {error}")))?;
    if payload.first().is_some_and(|byte| *byte < 8) {
        payload.remove(0);
    }
    Ok(Framed { framing: Some(header), payload: Cow::Owned(payload), schema })
}

fn length_delimited(value: &[u8]) -> Checked<Framed<'_>> {
    let mut cursor = Cursor::new(value);
    let length = cursor.varint().map_err(|_| refused(0, "no length"))?;
    let at = cursor.position();
    if length == cursor.rest().len() as u64 {
        Ok(split(value, at, None))
    } else {
        Err(refused(0, format!("a length of {length} before {} bytes", cursor.rest().len())))
    }
}

/// Returns how many bytes a list of message indexes takes: zigzag varints, a count first; the count 0 stands for the list [0].
fn message_indexes(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    let mut next = || {
        let raw = cursor.varint().ok()?;
        (raw & 1 == 0).then_some((raw >> 1, cursor.position()))
    };
    let (count, mut end) = next()?;
    // Each index takes a byte at least, so the count is no claim to trust but one to run out of bytes by.
    for _ in 0..count {
        (_, end) = next()?;
    }
    Some(end)
}

fn split(value: &[u8], at: usize, schema: Option<SchemaName>) -> Framed<'_> {
    Framed { framing: Some(&value[..at]), payload: Cow::Borrowed(&value[at..]), schema }
}

fn refused(position: impl Into<Option<usize>>, detail: impl Into<String>) -> Box<Reject> {
    Reject::new(Reason::Framing, position, detail)
}
