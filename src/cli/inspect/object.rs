//! What a Parquet object says of itself, and whether its records say the same.

use std::collections::BTreeMap;

use anyhow::Context;
use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;
use serde::Serialize;

use super::explain::{Explained, Words};
use crate::domain::{Digest, Offset, RecordDigest};
use crate::encode::{self, Footer};

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

#[derive(Debug, Serialize)]
pub(super) struct RecordFacts {
    pub records: usize,
    pub first: Option<Offset>,
    pub next: Option<Offset>,
    /// As the cut record must name it.
    pub digest: Digest,
}

pub(super) fn facts(name: &str, bytes: Bytes, faults: &mut Vec<String>) -> anyhow::Result<ObjectFacts> {
    let reader =
        SerializedFileReader::new(bytes.clone()).with_context(|| format!("{name} is no whole Parquet file"))?;
    let metadata = reader.metadata();
    let file = metadata.file_metadata();
    let mut schema = Vec::new();
    print_schema(&mut schema, file.schema());
    let entries = file.key_value_metadata().into_iter().flatten();
    let records = match Footer::read(&bytes) {
        Ok(footer) => records(&footer, bytes, faults),
        Err(error) => {
            faults.push(error.to_string());
            None
        }
    };
    Ok(ObjectFacts {
        rows: file.num_rows(),
        row_groups: metadata.num_row_groups(),
        created_by: file.created_by().map(str::to_owned),
        footer: entries.map(|pair| (pair.key.clone(), pair.value.clone())).collect(),
        columns: columns(metadata),
        schema: String::from_utf8_lossy(&schema).into_owned(),
        records,
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
fn records(footer: &Footer, bytes: Bytes, faults: &mut Vec<String>) -> Option<RecordFacts> {
    let records = encode::read_records(bytes, footer.kind).map_err(|error| faults.push(error.to_string())).ok()?;
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
    pub(super) fn object(&mut self, explained: &Explained, facts: &ObjectFacts) {
        self.line("object", &explained.name);
        self.line("bytes", explained.bytes);
        self.line("rows", format!("{} in {} row groups", facts.rows, facts.row_groups));
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
