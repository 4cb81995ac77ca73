//! Rows → payloads.                                                                                               engine
//!
//! **What it is.** The deterministic encoder: [`PayloadWriter`] makes a row's payload again, [`payload_of_json`](json::payload_of_json) that of a part
//! which a column holds as JSON. A payload that comes back byte by byte is *canonical*, and its row needs no `_raw`.
//!
//! **Flow.** A batch's arrays → [`columns`], bound once: which bits, bytes and nulls stand for which field → [`rows`], a row at
//! a time → [`put`], the bytes. JSON text → [`text`] (tokens) → [`json`] → [`put`].
//!
//! **Promises.** Fields in ascending order in every message, each tag, length and varint minimal, numbers packed as declared,
//! fields without presence left out where they hold their default, map entries with key and value in the column's order. A
//! value that a well-known type's column folds (a Timestamp's seconds, a wrapper's value) is left out where it is 0 or empty.
//!
//! **Failure.** [`PayloadError`]: the rows or texts are none that the decoder makes by this layout. Never a panic: objects are
//! untrusted.
//!
//! **Not here.** Whether a payload is canonical, and why not: the decoder says, for only it has both sides.

mod columns;
mod error;
pub(super) mod json;
mod put;
mod rows;
mod text;
mod time;

pub use error::PayloadError;
pub use rows::PayloadWriter;

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
