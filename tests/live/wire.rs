//! What the S3 client sends, and what it makes of answers that no emulator gives: a scripted server on a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;

use alluvium::domain::Digest;
use alluvium::store::commit::{Put, put_cut, put_object};
use alluvium::store::{ArchiveSettings, ArchiveStore, Identity, S3Settings, StoreError, open};
use bytes::Bytes;

/// Answers every connection with the same `answer`, closes it, and tells the requests' heads.
struct Script {
    port: u16,
    heads: mpsc::Receiver<String>,
}

impl Script {
    fn play(answer: &'static str) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heads) = mpsc::channel();
        // Ends when the test has dropped its side.
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if respond(stream, answer, &tell).is_none() {
                    break;
                }
            }
        });
        Script { port, heads }
    }

    async fn store(&self, scheme: &str) -> Arc<dyn ArchiveStore> {
        let settings = S3Settings {
            bucket: "lake".to_owned(),
            prefix: "deep/archive".to_owned(),
            endpoint: Some(format!("{scheme}://127.0.0.1:{}", self.port)),
            region: Some("eu-west-1".to_owned()),
            path_style: true,
        };
        open(&ArchiveSettings::S3(settings)).await.unwrap()
    }

    fn requests(self) -> Vec<String> {
        self.heads.try_iter().collect()
    }
}

/// Tells the head before it answers, so that whoever has the answer has the head.
fn respond(mut stream: TcpStream, answer: &str, tell: &mpsc::Sender<String>) -> Option<()> {
    const TLS_HANDSHAKE: u8 = 22;
    let mut first = [0];
    let mut head = String::new();
    if stream.peek(&mut first).is_ok() && first[0] != TLS_HANDSHAKE {
        let mut reader = BufReader::new(&stream);
        let mut length = 0;
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).ok()? > 0 {
            if let Some((_, value)) = head.lines().last()?.split_once("content-length: ") {
                length = value.parse().ok()?;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
    }
    tell.send(head).ok()?;
    stream.write_all(answer.as_bytes()).ok()
}

const SLOW_DOWN: &str = "HTTP/1.1 503 Slow Down\r\nconnection: close\r\ncontent-length: 51\r\n\r\n\
                         <Error><Code>SlowDown</Code><Message/></Error>     ";

#[tokio::test]
async fn an_object_is_one_request_with_condition_checksum_and_tags() {
    let script = Script::play(SLOW_DOWN);
    let store = script.store("http").await;
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
    let store = script.store("http").await;
    let put = put_cut(store.as_ref(), "chain/a.json", Bytes::from_static(b"cut")).await;
    assert!(matches!(put, Put::Unclear(StoreError::Unavailable { .. })), "{put:?}");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_body() {
    let script = Script::play("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf");
    let error = script.store("http").await.get("chain/a.json").await.unwrap_err();
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
        let put = put_cut(script.store("http").await.as_ref(), "chain/a.json", Bytes::from_static(b"cut")).await;
        let Put::Unclear(error) = put else { panic!("{answer} was taken for a success") };
        assert_eq!(error.to_string(), wanted);
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_speak_tls_is_told() {
    let script = Script::play("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let error = script.store("https").await.get("chain/a.json").await.unwrap_err().to_string();
    assert!(error.contains("does not speak TLS; write the endpoint with http://"), "{error}");
}
