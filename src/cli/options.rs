//! What several commands take.

use std::path::PathBuf;

use crate::config::{self, ConfigErrors, Settings, Warning};

/// The configuration file.
#[derive(Clone, Debug, clap::Args)]
pub struct ConfigFile {
    /// The configuration file; `alluvium config example` prints one to start from.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub path: PathBuf,
}

impl ConfigFile {
    /// Reads the file with this process's environment.
    pub fn load(&self) -> Result<(Settings, Vec<Warning>), ConfigErrors> {
        config::load(&self.path, &|name| std::env::var(name).ok())
    }
}

/// Runs a command's future to its end, and does not wait for questions to Kafka that nobody needs an answer to any more.
pub fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(outcome)
}
