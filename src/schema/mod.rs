//! From descriptors to the rule by which records become rows.                                                     engine
//!
//! **What it is.** [`Schemas`] holds the operator's descriptor sets, [`resolve`] finds a topic's message in them and compiles
//! a [`Layout`]: the message's types, its columns, and the stored form that outlives the process.
//!
//! **Flow.** descriptor set → files ([`schemas`]) → the message's files alone → types ([`build`], [`types`]) → columns
//! ([`columns`], by [`mapping`], THE table, and [`names`]) → layout.
//!
//! **Promises.** A layout is a function of the topic's rule and the message's own files: other files in a set do not change
//! its fingerprint. A stored layout compiles to the same columns or not at all. Both hold for editions, too: syntax and
//! features are resolved here, from the raw descriptors.
//!
//! **Failure.** [`SchemaError`] names topic or file, and what the operator can do. One topic's error is no other topic's.
//!
//! **Not here.** Reading payloads (`decode`), where descriptor sets come from, DDL.

mod build;
mod columns;
mod convention;
mod descriptor;
mod envelope;
mod error;
mod features;
mod known;
mod layout;
mod mapping;
mod names;
mod schemas;
mod stored;
mod types;

pub use columns::MappingOptions;
pub use convention::follows_convention;
pub use envelope::{header_fields, quarantine_schema};
pub use error::SchemaError;
pub use features::{Presence, Utf8};
pub use layout::{Layout, resolve, table_of};
pub use mapping::{Column, Element, Form, MAPPING_VERSION, Shape, Source, any_fields, fields, map};
pub use schemas::Schemas;
pub use stored::{ENCODER_VERSION, LAYOUT_VERSION};
pub use types::{Arity, EnumId, EnumType, Field, Kind, MessageId, MessageType, Types, WellKnown};

/// How the payload stands in a record's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// The value is the payload.
    #[default]
    Raw,
    /// Magic 0, four bytes of schema id, message-index list, payload.
    Confluent,
    /// The schema's GUID stands in the header `__value_schema_id`; the message-index list follows it there, or else stands
    /// before the payload.
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
    pub mapping: MappingOptions,
}

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
