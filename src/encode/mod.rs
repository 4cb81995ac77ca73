//! Columns → Parquet objects, and back to records.                                                                engine
//!
//! **What it is.** [`Encoder`] makes the bytes of an object, [`Footer`] tells from its last bytes what it is, [`read_records`]
//! gets the records out again.
//!
//! **Flow.** chunk of rows → [`plan`], for each column its part of it → [`levels`] and [`values`], gathered in [`entries`] until
//! they are a page → [`column`]: in what encoding ([`choice`]: [`dictionary`] and [`hybrid`], or [`delta`]), compressed
//! ([`page`]) → [`object`]: row groups, then the whole with the facts of [`footer`]. The parquet crate writes what is Thrift.
//! Object → [`read`] → records, for replay and verify.
//!
//! **Promises.** An object is a function of its chunks, facts and program version, not of those before it; in other chunks the
//! same rows are other bytes, which is why digests are over records. An open object holds its pages, compressed, and less than a
//! page of each column; what else it takes belongs to the encoder. The records that come back are those that went in,
//! byte by byte: what [`read_records`] gets has the digest that the footer says, be it from payloads kept or made again.
//!
//! **Failure.** Encoding fails only by a defect. Reading takes objects for untrusted: [`ReadError`] says whether more bytes, a
//! newer program or another object is wanted.
//!
//! **Not here.** Names of objects, the store, which objects belong to a cut.

mod bits;
mod bloom;
mod choice;
mod column;
mod delta;
mod dictionary;
mod entries;
mod error;
mod footer;
mod hybrid;
mod index;
mod levels;
mod object;
#[cfg(test)]
mod oracle;
mod page;
mod plan;
mod read;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;

use self::column::Workspace;
use self::plan::Plan;
use crate::decode::DecodedObject;
use crate::domain::{ObjectKind, OffsetRange, Topic, TopicId};
use crate::schema::{Layout, quarantine_schema};

pub use error::{EncodeError, ReadError};
pub use footer::Footer;
pub use object::OpenObject;
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

/// Returns those of some columns that can have no Bloom filter: there is no such column, or one of booleans. Columns are named by
/// their path, with dots between, `key` and `value` for the parts of a map and nothing for the elements of a list.
pub fn without_filter(layout: &Layout, columns: &BTreeSet<String>) -> Vec<String> {
    if columns.is_empty() {
        return Vec::new();
    }
    // Without a plan there are no columns; opening the first object says why.
    let plan = Plan::new(layout.arrow_schema(), columns).ok();
    let with: BTreeSet<&str> = plan.iter().flat_map(Plan::filtered).collect();
    columns.iter().filter(|column| !with.contains(column.as_str())).cloned().collect()
}

/// Makes objects of one layout. Holds the workspace, not the objects: one serves all partitions of a thread.
pub struct Encoder {
    layout: Arc<Layout>,
    bloom: BTreeSet<String>,
    /// Made for the first object of their kind.
    rows: Option<Arc<Plan>>,
    quarantine: Option<Arc<Plan>>,
    work: Workspace,
}

impl Encoder {
    pub fn new(layout: Arc<Layout>) -> Encoder {
        Encoder { layout, bloom: BTreeSet::new(), rows: None, quarantine: None, work: Workspace::default() }
    }

    /// Gives columns a Bloom filter, named as [`without_filter`] wants them. Those that the layout does not have are left out:
    /// it may be older than the wish.
    #[must_use]
    pub fn with_filters(self, bloom: BTreeSet<String>) -> Encoder {
        Encoder { bloom, ..self }
    }

    /// Begins an object of rows or of quarantine.
    pub fn open(&mut self, kind: ObjectKind) -> Result<OpenObject, EncodeError> {
        let (plan, schema) = match kind {
            ObjectKind::Rows => (&mut self.rows, self.layout.arrow_schema().clone()),
            ObjectKind::Quarantine => (&mut self.quarantine, quarantine_schema()),
        };
        let plan = match plan {
            Some(plan) => plan,
            None => plan.insert(Arc::new(Plan::new(&schema, &self.bloom)?)),
        };
        Ok(OpenObject::new(plan.clone()))
    }

    /// Adds rows to an object, in offset order.
    pub fn push(&mut self, object: &mut OpenObject, rows: &RecordBatch) -> Result<(), EncodeError> {
        Ok(object.push(rows, &mut self.work)?)
    }

    /// Makes the Parquet bytes of an object.
    pub fn finish(
        &mut self,
        object: OpenObject,
        decoded: &DecodedObject,
        facts: &ObjectFacts,
    ) -> Result<Bytes, EncodeError> {
        let entries = footer::entries(decoded, facts, &self.layout);
        Ok(object.finish(entries, &mut self.work)?)
    }
}

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;
