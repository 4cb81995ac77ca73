//! A message type as a tree of columns.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::SchemaError;
use super::mapping::{Column, Element, Form, Shape, Source};
use super::names::{Given, Names, Place};
use super::types::{Arity, Field, Kind, MessageId, Types, WellKnown};

/// More columns than any reader of Parquet likes; a guard against types that multiply as they nest.
const MOST_COLUMNS: usize = 10_000;

/// What the operator wants otherwise than the table says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MappingOptions {
    /// How many more times a type may stand on its own path as columns before it becomes JSON.
    pub recursion: u32,
    /// By dotted path of proto field names; a map's value is `value` on it.
    pub fields: BTreeMap<String, Form>,
    /// Full names of extensions to read as fields of the messages they extend.
    pub extensions: BTreeSet<String>,
}

/// What [`compile`] makes of a message type.
#[derive(Debug)]
pub(super) struct Compiled {
    pub columns: Vec<Column>,
    pub lints: Vec<String>,
}

/// Makes the columns of a table whose rows are `root` messages. The root becomes columns by the general rules, also when it
/// is a well-known type.
pub(super) fn compile(types: &Types, root: MessageId, options: &MappingOptions) -> Result<Compiled, SchemaError> {
    let mut compiler =
        Compiler { types, root, options, used: BTreeSet::new(), count: 0, lints: Vec::new(), on_path: Vec::new() };
    let columns = compiler.message(root, Place::Root, &Trail::default())?;
    compiler.check_options()?;
    Ok(Compiled { columns, lints: compiler.lints })
}

struct Compiler<'a> {
    types: &'a Types,
    root: MessageId,
    options: &'a MappingOptions,
    /// The options that were met.
    used: BTreeSet<String>,
    count: usize,
    lints: Vec<String>,
    on_path: Vec<MessageId>,
}

/// The way from the root to a field.
#[derive(Clone, Default)]
struct Trail {
    names: Vec<String>,
    numbers: Vec<u32>,
}

impl Trail {
    fn to(&self, field: &Field) -> Trail {
        let mut next = self.clone();
        next.names.push(field.key.clone());
        next.numbers.push(field.number);
        next
    }

    fn dotted(&self) -> String {
        self.names.join(".")
    }
}

/// What the columns of one message have in common.
struct Siblings {
    id: MessageId,
    trail: Trail,
    names: Names,
    /// The fields' column names, by field index.
    given: Vec<String>,
}

impl Compiler<'_> {
    fn message(&mut self, id: MessageId, place: Place, trail: &Trail) -> Result<Vec<Column>, SchemaError> {
        // Deeper than a payload may nest, no column can hold a value.
        if self.on_path.len() > 100 {
            return Err(self.too_wide());
        }
        self.on_path.push(id);
        let fields = &self.types.message(id).fields;
        let mut siblings =
            Siblings { id, trail: trail.clone(), names: Names::new(place), given: Vec::with_capacity(fields.len()) };
        for field in fields {
            let given = siblings.names.field(&field.name, field.number);
            siblings.given.push(self.noted(given, &trail.to(field).dotted()));
        }
        let mut columns = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            columns.extend(self.field(&mut siblings, at)?);
            // A oneof's case stands behind its last member.
            let last = |oneof| fields[at + 1..].iter().all(|later| later.oneof != Some(oneof));
            columns.extend(field.oneof.filter(|oneof| last(*oneof)).map(|oneof| self.case(&mut siblings, oneof)));
        }
        self.on_path.pop();
        self.count += columns.len();
        if self.count > MOST_COLUMNS { Err(self.too_wide()) } else { Ok(columns) }
    }

    /// Makes a field's column, and the second one of an enum that is wanted as name and number.
    fn field(&mut self, siblings: &mut Siblings, at: usize) -> Result<Vec<Column>, SchemaError> {
        let types = self.types;
        let field = &types.message(siblings.id).fields[at];
        let trail = siblings.trail.to(field);
        let form = self.form(&trail, field)?;
        let column = Column {
            name: siblings.given[at].clone(),
            source: Source::Field(at),
            shape: self.shape(field, form, &trail)?,
            path: trail.names.clone(),
            numbers: trail.numbers.clone(),
            default: field.default.clone(),
        };
        if form != Some(Form::Both) {
            return Ok(vec![column]);
        }
        let given = siblings.names.enum_number(&column.name, field.number);
        let name = self.noted(given, &trail.dotted());
        let second = Column { name, shape: numbers_of(&column.shape), ..column.clone() };
        Ok(vec![column, second])
    }

    fn case(&mut self, siblings: &mut Siblings, oneof: usize) -> Column {
        let types = self.types;
        let message = types.message(siblings.id);
        let name = &message.oneofs[oneof];
        let mut path = siblings.trail.names.clone();
        path.push(name.clone());
        let given = siblings.names.case(name);
        let members = message.fields.iter().zip(&siblings.given).enumerate();
        let members = members.filter(|(_, (member, _))| member.oneof == Some(oneof));
        Column {
            name: self.noted(given, &path.join(".")),
            source: Source::Case(oneof),
            shape: Shape::Case(members.map(|(at, (_, name))| (at, name.clone())).collect()),
            path,
            numbers: siblings.trail.numbers.clone(),
            default: None,
        }
    }

    fn shape(&mut self, field: &Field, form: Option<Form>, trail: &Trail) -> Result<Shape, SchemaError> {
        Ok(match field.arity {
            Arity::One => Shape::One(self.element(field.kind, form, trail)?),
            Arity::Many => Shape::List(self.element(field.kind, form, trail)?),
            Arity::Map => {
                let (key, value) = self.types.entry(field);
                let key = Element::scalar(key.kind, None).expect("the builder admits only scalar keys");
                // A map's own option speaks of its values.
                Shape::Map { key, value: self.element(value.kind, form, &trail.to(value))? }
            }
        })
    }

    fn element(&mut self, kind: Kind, form: Option<Form>, trail: &Trail) -> Result<Element, SchemaError> {
        let Some(id) = kind.message() else {
            return Ok(Element::scalar(kind, form).expect("what is no message is a scalar"));
        };
        let message = self.types.message(id);
        Ok(match message.known {
            Some(WellKnown::Timestamp) => Element::Timestamp,
            Some(WellKnown::Duration) => Element::Duration,
            Some(WellKnown::FieldMask) => Element::FieldMask,
            Some(WellKnown::Any) => Element::Any,
            Some(WellKnown::Struct | WellKnown::Value | WellKnown::ListValue) => Element::Json(id),
            Some(WellKnown::Wrapper) => {
                let scalar = Element::scalar(message.fields[0].kind, form).expect("a wrapper holds a scalar");
                Element::Wrapper(Box::new(scalar))
            }
            None if message.fields.is_empty() => Element::Present,
            None if self.stands(id) > self.options.recursion as usize => Element::Json(id),
            None => Element::Struct(self.message(id, Place::Nested, trail)?),
        })
    }

    fn stands(&self, id: MessageId) -> usize {
        self.on_path.iter().filter(|on| **on == id).count()
    }

    /// Returns what the operator wants of a field, if it can be had.
    fn form(&mut self, trail: &Trail, field: &Field) -> Result<Option<Form>, SchemaError> {
        let path = trail.dotted();
        let Some(form) = self.options.fields.get(&path).copied() else { return Ok(None) };
        let mut kind = match field.arity {
            Arity::Map => self.types.entry(field).1.kind,
            _ => field.kind,
        };
        if let Some(message) = kind.message().map(|id| self.types.message(id))
            && message.known == Some(WellKnown::Wrapper)
        {
            kind = message.fields[0].kind;
        }
        let fits = match form {
            Form::Bigint | Form::String => matches!(kind, Kind::Uint64 | Kind::Fixed64),
            Form::Int | Form::Both => matches!(kind, Kind::Enum(_)),
        };
        self.used.insert(path.clone());
        if fits {
            Ok(Some(form))
        } else {
            Err(self.no_option(path, "bigint and string are for uint64, int and both for enums"))
        }
    }

    fn check_options(&self) -> Result<(), SchemaError> {
        match self.options.fields.keys().find(|path| !self.used.contains(*path)) {
            Some(path) => Err(self.no_option(path.clone(), "no column stands at that path")),
            None => Ok(()),
        }
    }

    fn no_option(&self, path: String, cause: &str) -> SchemaError {
        SchemaError::Option { message: self.root_name(), path, cause: cause.to_owned() }
    }

    fn too_wide(&self) -> SchemaError {
        SchemaError::TooWide { message: self.root_name(), limit: MOST_COLUMNS }
    }

    fn root_name(&self) -> String {
        self.types.message(self.root).name.clone()
    }

    fn noted(&mut self, given: Given, path: &str) -> String {
        if given.changed {
            self.lints.push(format!("{path} becomes column {}, since its own name is taken or ours", given.name));
        }
        given.name
    }
}

/// Returns an enum column's shape with numbers for names.
fn numbers_of(shape: &Shape) -> Shape {
    match shape {
        Shape::One(_) => Shape::One(Element::EnumNumber),
        Shape::List(_) => Shape::List(Element::EnumNumber),
        Shape::Map { key, .. } => Shape::Map { key: key.clone(), value: Element::EnumNumber },
        Shape::Case(_) => unreachable!("a case column has no option"),
    }
}
