//! Alluvium: what a stream leaves behind. Kafka topics of protobuf records in, minute-sized Parquet files in S3 out, once each.
//!
//! # The path
//!
//! ```text
//!  Kafka ─▶ source ──64──▶ router ──128──▶ lane (one thread each)                          store
//!           poll thread    assignment,     buffer ─▶ cutter ─▶ decode ─▶ encode ─▶ chain ──64──▶ cut record, then objects
//!              ▲           topics          raw arenas          Arrow     Parquet     │
//!              └── start, stop, commit ◀──────────── says what is next ──────────────┘
//! ```
//!
//! Numbers are the capacities of the channels; [`pipeline`] has them all on one screen.
//!
//! # Four ideas
//!
//! 1. **A star, not a chain.** Stages do not import each other; they share [`domain`], and only [`pipeline`] knows them all.
//! 2. **Engines never wait.** [`schema`], [`decode`], [`encode`], [`chain`] and [`cutter`] are plain synchronous code that takes
//!    bytes and the time and returns values.
//! 3. **The range travels with the data**, unchanged, from poll to cut record; at each border rows + quarantined = records.
//! 4. **One place makes data visible**: [`store::commit`].
//!
//! # Promises
//!
//! Nothing lost, nothing doubled, at every moment, for a reader that merely lists the folder (`docs/guarantees.md`). State is in
//! the bucket, as a hash chain per partition (`docs/formats.md`); the consumer group only spreads the work.

pub mod chain;
pub mod cli;
pub mod config;
pub mod cutter;
pub mod decode;
pub mod demo;
pub mod domain;
pub mod encode;
pub mod pipeline;
pub mod replay;
pub mod retry;
pub mod schema;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod verify;
pub mod walk;
