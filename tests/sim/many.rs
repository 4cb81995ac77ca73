//! Many seeds, each in one thread.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::agenda::Tally;
use crate::bucket::Sabotage;
use crate::world;

/// What came of many seeds.
#[derive(Default)]
pub struct Sum {
    pub seeds: u64,
    pub tally: Tally,
    /// What was broken, after what happened before.
    pub failed: BTreeMap<u64, String>,
}

/// Runs one seed; a panic of the daemon's code is a failure as any other.
pub fn run(seed: u64, sabotage: Option<Sabotage>) -> (Tally, Result<(), String>) {
    match catch_unwind(AssertUnwindSafe(|| world::run(seed, sabotage))) {
        Ok(report) => {
            let told = |broken: String| format!("{}\n  => {broken}", report.trace.join("\n"));
            (report.tally, report.verdict.map_err(told))
        }
        Err(_) => (Tally::new(), Err("panicked, see above".to_owned())),
    }
}

/// Runs seeds on all cores.
pub fn run_all(seeds: impl IntoIterator<Item = u64>) -> Sum {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Sum::default()));
    let work = || {
        while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (tally, verdict) = run(seed, None);
            let mut sum = sum.lock().expect("no panic while it is held");
            sum.seeds += 1;
            if sum.seeds.is_multiple_of(1_000) {
                println!("{} seeds, {} failed", sum.seeds, sum.failed.len());
            }
            for (what, times) in tally {
                *sum.tally.entry(what).or_default() += times;
            }
            if let Err(broken) = verdict {
                sum.failed.insert(seed, broken);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    sum.into_inner().expect("no panic while it is held")
}

/// The seeds that `ALLUVIUM_SEEDS` names.
pub fn asked() -> Option<Range<u64>> {
    let text = std::env::var("ALLUVIUM_SEEDS").ok()?;
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("ALLUVIUM_SEEDS: {text} is no seed"));
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}
