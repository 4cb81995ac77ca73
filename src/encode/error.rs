//! Why bytes are no object.

/// Why bytes are no object to work with.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Get more of the object's end.
    #[error("its footer takes {needed} bytes")]
    Short { needed: usize },
    #[error("it is no object of this archive: {cause}")]
    NotOurs { cause: String },
    #[error("it has footer format {format}, this program reads up to {}: run a newer one", super::FORMAT_VERSION)]
    Newer { format: u32 },
    #[error("it is damaged: {cause}")]
    Damaged { cause: String },
}

impl ReadError {
    pub(super) fn no_parquet(cause: impl std::fmt::Display) -> ReadError {
        ReadError::NotOurs { cause: cause.to_string() }
    }
}
