//! S3 and what speaks its protocol, through aws-sdk-s3.
//!
//! One call is one request: the SDK's retries are off for everything, because a hidden retry reports our own write as
//! foreign. Credentials come from where AWS's own tools take them: environment, profile, web identity, container, instance.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::StalledStreamProtectionConfig;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::{Builder, tls};
use bytes::Bytes;

use super::answer::{Asked, Failure};
use super::commit::Right;
use super::contract::{ArchiveStore, Head, Operation, Page, StoreError, Tags};
use super::options::S3Settings;

/// Cuts come once a minute, and load balancers drop idle connections in silence: a request on a dead one hangs until its
/// time-out (aws-sdk-rust issue 1417).
const IDLE_CONNECTION: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A body that moves nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(10);
/// A whole request, credentials included. Bodies get more, as if the line carried but a MiB in a second.
const REQUEST_WITHIN: Duration = Duration::from_secs(20);
const SLOWEST_BYTES_PER_SECOND: u64 = 1 << 20;
/// What is read back whole is small (cuts, layouts) or an object during replay, whose size is not known before.
const READ_WITHIN: Duration = Duration::from_secs(180);

/// A bucket and a prefix in it.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: aws_sdk_s3::Client,
    bucket: String,
    prefix: String,
    endpoint: Option<String>,
    region: String,
}

impl S3Store {
    /// Makes the client; nothing is sent to the bucket yet.
    pub async fn open(settings: &S3Settings) -> Result<S3Store, StoreError> {
        let http = Builder::new()
            .pool_idle_timeout(IDLE_CONNECTION)
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_WITHIN).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALLED).build());
        if let Some(endpoint) = &settings.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(region) = chosen_region(settings) {
            loader = loader.region(Region::new(region));
        }
        let shared = loader.load().await;
        let Some(region) = shared.region().map(|region| region.as_ref().to_owned()) else {
            return Err(StoreError::Refused {
                operation: "open",
                key: format!("s3://{}", settings.bucket),
                cause: "no region is known".to_owned(),
                remedy: "set `archive.s3.region`, or AWS_REGION".to_owned(),
            });
        };
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(settings.path_style).build();
        Ok(S3Store {
            client: aws_sdk_s3::Client::from_conf(config),
            bucket: settings.bucket.clone(),
            prefix: settings.prefix.clone(),
            endpoint: settings.endpoint.clone(),
            region,
        })
    }

    fn full(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    fn asked<'a>(&'a self, operation: Operation, key: &'a str) -> Asked<'a> {
        Asked { operation, key, bucket: &self.bucket, region: &self.region, endpoint: self.endpoint.as_deref() }
    }

    async fn read(&self, operation: Operation, key: &str, range: Option<String>) -> Result<Option<Bytes>, StoreError> {
        let asked = self.asked(operation, key);
        let request = self.client.get_object().bucket(&self.bucket).key(self.full(key)).set_range(range);
        let whole = async {
            let body = send(REQUEST_WITHIN, request.send()).await?.body.collect().await;
            body.map(|body| body.into_bytes()).map_err(|cause| Failure::broken(&cause))
        };
        match tokio::time::timeout(READ_WITHIN, whole).await.unwrap_or(Err(Failure::Silent(READ_WITHIN))) {
            Ok(body) => Ok(Some(body)),
            Err(failure) if failure.is_absence() => Ok(None),
            Err(failure) if failure.is_empty_object() => Ok(Some(Bytes::new())),
            Err(failure) => Err(asked.explain(failure)),
        }
    }
}

/// Sends one request and waits no longer than `limit` for the answer.
async fn send<T, E>(limit: Duration, request: impl Future<Output = Result<T, SdkError<E>>>) -> Result<T, Failure>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => answer.map_err(|error| Failure::of(&error)),
        Err(_) => Err(Failure::Silent(limit)),
    }
}

/// The region the operator chose. Stores that are not AWS sign with any, so one with an endpoint of its own needs none, and
/// the search of AWS's places (which may wait for an instance's metadata service) is spared.
fn chosen_region(settings: &S3Settings) -> Option<String> {
    let ambient = || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
    let elsewhere = || settings.endpoint.as_ref().map(|_| ambient().unwrap_or_else(|| "us-east-1".to_owned()));
    settings.region.clone().or_else(elsewhere)
}

/// Returns how long a write of so many bytes may take.
fn write_within(bytes: usize) -> Duration {
    REQUEST_WITHIN + Duration::from_secs(bytes as u64 / SLOWEST_BYTES_PER_SECOND)
}

#[async_trait]
impl ArchiveStore for S3Store {
    async fn put_new(&self, _: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        let limit = write_within(body.len());
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.full(key))
            .if_none_match("*")
            .set_metadata((!tags.is_empty()).then(|| tags.clone().into_iter().collect()))
            .body(ByteStream::from(body));
        let answer = send(limit, request.send()).await;
        answer.map(|_| ()).map_err(|failure| self.asked(Operation::PutNew, key).explain(failure))
    }

    async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        let limit = write_within(body.len());
        let request = self.client.put_object().bucket(&self.bucket).key(self.full(key)).body(ByteStream::from(body));
        let answer = send(limit, request.send()).await;
        answer.map(|_| ()).map_err(|failure| self.asked(Operation::Put, key).explain(failure))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.read(Operation::Get, key, None).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        self.read(Operation::GetTail, key, Some(format!("bytes=-{bytes}"))).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(self.full(key));
        match send(REQUEST_WITHIN, request.send()).await {
            Ok(head) => Ok(Some(Head {
                size: head.content_length.and_then(|size| size.try_into().ok()).unwrap_or_default(),
                tags: Some(head.metadata.unwrap_or_default().into_iter().collect()),
            })),
            Err(failure) if failure.is_absence() => Ok(None),
            Err(failure) => Err(self.asked(Operation::Head, key).explain(failure)),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(self.full(prefix))
            .set_start_after(after.map(|key| self.full(key)))
            .max_keys(limit.clamp(1, 1000) as i32);
        let answer = send(REQUEST_WITHIN, request.send())
            .await
            .map_err(|failure| self.asked(Operation::List, prefix).explain(failure))?;
        let own = self.full("");
        let keys = answer.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        Ok(Page {
            keys: keys.filter_map(|key| key.strip_prefix(&own).map(str::to_owned)).collect(),
            more: answer.is_truncated.unwrap_or(false),
        })
    }

    fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix).trim_end_matches('/').to_owned()
    }
}
