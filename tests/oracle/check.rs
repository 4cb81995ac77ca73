//! The oracles. Each takes what went in and what came out, and says what does not fit.

use std::collections::BTreeMap;

use alluvium::domain::{Header, ObjectKind, Offset, Records, Timestamp};
use alluvium::schema::TopicSchema;
use bytes::Bytes;

use super::choices::Choices;
use super::engines::{Archived, Engines, Through, ensure};
use super::expect::{Expected, Outcome, outcome};
use super::payload::Payload;
use super::schema::Schema;

/// The columns before the message's own.
const ENVELOPE: usize = 11;

/// Says what the engines do with payloads of a schema other than they should: whether each is accepted, what its columns say (A),
/// that each record is in one object and disturbs no other (B), and that archive and replay give back the same bytes (C).
pub fn check(
    engines: &mut Engines,
    schema: &Schema,
    payloads: &[Payload],
    through: Through,
    choices: &mut Choices<'_>,
) -> Result<(), String> {
    let records = records(payloads.iter().map(|payload| Some(payload.bytes.as_slice())), choices);
    let archived = engines.archive(&records, through)?;
    for (offset, payload) in payloads.iter().enumerate() {
        columns(schema, &archived, offset as i64, payload)
            .map_err(|said| format!("{said}\npayload {}", super::show::hex(&payload.bytes)))?;
    }
    neighbours(engines, &records, &archived)
}

/// Makes records of values, with keys, headers and times at random.
pub fn records<'v>(values: impl IntoIterator<Item = Option<&'v [u8]>>, choices: &mut Choices<'_>) -> Records {
    const TIMES: [Timestamp; 4] = [
        Timestamp::Create(1_795_413_599_999),
        Timestamp::Create(1_795_413_600_000),
        Timestamp::Append(-1),
        Timestamp::None,
    ];
    const NAMES: [&[u8]; 3] = [b"h", b"", "ä".as_bytes()];
    let usual = *choices.pick(&TIMES);
    let mut records = Records::default();
    for (at, value) in values.into_iter().enumerate() {
        let time = if choices.chance(5) { *choices.pick(&TIMES) } else { usual };
        let key = [None, Some(&b""[..]), Some(b"key")][choices.below(3)];
        let headers: Vec<Header<'_>> = (0..choices.below(3))
            .map(|_| Header {
                name: NAMES[choices.below(3)],
                value: [None, Some(&b""[..]), Some(b"v")][choices.below(3)],
            })
            .collect();
        records.push(Offset(at as i64), time, key, value, headers);
    }
    records
}

/// Compares one row with what is expected of its payload (A).
fn columns(schema: &Schema, archived: &Archived, offset: i64, payload: &Payload) -> Result<(), String> {
    let (kind, found) = (archived.kind(offset), archived.row(offset));
    let (columns, expected) = match outcome(schema, &payload.bytes) {
        Outcome::Unclaimed => return Ok(()),
        Outcome::Quarantine => {
            ensure!(kind == ObjectKind::Quarantine, "a row of what should be refused: {found:?}");
            return Ok(());
        }
        Outcome::Row { columns, expected } => (columns, expected),
    };
    ensure!(kind == ObjectKind::Rows, "refused, and should be a row: {:?}", &found[ENVELOPE - 2..]);
    let names: Vec<&String> = found[ENVELOPE..].iter().map(|(name, _)| name).collect();
    let wanted: Vec<&String> = columns.iter().map(|(name, _)| name).collect();
    ensure!(names == wanted, "columns {names:?}, expected {wanted:?}");
    for ((name, found), (_, wanted)) in found[ENVELOPE..].iter().zip(&columns) {
        ensure!(!expected.claimed || found == wanted, "{name} is {found}\n expected {wanted}");
    }
    let raw = &found[ENVELOPE - 1].1;
    let canonical = payload.regular && expected.claimed && expected.lossless;
    ensure!(raw == "null" || *raw == super::show::hex(&payload.bytes), "_raw is {raw}");
    ensure!(raw == "null" || !canonical, "_raw is there, and the payload is canonical");
    Ok(())
}

/// An object, and what other programs must read in it: rows by their offset, column by column.
pub struct Readable {
    pub object: Bytes,
    pub rows: BTreeMap<i64, Vec<(String, String)>>,
}

/// Archives payloads that become rows in one object; nothing where the schema has too many columns or no payload becomes a row.
pub fn readable(schema: &Schema, payloads: &[Payload]) -> Result<Option<Readable>, String> {
    let Some(mut engines) = Engines::new(schema, TopicSchema::default())? else { return Ok(None) };
    let mut rows = BTreeMap::new();
    for (offset, payload) in payloads.iter().enumerate() {
        if let Outcome::Row { columns, expected: Expected { claimed: true, .. } } = outcome(schema, &payload.bytes) {
            rows.insert(offset as i64, columns);
        }
    }
    let mut records = Records::default();
    for offset in rows.keys() {
        records.push(Offset(*offset), Timestamp::Create(0), None, Some(&payloads[*offset as usize].bytes), []);
    }
    let archived = engines.decode(&records)?;
    let Some((object, batch)) = archived.objects.first() else { return Ok(None) };
    ensure!(object.rows == rows.len() as u64, "{} of {} became rows of one object", object.rows, rows.len());
    Ok(Some(Readable { object: engines.encode(object, batch)?, rows }))
}

/// Proves that refused records leave the others as they were without them (B).
fn neighbours(engines: &mut Engines, records: &Records, archived: &Archived) -> Result<(), String> {
    let mut good = Records::default();
    for record in records.iter().filter(|record| archived.kind(record.offset.0) == ObjectKind::Rows) {
        good.push(record.offset, record.timestamp, record.key, record.value, record.headers());
    }
    if good.len() == records.len() {
        return Ok(());
    }
    let alone = engines.decode(&good)?;
    for record in good.iter() {
        let (alone, among) = (alone.row(record.offset.0), archived.row(record.offset.0));
        ensure!(alone == among, "offset {} is {among:?}\n among refused ones, and else {alone:?}", record.offset);
    }
    Ok(())
}
