//! Counting events. A handle is a few atomics behind an `Arc`: clone it into every lane and task.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{self, Registry};

use super::StatusBoard;
use super::scrape::BoardCollector;
use super::table::{self, Unit};
use crate::domain::{ObjectKind, Topic};

/// How a range came to be in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOutcome {
    /// Our cut record stands.
    Won,
    /// Another process's stands, and we finish it.
    Adopted,
    /// A gap.
    Gap,
}

/// Everything that is counted in the process.
#[derive(Clone, Debug)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    records: Series<Counter, 1>,
    record_bytes: Series<Counter, 1>,
    rows: Series<Counter, 1>,
    quarantined: Series<Counter, 2>,
    objects: Series<Counter, 2>,
    object_bytes: Series<Counter, 2>,
    cuts: Series<Counter, 2>,
    closed: Series<Counter, 1>,
    gap_offsets: Series<Counter, 2>,
    lost: Series<Counter, 1>,
    delay: Series<Histogram, 1>,
    requests: Series<Histogram, 2>,
}

impl Metrics {
    pub fn new(board: StatusBoard) -> Metrics {
        let mut registry = Registry::with_prefix("alluvium");
        let r = &mut registry;
        let shared = Shared {
            records: Series::counter(r, "records_read", Unit::None),
            record_bytes: Series::counter(r, "records_read", Unit::Bytes),
            rows: Series::counter(r, "rows_archived", Unit::None),
            quarantined: Series::counter(r, "records_quarantined", Unit::None),
            objects: Series::counter(r, "objects_archived", Unit::None),
            object_bytes: Series::counter(r, "objects_archived", Unit::Bytes),
            cuts: Series::counter(r, "cuts", Unit::None),
            closed: Series::counter(r, "ranges_closed", Unit::None),
            gap_offsets: Series::counter(r, "gap_offsets", Unit::None),
            lost: Series::counter(r, "rows_lost", Unit::None),
            delay: Series::seconds(r, "visible_delay", delay_histogram),
            requests: Series::seconds(r, "store_request_duration", request_histogram),
            registry: {
                r.register_collector(Box::new(BoardCollector(board)));
                registry
            },
        };
        Metrics { shared: Arc::new(shared) }
    }

    /// Returns the handles of one topic; a lane asks once and keeps them.
    pub fn topic(&self, topic: &Topic) -> TopicMetrics {
        let shared = &self.shared;
        let name = topic.as_str();
        TopicMetrics {
            records: shared.records.of([name]),
            record_bytes: shared.record_bytes.of([name]),
            rows: shared.rows.of([name]),
            lost: shared.lost.of([name]),
            delay: shared.delay.of([name]),
            topic: topic.clone(),
            shared: shared.clone(),
        }
    }

    /// A range was closed for a cut because of `reason`, one of the cutter's few words.
    pub fn range_closed(&self, reason: &'static str) {
        self.shared.closed.of([reason]).inc();
    }

    /// A request to the store ended; `operation` and `outcome` are the store's own words.
    pub fn request_done(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.shared.requests.of([operation, outcome]).observe(took.as_secs_f64());
    }

    /// Returns everything in OpenMetrics text form.
    pub fn render(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.shared.registry).expect("a string takes everything written to it");
        text
    }
}

/// What is counted of one topic. Updates touch atomics; those with a second label take a read lock and an allocation, so they
/// belong to cuts and objects, not to records.
#[derive(Clone, Debug)]
pub struct TopicMetrics {
    topic: Topic,
    shared: Arc<Shared>,
    records: Counter,
    record_bytes: Counter,
    rows: Counter,
    lost: Counter,
    delay: Histogram,
}

impl TopicMetrics {
    /// A batch came from Kafka; `bytes` of keys, values and headers.
    pub fn records_read(&self, records: u64, bytes: u64) {
        self.records.inc_by(records);
        self.record_bytes.inc_by(bytes);
    }

    /// Records went to quarantine; `reason` is one of the decoder's few words.
    pub fn records_quarantined(&self, reason: &'static str, records: u64) {
        self.shared.quarantined.of([self.topic.as_str(), reason]).inc_by(records);
    }

    /// The store confirmed an object.
    pub fn object_archived(&self, kind: ObjectKind, rows: u64, bytes: u64) {
        let word = match kind {
            ObjectKind::Rows => "rows",
            ObjectKind::Quarantine => "quarantine",
        };
        if kind == ObjectKind::Rows {
            self.rows.inc_by(rows);
        }
        self.shared.objects.of([self.topic.as_str(), word]).inc();
        self.shared.object_bytes.of([self.topic.as_str(), word]).inc_by(bytes);
    }

    /// A cut record of a partition stands.
    pub fn cut(&self, outcome: CutOutcome) {
        let word = match outcome {
            CutOutcome::Won => "won",
            CutOutcome::Adopted => "adopted",
            CutOutcome::Gap => "gap",
        };
        self.shared.cuts.of([self.topic.as_str(), word]).inc();
    }

    /// A gap cut covers so many offsets; `reason` as in the cut record.
    pub fn gap(&self, reason: &'static str, offsets: u64) {
        self.shared.gap_offsets.of([self.topic.as_str(), reason]).inc_by(offsets);
    }

    /// Kafka had dropped rows of a cut before they were uploaded.
    pub fn rows_lost(&self, rows: u64) {
        self.lost.inc_by(rows);
    }

    /// All objects of a cut are visible, so long after the timestamp of its oldest record.
    pub fn cut_visible(&self, delay: Duration) {
        self.delay.observe(delay.as_secs_f64());
    }
}

/// A metric by its label values, with names and help from the table.
struct Series<M, const N: usize> {
    names: &'static [&'static str],
    family: Family<[(&'static str, String); N], M>,
}

// By hand, since the family's own form prints every series.
impl<M, const N: usize> std::fmt::Debug for Series<M, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Series").field("names", &self.names).finish_non_exhaustive()
    }
}

impl<const N: usize> Series<Counter, N> {
    fn counter(registry: &mut Registry, name: &str, unit: Unit) -> Self {
        Series::register(registry, name, unit, Counter::default)
    }
}

impl<const N: usize> Series<Histogram, N> {
    fn seconds(registry: &mut Registry, name: &str, make: fn() -> Histogram) -> Self {
        Series::register(registry, name, Unit::Seconds, make)
    }
}

impl<M: registry::Metric + Clone, const N: usize> Series<M, N>
where
    Family<[(&'static str, String); N], M>: registry::Metric,
{
    fn register(registry: &mut Registry, name: &str, unit: Unit, make: fn() -> M) -> Self {
        let metric = table::entry(name, unit);
        assert_eq!(metric.labels.len(), N, "labels of {name} in the table");
        let family = Family::new_with_constructor(make);
        match unit {
            Unit::None => registry.register(metric.name, metric.help, family.clone()),
            Unit::Bytes => registry.register_with_unit(metric.name, metric.help, registry::Unit::Bytes, family.clone()),
            Unit::Seconds => {
                registry.register_with_unit(metric.name, metric.help, registry::Unit::Seconds, family.clone());
            }
        }
        Series { names: metric.labels, family }
    }

    fn of(&self, values: [&str; N]) -> M {
        let labels = std::array::from_fn(|at| (self.names[at], values[at].to_owned()));
        self.family.get_or_create_owned(&labels)
    }
}

/// Fine around what design promises: 90 s at the 99th percentile with one-minute cuts, 300 s through a fault.
fn delay_histogram() -> Histogram {
    Histogram::new([5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 75.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0, 7200.0])
}

fn request_histogram() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

#[cfg(test)]
mod tests;
