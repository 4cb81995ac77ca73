//! What the S3 client sends, and what it makes of answers that no emulator gives: a scripted server on a socket.

use std::sync::Arc;

use alluvium::domain::Digest;
use alluvium::store::commit::{Put, put_cut, put_object};
use alluvium::store::{ArchiveSettings, ArchiveStore, Identity, S3Settings, StoreError, open};
use bytes::Bytes;

use crate::script::Script;

async fn store(script: &Script, scheme: &str) -> Arc<dyn ArchiveStore> {
    let settings = S3Settings {
        bucket: "lake".to_owned(),
        prefix: "deep/archive".to_owned(),
        endpoint: Some(format!("{scheme}://127.0.0.1:{}", script.port)),
        region: Some("eu-west-1".to_owned()),
        path_style: true,
    };
    open(&ArchiveSettings::S3(settings)).await.unwrap()
}

const SLOW_DOWN: &str = "HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: 51\r\n\r\n\
                         <Error><Code>SlowDown</Code><Message/></Error>     ";

#[tokio::test]
async fn an_object_is_one_request_with_condition_checksum_and_tags() {
    let script = Script::play(SLOW_DOWN);
    let store = store(&script, "http").await;
    let identity = Identity { rows: 7, nonce: "n1".to_owned(), digest: Digest::of(b"") };
    let put =
        put_object(store.as_ref(), "tables/t/dt=2026-11-23/a.parquet", Bytes::from_static(b"hello"), &identity).await;
    assert!(
        matches!(&put, Put::Unclear(StoreError::Unavailable { cause, .. }) if cause.starts_with("SlowDown (503)")),
        "{put:?}"
    );
    let [head] = script.requests().try_into().unwrap();
    assert!(head.starts_with("PUT /lake/deep/archive/tables/t/dt%3D2026-11-23/a.parquet?"), "{head}");
    for line in [
        "if-none-match: *",
        "x-amz-checksum-crc32: NhCmhg==",
        "x-amz-meta-alluvium-rows: 7",
        "x-amz-meta-alluvium-nonce: n1",
        "amz-sdk-request: attempt=1; max=1",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "no {line} in {head}");
    }
    assert!(!head.contains("x-amz-trailer"), "{head}");
}

#[tokio::test]
async fn a_dropped_connection_is_not_tried_again() {
    let script = Script::play("");
    let store = store(&script, "http").await;
    let put = put_cut(store.as_ref(), "chain/a.json", Bytes::from_static(b"cut")).await;
    assert!(matches!(put, Put::Unclear(StoreError::Unavailable { .. })), "{put:?}");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_body() {
    let script = Script::play("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf");
    let error = store(&script, "http").await.get("chain/a.json").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn answers_become_what_the_caller_can_do() {
    for (answer, wanted) in [
        ("HTTP/1.1 412 Precondition Failed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", "chain/a.json is taken"),
        (
            "HTTP/1.1 409 Conflict\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "put_new chain/a.json: status 409 without a reason",
        ),
        (
            "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: us-east-2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "put_new chain/a.json: bucket lake is not in eu-west-1: status 301 without a reason; set `archive.s3.region: us-east-2`",
        ),
    ] {
        let script = Script::play(answer);
        let put = put_cut(store(&script, "http").await.as_ref(), "chain/a.json", Bytes::from_static(b"cut")).await;
        let Put::Unclear(error) = put else { panic!("{answer} was taken for a success") };
        assert_eq!(error.to_string(), wanted);
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_speak_tls_is_told() {
    let script = Script::play("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let error = store(&script, "https").await.get("chain/a.json").await.unwrap_err().to_string();
    assert!(error.contains("does not speak TLS; write the endpoint with http://"), "{error}");
}
