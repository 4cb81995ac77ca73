//! A layout's stored JSON. Format version 1; `docs/formats.md` describes it, a golden pair in `tests/corpus/layout/` holds it.

use serde::{Deserialize, Serialize};

use super::columns::MappingOptions;
use super::error::SchemaError;
use super::mapping::{Column, Element, MAPPING_VERSION, Shape};
use super::{Framing, TimeRule};
use crate::domain::Digest;

/// The format version this program writes, and the newest it reads.
pub const LAYOUT_VERSION: u32 = 1;

/// Goes up when the same rows would be written so that a reader sees another table.
pub const ENCODER_VERSION: u32 = 1;

/// What was decided, as opposed to what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub table: String,
    pub message: String,
    pub framing: Framing,
    pub time: TimeRule,
    pub options: MappingOptions,
}

/// Field order is the stored order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    table: String,
    message: String,
    framing: Framing,
    time: TimeRule,
    mapping: u32,
    encoder: u32,
    /// BLAKE3 of the descriptor set.
    descriptor: Digest,
    options: MappingOptions,
    columns: Vec<StoredColumn>,
}

/// One column of the message, parents before children. The envelope's columns follow from the mapping version.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredColumn {
    /// Column names from the root; a map's value is `value` on the way to its fields.
    name: Vec<String>,
    /// Proto names from the root; of a oneof's case column, the oneof's.
    proto: Vec<String>,
    /// Field numbers from the root; of a oneof's case column, those of its message.
    numbers: Vec<u32>,
    arrow: String,
    parquet: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
    /// The default that the schema declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
}

pub(super) fn to_json(rule: &Rule, descriptor: Digest, columns: &[Column]) -> Vec<u8> {
    let mut stored = Vec::new();
    flatten(columns, &[], &mut stored);
    let layout = Stored {
        version: LAYOUT_VERSION,
        table: rule.table.clone(),
        message: rule.message.clone(),
        framing: rule.framing,
        time: rule.time.clone(),
        mapping: MAPPING_VERSION,
        encoder: ENCODER_VERSION,
        descriptor,
        options: rule.options.clone(),
        columns: stored,
    };
    let mut bytes = serde_json::to_vec(&layout).expect("a layout has only string keys and integers");
    bytes.push(b'\n');
    bytes
}

pub(super) fn parse(fingerprint: Digest, json: &[u8]) -> Result<(Rule, Digest), SchemaError> {
    #[derive(Deserialize)]
    struct Versions {
        version: u32,
        mapping: u32,
        encoder: u32,
    }
    let damaged = |cause: serde_json::Error| SchemaError::Damaged { fingerprint, cause: cause.to_string() };
    // The versions first, and alone: a later form may have fields this program does not know.
    let found: Versions = serde_json::from_slice(json).map_err(damaged)?;
    let known = [
        ("version", found.version, LAYOUT_VERSION),
        ("mapping", found.mapping, MAPPING_VERSION),
        ("encoder", found.encoder, ENCODER_VERSION),
    ];
    if let Some((what, found, newest)) = known.into_iter().find(|(_, found, newest)| found != newest) {
        return Err(SchemaError::Newer { fingerprint, what: format!("{what} {found}, known is {newest}") });
    }
    let stored: Stored = serde_json::from_slice(json).map_err(damaged)?;
    let Stored { table, message, framing, time, options, descriptor, .. } = stored;
    Ok((Rule { table, message, framing, time, options }, descriptor))
}

fn flatten(columns: &[Column], above: &[String], stored: &mut Vec<StoredColumn>) {
    for column in columns {
        let mut name = above.to_vec();
        name.push(column.name.clone());
        stored.push(StoredColumn {
            name: name.clone(),
            proto: column.path.clone(),
            numbers: column.numbers.clone(),
            arrow: arrow_name(&column.shape),
            parquet: parquet_name(&column.shape),
            meaning: meaning(&column.shape).map(str::to_owned),
            default: column.default.clone(),
        });
        match &column.shape {
            Shape::One(Element::Struct(children)) | Shape::List(Element::Struct(children)) => {
                flatten(children, &name, stored);
            }
            Shape::Map { value: Element::Struct(children), .. } => {
                name.push("value".into());
                flatten(children, &name, stored);
            }
            _ => {}
        }
    }
}

fn arrow_name(shape: &Shape) -> String {
    match shape {
        Shape::One(one) => one.arrow_name().to_owned(),
        Shape::List(of) => format!("List<{}>", of.arrow_name()),
        Shape::Map { key, value } => format!("Map<{},{}>", key.arrow_name(), value.arrow_name()),
        Shape::Case(_) => "Dictionary<Int32,Utf8>".to_owned(),
    }
}

fn parquet_name(shape: &Shape) -> String {
    match shape {
        Shape::One(one) => one.parquet_name().to_owned(),
        Shape::List(of) => format!("LIST<{}>", of.parquet_name()),
        Shape::Map { key, value } => format!("MAP<{},{}>", key.parquet_name(), value.parquet_name()),
        Shape::Case(_) => "BYTE_ARRAY STRING".to_owned(),
    }
}

fn meaning(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::One(element) | Shape::List(element) | Shape::Map { value: element, .. } => element.meaning(),
        Shape::Case(_) => Some("oneof case"),
    }
}
