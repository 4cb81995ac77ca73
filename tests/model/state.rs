//! A state of the world.

use alluvium::chain::{ChainId, chain_prefix};
use alluvium::domain::TopicId;

use super::log::{Log, Place, Row};
use super::store::{Store, Write};
use super::writer::{Alive, Layout, Writer, partition};

/// How large a world is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub name: &'static str,
    /// What the offsets hold, in every topic.
    pub places: &'static [Place],
    /// Offsets written at the beginning.
    pub written: u8,
    /// How far the log grows, one by one; at least one place is left for when faults have ended.
    pub grows: u8,
    /// Each with its layout, and how often it may take the partition.
    pub writers: &'static [(Layout, u8)],
    /// How many writes may be left unclear and still be under way, besides those of the dead.
    pub late: usize,
    /// Retention takes offsets below this at most.
    pub expires: u8,
    /// Whether the group takes the partition away with notice, too.
    pub lets_go: bool,
    /// How many topics of this name there may be, one after the other.
    pub topics: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// One for each topic id; the last is the one that the name leads to.
    pub logs: Vec<Log>,
    pub store: Store,
    pub writers: Vec<Writer>,
    /// Why a machine stopped.
    pub halted: Option<String>,
    /// An invariant that a step broke and the state alone does not tell of.
    pub broken: Option<&'static str>,
    /// What the group was told is done; only a wrong turn reads it.
    pub group: u8,
    /// Cut records that objects stand for once they are there; only in a wrong turn.
    pub commits: Vec<Write>,
    /// Rows that a compactor wrote elsewhere, where readers look; only in a wrong turn.
    pub compacted: Vec<Row>,
}

impl State {
    pub fn new(size: &Size) -> State {
        let writer = |(index, (layout, _)): (usize, &(Layout, u8))| Writer {
            name: format!("w{index}"),
            layout: *layout,
            lives: 0,
            alive: None,
        };
        State {
            logs: vec![Log::new(0, size.places, size.written)],
            store: Store::default(),
            writers: size.writers.iter().enumerate().map(writer).collect(),
            halted: None,
            broken: None,
            group: 0,
            commits: Vec::new(),
            compacted: Vec::new(),
        }
    }

    /// The log that the topic's name leads to.
    pub fn log(&self) -> &Log {
        &self.logs[self.logs.len() - 1]
    }

    pub fn log_mut(&mut self) -> &mut Log {
        self.logs.last_mut().expect("there is a topic")
    }

    pub fn alive(&mut self, writer: usize) -> &mut Alive {
        self.writers[writer].alive.as_mut().expect("only who lives moves")
    }

    /// Returns the folder of a log's chain.
    pub fn chain(log: &Log) -> String {
        chain_prefix(&ChainId { partition: partition(), topic_id: topic_id(log.topic) })
    }
}

/// Topics are numbered as they are created.
pub fn topic_id(number: u8) -> TopicId {
    TopicId([number; 16])
}
