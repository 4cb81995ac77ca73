//! Bad starts of the built binary: each ends soon, with one error that says what, where and what to do, and touches no data.

mod files;
mod stops;
mod topics;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::Value;

use crate::script::Script;

/// When a process that should have ended is taken for hung. The longest time-out below it is 20 s, and machines are slow.
const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "dev.shop.order-placed.v1.Order";
/// Right, but for what a test changes.
const CONFIG: &str = "\
kafka:
  brokers: BROKERS
topics:
  - match: 'dev\\..+'
    incarnation: first
schemas:
  descriptors: [events.binpb]
archive:
  url: ARCHIVE
http: 127.0.0.1:0
";

/// A configuration in a folder of its own.
struct Trial {
    folder: tempfile::TempDir,
    text: String,
    /// What the program is started by; nothing where it is started as it is.
    within: &'static [&'static str],
}

impl Trial {
    fn new(brokers: &str) -> Trial {
        let folder = tempfile::tempdir().unwrap();
        let archive = format!("file://{}", folder.path().join("lake").display());
        let text = CONFIG.replace("BROKERS", brokers).replace("ARCHIVE", &archive);
        let trial = Trial { folder, text, within: &[] };
        trial.compile("message Order { string id = 1; }", "events.binpb");
        trial
    }

    /// Writes a descriptor set of `events.proto`, which has this message.
    fn compile(&self, message: &str, set: &str) {
        let folder = self.folder.path();
        std::fs::write(folder.join("events.proto"), format!("syntax = \"proto3\"; package v1; {message}")).unwrap();
        let mut compiler = protox::Compiler::new([folder]).unwrap();
        let compiled = compiler.include_imports(true).open_file("events.proto").unwrap().encode_file_descriptor_set();
        std::fs::write(folder.join(set), compiled).unwrap();
    }

    fn in_s3(brokers: &str, port: u16) -> Trial {
        let trial = Trial::new(brokers);
        let archive = format!("file://{}", trial.lake().display());
        let s3 = format!(
            "s3://lake/archive\n  s3: {{ endpoint: 'http://127.0.0.1:{port}', region: eu-west-1, path_style: true }}"
        );
        trial.with(&archive, &s3)
    }

    fn with(mut self, right: &str, wrong: &str) -> Trial {
        assert!(self.text.contains(right), "{right} is not in {}", self.text);
        self.text = self.text.replace(right, wrong);
        self
    }

    fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    fn spawn(&self, command: &[&str]) -> Child {
        let config = self.folder.path().join("alluvium.yaml");
        std::fs::write(&config, &self.text).unwrap();
        let mut words = self.within.iter().copied().chain([env!("CARGO_BIN_EXE_alluvium")]);
        Command::new(words.next().expect("the program at least"))
            .args(words)
            .args(command)
            .arg("-c")
            .arg(config)
            .env_clear()
            .envs([
                ("AWS_ACCESS_KEY_ID", "key"),
                ("AWS_SECRET_ACCESS_KEY", "hush"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn start(&self, command: &[&str]) -> Running {
        watch(self.spawn(command))
    }

    /// Starts the daemon, which is to end, and returns its one error.
    fn run(&self) -> String {
        one_error(&self.start(&["run"]).end())
    }

    /// Checks the configuration, and returns the one stage that failed with what it told.
    fn check(&self) -> (String, String) {
        one_failure(&self.start(&["check", "-o", "json"]).end())
    }

    /// Asserts that nothing is where the archive would be.
    fn untouched(&self) {
        assert!(!self.lake().exists(), "{:?}", std::fs::read_dir(self.lake()).unwrap().collect::<Vec<_>>());
    }
}

fn watch(child: Child) -> Running {
    let (pid, (tell, output)) = (child.id(), mpsc::channel());
    thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
    Running { pid, output }
}

struct Running {
    pid: u32,
    output: mpsc::Receiver<Output>,
}

impl Running {
    fn end(self) -> Output {
        self.output.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            signal(self.pid, "KILL");
            panic!("still running after {PATIENCE:?}")
        })
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

fn texts(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

/// Returns the error of a daemon that did not come up: the only one, in a log that is nothing but JSON lines.
fn one_error(output: &Output) -> String {
    let (stdout, stderr) = texts(output);
    assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(!stderr.contains("hush"), "{stderr}");
    let lines = stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{stderr}")));
    let errors: Vec<_> = lines.filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{stderr}");
    errors[0]["message"].as_str().unwrap().to_owned()
}

fn one_failure(output: &Output) -> (String, String) {
    let (mut stages, told) = failures(output, 1);
    assert_eq!(stages.len(), 1, "{told}");
    (stages.remove(0), told)
}

/// Returns the stage of each failure, and what they told, a line for each.
fn failures(output: &Output, code: i32) -> (Vec<String>, String) {
    let (stdout, stderr) = texts(output);
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    assert!(!stdout.contains("hush") && stderr.is_empty(), "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let (mut stages, mut told) = (Vec::new(), String::new());
    for stage in report["stages"].as_array().unwrap() {
        for finding in stage["findings"].as_array().unwrap().iter().filter(|finding| finding["result"] == "failed") {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            stages.push(stage["stage"].as_str().unwrap().to_owned());
            told += &format!("{}; {}\n", text("what"), text("remedy"));
        }
    }
    (stages, told)
}

/// Starts a mock broker with these topics.
fn kafka(topics: &[&str]) -> (MockCluster<'static, DefaultProducerContext>, String) {
    let cluster = MockCluster::new(1).unwrap();
    topics.iter().for_each(|topic| cluster.create_topic(topic, 1, 1).unwrap());
    let brokers = cluster.bootstrap_servers();
    (cluster, brokers)
}

/// Returns a port on which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn has_all(text: &str, wanted: &[&str]) {
    wanted.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in {text}"));
}

#[test]
fn a_kafka_that_refuses_or_is_silent_is_named_within_bounds_and_before_anything_is_written() {
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [format!("127.0.0.1:{}", closed_port()), silent.local_addr().unwrap().to_string()];
    let started: Vec<_> = addresses
        .into_iter()
        .map(|address| {
            let (ran, checked) = (Trial::new(&address), Trial::new(&address));
            let running = (ran.start(&["run"]), checked.start(&["check", "-o", "json"]));
            (address, (ran, checked), running)
        })
        .collect();
    for ((address, (ran, _checked), (run, check)), why) in
        started.into_iter().zip(["Connection refused", "cannot ask kafka about topics"])
    {
        has_all(
            &one_error(&run.end()),
            &[&format!("kafka at {address} does not answer"), "check `kafka.brokers`", why],
        );
        ran.untouched();
        let (stage, text) = one_failure(&check.end());
        assert_eq!(stage, "kafka");
        has_all(&text, &[&format!("no answer from {address}"), "see that `kafka.brokers` is reachable", why]);
    }
}

#[test]
fn an_s3_that_refuses_or_is_silent_is_named_with_what_to_look_at() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = closed_port();
    for (port, wanted) in
        [(closed, "Connection refused"), (silent.local_addr().unwrap().port(), "did not answer in 20s")]
    {
        let trial = Trial::in_s3(&brokers, port);
        let (run, check) = (trial.start(&["run"]), trial.start(&["check", "-o", "json"]));
        let endpoint = format!("http://127.0.0.1:{port}");
        let remedy = "see that `archive.url` and `archive.s3` are right, and that the store is reachable from here";
        has_all(&one_error(&run.end()), &["s3://lake/archive", &endpoint, wanted, remedy]);
        let (stage, text) = one_failure(&check.end());
        assert_eq!(stage, "bucket");
        has_all(&text, &["s3://lake/archive", &endpoint, wanted, remedy]);
    }
}

#[test]
fn what_s3_refuses_is_explained_and_only_probes_were_asked_for() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    for (status, code, message, header, wanted) in [
        (
            "404 Not Found",
            "NoSuchBucket",
            "",
            "",
            &["bucket lake does not exist", "create it, or mend `archive.url`"][..],
        ),
        ("403 Forbidden", "AccessDenied", "", "", &["AccessDenied (403)", "grant s3:GetObject and s3:PutObject"]),
        (
            "301 Moved Permanently",
            "PermanentRedirect",
            "",
            "x-amz-bucket-region: eu-central-1\r\n",
            &["bucket lake is not in eu-west-1", "set `archive.s3.region: eu-central-1`"],
        ),
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            "the region 'eu-west-1' is wrong; expecting 'eu-central-1'",
            "",
            &["bucket lake is not in eu-west-1", "set `archive.s3.region: eu-central-1`"],
        ),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\n{header}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        let script = Script::play(answer);
        let trial = Trial::in_s3(&brokers, script.port);
        has_all(&trial.run(), wanted);
        let (stage, text) = trial.check();
        assert_eq!(stage, "bucket");
        has_all(&text, wanted);
        let requests = script.requests();
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert!(requests.iter().all(|head| head.starts_with("PUT /lake/archive/probe/")), "{requests:?}");
    }
}

/// As Google's S3 door does: the header is no error, and no condition.
#[test]
fn a_store_that_takes_every_write_is_refused_before_data_is_touched() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    let script = Script::play("HTTP/1.1 200 OK\r\netag: \"e\"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let trial = Trial::in_s3(&brokers, script.port);
    let wanted = ["s3://lake/archive ignores `If-None-Match: *`", "docs/stores.md"];
    has_all(&trial.run(), &wanted);
    let (stage, text) = trial.check();
    assert_eq!(stage, "bucket");
    has_all(&text, &wanted);
    let requests = script.requests();
    assert_eq!(requests.len(), 6, "{requests:?}");
    assert!(requests.iter().all(|head| head.starts_with("PUT /lake/archive/probe/")), "{requests:?}");
    assert!(requests.iter().all(|head| head.to_lowercase().contains("\r\nif-none-match: *\r\n")), "{requests:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_the_reason() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    let below_a_file = Trial::new(&brokers).with("/lake", "/events.proto/lake");
    has_all(
        &below_a_file.run(),
        &["events.proto/lake", "a file stands where a folder should", "choose another folder"],
    );
    let (stage, text) = below_a_file.check();
    assert_eq!(stage, "bucket");
    has_all(&text, &["events.proto/lake", "a file stands where a folder should", "choose another folder"]);

    let mut locked = Trial::new(&brokers).with("/lake", "/locked/lake");
    let folder = locked.folder.path().join("locked");
    std::fs::create_dir(&folder).unwrap();
    let mut rights = std::fs::metadata(&folder).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&folder, rights).unwrap();
    if std::fs::write(folder.join("probe"), "").is_ok() {
        // We are root, to whom a file's rights mean nothing until that privilege is given up (setpriv of util-linux).
        locked.within = &["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    }
    has_all(&locked.run(), &["locked/lake", "Permission denied", "give this user the right to read and write"]);
}

#[test]
fn a_taken_port_is_told_before_kafka_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let trial = Trial::new("127.0.0.1:1").with("127.0.0.1:0", &taken.to_string());
    has_all(&trial.run(), &[&format!("cannot listen on {taken}"), "the key `http:`"]);
    trial.untouched();
}
