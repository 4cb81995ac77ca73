//! The operator's settings made librdkafka's properties: theirs pass through, ours win and say so.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use secrecy::{ExposeSecret, SecretString};

use super::client_log;

/// Which group protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Classic,
    /// KIP-848.
    Consumer,
}

/// How to reach Kafka, and as whom.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    pub brokers: String,
    pub group: String,
    pub protocol: Protocol,
    /// librdkafka properties of the operator; values may be secrets.
    pub properties: BTreeMap<String, SecretString>,
}

/// Bytes that librdkafka fetches ahead, all partitions together: larger gains nothing, since messages leave the cache.
const PREFETCH_KIB: &str = "8192";

/// What an operator may change.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "alluvium"),
    // One answer of a broker, which comes on top of the prefetch.
    ("fetch.max.bytes", "8388608"),
    ("socket.keepalive.enable", "true"),
    ("reconnect.backoff.max.ms", "5000"),
];

/// What the promises rest on, for every client.
const RULES: &[(&str, &str)] = &[
    ("allow.auto.create.topics", "false"),
    // Positions come from the chain: a group offset is never read, and one that is out of range is never "reset".
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    ("group.protocol", "classic"),
    ("isolation.level", "read_committed"),
    ("log.queue", "true"),
];

/// What the promises rest on, for the reader of records.
const READER_RULES: &[(&str, &str)] = &[
    // With its default of a second, a capped prefetch falls to a third of the speed.
    ("fetch.queue.backoff.ms", "5"),
    ("queued.max.messages.kbytes", PREFETCH_KIB),
    // Small messages cost their bookkeeping, some 400 bytes each.
    ("queued.min.messages", "10000"),
    ("statistics.interval.ms", "5000"),
];

/// What the broker decides under KIP-848; librdkafka refuses a client that sets one.
const BROKERS_SAY: &[&str] =
    &["group.protocol.type", "heartbeat.interval.ms", "partition.assignment.strategy", "session.timeout.ms"];

/// Properties ready for use, and which of the operator's did not get their way.
pub(super) struct Resolved {
    pub config: ClientConfig,
    pub overridden: Vec<String>,
}

/// Returns the properties of the group member that reads records. `refresh` is how often new partitions are looked for.
pub(super) fn reader(options: &KafkaOptions, refresh: Duration) -> Resolved {
    let mut ours = ours(options);
    ours.extend(READER_RULES.iter().map(|&(key, value)| (key, value.to_owned())));
    ours.insert("group.id", options.group.clone());
    ours.insert("topic.metadata.refresh.interval.ms", refresh.as_millis().to_string());
    match options.protocol {
        Protocol::Classic => ours.insert("partition.assignment.strategy", "cooperative-sticky".to_owned()),
        Protocol::Consumer => ours.insert("group.protocol", "consumer".to_owned()),
    };
    resolve(options, ours)
}

/// Returns the properties of the client that asks questions. It is in no group and keeps no statistics.
pub(super) fn asker(options: &KafkaOptions) -> ClientConfig {
    let mut ours = ours(options);
    ours.insert("statistics.interval.ms", "0".to_owned());
    let mut config = resolve(options, ours).config;
    config.remove("group.id");
    config
}

/// Returns the operator's keys that do not get their way, so that it can be said.
pub fn overridden(options: &KafkaOptions) -> Vec<String> {
    reader(options, Duration::from_secs(30)).overridden
}

/// Why librdkafka does not take a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has none of this name.
    Unknown,
    /// Its words about the value, without the value.
    Value(String),
}

/// Returns those of the operator's properties that have an effect and that librdkafka does not take, each tried alone. Nothing
/// is connected to or loaded; whether they fit together shows when the client is made.
pub fn refused(options: &KafkaOptions) -> Vec<(String, Refusal)> {
    let overridden = overridden(options);
    // To set that one is to load the libraries.
    let loads = |name: &str| name == "plugin.library.paths";
    let tried = options.properties.iter().filter(|(name, _)| !overridden.contains(name) && !loads(name));
    let refusal = |(name, value): (&String, &SecretString)| {
        let alone = ClientConfig::from_iter([(name.clone(), value.expose_secret().to_owned())]);
        let refusal = match alone.create_native_config().err()? {
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => Refusal::Unknown,
            KafkaError::ClientConfig(_, why, _, value) => Refusal::Value(client_log::without(&why, &value)),
            other => Refusal::Value(other.to_string()),
        };
        Some((name.clone(), refusal))
    };
    tried.filter_map(refusal).collect()
}

fn ours(options: &KafkaOptions) -> BTreeMap<&'static str, String> {
    let mut ours: BTreeMap<_, _> = RULES.iter().map(|&(key, value)| (key, value.to_owned())).collect();
    ours.insert("bootstrap.servers", options.brokers.clone());
    ours
}

fn resolve(options: &KafkaOptions, ours: BTreeMap<&'static str, String>) -> Resolved {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    for (key, value) in DEFAULTS {
        config.set(*key, *value);
    }
    let mut overridden = Vec::new();
    for (key, value) in &options.properties {
        let refused = options.protocol == Protocol::Consumer && BROKERS_SAY.contains(&key.as_str());
        let ours = ours.get(canonical(key)).map(String::as_str);
        if refused || ours.is_some_and(|ours| ours != value.expose_secret()) {
            overridden.push(key.clone());
        } else if ours.is_none() {
            config.set(key, value.expose_secret());
        }
    }
    for (key, value) in ours {
        config.set(key, value);
    }
    Resolved { config, overridden }
}

/// Returns the name of a property that has another name too.
fn canonical(key: &str) -> &str {
    match key {
        "metadata.broker.list" => "bootstrap.servers",
        "auto.commit.enable" => "enable.auto.commit",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(protocol: Protocol, properties: &[(&str, &str)]) -> KafkaOptions {
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        KafkaOptions { brokers: "localhost:1".to_owned(), group: "g".to_owned(), protocol, properties }
    }

    #[test]
    fn ours_win_and_are_named_unless_the_operator_agrees() {
        let options = options(
            Protocol::Classic,
            &[
                ("auto.offset.reset", "earliest"),
                ("enable.auto.commit", "false"),
                ("metadata.broker.list", "elsewhere:9"),
                ("sasl.password", "hush"),
                ("session.timeout.ms", "6000"),
            ],
        );
        let reader = reader(&options, Duration::from_secs(30));
        assert_eq!(reader.overridden, ["auto.offset.reset", "metadata.broker.list"]);
        assert_eq!(reader.config.get("auto.offset.reset"), Some("error"));
        assert_eq!(reader.config.get("bootstrap.servers"), Some("localhost:1"));
        assert_eq!(reader.config.get("metadata.broker.list"), None);
        assert_eq!(reader.config.get("session.timeout.ms"), Some("6000"));
        assert_eq!(reader.config.get("sasl.password"), Some("hush"));
        assert!(!format!("{options:?}").contains("hush"));
    }

    #[test]
    fn librdkafka_takes_what_we_make_for_both_protocols() {
        for protocol in [Protocol::Classic, Protocol::Consumer] {
            let options = options(protocol, &[("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "500")]);
            let reader = reader(&options, Duration::from_secs(30));
            assert_eq!(reader.overridden.len(), if protocol == Protocol::Consumer { 2 } else { 0 });
            super::super::native::create_client(&reader.config).map(|_| ()).unwrap();
            asker(&options).create::<rdkafka::consumer::BaseConsumer>().map(|_| ()).unwrap();
        }
    }
}
