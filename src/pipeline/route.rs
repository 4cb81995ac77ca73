//! Which layout a topic's records take, and whether the topic may be archived at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::chain::layout_keys;
use crate::domain::{StartAt, Topic, TopicId, TopicPartition};
use crate::encode;
use crate::schema::{Layout, Schemas, TopicSchema, resolve, table_of};
use crate::source::{Log, LogError, TopicMatch};
use crate::store::{ArchiveStore, commit};

/// What the operator says of some topics; the first rule that fits a topic is its own.
#[derive(Clone, Debug)]
pub struct TopicRule {
    pub matches: TopicMatch,
    pub schema: TopicSchema,
    /// Columns with a Bloom filter.
    pub bloom: BTreeSet<String>,
    pub start: StartAt,
    /// Stands in for the topic id where the broker tells none.
    pub incarnation: Option<String>,
}

/// All that is decided of a topic before its first record.
#[derive(Debug)]
pub struct Route {
    pub layout: Arc<Layout>,
    pub bloom: BTreeSet<String>,
    pub start: StartAt,
    pub incarnation: Option<TopicId>,
}

/// Why a topic has no route.
#[derive(Debug)]
pub enum NoRoute {
    /// A person must act.
    Refused { cause: String, remedy: String },
    /// Ask again later.
    Later(String),
}

/// Finds routes; one for each process.
pub struct Routes {
    rules: Vec<TopicRule>,
    schemas: Schemas,
}

impl Routes {
    pub fn new(rules: Vec<TopicRule>, schemas: Schemas) -> Routes {
        Routes { rules, schemas }
    }

    fn rule(&self, topic: &Topic) -> Option<&TopicRule> {
        self.entry(topic).map(|entry| &self.rules[entry])
    }

    /// Returns the place of a topic's rule among all.
    pub fn entry(&self, topic: &Topic) -> Option<usize> {
        self.rules.iter().position(|rule| rule.matches.takes(topic))
    }

    /// Resolves a topic's layout from the rules and the convention.
    pub fn resolve(&self, topic: &Topic) -> Result<Route, NoRoute> {
        let refused = |cause: String, remedy: String| NoRoute::Refused { cause, remedy };
        let entry = self.entry(topic).ok_or_else(|| {
            let remedy = "add one, or take the topic out of the subscription";
            refused(format!("no rule of `topics` fits {topic}"), remedy.to_owned())
        })?;
        let rule = &self.rules[entry];
        let layout = resolve(topic, &rule.schema, &self.schemas).map_err(|error| {
            refused(error.to_string(), format!("correct `topics[{entry}]` or `schemas` in the configuration"))
        })?;
        let layout = Arc::new(layout);
        if let Some(column) = encode::without_filter(&layout, &rule.bloom).first() {
            let cause = format!("topic {topic} has no column `{column}` that a Bloom filter fits");
            let remedy = format!("correct `topics[{entry}].bloom`: values of a column are meant, and no booleans");
            return Err(refused(cause, remedy));
        }
        Ok(Route {
            layout,
            bloom: rule.bloom.clone(),
            start: rule.start,
            incarnation: rule.incarnation.as_deref().map(|text| TopicId::from_incarnation(topic, text)),
        })
    }

    /// Refuses a topic whose table another topic of `existing` would fill too, unless the operator named the table for both.
    pub fn check_table(&self, topic: &Topic, route: &Route, existing: &[Topic]) -> Result<(), NoRoute> {
        let table = route.layout.table();
        let on_purpose = self.rule(topic).is_some_and(|rule| rule.schema.table.is_some());
        let rivals = existing.iter().filter(|other| *other != topic).filter(|other| {
            let Some(rule) = self.rule(other) else { return false };
            let same = table_of(other, &rule.schema, &self.schemas).is_ok_and(|other| other == table);
            same && !(on_purpose && rule.schema.table.is_some())
        });
        let mut all: Vec<_> = rivals.map(Topic::as_str).collect();
        if all.is_empty() {
            return Ok(());
        }
        // In one order, so that each of them is told the same.
        all.push(topic.as_str());
        all.sort_unstable();
        Err(NoRoute::Refused {
            cause: format!("topics {} would fill the same table, {table}", all.join(" and ")),
            remedy: "give each a `table:` of its own, or both the same one on purpose".into(),
        })
    }
}

/// Prepares a topic for its first record: its route, no rival for its table, an id to know it by, its layout in the bucket.
pub async fn prepare(
    topic: &Topic,
    routes: &Routes,
    log: &dyn Log,
    store: &dyn ArchiveStore,
) -> Result<Arc<Route>, NoRoute> {
    let route = routes.resolve(topic)?;
    let existing = log.topics().await.map_err(|error| NoRoute::Later(error.to_string()))?;
    routes.check_table(topic, &route, &existing)?;
    if route.incarnation.is_none() {
        // Every topic has a partition 0.
        match log.topic_id(&TopicPartition { topic: topic.clone(), partition: 0 }).await {
            Ok(_) => {}
            Err(LogError::NoTopicId(topic)) => {
                return Err(NoRoute::Refused {
                    cause: format!(
                        "the broker tells no id for topic {topic}, so a re-created one could not be told apart"
                    ),
                    remedy: "give the topic an `incarnation:` and change it whenever the topic is re-created".into(),
                });
            }
            Err(error) => return Err(NoRoute::Later(error.to_string())),
        }
    }
    let (rule, descriptors) = route.layout.to_stored();
    let (rule_key, descriptors_key) = layout_keys(route.layout.fingerprint());
    // The rule last: where it is, its descriptors are.
    for (key, part) in [(descriptors_key, descriptors), (rule_key, rule)] {
        commit::put_layout(store, &key, Bytes::from(part)).await.map_err(|error| NoRoute::Later(error.to_string()))?;
    }
    Ok(Arc::new(route))
}
