//! librdkafka properties that the archive's promises rest on.

use super::settings::Protocol;

/// What becomes of a property that the operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Handed to librdkafka as written.
    Passed,
    /// Ours wins, for this reason.
    Ours(&'static str),
    /// librdkafka would refuse to start, for this reason.
    Refused(&'static str),
}

const POSITIONS: &str = "a record is done when its object is in the bucket, and only we know when that is";

/// Each with its reason. `source` sets its own, whatever stands in the file.
const OURS: [(&str, &str); 11] = [
    ("bootstrap.servers", "`kafka.brokers` is the key for it"),
    ("metadata.broker.list", "`kafka.brokers` is the key for it"),
    ("group.id", "`kafka.group` is the key for it"),
    ("group.protocol", "`kafka.protocol` is the key for it"),
    ("enable.auto.commit", POSITIONS),
    ("auto.commit.interval.ms", POSITIONS),
    ("enable.auto.offset.store", POSITIONS),
    ("auto.offset.reset", "a position that Kafka no longer has must be seen, or records would be skipped unseen"),
    ("isolation.level", "records of aborted transactions must not be archived"),
    ("partition.assignment.strategy", "with any but cooperative-sticky a rebalance stops every partition"),
    ("allow.auto.create.topics", "an archive creates no topics"),
];

/// Refused by librdkafka under KIP-848 (rd_kafka_conf_finalize): the broker decides them there.
const CLASSIC_ONLY: [&str; 3] = ["session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];

pub(super) fn fate(name: &str, protocol: Protocol) -> Fate {
    if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
        return Fate::Ours(why);
    }
    match protocol {
        Protocol::Consumer if CLASSIC_ONLY.contains(&name) => {
            Fate::Refused("with `protocol: consumer` the broker decides it")
        }
        Protocol::Classic | Protocol::Consumer => Fate::Passed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_not_up_to_the_file() {
        assert!(matches!(fate("isolation.level", Protocol::Classic), Fate::Ours(_)));
        assert_eq!(fate("sasl.password", Protocol::Classic), Fate::Passed);
        assert_eq!(fate("session.timeout.ms", Protocol::Classic), Fate::Passed);
        assert!(matches!(fate("session.timeout.ms", Protocol::Consumer), Fate::Refused(_)));
    }
}
