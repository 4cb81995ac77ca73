//! One partition in a lane: its chain's state machine, what is buffered, and what is being uploaded.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::exchange::{Effect, Now, Shared};
use super::pack::{Body, Making, Packing, Range, Workbench};
use super::redo::Redo;
use super::request::{Answer, Request};
use super::route::Route;
use crate::chain::{Action, Command, Cut, Event, Finisher, Machine, Phase, Proposal, Seen};
use crate::cutter::{Cutter, Due, MAX_HOURS};
use crate::domain::{Offset, RawBatch, TopicPartition};
use crate::source::{Scan, SourceCommand};
use crate::telemetry::TopicMetrics;

/// The bodies of a cut's objects, made here.
struct Made {
    /// Of which cut.
    nonce: String,
    /// By index into the cut's objects; none where a redo found nothing left of one.
    bodies: Vec<Option<Body>>,
}

/// A partition this process owns.
pub(super) struct Work {
    pub(super) partition: TopicPartition,
    /// Which assignment: answers to an earlier one's requests are dropped.
    pub(super) life: u64,
    pub(super) machine: Machine,
    route: Arc<Route>,
    workbench: Workbench,
    shared: Shared,
    pub(super) metrics: TopicMetrics,
    /// Which `Start` the records must come from.
    generation: u64,
    /// Offsets below were seen under this generation; what comes again is dropped.
    pub(super) expected: Offset,
    buffer: Range,
    pub(super) cutter: Cutter,
    made: Option<Made>,
    redo: Option<Redo>,
    /// The next offset is not in the log any more; told to the chain once the buffer is cut.
    out_of_range: bool,
    pub(super) scanned: Option<Offset>,
    pub(super) stable_end: Option<Offset>,
    pub(super) last_cut: Option<(Cut, jiff::Timestamp)>,
    pub(super) problem: Option<String>,
    released: Option<oneshot::Sender<()>>,
    session: String,
    proposals: u32,
}

impl Work {
    pub(super) fn new(
        partition: TopicPartition,
        life: u64,
        route: Arc<Route>,
        shared: Shared,
        workbench: Workbench,
    ) -> Work {
        let session = format!("{:016x}", rand::random::<u64>());
        let machine = Machine::new(
            partition.clone(),
            shared.cluster.clone(),
            shared.writer.clone(),
            session.clone(),
            route.start,
        );
        Work {
            cutter: Cutter::new(shared.cut, &partition),
            workbench,
            metrics: shared.metrics.topic(&partition.topic),
            machine,
            life,
            route,
            shared,
            partition,
            generation: 0,
            expected: Offset::ZERO,
            buffer: Range::default(),
            made: None,
            redo: None,
            out_of_range: false,
            scanned: None,
            stable_end: None,
            last_cut: None,
            problem: None,
            released: None,
            session,
            proposals: 0,
        }
    }

    /// Takes records in; those of an older generation, and offsets seen before, are dropped unseen.
    pub(super) fn on_records(&mut self, mut batch: RawBatch, now: Now, effects: &mut Vec<Effect>) {
        if batch.generation != self.generation {
            return;
        }
        batch.records.drop_before(self.expected);
        let Some(last) = batch.records.last_offset() else { return };
        self.expected = last.following();
        self.metrics.records_read(batch.records.len() as u64, batch.records.payload_bytes() as u64);
        if let Some(redo) = &mut self.redo {
            redo.push(batch);
            match redo.pack_ahead(&self.workbench, packing(&self.partition, &self.route, &self.shared)) {
                Ok(()) => self.redo_if_read(effects, now),
                Err(cause) => self.step(Event::RedoImpossible(cause), now, effects),
            }
        } else {
            self.cutter.add(batch.records.len(), batch.records.payload_bytes(), now.monotonic);
            self.buffer.push(batch);
            match self.buffer.pack_ahead(&self.workbench, packing(&self.partition, &self.route, &self.shared)) {
                Ok(()) => self.cut_if_due(now, effects),
                Err(error) => self.step(Event::CannotPack(error.to_string()), now, effects),
            }
        }
    }

    pub(super) fn on_scanned(&mut self, scan: &Scan, now: Now, effects: &mut Vec<Effect>) {
        if scan.generation != self.generation {
            return;
        }
        self.scanned = Some(scan.next);
        self.stable_end = Some(scan.stable_end);
        if let Some(redo) = &mut self.redo {
            redo.scanned(scan.next);
            if redo.is_beyond(scan.stable_end) {
                return self.step(Event::OutOfRange, now, effects);
            }
            self.redo_if_read(effects, now);
        }
    }

    pub(super) fn on_out_of_range(&mut self, generation: u64, now: Now, effects: &mut Vec<Effect>) {
        if generation != self.generation {
            return;
        }
        if self.redo.is_some() {
            return self.step(Event::OutOfRange, now, effects);
        }
        self.out_of_range = true;
        self.cut_if_due(now, effects);
    }

    pub(super) fn on_answer(&mut self, answer: Answer, now: Now, effects: &mut Vec<Effect>) {
        match answer {
            Answer::Event(event) => self.step(event, now, effects),
            Answer::Layout(fingerprint, None) => {
                let attempt = self.redo.as_mut().map_or(0, Redo::count_attempt);
                effects.push(self.ask(attempt, Request::Layout(fingerprint)));
            }
            Answer::Layout(_, Some(Ok(layout))) => {
                if let Some(redo) = &mut self.redo {
                    redo.layout = Some(Arc::new(*layout));
                    self.redo_if_read(effects, now);
                }
            }
            Answer::Layout(_, Some(Err(cause))) => self.step(Event::RedoImpossible(cause), now, effects),
        }
    }

    /// Feeds the chain one event and carries out what it says, up to the edges.
    pub(super) fn step(&mut self, event: Event, now: Now, effects: &mut Vec<Effect>) {
        for Command { attempt, action } in self.machine.step(event) {
            self.act(attempt, action, now, effects);
        }
        self.cut_if_due(now, effects);
    }

    fn act(&mut self, attempt: u32, action: Action, now: Now, effects: &mut Vec<Effect>) {
        let request = match action {
            Action::AskTopicId => {
                Request::TopicId { partition: self.partition.clone(), incarnation: self.route.incarnation }
            }
            Action::FindTip { prefix } => Request::Tip { prefix },
            Action::AskBounds => Request::Bounds(self.partition.clone()),
            Action::AskStart(start) => Request::StartOffset(self.partition.clone(), start),
            Action::PutCut { key, bytes } => Request::PutCut { key, bytes },
            Action::LookAtCut { key } => Request::LookAtCut { key },
            Action::PutObject { index, key } => self.upload(index, key),
            Action::LookAtObject { index, key } => Request::LookAtObject { index, key },
            Action::PutLoss { key, bytes } => {
                tracing::error!(partition = %self.partition, key, "kafka dropped rows of the newest cut before they were uploaded");
                Request::PutLoss { key, bytes }
            }
            Action::LookAtLoss { key } => Request::LookAtLoss { key },
            Action::Read { from } => return self.read(from, effects),
            Action::StopReading => {
                self.forget();
                return effects.push(Effect::Source(SourceCommand::Stop(self.partition.clone())));
            }
            Action::Redo { cut, from } => return self.begin_redo(*cut, from, effects),
            Action::Finished { cut, by } => return self.finished(*cut, by, now, effects),
            Action::Released => {
                if let Some(reply) = self.released.take() {
                    // Whoever waited may have given up: then nobody is told.
                    let _ = reply.send(());
                }
                return;
            }
            Action::Halt(problem) => {
                tracing::error!(partition = %self.partition, %problem, "stopped; the other partitions go on");
                self.problem = Some(problem.to_string());
                return;
            }
        };
        effects.push(self.ask(attempt, request));
    }

    fn ask(&self, attempt: u32, request: Request) -> Effect {
        Effect::Ask { partition: self.partition.clone(), life: self.life, attempt, request }
    }

    fn upload(&self, index: usize, key: String) -> Request {
        let made = self.made.as_ref().expect("the chain uploads what was made");
        let body = made.bodies[index].as_ref().expect("the chain uploads what was made");
        let seen = Seen { rows: body.rows, nonce: made.nonce.clone(), digest: body.digest };
        Request::PutObject { index, key, body: body.bytes.clone(), seen }
    }

    /// Drops what is buffered; what still comes under the old generation is dropped too.
    fn forget(&mut self) {
        self.generation = self.shared.next_number();
        // What was made for a cut that lost is of no use; of one under way it still has to be uploaded.
        let underway = self.machine.underway().map(|cut| cut.nonce.as_str());
        self.made.take_if(|made| Some(made.nonce.as_str()) != underway);
        self.buffer = Range::default();
        self.redo = None;
        self.scanned = None;
        self.out_of_range = false;
        self.cutter.reset(0, 0, std::time::Duration::ZERO);
    }

    fn read(&mut self, from: Offset, effects: &mut Vec<Effect>) {
        self.forget();
        self.expected = from;
        effects.push(Effect::Source(SourceCommand::Start {
            partition: self.partition.clone(),
            at: from,
            generation: self.generation,
        }));
    }

    fn begin_redo(&mut self, cut: Cut, from: Offset, effects: &mut Vec<Effect>) {
        self.read(from, effects);
        let wanted = cut.layout.expect("a data cut names its layout");
        let known = (wanted == self.route.layout.fingerprint()).then(|| self.route.layout.clone());
        if known.is_none() {
            effects.push(self.ask(0, Request::Layout(wanted)));
        }
        tracing::info!(partition = %self.partition, range = %cut.range(), "reading the newest cut's range again to finish it");
        self.redo = Some(Redo::new(cut, known));
    }

    fn redo_if_read(&mut self, effects: &mut Vec<Effect>, now: Now) {
        let Some(redo) = self.redo.take_if(|redo| redo.is_complete()) else { return };
        let Some(chain) = self.machine.chain() else { return };
        let nonce = redo.nonce().to_owned();
        let done = redo.pack(&self.workbench, &chain, packing(&self.partition, &self.route, &self.shared));
        // Nothing more is read until the chain says where.
        self.forget();
        effects.push(Effect::Source(SourceCommand::Stop(self.partition.clone())));
        match done {
            Ok((objects, bodies)) => {
                self.made = Some(Made { nonce, bodies });
                self.step(Event::Redone(objects), now, effects);
            }
            Err(cause) => self.step(Event::RedoImpossible(cause), now, effects),
        }
    }

    /// Closes the buffered range if it is time and the chain is open.
    pub(super) fn cut_if_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if !self.machine.is_open() {
            return;
        }
        let due = self.cutter.due(now.monotonic);
        match due {
            Some(due) => self.cut(reason(due), now, effects),
            None if self.buffer.is_full() => self.cut("hours", now, effects),
            None if self.out_of_range && !self.buffer.is_empty() => self.cut("out_of_range", now, effects),
            None if self.out_of_range => {
                self.out_of_range = false;
                self.step(Event::OutOfRange, now, effects);
            }
            None => {}
        }
    }

    /// Decodes and encodes what is buffered and proposes it as the next cut.
    pub(super) fn cut(&mut self, reason: &'static str, now: Now, effects: &mut Vec<Effect>) {
        let Some(chain) = self.machine.chain().filter(|_| self.machine.is_open()) else { return };
        self.proposals += 1;
        let nonce = format!("{}-{}", self.session, self.proposals);
        let making = Making { chain: &chain, nonce: &nonce, first: self.machine.tip().next, next: None };
        let packing = packing(&self.partition, &self.route, &self.shared);
        let packed = self.buffer.finish(&self.workbench, packing, making);
        let packed = match packed {
            Ok(Some(packed)) => packed,
            Ok(None) => return,
            Err(error) => return self.step(Event::CannotPack(error.to_string()), now, effects),
        };
        self.shared.metrics.range_closed(reason);
        for (reason, records) in &packed.quarantined {
            self.metrics.records_quarantined(reason, *records);
        }
        let (rows, bytes) = self.buffer.raw();
        self.cutter.reset(rows, bytes, now.monotonic);
        self.made = Some(Made { nonce: nonce.clone(), bodies: packed.bodies.into_iter().map(Some).collect() });
        let proposal = Proposal {
            next: packed.range.next(),
            layout: self.route.layout.fingerprint(),
            nonce,
            min_timestamp: packed.min_timestamp,
            max_timestamp: packed.max_timestamp,
            objects: packed.objects,
        };
        self.step(Event::Proposed(proposal), now, effects);
    }

    fn finished(&mut self, cut: Cut, by: Finisher, now: Now, effects: &mut Vec<Effect>) {
        let made = self.made.take().filter(|made| made.nonce == cut.nonce);
        for (object, body) in cut.objects.iter().zip(made.into_iter().flat_map(|made| made.bodies)) {
            let rows = body.as_ref().map_or(0, |body| body.rows);
            self.metrics.rows_lost(object.rows - rows);
            if let Some(body) = body {
                self.metrics.object_archived(object.kind, rows, body.bytes.len() as u64);
            }
        }
        super::tally::count_cut(&self.metrics, &cut, by, now.wall);
        tracing::info!(partition = %self.partition, range = %cut.range(), kind = ?cut.kind, by = ?by, objects = cut.objects.len(), "cut is whole");
        effects.push(Effect::Source(SourceCommand::Commit { partition: self.partition.clone(), next: cut.next }));
        self.last_cut = Some((cut, now.wall));
    }

    /// Stops reading; `reply` is sent once the newest cut is whole, or at once where none is under way.
    pub(super) fn let_go(&mut self, reply: oneshot::Sender<()>, now: Now, effects: &mut Vec<Effect>) {
        self.released = Some(reply);
        self.step(Event::LetGo, now, effects);
    }

    /// Whether nothing is left to do for a partition that was let go.
    pub(super) fn is_over(&self) -> bool {
        self.machine.phase() == Phase::Idle && self.released.is_none()
    }

    pub(super) fn oldest_buffered(&self) -> Option<i64> {
        self.buffer.first_timestamp()
    }
}

/// How the partition's own ranges are packed.
fn packing<'a>(partition: &'a TopicPartition, route: &'a Route, shared: &'a Shared) -> Packing<'a> {
    let (layout, bloom, budget) = (&route.layout, &route.bloom, &shared.budget);
    Packing { partition, layout, bloom, max_hours: MAX_HOURS, budget }
}

fn reason(due: Due) -> &'static str {
    match due {
        Due::Age => "age",
        Due::Bytes => "bytes",
        Due::Rows => "rows",
    }
}
