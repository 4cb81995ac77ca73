//! The bucket: create-only keys, and writes that are still under way.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use alluvium::chain::{Cut, LossRecord, Seen};
use alluvium::domain::Digest;

use super::log::Row;

/// What stands at a key.
#[derive(Clone, Debug)]
pub enum Stored {
    Cut(Arc<[u8]>, Arc<Cut>),
    Loss(Arc<[u8]>, Arc<LossRecord>),
    Object(Arc<Object>),
}

/// An object's rows, and the nonce of the cut that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Reads what a machine wants to put.
    pub fn record(key: &str, bytes: Vec<u8>) -> Stored {
        if key.ends_with(".loss.json") {
            let loss = serde_json::from_slice(&bytes).expect("a machine writes loss records");
            return Stored::Loss(bytes.into(), Arc::new(loss));
        }
        let cut = Cut::parse(key, &bytes).expect("a machine writes cut records");
        Stored::Cut(bytes.into(), Arc::new(cut))
    }

    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Stored::Cut(bytes, _) | Stored::Loss(bytes, _) => Some(bytes.to_vec()),
            Stored::Object(_) => None,
        }
    }

    fn identity(&self) -> (Option<&[u8]>, Option<&Object>) {
        match self {
            Stored::Cut(bytes, _) | Stored::Loss(bytes, _) => (Some(bytes), None),
            Stored::Object(object) => (None, Some(object)),
        }
    }
}

impl PartialEq for Stored {
    fn eq(&self, other: &Stored) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Stored {}

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for Stored {
    fn partial_cmp(&self, other: &Stored) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Stored {
    fn cmp(&self, other: &Stored) -> std::cmp::Ordering {
        self.identity().cmp(&other.identity())
    }
}

/// A write and where it goes.
pub type Write = (String, Stored);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store {
    pub keys: Arc<BTreeMap<String, Stored>>,
    /// Writes without an answer, or whose answer nobody waits for: each may land at any time, or never.
    pub late: Arc<BTreeSet<Write>>,
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

    pub fn send(&mut self, write: Write) {
        Arc::make_mut(&mut self.late).insert(write);
    }

    pub fn take_late(&mut self, index: usize) -> Option<Write> {
        let write = self.late.iter().nth(index)?.clone();
        Arc::make_mut(&mut self.late).remove(&write);
        Some(write)
    }

    /// Forgets late writes to keys that are taken.
    pub fn forget_refused(&mut self) {
        if self.late.iter().any(|(key, _)| self.keys.contains_key(key)) {
            let keys = self.keys.clone();
            Arc::make_mut(&mut self.late).retain(|(key, _)| !keys.contains_key(key));
        }
    }

    /// Returns the cuts of a chain from the first to the newest.
    pub fn cuts(&self, prefix: &str) -> Vec<(&[u8], &Arc<Cut>)> {
        let mut cuts: Vec<_> = self
            .below(prefix)
            .filter_map(|(_, stored)| match stored {
                Stored::Cut(bytes, cut) => Some((&**bytes, cut)),
                _ => None,
            })
            .collect();
        cuts.reverse();
        cuts
    }

    pub fn loss(&self, key: &str) -> Option<&LossRecord> {
        match self.get(key)? {
            Stored::Loss(_, loss) => Some(loss),
            _ => None,
        }
    }

    pub fn object(&self, key: &str) -> Option<&Object> {
        match self.get(key)? {
            Stored::Object(object) => Some(object),
            _ => None,
        }
    }

    pub fn objects(&self) -> impl Iterator<Item = (&String, &Object)> {
        self.below("tables/").filter_map(|(key, stored)| match stored {
            Stored::Object(object) => Some((key, &**object)),
            _ => None,
        })
    }
}
