//! A store that fails as scripted, for tests: deterministic, no clock, no chance.
//!
//! ```ignore
//! let store = FaultStore::new(LocalStore::in_memory())
//!     .on(Operation::PutNew, "chain/", Fault::LostAnswer, times(1))
//!     .on(Operation::PutNew, ".parquet", Fault::Conflict, times(2).after(1));
//! ```
//!
//! Of the rules that fit a request the first one that has a turn left decides. Clones share rules and log, so a test keeps one
//! and gives the other away.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::commit::Right;
use super::contract::{ArchiveStore, Head, Operation, Page, StoreError, Tags};

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 409: nothing done.
    Conflict,
    /// 503: nothing done.
    SlowDown,
    /// No answer in time: nothing done.
    Timeout,
    /// 403: nothing done, and nothing will be.
    Forbidden,
    /// 412 though the key is free: nothing done.
    FalselyTaken,
    /// Done, and then the connection dropped.
    LostAnswer,
    /// Done, and then 412: what a client reports that retried inside.
    WrittenThenRefused,
    /// Waits at the gate, then does it.
    HoldBefore(Gate),
    /// Does it, then waits at the gate with the answer.
    HoldAfter(Gate),
}

/// Which of the requests that fit get the fault.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    skip: usize,
    left: usize,
}

/// The next `count` that fit.
pub fn times(count: usize) -> Times {
    Times { skip: 0, left: count }
}

/// All that fit, from now on.
pub fn always() -> Times {
    times(usize::MAX)
}

impl Times {
    /// Lets `skip` that fit pass first.
    pub fn after(self, skip: usize) -> Times {
        Times { skip, ..self }
    }

    fn take(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let turn = self.left > 0;
        self.left = self.left.saturating_sub(1);
        turn
    }
}

/// Where held requests wait. A gate that is never opened stands for a process that died there: drop the future.
#[derive(Clone)]
pub struct Gate {
    state: Arc<watch::Sender<GateState>>,
}

#[derive(Clone, Copy, Default)]
struct GateState {
    open: bool,
    arrived: usize,
}

impl Gate {
    pub fn closed() -> Gate {
        Gate { state: Arc::new(watch::Sender::new(GateState::default())) }
    }

    /// Lets all pass, those to come as well.
    pub fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Waits until `count` requests have come to the gate.
    pub async fn arrived(&self, count: usize) {
        self.wait(|state| state.arrived >= count).await;
    }

    async fn pass(&self) {
        self.state.send_modify(|state| state.arrived += 1);
        self.wait(|state| state.open).await;
    }

    async fn wait(&self, until: impl Fn(&GateState) -> bool) {
        self.state.subscribe().wait_for(until).await.expect("the gate holds its own sender");
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate(open: {})", self.state.borrow().open)
    }
}

/// A request that was made, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub operation: Operation,
    pub key: String,
    /// Nothing while it has no answer.
    pub answer: Option<Result<(), StoreError>>,
}

#[derive(Debug)]
struct Rule {
    operation: Operation,
    pattern: String,
    fault: Fault,
    times: Times,
}

#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    log: Vec<Request>,
}

#[derive(Clone, Debug)]
pub struct FaultStore {
    inner: Arc<dyn ArchiveStore>,
    script: Arc<Mutex<Script>>,
}

impl FaultStore {
    pub fn new(inner: impl ArchiveStore + 'static) -> FaultStore {
        FaultStore::around(Arc::new(inner))
    }

    /// Wraps a store that others use as well; each wrapper has faults and a log of its own.
    pub fn around(inner: Arc<dyn ArchiveStore>) -> FaultStore {
        FaultStore { inner, script: Arc::default() }
    }

    /// Adds a rule for requests whose key contains `pattern` (a listing's key is its prefix).
    #[must_use]
    pub fn on(self, operation: Operation, pattern: &str, fault: Fault, times: Times) -> FaultStore {
        self.script(operation, pattern, fault, times);
        self
    }

    /// Adds a rule while the store is in use.
    pub fn script(&self, operation: Operation, pattern: &str, fault: Fault, times: Times) {
        self.lock().rules.push(Rule { operation, pattern: pattern.to_owned(), fault, times });
    }

    /// Drops all rules: the store works again. Held requests stay held.
    pub fn heal(&self) {
        self.lock().rules.clear();
    }

    /// Returns what was asked so far, in the order it was asked.
    pub fn log(&self) -> Vec<Request> {
        self.lock().log.clone()
    }

    /// Returns how many requests of a kind were made for keys that contain `pattern`.
    pub fn count(&self, operation: Operation, pattern: &str) -> usize {
        self.lock().log.iter().filter(|asked| asked.operation == operation && asked.key.contains(pattern)).count()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn play<T>(
        &self,
        operation: Operation,
        key: &str,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (number, fault) = self.begin(operation, key);
        let result = suffer(fault, operation, key, request).await;
        self.lock().log[number].answer = Some(result.as_ref().map(|_| ()).map_err(Clone::clone));
        result
    }

    fn begin(&self, operation: Operation, key: &str) -> (usize, Option<Fault>) {
        let mut script = self.lock();
        script.log.push(Request { operation, key: key.to_owned(), answer: None });
        let fits = |rule: &&mut Rule| rule.operation == operation && key.contains(&rule.pattern);
        let fault = script.rules.iter_mut().filter(fits).find_map(|rule| rule.times.take().then(|| rule.fault.clone()));
        (script.log.len() - 1, fault)
    }
}

async fn suffer<T>(
    fault: Option<Fault>,
    operation: Operation,
    key: &str,
    request: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let operation = operation.name();
    let unavailable =
        |cause: &str| StoreError::Unavailable { operation, key: key.to_owned(), cause: format!("{cause} (scripted)") };
    match fault {
        None => request.await,
        Some(Fault::Conflict) => Err(unavailable("ConditionalRequestConflict (409)")),
        Some(Fault::SlowDown) => Err(unavailable("SlowDown (503)")),
        Some(Fault::Timeout) => Err(unavailable("no answer in time")),
        Some(Fault::Forbidden) => Err(StoreError::Refused {
            operation,
            key: key.to_owned(),
            cause: "AccessDenied (403, scripted)".to_owned(),
            remedy: "change the script".to_owned(),
        }),
        Some(Fault::FalselyTaken) => Err(StoreError::Taken { key: key.to_owned() }),
        Some(Fault::LostAnswer) => {
            request.await?;
            Err(unavailable("connection dropped before the answer"))
        }
        Some(Fault::WrittenThenRefused) => {
            request.await?;
            Err(StoreError::Taken { key: key.to_owned() })
        }
        Some(Fault::HoldBefore(gate)) => {
            gate.pass().await;
            request.await
        }
        Some(Fault::HoldAfter(gate)) => {
            let result = request.await;
            gate.pass().await;
            result
        }
    }
}

#[async_trait]
impl ArchiveStore for FaultStore {
    async fn put_new(&self, right: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        self.play(Operation::PutNew, key, self.inner.put_new(right, key, body, tags)).await
    }

    async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.play(Operation::Put, key, self.inner.overwrite(key, body)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.play(Operation::Get, key, self.inner.get(key)).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        self.play(Operation::GetTail, key, self.inner.get_tail(key, bytes)).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.play(Operation::Head, key, self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.play(Operation::List, prefix, self.inner.list(prefix, after, limit)).await
    }

    fn url(&self) -> String {
        self.inner.url()
    }
}

#[cfg(test)]
mod tests;
