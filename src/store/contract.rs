//! What the archive asks of a bucket, and what may come back.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use async_trait::async_trait;
use bytes::Bytes;

use super::commit::Right;

/// Small facts stored beside an object's bytes (S3 user metadata); names are lower-case ASCII.
pub type Tags = BTreeMap<String, String>;

/// What HEAD tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    /// Nothing where the backend keeps none (local folders).
    pub tags: Option<Tags>,
}

/// A page of a listing in key order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub keys: Vec<String>,
    /// Whether keys remain after the last one here.
    pub more: bool,
}

/// The requests a store knows; the names are those of the metrics and of error texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    PutNew,
    Put,
    Get,
    GetTail,
    Head,
    List,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Operation::PutNew => "put_new",
            Operation::Put => "put",
            Operation::Get => "get",
            Operation::GetTail => "get_tail",
            Operation::Head => "head",
            Operation::List => "list",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a request did not succeed; the variant is what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The key is said to be taken (412). It may be our own write: look.
    #[error("{key} is taken")]
    Taken { key: String },
    /// Nothing is known of the outcome (409, 5xx, slow-down, timeout, dropped connection): look, then try again.
    #[error("{operation} {key}: {cause}")]
    Unavailable { operation: &'static str, key: String, cause: String },
    /// The store refused and will refuse again until the operator changes something: credentials, rights, bucket, region.
    #[error("{operation} {key}: {cause}; {remedy}")]
    Refused { operation: &'static str, key: String, cause: String, remedy: String },
    /// What stands at the key is not what this program writes there. Nothing is guessed: stop and page.
    #[error("{key} is damaged or foreign: {cause}; find out who wrote it before anything is moved")]
    Damaged { key: String, cause: String },
}

/// What the archive asks of a bucket. Keys are relative to the archive's prefix; each method is one request (a listing: one
/// page), with time-outs and without retries. Dropping a write's future leaves its outcome unknown, as a lost answer does.
#[async_trait]
pub trait ArchiveStore: Debug + Send + Sync {
    /// Creates an object; an existing one is never overwritten. Only [`super::commit`] can make the `right`.
    async fn put_new(&self, right: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError>;
    /// Writes an object that may be overwritten: `progress/` only, and only by what publishes it.
    async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError>;
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError>;
    /// Returns the last `bytes` of an object, or all of a shorter one.
    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError>;
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError>;
    /// Returns at most `limit` keys (1 to 1000) below `prefix` that follow `after`, in byte order. A prefix is empty or ends
    /// in a slash: stores on folders know no other.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError>;
    /// Returns what to call this archive in messages: the URL, without secrets.
    fn url(&self) -> String;
}
