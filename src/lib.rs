//! Alluvium: what a stream leaves behind.

pub mod chain;
pub mod config;
pub mod cutter;
pub mod decode;
pub mod domain;
pub mod encode;
pub mod schema;
pub mod source;
pub mod store;
pub mod telemetry;
