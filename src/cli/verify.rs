//! `alluvium verify`: is the archive what its chains say? `docs/verify.md` is its page.

mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::options::Time;
use super::{ConfigFile, Exit, Output, block_on, exit, print};
use crate::config::Settings;
use crate::domain::Topic;
use crate::source::{KafkaLog, Log};
use crate::store;
use crate::verify::{Anchor, Anchors, Depth, Report, Scope, Step, Verify};
use crate::walk::Window;

/// See whether the archive is what its chains of cut records say.
///
/// Every cut record is read and hashed: they must form one line without hole or overlap, each
/// naming the hash of the one before it. Every object they name must be there, its footer must
/// agree with its cut (--quick leaves footers out, --deep reads all rows and compares digests), and
/// readers must find no object that no cut names. Nothing is written; the rights to read and to
/// list are enough. docs/verify.md has the whole story.
///
/// Examples:
///   alluvium verify -c alluvium.yaml
///   alluvium verify -c alluvium.yaml --deep --topic T --from 2026-11-23 --until 2026-11-24
///   alluvium verify -c alluvium.yaml --anchors tips.json --tips tips.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Only the chains of this topic.
    #[arg(long, value_name = "NAME", conflicts_with = "table")]
    topic: Option<String>,
    /// Only the chains whose objects are in this table.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Only objects with a record at or after this: RFC 3339, or a UTC date or hour such as `2026-11-23T06`.
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,
    /// Only objects with a record before this.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Only cut records and listings: objects must be there, and nothing of them is read.
    #[arg(long, conflicts_with = "deep")]
    quick: bool,
    /// Read every object whole, and compare its records with the digest in its cut.
    #[arg(long)]
    deep: bool,
    /// Compare with Kafka's log, too: cluster, topic ids, and where each log begins and ends.
    #[arg(long)]
    kafka: bool,
    /// Write the newest cut of every chain to a file, to be kept where nobody who writes to the bucket can write.
    #[arg(long, value_name = "FILE")]
    tips: Option<PathBuf>,
    /// A file that --tips wrote earlier: its cuts must still be there, with the same hashes.
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// How the result is written.
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (settings, warnings) = args.config.load()?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    let anchors = match args.anchors.as_deref().map(read_anchors).transpose() {
        Ok(anchors) => anchors.unwrap_or_default(),
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return Ok(Exit::Usage);
        }
    };
    if args.window().is_empty() {
        eprintln!("error: the window is empty: it ends where it begins or before");
        return Ok(Exit::Usage);
    }
    let report = block_on(verify(args, &settings, anchors))??;
    if let Some(path) = &args.tips {
        write_tips(path, &report)?;
    }
    print(&match args.output {
        Output::Text => words::of(&report),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
    })?;
    Ok(match (report.is_clean(), report.unanswered.is_empty()) {
        (false, _) => Exit::Findings,
        (true, false) => Exit::Failure,
        (true, true) => Exit::Ok,
    })
}

async fn verify(args: &Args, settings: &Settings, anchors: Vec<Anchor>) -> anyhow::Result<Report> {
    let log: Option<Arc<dyn Log>> = match args.kafka {
        true => Some(Arc::new(KafkaLog::new(&settings.kafka)?)),
        false => None,
    };
    let verify = Verify {
        store: store::open_to_read(&settings.archive).await?,
        scope: args.scope(),
        window: args.window(),
        depth: args.depth(),
        anchors,
        log,
        memory: settings.memory,
        now: jiff::Timestamp::now().as_millisecond(),
    };
    let bar = progress_bar();
    let report = verify.run(&|step| advance(&bar, step)).await;
    bar.finish_and_clear();
    Ok(report?)
}

impl Args {
    fn scope(&self) -> Scope {
        match (&self.topic, &self.table) {
            (Some(topic), _) => Scope::Topic(Topic::new(topic)),
            (None, Some(table)) => Scope::Table(table.clone()),
            (None, None) => Scope::Everything,
        }
    }

    fn window(&self) -> Window {
        let millis = |time: Option<Time>| time.map(|time| time.0);
        Window { from: millis(self.from), until: millis(self.until), ..Window::default() }
    }

    fn depth(&self) -> Depth {
        match (self.quick, self.deep) {
            (true, _) => Depth::Listing,
            (_, true) => Depth::Rows,
            _ => Depth::Footers,
        }
    }
}

fn read_anchors(path: &Path) -> Result<Vec<Anchor>, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let anchors = Anchors::parse(&bytes);
    anchors.map(|anchors| anchors.tips).map_err(|error| format!("{} is no file of --tips: {error}", path.display()))
}

/// Writes beside the file and renames, so that the file of the day before is there until the new one is whole.
fn write_tips(path: &Path, report: &Report) -> anyhow::Result<()> {
    use anyhow::Context;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let tips = Anchors::of(report.archive.clone(), &report.chains).to_bytes();
    let written = fs::write(&beside, tips).and_then(|()| fs::rename(&beside, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Drawn on standard error, and only where that is a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}{bar:40} {human_pos} of {human_len} cuts, {per_sec}, {eta} left");
    ProgressBar::new(0).with_style(style.expect("the template is a constant"))
}

fn advance(bar: &ProgressBar, step: Step) {
    match step {
        Step::Listed(keys) => {
            let before: usize = bar.message().split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
            bar.set_message(format!("{} keys listed ", before + keys));
        }
        Step::CutsToCome(cuts) => bar.inc_length(cuts as u64),
        Step::Cut => bar.inc(1),
    }
}
