//! The bucket under test: made, asked, and judged by somebody else.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use alluvium::chain::{ChainId, Cut, chain_prefix};
use alluvium::domain::{TopicId, TopicPartition};
use alluvium::store::{ArchiveSettings, ArchiveStore, S3Settings, open};

use super::kafka::variable;

/// Opens the archive in a bucket.
pub async fn store(bucket: &str) -> Arc<dyn ArchiveStore> {
    let settings = S3Settings {
        bucket: bucket.to_owned(),
        prefix: "archive".to_owned(),
        endpoint: Some(variable("ALLUVIUM_TEST_S3")),
        region: Some("us-east-1".to_owned()),
        path_style: true,
    };
    open(&ArchiveSettings::S3(settings)).await.unwrap()
}

pub async fn create_bucket(name: &str) {
    let loaded = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region("us-east-1")
        .endpoint_url(variable("ALLUVIUM_TEST_S3"))
        .load()
        .await;
    let config = aws_sdk_s3::config::Builder::from(&loaded).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config).create_bucket().bucket(name).send().await.unwrap();
}

/// No topic of a test has more.
const MOST_PARTITIONS: i32 = 6;

/// Returns where the chain of each partition ends.
pub async fn tips(store: &dyn ArchiveStore, topic: &str, id: TopicId) -> BTreeMap<i32, i64> {
    let mut tips = BTreeMap::new();
    for partition in 0..MOST_PARTITIONS {
        let chain = ChainId { topic_id: id, partition: TopicPartition::new(topic, partition) };
        let page = store.list(&chain_prefix(&chain), None, 1).await.unwrap();
        if let Some(key) = page.keys.first() {
            let cut = Cut::parse(key, &store.get(key).await.unwrap().unwrap()).unwrap();
            tips.insert(partition, cut.range().next().0);
        }
    }
    tips
}

/// Has a topic of the archive compared with what Kafka acknowledged.
pub fn judge(bucket: &str, topic: &str, manifest: &Path) {
    let python = Command::new(variable("ALLUVIUM_TEST_PYTHON"));
    let place =
        ["--archive", &format!("{bucket}/archive"), "--endpoint", &variable("ALLUVIUM_TEST_S3")].map(str::to_owned);
    println!("{}", judged(python, &place, topic, manifest).unwrap_or_else(|why| panic!("{why}")));
}

/// Runs the judge with this Python on this archive, and returns what it says.
///
/// # Errors
/// What it found different.
pub fn judged(mut python: Command, place: &[String], topic: &str, manifest: &Path) -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/judge.py");
    let judged = python.arg(script).args(place).args(["--topic", topic, "--manifest"]).arg(manifest).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match judged.status.success() {
        true => Ok(text(&judged.stdout)),
        false => Err(format!("the judge disagrees: {}\n{}", text(&judged.stdout), text(&judged.stderr))),
    }
}
