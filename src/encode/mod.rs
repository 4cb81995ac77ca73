//! Columns → Parquet objects, and back to records.                                                                engine
//!
//! **What it is.** [`Encoder`] makes the bytes of an object, [`Footer`] tells from its last bytes what it is, [`read_records`]
//! gets the records out again.
//!
//! **Flow.** chunks of rows → [`properties`] (encodings, statistics) → Parquet with the facts of [`footer`] → object.
//! Object → [`read`] → records, for replay and verify.
//!
//! **Promises.** An object is a function of rows, facts and program version. The records that come back are those that went in,
//! byte by byte: what [`read_records`] gets has the digest that the footer says, be it from payloads kept or made again.
//!
//! **Failure.** Encoding fails only by a defect. Reading takes objects for untrusted: [`ReadError`] says whether more bytes, a
//! newer program or another object is wanted.
//!
//! **Not here.** Names of objects, the store, which objects belong to a cut.

mod error;
mod footer;
mod properties;
mod read;

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use crate::decode::DecodedObject;
use crate::domain::{ObjectKind, OffsetRange, Topic, TopicId};
use crate::schema::{Layout, quarantine_schema};

pub use error::{EncodeError, ReadError};
pub use footer::Footer;
pub use read::read_records;

/// The version of the footer's entries that this program writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

/// What an object's footer says beside the object: who made it, and for which cut.
#[derive(Clone, Debug)]
pub struct ObjectFacts {
    pub topic: Topic,
    pub topic_id: TopicId,
    pub partition: i32,
    /// The cut's range, in which the object's own span lies.
    pub cut: OffsetRange,
    pub cut_key: String,
    pub nonce: String,
}

/// Makes objects of one layout. Holds the workspace, not the objects: one serves all partitions of a thread.
pub struct Encoder {
    layout: Arc<Layout>,
}

/// An object in the making.
pub struct OpenObject {
    writer: ArrowWriter<Vec<u8>>,
}

impl Encoder {
    pub fn new(layout: Arc<Layout>) -> Encoder {
        Encoder { layout }
    }

    /// Begins an object of rows or of quarantine.
    pub fn open(&mut self, kind: ObjectKind) -> Result<OpenObject, EncodeError> {
        let schema = match kind {
            ObjectKind::Rows => self.layout.arrow_schema().clone(),
            ObjectKind::Quarantine => quarantine_schema(),
        };
        // Arrow's own schema would name types that no other reader knows, and Parquet's says it all.
        let options = ArrowWriterOptions::new()
            .with_properties(properties::of(&schema))
            .with_skip_arrow_metadata(true)
            .with_schema_root("alluvium".into());
        Ok(OpenObject { writer: ArrowWriter::try_new_with_options(Vec::new(), schema, options)? })
    }

    /// Adds rows to an object, in offset order.
    pub fn push(&mut self, object: &mut OpenObject, rows: &RecordBatch) -> Result<(), EncodeError> {
        Ok(object.writer.write(rows)?)
    }

    /// Makes the Parquet bytes of an object.
    pub fn finish(
        &mut self,
        object: OpenObject,
        decoded: &DecodedObject,
        facts: &ObjectFacts,
    ) -> Result<Bytes, EncodeError> {
        let mut writer = object.writer;
        let entries = footer::entries(decoded, facts, &self.layout);
        entries.into_iter().for_each(|entry| writer.append_key_value_metadata(entry));
        Ok(writer.into_inner().map(Bytes::from)?)
    }
}

impl OpenObject {
    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.writer.memory_size() + self.writer.bytes_written()
    }
}

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
