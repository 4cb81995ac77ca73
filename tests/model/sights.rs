//! What must be met in a search: a world too tame to show it proves nothing.

use alluvium::chain::{CutKind, Phase, numbered_loss_key};

use super::log::Place;
use super::state::{Size, State};
use super::world::World;
use super::writer::{Alive, Writer};

pub struct Sight {
    pub name: &'static str,
    /// Whether a world of this size can show it.
    pub is_in_reach: fn(&Size) -> bool,
    pub is_seen: fn(&World, &State) -> bool,
}

pub const SIGHTS: &[Sight] = &[
    Sight {
        name: "two who own the partition decide on different cuts at one offset",
        is_in_reach: |_| true,
        is_seen: |_, state| {
            let mut cuts = alive(state).filter_map(|(_, alive)| alive.machine.underway());
            cuts.next().zip(cuts.next()).is_some_and(|(a, b)| a.first == b.first && a.nonce != b.nonce)
        },
    },
    Sight {
        name: "a loser uploads the winner's objects, and so does the winner",
        is_in_reach: |_| true,
        is_seen: |_, state| {
            let mut uploads = alive(state).filter(|(_, alive)| alive.uploads());
            let settles = |(_, alive): (&Writer, &Alive)| alive.machine.phase() == Phase::Settling;
            uploads.next().zip(uploads.next()).is_some_and(|(a, b)| settles(a) != settles(b))
        },
    },
    Sight {
        name: "both writers have cuts in one chain, and the end is reached",
        is_in_reach: |_| true,
        is_seen: |_, state| {
            let cuts = state.store.cuts(&State::chain(state.log()));
            cuts.windows(2).any(|pair| pair[0].1.writer != pair[1].1.writer) && super::invariants::is_archived(state)
        },
    },
    Sight {
        name: "a cut of an earlier life is late while its writer lives again",
        is_in_reach: |size| lives(size) > size.writers.len(),
        is_seen: |_, state| alive(state).any(|(writer, _)| writer.lives > 1 && !state.store.late.is_empty()),
    },
    Sight {
        name: "whoever was let go still uploads",
        is_in_reach: |size| size.lets_go,
        is_seen: |_, state| alive(state).any(|(_, alive)| alive.is_letting_go() && alive.uploads()),
    },
    Sight {
        name: "a range is made again with the layout of its cut, which is not one's own",
        is_in_reach: |size| size.writers[0].0 != size.writers[1].0,
        is_seen: |_, state| {
            let layout = |alive: &Alive| alive.machine.underway().and_then(|cut| cut.layout);
            alive(state).any(|(writer, alive)| alive.uploads() && layout(alive) != Some(writer.layout.fingerprint()))
        },
    },
    Sight {
        name: "a gap is in the chain",
        is_in_reach: |size| size.expires > 0,
        is_seen: |_, state| state.store.cuts("chain/").iter().any(|(_, cut)| cut.kind == CutKind::Gap),
    },
    Sight {
        name: "a loss is written down",
        is_in_reach: |size| size.expires > 0,
        is_seen: |_, state| has_loss(state, 0),
    },
    Sight {
        name: "a second loss of one cut is written down",
        is_in_reach: |size| size.expires > 1 && lives(size) > 2,
        is_seen: |_, state| has_loss(state, 1),
    },
    Sight {
        name: "a range spans what no reader sees",
        is_in_reach: |size| size.places[..usize::from(size.grows)].contains(&Place::Nothing),
        is_seen: |_, state| {
            let spans = |cut: &alluvium::chain::Cut| {
                let rows: u64 = cut.objects.iter().map(|object| object.rows).sum();
                cut.kind == CutKind::Data && (cut.next.0 - cut.first.0) as u64 > rows
            };
            state.store.cuts("chain/").iter().any(|(_, cut)| spans(cut))
        },
    },
    Sight {
        name: "a topic and the one created anew both have objects",
        is_in_reach: |size| size.topics > 1,
        is_seen: |_, state| {
            let has_rows =
                |topic| state.store.objects().any(|(_, object)| object.rows.iter().any(|row| row.0 == topic));
            has_rows(0) && has_rows(1)
        },
    },
];

fn lives(size: &Size) -> usize {
    size.writers.iter().map(|(_, lives)| usize::from(*lives)).sum()
}

fn alive(state: &State) -> impl Iterator<Item = (&Writer, &Alive)> {
    state.writers.iter().filter_map(|writer| Some((writer, writer.alive.as_ref()?)))
}

fn has_loss(state: &State, number: usize) -> bool {
    let cuts = state.store.cuts("chain/");
    cuts.iter().any(|(_, cut)| state.store.loss(&numbered_loss_key(&cut.chain(), cut.first, number)).is_some())
}
