//! Random tables of every construct of the mapping, in chunks as the decoder makes them and worse, against the reader of the
//! parquet crate.

mod columns;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int32Array, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::basic::Encoding;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use super::column::Workspace;
use super::object::OpenObject;
use super::plan::{Plan, Sizes};
use crate::decode::fixture::show;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

fn dictionary(values: DataType) -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(values))
}

fn leaf(dice: &mut Dice) -> DataType {
    let utc = || Some("UTC".into());
    match dice.below(12) {
        0 => DataType::Boolean,
        1 => DataType::Int32,
        2 => DataType::Int64,
        3 => DataType::Float32,
        4 => DataType::Float64,
        5 => DataType::Decimal128(20, 0),
        6 => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        7 => DataType::Timestamp(TimeUnit::Millisecond, utc()),
        8 => DataType::Binary,
        9 => dictionary(DataType::Utf8),
        10 => dictionary(DataType::Binary),
        _ => DataType::Utf8,
    }
}

fn data_type(dice: &mut Dice, depth: usize) -> DataType {
    if depth == 0 {
        return leaf(dice);
    }
    match dice.below(5) {
        0 => DataType::List(Field::new("element", data_type(dice, depth - 1), false).into()),
        1 => {
            let parts = [Field::new("key", leaf(dice), false), Field::new("value", data_type(dice, depth - 1), false)];
            let entry = Field::new("key_value", DataType::Struct(Fields::from(parts.to_vec())), false);
            DataType::Map(entry.into(), false)
        }
        2 => {
            let member =
                |at: usize, dice: &mut Dice| Field::new(format!("m{at}"), data_type(dice, depth - 1), !dice.one_in(4));
            DataType::Struct((0..1 + dice.below(3)).map(|at| member(at, dice)).collect())
        }
        _ => leaf(dice),
    }
}

/// Which of some rows are null.
fn nulls(dice: &mut Dice, rows: usize, above: Option<&NullBuffer>) -> Option<NullBuffer> {
    let own: NullBuffer = match dice.below(5) {
        0 => None?,
        1 => NullBuffer::new_null(rows),
        2 => (0..rows).map(|_| !dice.one_in(40)).collect(),
        _ => (0..rows).map(|_| dice.one_in(2)).collect(),
    };
    // Some writers take over what is null above, others leave it be.
    if dice.one_in(2) { NullBuffer::union(Some(&own), above) } else { Some(own) }
}

/// Numbers that run, that come from few or from many.
fn numbers(dice: &mut Dice, rows: usize) -> Vec<i64> {
    let from = dice.roll();
    match dice.below(5) {
        0 => vec![from.cast_signed(); rows],
        1 => (0..rows).map(|at| from.wrapping_add(at as u64 * 7).cast_signed()).collect(),
        2 => (0..rows).map(|_| dice.below(4) as i64).collect(),
        3 => (0..rows).map(|_| from.wrapping_mul(dice.below(9) as u64).cast_signed()).collect(),
        _ => (0..rows).map(|_| dice.roll().cast_signed() >> dice.below(64)).collect(),
    }
}

fn texts(dice: &mut Dice, rows: usize) -> Vec<String> {
    let long = if dice.one_in(6) { 200 } else { 4 };
    let text = |number: i64| "é".repeat(number.cast_unsigned() as usize % long) + &number.to_string();
    numbers(dice, rows).into_iter().map(text).collect()
}

/// Makes some rows of a type, which may be of null rows above them.
fn array(dice: &mut Dice, data_type: &DataType, nullable: bool, rows: usize, above: Option<&NullBuffer>) -> ArrayRef {
    let own = if nullable { nulls(dice, rows, above) } else { above.filter(|_| dice.one_in(2)).cloned() };
    let as_i32 = |numbers: Vec<i64>| numbers.into_iter().map(|number| number as i32).collect::<Vec<_>>();
    match data_type {
        DataType::Boolean => Arc::new(BooleanArray::new((0..rows).map(|_| dice.one_in(2)).collect(), own)),
        DataType::Int32 => Arc::new(Int32Array::new(as_i32(numbers(dice, rows)).into(), own)),
        DataType::Int64 => Arc::new(Int64Array::new(numbers(dice, rows).into(), own)),
        DataType::Float32 => {
            let floats = as_i32(numbers(dice, rows)).into_iter().map(|bits| f32::from_bits(bits.cast_unsigned()));
            Arc::new(Float32Array::new(floats.collect(), own))
        }
        DataType::Float64 => {
            let floats = numbers(dice, rows).into_iter().map(|bits| f64::from_bits(bits.cast_unsigned()));
            Arc::new(Float64Array::new(floats.collect(), own))
        }
        DataType::Decimal128(_, _) => {
            let decimals = numbers(dice, rows).into_iter().map(|number| i128::from(number.cast_unsigned()));
            Arc::new(Decimal128Array::new(decimals.collect(), own).with_data_type(data_type.clone()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Arc::new(TimestampMicrosecondArray::new(numbers(dice, rows).into(), own).with_data_type(data_type.clone()))
        }
        DataType::Timestamp(_, _) => {
            Arc::new(TimestampMillisecondArray::new(numbers(dice, rows).into(), own).with_data_type(data_type.clone()))
        }
        DataType::Utf8 | DataType::Binary => strings(dice, data_type, rows, own),
        DataType::Dictionary(_, values) => strings(dice, values, rows, own),
        DataType::Struct(fields) => {
            let mut child =
                |field: &Arc<Field>| array(dice, field.data_type(), field.is_nullable(), rows, own.as_ref());
            let children: Vec<ArrayRef> = fields.iter().map(&mut child).collect();
            Arc::new(StructArray::new(fields_of(fields, &children), children, own))
        }
        DataType::List(element) => {
            let offsets = offsets(dice, rows);
            let elements = array(dice, element.data_type(), false, offsets.last() as usize, None);
            let field = element.as_ref().clone().with_data_type(elements.data_type().clone());
            Arc::new(ListArray::new(field.into(), offsets, elements, own))
        }
        DataType::Map(entry, _) => {
            let offsets = offsets(dice, rows);
            let DataType::Struct(fields) = entry.data_type() else { panic!("a map has entries") };
            let entries = offsets.last() as usize;
            let parts: Vec<ArrayRef> =
                fields.iter().map(|field| array(dice, field.data_type(), false, entries, None)).collect();
            let entries = StructArray::new(fields_of(fields, &parts), parts, None);
            let field = entry.as_ref().clone().with_data_type(entries.data_type().clone());
            Arc::new(MapArray::new(field.into(), offsets, entries, own, false))
        }
        other => panic!("no table has a {other}"),
    }
}

/// The fields as the arrays are: a string column may have a dictionary in one chunk and none in the next.
fn fields_of(fields: &Fields, arrays: &[ArrayRef]) -> Fields {
    let of_array =
        |(field, array): (&Arc<Field>, &ArrayRef)| field.as_ref().clone().with_data_type(array.data_type().clone());
    fields.iter().zip(arrays).map(of_array).collect()
}

/// Where lists end. What is null may have elements all the same.
fn offsets(dice: &mut Dice, rows: usize) -> OffsetBuffer<i32> {
    let longest = [1, 2, 4, 9][dice.below(4)];
    let skipped = dice.below(3);
    let lengths = std::iter::once(skipped).chain((0..rows).map(|_| dice.below(longest)));
    // What stands before the first belongs to nobody.
    let ends = lengths.scan(0, |end, length| {
        *end += length as i32;
        Some(*end)
    });
    OffsetBuffer::new(ends.collect::<Vec<_>>().into())
}

fn strings(dice: &mut Dice, data_type: &DataType, rows: usize, nulls: Option<NullBuffer>) -> ArrayRef {
    let plain = |texts: Vec<String>, nulls: Option<NullBuffer>| -> ArrayRef {
        let texts = StringArray::from_iter_values(texts);
        let (offsets, bytes, _) = texts.into_parts();
        match data_type {
            DataType::Utf8 => Arc::new(StringArray::new(offsets, bytes, nulls)),
            _ => Arc::new(BinaryArray::new(offsets, bytes, nulls)),
        }
    };
    if dice.one_in(2) {
        return plain(texts(dice, rows), nulls);
    }
    // With values that no row has.
    let most = if dice.one_in(3) { rows + 9 } else { 9 };
    let count = 1 + dice.below(most);
    let different: BTreeSet<String> = texts(dice, count).into_iter().collect();
    let count = different.len();
    // Under a null may stand a key that is none.
    let key = |at: usize, dice: &mut Dice| match &nulls {
        Some(nulls) if nulls.is_null(at) && dice.one_in(2) => i32::MAX,
        _ => dice.below(count) as i32,
    };
    let keys: ScalarBuffer<i32> = (0..rows).map(|at| key(at, dice)).collect();
    let values = plain(different.into_iter().collect(), None);
    Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::new(keys, nulls), values))
}

/// Makes a chunk, a slice of a longer one.
fn chunk(dice: &mut Dice, schema: &Schema, rows: usize) -> RecordBatch {
    let (before, behind) = (dice.below(3), dice.below(3));
    let made = before + rows + behind;
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| match dice.one_in(20) && field.is_nullable() {
            true => new_null_array(field.data_type(), made),
            false => array(dice, field.data_type(), field.is_nullable(), made, None),
        })
        .collect();
    let schema = Schema::new(fields_of(schema.fields(), &columns));
    RecordBatch::try_new(Arc::new(schema), columns).unwrap().slice(before, rows)
}

fn encode(plan: &Arc<Plan>, work: &mut Workspace, chunks: &[RecordBatch]) -> Bytes {
    let mut object = OpenObject::new(plan.clone());
    for chunk in chunks {
        object.push(chunk, work).unwrap();
    }
    object.finish(Vec::new(), work).unwrap()
}

fn rows_of<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> Vec<Vec<String>> {
    let row = |batch: &RecordBatch, row| batch.columns().iter().map(|column| show(column.as_ref(), row)).collect();
    batches.into_iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)).collect::<Vec<_>>()).collect()
}

fn reader(object: &Bytes) -> ParquetRecordBatchReaderBuilder<Bytes> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    ParquetRecordBatchReaderBuilder::try_new_with_options(object.clone(), options).unwrap()
}

fn small_pages(schema: Schema) -> Plan {
    let mut plan = Plan::new(&Arc::new(schema), &BTreeSet::new()).unwrap();
    plan.sizes = Sizes { page_rows: 40, page_bytes: 2_000, group_rows: 150, group_bytes: 100_000 };
    plan
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_table_reads_back_as_it_was(seed in any::<u64>(), rows in prop::collection::vec(0..130_usize, 1..6)) {
        let mut dice = Dice(seed);
        let field = |at: usize, dice: &mut Dice| Field::new(format!("c{at}"), data_type(dice, 3), !dice.one_in(3));
        let schema = Schema::new((0..1 + dice.below(4)).map(|at| field(at, &mut dice)).collect::<Vec<_>>());
        let chunks: Vec<_> = rows.iter().map(|rows| chunk(&mut dice, &schema, *rows)).collect();
        let plan = Arc::new(small_pages(schema));
        let mut work = Workspace::default();
        let object = encode(&plan, &mut work, &chunks);
        // Nothing of one object is left for the next.
        prop_assert_eq!(&object, &encode(&plan, &mut work, &chunks));

        let expected = rows_of(&chunks);
        let read: Vec<_> = reader(&object).build().unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(rows_of(&read), expected.clone());

        // Again by the page index, where there is one: only some of the rows.
        let kept: Vec<bool> = (0..expected.len()).map(|at| (seed >> (at / 8 % 64)) & 1 == 1).collect();
        let selectors = kept.iter().map(|kept| if *kept { RowSelector::select(1) } else { RowSelector::skip(1) });
        let selection = RowSelection::from(selectors.collect::<Vec<_>>());
        let read: Vec<_> = reader(&object).with_row_selection(selection).build().unwrap().map(Result::unwrap).collect();
        let expected: Vec<_> = expected.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(row, _)| row).collect();
        prop_assert_eq!(rows_of(&read), expected);
    }
}
