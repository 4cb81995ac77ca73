//! One cut on its way: from proposed through decided to whole (steps 4 to 7).

use super::problem::Problem;
use super::protocol::{Action, Command, Event, Seen, Unclear, command};
use super::{Cut, CutKind, CutObject, LossRecord, LostObject, VERSION, cut_key, loss_key};
use crate::domain::{Bounds, Digest};

/// Whether the cut was found rather than decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adopted {
    Yes,
    No,
}

/// What follows from an event.
pub(super) enum Progress {
    Commands(Vec<Command>),
    Halt(Problem),
    /// All objects are confirmed or lost with a record of it.
    Whole,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The topic's id is being asked once more, after the last record of the range was read.
    CheckingTopic,
    /// The record is being put or looked for.
    Putting,
    /// Decided: the objects are being confirmed.
    Objects,
    /// Some objects are missing and nobody here has their bytes: where the log begins is asked, then the range is read again.
    AskingBounds {
        attempt: u32,
    },
    Redoing,
    /// The range was read again; whether it still is the same topic is asked after the last record, as for a new cut.
    CheckingRedo {
        redone: Vec<CutObject>,
    },
    /// Kafka has dropped rows meanwhile: that is written down before anything less than the cut says is uploaded.
    Losing {
        redone: Vec<CutObject>,
        attempt: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObjectState {
    Open {
        attempt: u32,
    },
    /// Not in the bucket, and its bytes are not here.
    Missing,
    Confirmed,
}

#[derive(Clone, Debug)]
pub(super) struct Underway {
    cut: Cut,
    key: String,
    bytes: Vec<u8>,
    adopted: Adopted,
    stage: Stage,
    objects: Vec<ObjectState>,
    /// Whether the lane holds the bodies of objects that are not confirmed.
    has_bodies: bool,
    /// An object that is smaller than the cut says, until the loss record that explains it is seen.
    unexplained: Option<Problem>,
}

impl Underway {
    pub(super) fn proposed(cut: Cut) -> Underway {
        Underway::new(cut, None)
    }

    /// Takes up a cut that was there; its objects are looked for first.
    pub(super) fn adopted(cut: Cut, bytes: Vec<u8>) -> (Underway, Progress) {
        let mut underway = Underway::new(cut, Some(bytes));
        underway.stage = Stage::Objects;
        let progress = underway.each_object(|index, key| Action::LookAtObject { index, key });
        (underway, progress)
    }

    fn new(cut: Cut, found: Option<Vec<u8>>) -> Underway {
        let adopted = if found.is_some() { Adopted::Yes } else { Adopted::No };
        Underway {
            key: cut_key(&cut.chain(), cut.first),
            bytes: found.unwrap_or_else(|| cut.to_bytes()),
            objects: vec![ObjectState::Open { attempt: 0 }; cut.objects.len()],
            stage: Stage::CheckingTopic,
            has_bodies: adopted == Adopted::No,
            unexplained: None,
            adopted,
            cut,
        }
    }

    pub(super) fn cut(&self) -> &Cut {
        &self.cut
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_parts(self) -> (Cut, Vec<u8>, Adopted) {
        (self.cut, self.bytes, self.adopted)
    }

    /// Whether the topic's id is being asked, after the last record of the range was read.
    pub(super) fn awaits_topic_id(&self) -> bool {
        matches!(self.stage, Stage::CheckingTopic | Stage::CheckingRedo { .. })
    }

    /// Goes on after the topic's id was found unchanged.
    pub(super) fn same_topic(&mut self, writer: &str) -> Progress {
        match std::mem::replace(&mut self.stage, Stage::Putting) {
            Stage::CheckingRedo { redone } => self.on_redone(redone, writer),
            _ => Progress::Commands(vec![command(0, self.put())]),
        }
    }

    pub(super) fn is_being_put(&self) -> bool {
        self.stage == Stage::Putting
    }

    pub(super) fn is_decided(&self) -> bool {
        !matches!(self.stage, Stage::CheckingTopic | Stage::Putting)
    }

    pub(super) fn is_redoing(&self) -> bool {
        matches!(self.stage, Stage::Redoing | Stage::AskingBounds { .. } | Stage::CheckingRedo { .. })
    }

    pub(super) fn awaits_bounds(&self) -> bool {
        matches!(self.stage, Stage::AskingBounds { .. })
    }

    /// Returns the command that puts the record; the same bytes each time, so that an own record is known by them.
    pub(super) fn put(&mut self) -> Action {
        self.stage = Stage::Putting;
        Action::PutCut { key: self.key.clone(), bytes: self.bytes.clone() }
    }

    /// The record is in the bucket and ours: its objects may follow.
    pub(super) fn won(&mut self) -> Progress {
        self.stage = Stage::Objects;
        self.each_object(|index, key| Action::PutObject { index, key })
    }

    fn each_object(&self, action: impl Fn(usize, String) -> Action) -> Progress {
        if self.cut.kind == CutKind::Gap {
            return Progress::Whole;
        }
        let objects = self.cut.objects.iter().enumerate();
        Progress::Commands(objects.map(|(index, object)| command(0, action(index, object.key.clone()))).collect())
    }

    pub(super) fn step(&mut self, event: Event, writer: &str) -> Progress {
        match event {
            Event::ObjectPut(index, answer) if self.is_open(index) => self.on_object_put(index, answer),
            Event::ObjectSeen(index, answer) if self.is_open(index) => self.on_object_seen(index, answer),
            Event::Redone(redone) if self.stage == Stage::Redoing => self.check_redo(redone),
            Event::RedoImpossible(cause) if self.stage == Stage::Redoing => {
                let layout = self.cut.layout.unwrap_or(Digest([0; 32]));
                Progress::Halt(Problem::Layout { layout, cause })
            }
            Event::LossPut(answer) => self.on_loss_put(answer),
            Event::LossSeen(answer) => self.on_loss_seen(answer, writer),
            _ => Progress::Commands(Vec::new()),
        }
    }

    fn is_open(&self, index: usize) -> bool {
        self.stage == Stage::Objects && matches!(self.objects.get(index), Some(ObjectState::Open { .. }))
    }

    fn on_object_put(&mut self, index: usize, answer: Result<(), Unclear>) -> Progress {
        match answer {
            Ok(()) => self.confirm(index),
            Err(Unclear) => {
                let key = self.cut.objects[index].key.clone();
                Progress::Commands(vec![command(0, Action::LookAtObject { index, key })])
            }
        }
    }

    /// Step 6: there with the right rows and cut → next; absent → again; there and different → stop and page.
    fn on_object_seen(&mut self, index: usize, answer: Result<Option<Seen>, Unclear>) -> Progress {
        let object = &self.cut.objects[index];
        let key = object.key.clone();
        match answer {
            Err(Unclear) => self.again(index, Action::LookAtObject { index, key }),
            Ok(None) if self.has_bodies => self.again(index, Action::PutObject { index, key }),
            Ok(None) => {
                self.objects[index] = ObjectState::Missing;
                self.when_all_seen()
            }
            Ok(Some(seen)) if seen.nonce != self.cut.nonce || seen.rows > object.rows => {
                Progress::Halt(differs(self, index, &seen))
            }
            Ok(Some(seen)) if seen.rows == object.rows && seen.digest == object.digest => self.confirm(index),
            Ok(Some(seen)) if seen.rows == object.rows => Progress::Halt(differs(self, index, &seen)),
            Ok(Some(seen)) => {
                // Fewer rows than the cut says: right only if a loss record says so.
                self.unexplained = Some(differs(self, index, &seen));
                let key = loss_key(&self.cut.chain(), self.cut.first);
                self.objects[index] = ObjectState::Confirmed;
                Progress::Commands(vec![command(0, Action::LookAtLoss { key })])
            }
        }
    }

    fn again(&mut self, index: usize, action: Action) -> Progress {
        let ObjectState::Open { attempt } = &mut self.objects[index] else { return Progress::Commands(Vec::new()) };
        *attempt += 1;
        Progress::Commands(vec![command(*attempt, action)])
    }

    fn confirm(&mut self, index: usize) -> Progress {
        self.objects[index] = ObjectState::Confirmed;
        self.when_all_seen()
    }

    fn when_all_seen(&mut self) -> Progress {
        if self.unexplained.is_some() || self.objects.iter().any(|state| matches!(state, ObjectState::Open { .. })) {
            return Progress::Commands(Vec::new());
        }
        if self.objects.contains(&ObjectState::Missing) { self.redo() } else { Progress::Whole }
    }

    /// Asks where the log begins now, and reads the range again from there.
    pub(super) fn redo(&mut self) -> Progress {
        self.stage = Stage::AskingBounds { attempt: 0 };
        Progress::Commands(vec![command(0, Action::AskBounds)])
    }

    fn check_redo(&mut self, redone: Vec<CutObject>) -> Progress {
        self.stage = Stage::CheckingRedo { redone };
        Progress::Commands(vec![command(0, Action::AskTopicId)])
    }

    pub(super) fn on_bounds(&mut self, answer: Option<Bounds>) -> Progress {
        let Stage::AskingBounds { attempt } = &mut self.stage else { return Progress::Commands(Vec::new()) };
        let Some(bounds) = answer else {
            *attempt += 1;
            return Progress::Commands(vec![command(*attempt, Action::AskBounds)]);
        };
        self.stage = Stage::Redoing;
        if bounds.first >= self.cut.next {
            return self.check_redo(Vec::new());
        }
        let from = self.cut.first.max(bounds.first);
        Progress::Commands(vec![command(0, Action::Redo { cut: Box::new(self.cut.clone()), from })])
    }

    fn on_redone(&mut self, redone: Vec<CutObject>, writer: &str) -> Progress {
        if let Some(problem) = self.contradiction(&redone) {
            return Progress::Halt(problem);
        }
        self.has_bodies = true;
        if self.lost(&redone).iter().all(|lost| lost.found == lost.rows) {
            return self.upload(&redone);
        }
        let action = self.put_loss(&redone, writer);
        self.stage = Stage::Losing { redone, attempt: 0 };
        Progress::Commands(vec![command(0, action)])
    }

    /// A redo may find fewer rows, never more or others: those would be another log.
    fn contradiction(&self, redone: &[CutObject]) -> Option<Problem> {
        let changed = |key: &str, found: String| {
            let (first, next) = (self.cut.first, self.cut.next);
            Some(Problem::LogChanged { key: key.to_owned(), first, next, found })
        };
        redone.iter().find_map(|made| {
            let Some(object) = self.cut.objects.iter().find(|object| object.key_matches(made)) else {
                return changed(
                    &made.key,
                    format!("{} rows for {:?} {} that the cut has not", made.rows, made.kind, made.hour),
                );
            };
            let same_count_other_digest = made.rows == object.rows && made.digest != object.digest;
            (made.rows > object.rows || same_count_other_digest)
                .then(|| changed(&object.key, format!("{} rows, digest {}", made.rows, made.digest)))
                .flatten()
        })
    }

    /// Names every object that is missing now, whole or not, so that a later adopter who finds less has it named already.
    fn lost(&self, redone: &[CutObject]) -> Vec<LostObject> {
        let missing = self.cut.objects.iter().zip(&self.objects).filter(|(_, state)| **state == ObjectState::Missing);
        missing
            .map(|(object, _)| {
                let made = redone.iter().find(|made| object.key_matches(made));
                LostObject {
                    key: object.key.clone(),
                    rows: object.rows,
                    found: made.map_or(0, |made| made.rows),
                    digest: made.map_or(Digest::of(&[]), |made| made.digest),
                }
            })
            .collect()
    }

    fn put_loss(&self, redone: &[CutObject], writer: &str) -> Action {
        let record = LossRecord {
            version: VERSION,
            cut: Digest::of(&self.bytes),
            writer: writer.to_owned(),
            objects: self.lost(redone),
        };
        Action::PutLoss { key: loss_key(&self.cut.chain(), self.cut.first), bytes: record.to_bytes() }
    }

    fn on_loss_put(&mut self, answer: Result<(), Unclear>) -> Progress {
        let Stage::Losing { redone, .. } = &self.stage else { return Progress::Commands(Vec::new()) };
        match answer {
            Ok(()) => {
                let redone = redone.clone();
                self.upload(&redone)
            }
            Err(Unclear) => {
                let key = loss_key(&self.cut.chain(), self.cut.first);
                Progress::Commands(vec![command(0, Action::LookAtLoss { key })])
            }
        }
    }

    fn on_loss_seen(&mut self, answer: Result<Option<Vec<u8>>, Unclear>, writer: &str) -> Progress {
        let key = loss_key(&self.cut.chain(), self.cut.first);
        match (&mut self.stage, answer) {
            (Stage::Losing { attempt, .. }, Err(Unclear)) => {
                *attempt += 1;
                Progress::Commands(vec![command(*attempt, Action::LookAtLoss { key })])
            }
            (Stage::Losing { redone, attempt }, Ok(None)) => {
                *attempt += 1;
                let (redone, attempt) = (redone.clone(), *attempt);
                let action = self.put_loss(&redone, writer);
                Progress::Commands(vec![command(attempt, action)])
            }
            (Stage::Losing { redone, .. }, Ok(Some(_))) => {
                let redone = redone.clone();
                self.upload(&redone)
            }
            (_, Err(Unclear)) => Progress::Commands(vec![command(1, Action::LookAtLoss { key })]),
            (_, Ok(Some(_))) => {
                self.unexplained = None;
                self.when_all_seen()
            }
            (_, Ok(None)) => match self.unexplained.take() {
                Some(problem) => Progress::Halt(problem),
                None => Progress::Commands(Vec::new()),
            },
        }
    }

    /// Uploads what the redo made of the missing objects; one of which nothing is left is whole by its loss record.
    fn upload(&mut self, redone: &[CutObject]) -> Progress {
        self.stage = Stage::Objects;
        let mut commands = Vec::new();
        for (index, object) in self.cut.objects.iter().enumerate() {
            if self.objects[index] != ObjectState::Missing {
                continue;
            }
            let made = redone.iter().any(|made| object.key_matches(made));
            self.objects[index] = if made { ObjectState::Open { attempt: 0 } } else { ObjectState::Confirmed };
            if made {
                commands.push(command(0, Action::PutObject { index, key: object.key.clone() }));
            }
        }
        if commands.is_empty() { self.when_all_seen() } else { Progress::Commands(commands) }
    }
}

fn differs(underway: &Underway, index: usize, seen: &Seen) -> Problem {
    let object = &underway.cut.objects[index];
    Problem::ObjectDiffers {
        key: object.key.clone(),
        rows: object.rows,
        digest: object.digest,
        nonce: underway.cut.nonce.clone(),
        found: format!("{} rows, digest {}, nonce {}", seen.rows, seen.digest, seen.nonce),
    }
}
