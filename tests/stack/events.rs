//! Made events: the bytes that are sent, written here by hand, and the row that an independent reader must find.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// 2026-11-23T06:00:00Z
const EPOCH_MS: i64 = 1_795_413_600_000;

pub const SCHEMA: &str = "v1";
pub const MESSAGE: &str = "Event";

/// What is sent as one record, and what the judge has to find of it.
pub struct Event {
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Option<String>)>,
    pub timestamp: i64,
    /// `row`, `tombstone` or `quarantine`.
    kind: &'static str,
    /// Columns of the message.
    row: Value,
}

impl Event {
    /// Returns the event of a number: mostly a row, now and then something else; over three hours.
    pub fn of(number: u64) -> Event {
        let timestamp = EPOCH_MS + (number % 10_800) as i64 * 1000 + (number % 1000) as i64;
        let key = (!number.is_multiple_of(7))
            .then(|| if number.is_multiple_of(11) { String::new() } else { format!("key-{}", number % 500) });
        let headers = match number % 5 {
            0 => vec![("trace", Some(format!("t{number}"))), ("empty", None), ("trace", Some(String::new()))],
            _ => vec![],
        };
        let (kind, value, row) = match number % 9973 {
            1 => ("tombstone", None, Value::Null),
            // A varint that does not end.
            2 => ("quarantine", Some(vec![0x08, 0xff, 0xff]), Value::Null),
            _ => {
                let (bytes, row) = message(number);
                ("row", Some(bytes), row)
            }
        };
        Event { key, value, headers, timestamp, kind, row }
    }

    /// Returns the line of the manifest for this event at its place.
    pub fn line(&self, partition: i32, offset: i64) -> Value {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| json!([name, value])).collect();
        json!({
            "partition": partition, "offset": offset, "timestamp": self.timestamp, "kind": self.kind, "row": self.row,
            "key": self.key, "value": self.value.as_deref().map(text), "headers": headers,
        })
    }
}

fn message(number: u64) -> (Vec<u8>, Value) {
    // Every 64 bits are used: a signed column would show.
    let large = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let name = format!("event ✈ {number}");
    let price = number as f64 / 8.0;
    let made = (number % 4 != 3).then(|| (1_700_000_000 + number as i64, (number % 1_000_000) as i64 * 1000));
    let legs: Vec<i32> = (0..number % 4).map(|leg| if leg % 2 == 0 { leg as i32 } else { -(number as i32) }).collect();
    let seats: Vec<(String, i64)> = (0..number % 3).map(|seat| (format!("s{seat}"), -(number as i64))).collect();
    // The last is a number that the schema does not know.
    let (status, name_of_status) =
        [(0, "STATUS_UNSPECIFIED"), (1, "STATUS_OPEN"), (2, "STATUS_CLOSED"), (7, "7")][(number % 4) as usize];
    let paid = [None, Some(false), Some(true)][(number % 3) as usize];
    let token = number.to_be_bytes();
    let cents = number.is_multiple_of(2).then_some(number as i64 * 100);

    let mut bytes = Vec::new();
    varint_field(&mut bytes, 1, large);
    bytes_field(&mut bytes, 2, name.as_bytes());
    if price != 0.0 {
        varint(&mut bytes, 3 << 3 | 1);
        bytes.extend(price.to_le_bytes());
    }
    if let Some((seconds, nanos)) = made {
        let inner = message_of(|inner| {
            varint_field(inner, 1, seconds as u64);
            varint_field(inner, 2, nanos as u64);
        });
        bytes_field(&mut bytes, 4, &inner);
    }
    if !legs.is_empty() {
        let packed =
            message_of(|inner| legs.iter().for_each(|&leg| varint(inner, u64::from((leg << 1 ^ leg >> 31) as u32))));
        bytes_field(&mut bytes, 5, &packed);
    }
    for (seat, count) in &seats {
        let entry = message_of(|inner| {
            bytes_field(inner, 1, seat.as_bytes());
            varint(inner, 2 << 3);
            varint(inner, *count as u64);
        });
        bytes_field(&mut bytes, 6, &entry);
    }
    varint_field(&mut bytes, 7, status);
    if let Some(paid) = paid {
        varint(&mut bytes, 8 << 3);
        varint(&mut bytes, u64::from(paid));
    }
    bytes_field(&mut bytes, 9, &token);
    if let Some(cents) = cents {
        let money = message_of(|inner| {
            bytes_field(inner, 1, b"EUR");
            varint_field(inner, 2, cents as u64);
        });
        bytes_field(&mut bytes, 10, &money);
    }
    let row = json!({
        "number": large.to_string(),
        "name": name,
        "price": price,
        "made_at": made.map(|(seconds, nanos)| seconds * 1_000_000 + nanos / 1000),
        "legs": legs,
        "seats": seats,
        "status": name_of_status,
        "paid": paid,
        "token": STANDARD.encode(token),
        "total": cents.map(|cents| json!({ "currency": "EUR", "cents": cents })),
    });
    (bytes, row)
}

fn message_of(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// As proto3 writes a field without presence: not at all where it is zero.
fn varint_field(into: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        varint(into, field << 3);
        varint(into, value);
    }
}

fn bytes_field(into: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(into, field << 3 | 2);
    varint(into, value.len() as u64);
    into.extend(value);
}

/// Writes the FileDescriptorSet of the events.
pub fn write_descriptors(path: &Path) {
    compile(include_str!("event.proto"), path);
}

/// Writes one that makes another layout of the same columns.
pub fn write_older_descriptors(path: &Path) {
    compile(&format!("{}\nmessage GoneSince {{}}\n", include_str!("event.proto")), path);
}

fn compile(text: &str, path: &Path) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("event.proto"), text).unwrap();
    let set = protox::Compiler::new([folder.path()])
        .unwrap()
        .include_imports(true)
        .open_file("event.proto")
        .unwrap()
        .encode_file_descriptor_set();
    std::fs::write(path, set).unwrap();
}
