//! What the operator may write. The comments here are the reference: the example, the JSON Schema, `docs/configuration.md`
//! and the check of a file are all made from these types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::names::{MessageName, StartText, TableName, TimeText, TopicName, TopicPattern};
use super::places::{Address, ArchiveUrl, Brokers, Endpoint};
use super::quantities::{Period, Size};

/// The configuration of `alluvium run`.
// Every key is either optional or has its default in `Default`, so that what is right in a file can be read beside what is
// wrong; keys that must be there stand in `required` and are missed by `form`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["kafka", "topics", "schemas", "archive"]))]
pub(super) struct FileConfig {
    /// Where records come from.
    pub kafka: FileKafka,
    /// Which topics are archived, and how. The first entry that speaks of a topic decides; topics and partitions that appear
    /// later are found while running.
    #[schemars(length(min = 1))]
    pub topics: Vec<FileTopic>,
    /// Where the descriptions of messages come from.
    pub schemas: FileSchemas,
    /// Where rows go.
    pub archive: FileArchive,
    /// When the records of a partition become one unit of archive: at whichever of the three comes first.
    pub cut: FileCut,
    /// The budget for everything buffered, all partitions together. When it is used up, reading pauses.
    pub memory: Size,
    /// Worker threads that decode and encode. Left out: the number of cores.
    #[schemars(range(min = 1, max = 256), example = 2)]
    pub lanes: Option<usize>,
    /// Where `/metrics`, `/healthz`, `/readyz` and `/status` are served.
    pub http: Address,
    /// How long a stop may take to finish what has been cut. Must be less than the time the platform grants before it kills
    /// (Kubernetes: `terminationGracePeriodSeconds`, 30 s unless set).
    pub stop_within: Period,
}

impl Default for FileConfig {
    fn default() -> FileConfig {
        FileConfig {
            kafka: FileKafka::default(),
            topics: Vec::new(),
            schemas: FileSchemas::default(),
            archive: FileArchive::default(),
            cut: FileCut::default(),
            memory: Size::mib(1024),
            lanes: None,
            http: Address(([127, 0, 0, 1], 9700).into()),
            stop_within: Period::secs(25),
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["brokers"]))]
pub(super) struct FileKafka {
    /// The brokers to ask first, `host:port`, several with commas between.
    #[schemars(example = &"localhost:9092")]
    pub brokers: Option<Brokers>,
    /// The consumer group, which spreads partitions over processes. Positions are not kept in it: they are in the archive.
    #[schemars(length(min = 1))]
    pub group: String,
    /// How the group is formed.
    pub protocol: FileProtocol,
    /// Any librdkafka property: TLS, SASL (this build has PLAIN, SCRAM, and OAUTHBEARER with unsigned tokens; neither Kerberos
    /// nor OIDC), timeouts. The few that the archive's promises rest on are ours and are overridden with a warning. Values of
    /// names that hold `password`, `secret`, `token`, `key` or the like are never shown.
    #[schemars(example = serde_json::json!({ "security.protocol": "PLAINTEXT" }))]
    pub properties: BTreeMap<String, Property>,
}

impl Default for FileKafka {
    fn default() -> FileKafka {
        FileKafka {
            brokers: None,
            group: "alluvium".to_owned(),
            protocol: FileProtocol::Classic,
            properties: BTreeMap::new(),
        }
    }
}

/// A property's value; any may be a secret, so all are treated as one.
#[derive(Debug, Deserialize)]
pub(super) struct Property(pub SecretString);

impl JsonSchema for Property {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileProtocol {
    /// Members agree among themselves (any broker).
    Classic,
    /// The broker assigns, KIP-848 (Kafka 4.0 and later).
    Consumer,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileTopic {
    /// A regular expression that matches the whole name of the topics meant. Either this or `name`.
    #[schemars(example = &r"prod\..+")]
    pub r#match: Option<TopicPattern>,
    /// The name of exactly one topic. Either this or `match`.
    #[schemars(example = &"prod.flights.search-performed.v1.SearchPerformed")]
    pub name: Option<TopicName>,
    /// The message in the records, by its full name. Left out: the convention
    /// `<prod|sandbox|dev>.<service>.<event-name>.<schema>.<message>` of the topic's name tells it.
    #[schemars(example = &"acme.flights.v1.SearchPerformed")]
    pub message: Option<MessageName>,
    /// The table that rows go to. Left out: `<env>_<service>_<event_name>` of the topic's name, in lower case.
    #[schemars(example = &"searches")]
    pub table: Option<TableName>,
    /// How the payload stands in a record's value.
    pub framing: FileFraming,
    /// Which time decides the hour a row is filed under: `record` for the record's timestamp, or the path of a
    /// `google.protobuf.Timestamp` field (a row without it goes by the record's).
    pub time: TimeText,
    /// Where the table is to differ from the usual mapping of messages to columns. Another mapping is another layout: it holds
    /// for what is archived from then on.
    pub mapping: FileMapping,
    /// Columns that rows are looked up by, as readers name them, with dots between (`key` and `value` for the parts of a map,
    /// nothing for the elements of a list): each gets a Bloom filter in every object. It costs about 1.2 bytes per different
    /// value, and holds for what is archived from then on.
    #[schemars(inner(length(min = 1)), example = ["booking_id", "customer.id"])]
    pub bloom: BTreeSet<String>,
    /// Where a partition's archive begins, the first time it is seen: `earliest`, `latest` or a time. What lies before is
    /// recorded as skipped.
    pub start: StartText,
    /// Stands in for the topic id where the broker tells none (before Kafka 2.8, some look-alikes). Give a new one when you
    /// re-create the topic.
    #[schemars(length(min = 1), example = &"2026-11-23")]
    pub incarnation: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileFraming {
    /// The value is the payload.
    #[default]
    Raw,
    /// A zero byte, a schema id, message indexes, the payload (Confluent).
    Confluent,
    /// Message indexes and the payload, the schema's GUID in a header (Confluent).
    ConfluentHeader,
    /// Compression and schema version, the payload (AWS Glue).
    Glue,
    /// A varint length, the payload.
    LengthDelimited,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileMapping {
    /// How many more times a message may stand within itself as columns before it becomes JSON text.
    #[schemars(range(min = 0, max = 16))]
    pub recursion: u32,
    /// Fields by their path of names, with dots between (the fields of a map's messages stand behind `value`), and what each is
    /// to become.
    #[schemars(example = serde_json::json!({ "total.units": "bigint" }))]
    pub fields: BTreeMap<String, FileForm>,
    /// Full names of extensions to read as fields of the messages they extend.
    #[schemars(inner(length(min = 1)), example = ["acme.flights.v1.tracing"])]
    pub extensions: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileForm {
    /// An unsigned 64-bit number as a signed one; null where it does not fit (in a list or map: quarantine).
    Bigint,
    /// An unsigned 64-bit number as text.
    String,
    /// An enum as its number.
    Int,
    /// An enum as its name, and as its number in a second column.
    Both,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["descriptors"]))]
pub(super) struct FileSchemas {
    /// Files that hold a `FileDescriptorSet` (`buf build -o`, `protoc --include_imports --descriptor_set_out`). Relative paths
    /// start at this file's folder.
    #[schemars(length(min = 1), inner(length(min = 1)), example = ["schemas/events.binpb"])]
    pub descriptors: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["url"]))]
pub(super) struct FileArchive {
    /// `s3://bucket/prefix`, or `file:///absolute/folder`.
    #[schemars(example = &"s3://lake/alluvium")]
    pub url: Option<ArchiveUrl>,
    /// How to reach the bucket. Credentials are not written here: they come from the environment, a profile, a web identity or
    /// the container.
    pub s3: FileS3,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileS3 {
    /// Left out: AWS's own for the region.
    #[schemars(example = &"http://localhost:4566")]
    pub endpoint: Option<Endpoint>,
    /// Left out: from the environment or the profile.
    #[schemars(length(min = 1), example = &"eu-west-1")]
    pub region: Option<String>,
    /// Whether the bucket stands in the path and not in the host name; most stand-ins for S3 want it.
    pub path_style: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileCut {
    /// Age of the oldest record in hand, from 100ms to 1h.
    pub every: Period,
    /// Bytes of records in hand, from 64KiB to 1GiB.
    pub bytes: Size,
    /// Records in hand.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub rows: usize,
}

impl Default for FileCut {
    fn default() -> FileCut {
        FileCut { every: Period::secs(60), bytes: Size::mib(64), rows: 1_000_000 }
    }
}

impl Default for TimeText {
    fn default() -> TimeText {
        TimeText(crate::schema::TimeRule::Record)
    }
}

impl Default for StartText {
    fn default() -> StartText {
        StartText(crate::source::StartAt::Earliest)
    }
}
