//! What the process says by ending.

use std::process::ExitCode;

use crate::config::ConfigErrors;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing is wrong.
    Ok = 0,
    /// It could not be done, or what was looked at is not as it should be. Trying again later may help.
    Failure = 1,
    /// The arguments or the configuration are wrong. Trying again does not help.
    Usage = 2,
    /// `verify` was done, and the archive is not as its chains say.
    Findings = 3,
}

/// Stands below the help of every command.
pub(super) const HELP: &str = "\
Exit codes:
  0  done, and nothing is wrong
  1  it could not be done, or something is not as it should be
  2  the arguments or the configuration are wrong
  3  `verify` was done, and found something wrong with the archive";

impl Exit {
    /// Returns how a command ends that failed so.
    pub fn of(error: &anyhow::Error) -> Exit {
        if error.is::<ConfigErrors>() { Exit::Usage } else { Exit::Failure }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_wrong_configuration_ends_with_2_and_anything_else_with_1() {
        let wrong = crate::config::load(Path::new("/nowhere.yaml"), &|_| None).map(drop).unwrap_err();
        assert_eq!(Exit::of(&wrong.into()), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::anyhow!("no")), Exit::Failure);
        for exit in [Exit::Ok, Exit::Failure, Exit::Usage, Exit::Findings] {
            assert!(HELP.contains(&format!("\n  {}  ", exit as u8)));
        }
    }
}
