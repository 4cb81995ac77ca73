//! Arrow values as text: strings as in JSON, bytes in hex, floats by their bits, lists and maps in brackets, nulls as `null`.
//! `tests/live/readers.py` says the same in Python.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_schema::{DataType, TimeUnit};

pub fn show(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return "null".into();
    }
    let all = |array: &dyn Array| -> Vec<String> { (0..array.len()).map(|at| show(array, at)).collect() };
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => single(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            format!("{}us", array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(_, _) => format!("{}ms", array.as_primitive::<TimestampMillisecondType>().value(row)),
        DataType::Utf8 => text(array.as_string::<i32>().value(row)),
        DataType::Binary => hex(array.as_binary::<i32>().value(row)),
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
            let columns = fields.iter().zip(array.as_struct().columns());
            let pairs: Vec<_> = columns.map(|(f, c)| format!("{}={}", f.name(), show(c, row))).collect();
            format!("({})", pairs.join(", "))
        }
        other => panic!("no table has a {other}"),
    }
}

pub fn text(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn single(value: f32) -> String {
    format!("{:#010x}", value.to_bits())
}

pub fn double(value: f64) -> String {
    format!("{:#018x}", value.to_bits())
}
