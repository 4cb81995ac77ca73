//! The rows for which a broker is read: consumption, the whole path, memory. Each reader is a process of its own and tells what
//! CPU it took in all, so that the mock broker in this process is not counted and each has its own allocator.

use serde::de::DeserializeOwned;

use crate::broker::{Broker, IDLE, RECORDS, TOPIC};
use crate::child::{self, From, Held, Idle, Read};
use crate::clock::median;
use crate::table::{Goal, Row, at_most, limit};

pub fn rows(rounds: usize) -> anyhow::Result<Vec<Row>> {
    let broker = Broker::filled()?;
    let mut rows = consumption(&broker, rounds)?;
    rows.extend(whole_path(&broker, rounds)?);
    rows.extend(memory(&broker)?);
    Ok(rows)
}

fn consumption(broker: &Broker, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut source, mut stream, mut base) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let read: Read = ours("read", broker, TOPIC, RECORDS)?;
        source.push(per_record(read.cpu));
        stream.push(per_record(reference("stream", broker)?.cpu));
        base.push(per_record(reference("base", broker)?.cpu));
    }
    let source = median(source);
    let row = |against, reference, goal| Row {
        area: "consume",
        what: "CPU, copy to arenas included".into(),
        against,
        unit: "ns",
        ours: source,
        reference: Some(reference),
        goal,
    };
    Ok(vec![
        row("StreamConsumer", median(stream), at_most(0.40, 0.25)),
        row("BaseConsumer.poll", median(base), Goal::AtMost(None)),
    ])
}

fn whole_path(broker: &Broker, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut cpu, mut plain_cpu, mut bytes) = (Vec::new(), Vec::new(), (0.0, 0.0));
    for _ in 0..rounds {
        let (pipeline, plain): (Read, Read) = (ours("archive", broker, TOPIC, RECORDS)?, reference("archive", broker)?);
        cpu.push(per_record(pipeline.cpu));
        plain_cpu.push(per_record(plain.cpu));
        bytes = (per_record(pipeline.bytes), per_record(plain.bytes));
    }
    let row = |what: &str, unit, ours, reference, must, aim| Row {
        area: "whole path",
        what: what.into(),
        against: "BaseConsumer.poll, ptars, ArrowWriter",
        unit,
        ours,
        reference: Some(reference),
        goal: at_most(must, aim),
    };
    Ok(vec![
        row("CPU, Kafka to Parquet", "ns", median(cpu), median(plain_cpu), 0.50, 0.27),
        row("size", "B", bytes.0, bytes.1, 0.88, 0.82),
    ])
}

fn memory(broker: &Broker) -> anyhow::Result<Vec<Row>> {
    let Held { early, late } = ours("hold", broker, TOPIC, RECORDS)?;
    let growth = (late.1 as f64 - early.1 as f64) / (late.0 - early.0) as f64;
    let mut rss = Vec::new();
    for (topic, partitions) in IDLE {
        let Idle { rss: one } = ours("idle", broker, topic, partitions as u64)?;
        rss.push(one as f64);
    }
    let idle = (rss[1] - rss[0]) / f64::from(IDLE[1].1 - IDLE[0].1) / 1024.0;
    let row = |what: &str, unit, ours, must, aim| Row {
        area: "memory",
        what: what.into(),
        against: "",
        unit,
        ours,
        reference: None,
        goal: limit(must, aim),
    };
    Ok(vec![
        row("resident, for a byte buffered", "B", growth, 1.6, 1.2),
        row("idle assigned partition", "KiB", idle, 64.0, 16.0),
    ])
}

fn per_record(figure: u64) -> f64 {
    figure as f64 / RECORDS as f64
}

fn ours<T: DeserializeOwned>(command: &str, broker: &Broker, topic: &str, count: u64) -> anyhow::Result<T> {
    child::run("alluvium-bench-reader", command, &from(broker, topic, count))
}

fn reference(command: &str, broker: &Broker) -> anyhow::Result<Read> {
    child::run("alluvium-bench", command, &from(broker, TOPIC, RECORDS))
}

fn from(broker: &Broker, topic: &str, count: u64) -> From {
    From { brokers: broker.address(), topic: topic.to_owned(), count }
}
