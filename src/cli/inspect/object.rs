//! What a Parquet object says of itself, and whether its records say the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;
use serde::Serialize;

use super::words::Words;
use crate::domain::{Digest, Offset, RecordDigest};
use crate::encode::{self, Footer, ReadError};
use crate::schema::Layout;

#[derive(Debug, Serialize)]
pub(super) struct ObjectFacts {
    pub rows: i64,
    pub row_groups: usize,
    pub created_by: Option<String>,
    /// The key-value metadata of the Parquet footer.
    pub footer: BTreeMap<String, Option<String>>,
    pub columns: Vec<ColumnFacts>,
    /// In Parquet's own words.
    pub schema: String,
    /// Null where the footer does not say: all rows keep their payloads then.
    pub payloads: Option<PayloadFacts>,
    /// What its rows are as records; null where they cannot be read as such.
    pub records: Option<RecordFacts>,
}

#[derive(Debug, Serialize)]
pub(super) struct ColumnFacts {
    pub path: String,
    pub encodings: String,
    pub compression: String,
    pub compressed_bytes: i64,
    pub uncompressed_bytes: i64,
}

/// How many rows keep their payload beside their columns, and why.
#[derive(Debug, Serialize)]
pub(super) struct PayloadFacts {
    pub kept: u64,
    pub reasons: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct RecordFacts {
    pub records: usize,
    pub first: Option<Offset>,
    pub next: Option<Offset>,
    /// As the cut record must name it.
    pub digest: Digest,
}

/// `layout` is the one its footer names, or why it is not to be had.
pub(super) fn facts(
    name: &str,
    bytes: Bytes,
    layout: &Result<Arc<Layout>, String>,
    faults: &mut Vec<String>,
) -> anyhow::Result<ObjectFacts> {
    let reader =
        SerializedFileReader::new(bytes.clone()).with_context(|| format!("{name} is no whole Parquet file"))?;
    let metadata = reader.metadata();
    let file = metadata.file_metadata();
    let mut schema = Vec::new();
    print_schema(&mut schema, file.schema());
    let entries = file.key_value_metadata().into_iter().flatten();
    let footer = Footer::read(&bytes).map_err(|error| faults.push(error.to_string())).ok();
    let reasons = footer.as_ref().and_then(|footer| footer.raw.clone());
    Ok(ObjectFacts {
        rows: file.num_rows(),
        row_groups: metadata.num_row_groups(),
        created_by: file.created_by().map(str::to_owned),
        footer: entries.map(|pair| (pair.key.clone(), pair.value.clone())).collect(),
        columns: columns(metadata),
        schema: String::from_utf8_lossy(&schema).into_owned(),
        payloads: reasons.map(|reasons| PayloadFacts { kept: reasons.values().sum(), reasons }),
        records: footer.and_then(|footer| records(&footer, bytes, layout, faults)),
    })
}

/// Sums each column over the row groups.
fn columns(metadata: &ParquetMetaData) -> Vec<ColumnFacts> {
    let mut columns: Vec<ColumnFacts> = Vec::new();
    for group in metadata.row_groups() {
        for (at, chunk) in group.columns().iter().enumerate() {
            if let Some(column) = columns.get_mut(at) {
                column.compressed_bytes += chunk.compressed_size();
                column.uncompressed_bytes += chunk.uncompressed_size();
                continue;
            }
            let encodings = chunk.encodings().map(|encoding| encoding.to_string()).collect::<Vec<_>>();
            columns.push(ColumnFacts {
                path: chunk.column_path().string(),
                encodings: encodings.join(" "),
                compression: format!("{:?}", chunk.compression_codec()),
                compressed_bytes: chunk.compressed_size(),
                uncompressed_bytes: chunk.uncompressed_size(),
            });
        }
    }
    columns
}

/// Reads the rows as records, and compares them with what the footer says of them.
fn records(
    footer: &Footer,
    bytes: Bytes,
    layout: &Result<Arc<Layout>, String>,
    faults: &mut Vec<String>,
) -> Option<RecordFacts> {
    let read = encode::read_records(bytes, footer.kind, layout.as_deref().ok());
    let records = read.map_err(|error| match (error, layout) {
        (error @ ReadError::LayoutNeeded, Err(cause)) => faults.push(format!("{error}: {cause}")),
        (error, _) => faults.push(error.to_string()),
    });
    let records = records.ok()?;
    let mut digest = RecordDigest::default();
    records.iter().for_each(|record| digest.update(&record));
    let facts = RecordFacts {
        records: records.len(),
        first: records.first_offset(),
        next: records.last_offset().map(Offset::following),
        digest: digest.finish(),
    };
    if facts.digest != footer.digest {
        faults.push(format!("its records have digest {}, its footer says {}", facts.digest, footer.digest));
    }
    Some(facts)
}

impl Words {
    pub(super) fn object(&mut self, name: &str, bytes: usize, facts: &ObjectFacts) {
        self.line("object", name);
        self.line("bytes", bytes);
        self.line("rows", format!("{} in {} row groups", facts.rows, facts.row_groups));
        if let Some(PayloadFacts { kept, reasons }) = &facts.payloads {
            let why: Vec<String> = reasons.iter().map(|(reason, rows)| format!("{reason} {rows}")).collect();
            let why = if why.is_empty() { "the columns say all".to_owned() } else { why.join(", ") };
            self.line("payloads kept", format!("{kept}: {why}"));
        }
        if let Some(records) = &facts.records {
            if let (Some(first), Some(next)) = (records.first, records.next) {
                self.line("offsets", format!("{first}..{next}"));
            }
            self.line(
                "digest",
                format!("{} (of its {} records; the cut record names it)", records.digest, records.records),
            );
        }
        self.line("created by", facts.created_by.as_deref().unwrap_or("unknown"));
        for (name, value) in &facts.footer {
            self.line("footer", format!("{name} = {}", value.as_deref().unwrap_or_default()));
        }
        for column in &facts.columns {
            let ColumnFacts { path, encodings, compression, compressed_bytes, uncompressed_bytes } = column;
            self.line(
                "column",
                format!(
                    "{path:<40} {compressed_bytes:>10} of {uncompressed_bytes:>10} bytes, {compression}, {encodings}"
                ),
            );
        }
        self.raw(&facts.schema);
    }
}
