//! Every metric there is. `docs/metrics.md` is printed from this table; a test holds the two and the scrape together.

use std::fmt::Write;

/// The OpenMetrics types in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    None,
    Bytes,
    Seconds,
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Without the prefix `alluvium_`, the unit, and the suffix of its kind.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [&'static str],
    /// Without a full stop at its end.
    pub help: &'static str,
}

impl Metric {
    /// Returns the name under which the samples (of a histogram: its family) are found.
    pub fn full_name(&self) -> String {
        let unit = match self.unit {
            Unit::None => "",
            Unit::Bytes => "_bytes",
            Unit::Seconds => "_seconds",
        };
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("alluvium_{}{unit}{suffix}", self.name)
    }
}

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, help }
}

use Kind::{Counter, Gauge, Histogram, Info};
use Unit::{Bytes, None as Bare, Seconds};

pub static TABLE: [Metric; 25] = [
    metric("records_read", Counter, Bare, &["topic"], "Records read from Kafka"),
    metric("records_read", Counter, Bytes, &["topic"], "Bytes of keys, values and headers read from Kafka"),
    metric("rows_archived", Counter, Bare, &["topic"], "Rows in objects that the store has confirmed"),
    metric(
        "records_quarantined",
        Counter,
        Bare,
        &["topic", "reason"],
        "Records that could not become rows and went, raw, into quarantine",
    ),
    metric("objects_archived", Counter, Bare, &["topic", "kind"], "Objects that the store has confirmed"),
    metric("objects_archived", Counter, Bytes, &["topic", "kind"], "Bytes of objects that the store has confirmed"),
    metric(
        "cuts",
        Counter,
        Bare,
        &["topic", "outcome"],
        "Cut records by outcome: won (ours stands), adopted (another process was first; nothing is lost), gap (offsets Kafka \
         no longer had, or skipped by the operator)",
    ),
    metric(
        "ranges_closed",
        Counter,
        Bare,
        &["reason"],
        "Ranges closed for a cut, by what closed them: why are objects small",
    ),
    metric(
        "gap_offsets",
        Counter,
        Bare,
        &["topic", "reason"],
        "Offsets covered by gap cuts, which the archive does not have",
    ),
    metric(
        "rows_lost",
        Counter,
        Bare,
        &["topic"],
        "Rows that Kafka dropped between cut and upload; each has a loss record",
    ),
    metric(
        "visible_delay",
        Histogram,
        Seconds,
        &["topic"],
        "Time from the timestamp of the oldest record of a cut until all its objects were visible",
    ),
    metric(
        "store_request_duration",
        Histogram,
        Seconds,
        &["operation", "outcome"],
        "Time of a request to the store, by outcome: done, absent, taken, unavailable, refused, damaged",
    ),
    metric(
        "partitions",
        Gauge,
        Bare,
        &["state"],
        "Partitions assigned to this process, by state; a stopped one needs a person",
    ),
    metric("lag_records", Gauge, Bare, &["topic", "partition"], "Offsets in Kafka that are not in the archive yet"),
    metric(
        "lag",
        Gauge,
        Seconds,
        &["topic", "partition"],
        "Age of the oldest record known that is not in the archive yet; 0 where there is none",
    ),
    metric("buffered", Gauge, Bytes, &["topic"], "Bytes read and not yet in a confirmed object"),
    metric(
        "last_cut_timestamp",
        Gauge,
        Seconds,
        &["topic"],
        "When a cut of this topic was last finished here, Unix time",
    ),
    metric(
        "topics_refused",
        Gauge,
        Bare,
        &[],
        "Topics that match the configuration and cannot be archived; /status says why",
    ),
    metric("memory_used", Gauge, Bytes, &[], "Bytes taken from the memory budget"),
    metric("memory_budget", Gauge, Bytes, &[], "The memory budget"),
    metric("reachable", Gauge, Bare, &["edge"], "Whether the edge (kafka, store) gave its last answer: 1 or 0"),
    metric("unreachable", Gauge, Seconds, &["edge"], "How long the edge has not answered; 0 while it does"),
    metric("ready", Gauge, Bare, &[], "Whether /readyz says ready: 1 or 0"),
    metric("start_timestamp", Gauge, Seconds, &[], "When the process started, Unix time"),
    metric("build", Info, Bare, &["version"], "The running program"),
];

/// Returns the entry of a metric.
///
/// # Panics
/// Where there is none: a name in this room is in the table, and a test touches every name.
pub(super) fn entry(name: &str, unit: Unit) -> &'static Metric {
    let found = TABLE.iter().find(|metric| metric.name == name && metric.unit == unit);
    found.unwrap_or_else(|| panic!("no metric {name} with unit {unit:?} in the table"))
}

/// Prints the table as `docs/metrics.md` holds it.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Metrics\n\n<!-- Printed from src/telemetry/table.rs; `ALLUVIUM_BLESS=1 cargo test --lib telemetry` prints it anew. -->\n\n\
         Served as OpenMetrics under `/metrics` of the address that the key `http` names. A histogram has the usual samples\n\
         `_bucket`, `_sum` and `_count`; the count of `alluvium_store_request_duration_seconds` is the number of requests.\n\n\
         | metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in &TABLE {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        writeln!(text, "| `{}` | {kind} | {labels} | {} |", metric.full_name(), metric.help)
            .expect("a string takes it");
    }
    text
}
