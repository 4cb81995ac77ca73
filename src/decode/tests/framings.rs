//! What stands around a payload.

use crate::decode::fixture::{decode, records, shown, wire, with_headers};
use crate::domain::{Header, ObjectKind, Records};
use crate::schema::fixture::layout_by;
use crate::schema::{Framing, TopicSchema};

fn framed(framing: Framing, records: &Records) -> Result<arrow_array::RecordBatch, String> {
    let rule = TopicSchema { message: Some("corpus.v1.Point".into()), framing, ..TopicSchema::default() };
    let object = decode(&layout_by(&rule), records).objects.remove(0);
    match object.kind {
        ObjectKind::Rows => Ok(object.batch),
        ObjectKind::Quarantine => {
            Err(format!("{} {}", shown(&object.batch, "reason"), shown(&object.batch, "position")))
        }
    }
}

/// What a value with `prefix` before the point (1.0, 0.0) becomes: schema, framing, x.
fn read(framing: Framing, prefix: &[u8]) -> Result<[String; 3], String> {
    let value = [prefix, &wire().double(1, 1.0).0].concat();
    let batch = framed(framing, &records([Some(value)]))?;
    Ok([shown(&batch, "_schema"), shown(&batch, "_framing"), shown(&batch, "x")])
}

fn quoted(parts: [&str; 3]) -> Result<[String; 3], String> {
    Ok([format!("{:?}", parts[0]), parts[1].to_owned(), parts[2].to_owned()])
}

const GUID: [u8; 16] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 1, 2, 3, 4, 5, 6, 7];
const GUID_TEXT: &str = "01234567-89ab-cdef-0001-020304050607";

#[test]
fn confluent_has_magic_id_and_a_list_of_message_indexes() {
    let short = [0, 0, 0, 1, 2, 0];
    assert_eq!(read(Framing::Confluent, &short), quoted(["258", "000000010200", "1.0"]));
    // The list [1, 0]: count 2, then zigzag 1 and 0.
    let long = [0, 0xff, 0xff, 0xff, 0xff, 4, 2, 0];
    assert_eq!(read(Framing::Confluent, &long), quoted(["4294967295", "00ffffffff040200", "1.0"]));
    let refused = Err("\"framing\" 0".to_owned());
    assert_eq!(read(Framing::Confluent, &[1, 0, 0, 0, 0, 0]), refused);
    assert_eq!(read(Framing::Confluent, &[]), refused);
    let no_list = |list: &[u8]| framed(Framing::Confluent, &records([Some([&[0, 0, 0, 0, 1], list].concat())]));
    for list in [&[][..], &[1], &[4, 2], &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
        assert_eq!(no_list(list).unwrap_err(), "\"framing\" 5", "{list:?}");
    }
}

#[test]
fn a_guid_in_a_header_names_the_schema_and_holds_the_indexes_or_leaves_them_to_the_value() {
    let point = wire().double(1, 1.0).0;
    let header = |tail: &[u8]| [&[1], &GUID[..], tail].concat();
    let read = |value: &[u8], header: &[u8]| {
        let headers = [Header { name: b"__value_schema_id", value: Some(header) }];
        let batch = framed(Framing::ConfluentHeader, &with_headers(Some(value), &headers))?;
        Ok([shown(&batch, "_schema"), shown(&batch, "_framing"), shown(&batch, "x")])
    };
    assert_eq!(read(&point, &header(&[0])), quoted([GUID_TEXT, "null", "1.0"]));
    assert_eq!(read(&[&[0], &point[..]].concat(), &header(&[])), quoted([GUID_TEXT, "00", "1.0"]));
    let refused = Err("\"framing\" null".to_owned());
    assert_eq!(read(&point, &[0, 1, 2, 3, 4]), refused);
    assert_eq!(read(&point, &header(&[4])), refused);
    assert_eq!(framed(Framing::ConfluentHeader, &records([Some(point)])).unwrap_err(), "\"framing\" null");
}

#[test]
fn glue_has_version_compression_and_uuid() {
    let header = |compression: u8| [&[3, compression], &GUID[..]].concat();
    let hex: String = header(0).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(read(Framing::Glue, &header(0)), quoted([GUID_TEXT, &hex, "1.0"]));
    // AWS's serializer writes a message index before the payload.
    let indexed = [&header(0)[..], &[2]].concat();
    assert_eq!(read(Framing::Glue, &indexed), quoted([GUID_TEXT, &format!("{hex}02"), "1.0"]));
    assert_eq!(read(Framing::Glue, &[4, 0]), Err("\"framing\" 0".into()));
    assert_eq!(read(Framing::Glue, &header(1)), Err("\"framing\" 1".into()));
    assert_eq!(read(Framing::Glue, &header(5)), Err("\"framing\" 18".into()));
}

#[test]
fn a_compressed_glue_payload_is_inflated_and_kept_whole() {
    let zlib = |payload: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(payload, 6);
    let value = |payload: &[u8]| [&[3, 5], &GUID[..], &zlib(payload)].concat();
    let point = wire().double(1, 1.0).0;
    for payload in [point.clone(), [&[0], &point[..]].concat()] {
        let value = value(&payload);
        let batch = framed(Framing::Glue, &records([Some(value.clone())])).unwrap();
        assert_eq!(shown(&batch, "x"), "1.0");
        assert_eq!(shown(&batch, "_raw"), value.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(shown(&batch, "_framing").len(), 36);
    }
}

#[test]
fn a_length_must_be_that_of_the_rest() {
    assert_eq!(read(Framing::LengthDelimited, &[9]).unwrap()[1..], ["09", "1.0"]);
    assert_eq!(read(Framing::LengthDelimited, &[8]), Err("\"framing\" 0".into()));
    assert_eq!(framed(Framing::LengthDelimited, &records([Some(vec![0x80])])).unwrap_err(), "\"framing\" 0");
    assert!(framed(Framing::LengthDelimited, &records([Some(vec![0])])).is_ok());
}

#[test]
fn positions_count_from_the_begin_of_the_value() {
    let value = [&[0, 0, 0, 0, 1, 0][..], &wire().varint(1, 1).0].concat();
    assert_eq!(framed(Framing::Confluent, &records([Some(value)])).unwrap_err(), "\"wire_type\" 6");
}

#[test]
fn an_unframed_record_names_the_layouts_descriptors() {
    let rule = TopicSchema { message: Some("corpus.v1.Point".into()), ..TopicSchema::default() };
    let layout = layout_by(&rule);
    let batch = decode(&layout, &records([Some(Vec::new())])).objects.remove(0).batch;
    assert_eq!(shown(&batch, "_schema"), format!("{:?}", layout.descriptor().to_string()));
    assert_eq!(shown(&batch, "_framing"), "null");
}
