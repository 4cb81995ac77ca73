//! The oracles. Each takes what went in and what came out, and says what does not fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium::decode::{Chunk, DecodedObject, Decoder, Objects};
use alluvium::domain::{
    BucketHour, Digest, Header, ObjectKind, Offset, OffsetRange, Record, RecordDigest, Records, Timestamp, Topic,
    TopicId,
};
use alluvium::encode::{Encoder, Footer, ObjectFacts, read_records};
use alluvium::schema::{Layout, SchemaError, Schemas, TopicSchema, resolve};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::choices::Choices;
use super::expect::{Expected, Outcome, outcome};
use super::payload::Payload;
use super::schema::Schema;
use super::show::show;

/// Fails with a text where the condition does not hold.
macro_rules! ensure {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err(format!($($said)+));
        }
    };
}
pub(super) use ensure;

/// The columns before the message's own.
const ENVELOPE: usize = 11;

/// Says what the engines do with payloads other than they should: whether each is accepted, what its columns say (A), that each
/// record is in one object and disturbs no other (B), and that archive and replay give back the same bytes (C).
///
/// A schema of too many columns has no layout, and passes.
pub fn check(schema: &Schema, payloads: &[Payload], choices: &mut Choices<'_>) -> Result<(), String> {
    match layout(schema, TopicSchema::default())? {
        Some(layout) => check_by(&layout, schema, payloads, choices),
        None => Ok(()),
    }
}

/// [`check`] by a layout of the schema.
pub fn check_by(
    layout: &Arc<Layout>,
    schema: &Schema,
    payloads: &[Payload],
    choices: &mut Choices<'_>,
) -> Result<(), String> {
    let records = records(payloads.iter().map(|payload| Some(payload.bytes.as_slice())), choices);
    let archived = archive(layout, &records)?;
    for (offset, payload) in payloads.iter().enumerate() {
        columns(schema, &archived, offset as i64, payload)
            .map_err(|said| format!("{said}\npayload {}", super::show::hex(&payload.bytes)))?;
    }
    neighbours(layout, &records, &archived)
}

pub fn topic() -> Topic {
    Topic::new("prod.svc.some-event.corpus.X")
}

/// Compiles the layout of a schema's root by a rule, whose message and mapping are the schema's.
pub fn layout(schema: &Schema, rule: TopicSchema) -> Result<Option<Arc<Layout>>, String> {
    let schemas = Schemas::load([("made".to_owned(), schema.set.clone())]).map_err(|e| e.to_string())?;
    let rule = TopicSchema { message: Some(schema.root.clone()), mapping: schema.options.clone(), ..rule };
    match resolve(&topic(), &rule, &schemas) {
        Ok(layout) => Ok(Some(Arc::new(layout))),
        Err(SchemaError::TooWide { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
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

/// What became of a range of records.
pub struct Archived {
    pub objects: Vec<(DecodedObject, RecordBatch)>,
    /// Each record's place: object and row.
    places: BTreeMap<i64, (usize, usize)>,
}

impl Archived {
    pub fn kind(&self, offset: i64) -> ObjectKind {
        self.objects[self.places[&offset].0].0.kind
    }

    /// Returns names and texts of a row's columns.
    pub fn row(&self, offset: i64) -> Vec<(String, String)> {
        let (object, row) = self.places[&offset];
        let batch = &self.objects[object].1;
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        columns.map(|(field, column)| (field.name().clone(), show(column.as_ref(), row))).collect()
    }
}

/// Decodes records and proves that each is in one object (B), and that objects give back what went in (C).
pub fn archive(layout: &Arc<Layout>, records: &Records) -> Result<Archived, String> {
    let archived = decoded(layout, records)?;
    for (object, batch) in &archived.objects {
        comes_back(layout, object, batch, records)?;
    }
    Ok(archived)
}

fn decoded(layout: &Arc<Layout>, records: &Records) -> Result<Archived, String> {
    let mut objects = Objects::new(&topic(), 3, 64);
    let mut chunks: BTreeMap<(ObjectKind, BucketHour), Vec<RecordBatch>> = BTreeMap::new();
    let mut sink = |chunk: Chunk| chunks.entry((chunk.kind, chunk.hour)).or_default().push(chunk.batch);
    let rest = Decoder::new(layout.clone()).decode(&mut objects, records.iter(), &mut sink);
    ensure!(rest.is_none(), "stopped at {rest:?}, though no hour was too many");
    let (mut places, mut whole) = (BTreeMap::new(), Vec::new());
    for (at, object) in objects.finish().into_iter().enumerate() {
        let batches = chunks.remove(&(object.kind, object.hour)).unwrap_or_default();
        ensure!(!batches.is_empty(), "object {object:?} has no rows");
        let batch = arrow_select::concat::concat_batches(&batches[0].schema(), &batches).map_err(|e| e.to_string())?;
        let offsets = batch.column_by_name("_offset").expect("an envelope").as_primitive::<Int64Type>();
        ensure!(object.rows == batch.num_rows() as u64, "{} rows, {} told", batch.num_rows(), object.rows);
        for (row, offset) in offsets.values().iter().enumerate() {
            ensure!(object.span.contains(Offset(*offset)), "offset {offset} is not in {}", object.span);
            ensure!(places.insert(*offset, (at, row)).is_none(), "offset {offset} is there twice");
        }
        ensure!(offsets.values().is_sorted(), "rows are not in offset order");
        whole.push((object, batch));
    }
    ensure!(chunks.is_empty(), "rows of no object: {:?}", chunks.keys());
    let taken: Vec<i64> = places.keys().copied().collect();
    let given: Vec<i64> = records.iter().map(|record| record.offset.0).collect();
    ensure!(taken == given, "taken {taken:?} of {given:?}");
    Ok(Archived { objects: whole, places })
}

/// Encodes an object and reads it back, as a table and as records.
fn comes_back(
    layout: &Arc<Layout>,
    object: &DecodedObject,
    batch: &RecordBatch,
    records: &Records,
) -> Result<(), String> {
    let bytes = encoded(layout, object, batch)?;
    let footer = Footer::read(&bytes).map_err(|e| e.to_string())?;
    ensure!(footer.rows == object.rows && footer.digest == object.digest, "the footer says {footer:?}");
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|e| e.to_string())?;
    let mut row = 0;
    for back in reader.build().map_err(|e| e.to_string())? {
        let back = back.map_err(|e| e.to_string())?;
        for at in 0..back.num_rows() {
            for (field, (before, after)) in
                batch.schema().fields().iter().zip(batch.columns().iter().zip(back.columns()))
            {
                let (before, after) = (show(before.as_ref(), row), show(after.as_ref(), at));
                ensure!(before == after, "{} is {after} in Parquet, {before} before", field.name());
            }
            row += 1;
        }
    }
    ensure!(row as u64 == object.rows, "{row} rows in Parquet");
    let offsets = batch.column_by_name("_offset").expect("an envelope").as_primitive::<Int64Type>();
    let back = read_records(bytes, object.kind, Some(layout)).map_err(|e| e.to_string())?;
    let mut digest = RecordDigest::default();
    ensure!(back.len() == offsets.len(), "{} records in Parquet", back.len());
    for (offset, back) in offsets.values().iter().zip(back.iter()) {
        let given = records.iter().find(|record| record.offset.0 == *offset).expect("a record of the range");
        ensure!(same(&given, &back), "replay gives {back:?}\n for {given:?}");
        digest.update(&given);
    }
    ensure!(digest.finish() == object.digest, "the digest is not that of its records");
    Ok(())
}

pub fn encoded(layout: &Arc<Layout>, object: &DecodedObject, batch: &RecordBatch) -> Result<Bytes, String> {
    let facts = ObjectFacts {
        topic: topic(),
        topic_id: TopicId([0xab; 16]),
        partition: 3,
        cut: OffsetRange::new(Offset(0), Offset(1 << 40)).expect("a range"),
        cut_key: "chain/x.json".into(),
        nonce: Digest::of(b"nonce").to_string(),
    };
    let mut encoder = Encoder::new(layout.clone());
    let mut open = encoder.open(object.kind).map_err(|e| e.to_string())?;
    encoder.push(&mut open, batch).map_err(|e| e.to_string())?;
    encoder.finish(open, object, &facts).map_err(|e| e.to_string())
}

fn same(one: &Record<'_>, other: &Record<'_>) -> bool {
    (one.offset, one.timestamp, one.key, one.value) == (other.offset, other.timestamp, other.key, other.value)
        && one.headers().eq(other.headers())
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
    let Some(layout) = layout(schema, TopicSchema::default())? else { return Ok(None) };
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
    let archived = decoded(&layout, &records)?;
    let Some((object, batch)) = archived.objects.first() else { return Ok(None) };
    ensure!(object.rows == rows.len() as u64, "{} of {} became rows of one object", object.rows, rows.len());
    Ok(Some(Readable { object: encoded(&layout, object, batch)?, rows }))
}

/// Proves that refused records leave the others as they were without them (B).
fn neighbours(layout: &Arc<Layout>, records: &Records, archived: &Archived) -> Result<(), String> {
    let mut good = Records::default();
    for record in records.iter().filter(|record| archived.kind(record.offset.0) == ObjectKind::Rows) {
        good.push(record.offset, record.timestamp, record.key, record.value, record.headers());
    }
    let alone = decoded(layout, &good)?;
    for record in good.iter() {
        let (alone, among) = (alone.row(record.offset.0), archived.row(record.offset.0));
        ensure!(alone == among, "offset {} is {among:?}\n among refused ones, and else {alone:?}", record.offset);
    }
    Ok(())
}
