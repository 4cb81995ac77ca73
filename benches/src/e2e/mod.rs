//! `make bench-e2e`: the release daemon against a real broker and a bucket, what it takes in CPU and memory, and how that grows.

mod daemon;
mod kafka;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use self::daemon::Daemon;
use self::kafka::Kafka;
use crate::Output;
use crate::corpus::{DESCRIPTORS, Shape};

const RECORDS: u64 = 1_000_000;
const BUCKET: &str = "bench";

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The daemon's binary.
    #[arg(long)]
    program: PathBuf,
    #[arg(long, env = "ALLUVIUM_TEST_KAFKA")]
    kafka: String,
    #[arg(long, env = "ALLUVIUM_TEST_S3")]
    s3: String,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What the daemon took in one case.
#[derive(Debug, Serialize)]
struct Taken {
    case: &'static str,
    archive: &'static str,
    partitions: i32,
    records: u64,
    /// From start to the last object confirmed.
    cpu_seconds_per_million: Option<f64>,
    peak_mib: f64,
}

/// A topic that is there before the daemon is.
struct Case {
    name: &'static str,
    archive: &'static str,
    partitions: i32,
    records: u64,
}

const CASES: [Case; 5] = [
    Case { name: "one partition", archive: "s3", partitions: 1, records: RECORDS },
    Case { name: "64 partitions", archive: "s3", partitions: 64, records: RECORDS },
    Case { name: "64 partitions, a folder", archive: "file", partitions: 64, records: RECORDS },
    Case { name: "1,000 partitions", archive: "s3", partitions: 1000, records: RECORDS },
    Case { name: "64 partitions, 10 times the records", archive: "s3", partitions: 64, records: 10 * RECORDS },
];

pub fn run(options: &Options) -> anyhow::Result<()> {
    let stage = Stage::new(options)?;
    let mut taken = Vec::new();
    for case in &CASES {
        taken.push(stage.archive(case)?);
    }
    // Assigned and mostly idle: at most 150 MB are wanted.
    taken.push(stage.idle("idle-64", 64)?.1);
    let (one, _) = stage.idle("idle-1", 1)?;
    let (thousand, trickle) = stage.idle("idle-1000", 1000)?;
    taken.push(trickle);
    let idle = (thousand as f64 - one as f64) / 999.0 / 1024.0;
    match options.output {
        Output::Json => println!("{}", serde_json::json!({ "cases": taken, "idle_partition_kib": idle })),
        Output::Text => {
            print(&taken);
            println!("\nAn idle partition: {idle:.0} KiB.");
        }
    }
    Ok(())
}

fn print(taken: &[Taken]) {
    println!("| case | archive | partitions | records | CPU-s per million | peak RSS, MiB |");
    println!("|---|---|--:|--:|--:|--:|");
    for Taken { case, archive, partitions, records, cpu_seconds_per_million, peak_mib } in taken {
        let cpu = cpu_seconds_per_million.map(|cpu| format!("{cpu:.2}")).unwrap_or_default();
        println!("| {case} | {archive} | {partitions} | {records} | {cpu} | {peak_mib:.0} |");
    }
}

/// What all cases share.
struct Stage<'o> {
    options: &'o Options,
    kafka: Kafka,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

impl<'o> Stage<'o> {
    fn new(options: &'o Options) -> anyhow::Result<Stage<'o>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("bench.binpb"), DESCRIPTORS)?;
        create_bucket(&options.s3)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Stage { options, kafka: Kafka::new(&options.kafka), runtime, folder })
    }

    fn start(&self, topic: &str, archive: &str) -> anyhow::Result<Daemon> {
        let archive = match archive {
            "file" => format!("{{ url: 'file://{}' }}", self.folder.path().join(topic).display()),
            _ => format!(
                "{{ url: 's3://{BUCKET}/{topic}', s3: {{ endpoint: '{}', region: us-east-1, path_style: true }} }}",
                self.options.s3
            ),
        };
        let configuration = format!(
            "kafka: {{ brokers: '{brokers}', group: {topic} }}
topics:
  - {{ name: {topic}, message: {message}, table: events }}
schemas: {{ descriptors: [bench.binpb] }}
archive: {archive}
# Otherwise as it comes; the end of a filled topic is waited for in each case.
cut: {{ every: 20s }}
memory: 128MiB
lanes: 2
",
            brokers = self.kafka.brokers(),
            message = Shape::Medium.message(),
        );
        Daemon::start(&self.options.program, self.folder.path(), topic, &configuration)
    }

    fn archive(&self, case: &Case) -> anyhow::Result<Taken> {
        let &Case { name, archive, partitions, records } = case;
        let topic = format!("full-{archive}-{partitions}-{records}");
        self.runtime.block_on(self.kafka.create(&topic, partitions))?;
        self.kafka.fill(&topic, partitions, records)?;
        let mut daemon = self.start(&topic, archive)?;
        daemon.wait(|views| views.iter().filter_map(|view| view["done"].as_u64()).sum::<u64>() >= records)?;
        Ok(Taken {
            case: name,
            archive,
            partitions,
            records,
            cpu_seconds_per_million: Some(daemon.cpu()?.as_secs_f64() * 1e6 / records as f64),
            peak_mib: mib(daemon.memory("VmHWM")?),
        })
    }

    /// Returns the resident memory with idle partitions, and what one record a second in each of them takes.
    fn idle(&self, topic: &'static str, partitions: i32) -> anyhow::Result<(u64, Taken)> {
        self.runtime.block_on(self.kafka.create(topic, partitions))?;
        let mut daemon = self.start(topic, "s3")?;
        let read = |views: &[Value]| views.iter().filter(|view| view["state"] == "reading").count() as i32;
        daemon.wait(|views| read(views) == partitions)?;
        std::thread::sleep(Duration::from_secs(15));
        let idle = daemon.memory("VmRSS")?;
        let seconds = 75;
        self.kafka.trickle(topic, partitions, seconds)?;
        let records = seconds * partitions as u64;
        let trickle = Taken {
            case: "a record a second in each",
            archive: "s3",
            partitions,
            records,
            cpu_seconds_per_million: None,
            peak_mib: mib(daemon.memory("VmHWM")?),
        };
        Ok((idle, trickle))
    }
}

/// LocalStack makes a bucket for whoever asks.
fn create_bucket(s3: &str) -> anyhow::Result<()> {
    let host = s3.strip_prefix("http://").context("the development stack speaks HTTP")?.trim_end_matches('/');
    let mut connection = TcpStream::connect(host)?;
    write!(connection, "PUT /{BUCKET} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 200"), "no bucket: {answer}");
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
