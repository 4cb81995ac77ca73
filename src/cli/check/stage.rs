//! The frame of a check: stages one after the other, each with its time, none stopped by another's failure.

use std::io;
use std::time::Duration;

use super::finding::Finding;
use super::report::Report;
use futures::future::BoxFuture;

/// A stage that has not run yet.
pub(super) struct Stage {
    pub name: &'static str,
    pub work: BoxFuture<'static, Vec<Finding>>,
}

impl Stage {
    pub fn new(name: &'static str, work: impl Future<Output = Vec<Finding>> + Send + 'static) -> Stage {
        Stage { name, work: Box::pin(work) }
    }
}

/// Above what the clients below wait for one answer, so that their own words for it come first.
pub(super) const STAGE_WITHIN: Duration = Duration::from_secs(60);

/// Runs the stages in their order and reports each as it ends.
pub(super) async fn run_stages(stages: Vec<Stage>, within: Duration, report: &mut Report) -> io::Result<()> {
    for Stage { name, work } in stages {
        let findings = tokio::time::timeout(within, work).await.unwrap_or_else(|_| {
            vec![Finding::failed(
                format!("no answer within {} s", within.as_secs()),
                Some("see that it is reachable from here"),
            )]
        });
        report.stage(name, findings)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Exit, Output};

    #[tokio::test]
    async fn a_stage_runs_though_the_one_before_failed_or_never_answered() {
        let mut report = Report::new(Output::Json);
        let stages = vec![
            Stage::new("kafka", async { vec![Finding::failed("unreachable", Some("start it"))] }),
            Stage::new("bucket", std::future::pending()),
            Stage::new("schemas", async { vec![Finding::ok("all found")] }),
        ];
        run_stages(stages, Duration::ZERO, &mut report).await.unwrap();
        let json = report.to_json();
        let result = |stage: usize| json["stages"][stage]["result"].as_str().unwrap().to_owned();
        assert_eq!([result(0), result(1), result(2)], ["failed", "failed", "ok"]);
        assert_eq!(json["stages"][1]["findings"][0]["what"], "no answer within 0 s");
        assert_eq!(report.exit(), Exit::Failure);
    }
}
