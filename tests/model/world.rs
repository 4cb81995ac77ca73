//! What the machines' commands do in the world, and what it answers.

use alluvium::chain::{Action, Command, Event, Unclear};
use alluvium::domain::{Bounds, Offset};

use super::ends::Ends;
use super::invariants::{self, I1, I3, I4};
use super::log::Log;
use super::state::{Size, State, topic_id};
use super::store::{Stored, What, Write};
use super::writer::{Alive, Layout, write_of};
use super::wrong::Wrong;

/// A world to search through.
pub struct World {
    pub size: Size,
    /// The design that is tried in place of the right one.
    pub wrong: Option<Wrong>,
    pub ends: Ends,
}

impl World {
    pub fn new(size: Size, wrong: Option<Wrong>) -> World {
        World { size, wrong, ends: Ends::default() }
    }

    /// A process takes the partition: it was started, or the group gave it.
    pub fn start(&self, state: &mut State, writer: usize) {
        let process = &mut state.writers[writer];
        process.lives += 1;
        process.alive = Some(Alive::new(&process.name, process.lives));
        self.tell(state, writer, Event::Assigned);
    }

    /// A process is gone, or done with the partition; what it had sent may still arrive.
    pub fn end(&self, state: &mut State, writer: usize) {
        let Some(alive) = state.writers[writer].alive.take() else { return };
        for write in alive.open.iter().filter_map(write_of) {
            state.store.send(write);
        }
        self.forget_refused(state);
    }

    /// Hands an event to a machine and carries out what it says; questions whose answer is fixed by now are answered too.
    pub fn tell(&self, state: &mut State, writer: usize, event: Event) {
        for Command { action, .. } in state.alive(writer).machine.step(event) {
            self.obey(state, writer, action);
        }
        self.forget_refused(state);
        let open = state.writers[writer].alive.iter().flat_map(|alive| &alive.open);
        let fixed = open.into_iter().position(|asked| self.is_fixed(state, &asked.action));
        if let Some(index) = fixed.filter(|_| state.halted.is_none()) {
            self.answer(state, writer, index);
        }
    }

    /// Whether the answer is the same whenever it is asked for from now on: nobody's move can come in between.
    fn is_fixed(&self, state: &State, action: &Action) -> bool {
        let is_last_topic = state.logs.len() == usize::from(self.size.topics);
        match action {
            Action::AskTopicId => is_last_topic,
            Action::AskBounds => is_last_topic && state.log().first >= self.size.expires,
            Action::PutCut { key, .. }
            | Action::LookAtCut { key }
            | Action::PutLoss { key, .. }
            | Action::LookAtLoss { key }
            | Action::PutObject { key, .. }
            | Action::LookAtObject { key, .. } => self.is_create_only() && state.store.get(key).is_some(),
            _ => false,
        }
    }

    fn forget_refused(&self, state: &mut State) {
        if self.is_create_only() {
            state.store.forget_refused();
        }
    }

    fn obey(&self, state: &mut State, writer: usize, action: Action) {
        match action {
            Action::Read { from } => state.alive(writer).read(from, None),
            Action::StopReading => state.alive(writer).stop_reading(),
            Action::Redo { cut, from } => state.alive(writer).read(from, Some(cut)),
            Action::Finished { cut, .. } => {
                state.alive(writer).finished();
                if !invariants::is_whole(state, &cut) {
                    state.broken = Some(I4);
                }
            }
            Action::Released => self.end(state, writer),
            Action::Halt(problem) => state.halted = Some(problem.to_string()),
            request => {
                state.alive(writer).ask(request.clone());
                if let Some(event) = self.shortcut(state, writer, &request) {
                    state.alive(writer).open.retain(|asked| asked.action != request);
                    self.tell(state, writer, event);
                }
            }
        }
    }

    /// Answers an open request as a world without faults does.
    pub fn answer(&self, state: &mut State, writer: usize, index: usize) {
        let asked = state.alive(writer).open.remove(index);
        let put = write_of(&asked).map_or(Err(Unclear), |write| self.put(state, write));
        let event = match asked.action {
            Action::AskTopicId => Event::TopicId(Ok(topic_id(state.log().topic))),
            Action::FindTip { prefix } => {
                let found = state.store.first(&prefix);
                let found =
                    found.and_then(|(key, stored)| Some((key.trim_end_matches('#').to_owned(), stored.bytes()?)));
                Event::Tip(Ok(self.made_up_tip(state, writer).or(found)))
            }
            Action::AskBounds => {
                let Log { first, end, .. } = *state.log();
                Event::Bounds(Ok(Bounds { first: Offset(first.into()), stable_end: Offset(end.into()) }))
            }
            Action::PutCut { .. } => Event::CutPut(put),
            Action::PutLoss { .. } => Event::LossPut(put),
            Action::PutObject { index, .. } => Event::ObjectPut(index, put),
            Action::LookAtCut { key } => Event::CutSeen(Ok(state.store.get(&key).and_then(Stored::bytes))),
            Action::LookAtLoss { key } => Event::LossSeen(Ok(state.store.get(&key).and_then(Stored::bytes))),
            Action::LookAtObject { index, key } => {
                Event::ObjectSeen(index, Ok(state.store.object(&key).map(|object| object.seen())))
            }
            other => unreachable!("{other:?} is no request"),
        };
        self.tell(state, writer, event);
    }

    /// Tells the writer nothing clear; its write is still under way.
    pub fn leave_unclear(&self, state: &mut State, writer: usize, index: usize) {
        let asked = state.alive(writer).open.remove(index);
        if let (true, Action::PutObject { index, .. }) = (self.is(Wrong::ConflictTrusted), &asked.action) {
            return self.tell(state, writer, Event::ObjectPut(*index, Ok(())));
        }
        state.store.send(write_of(&asked).expect("only writes are left unclear"));
        let event = match asked.action {
            Action::PutCut { .. } => Event::CutPut(Err(Unclear)),
            Action::PutLoss { .. } => Event::LossPut(Err(Unclear)),
            Action::PutObject { index, .. } => Event::ObjectPut(index, Err(Unclear)),
            other => unreachable!("{other:?} is no write"),
        };
        self.tell(state, writer, event);
    }

    /// A late write reaches the bucket; nobody hears of it.
    pub fn land(&self, state: &mut State, index: usize) {
        let Some(write) = state.store.take_late(index) else { return };
        // Nobody waits for this answer.
        let _ = self.put(state, write);
        self.forget_refused(state);
    }

    /// A write reaches the bucket.
    pub fn put(&self, state: &mut State, write: Write) -> Result<(), Unclear> {
        if let Some(there) = state.store.get(&write.0) {
            if !self.is(Wrong::Overwrite) {
                return Err(Unclear);
            }
            if matches!(there.what, What::Cut(_)) && *there != write.1 {
                state.broken = Some(I1);
            }
        }
        self.commit(state, &write);
        if let What::Object(object) = &write.1.what
            && invariants::cut_of(state, &write.0, object).is_none()
        {
            state.broken = Some(I3);
        }
        state.store.set(write);
        Ok(())
    }

    /// Reads on, up to an offset; what is past retention or the log's end cannot be read.
    pub fn read(&self, state: &mut State, writer: usize, upto: u8) {
        let log = state.log().clone();
        let alive = state.alive(writer);
        let reading = alive.reading.as_mut().expect("who reads has a position");
        if reading.is_out_of(&log) {
            return self.tell(state, writer, Event::OutOfRange);
        }
        reading.rows.extend(log.rows(reading.position..upto));
        reading.position = upto;
        if reading.redo.is_none() && self.size.topics == 1 {
            return self.propose(state, writer);
        }
        let Some(cut) = reading.redo.take_if(|cut| cut.next.0 <= i64::from(upto)) else { return };
        let rows = std::mem::take(&mut reading.rows);
        let own = state.writers[writer].layout;
        let named = cut.layout.and_then(Layout::named).expect("a data cut names a layout");
        let layout = if self.is(Wrong::LayoutNotInCut) { own } else { named };
        let redone = state.writers[writer].redo(&cut, layout, &rows, &state.logs);
        self.tell(state, writer, Event::Redone(redone));
    }

    /// Closes the range that was read, and proposes it.
    pub fn propose(&self, state: &mut State, writer: usize) {
        if !state.alive(writer).may_propose() {
            return;
        }
        let logs = state.logs.clone();
        if let Some(proposal) = state.writers[writer].propose(&logs) {
            self.tell(state, writer, Event::Proposed(proposal));
        }
    }
}
