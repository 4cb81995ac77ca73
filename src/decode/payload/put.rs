//! Bytes of the wire, each tag, length and varint as short as it can be.

use std::borrow::Cow;

use crate::schema::Kind;

/// A scalar without its type: which bits or bytes, while the field's kind says how they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Of an integer, its value with its sign extended; of a float or double, its IEEE bits; of an enum, its number.
    Bits(u64),
    Bytes(Cow<'a, [u8]>),
}

impl Scalar<'_> {
    /// Whether a field without presence says this by not being there. Of floats, +0 alone does.
    pub fn is_default(&self) -> bool {
        match self {
            Scalar::Bits(bits) => *bits == 0,
            Scalar::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BLOCK: u32 = 2;
const GROUP: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a scalar without a tag, as it stands in a packed block.
pub fn bare(out: &mut Vec<u8>, kind: Kind, scalar: &Scalar<'_>) {
    match scalar {
        Scalar::Bits(bits) => match (wire_of(kind), kind) {
            (FIXED64, _) => out.extend_from_slice(&bits.to_le_bytes()),
            (FIXED32, _) => out.extend_from_slice(&(*bits as u32).to_le_bytes()),
            // A sign-extended 32-bit integer has the zigzag form of its own width.
            (_, Kind::Sint32 | Kind::Sint64) => varint(out, bits << 1 ^ ((*bits as i64) >> 63) as u64),
            _ => varint(out, *bits),
        },
        Scalar::Bytes(bytes) => {
            varint(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }
}

pub fn scalar(out: &mut Vec<u8>, number: u32, kind: Kind, scalar: &Scalar<'_>) {
    tag(out, number, wire_of(kind));
    bare(out, kind, scalar);
}

/// Writes the scalar of a field without presence.
pub fn unless_default(out: &mut Vec<u8>, number: u32, kind: Kind, value: &Scalar<'_>) {
    if !value.is_default() {
        scalar(out, number, kind, value);
    }
}

/// Writes what `body` writes behind its length. A body of 128 bytes or more is moved by a few bytes for it: a hundred nested
/// messages are moved a hundred times, which costs less than reading them did.
pub fn block<E>(out: &mut Vec<u8>, number: u32, body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    tag(out, number, BLOCK);
    let start = out.len();
    out.push(0);
    body(out)?;
    let length = out.len() - start - 1;
    let more = length.checked_ilog2().unwrap_or(0) as usize / 7;
    out.extend_from_slice(&[0; 10][..more]);
    out.copy_within(start + 1..start + 1 + length, start + 1 + more);
    let mut rest = length;
    for byte in &mut out[start..start + more] {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    out[start + more] = rest as u8;
    Ok(())
}

/// Writes a message in the form of its field: behind a length, or between the tags of a group.
pub fn message<E>(
    out: &mut Vec<u8>,
    number: u32,
    kind: Kind,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    if !matches!(kind, Kind::Delimited(_)) {
        return block(out, number, body);
    }
    tag(out, number, GROUP);
    body(out)?;
    tag(out, number, GROUP_END);
    Ok(())
}

fn tag(out: &mut Vec<u8>, number: u32, wire: u32) {
    varint(out, u64::from(number << 3 | wire));
}

fn wire_of(kind: Kind) -> u32 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => FIXED64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => FIXED32,
        Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Delimited(_) => BLOCK,
        Kind::Int64
        | Kind::Uint64
        | Kind::Int32
        | Kind::Bool
        | Kind::Uint32
        | Kind::Enum(_)
        | Kind::Sint32
        | Kind::Sint64 => VARINT,
    }
}
