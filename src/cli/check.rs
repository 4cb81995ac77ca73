//! `alluvium check`: a dry start, stage by stage.

mod bucket;
mod finding;
mod kafka;
mod report;
mod schemas;
mod stage;

use std::sync::{Arc, OnceLock};

use self::finding::Finding;
use self::report::Report;
use self::stage::{STAGE_WITHIN, Stage, run_stages};
use super::{ConfigFile, Exit, Output, block_on, exit};
use crate::config::{ArchiveSettings, ConfigErrors, Kind, Settings, Warning};
use crate::domain::Topic;

/// Check a configuration: the file, what it says, Kafka, the bucket and the schemas.
///
/// Nothing is archived. The bucket gets a few probe objects under `probe/`, to see that it refuses a second write of a key.
/// A stage that fails keeps the others from running only where they need it.
///
/// Examples:
///   alluvium check -c alluvium.yaml
///   alluvium check -c alluvium.yaml --output json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// How the result is written.
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut report = Report::new(args.output);
    match args.config.load() {
        Err(errors) => {
            wrong_file(&errors, args.output, &mut report)?;
            if args.output == Output::Text {
                return Err(errors.into());
            }
            report.finish()?;
            Ok(Exit::Usage)
        }
        Ok((settings, warnings)) => {
            right_file(&settings, &warnings, &mut report)?;
            block_on(run_stages(stages(settings), STAGE_WITHIN, &mut report))??;
            report.finish()?;
            Ok(report.exit())
        }
    }
}

/// The stages that need more than the file.
fn stages(settings: Settings) -> Vec<Stage> {
    let (settings, found) = (Arc::new(settings), Arc::new(OnceLock::<Vec<Topic>>::new()));
    vec![
        Stage::new("kafka", kafka::stage(settings.clone(), found.clone())),
        Stage::new("bucket", bucket::stage(settings.clone())),
        Stage::new("schemas", schemas::stage(settings, found)),
    ]
}

fn right_file(settings: &Settings, warnings: &[Warning], report: &mut Report) -> std::io::Result<()> {
    report.stage("file", vec![Finding::ok("can be read, and every key is known")])?;
    let archive = match &settings.archive {
        ArchiveSettings::File { path } => path.display().to_string(),
        ArchiveSettings::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.prefix),
    };
    let entries = settings.topics.len();
    let plural = if entries == 1 { "y" } else { "ies" };
    let mut findings = vec![Finding::ok(format!("{entries} topic entr{plural}, archived in {archive}"))];
    findings.extend(warnings.iter().map(|warning| Finding::warning(warning.to_string(), None)));
    report.stage("meaning", findings)
}

fn wrong_file(errors: &ConfigErrors, output: Output, report: &mut Report) -> std::io::Result<()> {
    let of_kind = |kind: Kind| {
        let mistakes = errors.mistakes().iter().filter(move |mistake| mistake.kind == kind);
        match (output, mistakes.clone().count()) {
            // The pictures follow, and a list of the same would be in their way.
            (Output::Text, 1) => vec![Finding::failed("one mistake", None)],
            (Output::Text, count @ 2..) => vec![Finding::failed(format!("{count} mistakes"), None)],
            _ => mistakes.map(|mistake| Finding::mistake(mistake, errors)).collect(),
        }
    };
    let (form, meaning) = (of_kind(Kind::Form), of_kind(Kind::Meaning));
    let or = |findings: Vec<Finding>, otherwise: Finding| if findings.is_empty() { vec![otherwise] } else { findings };
    report.stage("file", or(form, Finding::ok("can be read, and every key is known")))?;
    report.stage("meaning", or(meaning, Finding::skipped("what could be read is right")))?;
    for name in ["kafka", "bucket", "schemas"] {
        report.stage(name, vec![Finding::skipped("needs a right file")])?;
    }
    Ok(())
}
