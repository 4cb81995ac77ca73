//! What a check tells, and how it ends.

use std::io;

use serde_json::{Value, json};

use super::finding::{Finding, Status};
use crate::cli::{Exit, Output, print};

/// Stages as they end: written at once as text, kept for the end as JSON.
pub(super) struct Report {
    output: Output,
    stages: Vec<(&'static str, Vec<Finding>)>,
}

impl Report {
    pub fn new(output: Output) -> Report {
        Report { output, stages: Vec::new() }
    }

    /// Takes what a stage found: at least one thing.
    pub fn stage(&mut self, name: &'static str, findings: Vec<Finding>) -> io::Result<()> {
        if self.output == Output::Text {
            print(&text(name, &findings))?;
        }
        self.stages.push((name, findings));
        Ok(())
    }

    /// Writes what is still to be written.
    pub fn finish(&self) -> io::Result<()> {
        match self.output {
            Output::Text => Ok(()),
            Output::Json => print(&format!("{:#}\n", self.to_json())),
        }
    }

    pub fn to_json(&self) -> Value {
        let stages = self
            .stages
            .iter()
            .map(|(name, findings)| json!({ "stage": name, "result": worst(findings), "findings": findings }));
        json!({ "result": self.worst(), "stages": stages.collect::<Vec<_>>() })
    }

    fn worst(&self) -> Status {
        self.stages.iter().map(|(_, findings)| worst(findings)).max().unwrap_or(Status::Ok)
    }

    /// Returns how the process ends where the file could be read.
    pub fn exit(&self) -> Exit {
        match self.worst() {
            Status::Failed if self.stages.iter().flat_map(|(_, all)| all).any(|found| found.is_mistake) => Exit::Usage,
            Status::Failed => Exit::Failure,
            _ => Exit::Ok,
        }
    }
}

fn worst(findings: &[Finding]) -> Status {
    findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Ok)
}

/// Returns a line for each finding, with its remedy below it.
fn text(name: &str, findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { status, what, remedy, .. } in findings {
        text += &format!("{:<9}{name:<9}{what}\n", status.word());
        text.extend(remedy.iter().map(|remedy| format!("{:<18}{remedy}\n", "")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_its_remedy_stands_below() {
        let findings = [Finding::ok("12 topics"), Finding::failed("no ids", Some("give an `incarnation:`"))];
        let expected =
            "ok       kafka    12 topics\nfailed   kafka    no ids\n                  give an `incarnation:`\n";
        assert_eq!(text("kafka", &findings), expected);
    }

    #[test]
    fn warnings_do_not_fail_a_check() {
        let mut report = Report::new(Output::Json);
        report.stage("kafka", vec![Finding::ok("a"), Finding::warning("b", None)]).unwrap();
        assert_eq!((report.exit(), &report.to_json()["result"]), (Exit::Ok, &json!("warning")));
    }
}
