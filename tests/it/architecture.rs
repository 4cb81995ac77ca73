//! The house rules of the source tree, read from the source itself: who may import whom, what engines never name, what only one
//! place may do, how long a file may grow. The tables below are the rules; a new room has to be put into them.
//!
//! Read are the production lines: test modules are left out, and so are comments and texts. Seen are `use` trees, also inside
//! functions, and paths in code that begin with `crate`, `super`, `self` or a crate's name. Not seen is what a macro makes.

mod rules;
mod source;

use rules::{Layer, Room, broken};

/// The rooms of `src/`, and which others each may import besides those of the layers below it.
const ROOMS: &[Room] = &[
    Room { name: "domain", layer: Layer::Domain, also: &[] },
    Room { name: "schema", layer: Layer::Engine, also: &[] },
    Room { name: "decode", layer: Layer::Engine, also: &["schema"] },
    // Takes what decode makes: `DecodedObject` is its input.
    Room { name: "encode", layer: Layer::Engine, also: &["schema", "decode"] },
    Room { name: "chain", layer: Layer::Engine, also: &[] },
    Room { name: "cutter", layer: Layer::Engine, also: &[] },
    Room { name: "source", layer: Layer::Edge, also: &[] },
    Room { name: "store", layer: Layer::Edge, also: &[] },
    Room { name: "registry", layer: Layer::Edge, also: &[] },
    Room { name: "retry", layer: Layer::Edge, also: &[] },
    Room { name: "telemetry", layer: Layer::Edge, also: &[] },
    // What the program uses is made of the rooms' own options.
    Room { name: "config", layer: Layer::Wiring, also: &[] },
    Room { name: "pipeline", layer: Layer::Wiring, also: &[] },
    Room { name: "walk", layer: Layer::Wiring, also: &[] },
    Room { name: "replay", layer: Layer::Wiring, also: &["walk"] },
    Room { name: "verify", layer: Layer::Wiring, also: &["walk"] },
    Room { name: "catalog", layer: Layer::Wiring, also: &[] },
    Room { name: "demo", layer: Layer::Top, also: &[] },
    Room { name: "cli", layer: Layer::Top, also: &["demo"] },
    // The front page and the exit code.
    Room { name: "lib", layer: Layer::Top, also: &["cli", "demo"] },
    Room { name: "main", layer: Layer::Top, also: &["cli", "demo"] },
];

#[test]
fn the_source_keeps_the_house_rules() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = source::read_tree(&root);
    assert!(files.len() > 20, "only {} files found in {}", files.len(), root.display());
    let broken = broken(ROOMS, &files);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// Checks made-up files, each a path below `src/` and its text.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    broken(ROOMS, &files)
}

#[track_caller]
fn assert_told(files: &[(&str, &str)], wanted: &str) {
    assert_eq!(told(files), [wanted]);
}

#[test]
fn an_engine_that_imports_an_edge_is_told() {
    let wanted = "src/chain/cut.rs:2: chain may not import store";
    assert_told(&[("chain/cut.rs", "\nuse crate::store::Head;"), ("store/mod.rs", "")], wanted);
    assert_told(&[("chain/cut.rs", "fn f() {\n  crate::store::open() }"), ("store/mod.rs", "")], wanted);
    assert_told(&[("chain/cut.rs", "\nuse super::super::{store as s};"), ("store/mod.rs", "")], wanted);
    assert_told(&[("chain/cut.rs", "\nuse crate::{domain::Offset, store::{self}};"), ("store/mod.rs", "")], wanted);
}

#[test]
fn stages_and_edges_that_import_their_like_are_told() {
    assert_told(
        &[("cutter.rs", "use crate::chain::Cut;"), ("chain/mod.rs", "")],
        "src/cutter.rs:1: cutter may not import chain",
    );
    assert_told(
        &[("store/s3.rs", "use crate::retry;"), ("retry.rs", "")],
        "src/store/s3.rs:1: store may not import retry",
    );
    assert_told(
        &[("pipeline/mod.rs", "use crate::replay::Plan;"), ("replay/mod.rs", "")],
        "src/pipeline/mod.rs:1: pipeline may not import replay",
    );
    assert_told(
        &[("store/s3.rs", "use crate::cli;"), ("cli/mod.rs", "")],
        "src/store/s3.rs:1: store may not import cli",
    );
}

#[test]
fn what_the_table_allows_is_not_told() {
    let files = [
        ("decode/mod.rs", "use crate::schema::Columns; use crate::domain::Record;"),
        (
            "store/mod.rs",
            "use crate::chain::probe_key; pub use tokio::sync; use std::time::Instant; fn f() { Instant::now(); }",
        ),
        ("cli/mod.rs", "use crate::pipeline; use anyhow::Result; use crate::demo;"),
        ("schema/mod.rs", ""),
        ("chain/mod.rs", ""),
        ("demo/mod.rs", ""),
        ("pipeline/mod.rs", "use crate::{store, chain, retry::Policy};"),
        ("retry.rs", ""),
        ("domain/mod.rs", ""),
    ];
    assert!(told(&files).is_empty(), "{:?}", told(&files));
}

#[test]
fn an_engine_that_names_the_world_is_told() {
    for (text, named) in [
        ("use tokio::sync::mpsc;", "tokio"),
        ("fn f() { tracing::info!(\"x\") }", "tracing"),
        ("fn f() { ::aws_sdk_s3::Client::new() }", "aws_sdk_s3"),
        ("use std::{env, fmt};", "std::env"),
        ("use std::time::SystemTime;", "std::time::SystemTime"),
        ("fn f() { let clock = Instant::now(); }", "Instant::now"),
        ("async fn f() { rdkafka::util::get_rdkafka_version(); }", "rdkafka"),
        ("use object_store as o;", "object_store"),
    ] {
        assert_told(&[("domain/hour.rs", text)], &format!("src/domain/hour.rs:1: an engine may not name {named}"));
    }
}

#[test]
fn comments_texts_and_tests_may_name_anything() {
    let text = r##"
        //! tokio::spawn, crate::store::open
        /* crate::store /* nested */ tokio::x */
        const A: &str = "tokio::spawn \" crate::store::open";
        const B: &str = r#"crate::store "tokio::spawn"#;
        fn life<'a>(c: &'a str) -> (char, char) { ('"', '\'') }
        #[cfg(test)]
        use crate::store::FaultStore;
        #[cfg(test)]
        mod tests { use tokio::spawn; fn f() { crate::store::open() } }
        #[cfg(test)]
        mod fixture;
    "##;
    let files =
        [("chain/cut.rs", text), ("chain/tests.rs", "use tokio::spawn;"), ("chain/cut/fixture.rs", "use tokio::x;")];
    assert!(told(&files).is_empty(), "{:?}", told(&files));
    // What follows a test module is production again.
    let after = format!("{text} use tokio::sync;");
    assert_told(&[("chain/cut.rs", &after)], "src/chain/cut.rs:13: an engine may not name tokio");
}

#[test]
fn only_the_command_line_has_anyhow_errors() {
    assert_told(&[("store/s3.rs", "use anyhow::Context;")], "src/store/s3.rs:1: only cli may name anyhow");
}

#[test]
fn only_commit_asks_a_store_to_create() {
    let text = "fn f() { store.put_new(right, key, body, tags) }";
    assert_told(&[("pipeline/lane.rs", text)], "src/pipeline/lane.rs:1: only store/commit.rs may call put_new");
    assert_told(&[("store/s3.rs", text)], "src/store/s3.rs:1: only store/commit.rs may call put_new");
    assert!(told(&[("store/commit.rs", text), ("store/fault.rs", text)]).is_empty());
    assert!(told(&[("store/s3.rs", "async fn put_new(&self) {}")]).is_empty());
}

#[test]
fn only_progress_asks_a_store_to_overwrite() {
    let text = "fn f() { store.overwrite(key, body) }";
    for path in ["pipeline/lane.rs", "store/commit.rs", "store/selftest.rs"] {
        assert_told(&[(path, text)], &format!("src/{path}:1: only pipeline/progress.rs may call overwrite"));
    }
    assert!(told(&[("pipeline/progress.rs", text), ("store/observed.rs", text)]).is_empty());
}

#[test]
fn files_that_grew_too_long_are_told_but_their_tests_do_not_count() {
    let lines = "fn f() {}\n".repeat(401);
    assert_told(&[("chain/a.rs", &lines)], "src/chain/a.rs: 401 production lines, split it by 400");
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(400), "fn g() {}\n".repeat(300));
    assert!(told(&[("chain/a.rs", &tested)]).is_empty());
}

#[test]
fn words_that_name_nothing_are_told() {
    for path in ["chain/util.rs", "chain/string_helpers.rs", "store/common/mod.rs", "pipeline/lane_manager.rs"] {
        assert_told(&[(path, "")], &format!("src/{path}: the name says nothing"));
    }
}

#[test]
fn a_room_that_is_not_in_the_table_is_told() {
    assert_told(&[("brewery/mod.rs", "")], "src/brewery/mod.rs: brewery is no room of the table");
}

#[test]
fn files_of_a_room_that_import_each_other_in_a_circle_are_told() {
    assert_told(
        &[
            ("chain/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::B;"),
            ("chain/a.rs", "use super::b::B;"),
            ("chain/b.rs", "use super::c;"),
            ("chain/c.rs", "fn f() { crate::chain::A::new() }"),
        ],
        "src/chain/ has a circle: a.rs:1 → b.rs, b.rs:1 → c.rs, c.rs:1 → a.rs",
    );
}

#[test]
fn a_roof_and_what_is_under_it_make_no_circle() {
    let files = [("chain/mod.rs", "mod a; pub struct X; use a::A;"), ("chain/a.rs", "use super::X; pub struct A;")];
    assert!(told(&files).is_empty(), "{:?}", told(&files));
}

#[test]
fn a_front_page_that_only_hands_on_makes_no_circle() {
    let files = [
        ("chain/mod.rs", "mod a; pub mod b; pub use a::{A, Other as Renamed}; pub use b::B;"),
        ("chain/a.rs", "use super::B; use super::b::deep::D; pub struct A;"),
        ("chain/b/mod.rs", "pub mod deep; pub struct B;"),
        ("chain/b/deep.rs", "pub struct D; use std::fmt;"),
    ];
    assert!(told(&files).is_empty(), "{:?}", told(&files));
}
