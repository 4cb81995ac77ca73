//! The log: one line per event on standard error, text for people, JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::TelemetryError;

/// What is logged unless the operator says otherwise. Libraries speak up at WARN only: their milestones are not ours.
pub const DEFAULT_FILTER: &str = "warn,alluvium=info";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Levels by target as `RUST_LOG` writes them; [`DEFAULT_FILTER`] where there is none.
    pub filter: Option<String>,
    pub form: Form,
}

/// Sets up the process's log. Crates that log through `log`, librdkafka among them (target `librdkafka`), end up in it too.
pub fn start(options: &Options) -> Result<(), TelemetryError> {
    let text = options.filter.as_deref().unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(text)
        .map_err(|error| TelemetryError::Filter { text: text.to_owned(), cause: error.to_string() })?;
    let terminal = std::io::stderr().is_terminal();
    let line = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    let outcome = match options.form {
        Form::Text => line.try_init(),
        Form::Auto if terminal => line.try_init(),
        // Fields stand beside the message, so that a query need not descend.
        Form::Auto | Form::Json => line.json().flatten_event(true).try_init(),
    };
    outcome.map_err(|_| TelemetryError::LogTaken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_an_example() {
        let options = Options { filter: Some("alluvium=loud".into()), form: Form::Json };
        let error = start(&options).unwrap_err().to_string();
        assert!(error.starts_with("\"alluvium=loud\" is no log filter") && error.contains("info,alluvium"), "{error}");
    }

    #[test]
    fn the_default_filter_can_be_read() {
        EnvFilter::try_new(DEFAULT_FILTER).unwrap();
    }
}
