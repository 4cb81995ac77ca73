//! What a record was, in 32 bytes: a property of the records, not of the Parquet bytes that hold them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Record;

/// A BLAKE3 hash. Prints as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Returns the hash of some bytes, as the chain uses it to link cut records.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).to_hex().fmt(f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is no digest.
#[derive(Debug, thiserror::Error)]
#[error("a digest has 64 lower-case hex digits, not {0:?}")]
pub struct NoDigest(String);

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Digest, NoDigest> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| NoDigest(text.to_owned()))?;
        let digest = Digest(*hash.as_bytes());
        if digest.to_string() == text { Ok(digest) } else { Err(NoDigest(text.to_owned())) }
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How many bytes are hashed at a time: enough for BLAKE3 to work on as many of its chunks as the processor can at once, and
/// a multiple of them, so that it never has half a chunk in hand.
const BLOCK: usize = 16 << 10;

/// Grows a digest record by record, in offset order. `docs/formats.md` spells the bytes out; a golden pair holds them.
#[derive(Clone, Debug, Default)]
pub struct RecordDigest {
    hasher: blake3::Hasher,
    /// What is not hashed yet, less than a [`BLOCK`]. Fed in pieces of a few bytes, BLAKE3 takes three times as long.
    pending: Vec<u8>,
}

impl RecordDigest {
    pub fn update(&mut self, record: &Record<'_>) {
        let (kind, millis) = record.timestamp.code();
        let mut head = [kind; 17];
        head[..8].copy_from_slice(&record.offset.0.to_be_bytes());
        head[9..].copy_from_slice(&millis.to_be_bytes());
        self.put(&head);
        self.bytes(record.key);
        self.bytes(record.value);
        let headers = record.headers();
        self.put(&(headers.len() as u32).to_be_bytes());
        for header in headers {
            self.bytes(Some(header.name));
            self.bytes(header.value);
        }
    }

    /// Null is the length -1; anything else its length and then itself, so that no two records share their bytes.
    fn bytes(&mut self, bytes: Option<&[u8]>) {
        self.put(&bytes.map_or(-1, |bytes| bytes.len() as i64).to_be_bytes());
        self.put(bytes.unwrap_or_default());
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while BLOCK <= self.pending.len() + bytes.len() {
            let (block, rest) = bytes.split_at(BLOCK - self.pending.len());
            self.pending.extend_from_slice(block);
            self.hasher.update(&self.pending);
            self.pending.clear();
            bytes = rest;
        }
        self.pending.extend_from_slice(bytes);
    }

    pub fn finish(&self) -> Digest {
        Digest(*self.hasher.clone().update(&self.pending).finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Header, Offset, Records, Timestamp};
    use super::*;

    #[test]
    fn pieces_of_any_size_make_the_hash_of_the_whole() {
        let bytes: Vec<u8> = (0..5 * BLOCK).map(|at| (at % 251) as u8).collect();
        for piece in [1, 37, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let mut digest = RecordDigest::default();
            bytes.chunks(piece).for_each(|piece| digest.put(piece));
            assert_eq!(digest.finish(), Digest::of(&bytes), "{piece}");
            assert!(digest.pending.capacity() < 2 * BLOCK);
        }
    }

    /// The pair was made by another program, `tests/corpus/digest/v1.py`.
    #[test]
    fn the_digest_is_the_one_of_the_second_implementation() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/corpus/digest/v1.json")).unwrap();
        let bytes = |value: &serde_json::Value| {
            let text = value.as_str()?;
            Some(
                (0..text.len() / 2)
                    .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
                    .collect::<Vec<_>>(),
            )
        };
        let mut records = Records::default();
        for record in golden["records"].as_array().unwrap() {
            let millis = record["timestamp"][1].as_i64();
            let timestamp = match record["timestamp"][0].as_str().unwrap() {
                "create" => Timestamp::Create(millis.unwrap()),
                "append" => Timestamp::Append(millis.unwrap()),
                _ => Timestamp::None,
            };
            let headers: Vec<_> =
                record["headers"].as_array().unwrap().iter().map(|h| (bytes(&h[0]).unwrap(), bytes(&h[1]))).collect();
            let headers = headers.iter().map(|(name, value)| Header { name, value: value.as_deref() });
            let (key, value) = (bytes(&record["key"]), bytes(&record["value"]));
            let offset = Offset(record["offset"].as_i64().unwrap());
            records.push(offset, timestamp, key.as_deref(), value.as_deref(), headers);
        }
        let mut digest = RecordDigest::default();
        records.iter().for_each(|record| digest.update(&record));
        assert_eq!(digest.finish().to_string(), golden["digest"].as_str().unwrap());
    }
}
