//! The corpus and random cases through the functions that fuzzers call, from fixed seeds.

use std::path::Path;

use crate::oracle::choices::seeded;
use crate::oracle::engines::Through;
use crate::oracle::targets::{TARGETS, corpus};

/// Random cases of `make test`; `ALLUVIUM_ORACLE_CASES=FROM..TO` runs others.
const CASES: std::ops::Range<u64> = 0..400;

fn cases() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("ALLUVIUM_ORACLE_CASES") else { return CASES };
    let (from, to) = asked.split_once("..").expect("FROM..TO");
    from.parse().unwrap()..to.parse().unwrap()
}

fn run(wanted: &str, input: &[u8]) -> Result<(), String> {
    let (_, target) = TARGETS.iter().find(|(name, _)| *name == wanted).expect("a target");
    target(input, Through::Parquet)
}

#[test]
fn random_schemas_and_payloads_read_as_another_reader_and_the_mapping_say() {
    let mut failed = Vec::new();
    for case in cases() {
        // Most of the schema's part decides nothing; the payloads' part is as long as it takes.
        let input = [&4_000u16.to_le_bytes()[..], &seeded(case, 34_000)].concat();
        if let Err(said) = run("round_trip", &input) {
            failed.push(format!("case {case}: {said}"));
        }
    }
    assert!(failed.is_empty(), "{} cases failed\n{}", failed.len(), failed[..failed.len().min(5)].join("\n\n"));
}

/// Runs a target over the files of a folder.
fn replay(name: &str, folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut count = 0;
    for path in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        if let Err(said) = run(name, &std::fs::read(&path).unwrap()) {
            panic!("{name} over {}: {said}", path.display());
        }
        count += 1;
    }
    count
}

#[test]
fn every_case_of_the_corpus_passes_its_target() {
    let folder = corpus();
    for (name, _) in TARGETS {
        assert!(replay(name, &folder.join("cases").join(name)) > 0, "{name} has no case");
    }
    for (name, golden) in [("cut_record", "chain"), ("object", "object"), ("descriptors", "proto")] {
        replay(name, &folder.join(golden));
    }
}
