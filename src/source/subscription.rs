//! Which topics are read: the operator's rules against the topics that exist, asked again and again.
//!
//! Resolved here and subscribed by exact name, not handed to librdkafka as `^` patterns: its dialect is not ours, under
//! KIP-848 the broker's is a third, and either would take internal topics. A cooperative group moves only what changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Log;
use crate::domain::Topic;

/// Which topics a rule speaks of.
#[derive(Clone, Debug)]
pub enum TopicMatch {
    Name(String),
    /// Anchored at both ends.
    Pattern(regex::Regex),
}

impl TopicMatch {
    /// Whether the rule takes a topic. Internal ones (`__…`) are taken by name only.
    pub fn takes(&self, topic: &Topic) -> bool {
        match self {
            TopicMatch::Name(name) => name == topic.as_str(),
            TopicMatch::Pattern(pattern) => !topic.as_str().starts_with("__") && pattern.is_match(topic.as_str()),
        }
    }
}

/// Keeps `subscription` at the topics that exist and match, until nobody reads it any more.
pub(super) async fn follow(
    log: Arc<dyn Log>,
    matches: Vec<TopicMatch>,
    every: Duration,
    subscription: watch::Sender<Vec<Topic>>,
) {
    let mut seen = BTreeSet::new();
    loop {
        match log.topics().await {
            Ok(topics) => {
                let found: BTreeSet<_> =
                    topics.into_iter().filter(|topic| matches.iter().any(|m| m.takes(topic))).collect();
                // A broker that just started may not know all topics yet: one that is missing once is kept.
                let wanted: Vec<_> = found.union(&seen).cloned().collect();
                seen = found;
                subscription.send_if_modified(|current| {
                    let differs = *current != wanted;
                    if differs {
                        tracing::info!(topics = wanted.len(), before = current.len(), "topics that match changed");
                        *current = wanted;
                    }
                    differs
                });
            }
            Err(error) => tracing::warn!(%error, "cannot list the topics; the subscription stays as it is"),
        }
        tokio::select! {
            () = subscription.closed() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_topics_are_taken_by_name_only() {
        let all = TopicMatch::Pattern(regex::Regex::new("^(?:.*)$").unwrap());
        let named = TopicMatch::Name("__consumer_offsets".to_owned());
        assert!(all.takes(&Topic::new("a")) && !all.takes(&Topic::new("__consumer_offsets")));
        assert!(named.takes(&Topic::new("__consumer_offsets")) && !named.takes(&Topic::new("a")));
    }
}
