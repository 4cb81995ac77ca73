//! What is a state rather than an event: read off the board at each scrape.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry;

use super::StatusBoard;
use super::status::{Health, PartitionState, PartitionView, Status};
use super::table::{self, Unit};

#[derive(Debug)]
pub(super) struct BoardCollector(pub StatusBoard);

impl Collector for BoardCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut out = Gauges(encoder);
        let status = self.0.status();
        out.partitions(&status.partitions)?;
        out.topics(&status.partitions)?;
        out.process(&status)?;
        out.edges(&[("kafka", &status.kafka), ("store", &status.store)])
    }
}

/// Writes gauges by the table's entries.
struct Gauges<'a>(DescriptorEncoder<'a>);

impl Gauges<'_> {
    fn partitions(&mut self, partitions: &[PartitionView]) -> Result<(), fmt::Error> {
        let count = |state| partitions.iter().filter(|p| p.status.state == state).count() as f64;
        let by_state = PartitionState::ALL.map(|state| ([state.word().to_owned()], count(state)));
        self.write("partitions", Unit::None, by_state)?;

        let name = |p: &PartitionView| [p.topic.to_string(), p.partition.to_string()];
        let records = partitions.iter().filter_map(|p| Some((name(p), p.lag_records? as f64)));
        self.write("lag_records", Unit::None, records)?;
        let seconds = partitions.iter().filter_map(|p| Some((name(p), p.lag_seconds?)));
        self.write("lag", Unit::Seconds, seconds)
    }

    fn topics(&mut self, partitions: &[PartitionView]) -> Result<(), fmt::Error> {
        let mut buffered = BTreeMap::<&str, u64>::new();
        let mut last_cut = BTreeMap::<&str, Timestamp>::new();
        for p in partitions {
            *buffered.entry(p.topic.as_str()).or_default() += p.status.buffered_bytes;
            if let Some(cut) = &p.status.last_cut {
                let newest = last_cut.entry(p.topic.as_str()).or_insert(cut.at);
                *newest = cut.at.max(*newest);
            }
        }
        self.write("buffered", Unit::Bytes, buffered.iter().map(|(topic, bytes)| ([(*topic).into()], *bytes as f64)))?;
        let last_cut = last_cut.iter().map(|(topic, at)| ([(*topic).into()], unix_seconds(*at)));
        self.write("last_cut_timestamp", Unit::Seconds, last_cut)
    }

    fn process(&mut self, status: &Status) -> Result<(), fmt::Error> {
        self.one("topics_refused", Unit::None, status.refused_topics.len() as f64)?;
        self.one("memory_used", Unit::Bytes, status.memory_used as f64)?;
        self.one("memory_budget", Unit::Bytes, status.memory_budget as f64)?;
        self.one("ready", Unit::None, f64::from(u8::from(status.ready)))?;
        self.one("start_timestamp", Unit::Seconds, unix_seconds(status.started))?;
        let build = table::entry("build", Unit::None);
        let help = format!("{}.", build.help);
        let encoder = self.0.encode_descriptor(build.name, &help, None, MetricType::Info)?;
        Info::new([(build.labels[0], status.version)]).encode(encoder)
    }

    fn edges(&mut self, edges: &[(&str, &Health)]) -> Result<(), fmt::Error> {
        let now = Timestamp::now();
        let silent = |health: &Health| match health.answers {
            true => 0.0,
            false => now.duration_since(health.since).as_secs_f64().max(0.0),
        };
        let up = edges.iter().map(|(edge, health)| ([(*edge).into()], f64::from(u8::from(health.answers))));
        self.write("reachable", Unit::None, up)?;
        self.write("unreachable", Unit::Seconds, edges.iter().map(|(edge, health)| ([(*edge).into()], silent(health))))
    }

    fn one(&mut self, name: &str, unit: Unit, value: f64) -> Result<(), fmt::Error> {
        self.write::<0>(name, unit, [([], value)])
    }

    fn write<const N: usize>(
        &mut self,
        name: &str,
        unit: Unit,
        samples: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> Result<(), fmt::Error> {
        let mut samples = samples.into_iter().peekable();
        // A family without samples is left out, as the registry does with the others.
        if samples.peek().is_none() {
            return Ok(());
        }
        let metric = table::entry(name, unit);
        let help = format!("{}.", metric.help);
        let unit = match unit {
            Unit::None => None,
            Unit::Bytes => Some(registry::Unit::Bytes),
            Unit::Seconds => Some(registry::Unit::Seconds),
        };
        let mut encoder = self.0.encode_descriptor(metric.name, &help, unit.as_ref(), MetricType::Gauge)?;
        for (values, value) in samples {
            let labels: [(&str, &str); N] = std::array::from_fn(|at| (metric.labels[at], values[at].as_str()));
            let gauge = ConstGauge::new(value);
            if N == 0 {
                return gauge.encode(encoder);
            }
            gauge.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn unix_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
