//! Processes of their own: what they are told, and what they tell.

use std::process::{Command, Stdio};

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where a child reads.
#[derive(Clone, Debug, clap::Args)]
pub struct From {
    pub brokers: String,
    pub topic: String,
    /// Records to read, or partitions to take.
    pub count: u64,
}

/// What a reading took: the process's CPU in nanoseconds, its own threads' and librdkafka's; and bytes, of payloads or of files.
#[derive(Debug, Serialize, Deserialize)]
pub struct Read {
    pub cpu: u64,
    pub bytes: u64,
}

/// Bytes of payloads held, and resident memory, at two moments, so that what a process takes anyhow can be left out.
#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    pub early: (u64, u64),
    pub late: (u64, u64),
}

/// Resident memory in bytes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Idle {
    pub rss: u64,
}

/// Runs a program of this package to its end and returns what it tells.
pub fn run<T: DeserializeOwned>(program: &str, command: &str, from: &From) -> anyhow::Result<T> {
    let path = std::env::current_exe()?.with_file_name(program);
    let output = Command::new(&path)
        .args([command, &from.brokers, &from.topic, &from.count.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{} does not start; build the whole package", path.display()))?;
    anyhow::ensure!(output.status.success(), "{program} {command} failed: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}
