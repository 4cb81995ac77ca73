//! Design note 4's table, once more: what each column of a row must say, as text.

use alluvium::schema::Form;
use prost_reflect::{Kind, MessageDescriptor, Value};

use super::fields::{Field, enum_name, fields};
use super::json::{Json, any_parts, is_timestamp, seconds};
use super::read::{Instance, Reading, read, text};
use super::schema::Schema;
use super::show;

/// What is expected of a payload besides the text of its columns.
pub struct Expected {
    /// Whether the columns say all that the payload says.
    pub lossless: bool,
    /// Whether anything is expected of the columns.
    pub claimed: bool,
}

pub enum Outcome {
    Row {
        columns: Vec<(String, String)>,
        expected: Expected,
    },
    /// A row of which nothing more is claimed, or none at all.
    Unclaimed,
    Quarantine,
}

/// A value that no column can hold, where none may be null.
struct OutOfRange;

type Shown = Result<String, OutOfRange>;

/// Returns what must become of a payload.
pub fn outcome(schema: &Schema, payload: &[u8]) -> Outcome {
    let root = match read(schema, &schema.root(), payload) {
        Reading::Refused => return Outcome::Quarantine,
        Reading::Unclaimed => return Outcome::Unclaimed,
        Reading::Accepted(root) => root,
    };
    let expected = Expected { lossless: true, claimed: true };
    let mut table = Table { schema, expected, path: Vec::new(), trail: Vec::new() };
    match table.columns(&root, true) {
        Err(OutOfRange) => Outcome::Quarantine,
        Ok(columns) => Outcome::Row { columns, expected: table.expected },
    }
}

struct Table<'s> {
    schema: &'s Schema,
    expected: Expected,
    /// The types from the root to here.
    path: Vec<String>,
    /// The fields from the root to here.
    trail: Vec<String>,
}

impl Table<'_> {
    fn columns(&mut self, of: &Instance, root: bool) -> Result<Vec<(String, String)>, OutOfRange> {
        self.path.push(of.descriptor.full_name().to_owned());
        let all = fields(&of.descriptor);
        let mut names = Names { root, taken: Vec::new() };
        let given: Vec<String> =
            all.iter().map(|field| names.give(&field.name, &format!("_{}", field.number))).collect();
        let mut columns = Vec::new();
        for (at, field) in all.iter().enumerate() {
            self.trail.push(field.key.clone());
            let form = self.schema.options.fields.get(&self.trail.join(".")).copied();
            columns.push((given[at].clone(), self.field(of, field, form)?));
            if form == Some(Form::Both) {
                let name = names.give(&format!("{}_number", given[at]), &format!("_{}", field.number));
                columns.push((name, self.field(of, field, Some(Form::Int))?));
            }
            self.trail.pop();
            let Some(oneof) = &field.oneof else { continue };
            let same = |other: &Field| other.oneof.as_ref().is_some_and(|other| other.name() == oneof.name());
            if !all[at + 1..].iter().any(same) {
                let member = of.member(oneof).and_then(|number| all.iter().position(|field| field.number == number));
                let shown = member.map_or("null".to_owned(), |member| show::text(&given[member]));
                columns.push((names.give(&format!("{}_case", oneof.name()), "_oneof"), shown));
            }
        }
        self.path.pop();
        Ok(columns)
    }

    fn field(&mut self, of: &Instance, field: &Field, form: Option<Form>) -> Shown {
        let never_null = |shown: Option<String>| shown.ok_or(OutOfRange);
        if field.map {
            let mut parts = Vec::new();
            for entry in of.entries(self.schema, field) {
                let of = fields(&entry.descriptor);
                let key = self.scalar(&of[0].kind, &entry.value(&of[0]), None).expect("a key is in range");
                self.trail.push("value".into());
                let value = match of[1].message() {
                    Some(message) => {
                        let child = entry.child(self.schema, &of[1]);
                        let child = child.unwrap_or_else(|| entry.absent(self.schema, &of[1]));
                        self.message(&message, &child, form)?
                    }
                    None => self.scalar(&of[1].kind, &entry.value(&of[1]), form),
                };
                self.trail.pop();
                parts.push(format!("{key}: {}", never_null(value)?));
            }
            return Ok(format!("{{{}}}", parts.join(", ")));
        }
        if field.list {
            let mut parts = Vec::new();
            match (field.message(), of.value(field)) {
                (Some(message), _) => {
                    for child in of.children(self.schema, field) {
                        parts.push(never_null(self.message(&message, &child, form)?)?);
                    }
                }
                (None, Value::List(values)) => {
                    for value in &values {
                        parts.push(never_null(self.scalar(&field.kind, value, form))?);
                    }
                }
                (None, other) => panic!("{other:?} is no list"),
            }
            return Ok(format!("[{}]", parts.join(", ")));
        }
        let shown = match field.message() {
            Some(message) => match of.child(self.schema, field) {
                Some(child) => self.message(&message, &child, form)?,
                None => None,
            },
            None => of.stated(field).and_then(|value| self.scalar(&field.kind, &value, form)),
        };
        Ok(shown.unwrap_or_else(|| "null".into()))
    }

    /// Shows a message that is there; nothing where it is out of range.
    fn message(
        &mut self,
        of: &MessageDescriptor,
        instance: &Instance,
        form: Option<Form>,
    ) -> Result<Option<String>, OutOfRange> {
        Ok(Some(match of.full_name().strip_prefix("google.protobuf.") {
            Some("Timestamp") => {
                let (seconds, nanos) = seconds(instance);
                self.expected.lossless &= nanos % 1_000 == 0;
                if !is_timestamp((seconds, nanos)) {
                    return Ok(self.out_of_range());
                }
                format!("{}us", seconds * 1_000_000 + i64::from(nanos / 1_000))
            }
            Some("Duration") => {
                let (seconds, nanos) = seconds(instance);
                let apart = seconds.signum() * i64::from(nanos.signum()) < 0;
                self.expected.lossless &= !apart && nanos.unsigned_abs() < 1_000_000_000;
                match i64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)) {
                    Ok(nanos) => nanos.to_string(),
                    Err(_) => return Ok(self.out_of_range()),
                }
            }
            Some("FieldMask") => {
                let paths = &fields(of)[0];
                let Value::List(values) = instance.value(paths) else { panic!("a mask holds a list") };
                let parts = values.iter().filter_map(|path| self.scalar(&paths.kind, path, None));
                format!("[{}]", parts.collect::<Vec<_>>().join(", "))
            }
            Some("Any") => self.any(instance),
            Some("Struct" | "Value" | "ListValue") => show::text(&self.json(instance)),
            Some(known) if known.ends_with("Value") => {
                let value = &fields(of)[0];
                return Ok(self.scalar(&value.kind, &instance.value(value), form));
            }
            _ if fields(of).is_empty() => "true".into(),
            _ if self.stands(of) > self.schema.options.recursion as usize => show::text(&self.json(instance)),
            _ => {
                let columns = self.columns(instance, false)?;
                let parts: Vec<String> = columns.iter().map(|(name, shown)| format!("{name}={shown}")).collect();
                format!("({})", parts.join(", "))
            }
        }))
    }

    fn stands(&self, of: &MessageDescriptor) -> usize {
        self.path.iter().filter(|on| *on == of.full_name()).count()
    }

    fn any(&mut self, instance: &Instance) -> String {
        let (url, bytes) = any_parts(instance);
        let content = Json { schema: self.schema, expected: &mut self.expected }.content(&url, &bytes);
        let json = match content {
            // The value column has the bytes, whatever their text loses.
            Some(Some(content)) => {
                let lossless = self.expected.lossless;
                let text = show::text(&self.json(&content));
                self.expected.lossless = lossless;
                text
            }
            Some(None) => {
                self.expected.lossless = false;
                "null".into()
            }
            None => "null".into(),
        };
        format!("(type_url={}, value={}, json={json})", show::text(&url), show::hex(&bytes))
    }

    fn json(&mut self, of: &Instance) -> String {
        Json { schema: self.schema, expected: &mut self.expected }.message(of)
    }

    fn out_of_range(&mut self) -> Option<String> {
        self.expected.lossless = false;
        None
    }

    fn scalar(&mut self, kind: &Kind, value: &Value, form: Option<Form>) -> Option<String> {
        Some(match (kind, value) {
            (Kind::Enum(of), Value::EnumNumber(number)) => match enum_name(of, *number) {
                _ if form == Some(Form::Int) => number.to_string(),
                Some(name) => show::text(name),
                None => show::text(&number.to_string()),
            },
            (Kind::String, _) => {
                let (text, replaced) = text(value);
                self.expected.lossless &= !replaced;
                show::text(&text)
            }
            (_, Value::Bool(value)) => value.to_string(),
            (_, Value::I32(value)) => value.to_string(),
            (_, Value::U32(value)) => value.to_string(),
            (_, Value::I64(value)) => value.to_string(),
            (_, Value::U64(value)) => match form {
                Some(Form::Bigint) if i64::try_from(*value).is_err() => return self.out_of_range(),
                Some(Form::String) => show::text(&value.to_string()),
                _ => value.to_string(),
            },
            (_, Value::F32(value)) => show::single(*value),
            (_, Value::F64(value)) => show::double(*value),
            (_, Value::Bytes(bytes)) => show::hex(bytes),
            (kind, value) => panic!("{value:?} is no {kind:?}"),
        })
    }
}

/// Column names: lower case, apart from each other and from ours.
struct Names {
    root: bool,
    taken: Vec<String>,
}

impl Names {
    fn give(&mut self, proto: &str, suffix: &str) -> String {
        let mut name = proto.to_lowercase();
        if self.root && name.starts_with('_') {
            name = format!("f{name}");
        }
        if self.root && ["dt", "hour"].contains(&name.as_str()) {
            name.push_str(suffix);
        }
        while self.taken.contains(&name) {
            name.push_str(suffix);
        }
        self.taken.push(name.clone());
        name
    }
}
