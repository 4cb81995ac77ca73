//! Tests against a real Kafka and a real S3 service. `make test` starts both and sets what is read here; by hand:
//! `eval "$(localstack/up)"`, then `cargo test --test live`.

#[path = "../it/conformance.rs"]
mod conformance;
mod kafka;
mod member;
mod raw_header;
mod source;
mod store;
mod wire;
