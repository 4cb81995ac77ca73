//! The rules of the chain, checked in every order in which things can happen.
//!
//! **What it is.** An exhaustive search (stateright) through all states of a small world in which some writers run the daemon's
//! own [`alluvium::chain::Machine`]. Nothing of the rules is written again in here: the world only carries out the machine's
//! commands and answers, as the pipeline does.
//!
//! **World** ([`state`], [`world`]). [`log`]: a topic of one partition; some offsets hold no record, because a transaction was
//! aborted or an offset is a marker; the log grows, loses its beginning to retention, and is deleted and created anew under the
//! same name. [`store`]: create-only keys, and requests that are late. [`writer`]: processes that start, read, propose, crash, are
//! let go, and pause for as long as they like; two own the partition at once whenever both run. Each may have another layout.
//!
//! **Moves.** One at a time, of whoever may move ([`moves`]): a crash can fall between any two, and whoever is not moved is
//! paused. An unclear answer to a write leaves the write under way: it lands at once, much later, after its sender's death, or never.
//!
//! **Abstractions**, and why each loses nothing:
//! - A question that changes nothing (list, get, head, topic id, bounds) is answered at the moment it is asked of the world. An
//!   answer under way for longer is the same as a writer that waits before its next request.
//! - An unclear answer to such a question is left out: the machine asks again, and only the back-off differs.
//! - A write is unclear once while it is still under way: a second time adds nothing to what may land.
//! - A late write whose key is taken is forgotten: the store refuses it for ever. With it go writes that arrive twice.
//! - What is answered the same from now on (a key that is taken, the id of the last topic) is answered at once: nobody's move
//!   can come in between.
//! - A range is read when it may be proposed, and proposed when it is read, unless the topic may be created anew in between.
//!   Read earlier it would hold the same records, or some that retention takes a moment later.
//! - Writers that are alike come first in one order only.
//! - A nonce is writer, life, topic id and first offset: within one life no two proposals share all of these.
//! - Hours stand for all that makes several objects of a range; a digest is over the offsets and the topic id.
//!
//! **Properties.** The invariants I1 to I5 and I7 of `docs/guarantees.md` ([`invariants`]); I6 needs no search, since the machine has
//! no clock to read. No partition stops. From every state, when faults end, the chain reaches the log's end ([`ends`]). And sights
//! that must be met, so that the world is known to be wild enough ([`sights`]).
//!
//! **Wrong turns** ([`wrong`]). Ten designs that look right, each made by altering what passes between machine and world. The
//! search must find out each of them.
//!
//! **Running.** `cargo test --test model` takes the small worlds; `cargo test --test model -- --ignored --nocapture` the large ones,
//! as `make prove` does. Each prints its states and its time.

mod ends;
mod invariants;
mod log;
mod model;
mod moves;
mod run;
mod sights;
mod state;
mod store;
mod world;
mod writer;
mod wrong;
