//! Whole replays over a store that can be damaged.

mod broken;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::chain::{
    ChainId, Cut, CutKind, CutObject, GapReason, LossRecord, LostObject, VERSION, cut_key, layout_keys, loss_key,
    object_key,
};
use crate::decode::Objects;
use crate::decode::fixture::decode_range;
use crate::domain::{BucketHour, Digest, Header, ObjectKind, OffsetRange, Record, Records, Timestamp, TopicPartition};
use crate::encode::ObjectFacts;
use crate::encode::fixture::encode;
use crate::schema::{Layout, Schemas, TopicSchema, resolve};
use crate::store::{Head, Page, Right, Tags};

pub(crate) const TOPIC: &str = "prod.a.b.c.D";
const ID: TopicId = TopicId([7; 16]);
const HOUR: i64 = 3_600_000;

fn cut(first: i64, next: i64) -> Cut {
    Cut {
        version: VERSION,
        topic: Topic::new(TOPIC),
        topic_id: ID,
        partition: 0,
        cluster: String::new(),
        first: Offset(first),
        next: Offset(next),
        kind: CutKind::Gap,
        reason: Some(GapReason::Retention),
        layout: None,
        writer: "w".into(),
        nonce: "n".into(),
        leader_epoch: -1,
        min_timestamp: None,
        max_timestamp: None,
        objects: Vec::new(),
        previous: None,
    }
}

pub(super) fn gap_of(first: i64, next: i64) -> Cut {
    cut(first, next)
}

/// A cut whose records all have one timestamp.
pub(super) fn cut_of(first: i64, next: i64, at: i64) -> Cut {
    let object = CutObject {
        key: format!("tables/t/{first}"),
        kind: ObjectKind::Rows,
        hour: BucketHour::of(Some(at)),
        rows: (next - first) as u64,
        first: Offset(first),
        next: Offset(next),
        digest: Digest::of(b""),
    };
    let times = (Some(at), Some(at));
    Cut {
        kind: CutKind::Data,
        reason: None,
        layout: Some(layout().fingerprint()),
        min_timestamp: times.0,
        max_timestamp: times.1,
        objects: vec![object],
        ..cut(first, next)
    }
}

/// A bucket whose objects a test may take away or change.
#[derive(Debug, Default)]
struct Shelf(Mutex<BTreeMap<String, Bytes>>);

#[async_trait]
impl ArchiveStore for Shelf {
    async fn put_new(&self, _: Right, _: &str, _: Bytes, _: &Tags) -> Result<(), StoreError> {
        unreachable!("a replay writes nothing")
    }
    async fn overwrite(&self, _: &str, _: Bytes) -> Result<(), StoreError> {
        unreachable!("a replay writes nothing")
    }
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
    async fn get_tail(&self, _: &str, _: u64) -> Result<Option<Bytes>, StoreError> {
        unreachable!("a replay reads whole objects")
    }
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        Ok(self.get(key).await?.map(|bytes| Head { size: bytes.len() as u64, tags: None }))
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        assert!(prefix.starts_with("chain/"), "{prefix} is listed");
        let shelf = self.0.lock().unwrap();
        let mut keys =
            shelf.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| after < key.as_str()));
        // Small pages, so that paging is used.
        let page: Vec<String> = keys.by_ref().take(limit.min(3)).cloned().collect();
        Ok(Page { keys: page, more: keys.next().is_some() })
    }
    fn url(&self) -> String {
        "memory".into()
    }
}

/// An archive in the making: chains by partition, records as they went in.
#[derive(Default)]
pub(crate) struct Archive {
    shelf: Arc<Shelf>,
    tips: BTreeMap<i32, (Offset, Option<Digest>)>,
}

/// One record of a test: its offset and its time; the rest follows from the offset.
pub(crate) type Sample = (i64, Option<i64>);

/// The offset whose record is no protobuf and goes to quarantine.
const BAD: i64 = 4;

fn push(records: &mut Records, (offset, at): Sample) {
    // A proto3 message with one string field.
    let text = format!("value {offset}");
    let payload = [&[0x0a, text.len() as u8], text.as_bytes()].concat();
    let value: Option<&[u8]> = match offset {
        BAD => Some(b"\xff"),
        _ if offset % 3 == 0 => None,
        _ => Some(&payload),
    };
    let header = Header { name: b"h", value: None };
    records.push(Offset(offset), at.map_or(Timestamp::None, Timestamp::Create), Some(b"key"), value, [header]);
}

pub(crate) fn records(samples: &[Sample]) -> Records {
    let mut records = Records::default();
    samples.iter().for_each(|sample| push(&mut records, *sample));
    records
}

pub(crate) fn layout() -> Arc<Layout> {
    let field = prost_types::FieldDescriptorProto {
        name: Some("s".into()),
        number: Some(1),
        label: Some(1),
        r#type: Some(9),
        json_name: Some("s".into()),
        ..Default::default()
    };
    let message = prost_types::DescriptorProto { name: Some("D".into()), field: vec![field], ..Default::default() };
    let file = prost_types::FileDescriptorProto {
        name: Some("d.proto".into()),
        package: Some("c".into()),
        syntax: Some("proto3".into()),
        message_type: vec![message],
        ..Default::default()
    };
    let set = prost_types::FileDescriptorSet { file: vec![file] };
    let schemas = Schemas::load([("d.binpb".into(), prost::Message::encode_to_vec(&set))]).unwrap();
    resolve(&Topic::new(TOPIC), &TopicSchema::default(), &schemas).unwrap().into()
}

/// Where a layout's two parts stand, and what they are.
pub(crate) fn layout_parts() -> [(String, Vec<u8>); 2] {
    let layout = layout();
    let ((rule_key, descriptors_key), (rule, descriptors)) = (layout_keys(layout.fingerprint()), layout.to_stored());
    [(rule_key, rule), (descriptors_key, descriptors)]
}

/// Makes the objects of a cut, as the pipeline does.
pub(crate) fn objects(chain: &ChainId, range: OffsetRange, records: &Records) -> Vec<(CutObject, Bytes)> {
    let layout = layout();
    let facts = ObjectFacts {
        topic: chain.topic().clone(),
        topic_id: chain.topic_id,
        partition: chain.partition.partition,
        cut: range,
        cut_key: cut_key(chain, range.first()),
        nonce: "n".into(),
    };
    let decoded = decode_range(&layout, Objects::new(chain.topic(), facts.partition, 64), records);
    let made = decoded.objects.into_iter().map(|object| {
        // Their payloads are canonical.
        let object = if object.kind == ObjectKind::Rows { object.without_raw(&[]) } else { object };
        let key = object_key(object.kind, "t", object.hour, object.min_timestamp, chain, range.first());
        let cut_object = CutObject {
            key,
            kind: object.kind,
            hour: object.hour,
            rows: object.rows,
            first: object.span.first(),
            next: object.span.next(),
            digest: object.digest,
        };
        (cut_object, encode(&layout, &object, &facts))
    });
    made.collect()
}

pub(crate) fn chain(partition: i32) -> ChainId {
    ChainId { partition: TopicPartition::new(TOPIC, partition), topic_id: ID }
}

impl Archive {
    fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.shelf.0.lock().unwrap().insert(key.to_owned(), bytes.into());
    }

    /// Writes the whole archive into a folder.
    pub(crate) fn write_to(&self, folder: &std::path::Path) {
        for (key, bytes) in self.shelf.0.lock().unwrap().iter() {
            let path = folder.join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    fn take(&self, key: &str) -> Bytes {
        self.shelf.0.lock().unwrap().remove(key).unwrap_or_else(|| panic!("no {key}"))
    }

    fn append(&mut self, partition: i32, mut cut: Cut) -> Cut {
        let (first, previous) = self.tips.get(&partition).copied().unwrap_or((Offset::ZERO, None));
        assert_eq!(cut.first, first);
        (cut.partition, cut.previous) = (partition, previous);
        let bytes = cut.to_bytes();
        self.tips.insert(partition, (cut.next, Some(Digest::of(&bytes))));
        self.put(&cut_key(&cut.chain(), first), bytes);
        cut
    }

    /// Appends a cut of these records, one object for each bucket hour and kind.
    fn archive(&mut self, partition: i32, next: i64, samples: &[Sample]) -> Cut {
        let first = self.tips.get(&partition).map_or(Offset::ZERO, |tip| tip.0);
        let range = OffsetRange::new(first, Offset(next)).unwrap();
        let mut cut = cut_of(first.0, next, 0);
        cut.min_timestamp = samples.iter().filter_map(|(_, at)| *at).min();
        cut.max_timestamp = samples.iter().filter_map(|(_, at)| *at).max();
        cut.objects.clear();
        for (key, part) in layout_parts() {
            self.put(&key, part);
        }
        for (object, bytes) in objects(&chain(partition), range, &records(samples)) {
            self.put(&object.key, bytes);
            cut.objects.push(object);
        }
        self.append(partition, cut)
    }

    fn replay(&self, window: Window) -> Replay {
        let store = self.shelf.clone();
        Replay { store, topic: Topic::new(TOPIC), topic_id: None, window, partitions: None }
    }

    async fn run(&self, window: Window) -> (Summary, Vec<(i32, i64)>) {
        let mut seen = Seen::default();
        let replay = self.replay(window);
        let plan = sendable(replay.plan()).await.unwrap();
        let summary = sendable(replay.run(&plan, &mut seen)).await.unwrap();
        assert!(seen.finished || !plan.summary().is_proven());
        (summary, seen.records)
    }
}

/// A replay can run on any thread.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

/// A sink that looks at every byte.
#[derive(Default)]
struct Seen {
    records: Vec<(i32, i64)>,
    finished: bool,
}

#[async_trait]
impl Sink for Seen {
    async fn emit(&mut self, range: &ProvenRange) -> Result<(), SinkError> {
        for record in range.records() {
            check(&record);
            self.records.push((range.chain.partition.partition, record.offset.0));
        }
        Ok(())
    }
    async fn finish(&mut self) -> Result<(), SinkError> {
        self.finished = true;
        Ok(())
    }
}

fn check(record: &Record<'_>) {
    let expected = records(&[(record.offset.0, record.timestamp.millis())]);
    let expected = expected.get(0);
    assert_eq!((record.timestamp, record.key, record.value), (expected.timestamp, expected.key, expected.value));
    assert!(record.headers().eq(expected.headers()));
}

/// Three cuts and a gap in partition 0, one cut in partition 1.
pub(crate) fn archive() -> Archive {
    let mut archive = Archive::default();
    archive.append(0, gap_of(0, 2));
    archive.archive(0, 6, &[(2, Some(HOUR)), (3, Some(5)), (4, Some(HOUR)), (5, Some(6))]);
    archive.archive(0, 10, &[(7, Some(3 * HOUR)), (8, None)]);
    archive.archive(0, 12, &[(10, Some(4 * HOUR)), (11, Some(4 * HOUR))]);
    archive.archive(1, 3, &[(0, Some(2 * HOUR)), (2, Some(2 * HOUR))]);
    archive
}

fn of(partition: i32, offsets: &[i64]) -> Vec<(i32, i64)> {
    offsets.iter().map(|offset| (partition, *offset)).collect()
}

#[tokio::test]
async fn a_replay_merges_hours_and_quarantine_back_into_the_order_of_the_log() {
    let (summary, seen) = archive().run(Window::default()).await;
    assert!(summary.is_proven(), "{:?}", summary.damage);
    let expected = [of(0, &[2, 3, 4, 5]), of(1, &[0, 2]), of(0, &[7, 8, 10, 11])].concat();
    assert_eq!(seen, expected, "partitions by the time of their next range");
    let partition = &summary.partitions[0];
    assert_eq!((partition.ranges, partition.records, partition.next), (3, 8, Some(Offset(12))));
    assert_eq!(partition.gaps.len(), 1);
}

#[tokio::test]
async fn a_window_clips_records_but_proves_whole_objects() {
    let archive = archive();
    let window = Window { first: Some(Offset(5)), next: Some(Offset(8)), ..Window::default() };
    let (summary, seen) = archive.run(window).await;
    assert_eq!(seen, of(0, &[5, 7]));
    assert_eq!(summary.partitions[0].rows_read, 3, "offset 3 lies in one object with 5; the other hours are not read");
    let window = Window { from: Some(6), until: Some(2 * HOUR), ..Window::default() };
    let (_, seen) = archive.run(window).await;
    assert_eq!(seen, of(0, &[2, 4, 5]), "a record without a timestamp is in no window of time");
}

#[tokio::test]
async fn the_newest_cut_may_be_unfinished_and_is_left_out() {
    let mut archive = archive();
    let cut = archive.archive(0, 14, &[(12, Some(4 * HOUR))]);
    archive.take(&cut.objects[0].key);
    let (summary, seen) = archive.run(Window::default()).await;
    assert!(summary.is_proven() && !seen.contains(&(0, 12)) && seen.contains(&(0, 11)));
    assert_eq!(summary.partitions[0].unfinished, Some(Unfinished { first: Offset(12), next: Offset(14) }));
}

#[tokio::test]
async fn a_loss_record_explains_what_is_missing_and_nothing_more() {
    let mut archive = Archive::default();
    let cut = archive.archive(0, 5, &[(1, Some(5)), (2, Some(HOUR)), (3, Some(HOUR))]);
    archive.archive(0, 9, &[(6, Some(5))]);
    let object = |samples: &[Sample]| objects(&cut.chain(), cut.range(), &records(samples)).remove(0);
    let (rest, bytes) = object(&[(3, Some(HOUR))]);
    archive.take(&cut.objects[0].key);
    archive.put(&cut.objects[1].key, bytes);
    let lost = |index: usize, found, digest| {
        let object = &cut.objects[index];
        LostObject { key: object.key.clone(), rows: object.rows, found, digest }
    };
    let loss = LossRecord {
        version: VERSION,
        cut: Digest::of(&cut.to_bytes()),
        writer: "w".into(),
        objects: vec![lost(0, 0, Digest::of(b"")), lost(1, 1, rest.digest)],
    };
    archive.put(&loss_key(&cut.chain(), Offset(0)), loss.to_bytes());
    let (summary, seen) = archive.run(Window::default()).await;
    assert_eq!(seen, of(0, &[3, 6]), "{:?}", summary.damage);
    assert_eq!(summary.partitions[0].losses, [Loss { first: Offset(0), next: Offset(5), rows: 2 }]);

    archive.put(&cut.objects[1].key, object(&[(2, Some(HOUR))]).1);
    assert_eq!(archive.run(Window::default()).await.0.damage[0].kind, DamageKind::WrongRecords);
}

#[tokio::test]
async fn what_the_archive_does_not_have_is_refused_with_what_it_has() {
    let archive = archive();
    let mut replay = archive.replay(Window::default());
    replay.partitions = Some([1, 5].into());
    let error = replay.plan().await.unwrap_err().to_string();
    assert!(error.contains("no chain of partition 5") && error.contains("only of 0, 1"), "{error}");
    replay.topic_id = Some(TopicId([9; 16]));
    assert!(matches!(replay.plan().await, Err(ReplayError::NoSuchId { .. })));
    replay.topic = Topic::new("prod.a.b.c");
    assert!(matches!(replay.plan().await, Err(ReplayError::NoTopic { .. })), "a name's beginning is not the name");

    let second = Cut { topic_id: TopicId([9; 16]), ..gap_of(0, 2) };
    archive.put(&cut_key(&second.chain(), Offset(0)), second.to_bytes());
    let mut replay = archive.replay(Window::default());
    let error = replay.plan().await.unwrap_err().to_string();
    assert!(error.contains(&ID.to_string()) && error.contains(&second.topic_id.to_string()), "{error}");
    replay.topic_id = Some(ID);
    assert_eq!(replay.plan().await.unwrap().partitions.len(), 2);
}
