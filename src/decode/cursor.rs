//! Reading protobuf's wire format, never past the end and never by a number the sender claims.

use super::reject::{Checked, Reason, Reject};

/// How the bytes of a field are delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    Varint,
    Fixed64,
    Len,
    GroupStart,
    GroupEnd,
    Fixed32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub number: u32,
    pub wire: WireType,
    /// Where the tag begins.
    pub position: usize,
}

/// A place in a payload and the end of what may be read from here.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0, end: bytes.len() }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn at_end(&self) -> bool {
        self.at == self.end
    }

    /// Reads a varint. Bits beyond 64 in a tenth byte are dropped.
    pub fn varint(&mut self) -> Checked<u64> {
        let start = self.at;
        let mut value = 0u64;
        for index in 0..10 {
            let byte = self.byte(start)?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Reject::new(Reason::MalformedVarint, start, "a varint of more than ten bytes"))
    }

    pub fn tag(&mut self) -> Checked<Tag> {
        let position = self.at;
        let value = self.varint().map_err(|mut reject| {
            if reject.reason == Reason::MalformedVarint {
                reject.reason = Reason::MalformedTag;
                reject.detail = "a tag of more than five bytes".into();
            }
            reject
        })?;
        let malformed = |detail: String| Reject::new(Reason::MalformedTag, position, detail);
        if self.at - position > 5 || value > u64::from(u32::MAX) {
            return Err(malformed("a tag of more than five bytes or 32 bits".into()));
        }
        let wire = match value & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            other => return Err(malformed(format!("wire type {other} does not exist"))),
        };
        match (value >> 3) as u32 {
            0 => Err(malformed("field number 0".into())),
            number => Ok(Tag { number, wire, position }),
        }
    }

    pub fn fixed32(&mut self) -> Checked<[u8; 4]> {
        self.fixed()
    }

    pub fn fixed64(&mut self) -> Checked<[u8; 8]> {
        self.fixed()
    }

    /// Reads a length and returns a cursor over that many bytes, after which this one continues.
    pub fn block(&mut self) -> Checked<Cursor<'a>> {
        let start = self.at;
        let length = self.varint()?;
        let rest = self.end - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= rest => {
                let block = Cursor { bytes: self.bytes, at: self.at, end: self.at + length };
                self.at = block.end;
                Ok(block)
            }
            _ => Err(Reject::new(Reason::Truncated, start, format!("a length of {length} where {rest} bytes remain"))),
        }
    }

    /// Returns what is left, as bytes.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..self.end]
    }

    fn fixed<const N: usize>(&mut self) -> Checked<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(Reject::new(Reason::Truncated, self.at, format!("the end inside a value of {N} bytes"))),
        }
    }

    fn byte(&mut self, start: usize) -> Checked<u8> {
        match self.rest().first() {
            Some(byte) => {
                self.at += 1;
                Ok(*byte)
            }
            None => Err(Reject::new(Reason::Truncated, start, "the end inside a varint")),
        }
    }
}
