//! What is counted when a cut is whole.

use std::time::Duration;

use jiff::Timestamp;

use crate::chain::{Cut, CutKind, Finisher};
use crate::telemetry::{CutOutcome, TopicMetrics};

pub(super) fn count_cut(metrics: &TopicMetrics, cut: &Cut, by: Finisher, wall: Timestamp) {
    let outcome = match (cut.kind, by) {
        (CutKind::Gap, _) => CutOutcome::Gap,
        (CutKind::Data, Finisher::Us) => CutOutcome::Won,
        (CutKind::Data, Finisher::Adopted) => CutOutcome::Adopted,
    };
    metrics.cut(outcome);
    if let Some(reason) = cut.reason {
        metrics.gap(reason.word(), (cut.next.0 - cut.first.0).unsigned_abs());
    }
    if let (Finisher::Us, Some(oldest)) = (by, cut.min_timestamp) {
        let millis = wall.as_millisecond().saturating_sub(oldest).max(0);
        metrics.cut_visible(Duration::from_millis(millis.unsigned_abs()));
    }
}
