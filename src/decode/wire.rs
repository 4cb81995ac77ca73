//! Payload → [`Message`]: protobuf's rules of reading, type by type.

use std::borrow::Cow;

use super::cursor::{Cursor, Tag, WireType};
use super::reject::{Checked, Reason, Reject};
use super::value::{Key, Message, Value};
use crate::schema::{Arity, Field, Kind, MessageId, MessageType, Types, Utf8};

/// How deep messages, groups and map entries may nest below the root: protobuf's own limit.
pub const MOST_NESTED: usize = 100;

/// The most bytes of a record, of an inflated payload, and (but for its last record) of an object: with what decoding may add to
/// text, each column stays below the 2 GiB that Arrow's offsets address.
pub const MOST_BYTES: usize = 256 << 20;

/// Reads payloads.
pub struct Reader<'t> {
    types: &'t Types,
    /// Whether a string was not UTF-8 and is given otherwise.
    pub replaced: bool,
}

impl<'t> Reader<'t> {
    pub fn new(types: &'t Types) -> Reader<'t> {
        Reader { types, replaced: false }
    }

    /// Reads a message of type `id`; `depth` is how deep the caller already stands.
    pub fn read<'a>(&mut self, id: MessageId, payload: &'a [u8], depth: usize) -> Checked<Message<'a>> {
        let mut cursor = Cursor::new(payload);
        let mut message = Message::new(0);
        self.fields(id, &mut cursor, None, depth, &mut message)?;
        Ok(message)
    }

    /// Reads fields until the cursor's end, or until the end of group `group`.
    fn fields<'a>(
        &mut self,
        id: MessageId,
        cursor: &mut Cursor<'a>,
        group: Option<u32>,
        depth: usize,
        message: &mut Message<'a>,
    ) -> Checked<()> {
        let types = self.types;
        let of = types.message(id);
        while !cursor.at_end() {
            let tag = cursor.tag()?;
            if tag.wire == WireType::GroupEnd {
                return end_of_group(tag, group);
            }
            match of.field_index(tag.number) {
                Some(at) => {
                    let field = &of.fields[at];
                    self.field(of, at, tag, cursor, depth, message).map_err(|reject| reject.inside(field))?;
                }
                None => skip(tag, cursor, depth)?,
            }
        }
        match group {
            None => Ok(()),
            Some(number) => {
                Err(Reject::new(Reason::Truncated, cursor.position(), format!("the end inside group {number}")))
            }
        }
    }

    fn field<'a>(
        &mut self,
        of: &MessageType,
        at: usize,
        tag: Tag,
        cursor: &mut Cursor<'a>,
        depth: usize,
        message: &mut Message<'a>,
    ) -> Checked<()> {
        let field = &of.fields[at];
        let fitting = wire_of(field.kind);
        match field.arity {
            Arity::Many if tag.wire == WireType::Len && fitting != WireType::Len && packable(fitting) => {
                let mut block = cursor.block()?;
                let values = message.list(at);
                values.reserve(numbers(fitting, block.rest()));
                while !block.at_end() {
                    values.push(self.value(field, tag, &mut block, depth, None)?);
                }
            }
            _ if tag.wire != fitting => return Err(wrong_wire(tag, fitting)),
            Arity::Many => {
                let value = self.value(field, tag, cursor, depth, None)?;
                message.list(at).push(value);
            }
            Arity::Map => {
                let (key, value) = self.entry(field, cursor, depth)?;
                message.map(at).insert(key, value);
            }
            Arity::One => {
                // A singular message that comes again is merged into the first.
                let before = message.take_message(at);
                let value = self.value(field, tag, cursor, depth, before)?;
                if let Some(oneof) = field.oneof {
                    let others = of.fields.iter().enumerate().filter(|(_, other)| other.oneof == Some(oneof));
                    others.for_each(|(other, _)| message.clear(other));
                }
                message.set(at, value);
            }
        }
        Ok(())
    }

    /// Reads one value whose wire type fits.
    fn value<'a>(
        &mut self,
        field: &Field,
        tag: Tag,
        cursor: &mut Cursor<'a>,
        depth: usize,
        before: Option<Message<'a>>,
    ) -> Checked<Value<'a>> {
        Ok(match field.kind {
            Kind::Double => Value::Double(f64::from_le_bytes(cursor.fixed64()?)),
            Kind::Float => Value::Float(f32::from_le_bytes(cursor.fixed32()?)),
            // Narrower integers take the low bits of what is there, as every implementation does.
            Kind::Int64 => Value::Int64(cursor.varint()? as i64),
            Kind::Uint64 => Value::Uint64(cursor.varint()?),
            Kind::Int32 => Value::Int32(cursor.varint()? as i32),
            Kind::Fixed64 => Value::Uint64(u64::from_le_bytes(cursor.fixed64()?)),
            Kind::Fixed32 => Value::Uint32(u32::from_le_bytes(cursor.fixed32()?)),
            Kind::Bool => Value::Bool(cursor.varint()? != 0),
            Kind::Uint32 => Value::Uint32(cursor.varint()? as u32),
            Kind::Enum(_) => Value::Enum(cursor.varint()? as i32),
            Kind::Sfixed32 => Value::Int32(i32::from_le_bytes(cursor.fixed32()?)),
            Kind::Sfixed64 => Value::Int64(i64::from_le_bytes(cursor.fixed64()?)),
            Kind::Sint32 => {
                let raw = cursor.varint()? as u32;
                Value::Int32((raw >> 1) as i32 ^ -((raw & 1) as i32))
            }
            Kind::Sint64 => {
                let raw = cursor.varint()?;
                Value::Int64((raw >> 1) as i64 ^ -((raw & 1) as i64))
            }
            Kind::Bytes => Value::Bytes(cursor.block()?.rest()),
            Kind::String => Value::Text(self.text(field.utf8, cursor.block()?)?),
            Kind::Message(id) => {
                let depth = deeper(depth, tag.position)?;
                let mut block = cursor.block()?;
                let mut message = before.unwrap_or_else(|| Message::new(block.position()));
                self.fields(id, &mut block, None, depth, &mut message)?;
                Value::Message(message)
            }
            Kind::Delimited(id) => {
                let depth = deeper(depth, tag.position)?;
                let mut message = before.unwrap_or_else(|| Message::new(cursor.position()));
                self.fields(id, cursor, Some(tag.number), depth, &mut message)?;
                Value::Message(message)
            }
        })
    }

    /// Reads a map entry: a message of key and value, where each may be missing, repeated or joined by unknown fields.
    fn entry<'a>(&mut self, field: &Field, cursor: &mut Cursor<'a>, depth: usize) -> Checked<(Key<'a>, Value<'a>)> {
        let types = self.types;
        let depth = deeper(depth, cursor.position())?;
        let id = field.kind.message().expect("a map field's kind is its entry message");
        let mut block = cursor.block()?;
        let position = block.position();
        let mut entry = Message::new(position);
        self.fields(id, &mut block, None, depth, &mut entry)?;
        let (key, value) = types.entry(field);
        let key_value = entry.one(0).cloned().unwrap_or_else(|| default_value(key.kind, position));
        let value = entry.one(1).cloned().unwrap_or_else(|| default_value(value.kind, position));
        Ok((into_key(key_value), value))
    }

    fn text<'a>(&mut self, rule: Utf8, block: Cursor<'a>) -> Checked<Cow<'a, str>> {
        let bytes = block.rest();
        match (std::str::from_utf8(bytes), rule) {
            (Ok(text), _) => Ok(Cow::Borrowed(text)),
            (Err(error), Utf8::Verify) => {
                let position = block.position() + error.valid_up_to();
                Err(Reject::new(Reason::Utf8, position, "a string that is not UTF-8"))
            }
            // U+FFFD for each maximal invalid part.
            (Err(_), Utf8::Replace) => {
                self.replaced = true;
                Ok(String::from_utf8_lossy(bytes))
            }
        }
    }
}

/// Returns what an unset field without presence means.
pub fn default_value<'a>(kind: Kind, position: usize) -> Value<'a> {
    match kind {
        Kind::Double => Value::Double(0.0),
        Kind::Float => Value::Float(0.0),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::Int64(0),
        Kind::Uint64 | Kind::Fixed64 => Value::Uint64(0),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::Int32(0),
        Kind::Uint32 | Kind::Fixed32 => Value::Uint32(0),
        Kind::Bool => Value::Bool(false),
        Kind::String => Value::Text(Cow::Borrowed("")),
        Kind::Bytes => Value::Bytes(&[]),
        // Compilers let no other number come first where an enum has no presence.
        Kind::Enum(_) => Value::Enum(0),
        Kind::Message(_) | Kind::Delimited(_) => Value::Message(Message::new(position)),
    }
}

fn into_key(value: Value<'_>) -> Key<'_> {
    match value {
        Value::Bool(key) => Key::Bool(key),
        Value::Int32(key) => Key::Int32(key),
        Value::Int64(key) => Key::Int64(key),
        Value::Uint32(key) => Key::Uint32(key),
        Value::Uint64(key) => Key::Uint64(key),
        Value::Text(key) => Key::Text(key),
        Value::Float(_) | Value::Double(_) | Value::Bytes(_) | Value::Enum(_) | Value::Message(_) => {
            unreachable!("the schema admits no such key")
        }
    }
}

fn wire_of(kind: Kind) -> WireType {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::Fixed64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::Fixed32,
        Kind::String | Kind::Bytes | Kind::Message(_) => WireType::Len,
        Kind::Delimited(_) => WireType::GroupStart,
        Kind::Int64
        | Kind::Uint64
        | Kind::Int32
        | Kind::Bool
        | Kind::Uint32
        | Kind::Enum(_)
        | Kind::Sint32
        | Kind::Sint64 => WireType::Varint,
    }
}

/// How many numbers stand in a block.
fn numbers(wire: WireType, block: &[u8]) -> usize {
    match wire {
        WireType::Fixed64 => block.len() / 8,
        WireType::Fixed32 => block.len() / 4,
        _ => block.iter().filter(|byte| **byte < 0x80).count(),
    }
}

fn packable(wire: WireType) -> bool {
    matches!(wire, WireType::Varint | WireType::Fixed32 | WireType::Fixed64)
}

fn wrong_wire(tag: Tag, fitting: WireType) -> Box<Reject> {
    Reject::new(Reason::WireType, tag.position, format!("wire type {:?} where {fitting:?} fits", tag.wire))
}

fn deeper(depth: usize, position: usize) -> Checked<usize> {
    if depth < MOST_NESTED {
        Ok(depth + 1)
    } else {
        Err(Reject::new(Reason::Depth, position, format!("messages nest deeper than {MOST_NESTED}")))
    }
}

fn end_of_group(tag: Tag, group: Option<u32>) -> Checked<()> {
    if group == Some(tag.number) {
        return Ok(());
    }
    let detail = match group {
        Some(open) => format!("the end of group {} inside group {open}", tag.number),
        None => format!("the end of group {}, which was not begun", tag.number),
    };
    Err(Reject::new(Reason::MalformedTag, tag.position, detail))
}

/// Passes over an unknown field.
fn skip(tag: Tag, cursor: &mut Cursor<'_>, depth: usize) -> Checked<()> {
    match tag.wire {
        WireType::Varint => cursor.varint().map(drop),
        WireType::Fixed64 => cursor.fixed64().map(drop),
        WireType::Len => cursor.block().map(drop),
        WireType::Fixed32 => cursor.fixed32().map(drop),
        WireType::GroupEnd => end_of_group(tag, None),
        WireType::GroupStart => {
            let depth = deeper(depth, tag.position)?;
            while !cursor.at_end() {
                let inner = cursor.tag()?;
                if inner.wire == WireType::GroupEnd {
                    return end_of_group(inner, Some(tag.number));
                }
                skip(inner, cursor, depth)?;
            }
            let detail = format!("the end inside group {}", tag.number);
            Err(Reject::new(Reason::Truncated, cursor.position(), detail))
        }
    }
}
