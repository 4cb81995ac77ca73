//! What `/readyz` makes of a store that answers some requests and not others.

use alluvium::store::{Fault, Operation, always, times};
use alluvium::telemetry::Edge;

use crate::rig::{Did, Owner, Rig};

async fn owner(rig: &mut Rig) -> Owner {
    let owner = rig.owner().await;
    owner.board.started();
    for edge in [Edge::Kafka, Edge::Store, Edge::StoreWrites] {
        owner.board.answered(edge);
    }
    owner
}

#[tokio::test]
async fn a_store_that_reads_and_does_not_write_is_not_ready_until_a_write_succeeds() {
    for (key, fault) in [("chain/", Fault::Forbidden), (".parquet", Fault::SlowDown)] {
        let mut rig = Rig::new(7);
        rig.append(0..7);
        let mut owner = owner(&mut rig).await;
        rig.store.script(Operation::PutNew, key, fault, always());
        let mut reasons = Vec::new();
        for _ in 0..40 {
            assert_eq!(owner.step().await, Did::Something);
            reasons.push(owner.board.not_ready());
        }
        // Each failed write is followed by a look, which succeeds.
        let since = reasons.iter().skip_while(|reasons| reasons.is_empty());
        assert!(since.clone().count() > 10, "{reasons:?}");
        for reasons in since {
            assert!(
                matches!(&reasons[..], [why] if why.starts_with("store has not taken a write since")),
                "{reasons:?}"
            );
        }
        rig.store.heal();
        owner.settle().await;
        assert_eq!(owner.board.not_ready(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_leaves_nobody_unready_once_it_is_found() {
    for key in ["chain/", ".parquet"] {
        let mut rig = Rig::new(7);
        // One cut with one object, after which nothing is written any more.
        rig.append(0..1);
        let mut owner = owner(&mut rig).await;
        rig.store.script(Operation::PutNew, key, Fault::LostAnswer, times(1));
        owner.settle_after_a_minute().await;
        assert!(owner.board.status().store_writes.last_error.is_some());
        assert_eq!(owner.board.not_ready(), Vec::<String>::new());
    }
}
