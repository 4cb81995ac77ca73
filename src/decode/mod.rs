//! Records → columns.                                                                                             engine
//!
//! **What it is.** [`Decoder`] reads protobuf payloads by a layout and sorts them, hour by hour, into rows of [`Objects`]; what
//! cannot become a row goes, raw, into an object of quarantine.
//!
//! **Flow.** A layout becomes tables and empty buffers once ([`compile`], [`program`]). Record → [`framing`] → payload →
//! [`message`]: [`run`], the loop from tag to tag, with [`parts`] for what is more than a scalar → [`columns`]: buffers, and the arrays
//! they become, beside those of the [`envelope`] → [`Chunk`]s by kind and bucket hour. What the loop finds odd (something comes
//! twice, bytes are wrong) is taken back and read plainly: [`wire`] (bytes to a tree, by protobuf's rules) → [`check`] (what only
//! the whole tells) → [`place`]. [`json`] writes what no column holds, [`raw`] says why a payload is kept.
//!
//! The way back: [`PayloadWriter`] makes the payload of a row.
//!
//! **Promises.** The values are a function of layout and records: no clock, no randomness, no order of a hash map; only whether
//! strings stand in a dictionary depends on what came before. Every record taken is in exactly one object. A record that is refused
//! leaves its neighbours as they are. Nothing is allocated, sliced or recursed by a number that a payload claims.
//!
//! **Failure.** There is none: bad input is normal input, and [`Reason`] is the closed list of what may be wrong with it.
//!
//! **Not here.** Parquet (`encode`), cuts, what the hours' objects are called.

mod check;
mod columns;
mod compile;
mod cursor;
mod decoder;
mod envelope;
mod framing;
mod json;
mod keys;
mod message;
mod objects;
mod part;
mod parts;
mod payload;
mod place;
mod program;
mod raw;
mod reject;
mod run;
mod time;
mod value;
mod varint;
mod wire;

pub use decoder::{CHUNK_ROWS, Decoder};
pub use framing::is_compressed;
pub use message::Messages;
pub use objects::{Chunk, DecodedObject, Objects};
pub use payload::{PayloadError, PayloadWriter};
pub use raw::RawReason;
pub use reject::Reason;

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
