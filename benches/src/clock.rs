//! CPU time, and races in which contenders take turns.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Returns the CPU time of this thread.
pub fn thread_cpu() -> Duration {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// Returns the CPU time of this process, all threads together, those of C libraries too.
pub fn process_cpu() -> Duration {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).expect("Linux has the clock").into()
}

/// One who runs in a race.
pub struct Contender<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, run: impl FnMut() + 'a) -> Contender<'a> {
        Contender { name, run: Box::new(run) }
    }
}

/// Lets each run once per round, one after the other, so that a slow moment of the machine meets all. Returns each one's median
/// thread CPU time in nanoseconds per `items`. A round before the first is not counted.
pub fn race(rounds: usize, items: usize, mut contenders: Vec<Contender<'_>>) -> Vec<f64> {
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let begin = thread_cpu();
            (contender.run)();
            let took = thread_cpu() - begin;
            if round > 0 {
                times.push(took.as_nanos() as f64 / items as f64);
            }
        }
    }
    times.into_iter().map(median).collect()
}

/// Returns the median, of an even number the lower one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}
