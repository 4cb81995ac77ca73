//! Does Kafka answer, are the topics there, and can they be told from re-created namesakes?

use std::sync::{Arc, OnceLock};

use super::finding::Finding;
use crate::cli::run::with_place;
use crate::config::{Settings, TopicMatch};
use crate::domain::{Topic, TopicPartition};
use crate::source::{KafkaLog, Log, LogError};

const REACH: &str =
    "see that `kafka.brokers` is reachable from here, and that `kafka.properties` fits its listener (TLS, SASL)";

/// `found` gets the topics that the file speaks of, for the stages after this one.
pub(super) async fn stage(settings: Arc<Settings>, found: Arc<OnceLock<Vec<Topic>>>) -> Vec<Finding> {
    match KafkaLog::new(&settings.kafka) {
        Ok(log) => look(&log, &settings, &found).await,
        Err(error) => {
            let error = with_place(error, &settings.origin);
            error.downcast_ref().map_or_else(|| vec![Finding::failed(error.to_string(), None)], Finding::mistakes)
        }
    }
}

async fn look(log: &dyn Log, settings: &Settings, found: &OnceLock<Vec<Topic>>) -> Vec<Finding> {
    // One after the other: each waits its time-out for a cluster that does not answer.
    let answer = async { Ok::<_, LogError>((log.topics().await?, log.cluster_id().await?)) };
    let (all, cluster) = match answer.await {
        Ok(answer) => answer,
        Err(error) => {
            return vec![Finding::failed(format!("no answer from {}: {error}", settings.kafka.brokers), Some(REACH))];
        }
    };
    let taken: Vec<Topic> = all.iter().filter(|topic| settings.topic(topic).is_some()).cloned().collect();
    let cluster = if cluster.is_empty() { "a cluster without id".to_owned() } else { format!("cluster {cluster}") };
    let mut findings =
        vec![Finding::ok(format!("{cluster}: {} of {} topics are to be archived", taken.len(), all.len()))];
    findings.extend(idle_entries(settings, &taken));
    findings.extend(topic_ids(log, settings, &taken).await);
    found.get_or_init(|| taken);
    findings
}

/// Returns a warning for each entry by which no topic goes (yet).
fn idle_entries(settings: &Settings, taken: &[Topic]) -> Vec<Finding> {
    let goes_by =
        |entry| taken.iter().any(|topic| settings.topic(topic).is_some_and(|decides| std::ptr::eq(decides, entry)));
    let idle = settings.topics.iter().filter(|entry| !goes_by(*entry));
    let warning = |matches: &TopicMatch| match matches {
        TopicMatch::Name(name) => Finding::warning(
            format!("topic {name} does not exist, or this user may not see it"),
            Some("it will be archived from its first record on, once it is there"),
        ),
        TopicMatch::Pattern(pattern) => {
            // As it is written in the file.
            let pattern = pattern.as_str().trim_start_matches(r"\A(?:").trim_end_matches(r")\z");
            Finding::warning(format!("no topic matches {pattern}"), Some("topics that match are taken as they appear"))
        }
    };
    idle.map(|entry| warning(&entry.matches)).collect()
}

/// Whether the broker tells ids; one topic answers for all.
async fn topic_ids(log: &dyn Log, settings: &Settings, taken: &[Topic]) -> Option<Finding> {
    let bare = |topic: &&Topic| settings.topic(topic).is_some_and(|entry| entry.incarnation.is_none());
    let topic = taken.iter().find(bare)?.clone();
    match log.topic_id(&TopicPartition { topic, partition: 0 }).await {
        Ok(_) => None,
        Err(error @ LogError::NoTopicId(_)) => Some(Finding::failed(error.to_string(), None)),
        Err(error) => Some(Finding::failed(error.to_string(), Some(REACH))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use async_trait::async_trait;

    use super::*;
    use crate::cli::check::finding::Status;
    use crate::domain::{Offset, TopicId};
    use crate::source::{Bounds, StartAt};

    /// A cluster of these topics, with or without ids, or none at all.
    struct Fake {
        topics: Vec<&'static str>,
        ids: bool,
        up: bool,
    }

    #[async_trait]
    impl Log for Fake {
        async fn topic_id(&self, partition: &TopicPartition) -> Result<TopicId, LogError> {
            if self.ids { Ok(TopicId([1; 16])) } else { Err(LogError::NoTopicId(partition.topic.clone())) }
        }
        async fn bounds(&self, _: &TopicPartition) -> Result<Bounds, LogError> {
            unreachable!("a check reads nothing")
        }
        async fn offset_at(&self, _: &TopicPartition, _: StartAt) -> Result<Offset, LogError> {
            unreachable!("a check reads nothing")
        }
        async fn cluster_id(&self) -> Result<String, LogError> {
            Ok("c1".to_owned())
        }
        async fn topics(&self) -> Result<Vec<Topic>, LogError> {
            if !self.up {
                return Err(LogError::Unavailable("connection refused".to_owned()));
            }
            Ok(self.topics.iter().map(|name| Topic::new(name)).collect())
        }
    }

    async fn seen(fake: Fake) -> (Vec<(Status, String)>, Option<Vec<Topic>>) {
        let file = r"
kafka: { brokers: 'localhost:9092' }
topics: [ { name: prod.a.b.c.D, incarnation: x }, { match: 'dev\..+' } ]
schemas: { descriptors: [ events.binpb ] }
archive: { url: 's3://lake' }
";
        let (settings, _) = crate::config::parse("f", file, Path::new(""), &|_| None).unwrap();
        let found = OnceLock::new();
        let findings = look(&fake, &settings, &found).await;
        (findings.into_iter().map(|f| (f.status, f.what)).collect(), found.into_inner())
    }

    #[tokio::test]
    async fn topics_of_the_file_are_found_and_handed_on() {
        let (findings, found) =
            seen(Fake { topics: vec!["prod.a.b.c.D", "dev.x", "other"], ids: true, up: true }).await;
        assert_eq!(findings, [(Status::Ok, "cluster c1: 2 of 3 topics are to be archived".to_owned())]);
        assert_eq!(found.unwrap(), [Topic::new("prod.a.b.c.D"), Topic::new("dev.x")]);
    }

    #[tokio::test]
    async fn an_entry_without_topics_is_a_warning() {
        let (findings, _) = seen(Fake { topics: vec![], ids: true, up: true }).await;
        assert_eq!(findings.iter().map(|f| f.0).collect::<Vec<_>>(), [Status::Ok, Status::Warning, Status::Warning]);
        assert!(findings[1].1.contains("prod.a.b.c.D") && findings[2].1 == r"no topic matches dev\..+", "{findings:?}");
    }

    #[tokio::test]
    async fn a_broker_without_topic_ids_fails_unless_an_incarnation_stands_in() {
        let (findings, _) = seen(Fake { topics: vec!["dev.x"], ids: false, up: true }).await;
        assert!(findings.iter().any(|f| f.0 == Status::Failed && f.1.contains("incarnation")), "{findings:?}");
        let (findings, _) = seen(Fake { topics: vec!["prod.a.b.c.D"], ids: false, up: true }).await;
        assert!(findings.iter().all(|f| f.0 != Status::Failed), "{findings:?}");
    }

    #[tokio::test]
    async fn a_cluster_that_does_not_answer_fails_and_hands_nothing_on() {
        let (findings, found) = seen(Fake { topics: vec![], ids: true, up: false }).await;
        assert_eq!(findings, [(Status::Failed, "no answer from localhost:9092: connection refused".to_owned())]);
        assert!(found.is_none());
    }
}
