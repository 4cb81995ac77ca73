//! One run: a topic, a bucket, two daemons behind a gateway each, a reader that lists all the while, and the verdict.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alluvium::domain::{Topic, TopicId, TopicPartition};
use alluvium::source::Log;

use crate::daemon::{Daemon, Setup};
use crate::gateway::{Gateway, Point};
use crate::kafka::{PATIENCE, create_topic, eventually, log, variable};
use crate::lake::judged;
use crate::manifest::{Manifest, Sending};

pub const PARTITIONS: i32 = 3;
/// Records of one sending.
const BATCH: u64 = 120;
/// The event generator's period: each such block begins with a tombstone and a record that goes to quarantine.
const BLOCK: u64 = 9973;
pub const NAMES: [&str; 2] = ["one", "two"];

/// A topic that is deleted.
pub struct Earlier {
    pub manifest: Manifest,
    pub id: TopicId,
    /// How far each partition was archived before it was deleted; what came after may miss.
    pub archived: BTreeMap<i32, i64>,
}

pub struct Run {
    pub setup: Setup,
    pub gateways: Vec<Gateway>,
    /// By the place in `NAMES`; nothing where it is dead.
    pub daemons: [Option<Daemon>; 2],
    /// Stopped by a signal, so not to be asked.
    pub paused: [bool; 2],
    pub manifest: Manifest,
    pub id: TopicId,
    /// What is to be judged besides: older incarnations of the topic.
    pub earlier: Vec<Earlier>,
    /// From and to of offsets by partition that Kafka dropped, so that they may miss.
    pub dropped: Vec<(i32, i64, i64)>,
    pub sent: u64,
    pub faults: usize,
    /// What else is to be told of the run.
    pub notes: Vec<String>,
    watcher: Option<Child>,
}

impl Run {
    pub async fn new(name: &str, prepare: impl FnOnce(&mut Setup)) -> Run {
        let mut setup = Setup::new(name).await;
        (setup.session, setup.every) = (3000, "500ms");
        prepare(&mut setup);
        let mut gateways = Vec::new();
        for _ in NAMES {
            gateways.push(Gateway::to(setup.endpoint.trim_start_matches("http://")).await);
        }
        create_topic(&setup.topic, PARTITIONS).await;
        let manifest = Manifest::new(&setup.topic, PARTITIONS);
        let id = id_of(&setup.topic).await;
        let watcher = Some(watch(&setup));
        let (daemons, paused) = ([None, None], [false, false]);
        let (earlier, dropped, notes) = (Vec::new(), Vec::new(), Vec::new());
        let (sent, faults) = (0, 0);
        Run { setup, gateways, daemons, paused, manifest, id, earlier, dropped, sent, faults, notes, watcher }
    }

    pub fn start(&mut self, which: usize) {
        assert!(self.daemons[which].is_none(), "it runs already");
        let endpoint = self.gateways[which].endpoint();
        self.daemons[which] = Some(Daemon::start_at(&self.setup, NAMES[which], &endpoint));
    }

    pub async fn kill(&mut self, which: usize) {
        let mut daemon = self.daemons[which].take().expect("it runs");
        daemon.signal("KILL");
        daemon.ended().await;
        self.faults += 1;
    }

    pub fn pause(&mut self, which: usize) {
        self.daemons[which].as_ref().expect("it runs").signal("STOP");
        self.paused[which] = true;
        self.faults += 1;
    }

    pub fn wake(&mut self, which: usize) {
        self.daemons[which].as_ref().expect("it runs").signal("CONT");
        self.paused[which] = false;
    }

    pub async fn stop(&mut self, which: usize) {
        let mut daemon = self.daemons[which].take().expect("it runs");
        daemon.signal("TERM");
        assert!(daemon.ended().await.success(), "a stop is no failure");
    }

    /// Sends some records of every sort, over all partitions.
    pub fn send(&mut self) {
        let first = self.sent * BLOCK + 1;
        self.manifest.send(first..first + BATCH, Sending::Plain);
        self.sent += 1;
    }

    /// Sends until `ask` has an answer.
    pub async fn send_until<T>(&mut self, what: &str, mut ask: impl AsyncFnMut(&mut Run) -> Option<T>) -> T {
        let mut rounds = 0;
        loop {
            self.send();
            for _ in 0..10 {
                if let Some(answer) = ask(self).await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            rounds += 1;
            assert!(rounds < PATIENCE.as_secs(), "gave up waiting until {what}");
        }
    }

    /// Has daemon `which` held at a point, and says so when it is there.
    pub async fn held(&mut self, which: usize, point: Point) -> crate::gateway::Held {
        // Not always at the first: faults shall meet chains of all lengths, and objects that have neighbours.
        let skip = if point.part == "/progress/" { 0 } else { self.faults % 3 };
        let mut held = self.gateways[which].hold(point, skip);
        self.send_until(&format!("a request is at {point:?}"), async |_| held.try_recv().ok()).await
    }

    /// Returns the partitions a daemon has, with where their chains end.
    pub fn has(&self, which: usize) -> BTreeMap<i32, i64> {
        let Some(daemon) = self.daemons[which].as_ref().filter(|_| !self.paused[which]) else { return BTreeMap::new() };
        let Some(status) = daemon.status() else { return BTreeMap::new() };
        let id = self.id.to_string();
        let ours = status["partitions"].as_array().into_iter().flatten().filter(|view| view["topic_id"] == id.as_str());
        ours.map(|view| (view["partition"].as_i64().unwrap() as i32, view["tip"].as_i64().unwrap_or(0))).collect()
    }

    /// Whether a daemon reads all partitions there are.
    pub fn has_all(&self, which: usize) -> bool {
        self.has(which).len() == self.manifest.partitions as usize
    }

    /// Waits until both daemons have partitions.
    pub async fn shared(&self) {
        eventually("both have partitions", async || {
            (0..NAMES.len()).all(|which| !self.has(which).is_empty()).then_some(())
        })
        .await;
    }

    /// Waits until all that was sent is archived.
    pub async fn settled(&self) {
        let (_, ends) = self.manifest.ends();
        let mut last = BTreeMap::new();
        let all = async || {
            let tips = (0..NAMES.len()).flat_map(|which| self.has(which));
            for (partition, tip) in tips {
                let known: &mut i64 = last.entry(partition).or_default();
                *known = tip.max(*known);
            }
            (last == ends).then_some(())
        };
        eventually(&format!("all is archived, up to {ends:?}"), all).await;
    }

    /// The verdict: all that was produced is archived exactly once, and no listing ever showed a row twice.
    pub async fn judge(mut self) -> (usize, String) {
        for which in 0..NAMES.len() {
            if self.daemons[which].is_none() {
                self.start(which);
            }
        }
        self.send();
        self.settled().await;
        for which in 0..NAMES.len() {
            self.stop(which).await;
        }
        let path = self.setup.folder.path().join("manifest.jsonl");
        for Earlier { manifest, id, archived } in &self.earlier {
            manifest.write(&path, *id, |partition, offset| archived[&partition] <= offset);
        }
        let dropped = &self.dropped;
        self.manifest.write(&path, self.id, |partition, offset| {
            dropped.iter().any(|(of, from, to)| *of == partition && (*from..*to).contains(&offset))
        });
        let verdict = judged(python(&self.setup), &place(&self.setup), &self.setup.topic, &path);
        let verdict = verdict.unwrap_or_else(|why| panic!("{why}"));
        let watched = self.watcher.take().expect("it was started").wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(watched.status.success(), "a listing showed a double:\n{}", text(&watched.stderr));
        for gateway in &self.gateways {
            assert_eq!(gateway.forbidden(), [""; 0], "an archive deletes nothing and creates what it writes");
        }
        let told = [vec![verdict, text(&watched.stdout)], std::mem::take(&mut self.notes)].concat().join(" ");
        (self.faults, told)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.setup.folder.disable_cleanup(true);
            eprintln!("kept: {}", self.setup.folder.path().display());
        }
        if let Some(mut watcher) = self.watcher.take() {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
    }
}

pub async fn id_of(topic: &str) -> TopicId {
    let partition = TopicPartition { topic: Topic::new(topic), partition: 0 };
    eventually("the topic has an id", async || log().topic_id(&partition).await.ok()).await
}

/// The judges' Python, where the archive can be seen.
fn python(setup: &Setup) -> Command {
    let python = variable("ALLUVIUM_TEST_PYTHON");
    let mut words = setup.within.iter().cloned().chain([python]);
    let mut command = Command::new(words.next().expect("Python at least"));
    command.args(words);
    command
}

/// Where the archive is, as the judges are told.
fn place(setup: &Setup) -> Vec<String> {
    match setup.url.strip_prefix("file://") {
        Some(folder) => vec!["--archive".into(), folder.into()],
        None => {
            let archive = setup.url.trim_start_matches("s3://").to_owned();
            vec!["--archive".into(), archive, "--endpoint".into(), variable("ALLUVIUM_TEST_S3")]
        }
    }
}

fn watch(setup: &Setup) -> Child {
    python(setup)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/watch.py"))
        .args(place(setup))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
