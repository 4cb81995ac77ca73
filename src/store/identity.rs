//! Who an object is: the cut it belongs to, and what it holds.

use super::contract::Tags;
use crate::domain::Digest;
use crate::encode::{Footer, ReadError};

/// How much of a file's end is read first; footers of wide tables are seldom longer.
pub(super) const FOOTER_FIRST_READ: u64 = 64 << 10;

/// What an object says of itself, in the store's tags and again in the Parquet footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub rows: u64,
    /// The nonce of the cut that asked for it.
    pub nonce: String,
    /// Over the object's records, as in the cut.
    pub digest: Digest,
}

impl Identity {
    pub(super) fn to_tags(&self) -> Tags {
        Tags::from([
            ("alluvium-rows".to_owned(), self.rows.to_string()),
            ("alluvium-nonce".to_owned(), self.nonce.clone()),
            ("alluvium-digest".to_owned(), self.digest.to_string()),
        ])
    }

    pub(super) fn from_tags(tags: &Tags) -> Option<Identity> {
        Identity::from_texts(|name| tags.get(&format!("alluvium-{name}")).cloned())
    }

    /// Reads the identity from the last bytes of a Parquet file; an error may be that more of them are needed.
    pub(super) fn from_footer(tail: &[u8]) -> Result<Identity, ReadError> {
        Footer::read(tail).map(|footer| Identity { rows: footer.rows, nonce: footer.nonce, digest: footer.digest })
    }

    fn from_texts(find: impl Fn(&str) -> Option<String>) -> Option<Identity> {
        Some(Identity {
            rows: find("rows")?.parse().ok()?,
            nonce: find("nonce")?,
            digest: find("digest")?.parse().ok()?,
        })
    }
}
