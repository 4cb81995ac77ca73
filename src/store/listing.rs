//! Listing a local folder as a bucket lists: in byte order of the keys, a page at a time, without walking what comes before or
//! after the page.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Where new files are written before they get their name; never listed.
pub(super) const STAGING: &str = ".staging/";

/// Returns at most `limit` keys below `prefix` (empty, or ending in a slash) that follow `after`, in byte order.
pub(super) fn list(root: &Path, prefix: &str, after: Option<&str>, limit: usize) -> io::Result<Vec<String>> {
    let mut page = Page { after: after.unwrap_or_default(), limit, keys: Vec::new() };
    page.visit(&root.join(prefix), prefix)?;
    Ok(page.keys)
}

struct Page<'a> {
    after: &'a str,
    limit: usize,
    keys: Vec<String>,
}

impl Page<'_> {
    fn visit(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // As in a bucket: a folder that is not there is one without keys.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            found.extend(self.entry(&entry?, prefix)?);
        }
        // A folder stands where the keys below it do: with its slash.
        found.sort_unstable();
        for key in found {
            if self.keys.len() == self.limit {
                break;
            }
            match key.ends_with('/') {
                true => self.visit(&folder.join(&key[prefix.len()..]), &key)?,
                false => self.keys.push(key),
            }
        }
        Ok(())
    }

    /// Returns the key of a file, or of a folder with a slash at its end; nothing where the page begins later.
    fn entry(&self, entry: &DirEntry, prefix: &str) -> io::Result<Option<String>> {
        // What is no text is no key of ours.
        let Ok(name) = entry.file_name().into_string() else { return Ok(None) };
        let kind = entry.file_type()?;
        let is_folder = match kind.is_symlink() {
            true => fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()),
            false => kind.is_dir(),
        };
        let key = format!("{prefix}{name}{}", if is_folder { "/" } else { "" });
        let goes_on = is_folder && self.after.starts_with(&key);
        Ok((key != STAGING && (goes_on || self.after < key.as_str())).then_some(key))
    }
}
