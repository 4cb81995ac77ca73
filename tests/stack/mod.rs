//! What the tests against a real Kafka and a real S3 service share: the servers, the built binary as a child, made events and
//! their manifest, the bucket, and the judge that reads it with somebody else's code. `make test` starts the servers and sets
//! what is read here; by hand: `eval "$(localstack/up)"`.

pub mod daemon;
pub mod events;
pub mod gateway;
pub mod kafka;
pub mod lake;
pub mod manifest;
