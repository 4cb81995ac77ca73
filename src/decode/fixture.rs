//! Payloads written byte by byte, and what decoding makes of them, for the unit tests of this room and of `encode`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

pub use super::payload::fixture::{Choices, payload};
use super::{Chunk, DecodedObject, Decoder, Objects};
use crate::domain::{Header, ObjectKind, Offset, Records, Timestamp};
use crate::schema::Layout;
use crate::schema::fixture::topic;

/// A payload in the making. Says exactly the bytes; nothing is ordered or left out.
#[derive(Clone, Debug, Default)]
pub struct Wire(pub Vec<u8>);

pub fn wire() -> Wire {
    Wire::default()
}

impl Wire {
    pub fn raw(mut self, bytes: &[u8]) -> Wire {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn number(mut self, mut value: u64) -> Wire {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub fn tag(self, number: u32, wire_type: u64) -> Wire {
        self.number(u64::from(number) << 3 | wire_type)
    }

    pub fn varint(self, number: u32, value: i64) -> Wire {
        self.tag(number, 0).number(value as u64)
    }

    pub fn zigzag(self, number: u32, value: i64) -> Wire {
        self.tag(number, 0).number((value << 1 ^ value >> 63) as u64)
    }

    pub fn fixed32(self, number: u32, value: impl Into<[u8; 4]>) -> Wire {
        self.tag(number, 5).raw(&value.into())
    }

    pub fn fixed64(self, number: u32, value: [u8; 8]) -> Wire {
        self.tag(number, 1).raw(&value)
    }

    pub fn double(self, number: u32, value: f64) -> Wire {
        self.fixed64(number, value.to_le_bytes())
    }

    pub fn bytes(self, number: u32, bytes: &[u8]) -> Wire {
        self.tag(number, 2).number(bytes.len() as u64).raw(bytes)
    }

    pub fn text(self, number: u32, text: &str) -> Wire {
        self.bytes(number, text.as_bytes())
    }

    pub fn message(self, number: u32, message: Wire) -> Wire {
        self.bytes(number, &message.0)
    }

    pub fn group(self, number: u32, message: Wire) -> Wire {
        self.tag(number, 3).raw(&message.0).tag(number, 4)
    }
}

/// Records with the given values at offsets 0, 1, …, all at one time.
pub fn records(values: impl IntoIterator<Item = Option<Vec<u8>>>) -> Records {
    let mut records = Records::default();
    for (at, value) in values.into_iter().enumerate() {
        records.push(Offset(at as i64), Timestamp::Create(1_795_413_599_999), None, value.as_deref(), []);
    }
    records
}

pub fn with_headers(value: Option<&[u8]>, headers: &[Header<'_>]) -> Records {
    let mut records = Records::default();
    records.push(Offset(0), Timestamp::Create(0), Some(b"key"), value, headers.iter().copied());
    records
}

/// What became of a range of records.
pub struct Decoded {
    pub objects: Vec<Whole>,
    pub rest: Option<Offset>,
}

impl Decoded {
    /// Returns how many records were taken.
    pub fn records(&self) -> u64 {
        self.objects.iter().map(|object| object.rows).sum()
    }
}

/// An object with its rows in one piece.
pub struct Whole {
    pub object: DecodedObject,
    pub batch: RecordBatch,
}

impl Whole {
    /// Takes the payloads of all rows but `kept` out of `_raw`, as is right where they are canonical.
    pub fn without_raw(mut self, kept: &[usize]) -> Whole {
        use arrow_array::BinaryArray;
        use arrow_array::cast::AsArray;
        let at = self.batch.schema().index_of("_raw").unwrap();
        let raws = self.batch.column(at).as_binary::<i32>();
        let raws: BinaryArray = raws.iter().enumerate().map(|(row, raw)| raw.filter(|_| kept.contains(&row))).collect();
        let mut columns = self.batch.columns().to_vec();
        columns[at] = Arc::new(raws);
        self.batch = RecordBatch::try_new(self.batch.schema(), columns).unwrap();
        self
    }
}

impl std::ops::Deref for Whole {
    type Target = DecodedObject;

    fn deref(&self) -> &DecodedObject {
        &self.object
    }
}

pub fn decode(layout: &Arc<Layout>, records: &Records) -> Decoded {
    decode_range(layout, Objects::new(&topic(), 3, 64), records)
}

pub fn decode_range(layout: &Arc<Layout>, mut objects: Objects, records: &Records) -> Decoded {
    let mut chunks = Vec::new();
    let rest =
        Decoder::new(layout.clone()).decode(&mut objects, records.iter(), &mut |chunk: Chunk| chunks.push(chunk));
    let whole = objects.finish().into_iter().map(|object| {
        let of = chunks.iter().filter(|chunk| (chunk.kind, chunk.hour) == (object.kind, object.hour));
        let batches: Vec<&RecordBatch> = of.map(|chunk| &chunk.batch).collect();
        let batch = concat_batches(&batches[0].schema(), batches).unwrap();
        Whole { object, batch }
    });
    Decoded { objects: whole.collect(), rest }
}

/// Decodes one payload that must become a row.
pub fn row(layout: &Arc<Layout>, payload: Wire) -> RecordBatch {
    let mut decoded = decode(layout, &records([Some(payload.0)]));
    let object = decoded.objects.remove(0);
    assert_eq!(object.kind, ObjectKind::Rows, "{:?}", object.batch);
    object.batch
}

/// Decodes one payload that must go to quarantine: reason, field, position.
pub fn refusal(layout: &Arc<Layout>, payload: Wire) -> (String, String, Option<i64>) {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    let mut decoded = decode(layout, &records([Some(payload.0)]));
    let object = decoded.objects.remove(0);
    assert_eq!(object.kind, ObjectKind::Quarantine, "{:?}", object.batch);
    let said = |column: &str| match shown(&object.batch, column).as_str() {
        "null" => String::new(),
        text => text.trim_matches('"').to_owned(),
    };
    let (reason, field) = (said("reason"), said("field"));
    let position = object.batch.column_by_name("position").unwrap().as_primitive::<Int64Type>();
    (reason, field, position.is_valid(0).then(|| position.value(0)))
}

/// [`refusal`] in the form in which tests write it.
pub fn refused(layout: &Arc<Layout>, payload: Wire) -> (&'static str, &'static str, Option<i64>) {
    let (reason, field, position) = refusal(layout, payload);
    (reason.leak(), field.leak(), position)
}

/// Prints one column of the first row the way a reader would see it.
pub fn shown(batch: &RecordBatch, column: &str) -> String {
    let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    show(array.as_ref(), 0)
}

/// Returns the text in the first row of a column of strings.
pub fn text_in(batch: &RecordBatch, column: &str) -> String {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    let array = batch.column_by_name(column).unwrap();
    match array.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            dictionary.values().as_string::<i32>().value(dictionary.keys().value(0) as usize).to_owned()
        }
        None => array.as_string::<i32>().value(0).to_owned(),
    }
}

/// Strings in quotes, bytes in hex, lists and maps in brackets, nulls as `null`.
pub fn show(array: &dyn arrow_array::Array, row: usize) -> String {
    use arrow_array::cast::AsArray;
    use arrow_array::types::*;
    use arrow_schema::{DataType, TimeUnit};
    if array.is_null(row) {
        return "null".into();
    }
    let all = |array: &dyn arrow_array::Array| -> Vec<String> { (0..array.len()).map(|at| show(array, at)).collect() };
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            format!("{}us", array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(_, _) => format!("{}ms", array.as_primitive::<TimestampMillisecondType>().value(row)),
        DataType::Utf8 => format!("{:?}", array.as_string::<i32>().value(row)),
        DataType::Binary => array.as_binary::<i32>().value(row).iter().map(|byte| format!("{byte:02x}")).collect(),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_dictionary::<Int32Type>();
            show(dictionary.values().as_ref(), dictionary.keys().value(row) as usize)
        }
        DataType::List(_) => format!("[{}]", all(array.as_list::<i32>().value(row).as_ref()).join(", ")),
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (all(entries.column(0).as_ref()), all(entries.column(1).as_ref()));
            let pairs: Vec<_> = keys.iter().zip(values).map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let pairs: Vec<_> =
                fields.iter().zip(columns).map(|(f, c)| format!("{}={}", f.name(), show(c, row))).collect();
            format!("({})", pairs.join(", "))
        }
        other => panic!("no table has a {other}"),
    }
}
