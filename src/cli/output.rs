//! How results are written.

use std::io::{self, Write};

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs; field names are stable.
    Json,
}

/// Writes to standard output. A reader that has gone (`| head`) has what it wanted: that is no failure.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Prints milliseconds since the epoch as RFC 3339, or as they are where no calendar has them.
pub fn time(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).map_or(format!("{millis} ms"), |time| time.to_string())
}
