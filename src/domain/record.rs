//! Records as Kafka holds them, copied once into arenas.

use std::ops::Range;

use super::{Offset, Permit, TopicPartition};

/// When a record was made, in milliseconds since the epoch, and who said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// The record carries none.
    None,
    /// The producer's clock (CreateTime).
    Create(i64),
    /// The broker's clock (LogAppendTime).
    Append(i64),
}

impl Timestamp {
    pub fn millis(self) -> Option<i64> {
        match self {
            Timestamp::None => None,
            Timestamp::Create(ms) | Timestamp::Append(ms) => Some(ms),
        }
    }
}

/// One header, in the order of the record. Names need not be UTF-8 and may repeat; null and empty values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub name: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// One record, borrowed from its arena. Null and empty keys and values differ.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub offset: Offset,
    pub timestamp: Timestamp,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    headers: Headers<'a>,
}

#[derive(Clone, Copy, Debug)]
struct Headers<'a> {
    bytes: &'a [u8],
    spans: &'a [HeaderSpan],
}

impl<'a> Record<'a> {
    pub fn headers(&self) -> impl ExactSizeIterator<Item = Header<'a>> + Clone + use<'a> {
        let Headers { bytes, spans } = self.headers;
        spans.iter().map(move |span| Header {
            name: &bytes[span.name.clone()],
            value: span.value.clone().map(|value| &bytes[value]),
        })
    }
}

type Span = Range<usize>;

#[derive(Clone, Debug)]
struct HeaderSpan {
    name: Span,
    value: Option<Span>,
}

#[derive(Clone, Debug)]
struct Entry {
    offset: Offset,
    timestamp: Timestamp,
    key: Option<Span>,
    value: Option<Span>,
    headers: Span,
}

/// Records of one partition in offset order: one arena of bytes and the spans in it.
#[derive(Clone, Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    headers: Vec<HeaderSpan>,
}

impl Records {
    /// Copies one record to the end.
    ///
    /// The caller keeps offset order: a reader takes the first entry as the smallest.
    pub fn push<'h>(
        &mut self,
        offset: Offset,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = Header<'h>>,
    ) {
        let key = key.map(|bytes| self.keep(bytes));
        let value = value.map(|bytes| self.keep(bytes));
        let first = self.headers.len();
        for header in headers {
            let span = HeaderSpan { name: self.keep(header.name), value: header.value.map(|bytes| self.keep(bytes)) };
            self.headers.push(span);
        }
        self.entries.push(Entry { offset, timestamp, key, value, headers: first..self.headers.len() });
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let first = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        first..self.bytes.len()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn get(&self, index: usize) -> Record<'_> {
        let entry = &self.entries[index];
        Record {
            offset: entry.offset,
            timestamp: entry.timestamp,
            key: entry.key.clone().map(|span| &self.bytes[span]),
            value: entry.value.clone().map(|span| &self.bytes[span]),
            headers: Headers { bytes: &self.bytes, spans: &self.headers[entry.headers.clone()] },
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        (0..self.len()).map(|index| self.get(index))
    }

    pub fn first_offset(&self) -> Option<Offset> {
        self.entries.first().map(|entry| entry.offset)
    }

    pub fn last_offset(&self) -> Option<Offset> {
        self.entries.last().map(|entry| entry.offset)
    }

    /// Returns the bytes that keys, values and headers take; what one pays for holding the arena.
    pub fn payload_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes of memory held, spans included.
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.headers.capacity() * size_of::<HeaderSpan>()
    }

    /// Gives back memory that growing has left over, where it is much.
    pub fn trim(&mut self) {
        let (used, held) = (self.bytes.len(), self.bytes.capacity());
        if used + used / 8 < held {
            self.bytes.shrink_to_fit();
        }
        self.entries.shrink_to_fit();
        self.headers.shrink_to_fit();
    }

    /// Drops the records before `offset`; the arena keeps its size.
    pub fn drop_before(&mut self, offset: Offset) {
        let gone = self.entries.partition_point(|entry| entry.offset < offset);
        self.entries.drain(..gone);
    }

    /// Drops the records at `offset` and after it.
    pub fn drop_from(&mut self, offset: Offset) {
        let kept = self.entries.partition_point(|entry| entry.offset < offset);
        self.entries.truncate(kept);
    }
}

/// Records of one partition as the source hands them on, with the memory permit they hold until they are let go.
#[derive(Debug)]
pub struct RawBatch {
    pub partition: TopicPartition,
    /// Which assignment of the partition these were read under; an older one's are dropped unseen.
    pub generation: u64,
    pub records: Records,
    pub permit: Permit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_differ_and_headers_keep_their_order() {
        let headers = [Header { name: b"a", value: None }, Header { name: b"a", value: Some(b"") }];
        let mut records = Records::default();
        records.push(Offset(4), Timestamp::Create(7), None, Some(b""), headers);
        records.push(Offset(9), Timestamp::None, Some(b"k"), None, []);
        let (one, two) = (records.get(0), records.get(1));
        assert_eq!((one.key, one.value), (None, Some(&b""[..])));
        assert_eq!(one.headers().collect::<Vec<_>>(), headers);
        assert_eq!((two.key, two.value, two.headers().len()), (Some(&b"k"[..]), None, 0));
    }

    #[test]
    fn dropping_a_side_keeps_the_rest() {
        let mut records = Records::default();
        for offset in [1, 3, 5] {
            records.push(Offset(offset), Timestamp::None, None, None, []);
        }
        records.drop_before(Offset(3));
        records.drop_from(Offset(5));
        assert_eq!(records.iter().map(|r| r.offset.0).collect::<Vec<_>>(), [3]);
    }
}
