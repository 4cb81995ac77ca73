//! Has every topic its message and a table of its own? Asked of the very code that decides it while running.

use std::sync::{Arc, OnceLock};

use super::finding::Finding;
use crate::cli::run::{load_schemas, rule};
use crate::config::{Settings, TopicMatch};
use crate::domain::Topic;
use crate::pipeline::{NoRoute, Route, Routes};

/// `found` are the topics of the cluster, where it answered.
pub(super) async fn stage(settings: Arc<Settings>, found: Arc<OnceLock<Vec<Topic>>>) -> Vec<Finding> {
    let schemas = match load_schemas(&settings) {
        Ok(schemas) => schemas,
        Err(errors) => return Finding::mistakes(&errors),
    };
    let routes = Routes::new(settings.topics.iter().cloned().map(rule).collect(), schemas);
    match found.get() {
        Some(topics) => look(&routes, topics, &settings),
        None => {
            let mut findings = look(&routes, &named(&settings), &settings);
            findings.push(Finding::skipped("topics that match a pattern: Kafka did not tell which exist"));
            findings
        }
    }
}

/// Returns the topics that the file itself names.
fn named(settings: &Settings) -> Vec<Topic> {
    let name = |matches: &TopicMatch| match matches {
        TopicMatch::Name(name) => Some(Topic::new(name)),
        TopicMatch::Pattern(_) => None,
    };
    settings.topics.iter().filter_map(|entry| name(&entry.matches)).collect()
}

fn look(routes: &Routes, topics: &[Topic], settings: &Settings) -> Vec<Finding> {
    let (mut ready, mut others) = (0, Vec::new());
    for topic in topics {
        let routed =
            routes.resolve(topic).map_err(|none| at_entry(none, routes.entry(topic), settings)).and_then(|route| {
                routes.check_table(topic, &route, topics)?;
                Ok(route)
            });
        match routed {
            Ok(route) => {
                ready += 1;
                others.extend(lints(topic, &route));
            }
            Err(NoRoute::Refused { cause, remedy }) => {
                let failed = Finding::failed(cause, Some(&remedy));
                // Topics of one table are refused alike: said once.
                if !others.contains(&failed) {
                    others.push(failed);
                }
            }
            Err(NoRoute::Later(cause)) => others.push(Finding::failed(cause, None)),
        }
    }
    let told = match topics.len() {
        0 => "the descriptor sets can be read; there is no topic yet to look at".to_owned(),
        all => format!("{ready} of {all} topics have a message and a table"),
    };
    let mut findings = vec![Finding::ok(told)];
    findings.append(&mut others);
    findings
}

/// Says where the entry stands that decides for a topic. No more than that: which of its keys does not fit, the words tell, and
/// other topics of the entry may be right.
fn at_entry(none: NoRoute, entry: Option<usize>, settings: &Settings) -> NoRoute {
    match (none, entry) {
        (NoRoute::Refused { cause, remedy }, Some(entry)) => {
            let (line, column) = settings.origin.place(&format!("topics[{entry}]"));
            NoRoute::Refused { cause: format!("line {line}, column {column}: {cause}"), remedy }
        }
        (none, _) => none,
    }
}

fn lints<'a>(topic: &'a Topic, route: &'a Route) -> impl Iterator<Item = Finding> + 'a {
    route.layout.lints().iter().map(move |lint| Finding::warning(format!("topic {topic}: {lint}"), None))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::check::finding::Status;

    const FILE: &str = r"
kafka: { brokers: 'localhost:9092' }
topics: [ { name: dev.shop.order-placed.v1.Order }, { match: 'dev\..+' } ]
schemas: { descriptors: [ events.binpb ] }
archive: { url: 's3://lake' }
";

    async fn seen(found: Option<&[&str]>) -> Vec<(Status, String)> {
        seen_of(FILE, found).await
    }

    async fn seen_of(file: &str, found: Option<&[&str]>) -> Vec<(Status, String)> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("events.proto"),
            "syntax = \"proto3\"; package v1; message Order { string id = 1; }",
        )
        .unwrap();
        let set = protox::compile(["events.proto"], [folder.path()]).unwrap();
        std::fs::write(folder.path().join("events.binpb"), prost::Message::encode_to_vec(&set)).unwrap();
        let (settings, _) = crate::config::parse("f", file, folder.path(), &|_| None).unwrap();
        let topics = OnceLock::new();
        if let Some(found) = found {
            topics.set(found.iter().map(|name| Topic::new(name)).collect()).unwrap();
        }
        let findings = stage(Arc::new(settings), Arc::new(topics)).await;
        findings.into_iter().map(|finding| (finding.status, finding.what)).collect()
    }

    #[tokio::test]
    async fn topics_with_a_message_are_counted_and_others_told() {
        let findings = seen(Some(&["dev.shop.order-placed.v1.Order", "dev.shop.order-gone.v1.Gone"])).await;
        assert_eq!(findings[0], (Status::Ok, "1 of 2 topics have a message and a table".to_owned()));
        assert!(findings[1].0 == Status::Failed && findings[1].1.contains("v1.Gone"), "{findings:?}");
    }

    #[tokio::test]
    async fn two_topics_of_one_table_fail() {
        let findings = seen(Some(&["dev.shop.order-placed.v1.Order", "dev.shop.order_placed.v1.Order"])).await;
        assert!(
            findings.iter().any(|f| f.0 == Status::Failed && f.1.contains("dev_shop_order_placed")),
            "{findings:?}"
        );
    }

    #[tokio::test]
    async fn a_bloom_filter_of_no_column_fails() {
        let with = |columns: &str| FILE.replace("v1.Order }", &format!("v1.Order, bloom: {columns} }}"));
        assert_eq!(seen_of(&with("[id, _key, _headers.key]"), None).await[0].0, Status::Ok);
        for column in ["no", "_tombstone", "_headers"] {
            let findings = seen_of(&with(&format!("[id, {column}]")), None).await;
            let told = format!(
                "line 3, column 13: topic dev.shop.order-placed.v1.Order has no column `{column}` that a Bloom filter fits"
            );
            assert!(findings.contains(&(Status::Failed, told)), "{findings:?}");
        }
    }

    #[tokio::test]
    async fn topics_that_the_file_names_are_looked_at_without_kafka() {
        let findings = seen(None).await;
        assert_eq!(findings[0], (Status::Ok, "1 of 1 topics have a message and a table".to_owned()));
        assert_eq!(findings[1].0, Status::Skipped);
    }

    #[tokio::test]
    async fn a_descriptor_file_that_is_not_there_fails_with_its_name() {
        let (settings, _) = crate::config::parse("f", FILE, Path::new("/nowhere"), &|_| None).unwrap();
        let findings = stage(Arc::new(settings), Arc::default()).await;
        assert!(
            findings[0].status == Status::Failed && findings[0].what.contains("/nowhere/events.binpb"),
            "{findings:?}"
        );
    }
}
