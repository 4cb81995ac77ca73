//! The proof of one object: its rows, made records again, give the digest that its cut names.

use bytes::Bytes;

use super::layouts::FoundLayout;
use crate::domain::{Digest, ObjectKind, RecordDigest, Records};
use crate::encode::{self, ReadError};

/// Why an object is not proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// Its rows keep no payloads, and the layout that makes them is missing or damaged.
    Layout(String),
    Unreadable(String),
    /// Its records are not those the cut names.
    Wrong(String),
}

/// Decodes an object and checks it against what it may hold: rows and digest, of which it must have one pair.
pub fn prove(
    bytes: Bytes,
    kind: ObjectKind,
    layout: &FoundLayout,
    expected: &[(u64, Digest)],
) -> Result<Records, Unproven> {
    let read = encode::read_records(bytes, kind, layout.as_deref().ok());
    let records = read.map_err(|error| match (error, layout) {
        (ReadError::LayoutNeeded, Err(cause)) => Unproven::Layout(cause.clone()),
        (error, _) => Unproven::Unreadable(error.to_string()),
    })?;
    let rows = records.len() as u64;
    if expected.iter().all(|(expected, _)| *expected != rows) {
        let names = expected.iter().map(|(rows, _)| rows.to_string()).collect::<Vec<_>>().join(" or, after a loss, ");
        return Err(Unproven::Wrong(format!("it has {rows} rows, the cut names {names}")));
    }
    let mut digest = RecordDigest::default();
    records.iter().for_each(|record| digest.update(&record));
    let digest = digest.finish();
    if !expected.contains(&(rows, digest)) {
        let named = expected.first().map_or("none".into(), |(_, digest)| digest.to_string());
        return Err(Unproven::Wrong(format!("their digest is {digest}, the cut's {named}")));
    }
    Ok(records)
}
