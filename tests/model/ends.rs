//! Liveness: from every state, when faults end, the chain reaches the log's end.
//!
//! Not an `eventually` of stateright, which forgets at a join of two paths which of them has met the condition, and does not
//! see a circle that never meets it. Instead each state is followed along the schedule of a world without faults: every request is
//! answered, whoever can read reads all, what is read is proposed, nothing new is produced. It must come to rest with all of the
//! log in the chain, and nobody stuck. Two such schedules begin at each state: in one all processes go on, in the other they are
//! dead and one new process takes over, with nothing but the bucket.
//!
//! The schedule's steps are moves of the world, so the states on it are mostly met in the search too: what is known to
//! end is remembered, and a state costs about one step.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::invariants;
use super::moves::Move;
use super::state::State;
use super::store::mark;
use super::world::World;

pub const ENDS: &str = "when faults end, the chain reaches the log's end";

/// More steps than any schedule takes.
const PATIENCE: usize = 300;

/// States that are known to end well.
#[derive(Default)]
pub struct Ends([Mutex<HashSet<u64>>; 16]);

impl Ends {
    fn shard(&self, mark: u64) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        self.0[(mark >> 60) as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contains(&self, mark: u64) -> bool {
        self.shard(mark).contains(&mark)
    }
}

/// Whether both schedules end well.
pub fn end_well(world: &World, state: &State) -> bool {
    if state.halted.is_some() || state.broken.is_some() {
        // Told by another property.
        return true;
    }
    let mut dead = state.clone();
    (0..dead.writers.len()).for_each(|writer| world.end(&mut dead, writer));
    dead.writers.iter_mut().zip(world.size.writers).for_each(|(writer, (_, lives))| writer.lives = *lives);
    dead.store.late = std::sync::Arc::default();
    ends_well(world, state.clone()) && ends_well(world, dead)
}

fn ends_well(world: &World, mut state: State) -> bool {
    let mut passed = Vec::new();
    for _ in 0..PATIENCE {
        let mark = mark(&state);
        if world.ends.contains(mark) {
            break;
        }
        passed.push(mark);
        match next(&state) {
            Some(this) => world.make(&mut state, this),
            None if is_at_the_end(&state) => break,
            None => return false,
        }
        if state.halted.is_some() || state.broken.is_some() || passed.len() == PATIENCE {
            return false;
        }
    }
    for mark in passed {
        world.ends.shard(mark).insert(mark);
    }
    true
}

/// Returns the next move of the schedule; none when all is at rest.
fn next(state: &State) -> Option<Move> {
    for (writer, process) in state.writers.iter().enumerate() {
        let Some(alive) = &process.alive else { continue };
        if !alive.open.is_empty() {
            return Some(Move::Answer(writer, 0));
        }
        let (first, last) = alive.reads(state);
        if first <= last {
            return Some(Move::Read(writer, last));
        }
        if alive.may_propose() {
            return Some(Move::Propose(writer));
        }
    }
    if state.writers.iter().all(|writer| writer.alive.is_none()) {
        return Some(Move::Start(0));
    }
    // A topic created anew with just as many offsets as were read is noticed with its next record.
    let log = state.log();
    (!is_at_the_end(state) && usize::from(log.end) < log.places.len()).then_some(Move::Append)
}

/// Whether everybody waits for records, and all of the log is archived as far as Kafka has it.
fn is_at_the_end(state: &State) -> bool {
    let waits = |alive: &super::writer::Alive| {
        alive.machine.is_open() && alive.reading.as_ref().is_some_and(|reading| reading.position == state.log().end)
    };
    state.writers.iter().flat_map(|writer| &writer.alive).all(waits) && invariants::is_archived(state)
}
