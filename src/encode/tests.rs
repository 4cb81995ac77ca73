use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::schema::printer::print_schema;
use proptest::prelude::*;

use super::*;
use crate::decode::RawReason;
use crate::decode::fixture::{Choices, Decoded, Whole, Wire, decode, payload, records, show, wire};
use crate::domain::{Digest, Header, ObjectKind, Offset, RecordDigest, Records, Timestamp};
use crate::schema::fixture::{compiled, layout, layout_by, layout_with, topic};
use crate::schema::{Form, Framing, Layout, MappingOptions, Schemas, TopicSchema, quarantine_schema, resolve};
use arrow_schema::Schema;

fn facts() -> ObjectFacts {
    ObjectFacts {
        topic: topic(),
        topic_id: TopicId([0xab; 16]),
        partition: 3,
        cut: OffsetRange::new(Offset(0), Offset(100)).unwrap(),
        cut_key: "chain/x.json".into(),
        nonce: "n1".into(),
    }
}

fn encoded(layout: &Arc<Layout>, object: &Whole) -> Bytes {
    fixture::encode(layout, object, &facts())
}

fn read_back(object: &Bytes) -> Vec<RecordBatch> {
    ParquetRecordBatchReaderBuilder::try_new(object.clone()).unwrap().build().unwrap().map(Result::unwrap).collect()
}

fn printed_schema(object: &Bytes) -> String {
    let mut printed = Vec::new();
    print_schema(&mut printed, Footer::read(object).unwrap().parquet.file_metadata().schema());
    String::from_utf8(printed).unwrap()
}

/// A payload that sets something of every kind of column.
fn full() -> Wire {
    let at = |seconds| wire().varint(1, seconds).varint(2, 5);
    wire()
        .varint(1, 1)
        .varint(10, -1)
        .text(14, "text")
        .varint(16, 2)
        .message(17, wire().double(1, 1.0))
        .message(18, wire())
        .message(26, wire())
        .bytes(30, &[1, 2, 3])
        .text(32, "a")
        .bytes(33, &[1, 9, 1])
        .message(34, wire())
        .message(34, wire().double(2, 9.0))
        .message(36, at(1))
        .message(39, wire().text(1, "x/corpus.v1.Point").bytes(2, b""))
        .message(40, wire().text(1, "p").text(1, "q"))
        .message(50, wire().text(1, "k").text(2, "v"))
        .message(51, wire().varint(1, 1).message(2, wire()))
        .message(52, wire().varint(1, 1).varint(2, 1))
        .message(53, wire().varint(1, -1).bytes(2, b"b"))
        .message(60, at(-1))
        .message(80, wire().varint(1, 1))
        .message(83, wire().text(1, "n").message(2, wire()))
}

#[test]
fn the_parquet_schema_of_every_construct_is_the_golden_one() {
    let layout = layout("corpus.v1.Everything");
    let decoded = decode(&layout, &records([Some(Vec::new())]));
    insta::assert_snapshot!(printed_schema(&encoded(&layout, &decoded.objects[0])));
}

/// Prints the schema of rows made of one payload, which has all that is required.
fn schema_of(layout: &Arc<Layout>, payload: Wire) -> String {
    let decoded = decode(layout, &records([Some(payload.0)]));
    assert_eq!(decoded.objects[0].object.kind, ObjectKind::Rows);
    printed_schema(&encoded(layout, &decoded.objects[0]))
}

/// Groups, declared defaults, and extensions where they are asked for.
#[test]
fn the_parquet_schema_of_what_only_proto2_has_is_the_golden_one() {
    let extensions = ["corpus.legacy.trace", "corpus.legacy.marks"].map(str::to_owned).into();
    let layout = layout_with("corpus.legacy.Legacy", MappingOptions { extensions, ..MappingOptions::default() });
    insta::assert_snapshot!(schema_of(&layout, wire().text(1, "name")));
}

/// Delimited encoding, presence and closed enums by feature.
#[test]
fn the_parquet_schema_of_what_only_editions_have_is_the_golden_one() {
    insta::assert_snapshot!(schema_of(&layout("corpus.modern.Modern"), wire().varint(3, 1)));
}

#[test]
fn the_parquet_schema_of_every_option_is_the_golden_one() {
    let proto = "syntax = \"proto3\"; package options;
        enum Color { NONE = 0; RED = 1; }
        message M {
            uint64 signed = 1; repeated fixed64 signed_list = 2; uint64 text = 3; map<string, uint64> texts = 4;
            Color number = 5; repeated Color numbers = 6; Color both = 7; M again = 8; repeated M more = 9;
        }";
    let fields = [
        ("signed", Form::Bigint),
        ("signed_list", Form::Bigint),
        ("text", Form::String),
        ("texts", Form::String),
        ("number", Form::Int),
        ("numbers", Form::Int),
        ("both", Form::Both),
        ("again.both", Form::Both),
    ];
    let fields = fields.map(|(path, form)| (path.to_owned(), form)).into();
    let mapping = MappingOptions { recursion: 1, fields, ..MappingOptions::default() };
    let rule = TopicSchema { message: Some("options.M".into()), mapping, ..TopicSchema::default() };
    let schemas = Schemas::load([("options".to_owned(), compiled(&[("options.proto", proto)]))]).unwrap();
    let layout = Arc::new(resolve(&topic(), &rule, &schemas).unwrap());
    insta::assert_snapshot!(schema_of(&layout, wire()));
}

#[test]
fn the_parquet_schema_of_quarantine_is_the_golden_one() {
    let layout = layout("corpus.v1.Everything");
    let decoded = decode(&layout, &records([Some(vec![0xff])]));
    let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    assert_eq!(names(&decoded.objects[0].batch.schema()), names(&quarantine_schema()));
    insta::assert_snapshot!(printed_schema(&encoded(&layout, &decoded.objects[0])));
}

/// The pair of format 1: objects as a program of that format wrote them, and the records in them. Never written anew; a new
/// format adds a pair.
#[test]
fn objects_of_format_1_give_back_their_records() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/object");
    for (name, kind, value) in
        [("rows", ObjectKind::Rows, full().0), ("quarantine", ObjectKind::Quarantine, vec![0xff, 0x01])]
    {
        let path = folder.join(format!("v1.{name}.parquet"));
        let input = records([Some(value), None].into_iter().take(if kind == ObjectKind::Rows { 2 } else { 1 }));
        if !path.exists() && std::env::var_os("ALLUVIUM_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            let layout = layout("corpus.v1.Everything");
            let decoded = decode(&layout, &input);
            std::fs::write(&path, encoded(&layout, &decoded.objects[0])).unwrap();
        }
        let object = Bytes::from(std::fs::read(&path).unwrap());
        let footer = Footer::read(&object).unwrap();
        let expected = digest_of(&input);
        assert_eq!((footer.kind, footer.rows, footer.digest), (kind, input.len() as u64, expected));
        assert_eq!(digest_of(&read_records(object, kind, None).unwrap()), expected);
        assert_eq!((footer.topic_id, footer.partition, footer.nonce.as_str()), (TopicId([0xab; 16]), 3, "n1"));
    }
}

#[test]
fn parquet_gives_back_every_value_of_every_kind_of_column() {
    let payloads = [Some(full().0), None, Some(Vec::new()), Some(full().0)];
    let layout = layout("corpus.v1.Everything");
    let object = decode(&layout, &records(payloads)).objects.remove(0);
    let back = read_back(&encoded(&layout, &object));
    assert_eq!(back.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
    for (at, field) in object.batch.schema().fields().iter().enumerate() {
        for row in 0..4 {
            let (before, after) = (object.batch.column(at), back[0].column(at));
            assert_eq!(show(after.as_ref(), row), show(before.as_ref(), row), "{} of row {row}", field.name());
        }
    }
}

fn digest_of(records: &Records) -> Digest {
    let mut digest = RecordDigest::default();
    records.iter().for_each(|record| digest.update(&record));
    digest.finish()
}

/// Encodes each object, reads its records, and checks that they are those of `records` that the object spans.
fn assert_comes_back(layout: &Arc<Layout>, decoded: &Decoded, kind: ObjectKind, records: &Records) {
    for object in decoded.objects.iter().filter(|object| object.kind == kind) {
        let back = read_records(encoded(layout, object), kind, Some(layout)).unwrap();
        assert_eq!(digest_of(&back), object.digest);
    }
    let objects: Vec<_> = decoded.objects.iter().filter(|object| object.kind == kind).collect();
    assert_eq!(objects.iter().map(|object| object.rows).sum::<u64>(), records.len() as u64);
    if let [only] = objects[..] {
        assert_eq!(only.digest, digest_of(records));
    }
}

#[test]
fn records_come_back_byte_by_byte() {
    let mut records = Records::default();
    let headers = [
        Header { name: b"a", value: None },
        Header { name: b"", value: Some(b"") },
        Header { name: b"a", value: Some(&[0xff]) },
    ];
    let odd = wire().raw(&full().0).varint(900, 1).text(14, "again").0;
    records.push(Offset(3), Timestamp::Create(7), None, Some(b""), headers);
    records.push(Offset(4), Timestamp::Append(-9), Some(b""), Some(&odd), []);
    records.push(Offset(9), Timestamp::None, Some(b"k"), None, headers);
    records.push(Offset(11), Timestamp::Create(i64::MAX), Some(b"\x00\xff"), Some(&full().0), []);
    let layout = layout("corpus.v1.Everything");
    let decoded = decode(&layout, &records);
    assert_comes_back(&layout, &decoded, ObjectKind::Rows, &records);
}

#[test]
fn quarantined_records_come_back_too() {
    let mut records = Records::default();
    let headers = [Header { name: &[0xff], value: Some(b"v") }, Header { name: b"n", value: None }];
    records.push(Offset(0), Timestamp::None, None, None, headers);
    records.push(Offset(1), Timestamp::None, Some(b"k"), Some(b"\xff"), []);
    records.push(Offset(2), Timestamp::None, None, Some(b""), headers);
    let layout = layout("corpus.v1.Everything");
    let decoded = decode(&layout, &records);
    assert_comes_back(&layout, &decoded, ObjectKind::Quarantine, &records);
}

#[test]
fn framed_values_come_back_whole_even_where_the_payload_was_compressed() {
    let payload = wire().double(1, 1.0).0;
    let glue = |compression: u8, body: &[u8]| [&[3, compression], &[9; 16][..], body].concat();
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&payload, 6);
    let confluent = [&[0, 0, 0, 0, 1, 2, 4][..], &payload].concat();
    let delimited = [&[9][..], &payload].concat();
    for (framing, values) in [
        (Framing::Glue, vec![glue(0, &payload), glue(5, &zlib), glue(7, &payload), glue(0, &[])]),
        (Framing::Confluent, vec![confluent, b"".to_vec(), vec![0, 0, 0, 0, 1, 0]]),
        (Framing::LengthDelimited, vec![delimited, vec![0], vec![1]]),
    ] {
        let rule = TopicSchema { message: Some("corpus.v1.Point".into()), framing, ..TopicSchema::default() };
        let records = records(values.into_iter().map(Some));
        let layout = layout_by(&rule);
        let decoded = decode(&layout, &records);
        assert_eq!(decoded.objects.len(), 2, "{framing:?}");
        for object in &decoded.objects {
            let back = read_records(encoded(&layout, object), object.kind, Some(&layout)).unwrap();
            assert_eq!(digest_of(&back), object.digest, "{framing:?}");
        }
    }
}

#[test]
fn a_footer_says_all_of_its_object_and_how_much_of_it_is_needed() {
    let layout = layout("corpus.v1.Point");
    let decoded = decode(&layout, &records([Some(Vec::new()), None]));
    let (object, bytes) = (&decoded.objects[0], encoded(&layout, &decoded.objects[0]));
    let needed = Footer::needed(&bytes[bytes.len() - 8..]).unwrap();
    let footer = Footer::read(&bytes[bytes.len() - needed..]).unwrap();
    let facts = facts();
    assert_eq!(footer.writer, env!("CARGO_PKG_VERSION"));
    assert_eq!((footer.topic, footer.topic_id, footer.partition), (facts.topic, facts.topic_id, facts.partition));
    assert_eq!((footer.cut, footer.cut_key, footer.nonce), (facts.cut, facts.cut_key, facts.nonce));
    assert_eq!((footer.kind, footer.hour, footer.span), (object.kind, object.hour, object.span));
    assert_eq!((footer.rows, footer.digest, footer.descriptor), (2, object.digest, layout.descriptor()));
    assert_eq!((footer.layout, footer.mapping), (layout.fingerprint(), 1));
    assert_eq!((footer.min_timestamp, footer.max_timestamp), (object.min_timestamp, object.max_timestamp));
    let short = Footer::read(&bytes[bytes.len() - needed + 1..]).unwrap_err();
    assert!(matches!(short, ReadError::Short { needed: n } if n == needed));
    assert!(matches!(Footer::read(b"PAR1"), Err(ReadError::Short { needed: 8 })));
    assert!(matches!(Footer::read(b"nothing of ours"), Err(ReadError::NotOurs { .. })));
}

#[test]
fn offsets_and_times_have_statistics_and_payloads_have_none() {
    let layout = layout("corpus.v1.Everything");
    let decoded = decode(&layout, &records([Some(full().0)]));
    let footer = Footer::read(&encoded(&layout, &decoded.objects[0])).unwrap();
    let group = footer.parquet.row_group(0);
    let with: Vec<String> = group
        .columns()
        .iter()
        .filter(|column| column.statistics().is_some())
        .map(|column| column.column_path().string())
        .collect();
    assert_eq!(with, ["_offset", "_timestamp", "choice_at", "at", "node.at"]);
}

#[test]
fn an_object_is_the_same_bytes_each_time_and_names_no_arrow_schema() {
    let layout = layout("corpus.v1.Everything");
    let object = decode(&layout, &records([Some(full().0)])).objects.remove(0);
    assert_eq!(encoded(&layout, &object), encoded(&layout, &object));
    let footer = Footer::read(&encoded(&layout, &object)).unwrap();
    let metadata = footer.parquet.file_metadata().key_value_metadata().unwrap();
    let documented = include_str!("../../docs/formats.md");
    for entry in metadata {
        assert!(entry.key.starts_with("alluvium."), "{}", entry.key);
        let documented_as = match entry.key.strip_prefix("alluvium.raw.") {
            Some(_) => "alluvium.raw.<reason>",
            None => &entry.key,
        };
        assert!(documented.contains(&format!("`{documented_as}`")), "{} is documented", entry.key);
    }
}

#[test]
fn damaged_objects_are_refused_and_never_panic() {
    let layout = layout("corpus.v1.Everything");
    let object = || decode(&layout, &records([Some(full().0), None])).objects.remove(0);
    for object in [object(), object().without_raw(&[])] {
        let bytes = encoded(&layout, &object);
        let read = |bytes: Bytes, kind| read_records(bytes, kind, Some(&layout));
        assert!(read(bytes.slice(..bytes.len() - 1), ObjectKind::Rows).is_err());
        assert!(read(bytes.clone(), ObjectKind::Quarantine).is_err());
        for at in (0..bytes.len() * 8).step_by(397) {
            let mut bent = bytes.to_vec();
            bent[at / 8] ^= 1 << (at % 8);
            if let Ok(footer) = Footer::read(&bent) {
                assert_eq!(footer.rows, 2);
            }
            if let Ok(back) = read(Bytes::from(bent), ObjectKind::Rows) {
                assert!(back.len() <= 2);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn canonical_payloads_need_no_copy(many in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6)) {
        for message in ["corpus.v1.Everything", "corpus.modern.Modern"] {
            let layout = layout(message);
            let made = |bytes: &Vec<u8>| payload(layout.types(), layout.root(), &mut Choices(bytes), 0).0;
            let records = records(many.iter().map(|bytes| Some(made(bytes))).chain([None, Some(Vec::new())]));
            let decoded = decode(&layout, &records).objects.remove(0);
            // The last is an empty message, which lacks what `Modern` requires, and is in quarantine.
            let object = decoded.without_raw(&[]);
            let back = read_records(encoded(&layout, &object), ObjectKind::Rows, Some(&layout)).unwrap();
            prop_assert_eq!(digest_of(&back), object.digest);
        }
    }
}

#[test]
fn payloads_made_again_and_payloads_kept_stand_side_by_side_in_their_frames() {
    let frame = [0, 0, 0, 0, 1, 2, 4];
    let framed = |payload: Wire| Some([&frame[..], &payload.0].concat());
    let odd = wire().double(2, 1.0).double(1, 1.0);
    let values = [framed(wire().double(1, 1.0)), framed(odd), None, framed(wire()), framed(wire().double(2, -0.0))];
    let framing = Framing::Confluent;
    let rule = TopicSchema { message: Some("corpus.v1.Point".into()), framing, ..TopicSchema::default() };
    let layout = layout_by(&rule);
    let object = decode(&layout, &records(values)).objects.remove(0).without_raw(&[1]);
    let back = read_records(encoded(&layout, &object), ObjectKind::Rows, Some(&layout)).unwrap();
    assert_eq!(digest_of(&back), object.digest);
}

#[test]
fn a_row_without_payload_says_what_it_takes() {
    let layout = layout("corpus.v1.Everything");
    let object = |payload: Vec<u8>| decode(&layout, &records([Some(payload)])).objects.remove(0).without_raw(&[]);
    let bytes = encoded(&layout, &object(wire().varint(1, 1).0));
    assert!(matches!(read_records(bytes.clone(), ObjectKind::Rows, None), Err(ReadError::LayoutNeeded)));
    let other = crate::schema::fixture::layout("corpus.v1.Point");
    let error = read_records(bytes, ObjectKind::Rows, Some(&other)).unwrap_err().to_string();
    assert_eq!(error, "it is damaged: x: the object has no such column");
    let unset = object(wire().message(80, wire().message(60, wire().varint(1, i64::MAX))).0);
    let error = read_records(encoded(&layout, &unset), ObjectKind::Rows, Some(&layout)).unwrap_err().to_string();
    assert_eq!(error, "it is damaged: offset 0: itself.at: byte 6 of its JSON is not \"");

    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&wire().double(1, 1.0).0, 6);
    let value = [&[3, 5], &[9; 16][..], &zlib].concat();
    let rule =
        TopicSchema { message: Some("corpus.v1.Point".into()), framing: Framing::Glue, ..TopicSchema::default() };
    let layout = layout_by(&rule);
    let object = decode(&layout, &records([Some(value)])).objects.remove(0).without_raw(&[]);
    let error = read_records(encoded(&layout, &object), ObjectKind::Rows, Some(&layout)).unwrap_err().to_string();
    assert_eq!(error, "it is damaged: offset 0: it keeps no payload, and none can be made");
}

#[test]
fn a_footer_says_how_many_payloads_are_kept_and_why() {
    let layout = layout("corpus.v1.Point");
    let raw_of = |counts: &[(RawReason, u64)]| {
        let mut object = decode(&layout, &records([Some(Vec::new())])).objects.remove(0);
        object.object.raw = counts.iter().map(|(reason, rows)| (reason.as_str(), *rows)).collect();
        Footer::read(&encoded(&layout, &object)).unwrap().raw.unwrap()
    };
    assert!(raw_of(&[]).is_empty());
    let raw = raw_of(&[(RawReason::Packing, 2), (RawReason::UnknownField, 3)]);
    assert_eq!(raw, BTreeMap::from([("packing".into(), 2), ("unknown_field".into(), 3)]));
    let format_1 = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/object/v1.rows.parquet");
    assert_eq!(Footer::read(&std::fs::read(format_1).unwrap()).unwrap().raw, None);
}
