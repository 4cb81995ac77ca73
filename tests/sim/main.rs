//! The simulator: whole daemons, a Kafka and a bucket in one thread and in virtual time, with every fault we could think of, from
//! one seed.

mod agenda;
mod bucket;
mod daemon;
mod judge;
mod kafka;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use agenda::Tally;
use bucket::Sabotage;

/// Seeds that failed once.
const KEPT: &[u64] = &[];

#[derive(Default)]
struct Sum {
    seeds: u64,
    tally: Tally,
    failed: BTreeMap<u64, String>,
}

/// Runs one seed; a panic of the daemon's code is a failure as any other.
fn run(seed: u64, sabotage: Option<Sabotage>) -> (Tally, Result<(), String>) {
    let ran = catch_unwind(AssertUnwindSafe(|| world::run(seed, sabotage)));
    match ran {
        Ok(report) => {
            let told = |broken: String| format!("{}\n  => {broken}", report.trace.join("\n"));
            (report.tally, report.verdict.map_err(told))
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            (Tally::new(), Err(format!("panicked: {}", text.unwrap_or_default())))
        }
    }
}

fn run_all(seeds: impl IntoIterator<Item = u64>) -> Sum {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let (tally, verdict) = run(seed, None);
                    let mut sum = sum.lock().expect("no panic while it is held");
                    sum.seeds += 1;
                    for (what, times) in tally {
                        *sum.tally.entry(what).or_default() += times;
                    }
                    if let Err(broken) = verdict {
                        sum.failed.insert(seed, broken);
                    }
                }
            });
        }
    });
    sum.into_inner().expect("no panic while it is held")
}

fn asked() -> Option<Range<u64>> {
    let text = std::env::var("ALLUVIUM_SEEDS").ok()?;
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("ALLUVIUM_SEEDS: {text} is no seed"));
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}

#[test]
fn nothing_is_lost_and_nothing_doubled() {
    let started = std::time::Instant::now();
    let seeds = asked().unwrap_or(0..200);
    let sum = run_all(KEPT.iter().copied().chain(seeds));
    println!("{} seeds in {:?}", sum.seeds, started.elapsed());
    for (what, times) in &sum.tally {
        println!("{times:>9}  {what}");
    }
    if let Some((seed, broken)) = sum.failed.iter().next() {
        let failed: Vec<_> = sum.failed.keys().collect();
        panic!(
            "seed {seed}:\n{broken}\nagain: ALLUVIUM_SEEDS={seed} cargo test --test sim nothing_is_lost -- --nocapture\n\
             {} of {} failed: {failed:?}",
            failed.len(),
            sum.seeds
        );
    }
}
