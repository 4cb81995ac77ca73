//! The operator's descriptor sets, file by file.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use super::descriptor::{File, FileSet, MessageDef};
use super::error::SchemaError;

/// Where `source_code_info` stands in a file: comments and positions, which decide nothing and differ between compilers.
const SOURCE_CODE_INFO: u32 = 9;

/// All descriptor files the operator gave, each once.
#[derive(Debug, Default)]
pub struct Schemas {
    files: BTreeMap<String, Source>,
    /// Full name of every message, nested ones too, and the file it stands in.
    messages: BTreeMap<String, Defined>,
    /// Full name of every extension field, and its file.
    extensions: BTreeMap<String, String>,
}

/// A message found by its short name.
pub(super) struct Called<'a> {
    pub package: &'a str,
    pub name: &'a str,
    pub full: &'a str,
}

#[derive(Debug)]
struct Source {
    /// Which set brought the file, for messages.
    set: String,
    bytes: Vec<u8>,
    file: File,
}

#[derive(Clone, Debug)]
struct Defined {
    file: String,
    /// Length of the package in the full name; nothing for a message inside another.
    package: Option<usize>,
}

impl Schemas {
    /// Takes descriptor sets in binary form, each with the name by which to call it in messages.
    pub fn load(sets: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Schemas, SchemaError> {
        let mut schemas = Schemas::default();
        for (set, bytes) in sets {
            schemas.add(&set, &bytes)?;
        }
        Ok(schemas)
    }

    /// Takes one more. Where it is wrong, what was read of it before stays; others can be added nevertheless.
    pub fn add(&mut self, set: &str, bytes: &[u8]) -> Result<(), SchemaError> {
        let no_set = |cause: String| SchemaError::NoSet { set: set.to_owned(), cause };
        let parsed = FileSet::decode(bytes).map_err(|e| no_set(e.to_string()))?;
        if parsed.file.is_empty() {
            return Err(no_set("it holds no file".into()));
        }
        for bytes in parsed.file {
            let bytes = without_source_info(&bytes).map_err(|e| no_set(e.to_string()))?;
            let file = File::decode(bytes.as_slice()).map_err(|e| no_set(e.to_string()))?;
            match self.files.entry(file.name.clone()) {
                Entry::Occupied(held) if held.get().bytes == bytes => {}
                Entry::Occupied(held) => {
                    let (first, second) = (held.get().set.clone(), set.to_owned());
                    return Err(SchemaError::Conflict { file: file.name, first, second });
                }
                Entry::Vacant(free) => {
                    let source = free.insert(Source { set: set.to_owned(), bytes, file });
                    declare(&mut self.messages, &source.file)?;
                    extensions(&source.file, |name| {
                        self.extensions.insert(name, source.file.name.clone());
                    });
                }
            }
        }
        Ok(())
    }

    pub fn has_message(&self, name: &str) -> bool {
        self.messages.contains_key(name)
    }

    /// Returns every message that stands in no other message and is called `short`, in whatever case.
    pub(super) fn called<'a>(&'a self, short: &'a str) -> impl Iterator<Item = Called<'a>> {
        self.messages.iter().filter_map(move |(full, defined)| {
            let (package, rest) = full.split_at(defined.package?);
            let name = rest.strip_prefix('.').unwrap_or(rest);
            name.eq_ignore_ascii_case(short).then_some(Called { package, name, full })
        })
    }

    /// Returns the files that `message` and the requested extensions need, imports before importers, and these alone: other
    /// files of the same sets leave a layout as it is. The order follows from the files' content.
    pub(super) fn closure(&self, message: &str, extensions: &BTreeSet<String>) -> Result<Closure, SchemaError> {
        let (mut closure, mut seen) = (Closure::default(), BTreeSet::new());
        if let Some(defined) = self.messages.get(message) {
            self.visit(&defined.file, message, &mut seen, &mut closure)?;
        }
        for extension in extensions {
            let Some(file) = self.extensions.get(extension) else {
                let cause = "no descriptor set declares that extension".to_owned();
                return Err(SchemaError::Option { message: message.to_owned(), path: extension.clone(), cause });
            };
            self.visit(file, extension, &mut seen, &mut closure)?;
        }
        Ok(closure)
    }

    fn visit(
        &self,
        name: &str,
        importer: &str,
        seen: &mut BTreeSet<String>,
        closure: &mut Closure,
    ) -> Result<(), SchemaError> {
        if !seen.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(source) = self.files.get(name) else {
            return Err(SchemaError::Incomplete { file: importer.to_owned(), missing: name.to_owned() });
        };
        for import in &source.file.dependency {
            self.visit(import, name, seen, closure)?;
        }
        closure.set.file.push(source.bytes.clone());
        closure.files.push(source.file.clone());
        Ok(())
    }
}

/// A message's files, as stored and as parsed.
#[derive(Debug, Default)]
pub(super) struct Closure {
    pub set: FileSet,
    pub files: Vec<File>,
}

fn declare(messages: &mut BTreeMap<String, Defined>, file: &File) -> Result<(), SchemaError> {
    fn one(
        messages: &mut BTreeMap<String, Defined>,
        file: &str,
        scope: &str,
        package: Option<usize>,
        def: &MessageDef,
    ) -> Result<(), SchemaError> {
        if def.options.as_ref().is_some_and(|options| options.map_entry) {
            return Ok(());
        }
        let name = if scope.is_empty() { def.name.clone() } else { format!("{scope}.{}", def.name) };
        for nested in &def.nested_type {
            one(messages, file, &name, None, nested)?;
        }
        match messages.insert(name.clone(), Defined { file: file.to_owned(), package }) {
            None => Ok(()),
            Some(held) => Err(SchemaError::Duplicate { name, first: held.file, second: file.to_owned() }),
        }
    }
    let package = &file.package;
    file.message_type.iter().try_for_each(|def| one(messages, &file.name, package, Some(package.len()), def))
}

/// Calls `found` with the full name of each extension field that a file declares.
fn extensions(file: &File, mut found: impl FnMut(String)) {
    fn inside(scope: &str, def: &MessageDef, found: &mut impl FnMut(String)) {
        let scope = if scope.is_empty() { def.name.clone() } else { format!("{scope}.{}", def.name) };
        def.extension.iter().for_each(|field| found(format!("{scope}.{}", field.name)));
        def.nested_type.iter().for_each(|nested| inside(&scope, nested, found));
    }
    let prefix = if file.package.is_empty() { String::new() } else { format!("{}.", file.package) };
    file.extension.iter().for_each(|field| found(format!("{prefix}{}", field.name)));
    file.message_type.iter().for_each(|def| inside(&file.package, def, &mut found));
}

/// Copies a file's bytes as they are, but for its comments and positions.
fn without_source_info(bytes: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let before = rest;
        let (number, wire_type) = decode_key(&mut rest)?;
        skip_field(wire_type, number, &mut rest, DecodeContext::default())?;
        if number != SOURCE_CODE_INFO {
            kept.extend_from_slice(&before[..before.len() - rest.len()]);
        }
    }
    Ok(kept)
}
