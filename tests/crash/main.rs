//! Crash tests: the built binary under real faults, with a real Kafka and, behind a gateway that fails, a real S3 service.
//!
//! **What it is.** A table of kinds of faults ([`kinds`]), what each does ([`deeds`]), and the run around it ([`run`]):
//! produce known records, archive them under the fault, let the daemons recover, and have two readers that are not ours judge.
//! One lists the folder all the while and may never see a row twice; one compares at the end what Kafka acknowledged with
//! what is archived, by topic id, partition, offset, and value by value.
//!
//! **How to run it.** `localstack/with cargo test --locked --test crash -- few`, or `all`, or names of kinds. `few` ends
//! each kind after three rounds; `all` goes over the table until there were `CRASH_FAULTS` (200) faults that are more than an
//! answer of the store. `CRASH_AT_ONCE` (4) runs go on at a time; `CRASH_CUT_SECONDS` (120) is how long lines are cut.

mod deeds;
mod full;
mod impostor;
mod kinds;
mod run;
#[path = "../stack/mod.rs"]
#[allow(dead_code)]
mod stack;

use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kinds::{How, KINDS, Kind, RECOVERY};
use stack::{daemon, events, gateway, kafka, lake, manifest};
use tokio::runtime::Handle;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}

/// What came of all runs.
#[derive(Default)]
struct Outcome {
    faults: BTreeMap<&'static str, usize>,
    /// Those among them that are more than an answer of the store.
    of_processes: usize,
    failed: Vec<&'static str>,
}

impl Outcome {
    fn total(&self) -> usize {
        self.faults.values().sum()
    }
}

async fn one(kind: &Kind, how: &How) -> (usize, String) {
    if kind.deed.takes_the_broker() {
        let _mine = kafka::broker_for_me().await;
        deeds::run(kind, how).await
    } else {
        let _up = kafka::broker_stays_up().await;
        deeds::run(kind, how).await
    }
}

/// Runs kinds until the queue is empty; `enough` faults, and no kind is begun a second time.
async fn work(
    queue: Arc<Mutex<VecDeque<(usize, &'static Kind)>>>,
    outcome: Arc<Mutex<Outcome>>,
    enough: usize,
    most_rounds: usize,
    cut_off: Duration,
) {
    loop {
        let Some((cycle, kind)) = queue.lock().unwrap().pop_front() else { return };
        if cycle > 0 && outcome.lock().unwrap().of_processes >= enough {
            return;
        }
        let began = Instant::now();
        // Runs block; their gateways are tasks of the runtime.
        let how = How { name: format!("{}-{cycle}", kind.name), rounds: kind.rounds.min(most_rounds), cut_off };
        let done = tokio::task::spawn_blocking(move || Handle::current().block_on(one(kind, &how)));
        let (name, done) = (kind.name, done.await);
        let took = began.elapsed().as_secs();
        let mut outcome = outcome.lock().unwrap();
        match done {
            Ok((faults, told)) => {
                println!("{name}: {faults} faults, {took} s, {told}");
                *outcome.faults.entry(name).or_default() += faults;
                outcome.of_processes += if kind.deed.is_of_the_store() { 0 } else { faults };
            }
            Err(_) => {
                println!(
                    "{name}: FAILED after {took} s; alone: localstack/with cargo test --locked --test crash -- {name}"
                );
                outcome.failed.push(name);
            }
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 8)]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [word, topic] = &wanted[..]
        && word == impostor::WORD
    {
        impostor::be(topic);
    }
    let table = || KINDS.iter().chain([&RECOVERY]);
    let is = |word: &str| wanted.len() == 1 && wanted[0] == word;
    let chosen: Vec<&'static Kind> = match () {
        () if is("all") => table().collect(),
        () if is("few") => table().filter(|kind| kind.few).collect(),
        () => table().filter(|kind| wanted.iter().any(|word| word == kind.name)).collect(),
    };
    if chosen.is_empty() {
        let names: Vec<_> = table().map(|kind| kind.name).collect();
        eprintln!("name kinds, or `few`, or `all`:\n  {}", names.join("\n  "));
        return ExitCode::FAILURE;
    }
    let enough = if is("all") { number("CRASH_FAULTS", 200) as usize } else { 0 };
    let cut = Duration::from_secs(number("CRASH_CUT_SECONDS", 120));
    let cycles = if is("all") { 20 } else { 1 };
    let most_rounds = if is("few") { 3 } else { usize::MAX };
    let queue: VecDeque<_> = (0..cycles).flat_map(|cycle| chosen.iter().map(move |kind| (cycle, *kind))).collect();
    let (queue, outcome) = (Arc::new(Mutex::new(queue)), Arc::new(Mutex::new(Outcome::default())));
    let began = Instant::now();
    let workers: Vec<_> = (0..number("CRASH_AT_ONCE", 4))
        .map(|_| tokio::spawn(work(queue.clone(), outcome.clone(), enough, most_rounds, cut)))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let outcome = outcome.lock().unwrap();
    let (kinds, faults) = (outcome.faults.len(), outcome.total());
    println!(
        "{faults} faults of {kinds} kinds, {} of them of processes, the broker, the topic, the disk or the line, in {} s; {} runs failed",
        outcome.of_processes,
        began.elapsed().as_secs(),
        outcome.failed.len()
    );
    if outcome.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
