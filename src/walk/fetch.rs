//! Reading from the store, again where nothing is known of the outcome.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::retry::Policy;
use crate::store::{ArchiveStore, Head, Page, StoreError};

/// Together the waits outlast a slow-down and a broken connection, not an outage, which a person at a terminal should hear of.
const ATTEMPTS: u32 = 5;
const WAITS: Policy =
    Policy { first: Duration::from_millis(200), factor: 3.0, cap: Duration::from_secs(5), jitter: 0.5 };

/// A store that is asked again where nothing is known of the outcome.
#[derive(Clone, Debug)]
pub struct Fetch {
    store: Arc<dyn ArchiveStore>,
    waits: Policy,
}

impl Fetch {
    pub fn new(store: Arc<dyn ArchiveStore>) -> Fetch {
        Fetch { store, waits: WAITS }
    }

    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.patiently(|| self.store.get(key)).await
    }

    pub async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        self.patiently(|| self.store.get_tail(key, bytes)).await
    }

    pub async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.patiently(|| self.store.head(key)).await
    }

    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.patiently(|| self.store.list(prefix, after, limit)).await
    }

    async fn patiently<T, F>(&self, request: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        for attempt in 1..ATTEMPTS {
            match request().await {
                Err(StoreError::Unavailable { .. }) => {
                    tokio::time::sleep(self.waits.delay(attempt, rand::random())).await;
                }
                outcome => return outcome,
            }
        }
        request().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, FaultStore, LocalStore, Operation, times};

    async fn get(faults: usize) -> (Result<Option<Bytes>, StoreError>, usize) {
        let store =
            Arc::new(FaultStore::new(LocalStore::in_memory()).on(Operation::Get, "", Fault::SlowDown, times(faults)));
        let fetch = Fetch { store: store.clone(), waits: Policy { cap: Duration::ZERO, ..WAITS } };
        (fetch.get("k").await, store.count(Operation::Get, ""))
    }

    #[tokio::test]
    async fn a_slow_down_is_waited_out_and_an_outage_is_told() {
        assert_eq!(get(4).await, (Ok(None), 5));
        let (outcome, asked) = get(9).await;
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })) && asked == 5);
    }
}
