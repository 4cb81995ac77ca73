//! What every store must do, whatever is behind it. Each check gets an empty archive.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium::domain::Digest;
use alluvium::store::commit::{Put, put_cut, put_layout, put_object};
use alluvium::store::{ArchiveStore, Identity, Page, StoreError, Tags, self_test};
use bytes::Bytes;

pub type Store = Arc<dyn ArchiveStore>;

/// Makes a test of each check. `$open` is a future of what keeps the archive alive, and the archive.
macro_rules! suite {
    ($open:expr) => {
        crate::conformance::suite!($open;
            creates_once, one_of_64_racing_creates_wins, absent_keys_are_nothing, bodies_come_back_whole,
            tails_are_the_last_bytes, tags_come_back_where_they_are_kept, lists_pages_in_byte_order,
            lists_only_below_the_prefix, takes_every_topic_name, progress_is_overwritten, layouts_are_written_once,
            passes_the_self_test);
    };
    ($open:expr; $($check:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $check() {
            let (_alive, store) = $open.await;
            crate::conformance::$check(store).await;
        })+
    };
}
pub(crate) use suite;

async fn create(store: &Store, key: &str, body: impl Into<Bytes>) {
    let put = put_cut(store.as_ref(), key, body.into()).await;
    assert!(matches!(put, Put::Created), "{key}: {put:?}");
}

async fn keys(store: &Store, prefix: &str) -> Vec<String> {
    let Page { keys, more } = store.list(prefix, None, 1000).await.unwrap();
    assert!(!more);
    keys
}

pub async fn creates_once(store: Store) {
    create(&store, "chain/a.json", "first").await;
    let again = put_cut(store.as_ref(), "chain/a.json", Bytes::from_static(b"second")).await;
    assert!(matches!(&again, Put::Unclear(StoreError::Taken { key }) if key == "chain/a.json"), "{again:?}");
    assert_eq!(store.get("chain/a.json").await.unwrap().unwrap(), "first");
}

pub async fn one_of_64_racing_creates_wins(store: Store) {
    races(&store, 1).await;
    assert_eq!(keys(&store, "").await, ["chain/race-0.json"]);
}

/// Lets 64 create one key, round after round; asserts that one of them wins each, and counts the answers.
pub async fn races(store: &Store, rounds: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for round in 0..rounds {
        let key = format!("chain/race-{round}.json");
        let puts = race(store, &key).await;
        let mut won = Vec::new();
        for (body, put) in puts {
            let (answer, may_have_won) = match put {
                Put::Created => ("created".to_owned(), true),
                Put::Unclear(StoreError::Taken { .. }) => ("taken (412)".to_owned(), false),
                // 409 and what else says nothing of the outcome.
                Put::Unclear(StoreError::Unavailable { cause, .. }) => (format!("unclear: {cause}"), true),
                Put::Unclear(other) => panic!("{other}"),
            };
            let created = answer == "created";
            *answers.entry(answer).or_default() += 1;
            if may_have_won {
                won.push((created, body));
            }
        }
        let winners: Vec<&Bytes> = won.iter().filter(|(created, _)| *created).map(|(_, body)| body).collect();
        let stored = store.get(&key).await.unwrap().unwrap_or_else(|| panic!("round {round}: nobody won"));
        assert!(winners.len() <= 1, "round {round}: {} were told that they won", winners.len());
        let owner = won.iter().find(|(created, body)| *body == stored && (*created || winners.is_empty()));
        assert!(owner.is_some(), "round {round}: what is stored is not the winner's");
    }
    answers
}

async fn race(store: &Store, key: &str) -> Vec<(Bytes, Put)> {
    let start = Arc::new(tokio::sync::Barrier::new(64));
    let racers = (0..64).map(|number| {
        let (store, start, key) = (store.clone(), start.clone(), key.to_owned());
        tokio::spawn(async move {
            let body = Bytes::from(format!("racer {number}").repeat(1000));
            start.wait().await;
            let put = put_cut(store.as_ref(), &key, body.clone()).await;
            (body, put)
        })
    });
    futures::future::join_all(racers).await.into_iter().map(Result::unwrap).collect()
}

pub async fn absent_keys_are_nothing(store: Store) {
    create(&store, "chain/t/a.json", "x").await;
    for key in ["chain/t/b.json", "chain/u/a.json", "nowhere/a"] {
        assert_eq!(store.get(key).await.unwrap(), None);
        assert_eq!(store.get_tail(key, 8).await.unwrap(), None);
        assert_eq!(store.head(key).await.unwrap(), None);
    }
    assert_eq!(store.list("nowhere/", None, 10).await.unwrap(), Page::default());
}

pub async fn bodies_come_back_whole(store: Store) {
    let large: Bytes = (0..8 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (key, body) in
        [("tables/empty", Bytes::new()), ("tables/one", Bytes::from_static(b"\0")), ("tables/large", large)]
    {
        create(&store, key, body.clone()).await;
        assert_eq!(store.head(key).await.unwrap().unwrap().size, body.len() as u64);
        assert!(store.get(key).await.unwrap().unwrap() == body, "{key} came back changed");
    }
}

pub async fn tails_are_the_last_bytes(store: Store) {
    create(&store, "tables/a", "0123456789").await;
    create(&store, "tables/empty", "").await;
    for (key, bytes, tail) in [("a", 3, "789"), ("a", 10, "0123456789"), ("a", 1000, "0123456789"), ("empty", 8, "")] {
        assert_eq!(store.get_tail(&format!("tables/{key}"), bytes).await.unwrap().unwrap(), tail);
    }
}

pub async fn tags_come_back_where_they_are_kept(store: Store) {
    let identity = Identity { rows: 7, nonce: "0190-ab".to_owned(), digest: Digest::of(b"records") };
    let put = put_object(store.as_ref(), "tables/a", Bytes::from_static(b"x"), &identity).await;
    assert!(matches!(put, Put::Created), "{put:?}");
    if let Some(tags) = store.head("tables/a").await.unwrap().unwrap().tags {
        let digest = identity.digest.to_string();
        let wanted = [("digest", digest.as_str()), ("nonce", "0190-ab"), ("rows", "7")];
        let wanted: Tags = wanted.map(|(name, value)| (format!("alluvium-{name}"), value.to_owned())).into();
        assert_eq!(tags, wanted);
    }
}

pub async fn lists_pages_in_byte_order(store: Store) {
    let mut wanted = Vec::new();
    // Upper before lower case, `-` and `.` before digits, `_` between: byte order, not a dictionary's.
    for name in ["b", "a", "B", "a.loss", "a-", "a_", "a0", "10", "9"] {
        create(&store, &format!("chain/t/{name}.json"), "x").await;
        wanted.push(format!("chain/t/{name}.json"));
    }
    wanted.sort();
    assert_eq!(keys(&store, "chain/t/").await, wanted);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.list("chain/t/", after.as_deref(), 2).await.unwrap();
        assert!(page.keys.len() <= 2);
        after = page.keys.last().cloned();
        paged.extend(page.keys);
        if !page.more {
            break;
        }
    }
    assert_eq!(paged, wanted);
    let absent = store.list("chain/t/", Some("chain/t/a"), 1).await.unwrap();
    assert_eq!(absent, Page { keys: vec!["chain/t/a-.json".to_owned()], more: true });
}

pub async fn lists_only_below_the_prefix(store: Store) {
    for key in ["chain/t/x", "chain/tt/x", "chain/t.json", "chain/t/u/y", "tables/t/x"] {
        create(&store, key, "x").await;
    }
    assert_eq!(keys(&store, "chain/t/").await, ["chain/t/u/y", "chain/t/x"]);
    assert_eq!(keys(&store, "").await, ["chain/t.json", "chain/t/u/y", "chain/t/x", "chain/tt/x", "tables/t/x"]);
}

pub async fn takes_every_topic_name(store: Store) {
    let longest = "x".repeat(249);
    for topic in ["prod.a-b.C_d.e.F", "...", ".hidden", "-", "_", "_.-", "UPPER", "upper", &longest] {
        let key = format!("chain/{topic}/dt=2026-11-23/hour=06/a.json");
        create(&store, &key, topic.to_owned()).await;
        assert_eq!(store.get(&key).await.unwrap().unwrap(), topic);
        assert_eq!(keys(&store, &format!("chain/{topic}/")).await, [key]);
    }
}

pub async fn progress_is_overwritten(store: Store) {
    for body in ["one", "two, longer", "3"] {
        store.overwrite("progress/p.json", Bytes::from_static(body.as_bytes())).await.unwrap();
        assert_eq!(store.get("progress/p.json").await.unwrap().unwrap(), body);
    }
    assert_eq!(keys(&store, "").await, ["progress/p.json"]);
}

pub async fn layouts_are_written_once(store: Store) {
    for _ in 0..2 {
        put_layout(store.as_ref(), "layouts/a.json", Bytes::from_static(b"rule")).await.unwrap();
    }
    let other = put_layout(store.as_ref(), "layouts/a.json", Bytes::from_static(b"other")).await.unwrap_err();
    assert!(matches!(other, StoreError::Damaged { .. }), "{other}");
}

pub async fn passes_the_self_test(store: Store) {
    for nonce in ["a", "b"] {
        self_test(store.as_ref(), "host-1", nonce).await.unwrap();
    }
}
