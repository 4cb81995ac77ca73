//! `alluvium demo`: the main job on a laptop, in one command.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Exit, Output, block_on, exit, print};
use crate::demo::{self, Options, Proven, Step};

/// Show the whole path on this machine: a mock broker, made events, a folder as the bucket, a crash, proof, replay.
///
/// Flight searches and bookings go through a broker in this process while the real daemon archives them. In the middle the
/// daemon is killed and started again. Then the files have to prove that every offset is there exactly once, and that a
/// replay gives every byte back. Needs no network, no container and no cloud.
///
/// Examples:
///   alluvium demo
///   alluvium demo --records 1000000 --dir /tmp/alluvium-demo
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    /// Records to produce, over two topics.
    #[arg(long, value_name = "COUNT", default_value_t = 240_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    records: u64,
    /// The folder for the bucket, the configuration and the daemon's log; it must be empty or absent [default: a new one in
    /// the system's folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// How the result is written.
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let now = jiff::Timestamp::now();
    let folder =
        args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("alluvium-demo-{}", now.as_second())));
    let options = Options {
        records: args.records,
        folder,
        program: std::env::current_exe().context("cannot tell where this program is")?,
        until_millis: now.as_millisecond(),
    };
    let mut teller = Teller::new(args.records);
    let proven = block_on(demo::run(&options, |step| teller.tell(step)))?;
    teller.bar.finish_and_clear();
    let proven = proven?;
    match args.output {
        Output::Json => print(&format!("{}\n", serde_json::to_string_pretty(&proven)?))?,
        Output::Text => print(&table(&proven))?,
    }
    Ok(Exit::Ok)
}

/// Tells the steps on standard error, with a bar on a terminal.
struct Teller {
    bar: ProgressBar,
    begun: std::time::Instant,
}

impl Teller {
    fn new(records: u64) -> Teller {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(records) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("  {bar:40} {human_pos}/{human_len} records archived");
        bar.set_style(style.expect("the template is right"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Teller { bar, begun: std::time::Instant::now() }
    }

    fn tell(&mut self, step: Step<'_>) {
        let text = match step {
            Step::Started { folder, brokers } => {
                format!("mock broker at {brokers}; configuration, bucket and log below {}", folder.display())
            }
            Step::Archived { records, .. } => return self.bar.set_position(records),
            Step::Killed { archived, objects } => {
                format!("killed the daemon without warning (SIGKILL): {archived} records in {objects} objects so far")
            }
            Step::Restarted => "started it again; the group notices the dead member by its session time-out".to_owned(),
            Step::Stopped { seconds } => {
                format!("everything archived after {seconds:.1} s; stopped the daemon (SIGTERM)")
            }
            Step::Proven(proven) => format!(
                "read the files back: every offset is there exactly once; {} replays with every byte",
                proven.replayed_topic
            ),
        };
        let line = format!("[{:5.1}s] {text}", self.begun.elapsed().as_secs_f64());
        // Nobody reads a closed standard error.
        self.bar.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
    }
}

fn table(proven: &Proven) -> String {
    let mut text = String::from("\n");
    let width = proven.tables.iter().map(|facts| facts.topic.len()).max().unwrap_or(0);
    text += &format!(
        "{:width$}  {:>8} {:>9} {:>11} {:>8} {:>10} {:>6}  {:20}  {:20}\n",
        "topic", "records", "records/s", "quarantined", "objects", "bytes", "ratio", "oldest record", "newest record"
    );
    for facts in &proven.tables {
        text += &format!(
            "{:width$}  {:>8} {:>9.0} {:>11} {:>8} {:>10} {:>5.2}x  {:20}  {:20}\n",
            facts.topic,
            facts.records,
            // The topics are archived side by side, so the whole time is each one's.
            facts.records as f64 / proven.seconds,
            facts.quarantined,
            facts.objects,
            facts.object_bytes,
            facts.produced_bytes as f64 / facts.object_bytes.max(1) as f64,
            facts.oldest,
            facts.newest,
        );
    }
    let records: u64 = proven.tables.iter().map(|facts| facts.records).sum();
    text += &format!(
        "\n{records} records in {:.1} s, the crash and the wait for its session included: {:.0} records/s\n",
        proven.seconds,
        records as f64 / proven.seconds
    );
    text += &format!(
        "{} replayed records ({} bytes) equal what was produced\n",
        proven.replayed_records, proven.replayed_bytes
    );
    let bucket = proven.bucket.display();
    if let Some(facts) = proven.tables.first() {
        text += &format!(
            "\nLook at it:\n  duckdb -c \"SELECT dt, hour, origin, count(*) AS searches FROM read_parquet('{bucket}/tables/{}/*/*/*.parquet', hive_partitioning=true) GROUP BY ALL ORDER BY searches DESC LIMIT 10\"\n",
            facts.table
        );
    }
    text += &format!("  find {bucket}/chain -name '*.json' | sort | head -1 | xargs cat\n");
    text
}
