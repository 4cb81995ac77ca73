//! Tests against a real Kafka and a real S3 service. `make test` starts both and sets what is read here; by hand:
//! `eval "$(localstack/up)"`, then `cargo test --test live`.

mod archive;
#[path = "../it/conformance.rs"]
mod conformance;
mod daemon;
mod events;
mod kafka;
mod manifest;
mod member;
mod raw_header;
mod source;
mod store;
mod wire;
