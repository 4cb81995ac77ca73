//! Which rules a file, message or field obeys: syntax and edition defaults, and the `features` that override them.

use super::descriptor::{FeatureSet, File};
use super::error::SchemaError;

/// Whether an unset field can be told from one that holds its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Implicit,
    Explicit,
    Required,
}

/// What becomes of a string that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf8 {
    Verify,
    Replace,
}

/// The rules in force at one place of a file; inner places inherit them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    pub presence: Presence,
    pub utf8: Utf8,
    /// Repeated numbers behind one length instead of a tag each.
    pub packed: bool,
    /// Messages between group tags instead of behind a length.
    pub delimited: bool,
}

const PROTO2: Features =
    Features { presence: Presence::Explicit, utf8: Utf8::Replace, packed: false, delimited: false };
const PROTO3: Features = Features { presence: Presence::Implicit, utf8: Utf8::Verify, packed: true, delimited: false };
/// 2023 and 2024 differ in nothing that decides how bytes are read or written.
const EDITIONS: Features =
    Features { presence: Presence::Explicit, utf8: Utf8::Verify, packed: true, delimited: false };

impl Features {
    /// Returns the rules at the top of `file`.
    pub fn of_file(file: &File) -> Result<Features, SchemaError> {
        // Edition numbers are those of descriptor.proto's `Edition`.
        let base = match (file.syntax.as_str(), file.edition) {
            ("" | "proto2", 0 | 998) => PROTO2,
            ("proto3", 0) | (_, 999) => PROTO3,
            (_, 1000 | 1001) => EDITIONS,
            (syntax, edition) => {
                let what =
                    if edition == 0 { format!("syntax {syntax:?}") } else { format!("edition number {edition}") };
                return Err(SchemaError::Unsupported { file: file.name.clone(), what });
            }
        };
        Ok(base.overridden(file.options.as_ref().and_then(|options| options.features.as_ref())))
    }

    /// Returns these rules with what `set` says instead; a value this program does not know leaves the inherited one.
    pub fn overridden(mut self, set: Option<&FeatureSet>) -> Features {
        let Some(set) = set else { return self };
        match set.field_presence {
            Some(1) => self.presence = Presence::Explicit,
            Some(2) => self.presence = Presence::Implicit,
            Some(3) => self.presence = Presence::Required,
            _ => {}
        }
        match set.repeated_field_encoding {
            Some(1) => self.packed = true,
            Some(2) => self.packed = false,
            _ => {}
        }
        match set.utf8_validation {
            Some(2) => self.utf8 = Utf8::Verify,
            Some(3) => self.utf8 = Utf8::Replace,
            _ => {}
        }
        match set.message_encoding {
            Some(1) => self.delimited = false,
            Some(2) => self.delimited = true,
            _ => {}
        }
        self
    }
}
