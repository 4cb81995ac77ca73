//! Who an object is: the cut it belongs to, and what it holds.

use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, ParquetMetaDataReader};

use super::contract::Tags;
use crate::domain::Digest;

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

/// What the end of a file told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Footer {
    Is(Identity),
    /// The footer is longer than what was read: so many bytes are needed.
    Longer(u64),
    Unreadable(String),
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

    /// Reads the identity from the last bytes of a Parquet file of `size` bytes.
    pub(super) fn from_footer(tail: &[u8], size: u64) -> Footer {
        let Some((rest, end)) = tail.split_last_chunk::<FOOTER_SIZE>() else {
            return Footer::Unreadable(format!("{size} bytes are no Parquet file"));
        };
        let length = match FooterTail::try_new(end) {
            Ok(footer) => footer.metadata_length(),
            Err(cause) => return Footer::Unreadable(cause.to_string()),
        };
        let needed = length as u64 + FOOTER_SIZE as u64;
        if needed > size {
            return Footer::Unreadable(format!("a footer of {length} bytes in a file of {size}"));
        }
        if length > rest.len() {
            return Footer::Longer(needed);
        }
        match ParquetMetaDataReader::decode_metadata(&rest[rest.len() - length..]) {
            Ok(metadata) => {
                let pairs = metadata.file_metadata().key_value_metadata();
                let find = |name: &str| {
                    let key = format!("alluvium.{name}");
                    pairs?.iter().find(|pair| pair.key == key)?.value.clone()
                };
                Identity::from_texts(find).map_or_else(
                    || Footer::Unreadable("its footer does not name the cut it belongs to".to_owned()),
                    Footer::Is,
                )
            }
            Err(cause) => Footer::Unreadable(cause.to_string()),
        }
    }

    fn from_texts(find: impl Fn(&str) -> Option<String>) -> Option<Identity> {
        Some(Identity {
            rows: find("rows")?.parse().ok()?,
            nonce: find("nonce")?,
            digest: find("digest")?.parse().ok()?,
        })
    }
}
