//! Questions about the log, asked by a client of their own, so that they never wait for the reader nor it for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};

use super::{Bounds, KafkaOptions, Log, LogError, SourceError, StartAt, client_log, native, properties};
use crate::domain::{Offset, Topic, TopicId, TopicPartition};

/// How long one question may take.
const WAIT: Duration = Duration::from_secs(10);

/// How long after a question without an answer the client may take to say why.
const HEAR: Duration = Duration::from_millis(50);
/// Log lines and errors heard after each question: more than come between two.
const REMARKS: usize = 32;

/// [`Log`] over a Kafka client.
pub struct KafkaLog {
    client: Arc<BaseConsumer<Asker>>,
}

/// Keeps what the client last complained of: a question that times out because of it says no more than "timed out".
#[derive(Default)]
struct Asker {
    complaint: Mutex<Option<String>>,
}

impl ClientContext for Asker {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client_log::line(level as i32, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        // That all brokers are down follows from what was said before.
        if complaint.is_none() || error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *complaint = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Asker {}

impl KafkaLog {
    pub fn new(options: &KafkaOptions) -> Result<KafkaLog, SourceError> {
        let client = properties::asker(options)
            .create_with_context(Asker::default())
            .map_err(|error| SourceError::Properties(client_log::config_error(&error)))?;
        Ok(KafkaLog { client: Arc::new(client) })
    }

    /// Asks on a thread where waiting is allowed, and hears what the client has to say meanwhile.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Asker>) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let client = self.client.clone();
        let asked = move || {
            let answer = question(&client);
            hear(&client, if answer.is_ok() { Duration::ZERO } else { HEAR });
            match (answer, client.context().complaint.lock().unwrap_or_else(PoisonError::into_inner).take()) {
                (Err(LogError::Unavailable(why)), Some(complaint)) => {
                    Err(LogError::Unavailable(format!("{why} ({complaint})")))
                }
                (answer, _) => answer,
            }
        };
        match tokio::task::spawn_blocking(asked).await {
            Ok(answer) => answer,
            Err(error) => Err(LogError::Unavailable(format!("the question was not asked: {error}"))),
        }
    }
}

#[async_trait]
impl Log for KafkaLog {
    async fn topic_id(&self, partition: &TopicPartition) -> Result<TopicId, LogError> {
        let partition = partition.clone();
        self.ask(move |client| {
            let leader = leader(client, &partition)?;
            native::topic_id(client.client(), leader, &partition.topic, WAIT)
        })
        .await
    }

    async fn bounds(&self, partition: &TopicPartition) -> Result<Bounds, LogError> {
        let partition = partition.clone();
        self.ask(move |client| bounds(client, &partition)).await
    }

    async fn offset_at(&self, partition: &TopicPartition, start: StartAt) -> Result<Offset, LogError> {
        let partition = partition.clone();
        self.ask(move |client| match start {
            StartAt::Earliest => Ok(bounds(client, &partition)?.first),
            StartAt::Latest => Ok(bounds(client, &partition)?.stable_end),
            StartAt::Time(millis) => first_at(client, &partition, millis),
        })
        .await
    }

    async fn cluster_id(&self) -> Result<String, LogError> {
        self.ask(|client| match client.client().fetch_cluster_id(WAIT) {
            Some(id) => Ok(id),
            // Null stands both for "none" and for "no answer": another question tells which.
            None => {
                client.fetch_metadata(None, WAIT).map(|_| String::new()).map_err(|error| no_answer("cluster", &error))
            }
        })
        .await
    }

    async fn topics(&self) -> Result<Vec<Topic>, LogError> {
        self.ask(|client| {
            let metadata = client.fetch_metadata(None, WAIT).map_err(|error| no_answer("topics", &error))?;
            Ok(metadata
                .topics()
                .iter()
                .filter(|topic| topic.error().is_none())
                .map(|topic| Topic::new(topic.name()))
                .collect())
        })
        .await
    }
}

/// Lets the client say what it has to say, which else piles up unheard.
fn hear(client: &BaseConsumer<Asker>, wait: Duration) {
    // A poll of no length hears one thing, and does not tell whether there was one.
    for _ in 0..REMARKS {
        drop(client.poll(Duration::ZERO));
    }
    while client.poll(wait).is_some() {}
}

/// Returns the broker that leads the partition.
fn leader(client: &BaseConsumer<Asker>, partition: &TopicPartition) -> Result<i32, LogError> {
    let topic = &partition.topic;
    let metadata =
        client.fetch_metadata(Some(topic.as_str()), WAIT).map_err(|error| no_answer(topic.as_str(), &error))?;
    let found = metadata.topics().first().ok_or_else(|| LogError::NoTopic(topic.clone()))?;
    match found.error().map(RDKafkaErrorCode::from) {
        None => {}
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            return Err(LogError::NoTopic(topic.clone()));
        }
        Some(code) => return Err(no_answer(topic.as_str(), &KafkaError::MetadataFetch(code))),
    }
    let own = found.partitions().iter().find(|found| found.id() == partition.partition);
    own.map(|found| found.leader())
        .filter(|&leader| 0 <= leader)
        .ok_or_else(|| LogError::Unavailable(format!("partition {partition} has no leader")))
}

fn bounds(client: &BaseConsumer<Asker>, partition: &TopicPartition) -> Result<Bounds, LogError> {
    // For a client that reads committed records only, the high mark is the last stable offset.
    let (first, stable_end) = client
        .fetch_watermarks(partition.topic.as_str(), partition.partition, WAIT)
        .map_err(|error| refused(partition, &error))?;
    Ok(Bounds { first: Offset(first), stable_end: Offset(stable_end) })
}

fn first_at(client: &BaseConsumer<Asker>, partition: &TopicPartition, millis: i64) -> Result<Offset, LogError> {
    let mut times = TopicPartitionList::new();
    times
        .add_partition_offset(partition.topic.as_str(), partition.partition, At::Offset(millis))
        .map_err(|error| refused(partition, &error))?;
    let found = client.offsets_for_times(times, WAIT).map_err(|error| refused(partition, &error))?;
    let element =
        found.elements().into_iter().next().ok_or_else(|| LogError::Unavailable(format!("{partition}: no answer")))?;
    element.error().map_err(|error| refused(partition, &error))?;
    let end = bounds(client, partition)?.stable_end;
    // The broker may name a record that is not stable yet.
    Ok(element.offset().to_raw().filter(|&offset| 0 <= offset).map_or(end, |offset| Offset(offset).min(end)))
}

fn refused(partition: &TopicPartition, error: &KafkaError) -> LogError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            LogError::NoTopic(partition.topic.clone())
        }
        _ => no_answer(&partition.to_string(), error),
    }
}

fn no_answer(about: &str, error: &KafkaError) -> LogError {
    let why = error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string());
    LogError::Unavailable(format!("cannot ask kafka about {about}: {why}"))
}
