//! What several commands take.

use std::path::PathBuf;
use std::str::FromStr;

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

/// A time, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub i64);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Time(time.as_millisecond()));
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok();
        let utc = civil.and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let wrong = "write a time like 2026-11-23T06:00:00Z, or a UTC date or hour: 2026-11-23, 2026-11-23T06";
        utc.map(|utc| Time(utc.timestamp().as_millisecond())).ok_or_else(|| wrong.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_or_a_utc_date_or_hour() {
        let hour = Ok(Time(1_795_413_600_000));
        for text in ["2026-11-23T06:00:00Z", "2026-11-23T07:00:00+01:00", "2026-11-23T06", "2026-11-23T06:00"] {
            assert_eq!(text.parse(), hour, "{text}");
        }
        assert_eq!("2026-11-23".parse(), Ok(Time(1_795_392_000_000)));
        assert!("yesterday".parse::<Time>().is_err());
    }
}
