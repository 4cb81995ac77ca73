//! What stops a partition until a person has looked.

use super::CutError;
use crate::domain::{Digest, Offset, TopicPartition};

/// Why a partition stopped. Each says what was found, where, and what to do; nothing was overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Problem {
    #[error("{0}; restore the record from the bucket's versions or ask who wrote it, then restart")]
    Cut(CutError),
    #[error(
        "{key} was written for Kafka cluster {found}, this is cluster {ours}: give each cluster a prefix of its own \
         in `archive.url`"
    )]
    ForeignCluster { key: String, found: String, ours: String },
    #[error(
        "{partition}: the chain reaches offset {next}, but the log ends at {stable_end}: the log was restored or truncated, \
         or this is another cluster; archive it under a new prefix"
    )]
    ChainAheadOfLog { partition: TopicPartition, next: Offset, stable_end: Offset },
    #[error(
        "{key} is not the object its cut names: the cut says {rows} rows, digest {digest}, nonce {nonce}; the object says \
         {found}; somebody else wrote it: move it away by hand after finding out who, then restart"
    )]
    ObjectDiffers { key: String, rows: u64, digest: Digest, nonce: String, found: String },
    #[error(
        "{key}: reading the range {first}..{next} again gives other records than its cut recorded ({found}): the log itself \
         changed (unclean leader election?); compare with `alluvium verify` and decide which is true"
    )]
    LogChanged { key: String, first: Offset, next: Offset, found: String },
    #[error(
        "{partition}: the range from offset {first} on cannot be encoded: {cause}; this is a defect, please report it"
    )]
    Pack { partition: TopicPartition, first: Offset, cause: String },
    #[error("layout {layout} of the newest cut cannot be used: {cause}; run the version of alluvium that wrote it")]
    Layout { layout: Digest, cause: String },
}
