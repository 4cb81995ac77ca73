//! Tests against a real Kafka and a real S3 service. `make test` starts both and sets what is read here; by hand:
//! `eval "$(localstack/up)"`, then `cargo test --test live`.

mod archive;
mod bucket;
#[path = "../it/conformance.rs"]
mod conformance;
mod daemon;
mod events;
mod junk;
mod kafka;
mod lake;
mod manifest;
mod member;
#[path = "../oracle/mod.rs"]
#[allow(dead_code)]
mod oracle;
mod outages;
mod proxy;
mod raw_header;
mod readers;
#[path = "../it/script.rs"]
mod script;
mod source;
mod store;
mod wire;
