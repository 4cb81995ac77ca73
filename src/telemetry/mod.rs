//! What an operator sees of a running process: its log, its metrics, its status.                                   EDGE
//!
//! **What it is.** [`log`] sets the log up, [`Metrics`] counts events, [`StatusBoard`] holds what each partition is doing
//! and why, [`http`] serves the last two.
//!
//! **Flow.** Lanes and tasks report an event once, by the method that has its name; what is a state rather than an event
//! (lag, memory, partitions by state, health) is never counted but read off the board at each scrape, so that a metric and
//! `/status` cannot disagree and a partition that was given back leaves no stale series.
//!
//! **Promises.** Every metric stands in one table, [`table::TABLE`], from which `docs/metrics.md` is printed. Labels are
//! bounded: a topic where topics matter, a partition only for lag, elsewhere closed sets of words. Reporting an event never
//! waits for a scrape longer than it takes to copy the board.
//!
//! **Failure.** A port that cannot be bound and a log filter that cannot be read are refused at the start. Later nothing in
//! here fails: telemetry never stops the archive.
//!
//! **Cancellation.** The HTTP server ends when its token is cancelled, after the answers under way.
//!
//! **Not here.** Who decides what a state is or what waits for what: the pipeline reports it.

mod board;
pub mod http;
pub mod log;
mod metrics;
mod scrape;
mod status;
pub mod table;

use std::net::SocketAddr;

pub use board::{Edge, Pulse, StatusBoard};
pub use metrics::{CutOutcome, Metrics, TopicMetrics};
pub use status::{Health, LastCut, PartitionState, PartitionStatus, PartitionView, Problem, Status};

/// Why telemetry cannot start. Each is the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("cannot listen on {address}: {cause}; choose another address with the key `http:`")]
    Bind { address: SocketAddr, cause: std::io::Error },
    #[error(
        "{text:?} is no log filter: {cause}; write a level or target=level pairs, such as info,alluvium::store=debug"
    )]
    Filter { text: String, cause: String },
    #[error("a log was set up in this process before")]
    LogTaken,
}
