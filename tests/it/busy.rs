//! Partitions with more records than are held raw.

use alluvium::domain::Offset;
use alluvium::source::scripted::ScriptedRecord;

use crate::rig::{BASE, Did, HOUR, Owner, Rig};

/// Some times what is held raw at once.
const RECORDS: usize = 150_000;
const BATCH: usize = 1_000;

fn busy() -> Rig {
    let rig = empty();
    rig.append(0..RECORDS as u64);
    rig
}

fn empty() -> Rig {
    let mut rig = Rig::new(1_000_000);
    (rig.bytes, rig.batch) = (1 << 30, BATCH);
    rig
}

/// Steps on until nothing is left to do. Holding all records raw would take as often the first batch as there are batches.
async fn settle_without_holding_all(owner: &mut Owner) {
    let (mut first, mut most) = (0, 0);
    while owner.step().await == Did::Something {
        most = most.max(owner.budget.used());
        first = if first == 0 { most } else { first };
    }
    let raw = first * RECORDS / BATCH;
    assert!(most < raw * 3 / 4, "{most} bytes held for {raw} raw ones");
}

#[tokio::test]
async fn a_busy_partition_is_packed_ahead_of_its_cut() {
    let mut rig = busy();
    let mut owner = rig.owner().await;
    settle_without_holding_all(&mut owner).await;
    assert_eq!(rig.keys("chain/").await, [""; 0], "nothing was due");
    owner.settle_after_a_minute().await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, 0..RECORDS as i64).await;
    assert_eq!(rig.chain_of(id).await.len(), 1);
}

#[tokio::test]
async fn a_busy_cut_is_redone_without_holding_it_raw() {
    let mut rig = busy();
    let mut first = rig.owner().await;
    first.settle().await;
    first.let_a_minute_pass();
    first.step_until("PutObject").await;
    drop(first.crash());
    let mut second = rig.owner().await;
    settle_without_holding_all(&mut second).await;
    let id = rig.topic_id().await;
    rig.assert_archived(id, 0..RECORDS as i64).await;
    assert_eq!(rig.chain_of(id).await[0].next, Offset(RECORDS as i64));
}

#[tokio::test]
async fn the_65th_hour_closes_a_range_that_is_packed_ahead_at_once() {
    let mut rig = empty();
    let (before, hours, after) = (50_000, 100, 50_000);
    for number in 0..before + hours + after {
        let hour = (number - before).clamp(0, hours);
        rig.log.append(&rig.topic, ScriptedRecord::new([]).at(BASE + hour * HOUR));
    }
    let mut owner = rig.owner().await;
    owner.settle().await;
    let id = rig.topic_id().await;
    let ends: Vec<_> = rig.chain_of(id).await.iter().map(|cut| cut.next).collect();
    assert_eq!(ends, [Offset(before + 64)], "no minute has passed");
    owner.settle_after_a_minute().await;
    rig.assert_archived(id, 0..before + hours + after).await;
    let objects: Vec<_> = rig.chain_of(id).await.iter().map(|cut| cut.objects.len()).collect();
    assert_eq!(objects, [64, 37]);
}

#[tokio::test]
async fn what_is_packed_ahead_is_dropped_where_another_s_cut_was_first() {
    let mut rig = busy();
    let mut zombie = rig.owner().await;
    zombie.settle().await;
    let mut owner = rig.owner().await;
    owner.settle_after_a_minute().await;
    rig.append(0..10);
    zombie.settle_after_a_minute().await;
    zombie.settle_after_a_minute().await;
    assert_eq!(zombie.problem(), None);
    let id = rig.topic_id().await;
    rig.assert_archived(id, 0..RECORDS as i64 + 10).await;
    assert_eq!(rig.chain_of(id).await.len(), 2);
}
