use super::*;
use crate::store::LocalStore;
use crate::store::commit::{Put, put_cut};

fn store() -> FaultStore {
    FaultStore::new(LocalStore::in_memory())
}

async fn put(store: &FaultStore, key: &str) -> Option<StoreError> {
    match put_cut(store, key, Bytes::from_static(b"x")).await {
        Put::Created => None,
        Put::Unclear(error) => Some(error),
    }
}

#[tokio::test]
async fn faults_before_the_effect_leave_the_key_free() {
    for fault in [Fault::Conflict, Fault::SlowDown, Fault::Timeout, Fault::Forbidden, Fault::FalselyTaken] {
        let store = store().on(Operation::PutNew, "chain/", fault.clone(), times(1));
        assert!(put(&store, "chain/a").await.is_some(), "{fault:?}");
        assert_eq!(store.get("chain/a").await, Ok(None), "{fault:?}");
        assert_eq!(put(&store, "chain/a").await, None, "{fault:?} came twice");
    }
}

#[tokio::test]
async fn faults_after_the_effect_leave_it_there() {
    for fault in [Fault::LostAnswer, Fault::WrittenThenRefused] {
        let store = store().on(Operation::PutNew, "chain/", fault.clone(), times(1));
        assert!(put(&store, "chain/a").await.is_some(), "{fault:?}");
        assert!(store.get("chain/a").await.unwrap().is_some(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_rule_takes_its_turns_and_spares_other_keys_and_operations() {
    let store = store().on(Operation::PutNew, "b", Fault::SlowDown, times(2).after(1));
    let mut failed = Vec::new();
    for key in ["b0", "a", "b1", "b2", "b3"] {
        failed.push(put(&store, key).await.is_some());
        assert!(store.get(key).await.is_ok());
    }
    assert_eq!(failed, [false, false, true, true, false]);
}

#[tokio::test]
async fn healing_drops_what_was_scripted() {
    let store = store().on(Operation::PutNew, "", Fault::SlowDown, always());
    assert!(put(&store, "a").await.is_some());
    store.heal();
    assert!(put(&store, "a").await.is_none());
}

#[tokio::test]
async fn a_held_request_takes_effect_on_its_side_of_the_gate() {
    let (before, after) = (Gate::closed(), Gate::closed());
    let store = store().on(Operation::PutNew, "a", Fault::HoldBefore(before.clone()), times(1)).on(
        Operation::PutNew,
        "b",
        Fault::HoldAfter(after.clone()),
        times(1),
    );
    let (one, two) = (store.clone(), store.clone());
    let first = tokio::spawn(async move { put(&one, "a").await });
    let second = tokio::spawn(async move { put(&two, "b").await });
    before.arrived(1).await;
    after.arrived(1).await;
    assert_eq!(store.get("a").await, Ok(None));
    assert!(store.get("b").await.unwrap().is_some());
    assert_eq!(store.log()[0].answer, None);
    before.open();
    after.open();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (None, None));
    assert!(store.get("a").await.unwrap().is_some());
}

#[tokio::test]
async fn the_log_holds_every_request_in_order_with_its_answer() {
    let store = store().on(Operation::PutNew, "a", Fault::Conflict, times(1));
    assert!(put(&store, "a").await.is_some());
    assert!(put(&store, "a").await.is_none());
    store.list("", None, 10).await.unwrap();
    let log = store.log();
    assert!(matches!(log[0].answer, Some(Err(StoreError::Unavailable { .. }))), "{log:?}");
    let tail: Vec<_> =
        log[1..].iter().map(|asked| (asked.operation, asked.key.as_str(), asked.answer.clone())).collect();
    assert_eq!(tail, [(Operation::PutNew, "a", Some(Ok(()))), (Operation::List, "", Some(Ok(())))]);
    assert_eq!(store.count(Operation::PutNew, "a"), 2);
}
