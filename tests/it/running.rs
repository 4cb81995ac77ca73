//! A daemon without its command line: the whole pipeline with its threads, over a scripted log whose group has one member.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium::cutter;
use alluvium::demo::Stream;
use alluvium::domain::{MemoryBudget, StartAt, TopicPartition};
use alluvium::pipeline::{Pipeline, PipelineError, Shared};
use alluvium::source::scripted::{Link, ScriptedLog};
use alluvium::store::ArchiveStore;
use alluvium::telemetry::{Metrics, Status, StatusBoard};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::rig::{event, routes};

/// When something that should have happened is taken for never happening; machines are slow.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Running {
    pub board: StatusBoard,
    pub metrics: Metrics,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), PipelineError>>,
}

impl Running {
    /// Starts one that has all partitions of the log's topic and cuts after every `rows` records, not before.
    pub fn start(log: &ScriptedLog, partitions: i32, rows: usize, store: Arc<dyn ArchiveStore>) -> Running {
        let budget = MemoryBudget::new(256 << 20);
        let board = StatusBoard::new("test", budget.clone());
        let metrics = Metrics::new(board.clone());
        let (source, mut link) = Link::new(64);
        let mut member = log.join(budget.clone(), 100);
        member.assign(&all(partitions));
        // Ends the link with the member.
        tokio::spawn(async move {
            while !member.has_ended() {
                link.exchange(&mut member);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let pipeline = Pipeline {
            source,
            log: Arc::new(log.clone()),
            store,
            routes: routes(StartAt::Earliest),
            shared: Shared {
                cut: cutter::Options { every: Duration::from_secs(3600), bytes: 1 << 20, rows },
                budget,
                metrics: metrics.clone(),
                board: board.clone(),
                cluster: "scripted".into(),
                writer: "test".into(),
                numbers: Arc::default(),
            },
            lanes: 2,
            stop_within: Duration::from_secs(10),
        };
        let stop = CancellationToken::new();
        Running { board, metrics, ended: tokio::spawn(pipeline.run(stop.clone())), stop }
    }

    /// Waits until the status is so; returns it, and how long that took.
    pub async fn until(&self, what: &str, is: impl Fn(&Status) -> bool) -> (Status, Duration) {
        let began = Instant::now();
        loop {
            let status = self.board.status();
            if is(&status) {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < PATIENCE, "gave up waiting until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.ended.await.unwrap().unwrap();
    }
}

/// Returns the partitions of the topic.
pub fn all(partitions: i32) -> Vec<TopicPartition> {
    (0..partitions).map(|number| TopicPartition::new(Stream::Searches.topic(), number)).collect()
}

/// Makes the topic, with the events of these numbers in each partition.
pub fn log_of(partitions: i32, numbers: Range<u64>) -> ScriptedLog {
    let log = ScriptedLog::new();
    log.create_topic(Stream::Searches.topic(), partitions as usize);
    append(&log, partitions, numbers);
    log
}

pub fn append(log: &ScriptedLog, partitions: i32, numbers: Range<u64>) {
    for partition in all(partitions) {
        for number in numbers.clone() {
            log.append(&partition, event(number));
        }
    }
}
