//! Canonical payloads of any message type, made from random bytes by the wire format's rules alone: a second opinion on what
//! the writer makes.

use crate::decode::fixture::{Wire, wire};
use crate::schema::{Arity, EnumId, Field, Kind, MessageId, Presence, Types, WellKnown};

/// Where choices come from: bytes, then zeroes.
pub struct Choices<'b>(pub &'b [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    /// Small, large and negative numbers alike.
    fn number(&mut self) -> i64 {
        let (shift, byte) = (u32::from(self.below(9)) * 8, i64::from(self.byte()));
        if shift == 64 { -byte - 1 } else { byte << shift }
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 8] = ["", "a", "größer", "a\"b\\c/\u{1}\n\u{7f}", "  ", "NaN", "null", "𝄞"];
        TEXTS[usize::from(self.below(8))].to_owned()
    }
}

/// Returns a payload of type `id` that lies `depth` messages deep.
pub fn payload(types: &Types, id: MessageId, choices: &mut Choices<'_>, depth: usize) -> Wire {
    let of = types.message(id);
    let field = |at: usize| &of.fields[at];
    let implicit = |w: Wire, at: usize, number: i64| scalar_unless(w, field(at), number);
    match of.known {
        Some(WellKnown::Timestamp) => {
            let seconds = choices.number().clamp(-62_135_596_800, 253_402_300_799);
            let micros = choices.number().rem_euclid(1_000_000);
            implicit(implicit(wire(), 0, seconds), 1, micros * 1_000)
        }
        Some(WellKnown::Duration) => {
            let seconds = choices.number().clamp(-9_000_000_000, 9_000_000_000);
            let nanos = choices.number().rem_euclid(1_000_000_000) * if seconds < 0 { -1 } else { 1 };
            implicit(implicit(wire(), 0, seconds), 1, nanos)
        }
        Some(WellKnown::FieldMask) => (0..choices.below(3))
            .fold(wire(), |w, _| w.text(1, ["a", "foo_bar.baz", "a1_b"][usize::from(choices.below(3))])),
        Some(WellKnown::Any) => any(types, choices, depth),
        Some(WellKnown::Value) => {
            let of_depth = if depth > 5 { 4 } else { 6 };
            match choices.below(of_depth) {
                0 => wire().varint(1, 0),
                1 => wire().double(2, finite(choices.number() as f64)),
                2 => wire().text(3, &choices.text()),
                3 => wire().varint(4, i64::from(choices.below(2))),
                at => one(types, wire(), &of.fields[usize::from(at)], choices, depth),
            }
        }
        _ => {
            let chosen = choices.byte();
            of.in_number_order.iter().fold(wire(), |w, at| {
                let of_oneof = field(*at).oneof.map(|oneof| {
                    let members = || of.fields.iter().enumerate().filter(move |(_, field)| field.oneof == Some(oneof));
                    members().nth(usize::from(chosen) % (members().count() + 1)).map(|(at, _)| at)
                });
                match of_oneof {
                    Some(member) if member != Some(*at) => w,
                    Some(_) => one(types, w, field(*at), choices, depth),
                    None => some(types, w, field(*at), choices, depth),
                }
            })
        }
    }
}

/// Appends a field that may be left out.
fn some(types: &Types, w: Wire, field: &Field, choices: &mut Choices<'_>, depth: usize) -> Wire {
    let required = field.presence == Presence::Required;
    let deep = depth > 5 && field.kind.message().is_some();
    if !required && (deep || choices.below(3) > 0) {
        return w;
    }
    match field.arity {
        Arity::One if field.presence == Presence::Implicit => match field.kind {
            Kind::String | Kind::Bytes => match choices.text() {
                text if text.is_empty() => w,
                text => w.text(field.number, &text),
            },
            _ => {
                let number = number_of(types, field.kind, choices);
                scalar_unless(w, field, number)
            }
        },
        Arity::One => one(types, w, field, choices, depth),
        Arity::Many if field.packed => {
            let block = (0..choices.below(4)).fold(wire(), |block, _| {
                let number = number_of(types, field.kind, choices);
                bare(block, field.kind, number)
            });
            if block.0.is_empty() { w } else { w.message(field.number, block) }
        }
        Arity::Many => (0..choices.below(4)).fold(w, |w, _| one(types, w, field, choices, depth)),
        Arity::Map => {
            let (key, value) = types.entry(field);
            let most = if key.kind == Kind::Bool { 2 } else { 4 };
            (0..choices.below(most + 1)).fold(w, |w, at| {
                let entry = match key.kind {
                    Kind::String => wire().text(1, ["z", "", "a", "ö"][usize::from(at)]),
                    Kind::Bool => scalar(wire(), key, i64::from(1 - at)),
                    _ => scalar(wire(), key, [1, 0, 7, 300][usize::from(at)]),
                };
                w.message(field.number, one(types, entry, value, choices, depth + 1))
            })
        }
    }
}

/// Appends one value, be it its default.
fn one(types: &Types, w: Wire, field: &Field, choices: &mut Choices<'_>, depth: usize) -> Wire {
    match field.kind {
        Kind::Message(id) => w.message(field.number, payload(types, id, choices, depth + 1)),
        Kind::Delimited(id) => w.group(field.number, payload(types, id, choices, depth + 1)),
        Kind::String => w.text(field.number, &choices.text()),
        Kind::Bytes => w.bytes(field.number, &[choices.byte(), 0xff][..usize::from(choices.below(3))]),
        kind => {
            let number = number_of(types, kind, choices);
            scalar(w, field, number)
        }
    }
}

fn any(types: &Types, choices: &mut Choices<'_>, depth: usize) -> Wire {
    let names = ["corpus.v1.Node", "google.protobuf.Struct", "google.protobuf.Any", "google.protobuf.Int64Value"];
    let content = |w: Wire, value: Wire| if value.0.is_empty() { w } else { w.message(2, value) };
    match choices.below(6) {
        0 => wire(),
        1 => wire().text(1, "no/such.Type").bytes(2, &[0xff]),
        _ if depth > 4 => wire().bytes(2, b"no type"),
        at => {
            let name = names[usize::from(at) - 2];
            let Some(id) = types.find(name) else { return wire().text(1, "unknown") };
            content(wire().text(1, &format!("t/{name}")), payload(types, id, choices, depth + 1))
        }
    }
}

fn number_of(types: &Types, kind: Kind, choices: &mut Choices<'_>) -> i64 {
    let number = choices.number();
    match kind {
        Kind::Bool => number & 1,
        Kind::Enum(id) => enum_number(types, id, number),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => i64::from(number as i32),
        Kind::Uint32 | Kind::Fixed32 => i64::from(number as u32),
        _ => number,
    }
}

fn enum_number(types: &Types, id: EnumId, number: i64) -> i64 {
    let of = types.enumeration(id);
    if of.is_null_value() { 0 } else { i64::from(number as i32) }
}

fn scalar_unless(w: Wire, field: &Field, number: i64) -> Wire {
    if number == 0 { w } else { scalar(w, field, number) }
}

fn scalar(w: Wire, field: &Field, number: i64) -> Wire {
    let wire_type = match field.kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
        _ => 0,
    };
    bare(w.tag(field.number, wire_type), field.kind, number)
}

fn bare(w: Wire, kind: Kind, number: i64) -> Wire {
    match kind {
        Kind::Double => w.raw(&(number as f64 / 8.0).to_le_bytes()),
        Kind::Float => w.raw(&(number as f32 / 8.0).to_le_bytes()),
        Kind::Fixed64 | Kind::Sfixed64 => w.raw(&number.to_le_bytes()),
        Kind::Fixed32 | Kind::Sfixed32 => w.raw(&(number as u32).to_le_bytes()),
        Kind::Sint32 | Kind::Sint64 => w.number((number << 1 ^ number >> 63) as u64),
        _ => w.number(number as u64),
    }
}

fn finite(number: f64) -> f64 {
    if number.is_finite() { number / 3.0 } else { 0.5 }
}
