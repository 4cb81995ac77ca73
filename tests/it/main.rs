//! Integration tests, one binary: no network, no servers, no sleeping.

mod architecture;
mod archive;
mod conformance;
mod rig;
mod store;
