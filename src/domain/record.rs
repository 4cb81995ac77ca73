//! Records as Kafka holds them, copied once into arenas.

use super::padded::{PAD, Padded, ZEROES};
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

    /// Returns who said so, 0 for nobody, and the milliseconds, -1 where there are none.
    pub(super) fn code(self) -> (u8, i64) {
        match self {
            Timestamp::None => (0, -1),
            Timestamp::Create(ms) => (1, ms),
            Timestamp::Append(ms) => (2, ms),
        }
    }

    fn of_code((who, ms): (u8, i64)) -> Timestamp {
        match who {
            0 => Timestamp::None,
            1 => Timestamp::Create(ms),
            _ => Timestamp::Append(ms),
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
    /// The arena from where the value begins, or would.
    arena: &'a [u8],
    headers: u32,
}

impl<'a> Record<'a> {
    /// Returns the value with what lies behind it in the arena, for a reader that takes whole words.
    pub fn value_padded(&self) -> Option<Padded<'a>> {
        self.value.and_then(|value| Padded::new(self.arena, value.len()))
    }

    pub fn headers(&self) -> impl ExactSizeIterator<Item = Header<'a>> + Clone + use<'a> {
        let mut rest = &self.arena[self.value.map_or(0, <[u8]>::len)..];
        (0..self.headers).map(move |_| {
            let (lengths, bytes) = rest.split_at(2 * size_of::<u32>());
            let (name, value) = lengths.split_at(size_of::<u32>());
            let (name, bytes) = bytes.split_at(Length::read(name).bytes());
            let value = Length::read(value);
            rest = &bytes[value.bytes()..];
            Header { name, value: value.of(bytes) }
        })
    }
}

/// The length of a key, a value or a header's part, which are 31 bits in Kafka; [`NULL`](Length::NULL) stands for null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length(u32);

impl Length {
    const NULL: Length = Length(u32::MAX);

    fn new(bytes: Option<&[u8]>) -> Length {
        let Some(bytes) = bytes else { return Length::NULL };
        assert!(bytes.len() < u32::MAX as usize, "no part of a record has 4 GiB");
        Length(bytes.len() as u32)
    }

    fn read(bytes: &[u8]) -> Length {
        bytes.try_into().map_or(Length::NULL, |bytes| Length(u32::from_le_bytes(bytes)))
    }

    fn bytes(self) -> usize {
        if self == Length::NULL { 0 } else { self.0 as usize }
    }

    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        (self != Length::NULL).then(|| &bytes[..self.0 as usize])
    }
}

/// Where a record lies in the arena: key, value, then each header as two lengths, its name and its value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: Offset,
    millis: i64,
    start: usize,
    key: Length,
    value: Length,
    headers: u32,
    timestamp: u8,
}

/// Records of one partition in offset order: one arena of bytes and the places in it.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Ends with [`PAD`] zeroes once a record is there.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Records {
    /// Makes room for so many payload bytes and records, so that no byte is copied again as the arena grows.
    pub fn with_capacity(bytes: usize, records: usize) -> Records {
        Records { bytes: Vec::with_capacity(bytes + PAD), entries: Vec::with_capacity(records) }
    }

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
        let start = self.payload_bytes();
        self.bytes.truncate(start);
        self.bytes.extend_from_slice(key.unwrap_or_default());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        let mut count = 0;
        for header in headers {
            self.bytes.extend_from_slice(&Length::new(Some(header.name)).0.to_le_bytes());
            self.bytes.extend_from_slice(&Length::new(header.value).0.to_le_bytes());
            self.bytes.extend_from_slice(header.name);
            self.bytes.extend_from_slice(header.value.unwrap_or_default());
            count += 1;
        }
        self.bytes.extend_from_slice(&ZEROES);
        let (key, value) = (Length::new(key), Length::new(value));
        let (timestamp, millis) = timestamp.code();
        self.entries.push(Entry { offset, millis, start, key, value, headers: count, timestamp });
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub fn get(&self, index: usize) -> Record<'_> {
        let Entry { offset, millis, start, key, value, headers, timestamp } = self.entries[index];
        let timestamp = Timestamp::of_code((timestamp, millis));
        let (before, arena) = self.bytes[start..].split_at(key.bytes());
        Record { offset, timestamp, key: key.of(before), value: value.of(arena), arena, headers }
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

    /// Returns the bytes that keys, values and headers take, with the lengths of headers.
    pub fn payload_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(PAD)
    }

    /// Returns the bytes of memory held, entries included.
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Gives back memory that growing has left over, where it is much.
    pub fn trim(&mut self) {
        trim(&mut self.bytes);
        trim(&mut self.entries);
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

/// Moves to a place of the right size. Not by shrinking in place, which allocators take as an offer.
fn trim<T: Copy>(items: &mut Vec<T>) {
    if items.len() + items.len() / 8 < items.capacity() {
        *items = items.as_slice().to_vec();
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
    fn every_value_has_slack_behind_it_and_an_entry_is_small() {
        let mut records = Records::default();
        for offset in 0..3 {
            let value = [offset as u8; 100];
            records.push(Offset(offset), Timestamp::None, Some(b"key"), Some(&value[..50 * offset as usize]), []);
        }
        for record in records.iter() {
            let padded = record.value_padded().unwrap();
            assert_eq!(Some(padded.value()), record.value);
            assert!(padded.value().len() + PAD <= padded.with_slack().len());
        }
        assert_eq!(records.get(2).value_padded().unwrap().with_slack()[100..], ZEROES);
        assert_eq!(records.payload_bytes(), 3 * 3 + 50 + 100);
        assert!(size_of::<Entry>() <= 40);
    }

    #[test]
    fn a_trimmed_arena_holds_little_more_than_its_records() {
        for usual in [0, 100_000, 1_000_000] {
            let mut records = Records::with_capacity(usual, usual / 250);
            (0..500).for_each(|offset| records.push(Offset(offset), Timestamp::None, None, Some(&[7; 250]), []));
            records.trim();
            assert_eq!(records.get(499).value, Some(&[7; 250][..]));
            assert!(records.held_bytes() * 10 < records.payload_bytes() * 14, "{} held", records.held_bytes());
        }
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
