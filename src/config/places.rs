//! Addresses and URLs: brokers, the bucket, the endpoint, our own door.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use super::wrong::Wrong;

/// Where the HTTP server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address(pub SocketAddr);

/// `host:port[,host:port…]`, as librdkafka takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Brokers(pub String);

/// Where the archive lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArchiveUrl {
    File(PathBuf),
    S3 { bucket: String, prefix: String },
}

/// An S3 endpoint other than AWS's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint(pub String);

const BROKERS_HELP: &str = "write `host:port`, several with commas between: `kafka-1:9092,kafka-2:9092`";
const ARCHIVE_HELP: &str = "write `s3://bucket/prefix` or `file:///absolute/folder`";
const ENDPOINT_HELP: &str = "write `http://host:port` or `https://host:port`";
const NO_SECRETS_HELP: &str = "take credentials from the environment, a profile, a web identity or the container";

impl FromStr for Address {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Address, Wrong> {
        let wrong = |_| {
            Wrong::new("not an IP address with a port", "write `127.0.0.1:9700`, or `0.0.0.0:9700` for all interfaces")
        };
        text.parse().map(Address).map_err(wrong)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Brokers {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Brokers, Wrong> {
        let wrong = |what: &str| Wrong::new(what, BROKERS_HELP);
        for broker in text.split(',') {
            // A listener's protocol may stand before the host; librdkafka reads it.
            let broker = broker.trim().rsplit_once("://").map_or(broker.trim(), |(_, host)| host);
            if broker.is_empty() {
                return Err(wrong("a broker is missing here"));
            }
            if broker.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@')) {
                return Err(wrong("not a list of brokers"));
            }
            let (host, port) = broker.rsplit_once(':').ok_or_else(|| wrong("a broker's port is missing"))?;
            if host.is_empty() {
                return Err(wrong("a broker's host is missing"));
            }
            if !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(wrong("a broker's port is no number from 1 to 65535"));
            }
        }
        Ok(Brokers(text.to_owned()))
    }
}

impl FromStr for ArchiveUrl {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<ArchiveUrl, Wrong> {
        let wrong = |what: &str| Wrong::new(what, ARCHIVE_HELP);
        match text.split_once("://") {
            Some(("s3", rest)) => s3(rest),
            Some(("file", _)) => {
                let url = Url::parse(text).map_err(|_| wrong("not a URL"))?;
                if url.query().is_some() || url.fragment().is_some() {
                    return Err(wrong("a folder's URL has no `?` and no `#`"));
                }
                let path = url
                    .to_file_path()
                    .map_err(|()| wrong("the folder must be absolute: three slashes after `file:`"))?;
                Ok(ArchiveUrl::File(path))
            }
            Some(("s3a" | "s3n", _)) => Err(wrong("the scheme is `s3`")),
            Some(_) => Err(wrong("the scheme is neither `s3` nor `file`")),
            None => Err(wrong("the scheme is missing")),
        }
    }
}

fn s3(rest: &str) -> Result<ArchiveUrl, Wrong> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    // Before anything else is said of the text.
    if bucket.contains(['@', ':']) {
        return Err(Wrong::new("credentials do not belong in the URL", NO_SECRETS_HELP));
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    let letters = bucket.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !letters || !(3..=63).contains(&bucket.len()) || !ends(bucket.chars().next()) || !ends(bucket.chars().last()) {
        let help = "3 to 63 lower-case letters, digits, `.` and `-`, with a letter or digit at both ends";
        return Err(Wrong::new("not the name of a bucket", help));
    }
    let prefix = prefix.trim_matches('/');
    let odd =
        |part: &str| matches!(part, "" | "." | "..") || part.contains(|c: char| c.is_control() || "?#\\".contains(c));
    if !prefix.is_empty() && prefix.split('/').any(odd) {
        return Err(Wrong::new("not a prefix", "names with one slash between, without `.`, `..`, `?`, `#` and `\\`"));
    }
    Ok(ArchiveUrl::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

impl FromStr for Endpoint {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Endpoint, Wrong> {
        let wrong = |what: &str| Wrong::new(what, ENDPOINT_HELP);
        let url = Url::parse(text).map_err(|_| wrong("not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Wrong::new("credentials do not belong in the URL", NO_SECRETS_HELP));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the scheme is neither `http` nor `https`"));
        }
        if !url.has_host() || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("an endpoint has a host, and neither `?` nor `#`"));
        }
        Ok(Endpoint(text.trim_end_matches('/').to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(bucket: &str, prefix: &str) -> ArchiveUrl {
        ArchiveUrl::S3 { bucket: bucket.into(), prefix: prefix.into() }
    }

    #[test]
    fn archives_lie_in_a_bucket_or_in_an_absolute_folder() {
        assert_eq!("s3://lake".parse(), Ok(s3("lake", "")));
        assert_eq!("s3://lake/a/b/".parse(), Ok(s3("lake", "a/b")));
        assert_eq!("file:///var/lib/a%20b".parse(), Ok(ArchiveUrl::File("/var/lib/a b".into())));
        for text in ["lake", "s3://", "s3://Lake/x", "s3://ab", "s3a://lake", "s3://lake/a//b", "s3://lake/../b"] {
            assert!(text.parse::<ArchiveUrl>().is_err(), "{text}");
        }
        for text in ["file://var/lib", "file:///a?b", "gs://lake/x", "s3://key:secret@lake/x"] {
            assert!(text.parse::<ArchiveUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn brokers_have_a_host_and_a_port() {
        for text in ["localhost:9092", "a:1, b:2", "SASL_SSL://a:9093", "[::1]:9092"] {
            assert!(text.parse::<Brokers>().is_ok(), "{text}");
        }
        for text in ["", "localhost", "a:1,,b:2", ":9092", "a:0", "a:99999", "a b:1", "http://a:1/x"] {
            assert!(text.parse::<Brokers>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_http_and_holds_no_credentials() {
        assert_eq!("http://localhost:4566/".parse(), Ok(Endpoint("http://localhost:4566".into())));
        for text in ["localhost:4566", "ftp://a", "http://me:pw@a", "http://a?b", "http://"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
