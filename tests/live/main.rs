//! Tests against a real Kafka and a real S3 service. `make test` starts both and sets what is read here.

mod archive;
mod daemon;
mod events;
mod kafka;
mod manifest;
mod member;
mod raw_header;
mod source;
