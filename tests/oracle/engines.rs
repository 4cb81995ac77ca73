//! The engines as a whole: records in, objects out, and the records in these again.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium::decode::{Chunk, DecodedObject, Decoder, Objects, PayloadWriter, is_compressed};
use alluvium::domain::{
    BucketHour, Digest, ObjectKind, Offset, OffsetRange, Record, RecordDigest, Records, Topic, TopicId,
};
use alluvium::encode::{Encoder, Footer, ObjectFacts, read_records};
use alluvium::schema::{Layout, SchemaError, Schemas, TopicSchema, resolve};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

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

pub fn topic() -> Topic {
    Topic::new("prod.svc.some-event.corpus.X")
}

/// How far records go before they have to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Rows,
    /// Takes ten times as long.
    Parquet,
}

/// Decoder and encoder of one layout, with what they remember from case to case.
pub struct Engines {
    layout: Arc<Layout>,
    decoder: Decoder,
    encoder: Encoder,
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

impl Engines {
    /// Engines for a schema's root by a rule, whose message and mapping are the schema's. Nothing where it would have too many
    /// columns.
    pub fn new(schema: &Schema, rule: TopicSchema) -> Result<Option<Engines>, String> {
        let schemas = Schemas::load([("made".to_owned(), schema.set.clone())]).map_err(|e| e.to_string())?;
        let rule = TopicSchema { message: Some(schema.root.clone()), mapping: schema.options.clone(), ..rule };
        match resolve(&topic(), &rule, &schemas) {
            Ok(layout) => Ok(Some(Engines::of(Arc::new(layout)))),
            Err(SchemaError::TooWide { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn of(layout: Arc<Layout>) -> Engines {
        Engines { decoder: Decoder::new(layout.clone()), encoder: Encoder::new(layout.clone()), layout }
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Decodes records and proves that each is in one object (B), and that objects give back what went in (C).
    pub fn archive(&mut self, records: &Records, through: Through) -> Result<Archived, String> {
        let archived = self.decode(records)?;
        for (at, (object, batch)) in archived.objects.iter().enumerate() {
            let given = records.iter().filter(|record| archived.places[&record.offset.0].0 == at);
            let mut digest = RecordDigest::default();
            given.clone().for_each(|record| digest.update(&record));
            ensure!(digest.finish() == object.digest, "the digest is not that of its records");
            self.values_come_back(object.kind, batch, given.clone())?;
            if through == Through::Parquet {
                self.comes_back(object, batch, given)?;
            }
        }
        Ok(archived)
    }

    /// Decodes records and proves that each is in one object (B).
    pub fn decode(&mut self, records: &Records) -> Result<Archived, String> {
        let mut objects = Objects::new(&topic(), 3, 64);
        let mut chunks: BTreeMap<(ObjectKind, BucketHour), Vec<RecordBatch>> = BTreeMap::new();
        let mut sink = |chunk: Chunk| chunks.entry((chunk.kind, chunk.hour)).or_default().push(chunk.batch);
        let rest = self.decoder.decode(&mut objects, records.iter(), &mut sink);
        ensure!(rest.is_none(), "stopped at {rest:?}, though no hour was too many");
        let (mut places, mut whole) = (BTreeMap::new(), Vec::new());
        for (at, object) in objects.finish().into_iter().enumerate() {
            let batches = chunks.remove(&(object.kind, object.hour)).unwrap_or_default();
            ensure!(!batches.is_empty(), "object {object:?} has no rows");
            let batch =
                arrow_select::concat::concat_batches(&batches[0].schema(), &batches).map_err(|e| e.to_string())?;
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

    /// Makes each row's value again.
    fn values_come_back<'r>(
        &self,
        kind: ObjectKind,
        batch: &RecordBatch,
        given: impl Iterator<Item = Record<'r>>,
    ) -> Result<(), String> {
        let bytes = |column: &str, row: usize| {
            let column = batch.column_by_name(column).expect("an envelope");
            let (values, row) = match column.as_dictionary_opt::<Int32Type>() {
                Some(coded) => (coded.values(), coded.key(row)),
                None => (column, Some(row)),
            };
            let row = row.filter(|row| values.is_valid(*row));
            row.map(|row| values.as_binary::<i32>().value(row).to_vec())
        };
        let writer = match kind {
            ObjectKind::Rows => Some(PayloadWriter::new(&self.layout, batch).map_err(|e| e.to_string())?),
            ObjectKind::Quarantine => None,
        };
        for (row, given) in given.enumerate() {
            let value = match &writer {
                None => bytes("value", row),
                Some(_) if batch.column_by_name("_tombstone").expect("an envelope").as_boolean().value(row) => None,
                Some(writer) => {
                    let framing = bytes("_framing", row).unwrap_or_default();
                    match bytes("_raw", row) {
                        Some(value) if is_compressed(&framing) => Some(value),
                        Some(payload) => Some([framing, payload].concat()),
                        None => {
                            let mut value = framing;
                            writer.write(row, &mut value).map_err(|e| e.to_string())?;
                            Some(value)
                        }
                    }
                }
            };
            ensure!(value.as_deref() == given.value, "{} comes back for {given:?}", show_value(value));
        }
        Ok(())
    }

    /// Encodes an object and reads it back, as a table and as records.
    fn comes_back<'r>(
        &mut self,
        object: &DecodedObject,
        batch: &RecordBatch,
        given: impl Iterator<Item = Record<'r>>,
    ) -> Result<(), String> {
        let bytes = self.encode(object, batch)?;
        let footer = Footer::read(&bytes).map_err(|e| e.to_string())?;
        ensure!(footer.rows == object.rows && footer.digest == object.digest, "the footer says {footer:?}");
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|e| e.to_string())?;
        let mut row = 0;
        for back in reader.build().map_err(|e| e.to_string())? {
            let back = back.map_err(|e| e.to_string())?;
            for at in 0..back.num_rows() {
                let columns = batch.columns().iter().zip(back.columns());
                for (field, (before, after)) in batch.schema().fields().iter().zip(columns) {
                    let (before, after) = (show(before.as_ref(), row), show(after.as_ref(), at));
                    ensure!(before == after, "{} is {after} in Parquet, {before} before", field.name());
                }
                row += 1;
            }
        }
        ensure!(row as u64 == object.rows, "{row} rows in Parquet");
        let back = read_records(bytes, object.kind, Some(&self.layout)).map_err(|e| e.to_string())?;
        ensure!(back.len() as u64 == object.rows, "{} records in Parquet", back.len());
        for (given, back) in given.zip(back.iter()) {
            ensure!(same(&given, &back), "{back:?}\n comes back for {given:?}");
        }
        Ok(())
    }

    pub fn encode(&mut self, object: &DecodedObject, batch: &RecordBatch) -> Result<Bytes, String> {
        let facts = ObjectFacts {
            topic: topic(),
            topic_id: TopicId([0xab; 16]),
            partition: 3,
            cut: OffsetRange::new(Offset(0), Offset(1 << 40)).expect("a range"),
            cut_key: "chain/x.json".into(),
            nonce: Digest::of(b"nonce").to_string(),
        };
        let mut open = self.encoder.open(object.kind).map_err(|e| e.to_string())?;
        self.encoder.push(&mut open, batch).map_err(|e| e.to_string())?;
        self.encoder.finish(open, object, &facts).map_err(|e| e.to_string())
    }
}

fn same(one: &Record<'_>, other: &Record<'_>) -> bool {
    (one.offset, one.timestamp, one.key, one.value) == (other.offset, other.timestamp, other.key, other.value)
        && one.headers().eq(other.headers())
}

fn show_value(value: Option<Vec<u8>>) -> String {
    value.map_or("null".into(), |value| super::show::hex(&value))
}
