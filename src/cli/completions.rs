//! `alluvium completions`: the shell's help in typing.

use clap_complete::Shell;

use super::{Exit, exit, print};

/// Print a script with which a shell completes the commands and their options.
///
/// Examples:
///   alluvium completions bash > /etc/bash_completion.d/alluvium
///   alluvium completions fish > ~/.config/fish/completions/alluvium.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// `command` is the whole command line, of which the script tells.
pub(super) fn run(args: &Args, mut command: clap::Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "alluvium", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(Exit::Ok)
}
