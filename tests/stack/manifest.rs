//! Produces events and writes down what Kafka acknowledged, line by line, for the judge.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use alluvium::domain::TopicId;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::events::Event;
use super::kafka::{PATIENCE, config};

/// What is to be found, by partition and offset.
#[derive(Default)]
struct Acknowledged {
    lines: Mutex<BTreeMap<(i32, i64), String>>,
}

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    /// Nothing where the record will be aborted.
    type DeliveryOpaque = Box<Option<Event>>;

    fn delivery(&self, result: &DeliveryResult<'_>, event: Box<Option<Event>>) {
        let message = result.as_ref().unwrap_or_else(|(error, _)| panic!("not delivered: {error}"));
        if let Some(event) = *event {
            let place = (message.partition(), message.offset());
            let line = event.line(place.0, place.1).to_string();
            assert!(self.lines.lock().unwrap().insert(place, line).is_none(), "two records at {place:?}");
        }
    }
}

/// How a batch of events is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    Plain,
    Committed,
    Aborted,
}

pub struct Manifest {
    topic: String,
    pub partitions: i32,
    plain: BaseProducer<Acknowledged>,
    transactional: BaseProducer<Acknowledged>,
}

impl Manifest {
    pub fn new(topic: &str, partitions: i32) -> Manifest {
        let producer = |key: &str, value: &str| {
            let config = config()
                .set(key, value)
                .set("linger.ms", "20")
                .set("compression.type", "lz4")
                .set("topic.metadata.refresh.interval.ms", "500")
                .clone();
            BaseProducer::from_config_and_context(&config, Acknowledged::default()).unwrap()
        };
        let plain = producer("enable.idempotence", "true");
        let transactional = producer("transactional.id", topic);
        transactional.init_transactions(PATIENCE).unwrap();
        Manifest { topic: topic.to_owned(), partitions, plain, transactional }
    }

    /// Sends the events of these numbers over all partitions and waits until Kafka has them.
    pub fn send(&self, numbers: Range<u64>, sending: Sending) {
        let producer = if sending == Sending::Plain { &self.plain } else { &self.transactional };
        if sending != Sending::Plain {
            producer.begin_transaction().unwrap();
        }
        for number in numbers {
            self.send_one(producer, number, sending);
        }
        producer.flush(PATIENCE).unwrap();
        match sending {
            Sending::Plain => {}
            Sending::Committed => producer.commit_transaction(PATIENCE).unwrap(),
            Sending::Aborted => producer.abort_transaction(PATIENCE).unwrap(),
        }
    }

    fn send_one(&self, producer: &BaseProducer<Acknowledged>, number: u64, sending: Sending) {
        let event = Event::of(number);
        let (key, value) = (event.key.clone(), event.value.clone());
        let mut headers = OwnedHeaders::new();
        for (name, value) in &event.headers {
            headers = headers.insert(Header { key: name, value: value.as_deref() });
        }
        let timestamp = event.timestamp;
        let opaque = Box::new((sending != Sending::Aborted).then_some(event));
        let mut record = BaseRecord::with_opaque_to(&self.topic, opaque)
            .partition((number % self.partitions as u64) as i32)
            .timestamp(timestamp)
            .headers(headers);
        record.key = key.as_deref();
        record.payload = value.as_deref();
        while let Err((error, back)) = producer.send(record) {
            // A partition added a moment ago is unknown until the producer has looked again.
            let passes = [RDKafkaErrorCode::QueueFull, RDKafkaErrorCode::UnknownPartition];
            assert!(error.rdkafka_error_code().is_some_and(|code| passes.contains(&code)), "{error}");
            producer.poll(Duration::from_millis(10));
            record = back;
        }
        producer.poll(Duration::ZERO);
    }

    /// Returns how many records there are to find, and for each partition the offset after its last one.
    pub fn ends(&self) -> (usize, BTreeMap<i32, i64>) {
        let lines = self.lines();
        (lines.len(), lines.keys().map(|&(partition, offset)| (partition, offset + 1)).collect())
    }

    /// Adds the lines to a file, as records of this incarnation of the topic. Those of which `may_miss` is true of their
    /// partition and offset need not be found.
    pub fn write(&self, path: &Path, id: TopicId, may_miss: impl Fn(i32, i64) -> bool) {
        let file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        let mut file = std::io::BufWriter::new(file);
        for ((partition, offset), line) in self.lines() {
            let line = line.strip_prefix('{').expect("a line is an object");
            let may_miss = may_miss(partition, offset);
            writeln!(file, r#"{{"topic_id":"{}","may_miss":{may_miss},{line}"#, id.short()).unwrap();
        }
        file.flush().unwrap();
    }

    fn lines(&self) -> BTreeMap<(i32, i64), String> {
        let mut all = self.plain.context().lines.lock().unwrap().clone();
        all.extend(self.transactional.context().lines.lock().unwrap().clone());
        all
    }
}
