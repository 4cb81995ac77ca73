//! The bucket.                                                                                                     EDGE
//!
//! **What it is.** One trait over S3, local folders and memory, and [`commit`], the only place that writes to it.
//!
//! **Promises.** A create-only write is never retried in here: an answer that is not a clean success is handed up as
//! [`StoreError`], and whoever decides looks at what is there (step 5 of the cut chain). Nothing is ever deleted.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

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

/// Why a request did not succeed; the variant is what the caller can do about it.
#[derive(Debug, thiserror::Error)]
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
}

/// What the archive asks of a bucket. Keys are relative to the archive's prefix; each method is one request (a listing: one
/// page), with time-outs and without retries.
#[async_trait]
pub trait ArchiveStore: Debug + Send + Sync {
    /// Creates an object; an existing one is never overwritten.
    async fn put_new(&self, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError>;
    /// Writes an object that may be overwritten: `progress/` only.
    async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreError>;
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError>;
    /// Returns the last `bytes` of an object, or all of a shorter one.
    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError>;
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError>;
    /// Returns at most `limit` keys below `prefix` that follow `after`, in byte order.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError>;
    /// Returns what to call this archive in messages: the URL, without secrets.
    fn url(&self) -> String;
}
