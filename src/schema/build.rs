//! From parsed descriptor files to [`Types`].

use std::collections::{BTreeSet, HashMap};

use super::descriptor::{EnumDef, FieldDef, File, MessageDef};
use super::error::SchemaError;
use super::features::{Features, Presence};
use super::known::recognise;
use super::types::{Arity, EnumId, EnumType, Field, Kind, MessageId, MessageType, Types, checked_number};

const LABEL_REQUIRED: i32 = 2;
const LABEL_REPEATED: i32 = 3;
const TYPE_GROUP: i32 = 10;

/// Builds the types of `files`, which must hold everything they refer to. `extensions` are full names of extension fields
/// that are read like fields of the message they extend.
pub fn build(files: &[File], extensions: &BTreeSet<String>) -> Result<Types, SchemaError> {
    let mut names = Names::default();
    for file in files {
        names.declare(&file.package, &file.message_type, &file.enum_type);
    }
    let mut builder = Builder { names, types: Types::default(), extensions, extended: Vec::new() };
    for file in files {
        let features = Features::of_file(file)?;
        builder.extensions(file, features, &file.package, &file.extension)?;
        builder.enums(file, &file.package, &file.enum_type)?;
        for message in &file.message_type {
            builder.message(file, features, &file.package, message)?;
        }
    }
    builder.finish()
}

/// Full names in declaration order, known before any field is resolved, so that types can refer to later ones.
#[derive(Default)]
struct Names {
    messages: HashMap<String, MessageId>,
    enums: HashMap<String, EnumId>,
}

impl Names {
    fn declare(&mut self, scope: &str, messages: &[MessageDef], enums: &[EnumDef]) {
        for one in enums {
            let id = EnumId(self.enums.len());
            self.enums.entry(join(scope, &one.name)).or_insert(id);
        }
        for message in messages {
            let (id, name) = (MessageId(self.messages.len() as u32), join(scope, &message.name));
            self.messages.entry(name.clone()).or_insert(id);
            self.declare(&name, &message.nested_type, &message.enum_type);
        }
    }
}

struct Builder<'a> {
    names: Names,
    types: Types,
    extensions: &'a BTreeSet<String>,
    /// Requested extension fields and the messages they extend.
    extended: Vec<(MessageId, Field)>,
}

impl Builder<'_> {
    /// Visits enums in the order in which [`Names`] numbered them.
    fn enums(&mut self, file: &File, scope: &str, enums: &[EnumDef]) -> Result<(), SchemaError> {
        for one in enums {
            let name = join(scope, &one.name);
            if self.names.enums.get(&name) != Some(&EnumId(self.types.enums.len())) {
                return Err(malformed(file, format!("{name} is defined twice")));
            }
            let mut names = HashMap::new();
            for value in &one.value {
                names.entry(value.number).or_insert_with(|| value.name.clone());
            }
            let numbers = names.iter().map(|(number, name)| (name.clone(), *number)).collect();
            self.types.enums.push(EnumType { name, names, numbers });
        }
        Ok(())
    }

    /// Visits messages in the order in which [`Names`] numbered them.
    fn message(&mut self, file: &File, outer: Features, scope: &str, def: &MessageDef) -> Result<(), SchemaError> {
        let name = join(scope, &def.name);
        let options = def.options.as_ref();
        let features = outer.overridden(options.and_then(|options| options.features.as_ref()));
        if self.names.messages.get(&name) != Some(&MessageId(self.types.messages.len() as u32)) {
            return Err(malformed(file, format!("{name} is defined twice")));
        }
        let synthetic: Vec<bool> = (0..def.oneof_decl.len())
            .map(|at| def.field.iter().any(|field| field.oneof_index == Some(at as i32) && field.proto3_optional))
            .collect();
        let mut fields = Vec::with_capacity(def.field.len());
        for field in &def.field {
            fields.push(self.field(file, features, &name, def, &synthetic, field)?);
        }
        let oneofs = def.oneof_decl.iter().zip(&synthetic).filter(|(_, gone)| !**gone).map(|(one, _)| one.name.clone());
        self.types.messages.push(MessageType {
            oneofs: oneofs.collect(),
            fields,
            known: None,
            guarded: false,
            by_number: HashMap::new(),
            in_number_order: Vec::new(),
            name: name.clone(),
        });
        self.extensions(file, features, &name, &def.extension)?;
        self.enums(file, &name, &def.enum_type)?;
        def.nested_type.iter().try_for_each(|nested| self.message(file, features, &name, nested))
    }

    fn field(
        &self,
        file: &File,
        features: Features,
        scope: &str,
        message: &MessageDef,
        synthetic: &[bool],
        def: &FieldDef,
    ) -> Result<Field, SchemaError> {
        let name = join(scope, &def.name);
        let oneof = match def.oneof_index {
            None => None,
            Some(at) => Some(
                usize::try_from(at)
                    .ok()
                    .filter(|at| *at < message.oneof_decl.len())
                    .ok_or_else(|| malformed(file, format!("{name} is in oneof {at}, which is not there")))?,
            ),
        };
        // A field inherits from its oneof, the oneof from the message.
        let declared = oneof.and_then(|at| message.oneof_decl[at].options.as_ref());
        let mut features = features.overridden(declared.and_then(|options| options.features.as_ref()));
        // A map's values stand behind a length, whatever the file's features say of messages.
        features.delimited &= !message.options.as_ref().is_some_and(|options| options.map_entry);
        let mut field = self.plain_field(file, features, &name, def)?;
        // The index counts only the oneofs that are kept.
        field.oneof =
            oneof.filter(|at| !synthetic[*at]).map(|at| synthetic[..at].iter().filter(|gone| !**gone).count());
        if oneof.is_some() {
            field.presence = Presence::Explicit;
        }
        Ok(field)
    }

    fn plain_field(&self, file: &File, features: Features, name: &str, def: &FieldDef) -> Result<Field, SchemaError> {
        let options = def.options.as_ref();
        let features = features.overridden(options.and_then(|options| options.features.as_ref()));
        let kind = self.kind(file, features, name, def)?;
        let entry = kind.message().and_then(|_| self.map_entry_name(file, def));
        let arity = match (def.label, entry) {
            (LABEL_REPEATED, Some(())) => Arity::Map,
            (LABEL_REPEATED, None) => Arity::Many,
            _ => Arity::One,
        };
        let presence = match features.presence {
            _ if def.label == LABEL_REQUIRED => Presence::Required,
            _ if arity != Arity::One => Presence::Implicit,
            Presence::Implicit if kind.message().is_some() || def.proto3_optional => Presence::Explicit,
            presence => presence,
        };
        Ok(Field {
            name: def.name.clone(),
            key: def.name.clone(),
            number: checked_number(&file.name, name, def.number)?,
            // Map entries stand behind a length whatever the features say.
            kind: match (arity, kind) {
                (Arity::Map, Kind::Delimited(id)) => Kind::Message(id),
                _ => kind,
            },
            arity,
            presence,
            utf8: features.utf8,
            // Editions have the feature alone, syntaxes before them the option alone.
            packed: arity == Arity::Many
                && kind.is_packable()
                && options.and_then(|options| options.packed).unwrap_or(features.packed),
            oneof: None,
            default: def.default_value.clone(),
        })
    }

    /// Whether the field's type is a map entry. Entries are nested in the message of their field, and so in its file.
    fn map_entry_name(&self, file: &File, def: &FieldDef) -> Option<()> {
        let name = def.type_name.strip_prefix('.')?;
        let rest = if file.package.is_empty() { name } else { name.strip_prefix(&file.package)?.strip_prefix('.')? };
        let mut parts = rest.split('.');
        let first = parts.next()?;
        let mut found = file.message_type.iter().find(|message| message.name == first)?;
        for part in parts {
            found = found.nested_type.iter().find(|message| message.name == part)?;
        }
        found.options.as_ref().is_some_and(|options| options.map_entry).then_some(())
    }

    fn kind(&self, file: &File, features: Features, name: &str, def: &FieldDef) -> Result<Kind, SchemaError> {
        let missing = || SchemaError::Incomplete { file: file.name.clone(), missing: def.type_name.clone() };
        let type_name = def.type_name.strip_prefix('.').unwrap_or(&def.type_name);
        Ok(match def.r#type {
            1 => Kind::Double,
            2 => Kind::Float,
            3 => Kind::Int64,
            4 => Kind::Uint64,
            5 => Kind::Int32,
            6 => Kind::Fixed64,
            7 => Kind::Fixed32,
            8 => Kind::Bool,
            9 => Kind::String,
            TYPE_GROUP | 11 => {
                let id = *self.names.messages.get(type_name).ok_or_else(missing)?;
                if def.r#type == TYPE_GROUP || features.delimited { Kind::Delimited(id) } else { Kind::Message(id) }
            }
            12 => Kind::Bytes,
            13 => Kind::Uint32,
            14 => Kind::Enum(*self.names.enums.get(type_name).ok_or_else(missing)?),
            15 => Kind::Sfixed32,
            16 => Kind::Sfixed64,
            17 => Kind::Sint32,
            18 => Kind::Sint64,
            other => return Err(malformed(file, format!("{name} has type number {other}"))),
        })
    }

    fn extensions(
        &mut self,
        file: &File,
        features: Features,
        scope: &str,
        defs: &[FieldDef],
    ) -> Result<(), SchemaError> {
        for def in defs {
            let name = join(scope, &def.name);
            if !self.extensions.contains(&name) {
                continue;
            }
            let extendee = def.extendee.strip_prefix('.').unwrap_or(&def.extendee);
            let Some(id) = self.names.messages.get(extendee).copied() else {
                return Err(SchemaError::Incomplete { file: file.name.clone(), missing: def.extendee.clone() });
            };
            let mut field = self.plain_field(file, features, &name, def)?;
            field.key = format!("[{name}]");
            if field.arity == Arity::One {
                field.presence = Presence::Explicit;
            }
            self.extended.push((id, field));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Types, SchemaError> {
        self.extended.sort_by_key(|(id, field)| (*id, field.number));
        for (id, field) in self.extended.drain(..) {
            self.types.messages[id.0 as usize].fields.push(field);
        }
        for message in &mut self.types.messages {
            for (at, field) in message.fields.iter().enumerate() {
                if message.by_number.insert(field.number, at).is_some() {
                    let cause = format!("two fields of {} have number {}", message.name, field.number);
                    return Err(SchemaError::Malformed { file: message.name.clone(), cause });
                }
                message.in_number_order.push(at);
            }
            message.in_number_order.sort_by_key(|at| message.fields[*at].number);
        }
        self.types.by_name = self.names.messages;
        let types = self.types;
        check_entries(&types)?;
        let known: Vec<_> = types.messages.iter().map(|message| recognise(&types, message)).collect();
        let mut types = types;
        for (message, known) in types.messages.iter_mut().zip(known) {
            message.known = known;
        }
        types.mark_guarded();
        Ok(types)
    }
}

/// Holds the promise of [`Arity::Map`]: the entry's fields are `key`, number 1, of a kind that may be one, and `value`, number 2.
fn check_entries(types: &Types) -> Result<(), SchemaError> {
    for message in &types.messages {
        for field in message.fields.iter().filter(|field| field.arity == Arity::Map) {
            let entry = types.message(field.kind.message().expect("only message kinds become maps"));
            let fits = matches!(&entry.fields[..], [key, value]
                if key.number == 1 && value.number == 2 && key.arity == Arity::One && value.arity == Arity::One
                    && !matches!(key.kind, Kind::Double | Kind::Float | Kind::Bytes | Kind::Enum(_))
                    && key.kind.message().is_none());
            if !fits {
                let cause = format!("{} is no map entry", entry.name);
                return Err(SchemaError::Malformed { file: message.name.clone(), cause });
            }
        }
    }
    Ok(())
}

fn malformed(file: &File, cause: String) -> SchemaError {
    SchemaError::Malformed { file: file.name.clone(), cause }
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
