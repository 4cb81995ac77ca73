//! `alluvium run`: the daemon.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{ConfigFile, Exit, block_on, exit};
use crate::config::{ConfigErrors, Origin, Settings, TopicSettings};
use crate::cutter;
use crate::domain::MemoryBudget;
use crate::pipeline::{Pipeline, Routes, Shared, TopicRule};
use crate::schema::{SchemaError, Schemas};
use crate::source::{self, KafkaLog, Log, SourceError};
use crate::store::{self, ArchiveStore, ObservedStore, SelfTestError, StoreError};
use crate::telemetry::{Edge, Metrics, StatusBoard, http, log};

/// How often new topics and partitions are looked for.
const REFRESH: Duration = Duration::from_secs(10);
/// Records and bytes of a batch: a poll's worth, large enough that what happens per batch costs nothing.
const BATCH: (usize, usize) = (1_000, 1 << 20);
/// What to do about a store that does not answer.
pub(super) const REACH_STORE: &str =
    "see that `archive.url` and `archive.s3` are right, and that the store is reachable from here";

/// Archive the topics of a configuration until told to stop.
///
/// Consumes as a member of the consumer group. Start as many as there is work for: the group spreads the partitions, the
/// chain in the bucket keeps every record once.
///
/// SIGTERM and SIGINT stop reading and finish the newest cuts within `stop_within`; during the start they end it at once. A
/// second signal exits at once, which is as safe as a crash, which is as safe as a stop.
///
/// Examples:
///   alluvium run -c alluvium.yaml
///   alluvium run -c alluvium.yaml --name archive-0 --log info,alluvium=debug
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// What this process calls itself in cut records and in `progress/` [default: host name and process id].
    #[arg(long, value_name = "NAME", env = "ALLUVIUM_NAME")]
    name: Option<String>,
    /// Which log lines to show: `level` or `target=level`, separated by commas.
    #[arg(long, value_name = "FILTER", env = "ALLUVIUM_LOG", default_value = log::DEFAULT_FILTER)]
    log: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    // Before anything else: a signal to a process that does not listen yet would be its end.
    block_on(async { obey(args, stop_on_signal()?).await })?
}

async fn obey(args: &Args, stop: CancellationToken) -> anyhow::Result<Exit> {
    let (settings, warnings) = args.config.load()?;
    log::start(&log::Options { filter: Some(args.log.clone()), form: log::Form::Auto })?;
    exit_on_panic();
    for warning in warnings {
        tracing::warn!(file = %args.config.path.display(), "{warning}");
    }
    let process = args.name.clone().map_or_else(default_name, Ok)?;
    match archive(settings, process, stop).await {
        Ok(()) => Ok(Exit::Ok),
        // Told as one that shows while the file is read.
        Err(error) if error.is::<ConfigErrors>() => Err(error),
        Err(error) => {
            tracing::error!("{error:#}");
            Ok(Exit::Failure)
        }
    }
}

/// Everything between a read configuration and the exit code.
async fn archive(settings: Settings, process: String, stop: CancellationToken) -> anyhow::Result<()> {
    tracing::info!(process, version = env!("CARGO_PKG_VERSION"), "starting");
    let budget = MemoryBudget::new(settings.memory);
    let board = StatusBoard::new(&process, budget.clone());
    let metrics = Metrics::new(board.clone());
    board.starting("http");
    let server = http::Server::bind(settings.http, board.clone(), metrics.clone()).await?;
    tracing::info!(address = %server.address(), "serving /status, /metrics, /healthz and /readyz");
    let serving = CancellationToken::new();
    let http = tokio::spawn(server.serve(serving.clone()));
    tokio::select! {
        started = start(settings, process, budget, board, metrics) => started?.run(stop).await?,
        // Nothing is read yet, so there is nothing to finish.
        () = stop.cancelled() => tracing::info!("told to stop while starting"),
    }
    serving.cancel();
    http.await.context("the HTTP server")??;
    tracing::info!("ended");
    Ok(())
}

/// Everything that may wait before the first record is read. May be dropped at any point of it.
async fn start(
    settings: Settings,
    process: String,
    budget: MemoryBudget,
    board: StatusBoard,
    metrics: Metrics,
) -> anyhow::Result<Pipeline> {
    board.starting("schemas");
    let schemas = load_schemas(&settings)?;
    // Before the store: its self-test leaves probes, which a start that fails for Kafka's sake should not add to.
    board.starting("kafka");
    let log = Arc::new(KafkaLog::new(&settings.kafka).map_err(|error| with_place(error, &settings.origin))?);
    let cluster = tell_cluster(&*log, &settings.kafka.brokers).await?;
    // A member that the group has nothing for asks no more than this.
    board.answered(Edge::Kafka);
    board.starting("store");
    let store = open_store(&settings, &process, &metrics).await?;
    board.answered(Edge::Store);
    board.answered(Edge::StoreWrites);

    let (batch_records, batch_bytes) = BATCH;
    let options = source::Options { batch_records, batch_bytes, revoke_wait: settings.stop_within, refresh: REFRESH };
    let matches = settings.topics.iter().map(|topic| topic.matches.clone()).collect();
    let source = source::join(&settings.kafka, matches, log.clone(), budget.clone(), options)
        .map_err(|error| with_place(error, &settings.origin))?;
    board.started();
    Ok(Pipeline {
        source,
        log,
        store,
        routes: Routes::new(settings.topics.into_iter().map(rule).collect(), schemas),
        shared: Shared {
            cut: cutter::Options { every: settings.cut.every, bytes: settings.cut.bytes, rows: settings.cut.rows },
            budget,
            metrics,
            board,
            cluster,
            writer: process,
            numbers: Arc::default(),
        },
        lanes: settings.lanes,
        stop_within: settings.stop_within,
    })
}

pub(super) fn rule(topic: TopicSettings) -> TopicRule {
    let TopicSettings { matches, schema, bloom, start, incarnation } = topic;
    TopicRule { matches, schema, bloom, start, incarnation }
}

const MAKE_SET: &str = "write it with `protoc --include_imports --descriptor_set_out=…`";

/// Reads the descriptor sets of the configuration.
pub(super) fn load_schemas(settings: &Settings) -> Result<Schemas, ConfigErrors> {
    let origin = &settings.origin;
    let (mut schemas, mut mistakes) = (Schemas::default(), Vec::new());
    for (index, path) in settings.descriptors.iter().enumerate() {
        let name = path.display().to_string();
        let wrong = match std::fs::read(path) {
            Err(error) => Some((format!("{name} cannot be read: {error}"), MAKE_SET)),
            Ok(bytes) => schemas.add(&name, &bytes).err().map(|error| match error {
                SchemaError::Conflict { .. } => {
                    (error.to_string(), "give each file of a schema once, all compiled from the same sources")
                }
                _ => (error.to_string(), MAKE_SET),
            }),
        };
        mistakes
            .extend(wrong.map(|(what, help)| {
                origin.mistake(&format!("schemas.descriptors[{index}]"), &what, "this file", help)
            }));
    }
    if mistakes.is_empty() { Ok(schemas) } else { Err(origin.errors(mistakes)) }
}

/// Says where the file has the properties that librdkafka does not take together.
pub(super) fn with_place(error: SourceError, origin: &Origin) -> anyhow::Error {
    match error {
        SourceError::Properties(why) => origin.properties_refused(&why).into(),
        other => other.into(),
    }
}

async fn open_store(settings: &Settings, process: &str, metrics: &Metrics) -> anyhow::Result<Arc<dyn ArchiveStore>> {
    let store = store::open(&settings.archive).await?;
    let metrics = metrics.clone();
    let observed = ObservedStore::new(store, move |operation, outcome, took| {
        metrics.request_done(operation.name(), outcome.name(), took);
    });
    let nonce = format!("{:016x}", rand::random::<u64>());
    store::self_test(&observed, process, &nonce).await.map_err(|error| match &error {
        // Refusals name their own remedy.
        SelfTestError::Store { cause: StoreError::Unavailable { .. }, .. } => anyhow!("{error}; {REACH_STORE}"),
        _ => error.into(),
    })?;
    tracing::info!(archive = observed.url(), "the store keeps what was created first");
    Ok(Arc::new(observed))
}

/// Asks Kafka who it is, which also shows that it answers before anything begins.
async fn tell_cluster(log: &dyn Log, brokers: &str) -> anyhow::Result<String> {
    let unreachable = || {
        format!(
            "kafka at {brokers} does not answer; check `kafka.brokers`, the network, and `kafka.properties` for TLS and SASL"
        )
    };
    log.topics().await.with_context(unreachable)?;
    log.cluster_id().await.with_context(unreachable)
}

/// Returns a token that the first signal cancels; the second ends the process at once.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                told.cancel();
            } else {
                tracing::warn!("second signal: exiting at once");
                std::process::exit(Exit::Failure as i32);
            }
        }
    });
    Ok(stop)
}

/// A thread or task that panics ends the process: half a daemon is worse than none.
fn exit_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}");
        print(panic);
        std::process::exit(Exit::Failure as i32);
    }));
}

fn default_name() -> anyhow::Result<String> {
    let host = nix::unistd::gethostname().context("cannot tell the host's name; give one with --name")?;
    let host = host.to_string_lossy();
    if host.is_empty() {
        bail!("the host has no name; give one with --name");
    }
    Ok(format!("{host}-{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Runs itself again, as the process that panics.
    #[test]
    fn a_thread_that_panics_ends_the_process_with_1_and_its_words() {
        const AGAIN: &str = "ALLUVIUM_TEST_PANICS";
        if std::env::var_os(AGAIN).is_some() {
            exit_on_panic();
            let ended = std::thread::spawn(|| panic!("a thread had enough")).join();
            unreachable!("the process outlived its thread: {ended:?}");
        }
        let name = "cli::run::tests::a_thread_that_panics_ends_the_process_with_1_and_its_words";
        let mut again = Command::new(std::env::current_exe().unwrap());
        let output = again.args(["--exact", name, "--nocapture"]).env(AGAIN, "1").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        // The test harness would have ended with 101.
        assert_eq!(output.status.code(), Some(Exit::Failure as i32), "{stderr}");
        assert!(stderr.contains("a thread had enough") && !stderr.contains("outlived"), "{stderr}");
    }
}
