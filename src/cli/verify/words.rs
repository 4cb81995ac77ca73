//! A report in words.

use super::super::output::time;
use crate::verify::{ChainFacts, Class, Depth, Report};

/// Chains named one by one for what is no finding; the rest are counted.
const MOST_REMARKS: usize = 20;

pub(super) fn of(report: &Report) -> String {
    let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if report.findings_left_out > 0 {
        lines.push(format!("… and {} more findings", report.findings_left_out));
    }
    lines.extend(report.unanswered.iter().map(|why| format!("NOT ASKED: {why}")));
    let remarks: Vec<String> = report.chains.iter().flat_map(remarks).collect();
    lines.extend(remarks.iter().take(MOST_REMARKS).cloned());
    if remarks.len() > MOST_REMARKS {
        lines.push(format!("… and {} more remarks; --output json has them all", remarks.len() - MOST_REMARKS));
    }
    if report.orphans > 0 {
        lines.push(format!("{} objects are still there whose cut records are named above", report.orphans));
    }
    lines.push(format!("{}: {}", report.archive, checked(report)));
    let (chains, Report { cuts, objects, rows, .. }) = (report.chains.len(), report);
    lines.push(format!("{chains} chains, {cuts} cut records, {objects} objects, {rows} rows named"));
    lines.push(verdict(report));
    lines.join("\n") + "\n"
}

/// What is to be known of a chain and is not wrong.
fn remarks(facts: &ChainFacts) -> Vec<String> {
    let at = format!("{}/{}", facts.topic, facts.partition);
    let mut lines = Vec::new();
    lines.extend(facts.gaps.iter().map(|gap| format!("gap: {at} {}..{}, {}", gap.first, gap.next, gap.reason.word())));
    lines.extend(facts.losses.iter().map(|loss| {
        format!("loss: {at} {}..{}, Kafka dropped {} rows before they were uploaded", loss.first, loss.next, loss.rows)
    }));
    lines.extend(facts.in_progress.map(|newest| {
        let missing = newest.missing_objects;
        format!("in progress: {at} {}..{}, {missing} objects are still to come", newest.first, newest.next)
    }));
    lines.extend(facts.odd_times.as_ref().map(|odd| {
        let (min, max) = (time(odd.min_timestamp), time(odd.max_timestamp));
        format!("odd clock: {at}, {} cuts hold records from {min} to {max}, such as {}", odd.cuts, odd.key)
    }));
    let behind = facts.log.filter(|log| log.behind > 0);
    lines.extend(behind.map(|log| format!("to be archived: {at}, {} offsets up to {}", log.behind, log.stable_end)));
    lines
}

fn checked(report: &Report) -> String {
    let objects = match report.checked {
        Depth::Listing => "cut records and listing; no object was read",
        Depth::Footers => "cut records and footers; rows were not read (--deep does)",
        Depth::Rows => "cut records, footers, and the digest of all rows",
    };
    let strangers =
        if report.strangers_sought { "" } else { "; objects that no cut names were not looked for in a window" };
    format!("checked {objects}{strangers}")
}

fn verdict(report: &Report) -> String {
    if report.is_clean() {
        return "nothing is missing, doubled, foreign or altered".into();
    }
    let classes = [Class::Missing, Class::Doubled, Class::Foreign, Class::Altered];
    let counts = classes.map(|class| format!("{} {}", report.count(class), class.word()));
    format!("FOUND: {}", counts.join(", "))
}
