//! Chains that nobody should have written: the partition stops alone and says which key, why, and what to do; its neighbours go
//! on, and nothing of it is overwritten.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium::chain::{ChainId, Cut, chain_prefix, cut_key};
use alluvium::demo::Stream;
use alluvium::domain::{Digest, Offset, TopicId, TopicPartition};
use alluvium::source::Log;
use alluvium::store::{ArchiveStore, LocalStore};
use bytes::Bytes;

use crate::running::{Running, append, log_of};

const PARTITIONS: i32 = 3;
/// Records of each cut, one cut in each partition.
const ROWS: u64 = 2;
/// The partition that is spoilt.
const SPOILT: i32 = 1;

async fn contents(store: &LocalStore) -> BTreeMap<String, Bytes> {
    let mut contents = BTreeMap::new();
    for key in store.list("", None, 1000).await.unwrap().keys {
        contents.insert(key.clone(), store.get(&key).await.unwrap().unwrap());
    }
    contents
}

/// An archive of three partitions, before one is spoilt.
struct Archive {
    contents: BTreeMap<String, Bytes>,
    id: TopicId,
}

impl Archive {
    fn chain(&self, partition: i32) -> ChainId {
        ChainId { partition: TopicPartition::new(Stream::Searches.topic(), partition), topic_id: self.id }
    }

    /// The only cut of a partition.
    fn tip(&self, partition: i32) -> (String, Cut) {
        let key = cut_key(&self.chain(partition), Offset::ZERO);
        let cut = Cut::parse(&key, &self.contents[&key]).unwrap();
        (key, cut)
    }

    /// Changes the spoilt partition's cut, and leaves it where it is.
    fn change(&mut self, change: impl FnOnce(&mut Cut)) {
        let (key, mut cut) = self.tip(SPOILT);
        change(&mut cut);
        self.contents.insert(key, cut.to_bytes().into());
    }
}

/// Archives three partitions, spoils one, and lets a daemon go on; that one has to say all of `wanted`.
async fn stops_alone(name: &str, spoil: impl FnOnce(&mut Archive), wanted: &[&str]) {
    let log = log_of(PARTITIONS, 0..ROWS);
    let all_at = |next: u64, but: Option<i32>| {
        move |status: &alluvium::telemetry::Status| {
            let good = status.partitions.iter().filter(|view| Some(view.partition) != but);
            let (all, done): (Vec<_>, Vec<_>) = good.map(|view| ((), view.status.done)).unzip();
            let at = done.iter().filter(|done| **done == Some(Offset(next as i64))).count();
            at == all.len() && at == PARTITIONS as usize - usize::from(but.is_some())
        }
    };
    let store = LocalStore::in_memory();
    let first = Running::start(&log, PARTITIONS, ROWS as usize, Arc::new(store.clone()));
    first.until("all is archived", all_at(ROWS, None)).await;
    first.stop().await;
    let id = log.topic_id(&TopicPartition::new(Stream::Searches.topic(), 0)).await.unwrap();
    let mut archive = Archive { contents: contents(&store).await, id };
    spoil(&mut archive);

    let store = LocalStore::in_memory();
    for (key, bytes) in &archive.contents {
        store.overwrite(key, bytes.clone()).await.unwrap();
    }
    append(&log, PARTITIONS, ROWS..2 * ROWS);
    let again = Running::start(&log, PARTITIONS, ROWS as usize, Arc::new(store.clone()));
    let has_problem = |status: &alluvium::telemetry::Status| {
        status.partitions.iter().any(|view| view.partition == SPOILT && view.status.problem.is_some())
    };
    let (status, _) = again.until(&format!("{name} is told"), has_problem).await;
    again.until("the others went on", all_at(2 * ROWS, Some(SPOILT))).await;
    let view = status.partitions.iter().find(|view| view.partition == SPOILT).unwrap();
    let problem = view.status.problem.as_ref().unwrap();
    let told = format!("{}; {}", problem.cause, problem.remedy);
    wanted.iter().for_each(|part| assert!(told.contains(part), "{name}: no {part:?} in {told}"));
    let page = again.metrics.render();
    assert!(page.contains("alluvium_partitions{state=\"stopped\"} 1.0\n"), "{name}: nothing pages in\n{page}");
    again.stop().await;

    let after = contents(&store).await;
    for (key, bytes) in archive.contents.iter().filter(|(key, _)| !key.starts_with("progress/")) {
        assert_eq!(after.get(key), Some(bytes), "{name}: {key} is not what it was");
    }
    let chain = chain_prefix(&archive.chain(SPOILT));
    let cuts = |of: &BTreeMap<String, Bytes>| of.keys().filter(|key| key.starts_with(&chain)).count();
    let may_add = usize::from(name == "truncated");
    assert!(cuts(&after) <= cuts(&archive.contents) + may_add, "{name}: cuts were added");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_cut_stops_its_partition_alone() {
    let half = |archive: &mut Archive| {
        let (key, cut) = archive.tip(SPOILT);
        let bytes = cut.to_bytes();
        archive.contents.insert(key, bytes[..bytes.len() / 2].to_vec().into());
    };
    stops_alone("damaged", half, &["/00001/", ".json is damaged", "restore the record from the bucket's versions"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_of_another_partition_stops_the_one_it_stands_in() {
    let copied = |archive: &mut Archive| archive.change(|cut| cut.partition = 2);
    stops_alone("misplaced", copied, &["/00001/", "belongs elsewhere: it says chain/", "ask who wrote it"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_of_a_later_version_stops_its_partition_alone() {
    let later = |archive: &mut Archive| archive.change(|cut| cut.version = 2);
    stops_alone("later", later, &["/00001/", "has format version 2", "run a newer one"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_s_topic_of_the_same_name_stops_alone() {
    let theirs = |archive: &mut Archive| archive.change(|cut| cut.cluster = "elsewhere".into());
    let wanted = ["/00001/", "Kafka cluster elsewhere, this is cluster scripted", "a prefix of its own"];
    stops_alone("another cluster", theirs, &wanted).await;
}

/// Its objects are to be made, and nobody knows how.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_whose_layout_is_not_there_stops_its_partition_alone() {
    let unknown = |archive: &mut Archive| {
        let layout = Digest::of(b"nobody's");
        archive.change(|cut| {
            cut.layout = Some(layout);
            cut.objects.iter_mut().for_each(|object| object.key = object.key.replace(".parquet", "-gone.parquet"));
        });
    };
    let wanted = ["layout ", "is not in the bucket", "run the version of alluvium that wrote it"];
    stops_alone("unknown layout", unknown, &wanted).await;
}

/// The chain's end was deleted: what is made in its place is never put over the objects that are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_whose_newest_cut_is_gone_stops_at_its_objects() {
    let deleted = |archive: &mut Archive| {
        let (key, _) = archive.tip(SPOILT);
        archive.contents.remove(&key);
    };
    stops_alone("truncated", deleted, &["-00001-", "is not the object its cut names", "somebody else wrote it"]).await;
}

/// An object under a name of the chain that says nothing of rows or cuts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_somebody_else_s_stops_its_partition_alone() {
    let foreign = |archive: &mut Archive| {
        let (_, cut) = archive.tip(SPOILT);
        archive.contents.insert(cut.objects[0].key.clone(), Bytes::from_static(b"not ours"));
    };
    stops_alone("foreign object", foreign, &["-00001-", "is not the object its cut names"]).await;
}
