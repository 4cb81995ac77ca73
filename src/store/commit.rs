//! The only place that creates cut records, loss records, layouts and objects.
//!
//! One request each, nothing decided: whoever runs the cut chain looks at what is there after an [`Put::Unclear`] and obeys
//! it. [`Right`] keeps it the only place: `put_new` wants one, and only this file can make one.

mod right;

use bytes::Bytes;

pub use right::Right;

use super::contract::{ArchiveStore, StoreError, Tags};
use super::identity::{FOOTER_FIRST_READ, Identity};
use crate::encode::ReadError;

/// How a create-only request ended.
#[derive(Debug)]
#[must_use = "an unclear write has to be looked at"]
pub enum Put {
    /// A clean success: it is ours.
    Created,
    /// Anything else, a refusal included: the key may be free, taken by somebody else, or hold our own write.
    Unclear(StoreError),
}

impl From<Result<(), StoreError>> for Put {
    fn from(result: Result<(), StoreError>) -> Put {
        result.map_or_else(Put::Unclear, |()| Put::Created)
    }
}

/// Writes a cut record. Not clean → GET the key and obey what is there.
pub async fn put_cut(store: &dyn ArchiveStore, key: &str, record: Bytes) -> Put {
    create(store, key, record, &Tags::new()).await.into()
}

/// Writes a loss record beside its cut.
pub async fn put_loss(store: &dyn ArchiveStore, key: &str, record: Bytes) -> Put {
    create(store, key, record, &Tags::new()).await.into()
}

/// Writes an object of an agreed cut. Not clean → [`look_at_object`].
pub async fn put_object(store: &dyn ArchiveStore, key: &str, body: Bytes, identity: &Identity) -> Put {
    create(store, key, body, &identity.to_tags()).await.into()
}

/// Writes a probe of the start-up self-test.
pub(super) async fn put_probe(store: &dyn ArchiveStore, key: &str, body: Bytes) -> Put {
    create(store, key, body, &Tags::new()).await.into()
}

/// Makes sure that a part of a layout is in the bucket, byte for byte. The name is the content's fingerprint, so whoever wrote
/// it first wrote the same; calling again after an error is safe.
pub async fn put_layout(store: &dyn ArchiveStore, key: &str, part: Bytes) -> Result<(), StoreError> {
    let Err(unclear) = create(store, key, part.clone(), &Tags::new()).await else { return Ok(()) };
    match store.get(key).await? {
        Some(there) if there == part => Ok(()),
        Some(_) => Err(StoreError::Damaged {
            key: key.to_owned(),
            cause: "its bytes are not those its fingerprint stands for".to_owned(),
        }),
        // Said to be taken, yet absent: only another try can tell.
        None => Err(match unclear {
            StoreError::Taken { key } => StoreError::Unavailable {
                operation: "put_new",
                key,
                cause: "refused as taken, but nothing is there".to_owned(),
            },
            other => other,
        }),
    }
}

/// Returns who the object at `key` is; nothing where there is none. One HEAD where the store keeps tags, else the end of the
/// Parquet file is read too.
pub async fn look_at_object(store: &dyn ArchiveStore, key: &str) -> Result<Option<Identity>, StoreError> {
    let Some(head) = store.head(key).await? else { return Ok(None) };
    // A copy made by other tools (restore, replication) may have lost its tags; the file still says who it is.
    if let Some(identity) = head.tags.as_ref().and_then(Identity::from_tags) {
        return Ok(Some(identity));
    }
    let damaged = |cause: String| StoreError::Damaged { key: key.to_owned(), cause };
    let Some(tail) = store.get_tail(key, FOOTER_FIRST_READ).await? else { return Ok(None) };
    let identity = match Identity::from_footer(&tail) {
        // The number is the file's claim: no more than the file is asked for.
        Err(ReadError::Short { needed }) if needed as u64 <= head.size => {
            let Some(tail) = store.get_tail(key, needed as u64).await? else { return Ok(None) };
            Identity::from_footer(&tail)
        }
        other => other,
    };
    identity.map(Some).map_err(|error| damaged(error.to_string()))
}

async fn create(store: &dyn ArchiveStore, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
    store.put_new(Right(()), key, body, tags).await
}

#[cfg(test)]
mod tests;
