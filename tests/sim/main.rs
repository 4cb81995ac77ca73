//! The seeded simulator: whole daemons, a Kafka and a bucket in one thread and in virtual time, and everything that can befall
//! them.
//!
//! **What it is.** One seed is one run: [`world`] plays it, the [`agenda`] has its time and its chance, a [`daemon`] is the
//! program's own code without its threads, [`kafka`] and [`bucket`] are the two worlds outside, [`group`] and [`chaos`] decide who
//! owns what and what goes wrong, and the [`judge`] looks after every step.
//!
//! **Promises.** The same seed is the same run, on every machine. A seed that fails is told with what happened last and with the
//! command that runs it again; put it into [`KEPT`].
//!
//! ```text
//! cargo test --test sim                                                     200 seeds
//! ALLUVIUM_SEEDS=17 cargo test --test sim nothing_is_lost -- --nocapture    one; 0..10000: many
//! ```

mod agenda;
mod bucket;
mod chaos;
mod daemon;
mod group;
mod judge;
mod kafka;
mod many;
mod rows;
mod world;

use std::collections::BTreeSet;

use bucket::Sabotage;
use many::{Sum, asked, run, run_all};

/// Seeds that failed once. They say what they said as long as the simulator chooses in the same order.
const KEPT: &[u64] = &[3330, 5256];

/// What must have happened at least once in the seeds of `make test`: a promise that was never put to the test is none.
const SITUATIONS: &[&str] = &[
    "a dead process's PUT landed",
    "a dead process's PUT refused",
    "a listing is old when it arrives",
    "a zombie's PUT landed",
    "a zombie's PUT refused",
    "chain: another's cut was first",
    "chain: gap by a later start",
    "chain: gap by retention",
    "chain: loss record",
    "chain: taken over by another daemon",
    "chain: the same record was there",
    "clock: monotonic jump",
    "clock: monotonic stall",
    "clock: wall clock years off",
    "daemon: ended by itself",
    "daemon: killed",
    "daemon: of a newer version, with another layout",
    "daemon: stopped and continued",
    "daemon: stopped gracefully",
    "group: revokes",
    "group: session lost",
    "group: took a partition without waiting for its owner",
    "group: two owners at once",
    "kafka: a new leader is behind",
    "kafka: away",
    "kafka: away, and then a new leader is behind",
    "kafka: compaction",
    "kafka: partition added",
    "kafka: retention",
    "kafka: topic created anew",
    "kafka: topic deleted",
    "kafka: transaction aborted",
    "kafka: transaction committed",
    "late PUT landed",
    "late PUT refused",
    "object: made by another than the cut's writer",
    "object: made with another layout than its maker's",
    "object: was there already",
    "store: 409",
    "store: 412 for a free key",
    "store: 412 for an own write",
    "store: 500",
    "store: 503 slow down",
    "store: an outage",
    "store: answer lost",
    "store: connection torn",
    "store: lands after the client gave up",
    "store: request lost",
];

#[test]
fn nothing_is_lost_and_nothing_doubled() {
    let started = std::time::Instant::now();
    let asked = asked();
    let all = asked.is_none();
    let kept = KEPT.iter().copied().filter(|_| all);
    let sum = run_all(kept.chain(asked.unwrap_or(0..200)).collect::<BTreeSet<_>>());
    println!("{} seeds in {:?}", sum.seeds, started.elapsed());
    sum.tally.iter().for_each(|(what, times)| println!("{times:>9}  {what}"));
    fail_on(&sum);
    let never: Vec<_> = SITUATIONS.iter().filter(|what| all && !sum.tally.contains_key(**what)).collect();
    assert!(never.is_empty(), "never happened: {never:?}");
}

fn fail_on(sum: &Sum) {
    for (seed, broken) in &sum.failed {
        println!("{seed}: {}", broken.lines().last().unwrap_or_default());
    }
    if let Some((seed, broken)) = sum.failed.first_key_value() {
        panic!(
            "seed {seed}:\n{broken}\n{} of {} failed; again: ALLUVIUM_SEEDS={seed} cargo test --test sim nothing_is_lost",
            sum.failed.len(),
            sum.seeds
        );
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    let (one, two) = (world::run(7, None), world::run(7, None));
    assert_eq!((one.tally, one.trace), (two.tally, two.trace));
}

#[test]
fn a_store_that_ignores_conditions_is_never_written_to() {
    for seed in 0..5 {
        let (tally, verdict) = run(seed, Some(Sabotage::IgnoresCondition));
        verdict.unwrap();
        assert!(tally.contains_key("daemon: refused the store"), "{tally:?}");
    }
}

/// A judge that cannot fail proves nothing.
#[test]
fn the_judge_finds_what_is_wrong_with_a_world() {
    for (sabotage, within) in [
        (Sabotage::OverwritesLater, 10),
        (Sabotage::CreatedTwice, 20),
        (Sabotage::InventsObjects, 20),
        (Sabotage::Deletes, 10),
        (Sabotage::SkipsRecord, 5),
    ] {
        let found = (0..within).find_map(|seed| Some((seed, run(seed, Some(sabotage)).1.err()?)));
        let (seed, broken) = found.unwrap_or_else(|| panic!("{sabotage:?} was not found within {within} seeds"));
        println!("{sabotage:?}, seed {seed}: {}", broken.lines().last().unwrap_or_default());
    }
}
