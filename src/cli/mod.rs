//! The command line: arguments in, a plan out, an exit code at the end.
//!
//! **What it is.** One file a command, each with its `Args` and a `run`. A new one is a `mod`, a variant and an arm below.
//!
//! **Promises.** Results go to standard output, everything else to standard error. `--output json` changes how a result is
//! written and never what is done. The exit code is one of [`Exit`].
//!
//! **Failure.** Only here errors are `anyhow`'s: what went wrong is decided below, here it is only told.
//!
//! **Not here.** What a command does: that is its room's.

mod check;
mod completions;
mod config;
mod demo;
mod exit;
mod inspect;
mod options;
mod output;
mod replay;
mod run;
mod verify;

use std::io::IsTerminal;
use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};

pub use self::exit::Exit;
pub use self::options::{ConfigFile, block_on};
pub use self::output::{Output, print};
use crate::config::ConfigErrors;

/// Archives Kafka topics of protobuf events to S3 as minute-sized Parquet files, once each and provably whole.
///
/// Start with `alluvium config example > alluvium.yaml`, try it with `alluvium check -c alluvium.yaml`.
#[derive(Debug, Parser)]
#[command(name = "alluvium", version, long_version = VERSION.as_str(), after_help = exit::HELP, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Demo(demo::Args),
    Check(check::Args),
    Replay(replay::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    Config(config::Args),
    Completions(completions::Args),
}

impl Command {
    fn run(self) -> anyhow::Result<Exit> {
        match self {
            Command::Run(args) => run::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Completions(args) => completions::run(&args, Cli::command()),
        }
    }
}

/// What `--version` tells: all that a report of a fault needs.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\nlibrdkafka {}\ncut record format {}\n{}-{}",
        env!("CARGO_PKG_VERSION"),
        rdkafka::util::get_rdkafka_version().1,
        crate::chain::VERSION,
        std::env::consts::ARCH,
        std::env::consts::OS,
    )
});

/// Runs the command that the process was called with, and tells what went wrong.
pub fn main() -> Exit {
    // A usage error ends the process in here, with 2.
    match Cli::parse().command.run() {
        Ok(exit) => exit,
        Err(error) => {
            tell(&error);
            Exit::of(&error)
        }
    }
}

fn tell(error: &anyhow::Error) {
    match error.downcast_ref::<ConfigErrors>() {
        Some(errors) if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() => {
            eprintln!("{}", errors.coloured());
        }
        Some(errors) => eprintln!("{errors}"),
        None => eprintln!("error: {error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_shows_an_example_and_its_exit_codes() {
        for command in Cli::command().get_subcommands_mut() {
            let name = command.get_name().to_owned();
            assert!(command.get_about().is_some(), "{name} says nothing");
            let help = command.render_long_help().to_string();
            assert!(help.contains("Exit codes:") && help.contains(&format!("alluvium {name}")), "{help}");
        }
    }

    #[test]
    fn a_wrong_argument_is_a_usage_error() {
        let error = Cli::try_parse_from(["alluvium", "chekc"]).unwrap_err();
        assert_eq!(error.exit_code(), Exit::Usage as i32);
        assert!(error.to_string().contains("'check'"), "{error}");
    }
}
