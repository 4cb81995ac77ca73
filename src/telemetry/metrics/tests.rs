use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::{LastCut, PartitionState, PartitionStatus, table};
use super::*;
use crate::domain::{MemoryBudget, Offset, TopicPartition};

/// A board and metrics where everything that can be reported was reported once.
fn busy() -> Metrics {
    let board = StatusBoard::new("alluvium-0", MemoryBudget::new(1000));
    let mut status = PartitionStatus::new(PartitionState::Reading);
    (status.done, status.stable_end) = (Some(Offset(5)), Some(Offset(9)));
    status.oldest_waiting = Some(Timestamp::now());
    status.buffered_bytes = 77;
    let at = Timestamp::from_millisecond(1_500).unwrap();
    status.last_cut = Some(LastCut { first: Offset(0), next: Offset(5), at, objects: 1 });
    board.set(&TopicPartition::new("prod.a.b.c.D", 3), status);

    let metrics = Metrics::new(board);
    let topic = metrics.topic(&Topic::new("prod.a.b.c.D"));
    topic.records_read(1000, 64_000);
    topic.records_quarantined("wire_type", 2);
    topic.object_archived(ObjectKind::Rows, 998, 10_000);
    topic.object_archived(ObjectKind::Quarantine, 2, 100);
    topic.cut(CutOutcome::Won);
    topic.gap("retention", 40);
    topic.rows_lost(1);
    topic.cut_visible(Duration::from_secs(61));
    metrics.range_closed("age");
    metrics.request_done("put_new", "done", Duration::from_millis(30));
    metrics
}

/// Returns each family of the scrape: name, type, and label names of its first sample.
fn families(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut families = BTreeMap::new();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (name, kind) in types {
        let sample =
            text.lines().find(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name}_")));
        let labels = sample.and_then(|line| line.split_once('{')?.1.split_once('}')).map_or("", |(labels, _)| labels);
        let labels = labels.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
        families.insert(name.to_owned(), (kind.to_owned(), labels.filter(|label| label != "le").collect()));
    }
    families
}

#[test]
fn a_scrape_holds_exactly_the_metrics_of_the_table() {
    let scraped = families(&busy().render());
    let mut expected = BTreeMap::new();
    for metric in &table::TABLE {
        let family = metric.full_name();
        let family = family.strip_suffix("_total").or(family.strip_suffix("_info")).unwrap_or(&family).to_owned();
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        assert!(expected.insert(family.clone(), (kind, labels)).is_none(), "{family} stands twice in the table");
    }
    assert_eq!(scraped, expected);
}

#[test]
fn events_and_states_come_out_as_samples() {
    let text = busy().render();
    for sample in [
        "alluvium_records_read_total{topic=\"prod.a.b.c.D\"} 1000",
        "alluvium_records_read_bytes_total{topic=\"prod.a.b.c.D\"} 64000",
        "alluvium_rows_archived_total{topic=\"prod.a.b.c.D\"} 998",
        "alluvium_objects_archived_bytes_total{topic=\"prod.a.b.c.D\",kind=\"quarantine\"} 100",
        "alluvium_visible_delay_seconds_bucket{le=\"75.0\",topic=\"prod.a.b.c.D\"} 1",
        "alluvium_partitions{state=\"reading\"} 1.0",
        "alluvium_partitions{state=\"stopped\"} 0.0",
        "alluvium_lag_records{topic=\"prod.a.b.c.D\",partition=\"3\"} 4.0",
        "alluvium_last_cut_timestamp_seconds{topic=\"prod.a.b.c.D\"} 1.5",
        "alluvium_memory_budget_bytes 1000.0",
        "alluvium_reachable{edge=\"store\"} 0.0",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn the_metrics_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    if std::env::var_os("ALLUVIUM_BLESS").is_some() {
        std::fs::write(path, table::markdown()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, table::markdown(), "run the test with ALLUVIUM_BLESS=1 and look at the difference");
}

#[test]
fn every_metric_says_what_it_means_in_one_line() {
    for metric in &table::TABLE {
        assert!(!metric.help.ends_with('.') && !metric.help.contains(['\n', '|', '\\']), "{}", metric.help);
    }
}
