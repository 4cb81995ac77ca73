//! Encodings, bounds and Bloom filters of columns that are made for one question.

use super::*;

fn one_column(array: impl Array + 'static) -> (Schema, RecordBatch) {
    let schema = Schema::new(vec![Field::new("c", array.data_type().clone(), true)]);
    (schema.clone(), RecordBatch::try_new(Arc::new(schema), vec![Arc::new(array)]).unwrap())
}

fn encodings(chunks: &[RecordBatch], schema: Schema) -> Vec<Encoding> {
    let object =
        encode(&Arc::new(Plan::new(&Arc::new(schema), &BTreeSet::new()).unwrap()), &mut Workspace::default(), chunks);
    assert_eq!(rows_of(&reader(&object).build().unwrap().map(Result::unwrap).collect::<Vec<_>>()), rows_of(chunks));
    reader(&object).metadata().row_group(0).column(0).encodings().collect()
}

#[test]
fn what_comes_again_gets_a_dictionary_and_the_rest_none() {
    let numbers = |of: fn(i64) -> i64| one_column(Int64Array::from_iter_values((0..20_000).map(of)));
    let of_numbers = |of| {
        let (schema, chunk) = numbers(of);
        encodings(&[chunk], schema)
    };
    let (plain, rle, delta, ids) =
        (Encoding::PLAIN, Encoding::RLE, Encoding::DELTA_BINARY_PACKED, Encoding::RLE_DICTIONARY);
    assert_eq!(of_numbers(|n| n), [rle, delta]);
    assert_eq!(of_numbers(|n| n % 7), [rle, delta]);
    assert_eq!(of_numbers(|n| (n % 7) << 40), [plain, rle, ids]);
    assert_eq!(of_numbers(|n| n.wrapping_mul(0x9e37_79b9_7f4a)), [rle, delta]);
    let of_texts = |of: fn(i64) -> String| {
        let (schema, chunk) = one_column(StringArray::from_iter_values((0..20_000).map(of)));
        encodings(&[chunk], schema)
    };
    assert_eq!(of_texts(|n| format!("t{}", n % 5_000)), [plain, rle, ids]);
    assert_eq!(of_texts(|n| format!("t{n}")), [rle, Encoding::DELTA_LENGTH_BYTE_ARRAY]);
    let doubles = |of: fn(i64) -> f64| {
        let (schema, chunk) = one_column(Float64Array::from_iter_values((0..20_000).map(of)));
        encodings(&[chunk], schema)
    };
    assert_eq!(doubles(|n| (n % 100) as f64 / 8.0), [plain, rle, ids]);
    assert_eq!(doubles(|n| n as f64 / 8.0), [plain, rle]);
}

#[test]
fn a_dictionary_that_grows_too_large_is_left() {
    let texts = |from: i64, count: i64| {
        one_column(StringArray::from_iter_values((0..16_384).map(|n| format!("{:0>90}", from + n * 7 % count))))
    };
    let (schema, few) = texts(0, 4_000);
    let chunks = [few, texts(10_000, 8_000).1, texts(20_000, 16_000).1, texts(0, 10).1];
    let (plain, rle, ids, strings) =
        (Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY, Encoding::DELTA_LENGTH_BYTE_ARRAY);
    let all: BTreeSet<_> = encodings(&chunks, schema).into_iter().map(|encoding| encoding as u8).collect();
    assert_eq!(all, [plain, rle, ids, strings].map(|encoding| encoding as u8).into());
}

/// Says of rows of a deep message how far down each is set.
fn deep(set: impl Iterator<Item = usize>) -> (Schema, RecordBatch) {
    const DEPTH: usize = 15;
    let set: Vec<usize> = set.collect();
    let texts = set.iter().enumerate().map(|(at, set)| (*set == DEPTH).then_some(["a", "bb", "ccc"][at % 3]));
    let mut array: ArrayRef = Arc::new(StringArray::from_iter(texts));
    for level in (1..DEPTH).rev() {
        let field = Field::new("in", array.data_type().clone(), true);
        let nulls = set.iter().map(|set| *set >= level).collect();
        array = Arc::new(StructArray::new(vec![field].into(), vec![array], Some(nulls)));
    }
    one_column(array.as_struct().clone())
}

/// Levels alone may be such that compressing them is in vain; what was said of the first page holds for all.
#[test]
fn a_page_without_values_may_come_first() {
    let mut dice = Dice(7);
    let (schema, first) = deep((0..16_384).map(|_| dice.below(15)));
    let second = deep((0..16_384).map(|_| 15)).1;
    let encodings = encodings(&[first, second], schema);
    assert!(encodings.contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
}

#[test]
fn statistics_and_page_index_tell_the_bounds_of_offsets() {
    let schema = Schema::new(vec![
        Field::new("_offset", DataType::Int64, false),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("x", DataType::Int64, true),
    ]);
    let offsets = Int64Array::from_iter_values(0..100);
    let times = TimestampMicrosecondArray::from_iter((0..100).map(|at| (at >= 40).then_some(-at)));
    let columns: Vec<ArrayRef> = vec![Arc::new(offsets.clone()), Arc::new(times), Arc::new(offsets)];
    let rows = RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap();
    let plan = Arc::new(small_pages(schema));
    let metadata = |rows| reader(&encode(&plan, &mut Workspace::default(), &[rows])).metadata().clone();
    let paged = metadata(rows.clone());
    let bounds = |column: usize| match paged.row_group(0).column(column).statistics() {
        Some(Statistics::Int64(of)) => (of.min_opt().copied(), of.max_opt().copied(), of.null_count_opt()),
        _ => (None, None, None),
    };
    assert_eq!(bounds(0), (Some(0), Some(99), Some(0)));
    assert_eq!(bounds(1), (Some(-99), Some(-40), Some(40)));
    assert_eq!(bounds(2), (None, None, None));
    let of_pages = paged.page_index_for_row_group(0);
    let pairs = |column| match of_pages.column_index(column) {
        Some(ColumnIndexMetaData::INT64(index)) => {
            let (least, greatest) = (index.min_values_iter(), index.max_values_iter());
            least.zip(greatest).map(|(least, greatest)| (least.copied(), greatest.copied())).collect::<Vec<_>>()
        }
        other => panic!("column {column} has {other:?}"),
    };
    assert_eq!(pairs(0), [(Some(0), Some(39)), (Some(40), Some(79)), (Some(80), Some(99))]);
    assert_eq!(pairs(1), [(None, None), (Some(-79), Some(-40)), (Some(-99), Some(-80))]);
    assert!(of_pages.column_index(2).is_none());
    // Whoever skips pages of one column has to find those of the others.
    for column in 0..3 {
        let pages = of_pages.offset_index(column).unwrap().page_locations();
        assert_eq!(pages.iter().map(|page| page.first_row_index).collect::<Vec<_>>(), [0, 40, 80]);
    }
    // A single page is the column chunk itself.
    let single = metadata(rows.slice(0, 20));
    assert!(single.row_group(0).column(0).column_index_range().is_none());
    assert!(single.row_group(0).column(0).offset_index_range().is_none());
}

#[test]
fn bloom_filters_say_what_a_column_surely_does_not_hold() {
    let bloom = ["id", "tags", "few", "no.such"].map(str::to_owned).into();
    let element = Field::new("element", DataType::Utf8, false);
    let schema = Schema::new(vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("tags", DataType::List(element.clone().into()), true),
        Field::new("few", DataType::Int64, true),
        Field::new("other", DataType::Int64, true),
    ]);
    let mut plan = Plan::new(&Arc::new(schema.clone()), &bloom).unwrap();
    assert_eq!(plan.filtered().collect::<Vec<_>>(), ["id", "tags", "few"]);
    plan.sizes = Sizes { page_rows: 4_000, ..plan.sizes };
    let plan = Arc::new(plan);
    let object = |rows: i64| {
        let ids = StringArray::from_iter_values((0..rows).map(|n| format!("id-{n}")));
        let lists = OffsetBuffer::from_repeated_length(1, rows as usize);
        let tags = ListArray::new(element.clone().into(), lists, Arc::new(ids.clone()), None);
        let few = Int64Array::from_iter_values((0..rows).map(|n| (n % 5) << 40));
        let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(tags), Arc::new(few.clone()), Arc::new(few)];
        encode(&plan, &mut Workspace::default(), &[RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap()])
    };
    for rows in [20, 10_000] {
        let object = object(rows);
        let builder = reader(&object);
        let filter = |column| builder.get_row_group_column_bloom_filter(0, column).unwrap();
        for filter in [filter(0).unwrap(), filter(1).unwrap()] {
            assert!((0..rows).all(|n| filter.check(format!("id-{n}").as_str())));
            let wrong = (0..1_000).filter(|n| filter.check(format!("no-{n}").as_str())).count();
            assert!(wrong < 40, "{wrong} of 1,000");
            // 1.2 bytes a value are enough, and a filter doubles.
            assert!(filter.num_blocks() * 32 <= 64.max(rows as usize * 3), "{} blocks", filter.num_blocks());
        }
        let few = filter(2).unwrap();
        assert!((0..5).all(|n: i64| few.check(&(n << 40))) && !few.check(&7_i64));
        assert_eq!(few.num_blocks(), 1);
        assert!(filter(3).is_none());
    }
}

#[test]
fn an_open_object_knows_what_it_holds() {
    let (schema, _) = one_column(StringArray::from(vec!["x"]));
    let plan = Arc::new(Plan::new(&Arc::new(schema), &BTreeSet::new()).unwrap());
    let mut work = Workspace::default();
    let mut dice = Dice(1);
    let mut object = OpenObject::new(plan);
    for rows in [10, 16_384, 16_384, 100, 16_384 * 8] {
        let texts = StringArray::from_iter_values((0..rows).map(|_| format!("{:016x}", dice.roll())));
        object.push(&one_column(texts).1, &mut work).unwrap();
    }
    let held = object.held_bytes();
    let bytes = object.finish(Vec::new(), &mut work).unwrap().len();
    assert!(held > bytes * 9 / 10, "{held} of {bytes}");
    // The last rows are no page yet.
    assert!(held < bytes * 15 / 10, "{held} of {bytes}");
}
