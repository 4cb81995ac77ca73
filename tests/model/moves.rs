//! What may happen next.

use alluvium::chain::Action;

use super::state::State;
use super::store::Write;
use super::world::World;
use super::writer::{Alive, Asked, Reading, write_of};

/// Writers are named by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A process starts, or the group gives it the partition (while another may still have it).
    Start(usize),
    Crash(usize),
    /// The group takes the partition, or the process is asked to stop.
    LetGo(usize),
    /// An open request reaches the other side, and the answer comes.
    Answer(usize, usize),
    /// A write gets no clear answer.
    LeaveUnclear(usize, usize),
    /// Records up to here are read.
    Read(usize, u8),
    /// The range that was read is closed.
    Propose(usize),
    /// A late write lands.
    Land(usize),
    /// Somebody produces.
    Append,
    /// Retention takes the oldest offset.
    Expire,
    /// The topic is deleted and created anew.
    Recreate,
    /// A compactor takes an object; only in a wrong turn.
    Compact(usize),
}

impl World {
    pub fn moves(&self, state: &State, moves: &mut Vec<Move>) {
        // What comes after a failure is of no interest.
        if state.halted.is_some() || state.broken.is_some() {
            return;
        }
        for (writer, process) in state.writers.iter().enumerate() {
            let Some(alive) = &process.alive else {
                // Writers that are alike need not come in both orders.
                let follows = writer > 0 && state.writers[writer - 1].layout == process.layout;
                let may_come = !follows || state.writers[writer - 1].lives > 0;
                if process.lives < self.size.writers[writer].1 && may_come {
                    moves.push(Move::Start(writer));
                }
                continue;
            };
            moves.push(Move::Crash(writer));
            if self.size.lets_go && !alive.is_letting_go() {
                moves.push(Move::LetGo(writer));
            }
            for (index, asked) in alive.open.iter().enumerate() {
                moves.push(Move::Answer(writer, index));
                if self.may_stay_unclear(state, asked) {
                    moves.push(Move::LeaveUnclear(writer, index));
                }
            }
            let (first, last) = alive.reads(state);
            moves.extend((first..=last).map(|upto| Move::Read(writer, upto)));
            if alive.may_propose() {
                moves.push(Move::Propose(writer));
            }
        }
        moves.extend((0..state.store.late.len()).map(Move::Land));
        moves.extend((0..self.compactable(state).len()).map(Move::Compact));
        let log = state.log();
        if log.end < self.size.grows {
            moves.push(Move::Append);
        }
        if log.first < self.size.expires.min(log.end) {
            moves.push(Move::Expire);
        }
        if state.logs.len() < usize::from(self.size.topics) {
            moves.push(Move::Recreate);
        }
    }

    /// A write whose key is taken is refused whatever happens; one that is late already is late.
    fn may_stay_unclear(&self, state: &State, asked: &Asked) -> bool {
        let room = state.store.late.len() < self.size.late;
        let is_new = |write: Write| state.store.get(&write.0).is_none() && !state.store.is_late(&write);
        room && write_of(asked).is_some_and(is_new)
    }

    pub fn make(&self, state: &mut State, this: Move) {
        match this {
            Move::Start(writer) => self.start(state, writer),
            Move::Crash(writer) => self.end(state, writer),
            Move::LetGo(writer) => self.tell(state, writer, alluvium::chain::Event::LetGo),
            Move::Answer(writer, index) => self.answer(state, writer, index),
            Move::LeaveUnclear(writer, index) => self.leave_unclear(state, writer, index),
            Move::Read(writer, upto) => self.read(state, writer, upto),
            Move::Propose(writer) => self.propose(state, writer),
            Move::Land(index) => self.land(state, index),
            Move::Compact(index) => self.compact(state, index),
            Move::Append => state.log_mut().end += 1,
            Move::Expire => state.log_mut().first += 1,
            Move::Recreate => {
                let topic = state.logs.len() as u8;
                state.logs.push(super::log::Log::new(topic, self.size.places, self.size.written));
            }
        }
    }
}

impl Alive {
    pub fn is_letting_go(&self) -> bool {
        self.machine.phase() == alluvium::chain::Phase::LettingGo
    }

    /// Returns the offsets up to which may be read next; an empty range where nothing can be.
    pub fn reads(&self, state: &State) -> (u8, u8) {
        const NONE: (u8, u8) = (1, 0);
        let log = state.log();
        // Whoever was let go has no partition to read; whoever has a cut under way would read no differently later.
        let may_read = |reading: &&Reading| !self.is_letting_go() && (reading.redo.is_some() || self.machine.is_open());
        let Some(reading) = self.reading.as_ref().filter(may_read) else { return NONE };
        if reading.is_out_of(log) {
            // The chain is told once what was read before is cut.
            let told = reading.redo.is_some() || reading.rows.is_empty();
            return if told { (0, 0) } else { NONE };
        }
        let end = reading.redo.as_ref().map_or(log.end, |cut| log.end.min(cut.next.0 as u8));
        (reading.position + 1, end)
    }

    pub fn may_propose(&self) -> bool {
        let has_rows = self.reading.as_ref().is_some_and(|reading| !reading.rows.is_empty() && reading.redo.is_none());
        has_rows && self.machine.is_open()
    }

    /// Whether the object with this index is being uploaded.
    pub fn uploads(&self) -> bool {
        self.open.iter().any(|asked| matches!(asked.action, Action::PutObject { .. }))
    }
}
