//! `alluvium replay`: archive → standard output, a file, or a Kafka topic. `docs/replay.md` is its page.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use async_trait::async_trait;
use indicatif::{ProgressBar, ProgressStyle};
use rdkafka::ClientConfig;
use secrecy::ExposeSecret;

use super::options::Time;
use super::{ConfigFile, Exit, Output, block_on, exit, print};
use crate::config::Settings;
use crate::domain::{Offset, Topic, TopicId};
use crate::replay::{
    JsonLines, KafkaSink, PartitionSummary, Placement, Plan, ProvenRange, Replay, ReplayError, Sink, SinkError,
    Summary, Window,
};
use crate::source::KafkaOptions;
use crate::store;

/// Turn a part of the archive back into records: key, value, headers, timestamp as they were.
///
/// Records leave in the order of the log within each partition, and none before the objects it
/// is read from have given the digests that stand in the chain. Damage ends a replay and is named.
/// docs/replay.md has the whole story.
///
/// Examples:
///   alluvium replay -c alluvium.yaml --topic T --from 2026-11-23T06 --dry-run
///   alluvium replay -c alluvium.yaml --topic T --offsets 100..200 | head
///   alluvium replay -c alluvium.yaml --topic T --to kafka://restored
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The topic to replay.
    #[arg(long, value_name = "NAME")]
    topic: String,
    /// Which topic of this name, where it was re-created and the archive has several.
    #[arg(long, value_name = "ID")]
    topic_id: Option<TopicId>,
    /// Only these partitions: `0,3-5`.
    #[arg(long, value_name = "LIST")]
    partitions: Option<Partitions>,
    /// Only these offsets of every partition, half-open: `100..200`, `100..`, `..200`.
    #[arg(long, value_name = "FIRST..NEXT")]
    offsets: Option<Offsets>,
    /// Only records with a timestamp at or after this: RFC 3339, or a UTC date or hour such as `2026-11-23T06`.
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,
    /// Only records with a timestamp before this.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Where records go: `-` is standard output (JSON Lines), `PATH` a new file, `kafka://TOPIC` or `kafka://HOST:PORT/TOPIC`
    /// a topic.
    #[arg(long, value_name = "TARGET", default_value = "-")]
    to: Target,
    /// Let keys choose the partition of the Kafka topic, instead of keeping each record's own.
    #[arg(long)]
    partition_by_key: bool,
    /// Say what would be read, and read no object.
    #[arg(long)]
    dry_run: bool,
    /// How the summary is printed; on standard error while records go to standard output.
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (settings, warnings) = args.config.load()?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    if args.window().is_empty() {
        eprintln!("error: {}", ReplayError::EmptyWindow);
        return Ok(Exit::Usage);
    }
    block_on(replay(args, &settings))?
}

async fn replay(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let replay = Replay {
        store: store::open_to_read(&settings.archive).await?,
        topic: Topic::new(&args.topic),
        topic_id: args.topic_id,
        window: args.window(),
        partitions: args.partitions.clone().map(|partitions| partitions.0),
    };
    let plan = replay.plan().await?;
    let mut summary = plan.summary();
    if summary.is_proven() && !args.dry_run {
        let placement = if args.partition_by_key { Placement::ByKey } else { Placement::Same };
        let inner = args.to.open(&settings.kafka, &plan, placement).await?;
        let mut sink = Watched { inner, bar: progress_bar(&plan, &args.to) };
        summary = replay.run(&plan, &mut sink).await?;
        sink.bar.finish_and_clear();
    }
    let text = match args.output {
        Output::Text => in_words(&summary, args.dry_run),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&summary)?),
    };
    match args.to {
        // A summary must not mix with the records.
        Target::Stdout if !args.dry_run => eprint!("{text}"),
        _ => print(&text)?,
    }
    Ok(if summary.is_proven() { Exit::Ok } else { Exit::Failure })
}

impl Args {
    fn window(&self) -> Window {
        let Offsets { first, next } = self.offsets.unwrap_or_default();
        Window { first, next, from: self.from.map(|time| time.0), until: self.until.map(|time| time.0) }
    }
}

/// `0,3-5`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Partitions(BTreeSet<i32>);

impl FromStr for Partitions {
    type Err = String;

    fn from_str(text: &str) -> Result<Partitions, String> {
        let number = |text: &str| text.trim().parse::<i32>().ok().filter(|number| *number >= 0);
        let span = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(number(first)?..=number(last)?).filter(|span| !span.is_empty())
        };
        let spans: Option<Vec<_>> = text.split(',').map(span).collect();
        let spans = spans.ok_or("write partitions like 0,3-5")?;
        Ok(Partitions(spans.into_iter().flatten().collect()))
    }
}

/// `100..200`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offsets {
    first: Option<Offset>,
    next: Option<Offset>,
}

impl FromStr for Offsets {
    type Err = String;

    fn from_str(text: &str) -> Result<Offsets, String> {
        let wrong =
            || "write offsets like 100..200, 100.. or ..200; the second is the first that is left out".to_owned();
        let (first, next) = text.split_once("..").ok_or_else(wrong)?;
        let side = |text: &str| match text {
            "" => Ok(None),
            text => {
                text.parse().ok().filter(|offset| *offset >= 0).map(|offset| Some(Offset(offset))).ok_or_else(wrong)
            }
        };
        Ok(Offsets { first: side(first)?, next: side(next)? })
    }
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Stdout,
    File(PathBuf),
    /// Brokers as in the configuration where none are named.
    Kafka {
        brokers: Option<String>,
        topic: String,
    },
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let Some(rest) = text.strip_prefix("kafka://") else {
            return Ok(if text == "-" { Target::Stdout } else { Target::File(text.into()) });
        };
        let (brokers, topic) = match rest.rsplit_once('/') {
            Some((brokers, topic)) => (Some(brokers.to_owned()), topic),
            None => (None, rest),
        };
        if topic.is_empty() || brokers.as_deref() == Some("") {
            return Err("write a topic like kafka://topic or kafka://host:9092/topic".into());
        }
        Ok(Target::Kafka { brokers, topic: topic.to_owned() })
    }
}

impl Target {
    async fn open(&self, kafka: &KafkaOptions, plan: &Plan, placement: Placement) -> anyhow::Result<Box<dyn Sink>> {
        Ok(match self {
            Target::Stdout => Box::new(JsonLines::new(BufWriter::new(io::stdout()))),
            Target::File(path) => {
                let file = File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
                Box::new(JsonLines::new(BufWriter::new(file)))
            }
            Target::Kafka { brokers, topic } => {
                let mut config = ClientConfig::new();
                for (name, value) in &kafka.properties {
                    config.set(name, value.expose_secret());
                }
                config.set("bootstrap.servers", brokers.as_ref().unwrap_or(&kafka.brokers));
                Box::new(KafkaSink::open(config, topic, plan.highest_partition(), placement).await?)
            }
        })
    }
}

/// A sink with a progress bar beside it.
struct Watched {
    inner: Box<dyn Sink>,
    bar: ProgressBar,
}

#[async_trait]
impl Sink for Watched {
    async fn emit(&mut self, range: &ProvenRange) -> Result<(), SinkError> {
        self.inner.emit(range).await?;
        self.bar.inc(range.rows_read + range.rows_lost);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        self.inner.finish().await
    }
}

fn progress_bar(plan: &Plan, to: &Target) -> ProgressBar {
    // Records on the same terminal are progress enough.
    if *to == Target::Stdout && io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    // Drawn on standard error, and only where that is a terminal.
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} rows, {per_sec}, {eta} left");
    ProgressBar::new(plan.rows()).with_style(style.expect("the template is a constant"))
}

fn in_words(summary: &Summary, dry_run: bool) -> String {
    let mut lines = vec![format!("topic {}, id {}", summary.topic, summary.topic_id)];
    lines.push(format!(
        "{:>9} {:>11} {:>9} {:>12} {:>12} {:>14}  {}",
        "partition", "ranges", "objects", "rows", "records", "bytes", "offsets"
    ));
    lines.extend(summary.partitions.iter().map(row));
    for partition in &summary.partitions {
        let at = format!("{}/{}", summary.topic, partition.partition);
        lines.extend(
            partition.gaps.iter().map(|gap| format!("gap: {at} {}..{}, {}", gap.first, gap.next, gap.reason.word())),
        );
        lines.extend(partition.losses.iter().map(|loss| {
            format!(
                "loss: {at} {}..{}, Kafka dropped {} rows before they were uploaded",
                loss.first, loss.next, loss.rows
            )
        }));
        lines.extend(partition.unfinished.map(|range| {
            format!("left out: {at} {}..{}, its objects are still being written", range.first, range.next)
        }));
    }
    lines.extend(summary.damage.iter().map(|damage| format!("DAMAGE: {damage}")));
    lines.push(match (summary.is_proven(), dry_run) {
        (true, true) => "nothing was read: this is a dry run".into(),
        (true, false) => format!("{} records, {} bytes, all proven", summary.records(), summary.bytes()),
        (false, _) => format!(
            "stopped at damage after {} proven records: restore what is named above, or choose a window beside it",
            summary.records()
        ),
    });
    lines.join("\n") + "\n"
}

fn row(partition: &PartitionSummary) -> String {
    let offsets = match (partition.first, partition.next) {
        (Some(first), Some(next)) => format!("{first}..{next}"),
        _ => "-".into(),
    };
    let ranges = format!("{} of {}", partition.ranges, partition.ranges_planned);
    format!(
        "{:>9} {ranges:>11} {:>9} {:>12} {:>12} {:>14}  {offsets}",
        partition.partition, partition.objects_planned, partition.rows_planned, partition.records, partition.bytes
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::replay::tests as fixture;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// Runs the command on the fixture's archive; `more` comes after `replay -c FILE --topic NAME`.
    fn replayed(folder: &std::path::Path, more: &[&str]) -> anyhow::Result<Exit> {
        let lake = folder.join("lake");
        let config = folder.join("alluvium.yaml");
        let text = format!(
            "kafka: {{ brokers: localhost:1, group: g }}\ntopics: [{{ name: {} }}]\nschemas: {{ descriptors: [d.binpb] }}\n\
             archive: {{ url: \"file://{}\" }}\n",
            fixture::TOPIC,
            lake.display()
        );
        std::fs::write(&config, text).unwrap();
        let line = ["replay", "-c", config.to_str().unwrap(), "--topic", fixture::TOPIC];
        let line = Line::try_parse_from(line.iter().chain(more)).unwrap();
        run(&line.args)
    }

    #[test]
    fn a_window_lands_in_a_new_file_and_an_existing_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fixture::archive().write_to(&folder.path().join("lake"));
        let out = folder.path().join("out.jsonl");
        let more = ["--offsets", "3..8", "--partitions", "0", "--to", out.to_str().unwrap()];
        assert_eq!(replayed(folder.path(), &more).unwrap(), Exit::Ok);
        let text = std::fs::read_to_string(&out).unwrap();
        let offsets: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["offset"].as_i64().unwrap())
            .collect();
        assert_eq!(offsets, [3, 4, 5, 7]);
        let error = replayed(folder.path(), &more).unwrap_err();
        assert!(format!("{error:#}").contains("cannot create"), "{error:#}");
    }

    #[test]
    fn damage_ends_with_1_and_a_dry_run_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        fixture::archive().write_to(&lake);
        let out = folder.path().join("out.jsonl");
        let to = ["--to", out.to_str().unwrap(), "--output", "json"];
        assert_eq!(replayed(folder.path(), &[&to[..], &["--dry-run"]].concat()).unwrap(), Exit::Ok);
        assert!(!out.exists());
        std::fs::remove_dir_all(lake.join("tables")).unwrap();
        assert_eq!(replayed(folder.path(), &to).unwrap(), Exit::Failure);
        assert!(!out.exists(), "damage is found before the output is opened");
        assert_eq!(replayed(folder.path(), &["--offsets", "5..5"]).unwrap(), Exit::Usage);
    }

    #[test]
    fn partitions_are_numbers_and_spans() {
        assert_eq!("0,3-5,4".parse(), Ok(Partitions([0, 3, 4, 5].into())));
        for text in ["", "a", "-1", "5-3", "1,,2"] {
            assert!(text.parse::<Partitions>().is_err(), "{text}");
        }
    }

    #[test]
    fn offsets_are_half_open_and_either_side_may_be_missing() {
        let offsets = |first, next| Ok(Offsets { first, next });
        assert_eq!("1..2".parse(), offsets(Some(Offset(1)), Some(Offset(2))));
        assert_eq!("..2".parse(), offsets(None, Some(Offset(2))));
        assert_eq!("1..".parse(), offsets(Some(Offset(1)), None));
        for text in ["1", "1-2", "a..b", "-1..2", "1..=2"] {
            assert!(text.parse::<Offsets>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_standard_output_a_file_or_a_topic() {
        let kafka = |brokers: Option<&str>, topic: &str| {
            Ok(Target::Kafka { brokers: brokers.map(Into::into), topic: topic.into() })
        };
        assert_eq!("-".parse(), Ok(Target::Stdout));
        assert_eq!("out/x.jsonl".parse(), Ok(Target::File("out/x.jsonl".into())));
        assert_eq!("kafka://restored".parse(), kafka(None, "restored"));
        assert_eq!("kafka://a:1,b:2/restored".parse(), kafka(Some("a:1,b:2"), "restored"));
        for text in ["kafka://", "kafka://a:1/", "kafka:///x"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
