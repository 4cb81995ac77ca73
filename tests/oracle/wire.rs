//! Bytes of protobuf's wire format, as plain as can be.

pub const VARINT: u8 = 0;
pub const FIXED64: u8 = 1;
pub const LEN: u8 = 2;
pub const GROUP: u8 = 3;
pub const END: u8 = 4;
pub const FIXED32: u8 = 5;

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub fn tag(number: u32, wire: u8) -> Vec<u8> {
    varint(u64::from(number) << 3 | u64::from(wire))
}

/// Returns a field behind a length.
pub fn len(number: u32, content: &[u8]) -> Vec<u8> {
    [tag(number, LEN), varint(content.len() as u64), content.to_vec()].concat()
}

pub fn number(number: u32, value: u64) -> Vec<u8> {
    [tag(number, VARINT), varint(value)].concat()
}

/// Reads a varint of bytes that were checked.
pub fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// Splits a checked message into its fields: number, and content without length or end of group.
pub fn split(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let (mut at, mut fields) = (0, Vec::new());
    while at < bytes.len() {
        let tag = read_varint(bytes, &mut at);
        let (number, wire) = ((tag >> 3) as u32, tag as u8 & 7);
        let (content, next) = content(bytes, at, number, wire);
        fields.push((number, content));
        at = next;
    }
    fields
}

fn content(bytes: &[u8], mut at: usize, number: u32, wire: u8) -> (&[u8], usize) {
    let start = at;
    match wire {
        VARINT => {
            read_varint(bytes, &mut at);
            (&bytes[start..at], at)
        }
        FIXED64 => (&bytes[at..at + 8], at + 8),
        FIXED32 => (&bytes[at..at + 4], at + 4),
        LEN => {
            let length = read_varint(bytes, &mut at) as usize;
            (&bytes[at..at + length], at + length)
        }
        GROUP => loop {
            let before = at;
            let tag = read_varint(bytes, &mut at);
            let (inner, wire) = ((tag >> 3) as u32, tag as u8 & 7);
            if wire == END {
                assert_eq!(inner, number, "a group was checked");
                break (&bytes[start..before], at);
            }
            at = content(bytes, at, inner, wire).1;
        },
        other => panic!("wire type {other} was checked"),
    }
}
