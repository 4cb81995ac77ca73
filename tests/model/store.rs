//! The bucket: create-only keys, and writes that are still under way.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use alluvium::chain::{Cut, LossRecord, Seen};
use alluvium::domain::Digest;

use super::log::Row;

/// What stands at a key, with a hash of both, so that a state is hashed fast.
#[derive(Clone, Debug)]
pub struct Stored {
    pub what: What,
    mark: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    Cut(Record<Cut>),
    Loss(Record<LossRecord>),
    Object(Arc<Object>),
}

/// A record and what it says.
#[derive(Clone, Debug)]
pub struct Record<T> {
    pub bytes: Arc<[u8]>,
    pub read: Arc<T>,
}

/// An object's rows, and the nonce of the cut that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub nonce: String,
    pub rows: Vec<Row>,
}

impl Object {
    pub fn seen(&self) -> Seen {
        Seen { rows: self.rows.len() as u64, nonce: self.nonce.clone(), digest: digest(&self.rows) }
    }
}

/// Returns the digest of some records.
pub fn digest(rows: &[Row]) -> Digest {
    let bytes: Vec<u8> = rows.iter().flat_map(|(topic, offset)| [*topic, *offset]).collect();
    Digest::of(&bytes)
}

impl Stored {
    pub fn object(key: &str, object: Object) -> Stored {
        Stored::new(key, What::Object(object.into()))
    }

    /// Reads what a machine wants to put.
    pub fn record(key: &str, bytes: Vec<u8>) -> Stored {
        if key.ends_with(".loss.json") {
            let read = serde_json::from_slice(&bytes).expect("a machine writes loss records");
            return Stored::new(key, What::Loss(Record { bytes: bytes.into(), read: Arc::new(read) }));
        }
        let read = Cut::parse(key, &bytes).expect("a machine writes cut records");
        Stored::new(key, What::Cut(Record { bytes: bytes.into(), read: Arc::new(read) }))
    }

    fn new(key: &str, what: What) -> Stored {
        let mark = mark(&(key, &what));
        Stored { what, mark }
    }

    pub fn bytes(&self) -> Option<Vec<u8>> {
        match &self.what {
            What::Cut(Record { bytes, .. }) | What::Loss(Record { bytes, .. }) => Some(bytes.to_vec()),
            What::Object(_) => None,
        }
    }
}

/// Returns a hash that is the same in every run.
pub fn mark(value: &impl Hash) -> u64 {
    foldhash::fast::FixedState::default().hash_one(value)
}

impl PartialEq for Stored {
    fn eq(&self, other: &Stored) -> bool {
        self.mark == other.mark
    }
}

impl Eq for Stored {}

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.mark);
    }
}

impl<T> PartialEq for Record<T> {
    fn eq(&self, other: &Record<T>) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Record<T> {}

impl<T> Hash for Record<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// A write and where it goes.
pub type Write = (String, Stored);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    pub keys: Arc<BTreeMap<String, Stored>>,
    /// Writes without an answer, or whose answer nobody waits for: each may land at any time, or never. By their marks.
    pub late: Arc<BTreeMap<u64, Write>>,
}

impl Hash for Store {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.keys.len());
        self.keys.values().for_each(|stored| stored.hash(state));
        self.late.keys().for_each(|mark| state.write_u64(*mark));
    }
}

impl Store {
    pub fn get(&self, key: &str) -> Option<&Stored> {
        self.keys.get(key)
    }

    /// Returns the first key of a listing, and the record there.
    pub fn first(&self, prefix: &str) -> Option<(&String, &Stored)> {
        self.below(prefix).next()
    }

    pub fn below(&self, prefix: &str) -> impl Iterator<Item = (&String, &Stored)> {
        self.keys.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix))
    }

    pub fn set(&mut self, (key, stored): Write) {
        Arc::make_mut(&mut self.keys).insert(key, stored);
    }

    /// Only a wrong turn deletes.
    pub fn delete(&mut self, key: &str) {
        Arc::make_mut(&mut self.keys).remove(key);
    }

    pub fn send(&mut self, write: Write) {
        Arc::make_mut(&mut self.late).insert(write.1.mark, write);
    }

    pub fn take_late(&mut self, index: usize) -> Option<Write> {
        let mark = *self.late.keys().nth(index)?;
        Arc::make_mut(&mut self.late).remove(&mark)
    }

    pub fn is_late(&self, write: &Write) -> bool {
        self.late.contains_key(&write.1.mark)
    }

    /// Forgets late writes to keys that are taken.
    pub fn forget_refused(&mut self) {
        if self.late.values().any(|(key, _)| self.keys.contains_key(key)) {
            let keys = self.keys.clone();
            Arc::make_mut(&mut self.late).retain(|_, (key, _)| !keys.contains_key(key));
        }
    }

    /// Returns the cuts of a chain from the first to the newest.
    pub fn cuts(&self, prefix: &str) -> Vec<(&[u8], &Arc<Cut>)> {
        let mut cuts: Vec<_> = self
            .below(prefix)
            .filter_map(|(_, stored)| match &stored.what {
                What::Cut(Record { bytes, read }) => Some((&**bytes, read)),
                _ => None,
            })
            .collect();
        cuts.reverse();
        cuts
    }

    pub fn loss(&self, key: &str) -> Option<&LossRecord> {
        match &self.get(key)?.what {
            What::Loss(Record { read, .. }) => Some(read),
            _ => None,
        }
    }

    pub fn object(&self, key: &str) -> Option<&Object> {
        match &self.get(key)?.what {
            What::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn objects(&self) -> impl Iterator<Item = (&String, &Object)> {
        self.below("tables/").filter_map(|(key, stored)| match &stored.what {
            What::Object(object) => Some((key, &**object)),
            _ => None,
        })
    }
}
