//! A start that is told to stop.

use std::time::Instant;

use super::*;

/// Less than any time-out of a start, and much more than a stop takes.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Sends the signal once somebody waits for an answer at the listener, and asserts that the daemon ends well and at once.
fn ends_at_once(trial: &Trial, silent: &TcpListener, name: &str) {
    let daemon = trial.start(&["run"]);
    let _unanswered = silent.accept().unwrap();
    let told = Instant::now();
    signal(daemon.pid, name);
    let output = daemon.end();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{name}: {:?} {stderr}", output.status);
    assert!(told.elapsed() < AT_ONCE, "{name}: {:?}", told.elapsed());
    assert!(!stderr.contains("ERROR"), "{stderr}");
}

#[test]
fn a_start_that_waits_for_kafka_ends_well_and_at_once_by_sigterm_or_sigint() {
    for name in ["TERM", "INT"] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let trial = Trial::new(&silent.local_addr().unwrap().to_string());
        ends_at_once(&trial, &silent, name);
        trial.untouched();
    }
}

#[test]
fn a_start_that_waits_for_the_store_ends_well_and_at_once_by_sigterm_or_sigint() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    for name in ["TERM", "INT"] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        ends_at_once(&Trial::in_s3(&brokers, silent.local_addr().unwrap().port()), &silent, name);
    }
}

/// Its daemon was stopped before it could listen to signals: all had been archived before the one before it was killed.
#[test]
fn the_smallest_demo_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_alluvium"))
        .args(["demo", "--records", "1000", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = watch(demo).end();
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success(), "{stderr}");
    has_all(&stderr, &["killed the daemon without warning", "every offset is there exactly once"]);
    has_all(&stdout, &["1000 records in"]);
}
