//! `alluvium inspect`: one cut record, loss record, layout or object, explained.

mod explain;
mod object;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;

use super::{ConfigFile, Exit, Output, block_on, exit, print};
use crate::chain::layout_keys;
use crate::encode::Footer;
use crate::schema::Layout;
use crate::store::{self, ArchiveSettings, S3Settings};

/// Explain one cut record, loss record, layout or object.
///
/// Of a cut record: its range, rows, objects and digests. Of an object: footer, columns, Parquet
/// schema, and whether its records give the digest that its footer names.
///
/// Examples:
///   alluvium inspect -c alluvium.yaml layouts/<fingerprint>.json
///   alluvium inspect s3://lake/alluvium/tables/<table>/dt=2026-11-23/hour=06/<name>.parquet
///   alluvium inspect <folder>/chain/<topic>/<topic id>/00000/<number>.json --output json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = exit::HELP)]
pub(super) struct Args {
    /// A key of the archive that the configuration file names, an `s3://` or `file://` URL, or a path.
    #[arg(value_name = "KEY|URL")]
    what: String,
    /// The configuration file: for a KEY, and for the endpoint and region of an `s3://` URL.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the result is written.
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let archive = match &args.config {
        Some(path) => Some(ConfigFile { path: path.clone() }.load()?.0.archive),
        None => None,
    };
    let place = Place::of(&args.what, archive)?;
    let (bytes, layout) = block_on(async {
        let bytes = place.read().await?;
        let layout = place.layout(&bytes).await;
        anyhow::Ok((bytes, layout))
    })??;
    let explained = explain::explain(&place.name(), bytes, &layout)?;
    print(&match args.output {
        Output::Text => explained.in_words(),
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&explained)?),
    })?;
    Ok(if explained.is_sound() { Exit::Ok } else { Exit::Failure })
}

/// Where the bytes are.
#[derive(Debug)]
enum Place {
    Local(PathBuf),
    Archive { archive: ArchiveSettings, key: String },
}

impl Place {
    fn of(what: &str, archive: Option<ArchiveSettings>) -> anyhow::Result<Place> {
        if let Some(rest) = what.strip_prefix("s3://") {
            let Some((bucket, key)) =
                rest.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            else {
                bail!("{what} names no object: write s3://bucket/prefix/key");
            };
            let (endpoint, region, path_style) = match archive {
                Some(ArchiveSettings::S3(s3)) => (s3.endpoint, s3.region, s3.path_style),
                _ => (None, None, false),
            };
            let s3 = S3Settings { bucket: bucket.to_owned(), prefix: String::new(), endpoint, region, path_style };
            return Ok(Place::Archive { archive: ArchiveSettings::S3(s3), key: key.to_owned() });
        }
        if what.starts_with("file://") {
            let path = url::Url::parse(what).ok().and_then(|url| url.to_file_path().ok());
            return Ok(Place::Local(path.with_context(|| format!("{what} is no path: write file:///folder/key"))?));
        }
        if what.contains("://") {
            bail!("{what}: the scheme is neither s3 nor file");
        }
        Ok(match archive {
            Some(archive) if !Path::new(what).is_absolute() => Place::Archive { archive, key: what.to_owned() },
            _ => Place::Local(what.into()),
        })
    }

    fn name(&self) -> String {
        match self {
            Place::Local(path) => path.display().to_string(),
            Place::Archive { key, .. } => key.clone(),
        }
    }

    /// Fetches the layout that an object names, from the archive in which the object stands.
    async fn layout(&self, object: &Bytes) -> Result<Arc<Layout>, String> {
        let fingerprint = Footer::read(object).map_err(|error| error.to_string())?.layout;
        let (rule, descriptors) = layout_keys(fingerprint);
        let mut parts = Vec::new();
        for key in [rule, descriptors] {
            let place =
                self.beside(&key).ok_or_else(|| format!("{key} is not to be found: it stands in no archive"))?;
            parts.push(place.read().await.map_err(|error| format!("{error:#}"))?);
        }
        Layout::from_stored(fingerprint, &parts[0], &parts[1]).map(Arc::new).map_err(|error| error.to_string())
    }

    /// Returns the place of a key in the archive that has this object: its root is above kind, table, date, hour and name.
    fn beside(&self, key: &str) -> Option<Place> {
        const BELOW_ROOT: usize = 5;
        Some(match self {
            Place::Local(path) => Place::Local(path.ancestors().nth(BELOW_ROOT)?.join(key)),
            Place::Archive { archive, key: object } => {
                let root = Path::new(object).ancestors().nth(BELOW_ROOT)?;
                Place::Archive { archive: archive.clone(), key: root.join(key).display().to_string() }
            }
        })
    }

    async fn read(&self) -> anyhow::Result<Bytes> {
        match self {
            Place::Local(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => {
                    let hint = if path.is_absolute() { "" } else { "; for a key of an archive add -c FILE" };
                    Err(error).with_context(|| format!("cannot read {}{hint}", path.display()))
                }
            },
            Place::Archive { archive, key } => {
                let store = store::open_to_read(archive).await?;
                store.get(key).await?.with_context(|| format!("{} has nothing at {key}", store.url()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Option<ArchiveSettings> {
        let (endpoint, region) = (Some("http://localhost:4566".into()), Some("eu-west-1".into()));
        Some(ArchiveSettings::S3(S3Settings {
            bucket: "lake".into(),
            prefix: "p".into(),
            endpoint,
            region,
            path_style: true,
        }))
    }

    #[test]
    fn a_key_needs_an_archive_and_anything_else_does_not() {
        let place = |what: &str, archive| format!("{:?}", Place::of(what, archive).unwrap());
        assert_eq!(place("chain/t/x.json", None), "Local(\"chain/t/x.json\")");
        assert_eq!(place("file:///a/b%20c", lake()), "Local(\"/a/b c\")");
        assert_eq!(place("/a/b", lake()), "Local(\"/a/b\")");
        assert!(
            place("chain/t/x.json", lake()).contains("prefix: \"p\"")
                && place("chain/t", lake()).contains("key: \"chain/t\"")
        );
        for what in ["s3://lake", "s3:///x", "gs://lake/x"] {
            assert!(Place::of(what, None).is_err(), "{what}");
        }
    }

    #[test]
    fn an_s3_url_takes_endpoint_and_region_from_the_configuration_and_its_key_from_the_bucket() {
        let place = format!("{:?}", Place::of("s3://other/p/tables/x.parquet", lake()).unwrap());
        for part in ["bucket: \"other\"", "prefix: \"\"", "localhost:4566", "key: \"p/tables/x.parquet\""] {
            assert!(place.contains(part), "{place}");
        }
    }

    #[test]
    fn an_object_finds_its_layout_in_its_own_archive() {
        let beside = |what: &str, archive| {
            let object = format!("{what}tables/tables/dt=2026-11-23/hour=06/x.parquet");
            Place::of(&object, archive).unwrap().beside("layouts/a.json").map(|place| place.name())
        };
        for root in ["", "lake/", "/lake/p/"] {
            assert_eq!(beside(root, None), Some(format!("{root}layouts/a.json")));
        }
        assert_eq!(beside("", lake()), Some("layouts/a.json".into()));
        assert_eq!(beside("s3://lake/p/q/", lake()), Some("p/q/layouts/a.json".into()));
        assert!(Place::of("/tmp/x.parquet", None).unwrap().beside("layouts/a.json").is_none());
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_with_what_to_do() {
        let error = Place::of("chain/none.json", None).unwrap().read().await.unwrap_err();
        assert!(format!("{error:#}").contains("add -c FILE"), "{error:#}");
    }
}
