//! The compiled rule from records to objects.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use prost::Message;

use super::descriptor::{File, FileSet, MessageDef};
use super::error::SchemaError;
use super::mapping::Column;
use super::stored::{self, Rule};
use super::types::{Arity, MessageId, Types, WellKnown};
use super::{Framing, TimeRule, build, columns, convention, envelope, mapping};
use crate::domain::{Digest, Topic};
use crate::schema::{Schemas, TopicSchema};

/// How the records of a table become rows: message, framing, time rule, mapping. Two equal fingerprints are the same rule.
#[derive(Debug)]
pub struct Layout {
    fingerprint: Digest,
    descriptor: Digest,
    json: Vec<u8>,
    binpb: Vec<u8>,
    rule: Rule,
    types: Types,
    root: MessageId,
    columns: Vec<Column>,
    time_path: Option<Vec<usize>>,
    schema: SchemaRef,
    lints: Vec<String>,
}

/// Returns the table that a topic's records go to, without deciding how they become rows: cheap enough to ask of every topic.
pub fn table_of(topic: &Topic, rule: &TopicSchema, schemas: &Schemas) -> Result<String, SchemaError> {
    convention::name(topic, rule, schemas).map(|named| named.table)
}

/// Decides what a topic's records are and how they become rows.
pub fn resolve(topic: &Topic, rule: &TopicSchema, schemas: &Schemas) -> Result<Layout, SchemaError> {
    let named = convention::name(topic, rule, schemas)?;
    let closure = schemas.closure(&named.message, &rule.mapping.extensions)?;
    let rule = Rule {
        table: named.table,
        message: named.message,
        framing: rule.framing,
        time: rule.time.clone(),
        options: rule.mapping.clone(),
    };
    Layout::compile(rule, &closure.files, closure.set.encode_to_vec())
}

impl Layout {
    fn compile(rule: Rule, files: &[File], binpb: Vec<u8>) -> Result<Layout, SchemaError> {
        let types = build::build(files, &rule.options.extensions)?;
        let root = types.find(&rule.message).ok_or_else(|| SchemaError::Incomplete {
            file: "the descriptor set".into(),
            missing: rule.message.clone(),
        })?;
        let time_path = match &rule.time {
            TimeRule::Record => None,
            TimeRule::Field(path) => Some(time_path(&types, root, path)?),
        };
        let compiled = columns::compile(&types, root, &rule.options)?;
        let mut fields = envelope::row_envelope();
        fields.extend(mapping::fields(&compiled.columns).iter().map(|field| field.as_ref().clone()));
        let mut lints = compiled.lints;
        if rule.framing == Framing::Glue {
            lints.extend(glue_lint(files, &rule.message));
        }
        let descriptor = Digest::of(&binpb);
        let json = stored::to_json(&rule, descriptor, &compiled.columns);
        Ok(Layout {
            fingerprint: Digest::of(&json),
            descriptor,
            json,
            binpb,
            rule,
            types,
            root,
            columns: compiled.columns,
            time_path,
            schema: Arc::new(Schema::new(fields)),
            lints,
        })
    }

    /// Returns the stored form: the rule as JSON, and the descriptor set it speaks of.
    pub fn to_stored(&self) -> (Vec<u8>, Vec<u8>) {
        (self.json.clone(), self.binpb.clone())
    }

    /// Compiles a stored layout, and proves that this program understands it as the one that wrote it did.
    pub fn from_stored(fingerprint: Digest, json: &[u8], binpb: &[u8]) -> Result<Layout, SchemaError> {
        let damaged = |cause: String| SchemaError::Damaged { fingerprint, cause };
        if Digest::of(json) != fingerprint {
            return Err(damaged(format!("its JSON has fingerprint {}", Digest::of(json))));
        }
        let (rule, descriptor) = stored::parse(fingerprint, json)?;
        if Digest::of(binpb) != descriptor {
            return Err(damaged(format!("its descriptor set has fingerprint {}", Digest::of(binpb))));
        }
        let set = FileSet::decode(binpb).map_err(|e| damaged(e.to_string()))?;
        let files: Result<Vec<File>, _> = set.file.iter().map(|bytes| File::decode(bytes.as_slice())).collect();
        let layout = Layout::compile(rule, &files.map_err(|e| damaged(e.to_string()))?, binpb.to_vec())?;
        if layout.json != json {
            return Err(damaged("this program would make other columns of its descriptor set".into()));
        }
        Ok(layout)
    }

    /// BLAKE3 of the stored JSON, which holds the descriptor set's fingerprint.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    pub fn table(&self) -> &str {
        &self.rule.table
    }

    /// Returns the full name of the message type.
    pub fn message(&self) -> &str {
        &self.rule.message
    }

    pub fn framing(&self) -> Framing {
        self.rule.framing
    }

    /// BLAKE3 of the descriptor set.
    pub fn descriptor(&self) -> Digest {
        self.descriptor
    }

    /// Returns what an operator should know and nothing breaks by.
    pub fn lints(&self) -> &[String] {
        &self.lints
    }

    /// Returns the schema of a rows object: envelope, then message.
    pub fn arrow_schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn types(&self) -> &Types {
        &self.types
    }

    pub fn root(&self) -> MessageId {
        self.root
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the field indices that lead to the Timestamp of the time rule; nothing where the record's time rules.
    pub fn time_path(&self) -> Option<&[usize]> {
        self.time_path.as_deref()
    }
}

fn time_path(types: &Types, root: MessageId, path: &str) -> Result<Vec<usize>, SchemaError> {
    let fail = |cause: String| SchemaError::TimeField {
        message: types.message(root).name.clone(),
        path: path.to_owned(),
        cause,
    };
    let mut indices = Vec::new();
    let mut at = root;
    for name in path.split('.') {
        let message = types.message(at);
        let (index, field) =
            message.field_named(name).ok_or_else(|| fail(format!("{} has no field {name:?}", message.name)))?;
        if field.arity != Arity::One {
            return Err(fail(format!("{name} holds many values")));
        }
        at = field.kind.message().ok_or_else(|| fail(format!("{name} is no message")))?;
        indices.push(index);
    }
    match types.message(at).known {
        Some(WellKnown::Timestamp) => Ok(indices),
        _ => Err(fail(format!("it is a {}, not a google.protobuf.Timestamp", types.message(at).name))),
    }
}

/// AWS's own serializer writes the message's place among the sorted names of its file before the payload. Decoding knows an
/// index below 8 for what it is; a greater one looks like a field's tag.
fn glue_lint(files: &[File], message: &str) -> Option<String> {
    fn collect(scope: &str, defs: &[MessageDef], names: &mut Vec<String>) {
        for def in defs {
            let name = if scope.is_empty() { def.name.clone() } else { format!("{scope}.{}", def.name) };
            collect(&name, &def.nested_type, names);
            names.push(name);
        }
    }
    files.iter().find_map(|file| {
        let mut names = Vec::new();
        collect(&file.package, &file.message_type, &mut names);
        names.sort();
        let index = names.iter().position(|name| name == message)?;
        (index >= 8).then(|| {
            format!(
                "{message} has index {index} in {}: where AWS's serializer writes it before the payload, records cannot be \
                 read; move the message to a file with fewer",
                file.name
            )
        })
    })
}
