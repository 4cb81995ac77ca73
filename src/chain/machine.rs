//! The rules by which a chain grows: one pure state machine per partition, `step(event) -> commands`.
//!
//! **Flow.** The pipeline executes each [`Command`] and feeds the answer back as an [`Event`]; the machine never waits and
//! never guesses. Steps are numbered as in the protocol of `docs/guarantees.md`:
//!
//! ```text
//! Assigned ─▶ Identifying ─▶ FindingTip ─▶ Settling ─▶ Positioning ─▶ Reading ⇄ a cut of ours under way
//!                  ▲                                        ▲             │
//!                  └── topic re-created ─────────────────── └─ adopted ◀──┘ somebody else's cut was there
//! ```
//!
//! **Promises.** A cut is proposed only where the chain ends, and only when all objects of the cut before it are confirmed.
//! An answer that is not a clean success is followed by a look at what is there, and what is there is obeyed.
//!
//! **Failure.** What a person must look at becomes [`Command::Halt`]: the partition stops, nothing is overwritten.

use super::problem::Problem;
use super::protocol::{Action, Command, Event, Finisher, Phase, Proposal, Tip, Unclear, command};
use super::underway::{Adopted, Progress, Underway};
use super::{ChainId, Cut, CutKind, GapReason, chain_prefix};
use crate::domain::{Bounds, Digest, Offset, OffsetRange, StartAt, TopicId, TopicPartition};

/// Asking again helps when a log's end seems to lie before the chain's: a new leader may not know its high watermark yet
/// (KIP-207). After this many answers it is believed.
const BOUNDS_ASKED: u32 = 5;

/// The state machine of one partition's chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    partition: TopicPartition,
    cluster: String,
    writer: String,
    /// Random text of this machine: with a counter it makes the nonces of gap cuts.
    session: String,
    gaps: u32,
    start: StartAt,
    topic_id: Option<TopicId>,
    tip: Tip,
    phase: Phase,
    /// Unclear answers in a row to the one question that is open.
    attempt: u32,
    /// Answers to it by which the log ends before the chain.
    short: u32,
    underway: Option<Underway>,
    /// Where the log ended, though the chain reaches further: whether it is the same topic is being asked.
    doubted_end: Option<Offset>,
}

impl Machine {
    pub fn new(partition: TopicPartition, cluster: String, writer: String, session: String, start: StartAt) -> Machine {
        Machine {
            partition,
            cluster,
            writer,
            session,
            gaps: 0,
            start,
            topic_id: None,
            tip: Tip { next: Offset::ZERO, previous: None },
            phase: Phase::Idle,
            attempt: 0,
            short: 0,
            underway: None,
            doubted_end: None,
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn tip(&self) -> Tip {
        self.tip
    }

    pub fn topic_id(&self) -> Option<TopicId> {
        self.topic_id
    }

    /// Returns the chain once the topic's id is known.
    pub fn chain(&self) -> Option<ChainId> {
        self.topic_id.map(|topic_id| ChainId { partition: self.partition.clone(), topic_id })
    }

    /// Returns the cut under way, decided or not.
    pub fn underway(&self) -> Option<&Cut> {
        self.underway.as_ref().map(Underway::cut)
    }

    /// Whether the cut under way is decided and its objects are on their way.
    pub fn is_uploading(&self) -> bool {
        self.underway.as_ref().is_some_and(Underway::is_decided)
    }

    /// Whether a range may be proposed now.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Reading && self.underway.is_none()
    }

    /// Takes one event to the commands that follow from it. Events that fit no open question (late answers) do nothing.
    pub fn step(&mut self, event: Event) -> Vec<Command> {
        if self.phase == Phase::Halted && !matches!(event, Event::LetGo) {
            return Vec::new();
        }
        match event {
            Event::Assigned => self.identify(),
            Event::TopicId(answer) => self.on_topic_id(answer),
            Event::Tip(answer) => self.on_tip(answer),
            Event::Bounds(answer) => self.on_bounds(answer),
            Event::StartOffset(answer) => self.on_start(answer),
            Event::OutOfRange => self.on_out_of_range(),
            Event::Proposed(proposal) => self.on_proposal(proposal),
            Event::CannotPack(cause) => {
                let (partition, first) = (self.partition.clone(), self.tip.next);
                self.halt(Problem::Pack { partition, first, cause })
            }
            Event::CutPut(answer) => self.on_cut_put(answer),
            Event::CutSeen(answer) => self.on_cut_seen(answer),
            Event::LetGo => self.let_go(),
            object_event => self.on_object_event(object_event),
        }
    }

    fn identify(&mut self) -> Vec<Command> {
        self.phase = Phase::Identifying;
        self.underway = None;
        self.doubted_end = None;
        self.ask(Action::AskTopicId)
    }

    fn on_topic_id(&mut self, answer: Result<TopicId, Unclear>) -> Vec<Command> {
        let checking = self.doubted_end.is_some() || self.underway.as_ref().is_some_and(Underway::awaits_topic_id);
        if !checking && self.phase != Phase::Identifying {
            return Vec::new();
        }
        let Ok(id) = answer else { return self.ask_again(Action::AskTopicId) };
        let doubted_end = self.doubted_end.take();
        if checking && self.topic_id == Some(id) {
            if let Some(stable_end) = doubted_end {
                let (partition, next) = (self.partition.clone(), self.reach());
                return self.halt(Problem::ChainAheadOfLog { partition, next, stable_end });
            }
            let progress = self.underway.as_mut().expect("just seen").same_topic(&self.writer);
            return self.go_on(progress);
        }
        // New, or re-created under our feet: what was read may be of either, so nothing of it is kept (step 4).
        let mut commands = if checking { vec![command(0, Action::StopReading)] } else { Vec::new() };
        self.underway = None;
        self.topic_id = Some(id);
        self.tip = Tip { next: Offset::ZERO, previous: None };
        self.phase = Phase::FindingTip;
        let prefix = chain_prefix(&self.chain().expect("the id was just set"));
        commands.extend(self.ask(Action::FindTip { prefix }));
        commands
    }

    fn on_tip(&mut self, answer: Result<Option<(String, Vec<u8>)>, Unclear>) -> Vec<Command> {
        let (Phase::FindingTip, Some(chain)) = (self.phase, self.chain()) else { return Vec::new() };
        match answer {
            Err(Unclear) => self.ask_again(Action::FindTip { prefix: chain_prefix(&chain) }),
            Ok(None) => self.position(),
            Ok(Some((key, bytes))) => self.adopt(&key, bytes),
        }
    }

    /// Obeys a cut that was there, whoever wrote it.
    fn adopt(&mut self, key: &str, bytes: Vec<u8>) -> Vec<Command> {
        let cut = match Cut::parse(key, &bytes) {
            Ok(cut) => cut,
            Err(error) => return self.halt(Problem::Cut(error)),
        };
        if !self.cluster.is_empty() && !cut.cluster.is_empty() && cut.cluster != self.cluster {
            let (found, ours) = (cut.cluster, self.cluster.clone());
            return self.halt(Problem::ForeignCluster { key: key.to_owned(), found, ours });
        }
        self.phase = Phase::Settling;
        let (underway, progress) = Underway::adopted(cut, bytes);
        self.underway = Some(underway);
        self.go_on(progress)
    }

    fn position(&mut self) -> Vec<Command> {
        self.phase = Phase::Positioning;
        self.ask(Action::AskBounds)
    }

    /// Where the chain ends, with the cut under way.
    fn reach(&self) -> Offset {
        self.underway.as_ref().map_or(self.tip.next, |underway| underway.cut().next)
    }

    fn on_bounds(&mut self, answer: Result<Bounds, Unclear>) -> Vec<Command> {
        let redoing = self.underway.as_ref().is_some_and(Underway::awaits_bounds);
        let positioning = self.phase == Phase::Positioning && self.underway.is_none();
        if self.doubted_end.is_some() || !(redoing || positioning) {
            return Vec::new();
        }
        let Ok(bounds) = answer else { return self.ask_again(Action::AskBounds) };
        if self.reach() > bounds.stable_end {
            // Counted apart: a leader that does not answer says nothing of where the log ends.
            self.short += 1;
            if self.short < BOUNDS_ASKED {
                return self.ask_again(Action::AskBounds);
            }
            self.doubted_end = Some(bounds.stable_end);
            return self.ask(Action::AskTopicId);
        }
        if let Some(underway) = self.underway.as_mut() {
            let progress = underway.on_bounds(bounds);
            return self.go_on(progress);
        }
        if self.tip.previous.is_none() && self.start != StartAt::Earliest {
            return self.ask(Action::AskStart(self.start));
        }
        match OffsetRange::new(self.tip.next, bounds.first) {
            Some(dropped) => self.gap(dropped, GapReason::Retention),
            None => self.read(),
        }
    }

    fn on_start(&mut self, answer: Result<Offset, Unclear>) -> Vec<Command> {
        if self.phase != Phase::Positioning || self.underway.is_some() {
            return Vec::new();
        }
        match answer {
            Err(Unclear) => self.ask_again(Action::AskStart(self.start)),
            // The start is arbitrated like everything else: chains begin at 0 (invariant I2).
            Ok(offset) => match OffsetRange::new(Offset::ZERO, offset) {
                Some(skipped) => self.gap(skipped, GapReason::Skipped),
                None => self.read(),
            },
        }
    }

    fn read(&mut self) -> Vec<Command> {
        self.phase = Phase::Reading;
        self.ask(Action::Read { from: self.tip.next })
    }

    fn on_out_of_range(&mut self) -> Vec<Command> {
        if let Some(underway) = self.underway.as_mut().filter(|underway| underway.is_read_again()) {
            let progress = underway.redo();
            return self.go_on(progress);
        }
        if self.is_open() { self.position() } else { Vec::new() }
    }

    fn gap(&mut self, range: OffsetRange, reason: GapReason) -> Vec<Command> {
        self.gaps += 1;
        let nonce = format!("{}-gap{}", self.session, self.gaps);
        let Some(cut) = self.cut(range.next(), nonce, |cut| {
            cut.kind = CutKind::Gap;
            cut.reason = Some(reason);
        }) else {
            return Vec::new();
        };
        self.decide(cut)
    }

    fn on_proposal(&mut self, proposal: Proposal) -> Vec<Command> {
        if !self.is_open() || proposal.next <= self.tip.next {
            return Vec::new();
        }
        let Proposal { next, layout, nonce, min_timestamp, max_timestamp, objects } = proposal;
        let Some(cut) = self.cut(next, nonce, |cut| {
            cut.layout = Some(layout);
            (cut.min_timestamp, cut.max_timestamp) = (min_timestamp, max_timestamp);
            cut.objects = objects;
        }) else {
            return Vec::new();
        };
        self.decide(cut)
    }

    /// Builds the cut that follows the tip; nothing where the chain is not known yet.
    fn cut(&self, next: Offset, nonce: String, fill: impl FnOnce(&mut Cut)) -> Option<Cut> {
        let mut cut = Cut::new(self.chain()?, self.tip.next, next, self.tip.previous);
        (cut.cluster, cut.writer, cut.nonce) = (self.cluster.clone(), self.writer.clone(), nonce);
        fill(&mut cut);
        Some(cut)
    }

    fn decide(&mut self, cut: Cut) -> Vec<Command> {
        self.underway = Some(Underway::proposed(cut));
        self.ask(Action::AskTopicId)
    }

    fn on_cut_put(&mut self, answer: Result<(), Unclear>) -> Vec<Command> {
        let Some(underway) = self.underway.as_mut().filter(|underway| underway.is_being_put()) else {
            return Vec::new();
        };
        match answer {
            Ok(()) => {
                let progress = underway.won();
                self.go_on(progress)
            }
            Err(Unclear) => vec![command(0, Action::LookAtCut { key: underway.key().to_owned() })],
        }
    }

    /// Step 5: obey what is there.
    fn on_cut_seen(&mut self, answer: Result<Option<Vec<u8>>, Unclear>) -> Vec<Command> {
        let Some(underway) = self.underway.as_mut().filter(|underway| underway.is_being_put()) else {
            return Vec::new();
        };
        let key = underway.key().to_owned();
        match answer {
            Err(Unclear) => self.ask_again(Action::LookAtCut { key }),
            Ok(None) => {
                let again = underway.put();
                self.ask_again(again)
            }
            Ok(Some(bytes)) if bytes == underway.bytes() => {
                let progress = underway.won();
                self.go_on(progress)
            }
            Ok(Some(bytes)) if self.phase == Phase::LettingGo => {
                // Somebody else's: whoever owns the partition now finishes it.
                drop(bytes);
                self.released()
            }
            Ok(Some(bytes)) => {
                let mut commands = vec![command(0, Action::StopReading)];
                commands.extend(self.adopt(&key, bytes));
                commands
            }
        }
    }

    fn on_object_event(&mut self, event: Event) -> Vec<Command> {
        let Some(underway) = self.underway.as_mut() else { return Vec::new() };
        let progress = underway.step(event, &self.writer);
        self.go_on(progress)
    }

    fn go_on(&mut self, progress: Progress) -> Vec<Command> {
        match progress {
            Progress::Commands(commands) => commands,
            // Whoever was let go cannot read: the next owner does it.
            Progress::Redo if self.phase == Phase::LettingGo => self.released(),
            Progress::Redo => self.ask(Action::AskBounds),
            Progress::Halt(problem) => self.halt(problem),
            Progress::Whole => self.finish(),
        }
    }

    /// Step 7: all objects are confirmed, only now may the next cut be decided.
    fn finish(&mut self) -> Vec<Command> {
        let Some(underway) = self.underway.take() else { return Vec::new() };
        let (cut, bytes, adopted) = underway.into_parts();
        self.tip = Tip { next: cut.next, previous: Some(Digest::of(&bytes)) };
        self.attempt = 0;
        let by = match adopted {
            Adopted::Yes => Finisher::Adopted,
            Adopted::No => Finisher::Us,
        };
        let mut commands = vec![command(0, Action::Finished { cut: Box::new(cut), by })];
        commands.extend(match self.phase {
            Phase::LettingGo => self.released(),
            // A gap of ours, or somebody's cut: where to read is to be found anew.
            Phase::Settling | Phase::Positioning => self.position(),
            _ => Vec::new(),
        });
        commands
    }

    /// Step 8: stop reading; finish the newest cut, drop the rest.
    fn let_go(&mut self) -> Vec<Command> {
        let deciding = self.underway.as_ref().is_some_and(|underway| underway.is_decided() || underway.is_being_put());
        let mut commands = vec![command(0, Action::StopReading)];
        if deciding && self.phase != Phase::Halted && !self.underway.as_ref().is_some_and(Underway::is_redoing) {
            self.phase = Phase::LettingGo;
        } else {
            commands.extend(self.released());
        }
        commands
    }

    fn released(&mut self) -> Vec<Command> {
        self.phase = Phase::Idle;
        self.underway = None;
        vec![command(0, Action::Released)]
    }

    fn halt(&mut self, problem: Problem) -> Vec<Command> {
        self.phase = Phase::Halted;
        self.underway = None;
        vec![command(0, Action::StopReading), command(0, Action::Halt(Box::new(problem)))]
    }

    fn ask(&mut self, action: Action) -> Vec<Command> {
        (self.attempt, self.short) = (0, 0);
        vec![command(0, action)]
    }

    fn ask_again(&mut self, action: Action) -> Vec<Command> {
        self.attempt += 1;
        vec![command(self.attempt, action)]
    }
}
