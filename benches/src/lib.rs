//! `make bench`: the gate table. Exits non-zero where a `must` is missed by more than its margin.

pub mod allocations;
mod broker;
mod child;
mod clock;
mod consume;
mod corpus;
mod decode;
mod encode;
mod lanes;
mod process;
pub mod reader;
mod reference;
mod table;
mod walk;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use self::table::{Row, Verdict};

#[derive(Debug, Parser)]
#[command(about = "Measures against references in the same run and judges by the gates of docs/performance.md")]
struct Arguments {
    #[command(subcommand)]
    child: Option<reference::Child>,
    /// Rounds in which the contenders take turns.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Measures these areas only.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Area>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Area {
    Decode,
    Encode,
    Consume,
    Lanes,
}

/// What `alluvium-bench` does.
///
/// # Errors
/// Whatever keeps it from measuring.
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(child) = &arguments.child {
        reference::run(child)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = measure(&arguments)?;
    match arguments.output {
        Output::Text => table::print(&rows),
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
    }
    let missed = rows.iter().any(|row| row.verdict() == Verdict::Missed);
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let wanted = |area| arguments.only.is_empty() || arguments.only.contains(&area);
    let rounds = arguments.rounds;
    let mut rows = Vec::new();
    if wanted(Area::Decode) {
        rows.extend(decode::rows(rounds)?);
    }
    if wanted(Area::Encode) {
        rows.extend(encode::rows(rounds)?);
    }
    if wanted(Area::Lanes) {
        rows.extend(lanes::rows(rounds)?);
    }
    if wanted(Area::Consume) {
        rows.extend(consume::rows(rounds)?);
    }
    Ok(rows)
}
