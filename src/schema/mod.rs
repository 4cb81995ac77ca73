//! From descriptors to the rule by which records become rows.                                                     engine
//!
//! (skeleton: the signatures other rooms build on)

use crate::domain::Digest;

/// How the payload stands in a record's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// The value is the payload.
    #[default]
    Raw,
    /// Magic 0, four bytes of schema id, message-index list, payload.
    Confluent,
    /// The schema's GUID stands in a header; the value has the message-index list and the payload.
    ConfluentHeader,
    /// 0x03, compression, UUID, payload.
    Glue,
    /// A varint length, payload.
    LengthDelimited,
}

/// Which time decides a row's bucket hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeRule {
    /// The record's timestamp.
    #[default]
    Record,
    /// A Timestamp field of the message, as a dotted path of proto field names; a row without it falls back to the record's.
    Field(String),
}

/// What the operator says of a topic's schema; what is left out comes from the topic convention.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicSchema {
    pub message: Option<String>,
    pub table: Option<String>,
    pub framing: Framing,
    pub time: TimeRule,
}

#[doc(hidden)]
pub type Fingerprint = Digest;
