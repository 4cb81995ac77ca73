//! The main job on a laptop: a mock broker in this process, a local folder as the bucket, the real daemon as a child.
//!
//! **Flow.** Made events go into the broker while the daemon archives them (the mock broker keeps 5 MiB a partition); in the
//! middle the daemon is killed as by a power cut and started again; then the files, not the daemon, have to prove that every
//! produced offset is there once, and that a replay gives every byte back.
//!
//! **Failure.** Whatever does not add up is a [`DemoError`]: a demo that cannot fail would show nothing.
//!
//! **Not here.** Topic ids: the mock broker tells none, so the configuration gives the topics an `incarnation`.

mod broker;
mod daemon;
mod events;
mod proof;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use broker::{Ledger, Producer};
use daemon::Daemon;
pub use events::{DESCRIPTORS, Stream};
pub use proof::{Proven, TableFacts};

use crate::store::StoreError;

/// Partitions of each topic.
pub const PARTITIONS: i32 = 3;
/// How long nothing may move before the demo gives up: a group needs its session time-out to notice a killed member.
const STALLED: Duration = Duration::from_secs(60);

/// What to do, and where.
#[derive(Clone, Debug)]
pub struct Options {
    pub records: u64,
    /// An empty or absent folder; everything the demo makes is below it.
    pub folder: PathBuf,
    /// The program to run as the daemon.
    pub program: PathBuf,
    /// Where the hours before which the events are said to have happened end, in milliseconds since the epoch.
    pub until_millis: i64,
}

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{0} is not empty: give another folder with --dir")]
    NotEmpty(PathBuf),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("mock broker: {0}")]
    Broker(#[from] rdkafka::error::KafkaError),
    #[error("the daemon ended by itself ({status}); the end of {log}:\n{tail}")]
    DaemonEnded { status: String, log: PathBuf, tail: String },
    #[error("nothing was archived for {} s; see {log}", STALLED.as_secs())]
    Stalled { log: PathBuf },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key}: {cause}")]
    Object { key: String, cause: String },
    #[error("replay: {0}")]
    Replay(#[from] crate::replay::ReplayError),
    #[error("the files do not hold what was produced: {0}")]
    NotProven(String),
}

/// What the demo tells while it runs.
#[derive(Clone, Debug)]
pub enum Step<'a> {
    Started { folder: &'a Path, brokers: &'a str },
    Archived { records: u64, of: u64 },
    Killed { archived: u64, objects: usize },
    Restarted,
    Stopped { seconds: f64 },
    Proven(&'a Proven),
}

/// Runs the demo. `tell` is called from this task, now and then.
pub async fn run(options: &Options, mut tell: impl FnMut(Step<'_>)) -> Result<Proven, DemoError> {
    prepare_folder(&options.folder)?;
    let broker = broker::Broker::start()?;
    tell(Step::Started { folder: &options.folder, brokers: broker.address() });
    daemon::write_configuration(&options.folder, broker.address())?;
    let bucket = proof::Bucket::open(&options.folder.join("bucket"))?;
    let begun = Instant::now();
    let producer = Producer::start(broker.address(), options.records, options.until_millis)?;
    let mut daemon = Daemon::start(options)?;
    let mut killed = false;
    let mut moved = (0, Instant::now());
    loop {
        daemon.check()?;
        let tips = bucket.tips().await?;
        let archived = tips.records();
        if archived != moved.0 {
            moved = (archived, Instant::now());
            tell(Step::Archived { records: archived, of: options.records });
        } else if moved.1.elapsed() > STALLED {
            return Err(DemoError::Stalled { log: daemon.log().to_owned() });
        }
        producer.allow(&tips);
        if !killed && archived > options.records / 3 {
            killed = true;
            daemon.kill();
            tell(Step::Killed { archived, objects: bucket.objects()? });
            daemon = Daemon::start(options)?;
            tell(Step::Restarted);
            // Not earlier, so that the daemon that is told to stop in the end is one that has archived.
            producer.release();
        }
        if archived == options.records {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let ledger: Ledger = producer.finish()?;
    daemon.stop()?;
    tell(Step::Stopped { seconds });
    let proven = bucket.prove(&ledger, seconds).await?;
    tell(Step::Proven(&proven));
    Ok(proven)
}

fn prepare_folder(folder: &Path) -> Result<(), DemoError> {
    let io = |source| DemoError::Io { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(io)?;
    if std::fs::read_dir(folder).map_err(io)?.next().is_some() {
        return Err(DemoError::NotEmpty(folder.to_owned()));
    }
    let descriptors = folder.join("events.binpb");
    std::fs::write(&descriptors, events::DESCRIPTORS).map_err(|source| DemoError::Io { path: descriptors, source })
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn the_descriptor_set_is_the_one_of_the_proto() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo");
        let compiled = protox::Compiler::new([&folder])
            .unwrap()
            .include_imports(true)
            .open_file("events.proto")
            .unwrap()
            .file_descriptor_set()
            .encode_to_vec();
        if std::env::var_os("ALLUVIUM_BLESS").is_some() {
            std::fs::write(folder.join("events.binpb"), &compiled).unwrap();
        }
        assert!(compiled == events::DESCRIPTORS, "run `ALLUVIUM_BLESS=1 cargo test demo` and build again");
    }

    #[test]
    fn events_are_the_same_for_the_same_number_and_can_be_read_by_their_descriptors() {
        let pool = prost_reflect::DescriptorPool::decode(events::DESCRIPTORS).unwrap();
        for (stream, name) in
            [(Stream::Searches, "flights.v1.SearchPerformed"), (Stream::Bookings, "flights.v1.BookingMade")]
        {
            let message = pool.get_message_by_name(name).unwrap();
            for number in [0, 1, 77, 8_191] {
                let payload = stream.payload(number, 1_795_413_600_000);
                assert_eq!(payload, stream.payload(number, 1_795_413_600_000));
                prost_reflect::DynamicMessage::decode(message.clone(), &payload[..]).unwrap();
            }
            assert!(prost_reflect::DynamicMessage::decode(message, &stream.payload(9_999, 0)[..]).is_err());
        }
    }
}
