//! Which store, as the operator chose it.

use std::path::PathBuf;

#[derive(Clone, Debug)]
pub enum ArchiveSettings {
    /// A local folder.
    File {
        path: PathBuf,
    },
    S3(S3Settings),
}

#[derive(Clone, Debug)]
pub struct S3Settings {
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub path_style: bool,
}
