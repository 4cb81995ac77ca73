//! Virtual time, chance and the record of a run: what is due when, one generator for every choice, and how often what happened.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

/// Virtual milliseconds since the run began.
pub type Millis = u64;

/// Lines of a trace that are kept.
const TRACE: usize = 80;

/// What is due.
pub enum Due {
    /// A request takes effect at the other side, whatever became of its sender.
    Land(Box<dyn FnOnce() + Send>),
    /// A task may go on.
    Wake(u64),
    Act(crate::world::Act),
}

/// Clones share everything.
#[derive(Clone)]
pub struct Agenda {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    now: Millis,
    order: u64,
    due: BTreeMap<(Millis, u64), Due>,
    dice: Dice,
    /// The task that is being polled.
    task: u64,
    tally: Tally,
    trace: VecDeque<String>,
}

/// How often each kind of fault and each situation of the protocol occurred.
pub type Tally = BTreeMap<&'static str, u64>;

impl Agenda {
    pub fn new(seed: u64) -> Agenda {
        let inner = Inner {
            now: 0,
            order: 0,
            due: BTreeMap::new(),
            dice: Dice(seed),
            task: 0,
            tally: Tally::new(),
            trace: VecDeque::new(),
        };
        Agenda { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("one thread")
    }

    pub fn now(&self) -> Millis {
        self.lock().now
    }

    pub fn after(&self, delay: Millis, due: Due) {
        let mut inner = self.lock();
        inner.order += 1;
        let at = (inner.now + delay, inner.order);
        inner.due.insert(at, due);
    }

    /// Moves time to what is due next and hands it out.
    pub fn next(&self) -> Option<Due> {
        let mut inner = self.lock();
        let ((at, _), due) = inner.due.pop_first()?;
        inner.now = at;
        Some(due)
    }

    /// A number below `limit`.
    pub fn below(&self, limit: u64) -> u64 {
        self.lock().dice.roll() % limit.max(1)
    }

    pub fn between(&self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub fn one_in(&self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.below(of.len() as u64) as usize) }
    }

    pub fn count(&self, what: &'static str) {
        *self.lock().tally.entry(what).or_default() += 1;
    }

    pub fn tell(&self, what: impl FnOnce() -> String) {
        let mut inner = self.lock();
        if inner.trace.len() == TRACE {
            inner.trace.pop_front();
        }
        let line = format!("{:>9.3} s  {}", inner.now as f64 / 1000.0, what());
        inner.trace.push_back(line);
    }

    /// Counts a fault or situation and puts it into the trace.
    pub fn note(&self, what: &'static str, about: impl FnOnce() -> String) {
        self.count(what);
        self.tell(|| format!("{what}: {}", about()));
    }

    pub fn tally(&self) -> Tally {
        self.lock().tally.clone()
    }

    pub fn trace(&self) -> Vec<String> {
        self.lock().trace.iter().cloned().collect()
    }

    /// Says whose sleeps begin from now on.
    pub fn enter(&self, task: u64) {
        self.lock().task = task;
    }

    pub fn sleep(&self, delay: Millis) -> Sleep {
        Sleep { agenda: self.clone(), until: self.now() + delay, told: false }
    }
}

/// Waits in virtual time.
pub struct Sleep {
    agenda: Agenda,
    until: Millis,
    told: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let now = self.agenda.now();
        if self.until <= now {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut self.told, true) {
            let task = self.agenda.lock().task;
            self.agenda.after(self.until - now, Due::Wake(task));
        }
        Poll::Pending
    }
}

/// SplitMix64: a seed means the same run whatever library is upgraded.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
