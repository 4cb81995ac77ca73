//! Integration tests, one binary: nothing beyond this machine, no servers but scripted ones. Where threads or processes are
//! waited for, it is for a condition, looked at again and again; no test passes or fails by how long something takes, but for
//! those that say so.

mod architecture;
mod archive;
mod bad_chains;
mod bad_input;
mod busy;
mod conformance;
#[path = "../oracle/mod.rs"]
#[allow(dead_code)]
mod oracle;
mod oracles;
mod ready;
mod redo;
mod rig;
mod running;
mod script;
mod starts;
mod startup;
mod store;
mod verify;
