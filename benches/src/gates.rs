//! `make bench`: the gates of `docs/performance.md`.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::table::{Row, Verdict, print};
use crate::{Output, consume, decode, encode, lanes};

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Rounds in which the contenders take turns.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Measures these areas only.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Area::Decode, Area::Encode, Area::Lanes, Area::Consume])]
    only: Vec<Area>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Area {
    Decode,
    Encode,
    Lanes,
    /// Whatever reads a broker: consumption, the whole path, memory.
    Consume,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let rounds = options.rounds;
    let mut rows: Vec<Row> = Vec::new();
    for area in &options.only {
        rows.extend(match area {
            Area::Decode => decode::rows(rounds)?,
            Area::Encode => encode::rows(rounds)?,
            Area::Lanes => lanes::rows(rounds)?,
            Area::Consume => consume::rows(rounds)?,
        });
    }
    match options.output {
        Output::Text => print(&rows),
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
    }
    let missed = rows.iter().any(|row| row.verdict() == Verdict::Missed);
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
