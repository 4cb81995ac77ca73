//! What a stage finds.

use serde::Serialize;

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
}

impl Finding {
    pub fn ok(what: impl Into<String>) -> Finding {
        Finding { status: Status::Ok, what: what.into(), remedy: None }
    }

    pub fn skipped(what: impl Into<String>) -> Finding {
        Finding { status: Status::Skipped, what: what.into(), remedy: None }
    }

    pub fn warning(what: impl Into<String>, remedy: Option<&str>) -> Finding {
        Finding { status: Status::Warning, what: what.into(), remedy: remedy.map(str::to_owned) }
    }

    pub fn failed(what: impl Into<String>, remedy: Option<&str>) -> Finding {
        Finding { status: Status::Failed, what: what.into(), remedy: remedy.map(str::to_owned) }
    }
}
