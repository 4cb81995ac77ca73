//! What the engines must make of a payload, told by somebody else.
//!
//! **What it is.** [`schema::Schema`] and [`payload::Payload`] are made at random, but out of bytes ([`choices`]): a seed, a file of the corpus
//! and a fuzzer's input make cases by the same code. [`check::check`] runs the engines from outside, payload in and rows, reasons and
//! replayed records out, and compares. [`targets`] has the rest of what reads bytes of others.
//!
//! **Flow.** bytes → descriptors ([`schema`], [`edition`]) → payloads ([`payload`]) → prost-reflect's reading ([`read`]) → what
//! `docs/mapping.md` makes of it ([`expect`], [`json`]), as text → compared with the batch, printed by [`show`].
//!
//! **Promises.** Nothing here uses the engines' inner modules, nor their types where a descriptor will do. What the two readers
//! may differ in stands in [`read`].

pub mod check;
pub mod choices;
mod edition;
pub mod engines;
mod expect;
mod fields;
mod json;
pub mod payload;
mod read;
pub mod schema;
mod show;
pub mod targets;
pub mod wire;
