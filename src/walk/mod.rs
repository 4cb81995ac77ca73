//! Reading an archive by its chains.                                                                              wiring
//!
//! **What it is.** What replay and verify share: which chains there are, their cuts newest first ([`list_cuts`]), one cut and its
//! loss records ([`read_cut`]), the layouts, and the proof of one object ([`prove`]).
//!
//! **Promises.** A listing holds keys of one chain at a time; a record is parsed and its bytes hashed before anybody sees it.
//! Nothing is written, so a credential that may only read and list is enough.
//!
//! **Failure.** What is wrong with the archive comes back as a value, to be judged; an error is a store that does not answer.
//! Reads are tried again for some seconds.
//!
//! **Not here.** What damage means: replay stops at it, verify goes on and tells it.

mod absence;
mod chains;
mod fetch;
mod footer;
mod layouts;
mod prove;
mod window;

pub use absence::{Gap, Loss};
pub use chains::{
    Listed, ListedChain, Read, folders, list_cuts, needed, partitions, read_cut, read_losses, selects, topic_ids,
    wanted,
};
pub use fetch::Fetch;
pub use footer::read_footer;
pub use layouts::{FoundLayout, Layouts};
pub use prove::{Unproven, prove};
pub use window::Window;
