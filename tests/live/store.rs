//! S3 as LocalStack speaks it, by the suite that memory and folders pass, and the errors of a client that is set up wrongly.

use std::sync::Arc;

use alluvium::store::{ArchiveSettings, ArchiveStore, S3Settings, StoreError, open, self_test};

use crate::conformance::Store;
use crate::kafka::variable;

fn settings(bucket: &str, prefix: &str) -> S3Settings {
    S3Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(variable("ALLUVIUM_TEST_S3")),
        region: Some("eu-west-1".to_owned()),
        path_style: true,
    }
}

/// Opens an archive of its own: a new prefix in a bucket that outlives the run, since a stack may be used for many.
async fn fresh() -> ((), Store) {
    let settings = settings("conformance", &format!("deep/archive-{:016x}", rand::random::<u64>()));
    make_bucket(&settings).await;
    ((), open(&ArchiveSettings::S3(settings)).await.unwrap())
}

async fn make_bucket(settings: &S3Settings) {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let shared = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(settings.endpoint.clone().unwrap())
        .region(aws_config::Region::new(settings.region.clone().unwrap()))
        .load()
        .await;
    let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true).build();
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    let request = aws_sdk_s3::Client::from_conf(config).create_bucket().bucket(&settings.bucket);
    match request.create_bucket_configuration(place).send().await {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|error| error.is_bucket_already_owned_by_you()) => {}
        Err(error) => panic!("{error:?}"),
    }
}

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
