//! Where replayed records go.

use std::io::{self, Write};

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Serialize, Serializer};

use super::read::ProvenRange;
use crate::domain::{Header, Record, Timestamp};

/// Why a sink does not take records.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader of a pipe has gone, a disk is full, …
    #[error("cannot write records: {0}")]
    Write(#[from] io::Error),
    #[error("{0}")]
    Kafka(String),
}

/// Takes ranges in the order of replay.
#[async_trait]
pub trait Sink: Send {
    /// Takes the records of a range in offset order. They need not be safe before [`Sink::finish`] returns.
    async fn emit(&mut self, range: &ProvenRange) -> Result<(), SinkError>;
    /// Returns once everything emitted is safe.
    async fn finish(&mut self) -> Result<(), SinkError>;
}

/// One JSON object a line; `docs/replay.md` describes it.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// `out` should be buffered.
    pub fn new(out: W) -> JsonLines<W> {
        JsonLines { out }
    }
}

#[async_trait]
impl<W: Write + Send> Sink for JsonLines<W> {
    async fn emit(&mut self, range: &ProvenRange) -> Result<(), SinkError> {
        let partition = &range.chain.partition;
        for record in range.records() {
            let line = Line::of(partition.topic.as_str(), partition.partition, &record);
            serde_json::to_writer(&mut self.out, &line).map_err(io::Error::from)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        Ok(self.out.flush()?)
    }
}

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: Option<&'static str>,
    key: Option<Base64<'a>>,
    value: Option<Base64<'a>>,
    headers: Vec<LineHeader<'a>>,
}

#[derive(Serialize)]
struct LineHeader<'a> {
    #[serde(flatten)]
    name: Name<'a>,
    value: Option<Base64<'a>>,
}

/// A name is text nearly always; where it is not, JSON has no other way to hold it.
#[derive(Serialize)]
enum Name<'a> {
    #[serde(rename = "name")]
    Text(&'a str),
    #[serde(rename = "name_base64")]
    Bytes(Base64<'a>),
}

struct Base64<'a>(&'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl<'a> Line<'a> {
    fn of(topic: &'a str, partition: i32, record: &Record<'a>) -> Line<'a> {
        let header = |header: Header<'a>| LineHeader {
            name: std::str::from_utf8(header.name).map_or(Name::Bytes(Base64(header.name)), Name::Text),
            value: header.value.map(Base64),
        };
        Line {
            topic,
            partition,
            offset: record.offset.0,
            timestamp: record.timestamp.millis(),
            timestamp_type: match record.timestamp {
                Timestamp::None => None,
                Timestamp::Create(_) => Some("create"),
                Timestamp::Append(_) => Some("append"),
            },
            key: record.key.map(Base64),
            value: record.value.map(Base64),
            headers: record.headers().map(header).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Offset, Records};

    #[test]
    fn a_line_tells_null_from_empty_and_keeps_headers_in_order() {
        let mut records = Records::default();
        let headers = [Header { name: b"a", value: None }, Header { name: b"\xff", value: Some(b"") }];
        records.push(Offset(4), Timestamp::Create(7), Some(b""), None, headers);
        let line = serde_json::to_string(&Line::of("t", 3, &records.get(0))).unwrap();
        assert_eq!(
            line,
            r#"{"topic":"t","partition":3,"offset":4,"timestamp":7,"timestamp_type":"create","key":"","value":null,"headers":[{"name":"a","value":null},{"name_base64":"/w==","value":""}]}"#
        );
    }
}
