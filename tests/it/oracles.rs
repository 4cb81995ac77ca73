//! Random schemas and payloads against prost-reflect and design note 4, from fixed seeds.

use crate::oracle::choices::seeded;
use crate::oracle::{Choices, Payload, Schema, check};

/// Cases of `make test`; `ALLUVIUM_ORACLE_CASES=FROM..TO` runs others.
const CASES: std::ops::Range<u64> = 0..400;

fn cases() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("ALLUVIUM_ORACLE_CASES") else { return CASES };
    let (from, to) = asked.split_once("..").expect("FROM..TO");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn rows_and_refusals_are_what_another_reader_and_the_mapping_say() {
    let mut failed = Vec::new();
    for case in cases() {
        let (of_schema, of_payloads) = (seeded(2 * case, 4_000), seeded(2 * case + 1, 40_000));
        let schema = Schema::random(&mut Choices::new(&of_schema));
        let mut choices = Choices::new(&of_payloads);
        let payloads: Vec<Payload> = (0..24).map(|_| Payload::random(&schema, &mut choices)).collect();
        if let Err(said) = check(&schema, &payloads, &mut choices) {
            failed.push(format!("case {case}, {}: {said}", schema.root));
        }
    }
    assert!(failed.is_empty(), "{} cases failed\n{}", failed.len(), failed[..failed.len().min(5)].join("\n\n"));
}
