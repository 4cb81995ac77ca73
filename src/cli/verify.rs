//! `alluvium verify`: is the archive what its chains say? `docs/verify.md` is its page.

mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::options::Time;
use super::run::with_place;
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
    /// Where nothing is wrong, write the newest cut of every chain to a file, to be kept where nobody who writes to the bucket
    /// can write.
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
    match &args.tips {
        // The tips of a chain that was cut short would vouch for it from tomorrow on.
        Some(path) if !report.is_clean() => {
            eprintln!("warning: {} is left as it was: the archive is wrong", path.display())
        }
        Some(path) => write_tips(path, &report)?,
        None => {}
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
        true => Some(Arc::new(KafkaLog::new(&settings.kafka).map_err(|error| with_place(error, &settings.origin))?)),
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
        Step::Listed(keys) => bar.set_message(format!("{keys} keys listed ")),
        Step::CutsToCome(cuts) => bar.inc_length(cuts as u64),
        Step::Cut => bar.inc(1),
    }
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

    /// An archive in a folder, with a configuration beside it.
    struct Trial(tempfile::TempDir);

    impl Trial {
        fn new() -> Trial {
            let trial = Trial(tempfile::tempdir().unwrap());
            fixture::archive().write_to(&trial.lake());
            let (topic, lake) = (fixture::TOPIC, trial.lake());
            let text = format!(
                "kafka: {{ brokers: 'localhost:1', group: g }}\n\
                 topics: [{{ name: {topic} }}]\nschemas: {{ descriptors: [d.binpb] }}\n\
                 archive: {{ url: \"file://{}\" }}\n",
                lake.display()
            );
            fs::write(trial.path("alluvium.yaml"), text).unwrap();
            trial
        }

        fn lake(&self) -> PathBuf {
            self.path("lake")
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn verify(&self, more: &[&str]) -> anyhow::Result<Exit> {
            let config = self.path("alluvium.yaml");
            let line = ["verify", "-c", config.to_str().unwrap()];
            run(&Line::try_parse_from(line.iter().chain(more)).unwrap().args)
        }
    }

    #[test]
    fn a_sound_archive_ends_with_0_and_a_wrong_one_with_3() {
        let trial = Trial::new();
        for more in [&[][..], &["--quick"], &["--deep", "--output", "json"], &["--from", "1970-01-01T01"]] {
            assert_eq!(trial.verify(more).unwrap(), Exit::Ok, "{more:?}");
        }
        fs::remove_dir_all(trial.path("lake/tables")).unwrap();
        assert_eq!(trial.verify(&[]).unwrap(), Exit::Findings);
    }

    #[test]
    fn what_cannot_be_done_ends_with_1_and_wrong_arguments_with_2() {
        let trial = Trial::new();
        assert!(trial.verify(&["--topic", "none"]).unwrap_err().to_string().contains("chain/none/ is empty"));
        let anchors = trial.path("tips.json");
        let with_anchors = ["--anchors", anchors.to_str().unwrap()];
        assert_eq!(trial.verify(&with_anchors).unwrap(), Exit::Usage);
        fs::write(&anchors, "{\"version\": 2, \"archive\": \"\", \"tips\": []}").unwrap();
        assert_eq!(trial.verify(&with_anchors).unwrap(), Exit::Usage);
        assert_eq!(trial.verify(&["--from", "2026-11-24", "--until", "2026-11-23"]).unwrap(), Exit::Usage);
        fs::remove_dir_all(trial.lake()).unwrap();
        assert!(trial.verify(&[]).unwrap_err().to_string().contains("see that the path is right"));
        assert!(!trial.lake().exists());
    }

    #[test]
    fn tips_of_today_find_a_chain_cut_short_tomorrow() {
        let trial = Trial::new();
        let tips = trial.path("tips.json");
        let tips = tips.to_str().unwrap();
        assert_eq!(trial.verify(&["--tips", tips]).unwrap(), Exit::Ok);
        assert_eq!(trial.verify(&["--anchors", tips, "--tips", tips]).unwrap(), Exit::Ok);
        fs::remove_dir_all(trial.path("lake/tables")).unwrap();
        fs::remove_dir_all(trial.path("lake/quarantine")).unwrap();
        fs::remove_dir_all(trial.path("lake/chain")).unwrap();
        assert_eq!(trial.verify(&["--anchors", tips]).unwrap(), Exit::Findings);
    }

    #[test]
    fn tips_of_an_archive_that_is_wrong_do_not_take_the_place_of_sound_ones() {
        let trial = Trial::new();
        let tips = trial.path("tips.json");
        let both = ["--anchors", tips.to_str().unwrap(), "--tips", tips.to_str().unwrap()];
        assert_eq!(trial.verify(&both[2..]).unwrap(), Exit::Ok);
        let sound = fs::read(&tips).unwrap();
        fs::remove_dir_all(trial.path("lake/chain")).unwrap();
        for _ in 0..2 {
            assert_eq!(trial.verify(&both).unwrap(), Exit::Findings);
            assert!(fs::read(&tips).unwrap() == sound, "they were overwritten");
        }
    }

    #[test]
    fn a_finding_says_where_what_why_and_what_to_do() {
        let trial = Trial::new();
        fs::write(trial.path("lake/tables/t/x.parquet"), "").unwrap();
        let store = store::LocalStore::in_existing_folder(&trial.lake()).unwrap();
        let verify = Verify {
            store: Arc::new(store),
            scope: Scope::Everything,
            window: Window::default(),
            depth: Depth::Listing,
            anchors: Vec::new(),
            log: None,
            memory: 1 << 20,
            now: 0,
        };
        let report = block_on(verify.run(&|_| {})).unwrap().unwrap();
        let words = words::of(&report);
        for part in [
            "FOREIGN: tables/t/x.parquet\n",
            "  what: ",
            "  why: ",
            "  do: ",
            "no object was read",
            "1 foreign",
            "gap: ",
        ] {
            assert!(words.contains(part), "{part} is not in\n{words}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(
            (json["checked"].as_str(), json["findings"][0]["class"].as_str()),
            (Some("listing"), Some("foreign"))
        );
    }
}
