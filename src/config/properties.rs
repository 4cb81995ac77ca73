//! Why a librdkafka property of the operator has no effect. Which do is the source's to say.

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
