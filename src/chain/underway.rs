//! One cut on its way: from proposed through decided to whole (steps 4 to 7).

use super::problem::Problem;
use super::protocol::{Action, Command, Event, Seen, Unclear, command};
use super::{Cut, CutKind, CutObject, cut_key};
use crate::domain::{Bounds, Digest};

/// Whether the cut was found rather than decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Adopted {
    Yes,
    No,
}

/// What follows from an event.
pub(super) enum Progress {
    Commands(Vec<Command>),
    Halt(Problem),
    /// Some objects are missing and nobody here has their bytes: where the log begins is asked, then the range is read again.
    Redo,
    /// All objects are confirmed or lost with a record of it.
    Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// The topic's id is being asked once more, after the last record of the range was read.
    CheckingTopic,
    /// The record is being put or looked for.
    Putting,
    /// Decided: the objects are being confirmed.
    Objects,
    /// Some objects are smaller than the cut says: loss records are looked at, one after the other, for each to be explained.
    Explaining {
        record: usize,
        attempt: u32,
    },
    AskingBounds,
    Redoing,
    /// The range was read again; whether it still is the same topic is asked after the last record, as for a new cut.
    CheckingRedo {
        redone: Vec<CutObject>,
    },
    /// Kafka has dropped rows meanwhile: that is written down before anything less than the cut says is uploaded.
    Losing {
        redone: Vec<CutObject>,
        record: usize,
        attempt: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ObjectState {
    Open {
        attempt: u32,
    },
    /// Not in the bucket, and its bytes are not here.
    Missing,
    /// In the bucket with fewer rows than the cut says, which is right only if a loss record says so.
    Smaller {
        rows: u64,
        digest: Digest,
    },
    Confirmed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Underway {
    pub(super) cut: Cut,
    key: String,
    pub(super) bytes: Vec<u8>,
    adopted: Adopted,
    pub(super) stage: Stage,
    pub(super) objects: Vec<ObjectState>,
    /// Whether the lane holds the bodies of objects that are not confirmed.
    has_bodies: bool,
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
        matches!(self.stage, Stage::Redoing | Stage::AskingBounds | Stage::CheckingRedo { .. })
    }

    pub(super) fn is_read_again(&self) -> bool {
        self.stage == Stage::Redoing
    }

    pub(super) fn awaits_bounds(&self) -> bool {
        self.stage == Stage::AskingBounds
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
                Progress::Halt(self.differs(index, &seen))
            }
            Ok(Some(seen)) if seen.rows < object.rows => {
                self.objects[index] = ObjectState::Smaller { rows: seen.rows, digest: seen.digest };
                self.when_all_seen()
            }
            Ok(Some(seen)) if seen.digest != object.digest => Progress::Halt(self.differs(index, &seen)),
            Ok(Some(_)) => self.confirm(index),
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

    pub(super) fn when_all_seen(&mut self) -> Progress {
        if self.objects.iter().any(|state| matches!(state, ObjectState::Open { .. })) {
            return Progress::Commands(Vec::new());
        }
        if self.objects.iter().any(|state| matches!(state, ObjectState::Smaller { .. })) {
            return self.explain(0);
        }
        if self.objects.contains(&ObjectState::Missing) { self.redo() } else { Progress::Whole }
    }

    pub(super) fn redo(&mut self) -> Progress {
        self.stage = Stage::AskingBounds;
        Progress::Redo
    }

    fn check_redo(&mut self, redone: Vec<CutObject>) -> Progress {
        self.stage = Stage::CheckingRedo { redone };
        Progress::Commands(vec![command(0, Action::AskTopicId)])
    }

    /// Reads the range again as far as the log still has it.
    pub(super) fn on_bounds(&mut self, bounds: Bounds) -> Progress {
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
        self.write_loss(redone, 0, 0, writer)
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

    /// Uploads what the redo made of the missing objects; one of which nothing is left is whole by its loss record.
    pub(super) fn upload(&mut self, redone: &[CutObject]) -> Progress {
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

    pub(super) fn differs(&self, index: usize, seen: &Seen) -> Problem {
        let object = &self.cut.objects[index];
        Problem::ObjectDiffers {
            key: object.key.clone(),
            rows: object.rows,
            digest: object.digest,
            nonce: self.cut.nonce.clone(),
            found: format!("{} rows, digest {}, nonce {}", seen.rows, seen.digest, seen.nonce),
        }
    }
}
