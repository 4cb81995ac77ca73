//! Payloads to columns, against those who make less of them.

use std::hint::black_box;

use alluvium::decode::{CHUNK_ROWS, Chunk, Decoder, Messages, Objects};
use alluvium::domain::Records;
use arrow_array::BinaryArray;
use prost::Message;
use prost_reflect::DynamicMessage;
use ptars_core::{PtarsConfig, binary_array_to_record_batch_direct};

use crate::allocations;
use crate::clock::{Contender, race};
use crate::corpus::{Corpus, Shape, generated};
use crate::table::{Goal, Row, faster, limit};
use crate::walk::Walk;

/// Hours that a range may hold, as in the daemon.
pub const HOURS: usize = 64;

/// Decodes all of `records` and lets go of each chunk. Returns the rows.
pub fn decode(decoder: &mut Decoder, corpus: &Corpus, records: &Records, mut sink: impl FnMut(Chunk)) -> u64 {
    let mut objects = Objects::new(&corpus.topic, 0, HOURS);
    let rest = decoder.decode(&mut objects, records.iter(), &mut sink);
    assert!(rest.is_none(), "the events lie in few hours");
    let decoded = objects.finish();
    assert!(decoded.iter().all(|object| object.reasons.is_empty()), "every event is a row");
    decoded.iter().map(|object| object.rows).sum()
}

/// Reads the payloads alone into their columns, as many rows at a time as the decoder does. Like the references, it makes neither
/// envelope nor hours nor digest.
fn columns(messages: &mut Messages, records: &Records) {
    let mut row = 0;
    for record in records.iter() {
        let payload = record.value_padded().expect("each event has a payload");
        assert!(
            messages.read(payload, row).is_ok_and(|read| read.raw == Default::default()),
            "every event is canonical"
        );
        row += 1;
        if row == CHUNK_ROWS || record.offset == records.last_offset().expect("there are records") {
            black_box(messages.finish(row, None).expect("the texts are UTF-8"));
            row = 0;
        }
    }
}

pub fn rows(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (shape, events) in [(Shape::Small, 65_536), (Shape::Medium, 32_768), (Shape::Large, 16_384)] {
        rows.extend(of_shape(&Corpus::new(shape, events)?, rounds));
    }
    rows.push(allocations_per_message(&Corpus::new(Shape::Medium, 65_536)?));
    Ok(rows)
}

fn of_shape(corpus: &Corpus, rounds: usize) -> Vec<Row> {
    let (records, walk) = (corpus.records(), Walk::new(&corpus.descriptor));
    let array = BinaryArray::from_iter_values(&corpus.payloads);
    let config = PtarsConfig::default();
    let (mut messages, mut decoder) = (Messages::new(corpus.layout.clone()), Decoder::new(corpus.layout.clone()));
    let prost = match corpus.shape {
        Shape::Small => generated::<generated::Click>,
        Shape::Medium => generated::<generated::Order>,
        Shape::Large => generated::<generated::Checkout>,
    };
    let contenders = vec![
        Contender::new("ours", || columns(&mut messages, &records)),
        Contender::new("ours with envelope, hours and digest", || {
            let rows = decode(&mut decoder, corpus, &records, |chunk| drop(black_box(chunk)));
            assert_eq!(rows, corpus.len() as u64);
        }),
        Contender::new("prost's generated code", || corpus.payloads.iter().for_each(|payload| prost(payload))),
        Contender::new("ptars", || {
            let batch = binary_array_to_record_batch_direct(&array, &corpus.descriptor, &config);
            assert_eq!(black_box(batch).expect("ptars reads the corpus").num_rows(), corpus.len());
        }),
        Contender::new("prost-reflect", || {
            for payload in &corpus.payloads {
                let message = DynamicMessage::decode(corpus.descriptor.clone(), payload.as_slice());
                black_box(message).expect("prost-reflect reads the corpus");
            }
        }),
        Contender::new("walking tags and lengths", || {
            corpus.payloads.iter().for_each(|payload| assert!(black_box(walk.fields(payload)) > 0));
        }),
    ];
    let names: Vec<_> = contenders.iter().map(|contender| contender.name).collect();
    let times = race(rounds, corpus.len(), contenders);
    let goals = match corpus.shape {
        Shape::Small => {
            [Goal::AtMost(None), faster(2.3, 4.0), Goal::Faster(None), Goal::Faster(None), Goal::AtMost(None)]
        }
        Shape::Medium => {
            [Goal::AtMost(None), faster(3.0, 5.0), faster(2.7, 4.0), faster(8.0, 13.0), Goal::AtMost(None)]
        }
        Shape::Large => {
            [Goal::AtMost(None), faster(3.0, 4.5), Goal::Faster(None), Goal::Faster(None), Goal::AtMost(None)]
        }
    };
    let row = |(at, goal): (usize, Goal)| Row {
        area: "decode",
        what: format!("{:.0} B", corpus.mean()),
        against: names[at + 1],
        unit: "ns",
        ours: times[0],
        reference: Some(times[at + 1]),
        goal,
    };
    goals.into_iter().enumerate().map(row).collect()
}

fn generated<M: Message + Default>(payload: &[u8]) {
    black_box(M::decode(payload)).expect("prost reads the corpus");
}

/// Counts what a second pass over the same records allocates: the first made the workspace. What is left is per chunk.
fn allocations_per_message(corpus: &Corpus) -> Row {
    let (records, mut decoder) = (corpus.records(), Decoder::new(corpus.layout.clone()));
    let mut pass = || decode(&mut decoder, corpus, &records, |chunk| drop(black_box(chunk)));
    pass();
    let before = allocations::of_this_thread();
    pass();
    let made = allocations::of_this_thread() - before;
    Row {
        area: "allocations",
        what: "decode, per message".into(),
        against: "",
        unit: "",
        ours: made as f64 / corpus.len() as f64,
        reference: None,
        // None per message; some hundred per chunk of 16,384 rows, which are its columns.
        goal: limit(0.05, 0.02),
    }
}
