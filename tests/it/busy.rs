//! Partitions with more records than are held raw.

use alluvium::domain::Offset;

use crate::rig::{Did, Owner, Rig};

/// Some times what is held raw at once.
const RECORDS: usize = 150_000;
const BATCH: usize = 1_000;

fn busy() -> Rig {
    let mut rig = Rig::new(1_000_000);
    (rig.bytes, rig.batch) = (1 << 30, BATCH);
    rig.append(0..RECORDS as u64);
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
