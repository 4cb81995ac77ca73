//! Why a payload is kept, or is not.

use crate::decode::RawReason;
use crate::decode::fixture::{Wire, decode, records, shown, wire};
use crate::schema::fixture::{layout, layout_by};
use crate::schema::{Framing, TopicSchema};

/// Decodes one payload and says why it is kept, if it is.
#[track_caller]
fn kept(message: &str, payload: &Wire) -> Option<&'static str> {
    let object = decode(&layout(message), &records([Some(payload.0.clone())])).objects.remove(0);
    assert_eq!(object.rows, 1);
    let reason = object.raw.keys().next().copied();
    assert_eq!(object.raw.values().sum::<u64>(), u64::from(reason.is_some()));
    assert_eq!(shown(&object.batch, "_raw") == "null", reason.is_none());
    reason
}

const ROOM: &str = "corpus.v1.Everything";

#[test]
fn every_reason_is_given_for_what_it_names() {
    let at = |seconds: i64, nanos: i64| wire().varint(1, seconds).varint(2, nanos);
    let nan = wire().message(38, wire().double(2, f64::NAN));
    for (reason, payloads) in [
        (RawReason::UnknownField, vec![wire().varint(900, 1), wire().message(39, wire().text(1, "u").varint(9, 1))]),
        (
            RawReason::FieldOrder,
            vec![wire().varint(5, 1).varint(2, 1), wire().message(39, wire().bytes(2, b"b").text(1, "u"))],
        ),
        (
            RawReason::RepeatedField,
            vec![
                wire().varint(2, 1).varint(2, 2),
                wire().message(17, wire().double(1, 1.0)).message(17, wire()),
                wire().varint(24, 1).text(25, "x"),
                wire().message(50, wire().text(1, "k").text(2, "v")).message(50, wire().text(1, "k").text(2, "w")),
            ],
        ),
        (
            RawReason::Varint,
            vec![wire().raw(&[0x10, 0x81, 0x00]), wire().varint(1, 2), wire().raw(&[0x90, 0x00, 0x01])],
        ),
        (
            RawReason::Packing,
            vec![
                wire().varint(30, 1),
                wire().bytes(31, &[1]),
                wire().bytes(30, &[1]).bytes(30, &[2]),
                wire().bytes(30, &[]),
            ],
        ),
        (
            RawReason::Default,
            vec![
                wire().varint(2, 0),
                wire().text(14, ""),
                wire().message(60, at(0, 1_000)),
                wire().message(39, wire().text(1, "")),
            ],
        ),
        (
            RawReason::MapEntry,
            vec![
                wire().message(50, wire().text(2, "v")),
                wire().message(50, wire().text(1, "k")),
                wire().message(50, wire().text(2, "v").text(1, "k")),
                wire().message(50, wire().text(1, "k").text(2, "v").varint(3, 1)),
            ],
        ),
        (RawReason::Range, vec![wire().message(60, at(i64::MAX, 1_000))]),
        (RawReason::Precision, vec![wire().message(60, at(1, 5)), wire().message(61, at(1, -1))]),
        (RawReason::Json, vec![nan, wire().message(38, wire())]),
    ] {
        for payload in payloads {
            assert_eq!(kept(ROOM, &payload), Some(reason.as_str()), "{payload:02x?}");
        }
    }
    assert_eq!(kept("corpus.legacy.Legacy", &wire().bytes(1, b"\xff")), Some("text"));
}

#[test]
fn a_canonical_payload_is_not_kept() {
    for payload in [
        wire(),
        wire().varint(10, -1).double(13, -0.0),
        wire().varint(20, 0).message(23, wire()).varint(24, 0),
        wire().bytes(30, &[1, 2]).varint(31, 1).varint(31, 0),
        wire().message(39, wire().text(1, "u").bytes(2, b"b")),
        wire().message(50, wire().text(1, "").text(2, "")),
        wire().message(60, wire().varint(1, -1).varint(2, 5_000)),
        wire().message(70, wire()).message(80, wire().varint(2, 1)),
    ] {
        assert_eq!(kept(ROOM, &payload), None, "{payload:02x?}");
    }
}

#[test]
fn a_payload_that_its_frame_compressed_is_kept_as_it_came() {
    let rule =
        TopicSchema { message: Some("corpus.v1.Point".into()), framing: Framing::Glue, ..TopicSchema::default() };
    let payload = miniz_oxide::deflate::compress_to_vec_zlib(&wire().double(1, 1.0).0, 6);
    let value = [&[3, 5][..], &[9; 16], &payload].concat();
    let object = decode(&layout_by(&rule), &records([Some(value)])).objects.remove(0);
    assert_eq!(object.raw.iter().collect::<Vec<_>>(), [(&"framing", &1)]);
}
