//! A member of the archive's group that is no archive: this program again, as a process that can be killed.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::Offset;

use crate::kafka::config;

/// The first argument by which this program is one.
pub const WORD: &str = "impostor";

/// Takes partitions, and commits offsets far ahead, until it is killed. Says so, a line each time.
pub fn be(topic: &str) -> ! {
    let thief: BaseConsumer = config()
        .set("group.id", topic)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "3000")
        .set("heartbeat.interval.ms", "500")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    thief.subscribe(&[topic]).unwrap();
    loop {
        thief.poll(Duration::from_millis(50));
        let mut far = thief.assignment().unwrap();
        if far.count() > 0 {
            far.set_all_offsets(Offset::Offset(1_000_000)).unwrap();
            if thief.commit(&far, CommitMode::Sync).is_ok() {
                println!("has {}", far.count());
            }
        }
    }
}

pub struct Impostor {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Impostor {
    pub fn join(topic: &str) -> Impostor {
        let program = std::env::current_exe().unwrap();
        let mut process = Command::new(program).args([WORD, topic]).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Impostor { process, said }
    }

    /// Waits until it has committed something.
    pub fn has_taken(&mut self) -> String {
        self.said.next().expect("it lives").unwrap()
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
