//! A record to append.

use crate::domain::{Header, Timestamp};

/// Null key, null value, no headers and no timestamp unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptedRecord {
    pub timestamp: Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Names and values.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl ScriptedRecord {
    pub fn tombstone() -> ScriptedRecord {
        ScriptedRecord { timestamp: Timestamp::None, key: None, value: None, headers: Vec::new() }
    }

    pub fn new(value: impl Into<Vec<u8>>) -> ScriptedRecord {
        ScriptedRecord { value: Some(value.into()), ..ScriptedRecord::tombstone() }
    }

    /// Made at this time, in milliseconds since the epoch, by the producer's clock.
    pub fn at(self, millis: i64) -> ScriptedRecord {
        ScriptedRecord { timestamp: Timestamp::Create(millis), ..self }
    }

    pub fn key(self, key: impl Into<Vec<u8>>) -> ScriptedRecord {
        ScriptedRecord { key: Some(key.into()), ..self }
    }

    pub fn header(mut self, name: impl Into<Vec<u8>>, value: Option<&[u8]>) -> ScriptedRecord {
        self.headers.push((name.into(), value.map(<[u8]>::to_vec)));
        self
    }

    pub(super) fn is_since(&self, millis: i64) -> bool {
        self.timestamp.millis().is_some_and(|at| millis <= at)
    }

    pub(super) fn header_views(&self) -> impl Iterator<Item = Header<'_>> {
        self.headers.iter().map(|(name, value)| Header { name, value: value.as_deref() })
    }
}
