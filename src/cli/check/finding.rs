//! What a stage finds.

use serde::Serialize;

use crate::config::{ConfigErrors, Mistake};

/// How something was found, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    /// Not looked at, for want of something before it.
    Skipped,
    Warning,
    Failed,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Skipped => "skipped",
            Status::Warning => "warning",
            Status::Failed => "failed",
        }
    }
}

/// One thing that a stage found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    #[serde(rename = "result")]
    pub status: Status,
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Whether it is the file that is wrong.
    #[serde(skip)]
    pub is_mistake: bool,
}

impl Finding {
    fn new(status: Status, what: impl Into<String>, remedy: Option<&str>) -> Finding {
        Finding { status, what: what.into(), remedy: remedy.map(str::to_owned), is_mistake: false }
    }

    pub fn ok(what: impl Into<String>) -> Finding {
        Finding::new(Status::Ok, what, None)
    }

    pub fn skipped(what: impl Into<String>) -> Finding {
        Finding::new(Status::Skipped, what, None)
    }

    pub fn warning(what: impl Into<String>, remedy: Option<&str>) -> Finding {
        Finding::new(Status::Warning, what, remedy)
    }

    pub fn failed(what: impl Into<String>, remedy: Option<&str>) -> Finding {
        Finding::new(Status::Failed, what, remedy)
    }

    /// Returns one of the mistakes of a file, with its place.
    pub fn mistake(mistake: &Mistake, errors: &ConfigErrors) -> Finding {
        let place = errors.place(mistake).map(|(line, column)| format!("line {line}, column {column}: "));
        let what = place.unwrap_or_default() + &mistake.what;
        Finding { is_mistake: true, ..Finding::failed(what, Some(&mistake.help)) }
    }

    pub fn mistakes(errors: &ConfigErrors) -> Vec<Finding> {
        errors.mistakes().iter().map(|mistake| Finding::mistake(mistake, errors)).collect()
    }
}
