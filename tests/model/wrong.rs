//! Wrong turns: designs that look right. Each is the right machine in a world that alters what passes between them, so that the
//! whole of it behaves as that design would; the machine itself has no switch.

use alluvium::chain::{Action, Cut, CutKind, Event, GapReason, cut_key};
use alluvium::domain::Offset;

use super::log::Row;
use super::state::State;
use super::store::{Stored, What, Write};
use super::world::World;
use super::writer::write_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A range with one object needs no cut record: the object is the commit.
    ObjectAsCommit,
    /// Puts overwrite.
    Overwrite,
    /// The next cut may be proposed while the last one's objects are still on their way.
    NextCutEarly,
    /// The group's offset is committed when the cut is proposed, and read as the position.
    GroupOffset,
    /// A 409 to an object is taken for "it exists".
    ConflictTrusted,
    /// An empty chain begins where Kafka's log begins.
    BeginsAtEarliest,
    /// What retention took is skipped, without a cut for it.
    GapOutside,
    /// A redo uses the layout of whoever does it.
    LayoutNotInCut,
    /// A compactor deletes objects once they are whole and have been copied.
    Compactor,
    /// Less than the cut says is uploaded and nothing is written down.
    NoLossRecord,
    /// The topic's id is asked when the partition is taken, and never again.
    TopicAskedOnce,
}

impl World {
    pub fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// Whether a taken key stays taken by what it holds.
    pub fn is_create_only(&self) -> bool {
        !self.is(Wrong::Overwrite) && !self.is(Wrong::Compactor)
    }

    /// Returns the event by which a wrong design answers a request itself.
    pub fn shortcut(&self, state: &mut State, writer: usize, action: &Action) -> Option<Event> {
        match (self.wrong?, action) {
            (Wrong::GapOutside, Action::PutCut { key, bytes }) => {
                (read(key, bytes).kind == CutKind::Gap).then_some(Event::CutPut(Ok(())))
            }
            (Wrong::ObjectAsCommit, Action::PutCut { key, bytes }) => {
                let cut = read(key, bytes);
                (cut.objects.len() == 1).then(|| {
                    state.commits.push((format!("{key}#"), Stored::record(key, bytes.clone())));
                    Event::CutPut(Ok(()))
                })
            }
            (Wrong::GroupOffset, Action::PutCut { key, bytes }) => {
                state.group = state.group.max(read(key, bytes).next.0 as u8);
                None
            }
            (Wrong::NextCutEarly, Action::PutObject { index, .. }) => {
                let open = state.alive(writer).open.pop()?;
                state.store.send(write_of(&open)?);
                Some(Event::ObjectPut(*index, Ok(())))
            }
            (Wrong::NoLossRecord, Action::PutLoss { .. }) => Some(Event::LossPut(Ok(()))),
            (Wrong::TopicAskedOnce, Action::AskTopicId) => {
                let known = state.alive(writer).machine.topic_id()?;
                Some(Event::TopicId(Ok(known)))
            }
            _ => None,
        }
    }

    /// Returns where a wrong design begins instead of at the chain's end: past a cut that nobody wrote.
    pub fn made_up_tip(&self, state: &State, writer: usize) -> Option<(String, Vec<u8>)> {
        let cuts = state.store.cuts(&State::chain(state.log()));
        let next = match self.wrong? {
            Wrong::BeginsAtEarliest if cuts.is_empty() => state.log().first,
            Wrong::GroupOffset => state.group,
            _ => return None,
        };
        if cuts.last().map_or(0, |(_, cut)| cut.next.0 as u8) == next {
            return None;
        }
        let chain = state.writers[writer].alive.as_ref()?.machine.chain()?;
        let key = cut_key(&chain, Offset::ZERO);
        let text = format!(
            r#"{{"version":1,"topic":"t","topic_id":"{}","partition":0,"cluster":"k","first":0,"next":{next},"kind":"gap",
            "reason":"{}","layout":null,"writer":"","nonce":"","leader_epoch":-1,"min_timestamp":null,"max_timestamp":null,
            "objects":[],"previous":null}}"#,
            chain.topic_id,
            GapReason::Retention.word()
        );
        Some((key, text.into_bytes()))
    }

    /// With an object that is a commit, the cut it stands for becomes visible.
    pub fn commit(&self, state: &mut State, write: &Write) {
        let What::Object(object) = &write.1.what else { return };
        let is_its = |(_, stored): &&Write| matches!(&stored.what, What::Cut(cut) if cut.read.nonce == object.nonce);
        if let Some(commit) = state.commits.iter().find(is_its).cloned() {
            state.store.set(commit);
        }
    }

    /// Returns the objects that the compactor may take: those of cuts with a successor.
    pub fn compactable(&self, state: &State) -> Vec<String> {
        if !self.is(Wrong::Compactor) {
            return Vec::new();
        }
        let cuts = state.store.cuts(&State::chain(state.log()));
        let older = cuts.len().saturating_sub(1);
        let objects = cuts[..older].iter().flat_map(|(_, cut)| &cut.objects);
        objects.filter(|object| state.store.object(&object.key).is_some()).map(|object| object.key.clone()).collect()
    }

    pub fn compact(&self, state: &mut State, index: usize) {
        let Some(key) = self.compactable(state).into_iter().nth(index) else { return };
        let rows: Vec<Row> = state.store.object(&key).map_or(Vec::new(), |object| object.rows.clone());
        state.compacted.extend(rows);
        state.compacted.sort_unstable();
        state.store.delete(&key);
    }
}

fn read(key: &str, bytes: &[u8]) -> Cut {
    Cut::parse(key, bytes).expect("a machine writes cut records")
}
