//! What must be met in a search, so that the world is known to be wild enough.

use alluvium::chain::{CutKind, Phase};

use super::state::{Size, State};
use super::store::Stored;
use super::world::World;

pub struct Sight {
    pub name: &'static str,
    /// Whether a world of this size can show it.
    pub is_in_reach: fn(&Size) -> bool,
    pub is_seen: fn(&World, &State) -> bool,
}

pub const SIGHTS: &[Sight] = &[Sight {
    name: "a cut of another is finished",
    is_in_reach: |_| true,
    is_seen: |_, state| alive(state).any(|alive| alive.machine.phase() == Phase::Settling && alive.uploads()),
}];

fn alive(state: &State) -> impl Iterator<Item = &super::writer::Alive> {
    state.writers.iter().filter_map(|writer| writer.alive.as_ref())
}
