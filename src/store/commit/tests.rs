use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::domain::Digest;
use crate::store::{Fault, FaultStore, LocalStore, Operation, times};

fn identity() -> Identity {
    Identity { rows: 3, nonce: "n1".to_owned(), digest: Digest::of(b"records") }
}

/// A Parquet file that says who it is, with `padding` bytes more in its footer.
fn file(identity: &Identity, padding: usize) -> Bytes {
    let pair = |name: &str, value: String| KeyValue::new(name.to_owned(), value);
    let hash = Digest::of(b"any").to_string();
    let facts = [
        ("format", "1"),
        ("writer", "0"),
        ("mapping", "1"),
        ("topic", "t"),
        ("partition", "0"),
        ("cut.first", "0"),
        ("topic_id", &hash[..32]),
        ("cut.next", "9"),
        ("cut.key", "k"),
        ("kind", "rows"),
        ("hour", "2026-11-23T06"),
        ("first", "0"),
        ("next", "3"),
        ("layout", &hash),
        ("descriptor", &hash),
    ];
    let mut entries: Vec<_> =
        facts.iter().map(|(name, text)| pair(&format!("alluvium.{name}"), (*text).into())).collect();
    entries.extend([
        pair("alluvium.rows", identity.rows.to_string()),
        pair("alluvium.cut.nonce", identity.nonce.clone()),
        pair("alluvium.digest", identity.digest.to_string()),
        pair("padding", "x".repeat(padding)),
    ]);
    let properties = WriterProperties::builder().set_key_value_metadata(Some(entries)).build();
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

#[tokio::test]
async fn an_object_is_known_by_its_tags_alone() {
    let store = FaultStore::new(LocalStore::in_memory());
    let body = Bytes::from_static(b"not read");
    assert!(matches!(put_object(&store, "o", body, &identity()).await, Put::Created));
    assert_eq!(look_at_object(&store, "o").await.unwrap(), Some(identity()));
    assert_eq!(store.count(Operation::GetTail, ""), 0);
    assert_eq!(look_at_object(&store, "other").await.unwrap(), None);
}

#[tokio::test]
async fn without_tags_the_footer_says_who_it_is_however_long_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultStore::new(LocalStore::in_folder(folder.path()).unwrap());
    for (key, padding, reads) in [("short", 0, 1), ("long", 300_000, 2)] {
        let body = file(&identity(), padding);
        assert!(matches!(put_object(&store, key, body, &identity()).await, Put::Created));
        assert_eq!(look_at_object(&store, key).await.unwrap(), Some(identity()));
        assert_eq!(store.count(Operation::GetTail, key), reads);
    }
}

#[tokio::test]
async fn what_does_not_say_who_it_is_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::in_folder(folder.path()).unwrap();
    let whole = file(&identity(), 0);
    let cut_off = whole.slice(whole.len() - 40..);
    for (key, body) in
        [("empty", Bytes::new()), ("text", Bytes::from_static(b"long enough, no footer")), ("end", cut_off)]
    {
        assert!(matches!(put_object(&store, key, body, &identity()).await, Put::Created));
        let error = look_at_object(&store, key).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{key}: {error}");
    }
}

#[tokio::test]
async fn a_layout_that_is_there_with_the_same_bytes_is_written() {
    let store = FaultStore::new(LocalStore::in_memory()).on(Operation::PutNew, "", Fault::LostAnswer, times(1));
    put_layout(&store, "layouts/a", Bytes::from_static(b"rule")).await.unwrap();
    put_layout(&store, "layouts/a", Bytes::from_static(b"rule")).await.unwrap();
    let other = put_layout(&store, "layouts/a", Bytes::from_static(b"other")).await.unwrap_err();
    assert!(matches!(other, StoreError::Damaged { .. }), "{other}");
}

#[tokio::test]
async fn a_layout_that_is_not_there_is_reported_as_worth_another_try() {
    for fault in [Fault::FalselyTaken, Fault::Conflict] {
        let store = FaultStore::new(LocalStore::in_memory()).on(Operation::PutNew, "", fault, times(1));
        let error = put_layout(&store, "layouts/a", Bytes::from_static(b"rule")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        put_layout(&store, "layouts/a", Bytes::from_static(b"rule")).await.unwrap();
    }
}
