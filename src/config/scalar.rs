//! What a scalar of the file may say: each kind reads itself from text and is checked the moment the file is read.

use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::{MessageName, StartText, TableName, TimeText, TopicName, TopicPattern};
use super::places::{Address, ArchiveUrl, Brokers, Endpoint};
use super::quantities::{Period, Size};
use super::wrong::Wrong;

/// Makes each kind a text for serde and for the schema, under a format name by which [`check`] finds it again.
macro_rules! scalars {
    ($($kind:ident, $format:literal, $pattern:expr;)*) => {
        /// The names of all kinds, as they stand in the schema's `format`.
        #[cfg(test)]
        pub(super) const FORMATS: &[&str] = &[$($format),*];

        /// Reads a text as the kind with this format name.
        pub(super) fn check(format: &str, text: &str) -> Result<(), Wrong> {
            match format {
                $($format => $kind::from_str(text).map(drop),)*
                _ => Ok(()),
            }
        }

        $(impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$kind, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $kind {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!({ "type": "string", "format": $format });
                let pattern: Option<&str> = $pattern;
                if let Some(pattern) = pattern {
                    schema.insert("pattern".into(), pattern.into());
                }
                schema
            }
        })*
    };
}

scalars! {
    Period, "duration with unit", Some(r"^[0-9]+(ms|s|m|h)$");
    Size, "size with unit", Some(r"^[0-9]+(B|[kMGT]B|[KMGT]iB)$");
    Address, "IP address and port", None;
    Brokers, "list of host:port", None;
    ArchiveUrl, "archive URL", Some(r"^(s3|file)://");
    Endpoint, "HTTP URL", Some(r"^https?://");
    TopicName, "topic name", Some(r"^[A-Za-z0-9._-]{1,249}$");
    TopicPattern, "regular expression", None;
    MessageName, "full message name", Some(r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$");
    TableName, "table name", Some(r"^[a-z][a-z0-9_]*$");
    TimeText, "`record` or the path of a field", None;
    StartText, "`earliest`, `latest` or a time", None;
}

/// Kinds that are defaults somewhere, and so must be able to say themselves.
macro_rules! shown {
    ($($kind:ident)*) => {
        $(impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })*
    };
}

shown! { Period Size Address TimeText StartText }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_agrees_with_the_reader_of_its_kind() {
        let samples = [
            "60s",
            "5",
            "1h30m",
            "-1s",
            "64MiB",
            "1GB",
            "1GIB",
            "127.0.0.1:9700",
            "localhost:9092",
            "s3://lake/a",
            "file:///var/lib",
            "s3a://lake",
            "http://localhost:4566",
            "ftp://x",
            "prod.a.b.c.D",
            "a b",
            "a.B_1",
            "1a.b",
            "searches",
            "Searches",
            "1table",
            "record",
            "earliest",
            "2026-11-23T06:00:00Z",
            "",
        ];
        let mut generator = SchemaGenerator::default();
        let schemas = [
            Period::json_schema(&mut generator),
            Size::json_schema(&mut generator),
            TopicName::json_schema(&mut generator),
            MessageName::json_schema(&mut generator),
        ];
        for schema in schemas {
            let format = schema.get("format").and_then(|f| f.as_str()).unwrap();
            let pattern = regex::Regex::new(schema.get("pattern").and_then(|p| p.as_str()).unwrap()).unwrap();
            for sample in samples {
                assert_eq!(pattern.is_match(sample), check(format, sample).is_ok(), "{format}: {sample}");
            }
        }
    }
}
