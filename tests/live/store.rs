//! S3 as LocalStack speaks it, by the suite that memory and folders pass, and the errors of a client that is set up wrongly.

use std::sync::Arc;

use alluvium::store::{ArchiveSettings, ArchiveStore, S3Settings, StoreError, open, self_test};

use crate::bucket::{fresh, settings};

crate::conformance::suite!(fresh());

async fn refusal(settings: S3Settings) -> String {
    let store: Arc<dyn ArchiveStore> = open(&ArchiveSettings::S3(settings)).await.unwrap();
    self_test(store.as_ref(), "host-1", "a").await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_missing_bucket_is_named_with_the_remedy() {
    let text = refusal(settings("no-such-bucket", "")).await;
    assert!(
        text.starts_with("the self-test of s3://no-such-bucket could not be made: put_new probe/host-1-a-2: "),
        "{text}"
    );
    assert!(text.contains("bucket no-such-bucket does not exist at http://127.0.0.1:"), "{text}");
    assert!(text.ends_with("create it, or mend `archive.url`"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_nobody_known_signed_is_told() {
    let mut settings = settings("conformance", "");
    settings.endpoint = settings.endpoint.map(|endpoint| endpoint.replace("http:", "https:"));
    let text = refusal(settings).await;
    assert!(
        text.contains("is not trusted") && text.ends_with("SSL_CERT_FILE at the authority that signed it"),
        "{text}"
    );
}

#[tokio::test]
async fn a_closed_port_is_unavailable_and_names_the_endpoint() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings("conformance", "");
    settings.endpoint = Some(format!("http://{closed}"));
    let store = open(&ArchiveSettings::S3(settings)).await.unwrap();
    let error = store.get("chain/a").await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable { cause, .. }
        if cause.contains(&format!("http://{closed}")) && cause.contains("refused")),
        "{error}"
    );
}
