//! Archives in a real S3 service, the one that ALLUVIUM_TEST_S3 leads to.

use std::sync::Arc;

use alluvium::store::{ArchiveSettings, ArchiveStore, S3Settings, open};

pub fn settings(bucket: &str, prefix: &str) -> S3Settings {
    S3Settings {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(std::env::var("ALLUVIUM_TEST_S3").expect("ALLUVIUM_TEST_S3 leads to an S3 service")),
        region: Some("eu-west-1".to_owned()),
        path_style: true,
    }
}

/// Opens an archive of its own: a new prefix in a bucket that outlives the run, since a stack may be used for many.
pub async fn fresh() -> ((), Arc<dyn ArchiveStore>) {
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
