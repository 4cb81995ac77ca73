//! The built binary as a child process.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use alluvium::source::Protocol;
use serde_json::Value;

use super::events::{MESSAGE, SCHEMA, write_descriptors};
use super::kafka::{brokers, eventually, run, variable};
use super::lake::create_bucket;

/// What the daemons of one test have in common.
pub struct Setup {
    pub folder: tempfile::TempDir,
    /// The topic, and the group too.
    pub topic: String,
    pub bucket: String,
    /// The entry of `topics` by which it is found.
    pub entry: String,
    /// Where the daemons look for S3.
    pub endpoint: String,
    pub protocol: Protocol,
    /// librdkafka properties besides the usual, as a YAML mapping has them within its braces, with a comma behind each.
    pub properties: &'static str,
    /// When the group gives a silent member up, in milliseconds (classic protocol).
    pub session: u32,
    /// `cut.every`.
    pub every: &'static str,
    /// `archive.url`.
    pub url: String,
    /// The descriptor set's file in `folder`.
    pub descriptors: &'static str,
    /// What the daemons are started by; nothing where they are started as they are.
    pub within: Vec<String>,
}

impl Setup {
    /// Makes a bucket; the topic is named and not made.
    pub async fn new(name: &str) -> Setup {
        let topic = format!("dev.live-{run}.{name}.{SCHEMA}.{MESSAGE}", run = run());
        let bucket = format!("live-{run}-{name}", run = run());
        create_bucket(&bucket).await;
        let folder = tempfile::tempdir().unwrap();
        write_descriptors(&folder.path().join("events.binpb"));
        let (entry, endpoint) = (format!("name: {topic}"), variable("ALLUVIUM_TEST_S3"));
        let url = format!("s3://{bucket}/archive");
        Setup {
            folder,
            topic,
            bucket,
            entry,
            endpoint,
            protocol: Protocol::Classic,
            properties: "",
            session: 6000,
            every: "2s",
            url,
            descriptors: "events.binpb",
            within: Vec::new(),
        }
    }

    fn write_config(&self, name: &str, endpoint: &str, port: u16) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.yaml"));
        let (protocol, session) = match self.protocol {
            Protocol::Classic => {
                let session = self.session;
                ("classic", format!("session.timeout.ms: '{session}', heartbeat.interval.ms: '500', "))
            }
            Protocol::Consumer => ("consumer", String::new()),
        };
        let s3 = format!("  s3: {{ endpoint: '{endpoint}', region: us-east-1, path_style: true }}\n");
        let s3 = if self.url.starts_with("s3:") { s3 } else { String::new() };
        let text = format!(
            "kafka:
  brokers: {brokers}
  group: {topic}
  protocol: {protocol}
  properties: {{ {session}{properties}reconnect.backoff.max.ms: '500' }}
topics:
  - {entry}
schemas:
  descriptors: [{descriptors}]
archive:
  url: {url}
{s3}cut: {{ every: {every} }}
memory: 256MiB
lanes: 2
http: 127.0.0.1:{port}
",
            brokers = brokers(),
            topic = self.topic,
            properties = self.properties,
            entry = self.entry,
            descriptors = self.descriptors,
            url = self.url,
            every = self.every,
        );
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A running daemon; killed on drop, so that a failed test leaves none.
pub struct Daemon {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Daemon {
    pub fn start(setup: &Setup, name: &str) -> Daemon {
        Daemon::start_at(setup, name, &setup.endpoint)
    }

    /// Starts one that looks for S3 somewhere else.
    pub fn start_at(setup: &Setup, name: &str, endpoint: &str) -> Daemon {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = setup.write_config(name, endpoint, port);
        let log = setup.folder.path().join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let mut words = setup.within.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_alluvium")]);
        let child = Command::new(words.next().expect("the program at least"))
            .args(words)
            .args(["run", "--name", name, "-c"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Daemon { child, port, log }
    }

    /// Sends a signal by name, such as KILL, STOP, CONT or TERM.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -s {name}: {done}");
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the daemon ends", async || self.child.try_wait().unwrap()).await
    }

    /// Returns what it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Returns `/status`, or nothing where it does not answer.
    pub fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/status")?.1).ok()
    }

    /// Returns what is wrong by `/readyz`: empty where it is ready, nothing where it does not answer.
    pub fn not_ready(&self) -> Option<String> {
        match self.get("/readyz")? {
            (200, _) => Some(String::new()),
            (503, why) => Some(why),
            other => panic!("/readyz: {other:?}"),
        }
    }

    /// Returns the code and the body of a page, or nothing where it does not answer.
    pub fn get(&self, page: &str) -> Option<(u16, String)> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        write!(connection, "GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.get(9..12)?.parse().ok()?, body.to_owned()))
    }

    /// Returns the partitions it has, with a number for each.
    pub fn partitions(&self, number: &str) -> Vec<(i64, Option<i64>)> {
        let status = self.status();
        let partitions = status.as_ref().and_then(|status| status["partitions"].as_array()).into_iter().flatten();
        partitions.map(|view| (view["partition"].as_i64().unwrap(), view[number].as_i64())).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", tail(&self.log));
        }
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    format!("{}:\n{}", log.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
}
