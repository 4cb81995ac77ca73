//! Before anything is written: does this store keep what the cut chain builds on?

use bytes::Bytes;

use super::commit::{Put, put_probe};
use super::contract::{ArchiveStore, StoreError};
use crate::chain::probe_key;

/// Why a store cannot be used, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The store cannot be reached, or refuses us.
    #[error("the self-test of {url} could not be made: {cause}")]
    Store { url: String, cause: StoreError },
    /// Two owners of a partition would both believe that they won.
    #[error(
        "{url} ignores `If-None-Match: *`: a second write of {key} was not refused, so two processes could archive the same \
         records twice; use a store that has conditional writes, docs/stores.md lists those known to work"
    )]
    OverwritesInSilence { url: String, key: String },
    /// The newest cut could not be found.
    #[error(
        "{url} does not list in byte order from a given key on: {wanted} was to come, not {found:?}; use a store that does \
         (S3 directory buckets do not), docs/stores.md lists those known to work"
    )]
    ListsOutOfOrder { url: String, wanted: String, found: Vec<String> },
}

/// Puts probes under `probe/` (for a lifecycle rule to remove) and checks that the second write of a key is refused, that the
/// first one's bytes stay, and that listings come in byte order. `nonce` must be new each time.
pub async fn self_test(store: &dyn ArchiveStore, process: &str, nonce: &str) -> Result<(), SelfTestError> {
    let key = |number: u8| probe_key(process, &format!("{nonce}-{number}"));
    let (before, first, second) = (key(0), key(1), key(2));
    let failed = |cause| SelfTestError::Store { url: store.url(), cause };

    for key in [&second, &first] {
        match put_probe(store, key, Bytes::from_static(b"first\n")).await {
            // Taken: the key is new, so this is our own write whose answer was lost on the way.
            Put::Created | Put::Unclear(StoreError::Taken { .. }) => {}
            Put::Unclear(cause) => return Err(failed(cause)),
        }
    }
    let ignored = || SelfTestError::OverwritesInSilence { url: store.url(), key: first.clone() };
    match put_probe(store, &first, Bytes::from_static(b"second\n")).await {
        Put::Created => return Err(ignored()),
        Put::Unclear(StoreError::Taken { .. }) => {}
        Put::Unclear(cause) => return Err(failed(cause)),
    }
    if store.get(&first).await.map_err(failed)?.as_deref() != Some(b"first\n") {
        return Err(ignored());
    }
    let page = store.list("probe/", Some(&before), 1).await.map_err(failed)?;
    if page.keys != [first.as_str()] || !page.more {
        return Err(SelfTestError::ListsOutOfOrder { url: store.url(), wanted: first, found: page.keys });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::store::{Fault, FaultStore, Head, LocalStore, Operation, Page, Right, Tags, times};

    #[tokio::test]
    async fn a_store_that_refuses_the_second_write_passes() {
        let store = LocalStore::in_memory();
        self_test(&store, "host-1", "a").await.unwrap();
        self_test(&store, "host-1", "b").await.unwrap();
    }

    #[tokio::test]
    async fn a_lost_answer_to_the_first_write_is_no_failure() {
        let lost = FaultStore::new(LocalStore::in_memory()).on(
            Operation::PutNew,
            "probe/",
            Fault::WrittenThenRefused,
            times(1),
        );
        self_test(&lost, "host-1", "a").await.unwrap();
    }

    #[tokio::test]
    async fn a_store_out_of_reach_is_told_with_its_url() {
        let down = FaultStore::new(LocalStore::in_memory()).on(Operation::PutNew, "", Fault::SlowDown, times(1));
        let text = self_test(&down, "host-1", "a").await.unwrap_err().to_string();
        assert!(text.starts_with("the self-test of memory: could not be made: put_new probe/host-1-a-2: "), "{text}");
    }

    /// Overwrites whatever is asked, or lists the wrong way round.
    #[derive(Debug)]
    struct Careless {
        inner: LocalStore,
        overwrites: bool,
    }

    #[async_trait]
    impl ArchiveStore for Careless {
        async fn put_new(&self, right: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
            if self.overwrites {
                self.inner.overwrite(key, body).await
            } else {
                self.inner.put_new(right, key, body, tags).await
            }
        }
        async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
            self.inner.overwrite(key, body).await
        }
        async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
            self.inner.get(key).await
        }
        async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
            self.inner.get_tail(key, bytes).await
        }
        async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
            self.inner.head(key).await
        }
        async fn list(&self, prefix: &str, _: Option<&str>, limit: usize) -> Result<Page, StoreError> {
            let mut all = self.inner.list(prefix, None, 1000).await?.keys;
            all.reverse();
            let more = all.len() > limit;
            all.truncate(limit);
            Ok(Page { keys: all, more })
        }
        fn url(&self) -> String {
            "s3://careless".to_owned()
        }
    }

    #[tokio::test]
    async fn a_store_that_overwrites_is_refused_with_the_reason() {
        let store = Careless { inner: LocalStore::in_memory(), overwrites: true };
        let error = self_test(&store, "host-1", "a").await.unwrap_err();
        assert!(matches!(error, SelfTestError::OverwritesInSilence { .. }), "{error}");
        assert!(error.to_string().starts_with("s3://careless ignores `If-None-Match: *`"), "{error}");
    }

    #[tokio::test]
    async fn a_store_that_lists_out_of_order_is_refused() {
        let store = Careless { inner: LocalStore::in_memory(), overwrites: false };
        let error = self_test(&store, "host-1", "a").await.unwrap_err();
        assert!(matches!(error, SelfTestError::ListsOutOfOrder { .. }), "{error}");
    }
}
