//! A member of a consumer group, running.

use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, watch};

use super::native::{self, Consumer};
use super::poll::Poller;
use super::subscription::follow;
use super::{KafkaOptions, Log, Options, Source, SourceError, TopicMatch, properties};
use crate::domain::MemoryBudget;

/// Rounds of records and other events on their way: enough to keep the lanes busy, too few to matter beside the budget.
const EVENTS: usize = 64;

/// Starts reading as a member of the group. Must be called within a runtime, for the task that follows the topics.
///
/// The thread ends when told to shut down or when the event channel is dropped, and closes that channel by ending.
pub fn join(
    kafka: &KafkaOptions,
    matches: Vec<TopicMatch>,
    log: Arc<dyn Log>,
    budget: MemoryBudget,
    options: Options,
) -> Result<Source, SourceError> {
    let resolved = properties::reader(kafka, options.refresh);
    let client = native::create_client(&resolved.config).map_err(SourceError::Properties)?;
    let (commands, obeyed) = mpsc::unbounded_channel();
    let (told, events) = mpsc::channel(EVENTS);
    let (wanted, subscription) = watch::channel(Vec::new());
    tokio::spawn(follow(log, matches, options.refresh, wanted));
    thread::Builder::new()
        .name("kafka-poll".to_owned())
        .spawn(move || {
            let consumer = Consumer::new(client, options.batch_records);
            Poller::new(consumer, (obeyed, told), subscription, budget, options).run();
        })
        .map_err(SourceError::Thread)?;
    Ok(Source { events, commands })
}
