//! The operator's librdkafka properties that are wrong or have no effect. Which are is the source's to say.

use super::mask::shown_name;
use super::mistake::{ConfigErrors, Findings, Kind, Mistake};
use super::origin::Origin;
use crate::source::{KafkaOptions, Refusal, refused};

const HELP: &str = "the names and values are those of librdkafka's CONFIGURATION.md";

const POSITIONS: &str = "a record is done when its object is in the bucket, and only we know when that is";

pub(super) fn why_overridden(name: &str) -> &'static str {
    match name {
        "bootstrap.servers" | "metadata.broker.list" => "`kafka.brokers` is the key for it",
        "group.id" => "`kafka.group` is the key for it",
        "group.protocol" => "`kafka.protocol` is the key for it",
        "enable.auto.commit" | "auto.commit.enable" | "enable.auto.offset.store" => POSITIONS,
        "auto.offset.reset" => "a position that Kafka no longer has must be seen, or records would be skipped unseen",
        "isolation.level" => "records of aborted transactions must not be archived",
        "session.timeout.ms" | "heartbeat.interval.ms" | "group.protocol.type" => {
            "with `protocol: consumer` the broker decides it"
        }
        _ => "the archive's promises rest on ours",
    }
}

/// Reports the properties that librdkafka does not take.
pub(super) fn refusals(options: &KafkaOptions, found: &mut Findings) {
    for (name, refusal) in refused(options) {
        let path = format!("kafka.properties.{name}");
        let shown = shown_name(&path);
        let (what, label) = match refusal {
            Refusal::Unknown => {
                // It may be the misspelt name of a secret.
                found.hidden.extend(found.places.of_value(&path));
                (format!("unknown property `{shown}`"), "librdkafka has no such property")
            }
            Refusal::Value(why) => (format!("`{shown}`: {why}"), "librdkafka does not take its value"),
        };
        found.mistake(&path, Mistake::new(Kind::Meaning, what, HELP).at(found.place(&path), label));
    }
}

impl Origin {
    /// Returns the mistake of properties that are right one by one and that librdkafka does not take together.
    pub fn properties_refused(&self, why: &str) -> ConfigErrors {
        self.errors(vec![self.mistake("kafka.properties", why, "librdkafka does not take these together", HELP)])
    }
}
