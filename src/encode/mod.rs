//! Columns → Parquet objects, and back to records.                                                                engine
//!
//! **What it is.** [`encode`] makes the bytes of an object, [`Footer`] tells from its last bytes what it is, [`read_records`]
//! gets the records out again.
//!
//! **Flow.** decoded object → [`properties`] (encodings, statistics) → Parquet with the facts of [`footer`] → object.
//! Object → [`read`] → records, for replay and verify.
//!
//! **Promises.** An object is a function of decoded object, facts and program version. The records that come back are those that
//! went in, byte by byte: `read_records(encode(x))` has the digest of x.
//!
//! **Failure.** Encoding fails only by a defect. Reading takes objects for untrusted: [`ReadError`] says whether more bytes, a
//! newer program or another object is wanted.
//!
//! **Not here.** Names of objects, the store, which objects belong to a cut.

mod error;
mod footer;
mod properties;
mod read;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use crate::decode::DecodedObject;
use crate::domain::{Digest, OffsetRange, Topic, TopicId};

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
    /// Fingerprint of the layout.
    pub layout: Digest,
}

/// Makes the Parquet bytes of an object.
pub fn encode(object: &DecodedObject, facts: &ObjectFacts) -> Result<Bytes, EncodeError> {
    let fail = |cause: parquet::errors::ParquetError| EncodeError {
        topic: facts.topic.clone(),
        partition: facts.partition,
        cut: facts.cut,
        cause: cause.to_string(),
    };
    let properties = properties::of(object, footer::entries(object, facts));
    // Arrow's own schema would name types that no other reader knows, and Parquet's says it all.
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true)
        .with_schema_root("alluvium".into());
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), object.batch.schema(), options).map_err(fail)?;
    writer.write(&object.batch).map_err(fail)?;
    writer.into_inner().map(Bytes::from).map_err(fail)
}

#[cfg(test)]
mod tests;
