//! `alluvium config`: what may stand in the file.

use clap::Subcommand;

use super::{Exit, exit, print};
use crate::config::{example, json_schema};

/// Print an example of the configuration file, or its JSON Schema.
///
/// Both are made from the program's own types and name every key; docs/configuration.md has them as a table.
///
/// Examples:
///   alluvium config example > alluvium.yaml
///   alluvium config schema > alluvium.schema.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A file with every key, its meaning and its default, to start from.
    #[command(after_help = exit::HELP)]
    Example,
    /// The JSON Schema (draft 2020-12), for editors that complete and check while one writes.
    ///
    /// With the YAML language server, put this first line into the configuration file:
    /// # yaml-language-server: $schema=alluvium.schema.json
    #[command(verbatim_doc_comment, after_help = exit::HELP)]
    Schema,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match args.what {
        What::Example => print(&example())?,
        What::Schema => print(&format!("{:#}\n", json_schema()))?,
    }
    Ok(Exit::Ok)
}
