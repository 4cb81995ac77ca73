//! A range that is read again, and the log that does not stand still meanwhile.

use alluvium::domain::Offset;

use crate::rig::{Did, Owner, Rig};

/// Brings an owner to the midst of a redo.
async fn read_a_part_again(owner: &mut Owner) {
    owner.step_until("Bounds").await;
    owner.step().await;
    assert_eq!(owner.poll(), Did::Something, "the first records of the range");
}

#[tokio::test]
async fn retention_that_passes_a_redo_while_it_reads_ends_in_a_loss_and_not_in_waiting() {
    let mut rig = Rig::new(7);
    rig.append(0..7);
    let mut first = rig.owner().await;
    first.step_until("PutObject").await;
    first.crash();
    rig.append(7..20);
    let mut second = rig.owner().await;
    read_a_part_again(&mut second).await;
    rig.log.expire_before(&rig.topic, Offset(5));
    second.settle_after_a_minute().await;
    assert_eq!(second.problem(), None);
    rig.assert_archived(rig.topic_id().await, 5..20).await;
}

#[tokio::test]
async fn a_shorter_topic_created_anew_under_a_redo_starts_a_chain_of_its_own() {
    let mut rig = Rig::new(7);
    rig.append(0..7);
    let mut first = rig.owner().await;
    first.step_until("PutObject").await;
    first.crash();
    let mut second = rig.owner().await;
    read_a_part_again(&mut second).await;
    rig.log.delete_topic(rig.topic.topic.as_str());
    let new = rig.log.create_topic(rig.topic.topic.as_str(), 1);
    rig.append(100..103);
    second.settle_after_a_minute().await;
    second.settle_after_a_minute().await;
    assert_eq!(second.problem(), None);
    rig.assert_archived(new, 0..3).await;
}
