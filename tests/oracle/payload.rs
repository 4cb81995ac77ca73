//! Payloads at random: canonical ones, odd ones that mean something all the same, damaged ones, and noise.

mod damage;

use prost_reflect::{Kind, MessageDescriptor};

use super::choices::Choices;
use super::fields::{Field, fields};
use super::schema::{KNOWN, Schema};
use super::wire::{self, END, FIXED32, FIXED64, GROUP, LEN, VARINT};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub bytes: Vec<u8>,
    /// Whether it was written as the deterministic encoder writes: it is canonical if its columns say all.
    pub regular: bool,
}

/// A payload grows no further beyond this many bytes.
const LARGE: usize = 2_000;

/// Below this level no message is begun that need not be.
const DEEP: usize = 6;

const TEXTS: [&str; 14] = [
    "",
    "a",
    "b",
    "ä",
    "日本",
    "😀",
    "\0",
    "\"\\\n\t/",
    "\u{fffd}",
    "\u{7f}\u{80}\u{2028}",
    "snake_case",
    "a.b_c",
    "1",
    "Z",
];

const NO_TEXTS: [&[u8]; 4] = [b"\xff", b"\xe2\x82", b"\xc0\x80a", b"\xed\xa0\x80"];

impl Payload {
    pub fn random(schema: &Schema, choices: &mut Choices<'_>) -> Payload {
        let how = choices.below(10);
        if how == 9 {
            let length = choices.below(60);
            return Payload { bytes: choices.bytes(length), regular: false };
        }
        let mut scribe = Scribe { schema, choices, odd: !(0..4).contains(&how), regular: true, written: 0 };
        let mut bytes = scribe.message(&schema.root(), 0);
        let regular = scribe.regular;
        if how == 8 {
            damage::damage(&mut bytes, choices);
        }
        Payload { bytes, regular: regular && how < 8 }
    }
}

struct Scribe<'s, 'c, 'b> {
    schema: &'s Schema,
    choices: &'c mut Choices<'b>,
    odd: bool,
    regular: bool,
    written: usize,
}

impl Scribe<'_, '_, '_> {
    /// Says yes rarely, and then the payload is no longer regular.
    fn oddly(&mut self, percent: usize) -> bool {
        let yes = self.odd && self.choices.chance(percent);
        self.regular &= !yes;
        yes
    }

    fn message(&mut self, of: &MessageDescriptor, depth: usize) -> Vec<u8> {
        match of.full_name() {
            "google.protobuf.Timestamp" => return self.timestamp(),
            "google.protobuf.Duration" => return self.duration(),
            "google.protobuf.Any" => return self.any(depth),
            _ => {}
        }
        let mut all = fields(of);
        all.sort_by_key(|field| field.number);
        let chosen: Vec<u32> = of
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .filter_map(|oneof| {
                let members: Vec<u32> = oneof.fields().map(|member| member.number()).collect();
                let at = self.choices.below(members.len() + 1);
                members.get(at).copied()
            })
            .collect();
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for field in &all {
            let wanted = match &field.oneof {
                Some(_) => chosen.contains(&field.number) || self.oddly(10),
                None if field.required => !self.oddly(3),
                None => self.choices.chance(if depth == 0 { 65 } else { 45 }),
            };
            let heavy = field.message().is_some() && depth >= DEEP || self.written > LARGE;
            if !wanted || heavy && !field.required {
                continue;
            }
            parts.push(self.field(field, depth));
            if self.oddly(5) {
                parts.push(self.field(field, depth));
            }
        }
        if self.oddly(10) {
            parts.push(self.unknown(of));
        }
        if parts.len() > 1 && self.oddly(15) {
            let (one, other) = (self.choices.below(parts.len()), self.choices.below(parts.len()));
            parts.swap(one, other);
        }
        let bytes = parts.concat();
        self.written += bytes.len();
        bytes
    }

    /// Writes all that a message says of one field.
    fn field(&mut self, field: &Field, depth: usize) -> Vec<u8> {
        if field.map {
            return self.map(field, depth);
        }
        if !field.list {
            let value = self.value(&field.kind, field.group, depth);
            // A default says nothing.
            if !field.presence && value.iter().all(|byte| *byte == 0) && !self.oddly(50) {
                return Vec::new();
            }
            return self.tagged(field.number, field.wire(), value);
        }
        let mut out = Vec::new();
        let mut packed = field.packed;
        loop {
            let values: Vec<_> =
                (0..self.choices.below(5)).map(|_| self.value(&field.kind, field.group, depth)).collect();
            if packed {
                if !values.is_empty() || self.oddly(50) {
                    let block = self.block(&values.concat());
                    out.extend(self.tagged(field.number, LEN, block));
                }
            } else {
                values.into_iter().for_each(|value| out.extend(self.tagged(field.number, field.wire(), value)));
            }
            if !self.oddly(20) {
                return out;
            }
            packed = field.packable() && self.choices.chance(50);
        }
    }

    fn map(&mut self, field: &Field, depth: usize) -> Vec<u8> {
        let entry = field.message().expect("a map's field");
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let wire_of = |number| super::fields::field(&entry, number).expect("an entry's field").wire();
        let (mut out, mut keys) = (Vec::new(), Vec::new());
        for _ in 0..self.choices.below(5) {
            let key_bytes = self.value(&key.kind(), false, depth);
            if keys.contains(&key_bytes) && !self.oddly(80) {
                continue;
            }
            let mut parts = Vec::new();
            if !self.oddly(5) {
                parts.push(self.tagged(1, wire_of(1), key_bytes.clone()));
            }
            keys.push(key_bytes);
            for _ in 0..1 + usize::from(self.oddly(5)) {
                let value_bytes = self.value(&value.kind(), false, depth + 1);
                parts.push(self.tagged(2, wire_of(2), value_bytes));
            }
            if self.oddly(5) {
                parts.pop();
            }
            if self.oddly(5) {
                parts.push(self.unknown(&entry));
            }
            if self.oddly(5) {
                parts.reverse();
            }
            let block = self.block(&parts.concat());
            out.extend(self.tagged(field.number, LEN, block));
        }
        out
    }

    /// Writes a value without its tag: with its length, but without the end of its group.
    fn value(&mut self, kind: &Kind, group: bool, depth: usize) -> Vec<u8> {
        match kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => self.fixed().to_le_bytes().to_vec(),
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => match self.choices.below(4) {
                0 => (self.choices.number() as u32).to_le_bytes().to_vec(),
                1 => f32::from_bits(self.choices.word() as u32).to_le_bytes().to_vec(),
                _ => (self.choices.byte() as f32 / 4.0 - 2.0).to_le_bytes().to_vec(),
            },
            Kind::Int64 | Kind::Uint64 | Kind::Sint64 => {
                let number = self.choices.number();
                self.varint(number)
            }
            Kind::Int32 => {
                let number = self.choices.number() as i32;
                if number < 0 && self.oddly(20) {
                    self.varint(number as u32 as u64)
                } else {
                    self.narrow(number as u64)
                }
            }
            Kind::Uint32 | Kind::Sint32 => {
                let number = self.choices.number() as u32;
                self.narrow(number.into())
            }
            Kind::Bool => {
                let number = self.choices.below(2) as u64;
                self.narrow(number)
            }
            Kind::Enum(of) => {
                let values: Vec<i32> = of.values().map(|value| value.number()).collect();
                let number = match self.choices.below(8) {
                    0 => self.choices.number() as i32,
                    _ => *self.choices.pick(&values),
                };
                self.narrow(number as u64)
            }
            Kind::String => {
                let text = self.text();
                self.block(&text)
            }
            Kind::Bytes => {
                let most = if self.choices.chance(5) { 200 } else { 8 };
                let length = self.choices.below(most);
                let bytes = self.choices.bytes(length);
                self.block(&bytes)
            }
            Kind::Message(of) => {
                let content = self.message(of, depth + 1);
                if group { content } else { self.block(&content) }
            }
        }
    }

    /// Writes a number of fewer than 64 bits, seldom with bits beyond them.
    fn narrow(&mut self, number: u64) -> Vec<u8> {
        let above = if self.oddly(2) { self.choices.word() << 32 } else { 0 };
        self.varint(number ^ above)
    }

    fn fixed(&mut self) -> u64 {
        match self.choices.below(4) {
            0 => self.choices.number(),
            1 => self.choices.word(),
            _ => (f64::from(self.choices.byte()) / 4.0 - 2.0).to_bits(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..1 + if self.choices.chance(3) { 60 } else { self.choices.below(3) } {
            text.extend_from_slice(self.choices.pick(&TEXTS).as_bytes());
        }
        if self.oddly(1) {
            text.extend_from_slice(NO_TEXTS[self.choices.below(4)]);
        }
        text
    }

    fn timestamp(&mut self) -> Vec<u8> {
        let (seconds, nanos) = match self.choices.below(8) {
            0 => (self.choices.number(), self.choices.number()),
            1 => {
                (*self.choices.pick(&[-62_135_596_800i64, -62_135_596_801, 253_402_300_799, 253_402_300_800]) as u64, 0)
            }
            2 => (self.choices.word() % 253_402_300_800, self.choices.word() % 1_000_000_000),
            _ => (1_700_000_000 + u64::from(self.choices.byte()), self.choices.word() % 1_000_000 * 1_000),
        };
        self.seconds(seconds, nanos as i32)
    }

    fn duration(&mut self) -> Vec<u8> {
        let (seconds, nanos) = match self.choices.below(8) {
            0 => (self.choices.number(), self.choices.number() as i32),
            1 => (*self.choices.pick(&[9_223_372_036, 9_223_372_037, 315_576_000_000, 315_576_000_001]), 854_775_807),
            2 => (-i64::from(self.choices.byte()) as u64, -(self.choices.word() as i32 & 0x1fff_ffff)),
            _ => (self.choices.byte().into(), self.choices.word() as i32 & 0x1fff_ffff),
        };
        self.seconds(seconds, nanos)
    }

    fn seconds(&mut self, seconds: u64, nanos: i32) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, value) in [(1, seconds), (2, nanos as u64)] {
            if value != 0 || self.oddly(10) {
                let value = self.varint(value);
                out.extend(self.tagged(number, VARINT, value));
            }
        }
        out
    }

    fn any(&mut self, depth: usize) -> Vec<u8> {
        let schema = self.schema;
        let name = match self.choices.below(6) {
            0 => "none.Such".to_owned(),
            1 | 2 => format!("google.protobuf.{}", self.choices.pick(&KNOWN)),
            _ => {
                let made: Vec<_> = schema.made_messages().map(|message| message.full_name().to_owned()).collect();
                self.choices.pick(&made).clone()
            }
        };
        let url = format!("{}{name}", self.choices.pick(&["type.googleapis.com/", "type.googleapis.com/", "/", ""]));
        let content = match schema.types.get_message_by_name(&name) {
            Some(message) if depth < DEEP && !self.choices.chance(10) => self.message(&message, depth + 1),
            _ => {
                let length = self.choices.below(8);
                self.choices.bytes(length)
            }
        };
        let mut out = Vec::new();
        for (number, part) in [(1, url.as_bytes()), (2, &content)] {
            if !part.is_empty() && !self.choices.chance(5) {
                let block = self.block(part);
                out.extend(self.tagged(number, LEN, block));
            }
        }
        out
    }

    fn unknown(&mut self, of: &MessageDescriptor) -> Vec<u8> {
        let numbers = [99, 1_999, 536_870_900, 1, 5_000];
        let number = *self.choices.pick(&numbers);
        if super::fields::field(of, number).is_some() {
            return Vec::new();
        }
        let content = match self.choices.below(5) {
            0 => return self.unknown_group(number),
            1 => (FIXED64, self.choices.bytes(8)),
            2 => (FIXED32, self.choices.bytes(4)),
            3 => {
                let value = self.choices.number();
                (VARINT, self.varint(value))
            }
            _ => {
                let length = self.choices.below(9);
                let bytes = self.choices.bytes(length);
                (LEN, self.block(&bytes))
            }
        };
        self.tagged(number, content.0, content.1)
    }

    fn unknown_group(&mut self, number: u32) -> Vec<u8> {
        let inner = if self.choices.chance(50) { wire::number(1, 7) } else { self.tagged(3, GROUP, Vec::new()) };
        self.tagged(number, GROUP, inner)
    }

    fn block(&mut self, content: &[u8]) -> Vec<u8> {
        let mut out = self.varint(content.len() as u64);
        out.extend_from_slice(content);
        out
    }

    fn tagged(&mut self, number: u32, wire: u8, value: Vec<u8>) -> Vec<u8> {
        let mut out = wire::tag(number, wire);
        if out.len() < 5 && self.oddly(1) {
            lengthen(&mut out, 5);
        }
        out.extend(value);
        if wire == GROUP {
            out.extend(wire::tag(number, END));
        }
        out
    }

    fn varint(&mut self, value: u64) -> Vec<u8> {
        let mut out = wire::varint(value);
        if self.oddly(1) {
            let length = 1 + self.choices.below(10);
            lengthen(&mut out, length);
            if out.len() == 10 && self.choices.chance(30) {
                out[9] |= self.choices.byte() & 0x7e;
            }
        }
        out
    }
}

/// Makes a varint longer than it need be.
fn lengthen(varint: &mut Vec<u8>, length: usize) {
    while varint.len() < length {
        *varint.last_mut().expect("a varint has a byte") |= 0x80;
        varint.push(0);
    }
}
