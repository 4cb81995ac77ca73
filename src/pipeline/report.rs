//! A partition's line in `/status`.

use jiff::Timestamp;

use super::exchange::Now;
use super::partition::Work;
use crate::chain::Phase;
use crate::telemetry::{LastCut, PartitionState, PartitionStatus, Problem};

/// From this share of the budget on, in percent, the source pauses.
const MEMORY_FULL: usize = 90;

/// Returns a partition's line. `memory` is the used share of the budget in percent.
pub(super) fn status(work: &Work, memory: usize, now: Now) -> PartitionStatus {
    let mut status = PartitionStatus::new(state(work));
    let tip = work.machine.tip();
    let reading = work.machine.phase() == Phase::Reading;
    status.topic_id = work.machine.topic_id();
    status.position = reading.then_some(work.expected);
    status.tip = tip.previous.is_some().then_some(tip.next);
    // With nothing buffered everything delivered is archived, and what was scanned beyond holds no record.
    let scanned = work.scanned.filter(|_| reading && work.cutter.rows() == 0 && work.machine.is_open());
    status.done = reading.then(|| scanned.map_or(tip.next, |scanned| scanned.max(tip.next)));
    status.stable_end = work.stable_end;
    status.buffered_records = work.cutter.rows() as u64;
    status.buffered_bytes = work.cutter.bytes() as u64;
    status.last_cut = work.last_cut.as_ref().map(|(cut, at)| LastCut {
        first: cut.first,
        next: cut.next,
        at: *at,
        objects: cut.objects.len(),
    });
    status.oldest_waiting = work.oldest_buffered().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    status.waits_for = waits_for(work, memory, now);
    status.problem = work.problem.as_ref().map(|problem| {
        let (cause, remedy) = problem.rsplit_once("; ").unwrap_or((problem, "see the log"));
        Problem { cause: cause.to_owned(), remedy: remedy.to_owned() }
    });
    status
}

fn state(work: &Work) -> PartitionState {
    let deciding = work.machine.underway().is_some();
    match work.machine.phase() {
        Phase::Halted => PartitionState::Stopped,
        Phase::Idle => PartitionState::Assigned,
        Phase::Identifying | Phase::FindingTip | Phase::Positioning => PartitionState::Recovering,
        Phase::Settling => PartitionState::Adopting,
        Phase::Reading | Phase::LettingGo if deciding && work.machine.is_uploading() => PartitionState::Uploading,
        Phase::Reading | Phase::LettingGo if deciding => PartitionState::Cutting,
        Phase::Reading | Phase::LettingGo => PartitionState::Reading,
    }
}

fn waits_for(work: &Work, memory: usize, now: Now) -> Option<String> {
    let text = match work.machine.phase() {
        Phase::Identifying => "Kafka to tell the topic's id".to_owned(),
        Phase::FindingTip => "the store to show the newest cut".to_owned(),
        Phase::Positioning => "Kafka to tell where the log begins and ends".to_owned(),
        Phase::Settling => "the newest cut's objects to be whole".to_owned(),
        Phase::Reading if work.machine.underway().is_some() => "the store to take the newest cut".to_owned(),
        Phase::Reading if memory >= MEMORY_FULL => format!("memory: {memory} % of the budget is used, reading pauses"),
        Phase::Reading if work.cutter.rows() == 0 => "records".to_owned(),
        Phase::Reading => {
            let left = work.cutter.age_left(now.monotonic)?;
            format!("the range to be {} s older, or larger", left.as_secs())
        }
        _ => return None,
    };
    Some(text)
}
