//! Memory, and a local folder as the bucket, through `object_store`.
//!
//! Memory is `object_store`'s whole: its create is decided under one lock, and it keeps tags. Of its local file system only
//! the reads serve: it stages new files beside data, where readers list them, and walks everything for each page of a listing, so
//! [`super::folder`] writes and lists instead.

use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use super::commit::Right;
use super::contract::{ArchiveStore, Head, Operation, Page, StoreError, Tags};
use super::folder::{Folder, explain};

/// What tells the two apart.
#[derive(Clone, Debug)]
enum Backend {
    Memory(Arc<InMemory>),
    Folder(Arc<LocalFileSystem>, Folder),
}

/// An archive in memory or in a local folder.
#[derive(Clone, Debug)]
pub struct LocalStore {
    backend: Backend,
}

impl LocalStore {
    /// Opens an archive that lives as long as its clones.
    pub fn in_memory() -> LocalStore {
        LocalStore { backend: Backend::Memory(Arc::default()) }
    }

    /// Opens a folder, which is made where it is missing.
    pub fn in_folder(root: &FilePath) -> Result<LocalStore, StoreError> {
        LocalStore::at(root, Folder::open(root)?)
    }

    /// Opens a folder that is there already, and makes nothing.
    pub fn in_existing_folder(root: &FilePath) -> Result<LocalStore, StoreError> {
        LocalStore::at(root, Folder::open_existing(root)?)
    }

    fn at(root: &FilePath, folder: Folder) -> Result<LocalStore, StoreError> {
        let files = LocalFileSystem::new_with_prefix(root)
            .map_err(|error| refusal("open", &root.display().to_string(), &error))?;
        Ok(LocalStore { backend: Backend::Folder(Arc::new(files), folder) })
    }

    fn objects(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::Memory(memory) => memory.as_ref(),
            Backend::Folder(files, _) => files.as_ref(),
        }
    }

    async fn read(
        &self,
        operation: Operation,
        key: &str,
        options: GetOptions,
    ) -> Result<Option<object_store::GetResult>, StoreError> {
        match self.objects().get_opts(&path(operation, key)?, options).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(refusal(operation.name(), key, &error)),
        }
    }

    async fn bytes(&self, operation: Operation, key: &str, options: GetOptions) -> Result<Option<Bytes>, StoreError> {
        let Some(found) = self.read(operation, key, options).await? else { return Ok(None) };
        found.bytes().await.map(Some).map_err(|error| refusal(operation.name(), key, &error))
    }
}

fn path(operation: Operation, key: &str) -> Result<Path, StoreError> {
    Path::parse(key).map_err(|cause| StoreError::Refused {
        operation: operation.name(),
        key: key.to_owned(),
        cause: cause.to_string(),
        remedy: "a key has no empty part, no `.` and no `..`".to_owned(),
    })
}

/// Finds the file system's error in the chain, which decides; what has none is not known to pass or to stay.
fn refusal(operation: &'static str, key: &str, error: &Error) -> StoreError {
    let mut link: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = link {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>() {
            return explain(operation, key, cause);
        }
        link = cause.source();
    }
    StoreError::Unavailable { operation, key: key.to_owned(), cause: error.to_string() }
}

#[async_trait]
impl ArchiveStore for LocalStore {
    async fn put_new(&self, _: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        let path = path(Operation::PutNew, key)?;
        let memory = match &self.backend {
            Backend::Memory(memory) => memory,
            Backend::Folder(_, folder) => return folder.create(key, body).await,
        };
        let attributes: Attributes =
            tags.iter().map(|(name, value)| (Attribute::Metadata(name.clone().into()), value.clone())).collect();
        let options = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        match memory.put_opts(&path, PutPayload::from(body), options).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. }) => Err(StoreError::Taken { key: key.to_owned() }),
            Err(error) => Err(refusal("put_new", key, &error)),
        }
    }

    async fn overwrite(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        let path = path(Operation::Put, key)?;
        match &self.backend {
            Backend::Memory(memory) => match memory.put(&path, PutPayload::from(body)).await {
                Ok(_) => Ok(()),
                Err(error) => Err(refusal("put", key, &error)),
            },
            Backend::Folder(_, folder) => folder.replace(key, body).await,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.bytes(Operation::Get, key, GetOptions::default()).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        // An empty object has no last bytes for `object_store` either, as for S3.
        match self.head(key).await? {
            None => Ok(None),
            Some(head) if head.size == 0 => Ok(Some(Bytes::new())),
            Some(_) => {
                let options = GetOptions { range: Some(GetRange::Suffix(bytes)), ..GetOptions::default() };
                self.bytes(Operation::GetTail, key, options).await
            }
        }
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let Some(found) = self.read(Operation::Head, key, options).await? else { return Ok(None) };
        let metadata = |(name, value): (&Attribute, &object_store::AttributeValue)| match name {
            Attribute::Metadata(name) => Some((name.to_string(), value.as_ref().to_owned())),
            _ => None,
        };
        let tags = match self.backend {
            Backend::Memory(_) => Some(found.attributes.iter().filter_map(metadata).collect()),
            Backend::Folder(..) => None,
        };
        Ok(Some(Head { size: found.meta.size, tags }))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let below = path(Operation::List, prefix.trim_end_matches('/'))?;
        if let Backend::Folder(_, folder) = &self.backend {
            return folder.list(prefix, after, limit).await;
        }
        let listed = self.objects().list(Some(&below)).map_ok(|object| object.location.to_string());
        let listed: Vec<_> = listed.try_collect().await.map_err(|error| refusal("list", prefix, &error))?;
        let mut keys: Vec<_> =
            listed.into_iter().filter(|key| after.is_none_or(|after| key.as_str() > after)).collect();
        keys.sort_unstable();
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }

    fn url(&self) -> String {
        match &self.backend {
            Backend::Memory(_) => "memory:".to_owned(),
            Backend::Folder(_, folder) => format!("file://{}", folder.root().display()),
        }
    }
}
