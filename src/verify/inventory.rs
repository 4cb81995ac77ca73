//! What readers can list: the keys below some folders, small enough to hold a hundred million.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::Digest;

/// The keys of listed folders that no cut has named yet. Sixteen bytes of its hash stand for a key.
#[derive(Debug, Default)]
pub struct Inventory {
    folders: Vec<String>,
    unnamed: Mutex<HashSet<u128>>,
}

impl Inventory {
    pub fn new(folders: Vec<String>) -> Inventory {
        Inventory { folders, unnamed: Mutex::default() }
    }

    pub fn folders(&self) -> &[String] {
        &self.folders
    }

    pub fn add(&self, keys: &[String]) {
        self.with(|unnamed| unnamed.extend(keys.iter().map(|key| hash(key))));
    }

    /// Takes a key that a cut names; returns whether it was listed and nobody had named it before.
    pub fn take(&self, key: &str) -> bool {
        self.with(|unnamed| unnamed.remove(&hash(key)))
    }

    pub fn is_unnamed(&self, key: &str) -> bool {
        self.with(|unnamed| unnamed.contains(&hash(key)))
    }

    /// Returns how many listed keys nobody has named.
    pub fn len(&self) -> usize {
        self.with(|unnamed| unnamed.len())
    }

    /// Whether every listed key was named.
    pub fn is_empty(&self) -> bool {
        self.with(|unnamed| unnamed.is_empty())
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashSet<u128>) -> T) -> T {
        look(&mut self.unnamed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn hash(key: &str) -> u128 {
    let Digest(hash) = Digest::of(key.as_bytes());
    u128::from_le_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
}
