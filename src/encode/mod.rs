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
