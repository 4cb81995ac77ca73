//! From settings to a store.

use std::sync::Arc;

use super::contract::{ArchiveStore, StoreError};
use super::object::LocalStore;
use super::options::ArchiveSettings;
use super::s3::S3Store;

/// Opens the archive. For S3 nothing is sent to the bucket yet: the self-test does that.
pub async fn open(settings: &ArchiveSettings) -> Result<Arc<dyn ArchiveStore>, StoreError> {
    Ok(match settings {
        ArchiveSettings::File { path } => Arc::new(LocalStore::in_folder(path)?),
        ArchiveSettings::S3(settings) => Arc::new(S3Store::open(settings).await?),
    })
}

/// Opens an archive that is there already, for who may only read and list. Nothing is made.
pub async fn open_to_read(settings: &ArchiveSettings) -> Result<Arc<dyn ArchiveStore>, StoreError> {
    match settings {
        ArchiveSettings::File { path } => Ok(Arc::new(LocalStore::in_existing_folder(path)?)),
        ArchiveSettings::S3(_) => open(settings).await,
    }
}
