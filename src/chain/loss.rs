//! Rows of a cut that Kafka dropped before they were uploaded: written down first, and looked for where an object is smaller.
//!
//! Loss records are numbered. Whoever finds less than the records there say adds one, so that each object the bucket may come to
//! hold is in one of them.

use super::problem::Problem;
use super::protocol::{Action, Seen, Unclear, command};
use super::underway::{ObjectState, Progress, Stage, Underway};
use super::{CutObject, LossRecord, LostObject, VERSION, numbered_loss_key};
use crate::domain::Digest;

impl Underway {
    /// Names every object that is missing now, whole or not: a later adopter may find less of any.
    pub(super) fn lost(&self, redone: &[CutObject]) -> Vec<LostObject> {
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

    pub(super) fn write_loss(&mut self, redone: Vec<CutObject>, record: usize, attempt: u32, writer: &str) -> Progress {
        let objects = self.lost(&redone);
        let loss = LossRecord { version: VERSION, cut: Digest::of(&self.bytes), writer: writer.to_owned(), objects };
        self.stage = Stage::Losing { redone, record, attempt };
        Progress::Commands(vec![command(
            attempt,
            Action::PutLoss { key: self.loss_key(record), bytes: loss.to_bytes() },
        )])
    }

    pub(super) fn on_loss_put(&mut self, answer: Result<(), Unclear>) -> Progress {
        let Stage::Losing { redone, record, .. } = &self.stage else { return Progress::Commands(Vec::new()) };
        match answer {
            Ok(()) => {
                let redone = redone.clone();
                self.upload(&redone)
            }
            Err(Unclear) => self.look_at_loss(*record, 0),
        }
    }

    /// Looks for the loss record that explains each smaller object, from this one on.
    pub(super) fn explain(&mut self, record: usize) -> Progress {
        self.stage = Stage::Explaining { record, attempt: 0 };
        self.look_at_loss(record, 0)
    }

    pub(super) fn on_loss_seen(&mut self, answer: Result<Option<Vec<u8>>, Unclear>, writer: &str) -> Progress {
        let (Stage::Explaining { record, attempt } | Stage::Losing { record, attempt, .. }) = &mut self.stage else {
            return Progress::Commands(Vec::new());
        };
        let Ok(found) = answer else {
            *attempt += 1;
            let (record, attempt) = (*record, *attempt);
            return self.look_at_loss(record, attempt);
        };
        let (record, attempt) = (*record, *attempt);
        let (key, cut) = (self.loss_key(record), Digest::of(&self.bytes));
        let loss = match found.map(|bytes| LossRecord::parse(&key, &bytes, cut)).transpose() {
            Ok(loss) => loss,
            Err(error) => return Progress::Halt(Problem::Cut(error)),
        };
        match (&self.stage, loss) {
            (Stage::Losing { redone, .. }, Some(loss)) => {
                let redone = redone.clone();
                let lost = self.lost(&redone);
                let told = lost.iter().all(|lost| lost.found == lost.rows || loss.objects.contains(lost));
                if told { self.upload(&redone) } else { self.write_loss(redone, record + 1, 0, writer) }
            }
            (Stage::Losing { redone, .. }, None) => self.write_loss(redone.clone(), record, attempt + 1, writer),
            (_, Some(loss)) => self.explained_by(&loss, record),
            (_, None) => self.unexplained(),
        }
    }

    fn explained_by(&mut self, loss: &LossRecord, record: usize) -> Progress {
        for (object, state) in self.cut.objects.iter().zip(&mut self.objects) {
            if let ObjectState::Smaller { rows, digest } = *state
                && loss.objects.iter().any(|lost| (&lost.key, lost.found, lost.digest) == (&object.key, rows, digest))
            {
                *state = ObjectState::Confirmed;
            }
        }
        if self.objects.iter().any(|state| matches!(state, ObjectState::Smaller { .. })) {
            return self.explain(record + 1);
        }
        self.stage = Stage::Objects;
        self.when_all_seen()
    }

    fn unexplained(&self) -> Progress {
        let smaller = self.objects.iter().enumerate().find_map(|(index, state)| match *state {
            ObjectState::Smaller { rows, digest } => {
                Some((index, Seen { rows, nonce: self.cut.nonce.clone(), digest }))
            }
            _ => None,
        });
        smaller.map_or(Progress::Commands(Vec::new()), |(index, seen)| Progress::Halt(self.differs(index, &seen)))
    }

    fn look_at_loss(&self, record: usize, attempt: u32) -> Progress {
        Progress::Commands(vec![command(attempt, Action::LookAtLoss { key: self.loss_key(record) })])
    }

    fn loss_key(&self, record: usize) -> String {
        numbered_loss_key(&self.cut.chain(), self.cut.first, record)
    }
}
