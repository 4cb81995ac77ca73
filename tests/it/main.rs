//! Integration tests, one binary: no network, no servers, no sleeping.

mod architecture;
mod conformance;
mod store;
