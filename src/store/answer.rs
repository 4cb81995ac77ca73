//! What an S3 answer, or its absence, means for the caller, and what the operator can do about it.

use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::contract::{Operation, StoreError};

/// Why a request brought no result.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Answered {
        status: u16,
        /// S3's name for it; empty where the answer has no body (HEAD).
        code: String,
        message: String,
        /// The bucket's region, where the answer tells it.
        region: Option<String>,
    },
    /// Nothing readable came back, or nothing could be sent.
    Broken(String),
    /// Nothing came back in time.
    Silent(Duration),
}

impl Failure {
    pub(super) fn of<E>(error: &SdkError<E>) -> Failure
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let Some(raw) = error.raw_response() else { return Failure::broken(error) };
        Failure::Answered {
            status: raw.status().as_u16(),
            code: error.code().unwrap_or_default().to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            region: raw.headers().get("x-amz-bucket-region").map(str::to_owned),
        }
    }

    pub(super) fn broken(error: &dyn Error) -> Failure {
        // The outer links only say "dispatch failure"; the cause is at the end of the chain. Some links repeat their source.
        let mut texts: Vec<String> = Vec::new();
        let mut link = Some(error);
        while let Some(error) = link {
            link = error.source();
            let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            let told = texts.last().is_some_and(|last| last.contains(&text));
            if !told && !["dispatch failure", "other", "io error"].contains(&text.as_str()) {
                texts.push(text);
            }
        }
        Failure::Broken(texts.join(": "))
    }

    /// Whether a read found nothing at the key. A missing bucket is not that; HEAD cannot tell the two apart.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Failure::Answered { status: 404, code, .. } if code != "NoSuchBucket")
    }

    /// Whether the last bytes of an empty object were asked for, which S3 has no answer for.
    pub(super) fn is_empty_object(&self) -> bool {
        matches!(self, Failure::Answered { status: 416, .. })
    }
}

/// The request that failed, for the error's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub operation: Operation,
    pub key: &'a str,
    pub bucket: &'a str,
    pub region: &'a str,
    pub endpoint: Option<&'a str>,
}

/// Codes that pass by themselves though their status says the request is wrong.
const PASSING: [&str; 9] = [
    "ConditionalRequestConflict",
    "OperationAborted",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "TemporaryRedirect",
    "BadDigest",
    "IncompleteBody",
    "XAmzContentSHA256Mismatch",
];
const WRONG_REGION: [&str; 4] =
    ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "Redirect"];
const BAD_CREDENTIALS: [&str; 5] =
    ["ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "SignatureDoesNotMatch"];
/// Endings of the SDK's texts when no credentials can be had until somebody changes something.
const NO_CREDENTIALS: [&str; 6] = [
    "no providers in chain provided credentials",
    "the credential provider was not enabled",
    "the credentials provider was not properly configured",
    "InvalidIdentityToken",
    "ExpiredTokenException",
    "not authorized to perform: sts:",
];

impl Asked<'_> {
    pub(super) fn explain(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Silent(limit) => self.unavailable(format!("{} did not answer in {limit:?}", self.place())),
            Failure::Broken(cause) => self.explain_broken(cause),
            Failure::Answered { status, code, message, region } => self.explain_answer(status, &code, &message, region),
        }
    }

    fn explain_broken(&self, cause: String) -> StoreError {
        if NO_CREDENTIALS.iter().any(|text| cause.contains(text)) {
            return self.refused(
                cause,
                "give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of the pod or \
                 instance"
                    .to_owned(),
            );
        }
        if cause.contains("invalid peer certificate") {
            return self.refused(
                format!("the certificate of {} is not trusted: {cause}", self.place()),
                "point SSL_CERT_FILE at the authority that signed it".to_owned(),
            );
        }
        if cause.contains("InvalidContentType") {
            return self.refused(
                format!("{} does not speak TLS", self.place()),
                "write the endpoint with http://, or the port that has TLS".to_owned(),
            );
        }
        self.unavailable(format!("no answer from {}: {cause}", self.place()))
    }

    fn explain_answer(&self, status: u16, code: &str, message: &str, told: Option<String>) -> StoreError {
        let cause = match (code, message) {
            ("", _) => format!("status {status} without a reason"),
            (_, "") => format!("{code} ({status})"),
            _ => format!("{code} ({status}): {message}"),
        };
        let told = told.or_else(|| region_in(message));
        let elsewhere = told.as_deref().is_some_and(|region| region != self.region);
        let is = |codes: &[&str]| codes.contains(&code);
        match status {
            412 if self.operation == Operation::PutNew => StoreError::Taken { key: self.key.to_owned() },
            408 | 409 | 425 | 429 | 500 | 502..600 => self.unavailable(cause),
            _ if is(&PASSING) => self.unavailable(cause),
            // A HEAD has no body, hence no code: only the header tells.
            _ if is(&WRONG_REGION) || status == 301 || elsewhere => self.refused(
                format!("bucket {} is not in {}: {cause}", self.bucket, self.region),
                match told {
                    Some(region) => format!("set `archive.s3.region: {region}`"),
                    None => "set `archive.s3.region` to the bucket's".to_owned(),
                },
            ),
            404 => self.refused(
                format!("bucket {} does not exist at {}: {cause}", self.bucket, self.place()),
                "create it, or mend `archive.url`".to_owned(),
            ),
            _ if is(&BAD_CREDENTIALS) => self.refused(cause, "renew or correct the credentials".to_owned()),
            _ if code == "RequestTimeTooSkewed" => self.refused(cause, "set this machine's clock".to_owned()),
            401 | 403 => self.refused(
                cause,
                format!(
                    "grant s3:GetObject and s3:PutObject on the archive's prefix and s3:ListBucket on bucket {} (without \
                     ListBucket, S3 answers 403 for keys that do not exist)",
                    self.bucket
                ),
            ),
            501 => self.refused(
                cause,
                "this store lacks a part of S3 that the archive needs; docs/stores.md lists those known to work".to_owned(),
            ),
            _ => self.refused(cause, "see the store's own documentation of this answer".to_owned()),
        }
    }

    fn place(&self) -> String {
        match self.endpoint {
            Some(endpoint) => endpoint.to_owned(),
            None => format!("S3 in {}", self.region),
        }
    }

    fn unavailable(&self, cause: String) -> StoreError {
        StoreError::Unavailable { operation: self.operation.name(), key: self.key.to_owned(), cause }
    }

    fn refused(&self, cause: String, remedy: String) -> StoreError {
        StoreError::Refused { operation: self.operation.name(), key: self.key.to_owned(), cause, remedy }
    }
}

/// Finds the region in "the region 'a' is wrong; expecting 'b'".
fn region_in(message: &str) -> Option<String> {
    let (_, after) = message.split_once("expecting '")?;
    after.split_once('\'').map(|(region, _)| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'static> = Asked {
        operation: Operation::PutNew,
        key: "chain/a.json",
        bucket: "lake",
        region: "eu-west-1",
        endpoint: Some("http://127.0.0.1:4566"),
    };

    fn answered(status: u16, code: &str) -> Failure {
        Failure::Answered { status, code: code.to_owned(), message: String::new(), region: None }
    }

    fn text(failure: Failure) -> String {
        ASKED.explain(failure).to_string()
    }

    #[test]
    fn only_a_412_on_a_create_says_taken() {
        assert!(matches!(ASKED.explain(answered(412, "PreconditionFailed")), StoreError::Taken { .. }));
        let read = Asked { operation: Operation::Get, ..ASKED };
        assert!(matches!(read.explain(answered(412, "PreconditionFailed")), StoreError::Refused { .. }));
    }

    #[test]
    fn what_may_pass_by_itself_is_unavailable() {
        for (status, code) in [
            (409, "ConditionalRequestConflict"),
            (400, "RequestTimeout"),
            (400, "BadDigest"),
            (500, "InternalError"),
            (503, "SlowDown"),
            (429, ""),
            (307, "TemporaryRedirect"),
        ] {
            let error = ASKED.explain(answered(status, code));
            assert!(matches!(error, StoreError::Unavailable { .. }), "{status} {code}: {error}");
        }
        let silent = ASKED.explain(Failure::Silent(Duration::from_secs(20)));
        assert!(silent.to_string().contains("http://127.0.0.1:4566 did not answer in 20s"), "{silent}");
    }

    #[test]
    fn refusals_name_the_remedy() {
        for (failure, wanted) in [
            (answered(404, "NoSuchBucket"), "create it, or mend `archive.url`"),
            (answered(403, "AccessDenied"), "s3:ListBucket on bucket lake"),
            (answered(400, "ExpiredToken"), "renew or correct the credentials"),
            (answered(403, "SignatureDoesNotMatch"), "renew or correct the credentials"),
            (answered(403, "RequestTimeTooSkewed"), "set this machine's clock"),
            (answered(501, "NotImplemented"), "docs/stores.md"),
            (answered(301, "PermanentRedirect"), "set `archive.s3.region` to the bucket's"),
        ] {
            let text = text(failure);
            assert!(text.contains(wanted), "{text}");
        }
    }

    #[test]
    fn the_right_region_is_named_when_the_answer_tells_it() {
        let by_header = Failure::Answered {
            status: 400,
            code: String::new(),
            message: String::new(),
            region: Some("us-east-2".into()),
        };
        assert!(text(by_header).ends_with("set `archive.s3.region: us-east-2`"));
        let by_message = Failure::Answered {
            status: 400,
            code: "AuthorizationHeaderMalformed".into(),
            message: "the region 'eu-west-1' is wrong; expecting 'eu-central-1'".into(),
            region: None,
        };
        assert!(text(by_message).ends_with("set `archive.s3.region: eu-central-1`"));
        let same = Failure::Answered {
            status: 403,
            code: "AccessDenied".into(),
            message: String::new(),
            region: Some("eu-west-1".into()),
        };
        assert!(text(same).contains("grant s3:GetObject"));
    }

    #[test]
    fn a_missing_key_is_no_missing_bucket() {
        assert!(answered(404, "NoSuchKey").is_absence() && answered(404, "").is_absence());
        assert!(!answered(404, "NoSuchBucket").is_absence());
    }

    #[test]
    fn a_refused_connection_names_the_endpoint_and_the_last_cause() {
        #[derive(Debug, thiserror::Error)]
        #[error("dispatch failure")]
        struct Outer(#[source] std::io::Error);
        let outer = Outer(std::io::ErrorKind::ConnectionRefused.into());
        let text = text(Failure::broken(&outer));
        assert_eq!(text, "put_new chain/a.json: no answer from http://127.0.0.1:4566: connection refused");
    }

    #[test]
    fn credentials_and_certificates_are_for_the_operator() {
        for (cause, wanted) in [
            ("dispatch failure: no providers in chain provided credentials", "AWS_PROFILE"),
            ("io error: invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
            ("io error: received corrupt message of type InvalidContentType", "http://"),
        ] {
            let error = ASKED.explain(Failure::Broken(cause.to_owned()));
            assert!(matches!(error, StoreError::Refused { .. }) && error.to_string().contains(wanted), "{error}");
        }
    }
}
