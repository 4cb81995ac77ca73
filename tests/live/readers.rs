//! What pyarrow and DuckDB read in objects of random schemas, and of the corpus's, compared value by value.

use std::io::Write;
use std::process::Command;

use crate::kafka::variable;
use crate::oracle::check::readable;
use crate::oracle::choices::{Choices, seeded};
use crate::oracle::payload::Payload;
use crate::oracle::schema::Schema;
use crate::oracle::targets::{ROOTS, corpus_set};

/// Random schemas, and the rows asked of each.
const SCHEMAS: u64 = 40;
const ROWS: usize = 60;

#[test]
fn pyarrow_and_duckdb_read_every_value_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let random = (0..SCHEMAS).map(|seed| Schema::random(&mut Choices::new(&seeded(1_000_000 + seed, 4_000))));
    let fixed = ROOTS.iter().map(|root| Schema::fixed(&corpus_set(), root));
    let (mut objects, mut rows) = (0, 0);
    for (number, schema) in fixed.chain(random).enumerate() {
        let bytes = seeded(2_000_000 + number as u64, 200_000);
        let mut choices = Choices::new(&bytes);
        let payloads: Vec<Payload> = (0..ROWS).map(|_| Payload::random(&schema, &mut choices)).collect();
        let Some(readable) = readable(&schema, &payloads).unwrap() else { continue };
        std::fs::write(folder.path().join(format!("{number:03}.parquet")), &readable.object).unwrap();
        let mut expected = std::fs::File::create(folder.path().join(format!("{number:03}.jsonl"))).unwrap();
        for (offset, columns) in &readable.rows {
            let columns: serde_json::Map<_, _> =
                columns.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
            writeln!(expected, "{}", serde_json::json!({ "offset": offset, "columns": columns })).unwrap();
        }
        objects += 1;
        rows += readable.rows.len();
    }
    assert!(objects > SCHEMAS, "{objects} objects");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/readers.py");
    let judged = Command::new(variable("ALLUVIUM_TEST_PYTHON")).arg(script).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "the readers disagree:\n{said}{}", String::from_utf8_lossy(&judged.stderr));
    assert_eq!(said.trim(), format!("{objects} objects, {rows} rows"));
}
