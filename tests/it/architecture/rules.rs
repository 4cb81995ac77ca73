//! The rules, over what the files name.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{File, Named, Production, production};

/// From below to above; a room may import those of lower layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Domain,
    Engine,
    Edge,
    Wiring,
    Top,
}

#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub name: &'static str,
    pub layer: Layer,
    /// Rooms of its own layer that it may import.
    pub also: &'static [&'static str],
}

/// Engines take bytes and times and return values. An entry is a path, or the beginning of one.
const WORLD: &[&[&str]] = &[
    &["tokio"],
    &["tokio_util"],
    &["rdkafka"],
    &["object_store"],
    &["tracing"],
    &["tracing_subscriber"],
    &["std", "env"],
    &["std", "time", "SystemTime"],
];
const MOST_LINES: usize = 400;
const EMPTY_WORDS: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"];
/// The methods of a store that make something visible, and the one file that calls each: what is created is `commit`'s, and what
/// is overwritten is no data.
const WRITES: &[(&str, &str)] = &[("put_new", "store/commit.rs"), ("overwrite", "pipeline/progress.rs")];
/// The wrappers of a store hand on what they are asked.
const HAND_ON: &[&str] = &["store/observed.rs", "store/fault.rs"];

/// Returns every broken rule, with its place.
pub fn broken(rooms: &[Room], files: &[File]) -> Vec<String> {
    let read: Vec<(&str, Production)> = files.iter().map(|(path, text)| (path.as_str(), production(text))).collect();
    let tests: BTreeSet<Vec<String>> = read
        .iter()
        .flat_map(|(path, file)| file.test_modules.iter().map(|name| [module(path), vec![name.clone()]].concat()))
        .collect();
    let for_tests = |path: &str| {
        let module = module(path);
        module.iter().any(|part| part == "tests") || (1..=module.len()).any(|end| tests.contains(&module[..end]))
    };
    let read: BTreeMap<&str, Production> = read.into_iter().filter(|(path, _)| !for_tests(path)).collect();

    let mut told = Vec::new();
    for (path, file) in &read {
        told.extend(shape(path, file));
        match rooms.iter().find(|room| room.name == room_of(path)) {
            Some(room) => told.extend(names(rooms, room, path, file)),
            None => told.push(format!("src/{path}: {} is no room of the table", room_of(path))),
        }
    }
    told.extend(circles(&read));
    told
}

fn shape(path: &str, file: &Production) -> Vec<String> {
    let mut told = Vec::new();
    if file.lines > MOST_LINES {
        told.push(format!("src/{path}: {} production lines, split it by {MOST_LINES}", file.lines));
    }
    if path.trim_end_matches(".rs").split(['/', '_']).any(|word| EMPTY_WORDS.contains(&word)) {
        told.push(format!("src/{path}: the name says nothing"));
    }
    for (write, place) in WRITES.iter().filter(|(_, place)| path != *place && !HAND_ON.contains(&path)) {
        let calls = file.calls.iter().filter(|(_, method)| method == write);
        told.extend(calls.map(|(line, _)| format!("src/{path}:{line}: only {place} may call {write}")));
    }
    told
}

fn names(rooms: &[Room], room: &Room, path: &str, file: &Production) -> Vec<String> {
    let mut told = Vec::new();
    for named in &file.named {
        let place = format!("src/{path}:{}", named.line);
        let full = absolute(path, &named.segments);
        let other =
            full.as_deref().and_then(|full| rooms.iter().find(|other| full.first() == Some(&other.name.to_owned())));
        if let Some(other) = other
            && other.name != room.name
            && other.layer >= room.layer
            && !room.also.contains(&other.name)
        {
            told.push(format!("{place}: {} may not import {}", room.name, other.name));
        }
        if room.layer <= Layer::Engine
            && let Some(name) = of_the_world(&named.segments)
        {
            told.push(format!("{place}: an engine may not name {name}"));
        }
        if named.segments[0] == "anyhow" && !["cli", "main"].contains(&room.name) {
            told.push(format!("{place}: only cli may name anyhow"));
        }
    }
    told
}

fn of_the_world(segments: &[String]) -> Option<String> {
    let begins =
        |with: &&&[&str]| segments.len() >= with.len() && segments.iter().zip(with.iter()).all(|(a, b)| a == b);
    if let Some(world) = WORLD.iter().find(begins) {
        return Some(world.join("::"));
    }
    if segments[0].starts_with("aws_") {
        return Some(segments[0].clone());
    }
    // Whichever clock it is.
    let asks_a_clock = segments.len() > 1 && segments.last().is_some_and(|last| last == "now");
    asks_a_clock.then(|| segments[segments.len() - 2..].join("::"))
}

/// Returns the room a file belongs to.
fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// Returns a file's module, from the crate's root.
fn module(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// Returns a path of ours from the crate's root; nothing for a path of another crate or of a name in scope.
fn absolute(path: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut base = match segments[0].as_str() {
        "crate" | "alluvium" => Vec::new(),
        "self" | "super" => module(path),
        _ => return None,
    };
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    base.truncate(base.len().saturating_sub(supers));
    let named = segments.iter().skip(supers.max(1));
    Some(base.into_iter().chain(named.cloned()).collect())
}

/// Which file imports which other of its room, and in which line first.
type Imports<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

/// Tells the circles of files within a room.
fn circles(read: &BTreeMap<&str, Production>) -> Vec<String> {
    let imports = imports(read);
    let reached: BTreeMap<&str, BTreeSet<&str>> = imports.keys().map(|path| (*path, reach(path, &imports))).collect();
    let around = |path: &str| -> Vec<&str> {
        let back = |other: &&&str| reached.get(**other).is_some_and(|seen| seen.contains(path));
        reached[path].iter().filter(back).copied().collect()
    };
    let circles: BTreeSet<Vec<&str>> = reached.keys().map(|path| around(path)).collect();
    circles.iter().filter(|circle| !circle.is_empty()).map(|circle| tell_circle(circle, &imports)).collect()
}

fn imports<'a>(read: &BTreeMap<&'a str, Production>) -> Imports<'a> {
    let files: BTreeMap<Vec<String>, &str> = read.keys().map(|path| (module(path), *path)).collect();
    let mut imports = Imports::new();
    for (path, file) in read {
        // What is only handed on is no import of the front page's own.
        for named in file.named.iter().filter(|named| !named.handed_on) {
            let to = target(path, named, &files, read).filter(|to| to != path && room_of(to) == room_of(path));
            if let Some(to) = to.filter(|to| !is_roof(path, to) && !is_roof(to, path)) {
                imports.entry(path).or_default().entry(to).or_insert(named.line);
            }
        }
    }
    imports
}

/// Whether `mod.rs` stands over a file: a roof and what is under it belong together, so the two may name each other.
fn is_roof(roof: &str, path: &str) -> bool {
    roof.strip_suffix("mod.rs").is_some_and(|folder| path.starts_with(folder))
}

/// Returns the files that one leads to; itself only if a circle leads back.
fn reach<'a>(from: &'a str, imports: &Imports<'a>) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(at) = open.pop() {
        let next = imports.get(at).into_iter().flat_map(|next| next.keys());
        open.extend(next.filter(|next| seen.insert(**next)));
    }
    seen
}

fn tell_circle(circle: &[&str], imports: &Imports<'_>) -> String {
    let room = room_of(circle[0]);
    let short = |path: &str| path.trim_start_matches(room).trim_start_matches('/').to_owned();
    let arrows = circle.iter().flat_map(|from| {
        let within = imports[from].iter().filter(|(to, _)| circle.contains(to));
        within.map(|(to, line)| format!("{}:{line} → {}", short(from), short(to)))
    });
    format!("src/{room}/ has a circle: {}", arrows.collect::<Vec<_>>().join(", "))
}

/// Returns the file that defines what is named, through the front pages that hand it on.
fn target<'a>(
    path: &str,
    named: &Named,
    files: &BTreeMap<Vec<String>, &'a str>,
    read: &BTreeMap<&'a str, Production>,
) -> Option<&'a str> {
    // A name in scope may be a module below this one.
    let below = || files.contains_key(&[module(path), vec![named.segments[0].clone()]].concat());
    let full =
        absolute(path, &named.segments).or_else(|| below().then(|| [module(path), named.segments.clone()].concat()))?;
    let depth = (1..=full.len()).rev().find(|depth| files.contains_key(&full[..*depth]))?;
    let found = files[&full[..depth]];
    let Some(item) = full.get(depth) else { return Some(found) };
    let handed_on = read[found].named.iter().find(|handed| {
        handed.handed_on
            && (handed.alias.as_ref() == Some(item) || (handed.alias.is_none() && handed.segments.last() == Some(item)))
    });
    match handed_on {
        Some(handed) => target(found, handed, files, read),
        None => Some(found),
    }
}
