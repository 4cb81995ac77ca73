//! What can go wrong with an object, on the way in and out.

use super::FORMAT_VERSION;

/// The columns could not be written: a defect of this program, or of the mapping.
#[derive(Debug, thiserror::Error)]
#[error("an object cannot be written as Parquet: {0}")]
pub struct EncodeError(#[from] parquet::errors::ParquetError);

/// Why bytes are no object to work with.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Get more of the object's end.
    #[error("its footer takes {needed} bytes")]
    Short { needed: usize },
    #[error("it is no object of this archive: {cause}")]
    NotOurs { cause: String },
    #[error("it has footer format {format}, this program reads up to {}: run a newer one", FORMAT_VERSION)]
    Newer { format: u32 },
    /// Get the layout that its footer names.
    #[error("its rows keep no payloads, and it takes their layout to make them")]
    LayoutNeeded,
    #[error("it is damaged: {cause}")]
    Damaged { cause: String },
}

impl ReadError {
    pub(super) fn no_parquet(cause: impl std::fmt::Display) -> ReadError {
        ReadError::NotOurs { cause: cause.to_string() }
    }
}
