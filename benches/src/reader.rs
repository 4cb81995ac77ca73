//! Our side of the rows for which a broker is read, on the daemon's allocator. Each kind is what a child process does; it tells
//! its figures as JSON.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alluvium::cutter;
use alluvium::domain::{MemoryBudget, Offset, RawBatch, StartAt};
use alluvium::pipeline::{Pipeline, Routes, Shared, TopicRule};
use alluvium::schema::{Schemas, TopicSchema};
use alluvium::source::{self, KafkaLog, KafkaOptions, Protocol, Source, SourceCommand, SourceEvent, TopicMatch};
use alluvium::store::{ArchiveStore, LocalStore};
use alluvium::telemetry::{Metrics, PartitionState, StatusBoard};
use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use crate::broker::PER_PARTITION;
use crate::child::{From, Held, Idle, Read};
use crate::clock::process_cpu;
use crate::corpus::{DESCRIPTORS, Shape};
use crate::process::rss;

/// What a child is to do.
#[derive(Clone, Debug, clap::Parser)]
pub enum Child {
    /// Reads records and lets go of them.
    Read(From),
    /// Reads records and keeps them.
    Hold(From),
    /// Reads records and archives them in memory: the daemon's pipeline.
    Archive(From),
    /// Takes partitions without records.
    Idle(From),
}

pub fn run(child: &Child) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let told = match child {
        Child::Read(from) => serde_json::to_string(&runtime.block_on(read(from))?)?,
        Child::Hold(from) => serde_json::to_string(&runtime.block_on(hold(from))?)?,
        Child::Archive(from) => serde_json::to_string(&runtime.block_on(archive(from))?)?,
        Child::Idle(from) => serde_json::to_string(&runtime.block_on(idle(from))?)?,
    };
    println!("{told}");
    // What is still running is of no interest.
    std::process::exit(0);
}

fn join(from: &From, budget: &MemoryBudget) -> anyhow::Result<(Source, Arc<KafkaLog>)> {
    let kafka = KafkaOptions {
        brokers: from.brokers.clone(),
        group: format!("bench-{}", std::process::id()),
        protocol: Protocol::Classic,
        properties: Default::default(),
    };
    let log = Arc::new(KafkaLog::new(&kafka)?);
    // As the daemon has them.
    let options = source::Options {
        batch_records: 1_000,
        batch_bytes: 1 << 20,
        revoke_wait: Duration::from_secs(1),
        refresh: Duration::from_secs(10),
    };
    let matches = vec![TopicMatch::Name(from.topic.clone())];
    let source = source::join(&kafka, matches, log.clone(), budget.clone(), options)?;
    Ok((source, log))
}

/// Reads `from.count` records from the beginning; `each` gets the batches.
async fn records(from: &From, mut each: impl FnMut(RawBatch)) -> anyhow::Result<()> {
    let (mut source, _log) = join(from, &MemoryBudget::new(usize::MAX / 128))?;
    let mut left = from.count;
    while left > 0 {
        match source.events.recv().await.context("the source ended")? {
            SourceEvent::Assigned(partitions) => {
                for partition in partitions {
                    source.commands.send(SourceCommand::Start { partition, at: Offset::ZERO, generation: 1 })?;
                }
            }
            SourceEvent::Records(batches) => {
                for batch in batches {
                    left = left.checked_sub(batch.records.len() as u64).context("more records than there are")?;
                    each(batch);
                }
            }
            SourceEvent::Scanned(_) | SourceEvent::Recovered => {}
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}

async fn read(from: &From) -> anyhow::Result<Read> {
    let mut bytes = 0;
    records(from, |batch| bytes += batch.records.payload_bytes() as u64).await?;
    Ok(Read { cpu: process_cpu().as_nanos() as u64, bytes })
}

async fn hold(from: &From) -> anyhow::Result<Held> {
    let (mut batches, mut bytes, mut count, mut early) = (Vec::new(), 0, 0, None);
    records(from, |batch| {
        bytes += batch.records.payload_bytes() as u64;
        count += batch.records.len() as u64;
        batches.push(batch);
        if early.is_none() && from.count / 4 < count {
            early = Some((bytes, rss()));
        }
    })
    .await?;
    let late = (bytes, rss());
    drop(batches);
    Ok(Held { early: early.context("too few records")?, late })
}

/// A running pipeline, as `alluvium run` makes it.
struct Running {
    board: StatusBoard,
    store: LocalStore,
}

fn start(from: &From) -> anyhow::Result<Running> {
    let budget = MemoryBudget::new(512 << 20);
    let (source, log) = join(from, &budget)?;
    let store = LocalStore::in_memory();
    let board = StatusBoard::new("bench", budget.clone());
    let rule = TopicRule {
        matches: TopicMatch::Name(from.topic.clone()),
        schema: TopicSchema {
            message: Some(Shape::Medium.message().to_owned()),
            table: Some("events".to_owned()),
            ..TopicSchema::default()
        },
        bloom: BTreeSet::new(),
        start: StartAt::Earliest,
        incarnation: None,
    };
    let schemas = Schemas::load([("bench".to_owned(), DESCRIPTORS.to_vec())])?;
    let pipeline = Pipeline {
        source,
        log,
        store: Arc::new(store.clone()),
        routes: Routes::new(vec![rule], schemas),
        shared: Shared {
            cut: cutter::Options { every: Duration::from_secs(60), bytes: 64 << 20, rows: PER_PARTITION as usize },
            budget,
            metrics: Metrics::new(board.clone()),
            board: board.clone(),
            cluster: String::new(),
            writer: "bench".to_owned(),
            numbers: Arc::default(),
        },
        lanes: 2,
        stop_within: Duration::from_secs(1),
    };
    tokio::spawn(pipeline.run(CancellationToken::new()));
    Ok(Running { board, store })
}

async fn archive(from: &From) -> anyhow::Result<Read> {
    let Running { board, store } = start(from)?;
    loop {
        let archived: i64 = board.status().partitions.iter().filter_map(|row| Some(row.status.done?.0)).sum();
        if archived as u64 >= from.count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let cpu = process_cpu().as_nanos() as u64;
    let mut bytes = 0;
    for key in store.list("tables/", None, 1000).await?.keys {
        bytes += store.head(&key).await?.context("a listed object is there")?.size;
    }
    Ok(Read { cpu, bytes })
}

async fn idle(from: &From) -> anyhow::Result<Idle> {
    let Running { board, .. } = start(from)?;
    let reading = |board: &StatusBoard| {
        let reads = board.status().partitions;
        reads.iter().filter(|row| row.status.state == PartitionState::Reading).count() as u64
    };
    while reading(&board) < from.count {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Statistics come every five seconds, and what the start took is given back by then.
    tokio::time::sleep(Duration::from_secs(12)).await;
    Ok(Idle { rss: rss() })
}
