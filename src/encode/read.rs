//! Object → records, as Kafka held them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, BinaryArray, BooleanArray, ListArray, PrimitiveArray, RecordBatch, StringArray, StructArray};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use super::error::ReadError;
use crate::decode::{PayloadWriter, is_compressed};
use crate::domain::{Header, ObjectKind, Offset, Records, Timestamp};
use crate::schema::Layout;

const ENVELOPE: [&str; 6] = ["_offset", "_timestamp", "_timestamp_type", "_key", "_headers", "_framing"];

/// Gets the records out of an object: of rows from `_framing` and `_raw`, of quarantine from `value`. A row that keeps no
/// payload is encoded again by the layout it was written by.
pub fn read_records(object: Bytes, kind: ObjectKind, layout: Option<&Layout>) -> Result<Records, ReadError> {
    // The Parquet reader panics over some damaged pages (of a hundred thousand flipped bits, six), and nothing it held is
    // used afterwards. A verifier must be able to say which object is damaged.
    std::panic::catch_unwind(|| read(object, kind, layout)).unwrap_or_else(|_| Err(damaged("its pages cannot be read")))
}

fn read(object: Bytes, kind: ObjectKind, layout: Option<&Layout>) -> Result<Records, ReadError> {
    let size = object.len() as u64;
    let builder = ParquetRecordBatchReaderBuilder::try_new(object).map_err(ReadError::no_parquet)?;
    check_places(builder.metadata(), size)?;
    let values: &[&str] = match kind {
        ObjectKind::Rows => &["_tombstone", "_raw"],
        ObjectKind::Quarantine => &["value"],
    };
    let message = layout.filter(|_| kind == ObjectKind::Rows).map_or(&[][..], Layout::columns);
    let names = ENVELOPE.iter().chain(values).copied().chain(message.iter().map(|column| column.name.as_str()));
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let reader = builder.with_projection(mask).build().map_err(ReadError::no_parquet)?;
    let mut records = Records::default();
    let mut value = Vec::new();
    for batch in reader {
        let batch = batch.map_err(damaged)?;
        let columns = Columns::of(&batch, kind, layout)?;
        for row in 0..batch.num_rows() {
            columns.push(row, &mut value, &mut records)?;
        }
    }
    Ok(records)
}

/// Checks that the column chunks lie inside the object: the Parquet reader takes the footer's word for it, and panics.
fn check_places(metadata: &ParquetMetaData, size: u64) -> Result<(), ReadError> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
        let inside = end.and_then(|(start, length)| start.checked_add(length)).is_some_and(|end| end <= size);
        if !inside || column.data_page_offset() < start {
            return Err(damaged(format!("column {} lies outside of it", column.column_path())));
        }
    }
    Ok(())
}

struct Columns<'b> {
    offsets: &'b PrimitiveArray<Int64Type>,
    timestamps: &'b PrimitiveArray<TimestampMillisecondType>,
    timestamp_types: &'b StringArray,
    keys: &'b BinaryArray,
    headers: &'b ListArray,
    values: Values<'b>,
}

enum Values<'b> {
    Rows(Rows<'b>),
    Quarantine(&'b BinaryArray),
}

struct Rows<'b> {
    framings: &'b BinaryArray,
    tombstones: &'b BooleanArray,
    raws: &'b BinaryArray,
    /// For those without `_raw`; nothing where no row needs it.
    payloads: Option<PayloadWriter<'b>>,
}

enum Names<'b> {
    Text(&'b StringArray),
    Bytes(&'b BinaryArray),
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch, kind: ObjectKind, layout: Option<&'b Layout>) -> Result<Columns<'b>, ReadError> {
        Ok(Columns {
            offsets: column(batch, "_offset", |array| array.as_primitive_opt())?,
            timestamps: column(batch, "_timestamp", |array| array.as_primitive_opt())?,
            timestamp_types: column(batch, "_timestamp_type", |array| array.as_string_opt())?,
            keys: column(batch, "_key", |array| array.as_binary_opt())?,
            headers: column(batch, "_headers", |array| array.as_list_opt())?,
            values: match kind {
                ObjectKind::Rows => Values::Rows(Rows::of(batch, layout)?),
                ObjectKind::Quarantine => Values::Quarantine(column(batch, "value", |array| array.as_binary_opt())?),
            },
        })
    }

    /// `value` is a place to put the parts of a value together.
    fn push(&self, row: usize, value: &mut Vec<u8>, records: &mut Records) -> Result<(), ReadError> {
        let offset = Offset(self.offsets.value(row));
        if records.last_offset().is_some_and(|last| last >= offset) {
            return Err(damaged(format!("offset {offset} comes after a later one")));
        }
        let millis = self.timestamps.is_valid(row).then(|| self.timestamps.value(row));
        let set_by = self.timestamp_types.is_valid(row).then(|| self.timestamp_types.value(row));
        let timestamp = match (millis, set_by) {
            (None, None) => Timestamp::None,
            (Some(millis), Some("create")) => Timestamp::Create(millis),
            (Some(millis), Some("append")) => Timestamp::Append(millis),
            (_, _) => return Err(damaged(format!("the timestamp of offset {offset} is none"))),
        };
        let key = bytes(self.keys, row);
        let headers = self.headers.value(row);
        let headers = headers_of(&headers)?;
        let value = match &self.values {
            Values::Quarantine(values) => bytes(values, row),
            Values::Rows(rows) => {
                rows.value(row, value).map_err(|cause| damaged(format!("offset {offset}: {cause}")))?
            }
        };
        records.push(offset, timestamp, key, value, headers.iter());
        Ok(())
    }
}

impl<'b> Rows<'b> {
    fn of(batch: &'b RecordBatch, layout: Option<&'b Layout>) -> Result<Rows<'b>, ReadError> {
        let tombstones: &BooleanArray = column(batch, "_tombstone", |array| array.as_boolean_opt())?;
        let raws: &BinaryArray = column(batch, "_raw", |array| array.as_binary_opt())?;
        let payloads = match layout {
            _ if raws.null_count() <= tombstones.true_count() => None,
            Some(layout) => Some(PayloadWriter::new(layout, batch).map_err(damaged)?),
            None => return Err(ReadError::LayoutNeeded),
        };
        Ok(Rows { framings: column(batch, "_framing", |array| array.as_binary_opt())?, tombstones, raws, payloads })
    }

    /// Puts a row's value together, in `value` where it has parts.
    fn value<'v>(&'v self, row: usize, value: &'v mut Vec<u8>) -> Result<Option<&'v [u8]>, String> {
        if self.tombstones.value(row) {
            return Ok(None);
        }
        let framing = bytes(self.framings, row).unwrap_or_default();
        value.clear();
        match (bytes(self.raws, row), &self.payloads) {
            // A compressed payload has the whole value kept, since nobody could compress it to the same bytes again.
            (Some(raw), _) if framing.is_empty() || is_compressed(framing) => return Ok(Some(raw)),
            (Some(raw), _) => {
                value.extend_from_slice(framing);
                value.extend_from_slice(raw);
            }
            (None, Some(payloads)) if !is_compressed(framing) => {
                value.extend_from_slice(framing);
                payloads.write(row, value).map_err(|error| error.to_string())?;
            }
            (None, _) => return Err("it keeps no payload, and none can be made".into()),
        }
        Ok(Some(value))
    }
}

struct Headers<'h> {
    names: Names<'h>,
    values: &'h BinaryArray,
}

impl<'h> Headers<'h> {
    fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        (0..self.values.len()).map(|at| Header {
            name: match self.names {
                Names::Text(names) => names.value(at).as_bytes(),
                Names::Bytes(names) => names.value(at),
            },
            value: bytes(self.values, at),
        })
    }
}

fn headers_of(array: &dyn Array) -> Result<Headers<'_>, ReadError> {
    let no = || damaged("_headers holds no pairs of key and value");
    let pairs: &StructArray = array.as_struct_opt().ok_or_else(no)?;
    let (keys, values) = (pairs.column_by_name("key").ok_or_else(no)?, pairs.column_by_name("value").ok_or_else(no)?);
    let names = match (keys.as_string_opt(), keys.as_binary_opt()) {
        (Some(names), _) => Names::Text(names),
        (None, Some(names)) => Names::Bytes(names),
        (None, None) => return Err(no()),
    };
    Ok(Headers { names, values: values.as_binary_opt().ok_or_else(no)? })
}

fn column<'b, T: ?Sized>(
    batch: &'b RecordBatch,
    name: &str,
    cast: impl Fn(&'b dyn Array) -> Option<&'b T>,
) -> Result<&'b T, ReadError> {
    let array = batch.column_by_name(name).ok_or_else(|| damaged(format!("it has no column {name}")))?;
    cast(array.as_ref()).ok_or_else(|| damaged(format!("column {name} is {}", array.data_type())))
}

fn bytes(array: &BinaryArray, row: usize) -> Option<&[u8]> {
    array.is_valid(row).then(|| array.value(row))
}

fn damaged(cause: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged { cause: cause.to_string() }
}
