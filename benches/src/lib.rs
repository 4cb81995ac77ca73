//! Benches: what the engines, the source and the daemon take, beside what others take for as much or less.
//!
//! **What it is.** [`run`] is `alluvium-bench`: `gates` measures against references in the same run and judges ([`gates`]),
//! `end-to-end` measures the release binary against real servers ([`e2e`]). `docs/performance.md` tells the method.
//!
//! **Flow.** Engines race in this process, taking turns ([`clock`]): [`decode`], [`encode`], [`lanes`]. Whatever reads a broker
//! runs in a process of its own ([`child`]): ours in [`reader`], on the daemon's allocator, the others in [`reference`], on the C
//! library's. The broker of `gates` is librdkafka's mock, in this process ([`broker`]).
//!
//! **Promises.** One corpus for all ([`corpus`]). Decoding is compared without envelope, hours and digest, which no reference makes,
//! and shown with them; everywhere else our side does all that the daemon does.

pub mod allocations;
mod broker;
mod child;
mod clock;
mod consume;
mod corpus;
mod decode;
mod e2e;
mod encode;
mod gates;
mod lanes;
mod process;
pub mod reader;
mod reference;
mod table;
mod walk;

use std::process::ExitCode;

use clap::Parser;

/// Measures what the engines, the source and the daemon take.
#[derive(Debug, Parser)]
enum Command {
    /// The gate table; exits non-zero where a `must` is missed by more than its margin.
    Gates(gates::Options),
    /// The release binary against a real broker and a bucket.
    EndToEnd(e2e::Options),
    #[command(flatten)]
    Child(reference::Child),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// What `alluvium-bench` does.
///
/// # Errors
/// Whatever keeps it from measuring.
pub fn run() -> anyhow::Result<ExitCode> {
    match Command::parse() {
        Command::Gates(options) => return gates::run(&options),
        Command::EndToEnd(options) => e2e::run(&options)?,
        Command::Child(child) => reference::run(&child)?,
    }
    Ok(ExitCode::SUCCESS)
}
