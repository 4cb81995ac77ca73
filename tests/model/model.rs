//! The world as stateright wants it.

use stateright::{Model, Property};

use super::ends::{ENDS, end_well};
use super::invariants::{self, I1, I2, I3, I4, I5, I7};
use super::moves::Move;
use super::sights::SIGHTS;
use super::state::State;
use super::world::World;

pub const STOPS: &str = "no partition stops";

impl Model for World {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.size)]
    }

    fn actions(&self, state: &State, moves: &mut Vec<Move>) {
        self.moves(state, moves);
    }

    fn next_state(&self, state: &State, this: Move) -> Option<State> {
        let mut next = state.clone();
        self.make(&mut next, this);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<World>> {
        let mut properties = vec![
            Property::always(I1, |_, state: &State| state.broken != Some(I1) && invariants::is_one_cut_each(state)),
            Property::always(I2, |_, state| invariants::is_one_line(state)),
            Property::always(I3, |_, state: &State| {
                state.broken != Some(I3) && invariants::follows_from_cut_and_log(state)
            }),
            Property::always(I4, |_, state: &State| {
                state.broken != Some(I4) && invariants::has_whole_predecessors(state)
            }),
            Property::always(I5, |_, state| invariants::has_no_row_twice(state)),
            Property::always(I7, |_, state| invariants::misses_only_what_was_dropped(state)),
            Property::always(STOPS, |_, state: &State| state.halted.is_none()),
        ];
        if self.wrong.is_none() {
            properties.push(Property::always(ENDS, end_well));
            let wanted = SIGHTS.iter().filter(|sight| (sight.is_in_reach)(&self.size));
            properties.extend(wanted.map(|sight| Property::sometimes(sight.name, sight.is_seen)));
        }
        properties
    }
}
