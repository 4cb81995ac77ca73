//! Two lanes against one: what a second thread with engines of its own brings.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use alluvium::decode::Decoder;
use alluvium::domain::Records;
use alluvium::encode::Encoder;

use crate::clock::median;
use crate::corpus::{Corpus, Shape};
use crate::encode;
use crate::process::waited_for_a_core;
use crate::table::{Row, faster};

const EVENTS: usize = 65_536;

pub fn rows(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let corpus = Corpus::new(Shape::Medium, EVENTS)?;
    let records = corpus.records();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        one.push(per_event(&corpus, &records, 1));
        two.push(per_event(&corpus, &records, 2));
    }
    Ok(vec![Row {
        area: "lanes",
        what: "decode and encode, two lanes".into(),
        against: "one lane",
        unit: "ns",
        ours: median(two),
        reference: Some(median(one)),
        goal: faster(1.7, 1.85),
    }])
}

/// Returns how long an event takes when so many lanes work at once, each on its own records.
fn per_event(corpus: &Corpus, records: &Records, lanes: usize) -> f64 {
    let barrier = Barrier::new(lanes);
    let lane = || {
        let (mut decoder, mut encoder) = (Decoder::new(corpus.layout.clone()), Encoder::new(corpus.layout.clone()));
        let mut pass = || encode::ours(&mut decoder, &mut encoder, corpus, records).expect("the corpus is encoded");
        pass();
        barrier.wait();
        let (begin, waited) = (Instant::now(), waited_for_a_core());
        pass();
        begin.elapsed().saturating_sub(waited_for_a_core() - waited)
    };
    let slowest: Duration = thread::scope(|scope| {
        let threads: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a lane ends")).max().expect("a lane at least")
    });
    slowest.as_nanos() as f64 / (lanes * corpus.len()) as f64
}
