//! From what was written to what is used: defaults filled in, rules between keys held.
//!
//! Each section is taken apart field by field, so that a new key cannot be forgotten here.

use std::path::Path;
use std::time::Duration;

use super::file::{FileArchive, FileConfig, FileCut, FileFraming, FileKafka, FileProtocol, FileS3, FileSchemas};
use super::mistake::{Findings, Kind, Mistake};
use super::origin::Origin;
use super::places::ArchiveUrl;
use super::properties::{refusals, why_overridden};
use super::quantities::{Period, Size};
use super::settings::{ArchiveSettings, CutSettings, KafkaOptions, Protocol, S3Settings, Settings};
use super::topics;
use crate::schema::Framing;
use crate::source::overridden;

/// Returns what the program uses; nothing where a key that must be there is not, which `form` has reported. `folder` is where
/// relative paths start.
pub(super) fn resolve(file: FileConfig, folder: &Path, origin: Origin, found: &mut Findings) -> Option<Settings> {
    let FileConfig {
        kafka,
        topics,
        schemas: FileSchemas { descriptors },
        archive,
        cut,
        memory,
        lanes,
        http,
        stop_within,
    } = file;
    // All of them before the first may give up.
    let kafka = kafka_options(kafka, found);
    let topics = topics::resolve(topics, found);
    let archive = archive_settings(archive, found);
    let cut = cut_settings(cut, memory, found);
    bounded("stop_within", stop_within, Period(Duration::from_secs(1)), Period(Duration::from_secs(3600)), found);
    bounded("memory", memory, Size::mib(16), Size(1 << 40), found);
    Some(Settings {
        kafka: kafka?,
        topics: topics?,
        descriptors: descriptors.iter().map(|path| folder.join(path)).collect(),
        archive: archive?,
        cut,
        memory: bytes(memory),
        lanes: lanes.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        http: http.0,
        stop_within: stop_within.0,
        origin,
    })
}

fn kafka_options(file: FileKafka, found: &mut Findings) -> Option<KafkaOptions> {
    let FileKafka { brokers, group, protocol, properties } = file;
    let protocol = match protocol {
        FileProtocol::Classic => Protocol::Classic,
        FileProtocol::Consumer => Protocol::Consumer,
    };
    let properties = properties.into_iter().map(|(name, value)| (name, value.0)).collect();
    let (known, brokers) = (brokers.is_some(), brokers.map_or_else(String::new, |brokers| brokers.0));
    let options = KafkaOptions { brokers, group, protocol, properties };
    refusals(&options, found);
    for name in overridden(&options) {
        let path = format!("kafka.properties.{name}");
        found.warnings.push((found.place(&path), format!("`{path}` has no effect: {}", why_overridden(&name))));
    }
    known.then_some(options)
}

fn archive_settings(file: FileArchive, found: &mut Findings) -> Option<ArchiveSettings> {
    let FileArchive { url, s3: FileS3 { endpoint, region, path_style } } = file;
    match url? {
        ArchiveUrl::File(path) => {
            if endpoint.is_some() || region.is_some() || path_style {
                found.warnings.push((
                    found.place("archive.s3"),
                    "`archive.s3` has no effect: the archive is a folder".to_owned(),
                ));
            }
            Some(ArchiveSettings::File { path })
        }
        ArchiveUrl::S3 { bucket, prefix } => Some(ArchiveSettings::S3(S3Settings {
            bucket,
            prefix,
            endpoint: endpoint.map(|e| e.0),
            region,
            path_style,
        })),
    }
}

fn cut_settings(file: FileCut, memory: Size, found: &mut Findings) -> CutSettings {
    let FileCut { every, bytes: size, rows } = file;
    bounded("cut.every", every, Period(Duration::from_millis(100)), Period(Duration::from_secs(3600)), found);
    // Text columns count their bytes in 31 bits.
    bounded("cut.bytes", size, Size(64 << 10), Size::mib(1024), found);
    if size > memory && !found.is_mistaken("cut.bytes") && !found.is_mistaken("memory") {
        let what = format!("`cut.bytes` ({size}) is more than `memory` ({memory}): no partition could ever reach it");
        let help = "lower `cut.bytes` or raise `memory`; several times `cut.bytes` is usual";
        let mistake = Mistake::new(Kind::Meaning, what, help);
        found.mistake("cut.bytes", mistake.at(found.place("cut.bytes"), "at most what all partitions share"));
    }
    CutSettings { every: every.0, bytes: bytes(size), rows }
}

/// Reports a value outside `least..=most`.
fn bounded<T: PartialOrd + std::fmt::Display>(path: &str, value: T, least: T, most: T, found: &mut Findings) {
    let (side, bound) = match () {
        () if value < least => ("less", &least),
        () if value > most => ("more", &most),
        () => return,
    };
    let help = format!("write {least} to {most}");
    let mistake = Mistake::new(Kind::Meaning, format!("`{path}` is {side} than {bound}"), help);
    found.mistake(path, mistake.at(found.place(path), "out of bounds"));
}

fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

impl From<FileFraming> for Framing {
    fn from(framing: FileFraming) -> Framing {
        match framing {
            FileFraming::Raw => Framing::Raw,
            FileFraming::Confluent => Framing::Confluent,
            FileFraming::ConfluentHeader => Framing::ConfluentHeader,
            FileFraming::Glue => Framing::Glue,
            FileFraming::LengthDelimited => Framing::LengthDelimited,
        }
    }
}
