//! The chain of cut records of one Kafka partition, and the rules by which it grows.
//!
//! **What it is.** Pure code: stored forms (cut record, loss record), the names of everything in the bucket, and the state
//! machine that decides what to do next from what was seen. No clock, no network, no log.

mod cut;
mod keys;
mod line;
mod loss;
mod machine;
mod problem;
mod protocol;
mod underway;

pub use cut::{Cut, CutError, CutKind, CutObject, GapReason, LossRecord, LostObject, VERSION};
pub use keys::{
    ChainId, ObjectName, chain_prefix, cut_key, layout_keys, loss_key, numbered_loss_key, object_key, probe_key,
    progress_key,
};
pub use line::{Break, Line};
pub use machine::Machine;
pub use problem::Problem;
pub use protocol::{Action, Command, Event, Finisher, Phase, Proposal, Seen, Tip, Unclear};

#[cfg(test)]
mod tests;
