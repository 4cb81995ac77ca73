//! The searches.

use std::time::Instant;

use stateright::{Checker, Model};

use super::log::Place::{Nothing, Record};
use super::state::Size;
use super::world::World;
use super::writer::Layout::{AllInOne, ByHour};

const RACE: Size = Size {
    name: "race",
    places: &[Record(0), Record(1), Record(0)],
    written: 3,
    layouts: &[ByHour, ByHour],
    lives: 1,
    expires: 0,
    lets_go: true,
    topics: 1,
};

fn search(size: Size) {
    let begun = Instant::now();
    let checker =
        World::new(size, None).checker().threads(2).timeout(std::time::Duration::from_secs(20)).spawn_dfs().join();
    println!(
        "{}: {} states, {} moves, at most {} deep, {:.1} s",
        size.name,
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f64()
    );
    for (name, path) in checker.discoveries() {
        if World::new(size, None).property(name).expectation.discovery_is_failure() {
            println!("{name}: {:?}", path.into_actions());
        }
    }
    checker.assert_properties();
}

#[test]
fn race() {
    search(RACE);
}
