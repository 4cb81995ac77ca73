//! librdkafka's statistics, as far as they tell what no record tells: that the end of a partition was reached although
//! control records came last, and that a partition is no longer fetched.

use std::collections::HashMap;

use serde::Deserialize;

use crate::domain::Offset;

#[derive(Debug, Deserialize)]
pub(super) struct Statistics {
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Partitions>,
}

#[derive(Debug, Deserialize)]
struct Broker {
    state: String,
}

#[derive(Debug, Deserialize)]
struct Partitions {
    #[serde(default)]
    partitions: HashMap<String, PartitionStatistics>,
}

/// What is known of one partition. Offsets below zero mean that none is known.
#[derive(Debug, Deserialize)]
pub(super) struct PartitionStatistics {
    fetch_state: String,
    /// What followed the last record or control record that was taken from the queue since the last start. Not
    /// `next_offset`, which goes ahead with what is fetched and stays there when that is thrown away.
    app_offset: i64,
    ls_offset: i64,
}

impl Statistics {
    pub fn parse(json: &[u8]) -> serde_json::Result<Statistics> {
        serde_json::from_slice(json)
    }

    pub fn some_broker_is_up(&self) -> bool {
        self.brokers.values().any(|broker| broker.state == "UP")
    }

    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionStatistics> {
        self.topics.get(topic)?.partitions.get(&partition.to_string())
    }
}

impl PartitionStatistics {
    /// Returns the offset before which everything was delivered or is no record, and the stable end, for a reader that has
    /// taken over everything before `position`.
    pub fn scanned(&self, position: Offset) -> Option<(Offset, Offset)> {
        (0 <= self.ls_offset).then(|| (position.max(Offset(self.app_offset)), Offset(self.ls_offset)))
    }

    /// Whether librdkafka is at work on it: fetching, or asking where to.
    pub fn is_fetched(&self) -> bool {
        !matches!(self.fetch_state.as_str(), "none" | "stopping" | "stopped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_librdkafka_is_read_with_all_it_has_besides() {
        let json = br#"{"name":"x","brokers":{"a:1/1":{"state":"UP","rtt":{}}},"topics":{"t":{"topic":"t","partitions":
            {"-1":{"partition":-1,"fetch_state":"none","app_offset":-1001,"ls_offset":-1001},
             "2":{"partition":2,"fetch_state":"active","next_offset":9,"app_offset":7,"ls_offset":9,"x":1}}}}}"#;
        let statistics = Statistics::parse(json).unwrap();
        assert!(statistics.some_broker_is_up());
        let (nobody, two) = (statistics.partition("t", -1).unwrap(), statistics.partition("t", 2).unwrap());
        assert_eq!(two.scanned(Offset(6)), Some((Offset(7), Offset(9))));
        assert_eq!(two.scanned(Offset(8)), Some((Offset(8), Offset(9))));
        assert!(two.is_fetched() && !nobody.is_fetched() && nobody.scanned(Offset(0)).is_none());
        assert!(statistics.partition("t", 1).is_none());
    }
}
