//! Writing to a local folder so that a reader who lists it sees whole objects only, also after a power cut.
//!
//! A new file is written under `.staging/`, synced, and hard-linked to its name: linking is create-only and atomic on every
//! file system that has hard links. Then the folders above it are synced. What a crash leaves under `.staging/` is never
//! listed and never linked; it can be removed whenever no process runs.
//!
//! On a file system that ignores case, keys that differ only by case would meet. Ours do not: below the names that users
//! choose, each key has a topic id.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::contract::{Page, StoreError};
use super::listing::{STAGING, list};

#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// What becomes of a staged file.
#[derive(Clone, Copy)]
enum Publish {
    /// Create-only.
    Link,
    /// Over whatever is there.
    Rename,
}

impl Folder {
    /// Opens a folder, which is made where it is missing.
    pub(super) fn open(root: &Path) -> Result<Folder, StoreError> {
        make_folders(root).map_err(|cause| explain("open", &root.display().to_string(), &cause))?;
        Folder::open_existing(root)
    }

    /// Opens a folder that is there already, and makes nothing.
    pub(super) fn open_existing(root: &Path) -> Result<Folder, StoreError> {
        let found = root.canonicalize().and_then(|root| match root.is_dir() {
            true => Ok(Folder { root }),
            false => Err(ErrorKind::NotADirectory.into()),
        });
        found.map_err(|cause| explain("open", &root.display().to_string(), &cause))
    }

    pub(super) async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let (root, below, after) = (self.root.clone(), prefix.to_owned(), after.map(str::to_owned));
        // One more than asked for tells whether there are more.
        let listed = tokio::task::spawn_blocking(move || list(&root, &below, after.as_deref(), limit + 1)).await;
        let mut keys = listed
            .unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
            .map_err(|cause| explain("list", prefix, &cause))?;
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) async fn create(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.write("put_new", key, body, Publish::Link).await
    }

    pub(super) async fn replace(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        self.write("put", key, body, Publish::Rename).await
    }

    async fn write(&self, operation: &'static str, key: &str, body: Bytes, how: Publish) -> Result<(), StoreError> {
        let (folder, name) = (self.clone(), key.to_owned());
        let done = tokio::task::spawn_blocking(move || folder.write_now(&name, &body, how)).await;
        match done.unwrap_or_else(|stopped| Err(io::Error::other(stopped))) {
            Ok(()) => Ok(()),
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Err(StoreError::Taken { key: key.to_owned() }),
            Err(cause) => Err(explain(operation, key, &cause)),
        }
    }

    fn write_now(&self, key: &str, body: &[u8], how: Publish) -> io::Result<()> {
        let target = self.root.join(key);
        let staged = self.root.join(format!("{STAGING}{:032x}", rand::random::<u128>()));
        let written = stage(&staged, body).and_then(|()| {
            make_folders(target.parent().unwrap_or(&self.root))?;
            match how {
                Publish::Link => fs::hard_link(&staged, &target),
                Publish::Rename => fs::rename(&staged, &target),
            }
        });
        // A leftover is harmless, so that it could not be removed is no reason to fail.
        let _ = fs::remove_file(&staged);
        written?;
        // Every folder up to the root: each may have been made just now, by us or by a process that has not synced it yet.
        target
            .ancestors()
            .skip(1)
            .take_while(|above| above.starts_with(&self.root))
            .try_for_each(|above| File::open(above)?.sync_all())
    }
}

/// Makes a folder and those above it. A file in the way is told apart from a key that is taken.
fn make_folders(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => ErrorKind::NotADirectory.into(),
        _ => cause,
    })
}

fn stage(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = match File::create_new(path) {
        // The first write of all: readers make no folder.
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            make_folders(path.parent().unwrap_or(path))?;
            File::create_new(path)?
        }
        file => file?,
    };
    file.write_all(body)?;
    file.sync_all()
}

/// Says what a file system's error means for the caller.
pub(super) fn explain(operation: &'static str, key: &str, cause: &io::Error) -> StoreError {
    let remedy = match cause.kind() {
        // Linking is "not permitted" where a file system has no hard links.
        ErrorKind::PermissionDenied => {
            "give this user the right to read and write the archive's folder, on a file system that has hard links"
        }
        ErrorKind::ReadOnlyFilesystem => "mount the file system writable, or choose another folder",
        ErrorKind::Unsupported => "choose a folder on a file system that has hard links",
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            "a file stands where a folder should, or the reverse: choose another folder, or move it away"
        }
        ErrorKind::NotFound => "see that the path is right",
        ErrorKind::InvalidFilename => "the file system takes no name this long: choose another one",
        // Disk full, quota, I/O errors, too many open files: they pass when room is made, and nothing is lost meanwhile.
        _ => return StoreError::Unavailable { operation, key: key.to_owned(), cause: cause.to_string() },
    };
    StoreError::Refused { operation, key: key.to_owned(), cause: cause.to_string(), remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Folder) {
        let kept = tempfile::tempdir().unwrap();
        let folder = Folder::open(kept.path()).unwrap();
        (kept, folder)
    }

    fn staged(folder: &Folder) -> usize {
        fs::read_dir(folder.root.join(STAGING)).unwrap().count()
    }

    #[tokio::test]
    async fn nothing_stays_staged_whether_the_write_won_or_lost() {
        let (_kept, folder) = open();
        folder.create("a/b", Bytes::from_static(b"first")).await.unwrap();
        let taken = folder.create("a/b", Bytes::from_static(b"second")).await;
        assert_eq!(taken, Err(StoreError::Taken { key: "a/b".to_owned() }));
        folder.replace("a/c", Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(staged(&folder), 0);
        assert_eq!(fs::read(folder.root.join("a/b")).unwrap(), b"first");
    }

    #[tokio::test]
    async fn what_a_crash_left_staged_is_never_listed_and_in_nobodys_way() {
        use crate::store::{ArchiveStore, LocalStore};
        let (kept, folder) = open();
        fs::create_dir(folder.root.join(STAGING)).unwrap();
        fs::write(folder.root.join(STAGING).join("00000000000000000000000000000000"), b"half").unwrap();
        folder.create("a", Bytes::new()).await.unwrap();
        let store = LocalStore::in_folder(kept.path()).unwrap();
        assert_eq!(store.list("", None, 10).await.unwrap().keys, ["a"]);
        assert_eq!(staged(&folder), 1);
    }

    #[tokio::test]
    async fn a_file_where_a_folder_should_be_is_for_the_operator() {
        let (kept, folder) = open();
        folder.create("a", Bytes::new()).await.unwrap();
        let error = folder.create("a/b", Bytes::new()).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
        let error = Folder::open(&kept.path().join("a")).unwrap_err();
        assert!(matches!(error, StoreError::Refused { operation: "open", .. }), "{error}");
    }

    #[tokio::test]
    async fn opening_to_read_makes_nothing_and_wants_a_folder() {
        let kept = tempfile::tempdir().unwrap();
        Folder::open_existing(kept.path()).unwrap().list("", None, 1).await.unwrap();
        assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
        for wrong in ["none", "file"] {
            fs::write(kept.path().join("file"), "").unwrap();
            let error = Folder::open_existing(&kept.path().join(wrong)).unwrap_err();
            assert!(matches!(error, StoreError::Refused { operation: "open", .. }), "{error}");
        }
    }

    #[test]
    fn a_full_disk_passes_and_missing_rights_do_not() {
        let explained = |kind: ErrorKind| explain("put_new", "a", &kind.into());
        assert!(matches!(explained(ErrorKind::StorageFull), StoreError::Unavailable { .. }));
        assert_eq!(
            explained(ErrorKind::PermissionDenied).to_string(),
            "put_new a: permission denied; give this user the right to read and write the archive's folder, on a file \
             system that has hard links"
        );
    }
}
