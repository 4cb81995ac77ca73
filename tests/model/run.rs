//! The searches: small worlds, large ones, and the wrong turns.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use super::invariants::{I1, I2, I3, I4, I5, I7};
use super::log::Place::{Nothing, Record};
use super::model::STOPS;
use super::state::Size;
use super::world::World;
use super::writer::Layout::{self, AllInOne, ByHour};
use super::wrong::Wrong;

const ONCE: &[(Layout, u8)] = &[(ByHour, 1), (ByHour, 1)];

/// Two writers that come twice each, two hours, a late write.
const RACE: Size = Size {
    name: "race",
    places: &[Record(0), Record(1), Record(0)],
    written: 2,
    grows: 2,
    writers: &[(ByHour, 2), (ByHour, 2)],
    late: 1,
    lets_go: false,
    expires: 0,
    topics: 1,
};
const REBALANCE: Size = Size { name: "rebalance", writers: ONCE, lets_go: true, ..RACE };
const RETENTION: Size = Size {
    name: "retention",
    places: &[Record(0), Record(0), Record(0), Record(0)],
    written: 2,
    grows: 2,
    writers: ONCE,
    late: 0,
    expires: 2,
    ..RACE
};
const LAYOUTS: Size = Size {
    name: "layouts, transactions",
    places: &[Record(0), Nothing, Record(1), Nothing, Record(0)],
    written: 3,
    grows: 3,
    writers: &[(ByHour, 1), (AllInOne, 1)],
    ..RACE
};
const TOPICS: Size = Size { name: "topic created anew", writers: ONCE, late: 0, topics: 2, ..RACE };

const SMALL: &[Size] = &[RACE, REBALANCE, RETENTION, LAYOUTS, TOPICS];

const LARGE: &[Size] = &[
    Size { name: "race of three", writers: &[(ByHour, 1), (ByHour, 1), (ByHour, 1)], ..RACE },
    Size { name: "race and rebalance", writers: &[(ByHour, 2), (ByHour, 1)], lets_go: true, ..RACE },
    Size { name: "retention and second losses", writers: &[(ByHour, 2), (ByHour, 1)], ..RETENTION },
    Size { name: "retention and late writes", writers: ONCE, late: 1, ..RETENTION },
    Size { name: "layouts, transactions, lives", writers: &[(ByHour, 2), (AllInOne, 1)], ..LAYOUTS },
    Size { name: "topic created anew, late writes", late: 1, ..TOPICS },
];

#[test]
fn the_rules_hold_in_small_worlds() {
    SMALL.iter().for_each(search);
}

#[test]
#[ignore = "half a minute more for every `make test`: `make prove-model`"]
fn the_rules_hold_in_large_worlds() {
    LARGE.iter().for_each(search);
}

/// Goes through all states of a world.
fn search(size: &Size) {
    let begun = Instant::now();
    let checker = World::new(*size, None).checker().threads(2).spawn_dfs().join();
    let (states, moves, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    say(&format!("{}: {states} states, {moves} moves, paths of up to {depth}, {:.1?}", size.name, begun.elapsed()));
    for (name, path) in checker.discoveries() {
        if World::new(*size, None).property(name).expectation.discovery_is_failure() {
            say(&format!("{name}: {:?}", path.into_actions()));
        }
    }
    checker.assert_properties();
}

#[test]
fn every_wrong_turn_is_found_out() {
    for (wrong, size, broken) in [
        (Wrong::ObjectAsCommit, RACE, I1),
        (Wrong::Overwrite, RACE, I1),
        (Wrong::NextCutEarly, RACE, I4),
        (Wrong::GroupOffset, RACE, I2),
        (Wrong::ConflictTrusted, RACE, I4),
        (Wrong::BeginsAtEarliest, Size { expires: 1, ..RACE }, I2),
        (Wrong::GapOutside, Size { expires: 1, ..RACE }, I2),
        // The record's digests are compared before anything is uploaded, so it stops rather than doubles.
        (Wrong::LayoutNotInCut, LAYOUTS, STOPS),
        (Wrong::Compactor, RACE, I5),
        (Wrong::NoLossRecord, Size { expires: 1, ..RETENTION }, I7),
        (Wrong::TopicAskedOnce, TOPICS, I3),
    ] {
        let only = HasDiscoveries::AnyOf(BTreeSet::from([broken]));
        let checker = World::new(size, Some(wrong)).checker().finish_when(only).spawn_bfs().join();
        let path = checker.discovery(broken).unwrap_or_else(|| panic!("{wrong:?} does not break {broken}"));
        let states = checker.unique_state_count();
        say(&format!("{wrong:?} breaks {broken}, found within {states} states: {:?}", path.into_actions()));
    }
}

/// Prints past the test harness, which keeps what a test prints to itself.
fn say(line: &str) {
    writeln!(std::io::stderr(), "model: {line}").expect("stderr is open");
}
