//! Columns to Parquet, against the writer as it comes: time and size.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use alluvium::decode::{Chunk, Decoder, Objects};
use alluvium::domain::{BucketHour, ObjectKind, Offset, OffsetRange, Records, TopicId};
use alluvium::encode::{Encoder, ObjectFacts, OpenObject};
use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::clock::{median, thread_cpu};
use crate::corpus::{Corpus, Shape};
use crate::decode::HOURS;
use crate::table::{Goal, Row, at_most, faster};

/// Events of an object: a busy partition's minute.
const EVENTS: usize = 65_536;

/// What one pass over the corpus took and made.
pub struct Pass {
    encode: Duration,
    objects: Vec<Bytes>,
}

/// The daemon's way: chunks of rows are encoded as they are decoded.
pub fn ours(decoder: &mut Decoder, encoder: &mut Encoder, corpus: &Corpus, records: &Records) -> anyhow::Result<Pass> {
    let mut encode = Duration::ZERO;
    let mut objects = Objects::new(&corpus.topic, 0, HOURS);
    let mut open: BTreeMap<BucketHour, OpenObject> = BTreeMap::new();
    decoder.decode(&mut objects, records.iter(), &mut |chunk: Chunk| {
        let begin = thread_cpu();
        let object = open.entry(chunk.hour).or_insert_with(|| encoder.open(chunk.kind).expect("an object begins"));
        encoder.push(object, &chunk.batch).expect("a chunk is encoded");
        encode += thread_cpu() - begin;
    });
    let begin = thread_cpu();
    let facts = facts(corpus);
    let mut made = Vec::new();
    for decoded in objects.finish() {
        anyhow::ensure!(decoded.kind == ObjectKind::Rows, "every event is a row");
        let object = open.remove(&decoded.hour).expect("rows have an object");
        made.push(encoder.finish(object, &decoded, &facts)?);
    }
    encode += thread_cpu() - begin;
    Ok(Pass { encode, objects: made })
}

fn facts(corpus: &Corpus) -> ObjectFacts {
    ObjectFacts {
        topic: corpus.topic.clone(),
        topic_id: TopicId::from_halves(1, 2),
        partition: 0,
        cut: OffsetRange::new(Offset::ZERO, Offset(corpus.len() as i64)).expect("events are there"),
        cut_key: "chain/bench".into(),
        nonce: "bench".into(),
    }
}

/// The writer with zstd 1 and otherwise as it comes.
pub fn default_writer(batches: &[RecordBatch]) -> Bytes {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1"));
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), Some(properties)).expect("a writer begins");
    batches.iter().for_each(|batch| writer.write(batch).expect("a batch is written"));
    writer.into_inner().expect("a file is closed").into()
}

/// Returns an object's rows as anybody would read them, without `_raw`.
fn rows_of(objects: &[Bytes]) -> anyhow::Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for object in objects {
        let builder = ParquetRecordBatchReaderBuilder::try_new(object.clone())?.with_batch_size(16_384);
        let schema = builder.parquet_schema();
        let roots = schema.root_schema().get_fields();
        let kept = roots.iter().enumerate().filter(|(_, root)| root.name() != "_raw").map(|(at, _)| at);
        let mask = ProjectionMask::roots(schema, kept);
        for batch in builder.with_projection(mask).build()? {
            batches.push(batch?);
        }
    }
    Ok(batches)
}

pub fn rows(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (shape, goals) in [
        (Shape::Small, [Goal::Faster(None), Goal::AtMost(None)]),
        (Shape::Medium, [faster(1.7, 3.0), at_most(0.88, 0.82)]),
        // Free text weighs more here, which no encoding helps.
        (Shape::Large, [faster(1.4, 3.0), at_most(0.92, 0.82)]),
    ] {
        let corpus = Corpus::new(shape, EVENTS)?;
        rows.extend(of_shape(&corpus, goals, rounds)?);
    }
    Ok(rows)
}

fn of_shape(corpus: &Corpus, goals: [Goal; 2], rounds: usize) -> anyhow::Result<Vec<Row>> {
    let records = corpus.records();
    let (mut decoder, mut encoder) = (Decoder::new(corpus.layout.clone()), Encoder::new(corpus.layout.clone()));
    let first = ours(&mut decoder, &mut encoder, corpus, &records)?;
    let batches = rows_of(&first.objects)?;
    let bytes = first.objects.iter().map(Bytes::len).sum();
    let reference_bytes = default_writer(&batches).len();
    let per_event = |took: Duration| took.as_nanos() as f64 / corpus.len() as f64;
    let (mut encode, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let pass = ours(&mut decoder, &mut encoder, corpus, &records)?;
        encode.push(per_event(pass.encode));
        let begin = thread_cpu();
        black_box(default_writer(&batches));
        reference.push(per_event(thread_cpu() - begin));
    }
    let per_row = |bytes: usize| bytes as f64 / corpus.len() as f64;
    let what = format!("{:.0} B, zstd 1", corpus.mean());
    let row = |what: String, unit, ours, reference, goal| Row {
        area: "encode",
        what,
        against: "ArrowWriter's defaults, zstd 1",
        unit,
        ours,
        reference: Some(reference),
        goal,
    };
    Ok(vec![
        row(what.clone(), "ns", median(encode), median(reference), goals[0]),
        row(what, "B", per_row(bytes), per_row(reference_bytes), goals[1]),
    ])
}
