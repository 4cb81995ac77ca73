//! protobuf's JSON as `docs/mapping.md` wants it, written as plainly as can be.

use prost_reflect::{Kind, Value};

use super::expect::Expected;
use super::fields::{Field, enum_name, fields};
use super::read::{Instance, Reading, read, text};
use super::schema::Schema;
use super::show::text as quoted;

/// Writes JSON, and notes what it loses.
pub struct Json<'s, 'e> {
    pub schema: &'s Schema,
    pub expected: &'e mut Expected,
}

impl Json<'_, '_> {
    pub fn message(&mut self, of: &Instance) -> String {
        let Some(known) = of.descriptor.full_name().strip_prefix("google.protobuf.") else {
            return format!("{{{}}}", self.members(of).join(","));
        };
        match known {
            "Timestamp" => match timestamp(of) {
                Some(text) => quoted(&text),
                None => self.null(),
            },
            "Duration" => match duration(of) {
                Some(text) => quoted(&text),
                None => self.null(),
            },
            "FieldMask" => match mask(of) {
                Some(text) => quoted(&text),
                None => self.null(),
            },
            "Any" => self.any(of),
            "Struct" => self.map(of, &fields(&of.descriptor)[0]),
            "ListValue" => self.list(of, &fields(&of.descriptor)[0]),
            "Value" => match fields(&of.descriptor).into_iter().find(|field| of.has(field)) {
                Some(field) if matches!(of.value(&field), Value::F64(number) if !number.is_finite()) => self.null(),
                Some(field) => self.field(of, &field),
                None => self.null(),
            },
            _ if known.ends_with("Value") => self.field(of, &fields(&of.descriptor)[0]),
            _ => format!("{{{}}}", self.members(of).join(",")),
        }
    }

    /// Writes what is set, by number.
    fn members(&mut self, of: &Instance) -> Vec<String> {
        let mut all = fields(&of.descriptor);
        all.sort_by_key(|field| field.number);
        let set = all.into_iter().filter(|field| match of.value(field) {
            Value::F32(number) if !field.presence => number.to_bits() != 0,
            Value::F64(number) if !field.presence => number.to_bits() != 0,
            Value::List(values) => !values.is_empty(),
            Value::Map(entries) => !entries.is_empty(),
            _ => of.has(field),
        });
        set.map(|field| format!("{}:{}", quoted(&field.key), self.field(of, &field))).collect()
    }

    fn field(&mut self, of: &Instance, field: &Field) -> String {
        if field.map {
            self.map(of, field)
        } else if field.list {
            self.list(of, field)
        } else if let Some(child) = field.message().and_then(|_| of.child(self.schema, field)) {
            self.message(&child)
        } else {
            self.scalar(&field.kind, &of.value(field))
        }
    }

    fn list(&mut self, of: &Instance, field: &Field) -> String {
        let parts: Vec<String> = match (field.message(), of.value(field)) {
            (Some(_), _) => of.children(self.schema, field).iter().map(|child| self.message(child)).collect(),
            (None, Value::List(values)) => values.iter().map(|value| self.scalar(&field.kind, value)).collect(),
            (None, other) => panic!("{other:?} is no list"),
        };
        format!("[{}]", parts.join(","))
    }

    fn map(&mut self, of: &Instance, field: &Field) -> String {
        let mut parts = Vec::new();
        for entry in of.entries(self.schema, field) {
            let of = fields(&entry.descriptor);
            let key = match self.scalar(&of[0].kind, &entry.value(&of[0])) {
                text if text.starts_with('"') => text,
                bare => quoted(&bare),
            };
            parts.push(format!("{key}:{}", self.map_value(&entry, &of[1])));
        }
        format!("{{{}}}", parts.join(","))
    }

    /// A value that is missing is its default, a message too.
    fn map_value(&mut self, entry: &Instance, field: &Field) -> String {
        match field.message() {
            Some(_) => {
                let child = entry.child(self.schema, field).unwrap_or_else(|| entry.absent(self.schema, field));
                self.message(&child)
            }
            None => self.scalar(&field.kind, &entry.value(field)),
        }
    }

    fn scalar(&mut self, kind: &Kind, value: &Value) -> String {
        match (kind, value) {
            (Kind::Enum(of), Value::EnumNumber(number)) => {
                if of.full_name() == "google.protobuf.NullValue" {
                    // Any number of it is the same null.
                    self.expected.lossless &= *number == 0;
                    return "null".into();
                }
                match enum_name(of, *number) {
                    Some(name) => quoted(name),
                    None => number.to_string(),
                }
            }
            (Kind::String, _) => {
                let (text, replaced) = text(value);
                self.expected.lossless &= !replaced;
                quoted(&text)
            }
            (_, Value::Bool(value)) => value.to_string(),
            (_, Value::I32(value)) => value.to_string(),
            (_, Value::U32(value)) => value.to_string(),
            (_, Value::I64(value)) => quoted(&value.to_string()),
            (_, Value::U64(value)) => quoted(&value.to_string()),
            (_, Value::F32(value)) => self.float(f64::from(*value), format!("{value:?}")),
            (_, Value::F64(value)) => self.float(*value, format!("{value:?}")),
            (_, Value::Bytes(bytes)) => quoted(&base64(bytes)),
            (kind, value) => panic!("{value:?} is no {kind:?}"),
        }
    }

    fn float(&mut self, value: f64, text: String) -> String {
        match text.as_str() {
            "inf" => quoted("Infinity"),
            "-inf" => quoted("-Infinity"),
            _ if value.is_nan() => {
                // The text does not tell one NaN from another.
                self.expected.lossless = false;
                quoted("NaN")
            }
            _ => text,
        }
    }

    fn null(&mut self) -> String {
        self.expected.lossless = false;
        "null".into()
    }

    fn any(&mut self, of: &Instance) -> String {
        let (url, bytes) = any_parts(of);
        if url.is_empty() && bytes.is_empty() {
            return "{}".into();
        }
        // Whether its bytes come back from the text is not ours to say.
        self.expected.lossless = false;
        let kind = format!("\"@type\":{}", quoted(&url));
        match self.content(&url, &bytes) {
            None => format!("{{{kind},\"value\":{}}}", quoted(&base64(&bytes))),
            Some(None) => self.null(),
            Some(Some(content)) if has_own_json(content.descriptor.full_name()) => {
                format!("{{{kind},\"value\":{}}}", self.message(&content))
            }
            Some(Some(content)) => format!("{{{}}}", [vec![kind], self.members(&content)].concat().join(",")),
        }
    }

    /// Reads an Any: nothing where its type is unknown, then nothing where its bytes are none of that type.
    pub fn content(&mut self, url: &str, bytes: &[u8]) -> Option<Option<Instance>> {
        let (_, name) = url.rsplit_once('/')?;
        let message = self.schema.find(name)?;
        Some(match read(self.schema, &message, bytes) {
            Reading::Accepted(content) => Some(content),
            Reading::Refused => None,
            Reading::Unclaimed => {
                self.expected.claimed = false;
                None
            }
        })
    }
}

fn has_own_json(name: &str) -> bool {
    name.strip_prefix("google.protobuf.").is_some_and(|name| super::schema::KNOWN.contains(&name))
}

pub fn any_parts(of: &Instance) -> (String, Vec<u8>) {
    let bytes = match of.number(2) {
        Value::Bytes(bytes) => bytes.to_vec(),
        other => panic!("{other:?} is no bytes"),
    };
    (text(&of.number(1)).0, bytes)
}

/// Returns seconds and nanoseconds.
pub fn seconds(of: &Instance) -> (i64, i32) {
    match (of.number(1), of.number(2)) {
        (Value::I64(seconds), Value::I32(nanos)) => (seconds, nanos),
        other => panic!("{other:?} is no time"),
    }
}

/// Whether seconds and nanoseconds are a Timestamp's, years 1 to 9999.
pub fn is_timestamp((seconds, nanos): (i64, i32)) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(&seconds) && (0..=999_999_999).contains(&nanos)
}

fn timestamp(of: &Instance) -> Option<String> {
    let (seconds, nanos) = seconds(of);
    if !is_timestamp((seconds, nanos)) {
        return None;
    }
    let (mut days, second) = (seconds.div_euclid(86_400) + 719_162, seconds.rem_euclid(86_400));
    // Year by year from the first of January of year 1, as one would count on paper, but 400 at a time where it can be.
    let mut year = 1 + days / 146_097 * 400;
    days %= 146_097;
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let date = format!("{year:04}-{:02}-{:02}", month + 1, days + 1);
    Some(format!("{date}T{hour:02}:{minute:02}:{:02}{}Z", second % 60, fraction(nanos.unsigned_abs())))
}

fn duration(of: &Instance) -> Option<String> {
    let (seconds, nanos) = seconds(of);
    let apart = seconds.signum() * i64::from(nanos.signum()) < 0;
    if apart || seconds.unsigned_abs() > 315_576_000_000 || nanos.unsigned_abs() > 999_999_999 {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    Some(format!("{sign}{}{}s", seconds.unsigned_abs(), fraction(nanos.unsigned_abs())))
}

/// No, three, six or nine digits.
fn fraction(nanos: u32) -> String {
    let digits = format!("{nanos:09}");
    let kept = digits.trim_end_matches('0').len().div_ceil(3) * 3;
    if nanos == 0 { String::new() } else { format!(".{}", &digits[..kept]) }
}

/// Returns a mask's paths in lowerCamelCase; nothing where one would not come back.
fn mask(of: &Instance) -> Option<String> {
    let Value::List(paths) = of.number(1) else { panic!("a mask holds a list") };
    let paths = paths.iter().map(|path| {
        let path = text(path).0;
        let plain = path.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ['.', '_'].contains(&c));
        let mut words = path.split('_');
        let mut camel = words.next()?.to_owned();
        for word in words {
            let mut letters = word.chars();
            let first = letters.next().filter(char::is_ascii_lowercase)?;
            camel.push(first.to_ascii_uppercase());
            camel.push_str(letters.as_str());
        }
        (plain && !path.is_empty()).then_some(camel)
    });
    paths.collect::<Option<Vec<_>>>().map(|paths| paths.join(","))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let at = (bits >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= three.len() { DIGITS[at] as char } else { '=' });
        }
    }
    out
}
