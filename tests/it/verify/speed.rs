//! How fast a verify is. Not part of the usual run: it writes 200,000 files.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use alluvium::chain::{ChainId, Cut, CutKind, CutObject, VERSION, cut_key, layout_keys, object_key};
use alluvium::demo::{DESCRIPTORS, Stream};
use alluvium::domain::{BucketHour, Digest, ObjectKind, Offset, Topic, TopicId, TopicPartition};
use alluvium::schema::{Schemas, TopicSchema, resolve};
use alluvium::store::LocalStore;
use alluvium::verify::{Depth, Scope, Verify};
use alluvium::walk::Window;

use crate::rig::{BASE, HOUR};

const CHAINS: i32 = 100;
const CUTS: i64 = 1000;
const ROWS: i64 = 500;

/// `cargo test --release --test it -- --ignored --nocapture verify::speed`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes 200,000 files and measures"]
async fn a_hundred_thousand_objects_are_verified_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let verify = Verify {
        store: Arc::new(LocalStore::in_existing_folder(folder.path()).unwrap()),
        scope: Scope::Everything,
        window: Window::default(),
        depth: Depth::Listing,
        anchors: Vec::new(),
        log: None,
        memory: 1 << 20,
        now: BASE + 24 * HOUR,
    };
    let begun = Instant::now();
    let report = verify.run(&|_| {}).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} objects, {} cut records in {seconds:.1} s", report.objects, report.cuts);
    assert!(report.is_clean() && report.objects == 100_000, "{:?}", report.findings.first());
    assert!(seconds <= 60.0);
}

/// Chains of hash-linked cuts, each with one object of one byte.
fn make(folder: &std::path::Path) {
    let topic = Topic::new(Stream::Searches.topic());
    let schemas = Schemas::load([("events.binpb".to_owned(), DESCRIPTORS.to_vec())]).unwrap();
    let layout = resolve(&topic, &TopicSchema::default(), &schemas).unwrap();
    let write = |key: &str, bytes: &[u8]| {
        let path = folder.join(key);
        if let Err(error) = fs::write(&path, bytes) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    };
    let ((rule_key, descriptors_key), (rule, descriptors)) = (layout_keys(layout.fingerprint()), layout.to_stored());
    write(&rule_key, &rule);
    write(&descriptors_key, &descriptors);
    for partition in 0..CHAINS {
        let chain =
            ChainId { partition: TopicPartition { topic: topic.clone(), partition }, topic_id: TopicId([7; 16]) };
        let mut previous = None;
        for number in 0..CUTS {
            let (first, next) = (Offset(number * ROWS), Offset((number + 1) * ROWS));
            // A minute each.
            let millis = BASE + number * 60_000;
            let hour = BucketHour::of(Some(millis));
            let key = object_key(ObjectKind::Rows, "searches", hour, Some(millis), &chain, first);
            write(&key, b"x");
            let digest = Digest::of(key.as_bytes());
            let object = CutObject { key, kind: ObjectKind::Rows, hour, rows: ROWS as u64, first, next, digest };
            let cut = Cut {
                version: VERSION,
                topic: topic.clone(),
                topic_id: chain.topic_id,
                partition,
                cluster: "cluster".into(),
                first,
                next,
                kind: CutKind::Data,
                reason: None,
                layout: Some(layout.fingerprint()),
                writer: "writer-0".into(),
                nonce: "0190aabbccddeeff-0001".into(),
                leader_epoch: 3,
                min_timestamp: Some(millis),
                max_timestamp: Some(millis + 59_999),
                objects: vec![object],
                previous,
            };
            let bytes = cut.to_bytes();
            previous = Some(Digest::of(&bytes));
            write(&cut_key(&chain, first), &bytes);
        }
    }
}
