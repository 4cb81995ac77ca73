//! Tests against a real Kafka and a real S3 service. `make test` starts both and sets what is read here; by hand:
//! `eval "$(localstack/up)"`, then `cargo test --test live`.

mod archive;
mod bucket;
#[path = "../it/conformance.rs"]
mod conformance;
mod junk;
mod member;
#[path = "../oracle/mod.rs"]
#[allow(dead_code)]
mod oracle;
mod outages;
mod raw_header;
mod readers;
#[path = "../it/script.rs"]
mod script;
mod source;
#[path = "../stack/mod.rs"]
#[allow(dead_code)]
mod stack;
mod store;
mod wire;

use stack::{daemon, gateway, kafka, lake, manifest};
