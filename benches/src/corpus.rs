//! The events of `tests/corpus`, ready for all who read them.

use std::sync::Arc;

use alluvium::domain::{Offset, Records, Timestamp, Topic};
use alluvium::schema::{Layout, Schemas, TopicSchema, resolve};
use prost_reflect::{DescriptorPool, MessageDescriptor};

#[path = "../../tests/corpus/events.rs"]
pub mod events;

pub use events::Shape;

/// What prost makes of the proto file.
pub mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.v1.rs"));
}

pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bench.binpb"));

/// Events of one shape, as many as one likes.
pub struct Corpus {
    pub shape: Shape,
    pub payloads: Vec<Vec<u8>>,
    pub topic: Topic,
    pub layout: Arc<Layout>,
    pub descriptor: MessageDescriptor,
}

impl Corpus {
    pub fn new(shape: Shape, events: usize) -> anyhow::Result<Corpus> {
        let payloads = (0..events as u64).map(|number| shape.payload(number)).collect();
        let pool = DescriptorPool::decode(DESCRIPTORS)?;
        let descriptor = pool.get_message_by_name(shape.message()).expect("the proto file has every shape");
        let schemas = Schemas::load([("bench".to_owned(), DESCRIPTORS.to_vec())])?;
        let topic = Topic::new("bench");
        let rule = TopicSchema {
            message: Some(shape.message().to_owned()),
            table: Some("events".to_owned()),
            ..TopicSchema::default()
        };
        let layout = Arc::new(resolve(&topic, &rule, &schemas)?);
        Ok(Corpus { shape, payloads, topic, layout, descriptor })
    }

    pub fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Returns the bytes of an event, on average.
    pub fn mean(&self) -> f64 {
        self.payloads.iter().map(Vec::len).sum::<usize>() as f64 / self.len() as f64
    }

    /// Returns the events as records of one partition, without keys and headers, at their own times.
    pub fn records(&self) -> Records {
        let mut records = Records::default();
        for (number, payload) in self.payloads.iter().enumerate() {
            let at = Timestamp::Create(events::millis(number as u64));
            records.push(Offset(number as i64), at, None, Some(payload), []);
        }
        records.trim();
        records
    }
}
