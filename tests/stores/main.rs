//! What stores do, by the suite that all pass, and by many more races than `make test` has time for. `tests/stores/run` starts
//! the servers; by hand, `local::` needs none, and `s3::` the one that ALLUVIUM_TEST_S3 leads to.

#[path = "../live/bucket.rs"]
mod bucket;
#[path = "../it/conformance.rs"]
mod conformance;

use std::time::Instant;

use conformance::Store;

/// Races, and prints how they were answered.
async fn races(name: &str, store: Store) {
    let rounds = std::env::var("ALLUVIUM_TEST_RACES").map_or(1000, |text| text.parse().unwrap());
    let begun = Instant::now();
    let answers = conformance::races(&store, rounds).await;
    println!("{name}: {rounds} rounds of 64 racing creates, one winner each: {answers:?}, {:.0?}", begun.elapsed());
}

mod local {
    use std::sync::Arc;

    use alluvium::store::LocalStore;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn races_in_memory() {
        super::races("memory", Arc::new(LocalStore::in_memory())).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn races_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        super::races("folder", Arc::new(LocalStore::in_folder(folder.path()).unwrap())).await;
    }
}

mod s3 {
    use crate::bucket::fresh;

    crate::conformance::suite!(fresh());

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn races() {
        let name = std::env::var("ALLUVIUM_TEST_STORE").unwrap_or_else(|_| "s3".to_owned());
        super::races(&name, fresh().await.1).await;
    }
}
