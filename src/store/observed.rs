//! A store that tells what its requests came to, for metrics: wrapped around another instead of branching inside it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use super::commit::Right;
use super::contract::{ArchiveStore, Head, Operation, Page, StoreError, Tags};

/// How a request ended, as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Done,
    /// A read found nothing.
    Absent,
    Taken,
    Unavailable,
    Refused,
    Damaged,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Absent => "absent",
            Outcome::Taken => "taken",
            Outcome::Unavailable => "unavailable",
            Outcome::Refused => "refused",
            Outcome::Damaged => "damaged",
        }
    }

    fn of_error(error: &StoreError) -> Outcome {
        match error {
            StoreError::Taken { .. } => Outcome::Taken,
            StoreError::Unavailable { .. } => Outcome::Unavailable,
            StoreError::Refused { .. } => Outcome::Refused,
            StoreError::Damaged { .. } => Outcome::Damaged,
        }
    }
}

/// Who is told. Called once a request, on the task that made it; a request whose future is dropped is not told.
pub type Observer = dyn Fn(Operation, Outcome, Duration) + Send + Sync;

pub struct ObservedStore {
    inner: Arc<dyn ArchiveStore>,
    observer: Box<Observer>,
}

impl ObservedStore {
    pub fn new(
        inner: Arc<dyn ArchiveStore>,
        observer: impl Fn(Operation, Outcome, Duration) + Send + Sync + 'static,
    ) -> ObservedStore {
        ObservedStore { inner, observer: Box::new(observer) }
    }

    async fn timed<T>(
        &self,
        operation: Operation,
        found: fn(&T) -> bool,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let result = request.await;
        let outcome = match &result {
            Ok(answer) if found(answer) => Outcome::Done,
            Ok(_) => Outcome::Absent,
            Err(error) => Outcome::of_error(error),
        };
        (self.observer)(operation, outcome, start.elapsed());
        result
    }
}

impl fmt::Debug for ObservedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObservedStore").field(&self.inner).finish()
    }
}

fn always<T>(_: &T) -> bool {
    true
}

#[async_trait]
impl ArchiveStore for ObservedStore {
    async fn put_new(&self, right: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        self.timed(Operation::PutNew, always, self.inner.put_new(right, key, body, tags)).await
    }

    async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.timed(Operation::Put, always, self.inner.overwrite(key, body)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.timed(Operation::Get, Option::is_some, self.inner.get(key)).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        self.timed(Operation::GetTail, Option::is_some, self.inner.get_tail(key, bytes)).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.timed(Operation::Head, Option::is_some, self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.timed(Operation::List, always, self.inner.list(prefix, after, limit)).await
    }

    fn url(&self) -> String {
        self.inner.url()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::store::commit::{Put, put_cut};
    use crate::store::{Fault, FaultStore, LocalStore, times};

    #[tokio::test]
    async fn each_request_is_told_once_with_its_outcome() {
        let seen: Arc<Mutex<Vec<(Operation, Outcome)>>> = Arc::default();
        let faulty = FaultStore::new(LocalStore::in_memory()).on(Operation::Head, "", Fault::SlowDown, times(1));
        let told = seen.clone();
        let store = ObservedStore::new(Arc::new(faulty), move |operation, outcome, _| {
            told.lock().unwrap().push((operation, outcome));
        });
        assert!(matches!(put_cut(&store, "a", Bytes::new()).await, Put::Created));
        assert!(matches!(put_cut(&store, "a", Bytes::new()).await, Put::Unclear(StoreError::Taken { .. })));
        assert_eq!(store.get("b").await, Ok(None));
        store.head("a").await.unwrap_err();
        assert_eq!(
            *seen.lock().unwrap(),
            [
                (Operation::PutNew, Outcome::Done),
                (Operation::PutNew, Outcome::Taken),
                (Operation::Get, Outcome::Absent),
                (Operation::Head, Outcome::Unavailable),
            ]
        );
    }
}
