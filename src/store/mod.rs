//! The bucket.                                                                                                     EDGE
//!
//! **What it is.** One trait, [`ArchiveStore`], over S3 (`s3.rs`), local folders and memory (`object.rs`), and [`commit`], the
//! only place that creates what readers see.
//!
//! **Flow.** settings → [`open`] → the wrappers (`observed.rs` for metrics, `fault.rs` in tests) → [`self_test`] → [`commit`].
//!
//! **Promises.** One call is one request, with a time-out. Nothing is retried in here: an answer that is not a clean success
//! is handed up as [`StoreError`], and whoever decides looks at what is there (step 5 of the cut chain). Nothing is ever
//! deleted. `put_new` wants a [`Right`], which only [`commit`] can make.
//!
//! **Failure.** The error's variant is what the caller can do: look (`Taken`), look and try again later (`Unavailable`), tell
//! the operator (`Refused`, with the remedy), stop (`Damaged`).
//!
//! **Cancellation and crash.** A dropped future and a crash leave a write's outcome unknown and nothing half-visible.
//!
//! **Not here.** When to try again (`retry`), and what a key's presence means (`chain`).

mod answer;
pub mod commit;
mod contract;
mod fault;
mod folder;
mod identity;
mod listing;
mod object;
mod observed;
mod open;
mod options;
mod s3;
mod selftest;

pub use commit::Right;
pub use contract::{ArchiveStore, Head, Operation, Page, StoreError, Tags};
pub use fault::{Fault, FaultStore, Gate, Request, Times, always, times};
pub use identity::Identity;
pub use object::LocalStore;
pub use observed::{ObservedStore, Observer, Outcome};
pub use open::{open, open_to_read};
pub use options::{ArchiveSettings, S3Settings};
pub use s3::S3Store;
pub use selftest::{SelfTestError, self_test};
