//! The promise, at every step: nothing lost, nothing doubled, for whoever lists the folder.

use alluvium::chain::{CutKind, GapReason};
use alluvium::domain::{Offset, StartAt};
use alluvium::pipeline::{Edges, Effect, Input, execute};
use alluvium::source::scripted::{Outcome, ScriptedRecord};
use alluvium::store::{Fault, Operation, always, times};
use tokio::sync::oneshot;

use crate::rig::{BASE, Did, Owner, Rig, event};

#[tokio::test]
async fn records_come_out_once_in_a_chain_without_holes() {
    let mut rig = Rig::new(7);
    rig.append(0..40);
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, 0..40).await;
    assert!(rig.chain_of(id).await.len() >= 5);
    assert_eq!(owner.member.committed(&rig.topic), Some(Offset(40)), "the courtesy to lag tools");
}

#[tokio::test]
async fn no_records_make_no_cut() {
    let mut rig = Rig::new(7);
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    assert_eq!(rig.keys("chain/").await, [""; 0]);
}

/// Crashes at every step, with the request of that step carried out or not, and lets another go on.
#[tokio::test]
async fn a_crash_before_or_after_any_step_loses_and_doubles_nothing() {
    for carried_out in [false, true] {
        for steps in 0.. {
            let mut rig = Rig::new(7);
            rig.append(0..20);
            let mut first = rig.owner().await;
            let ended = !run_steps(&mut first, steps).await;
            let in_flight = first.crash();
            if carried_out {
                arrive(&rig, in_flight).await;
            }
            rig.assert_nothing_doubled().await;
            let mut second = rig.owner().await;
            second.settle_after_a_minute().await;
            rig.assert_archived(rig.topic_id().await, 0..20).await;
            if ended {
                assert!(steps > 20, "only {steps} steps were tried");
                break;
            }
        }
    }
}

/// Takes so many steps; returns whether that many were left.
async fn run_steps(owner: &mut Owner, steps: usize) -> bool {
    for _ in 0..steps {
        if owner.step().await == Did::Nothing {
            return false;
        }
    }
    true
}

/// What a dead process had sent takes effect; nobody hears the answers.
async fn arrive(rig: &Rig, in_flight: Vec<Effect>) {
    let board = alluvium::telemetry::StatusBoard::new("dead", alluvium::domain::MemoryBudget::new(1));
    for effect in in_flight {
        if let Effect::Ask { request, .. } = effect {
            execute(request, &Edges { store: &rig.store, log: &rig.log, board: &board }).await;
        }
    }
}

#[tokio::test]
async fn every_answer_of_the_store_may_be_lost_refused_or_false() {
    let faults = [
        Fault::Conflict,
        Fault::SlowDown,
        Fault::Timeout,
        Fault::FalselyTaken,
        Fault::LostAnswer,
        Fault::WrittenThenRefused,
        Fault::Forbidden,
    ];
    for fault in faults {
        for operation in [Operation::PutNew, Operation::Get, Operation::Head, Operation::List] {
            for skip in 0..6 {
                let mut rig = Rig::new(7);
                rig.append(0..20);
                let mut owner = rig.owner().await;
                rig.store.script(operation, "", fault.clone(), times(2).after(skip));
                owner.settle_after_a_minute().await;
                rig.store.heal();
                owner.settle_after_a_minute().await;
                assert_eq!(owner.problem(), None, "{fault:?} on {operation}");
                rig.assert_archived(rig.topic_id().await, 0..20).await;
            }
        }
    }
}

#[tokio::test]
async fn a_zombie_that_wakes_after_the_next_owner_went_on_adds_nothing() {
    let mut rig = Rig::new(7);
    rig.append(0..10);
    let mut zombie = rig.owner().await;
    zombie.step_until("PutCut").await;
    let mut owner = rig.owner().await;
    rig.append(10..30);
    owner.settle_after_a_minute().await;
    zombie.settle_after_a_minute().await;
    assert_eq!(zombie.problem(), None);
    rig.assert_archived(rig.topic_id().await, 0..30).await;
}

#[tokio::test]
async fn what_retention_took_before_the_archive_came_is_a_gap() {
    let mut rig = Rig::new(100);
    rig.append(0..20);
    rig.log.expire_before(&rig.topic, Offset(8));
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, 8..20).await;
    let gap = &rig.chain_of(id).await[0];
    assert_eq!((gap.kind, gap.reason, gap.next), (CutKind::Gap, Some(GapReason::Retention), Offset(8)));
}

#[tokio::test]
async fn retention_that_passes_the_reader_is_a_gap_after_what_was_read() {
    let mut rig = Rig::new(100);
    rig.append(0..9);
    let mut owner = rig.owner().await;
    owner.settle().await;
    rig.append(9..30);
    rig.log.expire_before(&rig.topic, Offset(20));
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, (0..9).chain(20..30)).await;
    let gaps: Vec<_> = rig
        .chain_of(id)
        .await
        .iter()
        .filter(|cut| cut.kind == CutKind::Gap)
        .map(|cut| cut.range().to_string())
        .collect();
    assert_eq!(gaps, ["9..20"]);
}

#[tokio::test]
async fn rows_that_kafka_drops_between_cut_and_upload_carry_a_loss_record() {
    for expired in [4, 20] {
        let mut rig = Rig::new(7);
        rig.append(0..7);
        let mut first = rig.owner().await;
        first.step_until("PutObject").await;
        first.crash();
        rig.append(7..20);
        rig.log.expire_before(&rig.topic, Offset(expired));
        let mut second = rig.owner().await;
        second.settle_after_a_minute().await;
        assert_eq!(second.problem(), None);
        let id = rig.topic_id().await;
        rig.assert_archived(id, expired..20).await;
        let loss = rig.loss_of(id, Offset(0)).await.expect("the loss is written down");
        let (rows, found): (u64, u64) = loss.objects.iter().fold((0, 0), |sum, o| (sum.0 + o.rows, sum.1 + o.found));
        assert_eq!((rows, found), (7, (7 - expired).max(0) as u64));
    }
}

#[tokio::test]
async fn a_record_compacted_between_cut_and_upload_is_a_loss_and_the_redo_ends() {
    let mut rig = Rig::new(7);
    rig.append(0..7);
    let mut first = rig.owner().await;
    first.step_until("PutObject").await;
    first.crash();
    rig.log.compact(&rig.topic, Offset(6));
    let mut second = rig.owner().await;
    second.settle_after_a_minute().await;
    rig.assert_archived(rig.topic_id().await, 0..6).await;
}

#[tokio::test]
async fn a_topic_created_anew_under_the_reader_starts_a_chain_of_its_own() {
    let mut rig = Rig::new(100);
    rig.append(0..10);
    let old = rig.topic_id().await;
    let mut owner = rig.owner().await;
    owner.settle().await;
    rig.log.delete_topic(rig.topic.topic.as_str());
    let new = rig.log.create_topic(rig.topic.topic.as_str(), 1);
    rig.append(100..130);
    owner.settle_after_a_minute().await;
    owner.settle_after_a_minute().await;
    assert_eq!(rig.visible().await.get(&old), None, "what was read may be of either");
    rig.assert_archived(new, 0..30).await;
}

#[tokio::test]
async fn a_topic_created_anew_after_a_cut_keeps_what_was_archived_of_the_old_one() {
    let mut rig = Rig::new(5);
    rig.append(0..10);
    let old = rig.topic_id().await;
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    rig.log.delete_topic(rig.topic.topic.as_str());
    let new = rig.log.create_topic(rig.topic.topic.as_str(), 1);
    rig.append(100..118);
    owner.settle_after_a_minute().await;
    owner.settle_after_a_minute().await;
    rig.assert_archived(old, 0..10).await;
    rig.assert_archived(new, 0..18).await;
}

/// The reader stands behind the new log's end, so it is Kafka that says so first.
#[tokio::test]
async fn a_topic_created_anew_with_fewer_records_than_are_archived_starts_a_chain_of_its_own() {
    let mut rig = Rig::new(5);
    rig.append(0..10);
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    let old = rig.topic_id().await;
    rig.log.delete_topic(rig.topic.topic.as_str());
    rig.log.create_topic(rig.topic.topic.as_str(), 1);
    rig.append(0..3);
    owner.settle_after_a_minute().await;
    assert_eq!(owner.problem(), None);
    rig.assert_archived(old, 0..10).await;
    rig.assert_archived(rig.topic_id().await, 0..3).await;
}

#[tokio::test]
async fn aborted_records_and_markers_are_spanned_and_not_archived() {
    let mut rig = Rig::new(100);
    rig.append(0..5);
    for number in 5..9 {
        rig.log.append_open(&rig.topic, event(number));
    }
    rig.log.end_transaction(&rig.topic, Outcome::Aborted);
    for number in 9..12 {
        rig.log.append_open(&rig.topic, event(number));
    }
    rig.log.end_transaction(&rig.topic, Outcome::Committed);
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, (0..5).chain(10..13)).await;
    let cuts = rig.chain_of(id).await;
    assert_eq!(cuts.last().unwrap().next, Offset(13), "the trailing marker is in no cut until a record follows");
    rig.append(20..21);
    owner.settle_after_a_minute().await;
    rig.assert_archived(id, (0..5).chain(10..13).chain([14])).await;
}

#[tokio::test]
async fn tombstones_are_rows_and_broken_records_go_to_quarantine_beside_them() {
    let mut rig = Rig::new(100);
    rig.append(0..3);
    rig.log.append(&rig.topic, ScriptedRecord::tombstone().at(BASE).key("gone"));
    rig.log.append(&rig.topic, ScriptedRecord::new([0x0a, 0xff, 0x01, b'?']).at(BASE).key("broken"));
    rig.log.append(&rig.topic, ScriptedRecord::new([]).at(BASE));
    rig.log.append(&rig.topic, event(7).header([0xff, 0xfe], None));
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, 0..7).await;
    let quarantined: u64 = rig.chain_of(id).await[0]
        .objects
        .iter()
        .filter(|object| object.kind == alluvium::domain::ObjectKind::Quarantine)
        .map(|object| object.rows)
        .sum();
    assert_eq!(quarantined, 2, "the broken one and the one whose header name is no text");
}

#[tokio::test]
async fn junk_timestamps_close_a_range_at_the_65th_hour() {
    let mut rig = Rig::new(1_000);
    for number in 0..100 {
        let millis = BASE + number * 3_600_000;
        rig.log.append(&rig.topic, ScriptedRecord::new([]).at(millis));
    }
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, 0..100).await;
    let objects: Vec<_> = rig.chain_of(id).await.iter().map(|cut| cut.objects.len()).collect();
    assert_eq!(objects, [64, 36]);
}

#[tokio::test]
async fn a_later_start_is_written_into_the_chain() {
    for (start, first) in [(StartAt::Latest, 20), (StartAt::Time(BASE + 1), 1)] {
        let mut rig = Rig::new(100).starting_at(start);
        rig.append(0..20);
        let mut owner = rig.owner().await;
        owner.settle().await;
        rig.append(20..25);
        owner.settle_after_a_minute().await;
        let id = rig.topic_id().await;
        rig.assert_archived(id, first..25).await;
        assert_eq!(rig.chain_of(id).await[0].reason, Some(GapReason::Skipped));
    }
}

#[tokio::test]
async fn a_partition_given_back_is_whole_and_leaves_nothing_open() {
    let mut rig = Rig::new(5);
    rig.append(0..12);
    let mut owner = rig.owner().await;
    owner.step_until("PutObject").await;
    let (reply, mut released) = oneshot::channel();
    owner.feed(Input::LetGo { partition: rig.topic.clone(), reply });
    assert!(released.try_recv().is_err(), "the newest cut's objects are not there yet");
    owner.settle().await;
    assert!(released.try_recv().is_ok());
    let id = rig.topic_id().await;
    let decided = rig.chain_of(id).await.last().unwrap().next;
    rig.assert_archived(id, 0..decided.0).await;
}

#[tokio::test]
async fn a_store_that_is_gone_for_long_is_waited_out() {
    let mut rig = Rig::new(5);
    rig.append(0..20);
    let mut owner = rig.owner().await;
    rig.store.script(Operation::PutNew, "", Fault::SlowDown, always());
    for _ in 0..500 {
        owner.step().await;
    }
    assert_eq!(rig.keys("chain/").await, [""; 0]);
    rig.store.heal();
    owner.settle_after_a_minute().await;
    rig.assert_archived(rig.topic_id().await, 0..20).await;
}

#[tokio::test]
async fn a_clock_that_is_years_off_decides_nothing_of_what_is_archived() {
    let mut archives = Vec::new();
    for year in ["1971-01-01T00:00Z", "2026-11-25T00:00Z", "2199-12-31T23:59Z"] {
        let mut rig = Rig::new(5);
        rig.append(0..20);
        let mut owner = rig.owner().await;
        owner.wall = year.parse().unwrap();
        owner.settle_after_a_minute().await;
        let id = rig.topic_id().await;
        rig.assert_archived(id, 0..20).await;
        let mut cuts = rig.chain_of(id).await;
        // All but what is random, and what follows from that.
        for cut in &mut cuts {
            (cut.nonce, cut.previous) = (String::new(), None);
        }
        archives.push(cuts);
    }
    assert!(archives.windows(2).all(|two| two[0] == two[1]), "{archives:#?}");
}

#[tokio::test]
async fn a_log_shorter_than_the_chain_stops_the_partition_with_words() {
    let mut rig = Rig::new(5);
    rig.append(0..10);
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    // The same topic id, restored from a backup that ends earlier.
    let shorter = Rig::new(5);
    shorter.append(0..3);
    rig.log = shorter.log;
    assert_eq!(rig.topic_id().await, id);
    let mut after = rig.owner().await;
    after.settle().await;
    let problem = after.problem().expect("a person must look");
    assert!(problem.contains("the chain reaches offset 10, but the log ends at 3"), "{problem}");
}
