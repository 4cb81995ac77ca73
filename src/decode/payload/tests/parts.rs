//! JSON parts: text → payload.

use proptest::prelude::*;

use super::super::fixture::{Choices, payload};
use super::super::json::payload_of_json;
use crate::decode::fixture::{Wire, row, text_in, wire};
use crate::schema::fixture::layout;

const ROOM: &str = "corpus.v1.Everything";

/// Reads a text as a message of that name.
fn read(message: &str, text: &str) -> Result<Vec<u8>, String> {
    let layout = layout(ROOM);
    let mut out = Vec::new();
    let id = layout.types().find(message).unwrap();
    payload_of_json(layout.types(), id, text, &mut out).map(|()| out).map_err(|error| error.to_string())
}

/// The JSON of a part in a row of `Everything`.
fn json(number: u32, part: &Wire, column: &str) -> String {
    let batch = row(&layout(ROOM), wire().message(number, part.clone()));
    text_in(&batch, column)
}

/// What is read from the JSON of an `Everything`.
fn there_and_back(part: &Wire) -> Result<Vec<u8>, String> {
    read(ROOM, &json(80, part, "itself"))
}

#[track_caller]
fn assert_lossless(part: Wire) {
    assert_eq!(there_and_back(&part), Ok(part.0));
}

/// What JSON does not tell must not come back as if it had.
#[track_caller]
fn assert_lossy(part: Wire) {
    assert_ne!(there_and_back(&part), Ok(part.0));
}

fn at(seconds: i64, nanos: i64) -> Wire {
    wire().varint(1, seconds).varint(2, nanos)
}

proptest! {
    #[test]
    fn a_canonical_part_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let layout = layout(ROOM);
        for (message, number, column) in [
            (ROOM, 80, "itself"),
            ("google.protobuf.Struct", 64, "structure"),
            ("google.protobuf.Value", 65, "value"),
            ("google.protobuf.ListValue", 66, "list"),
        ] {
            let id = layout.types().find(message).unwrap();
            let made = payload(layout.types(), id, &mut Choices(&bytes), 1);
            prop_assert_eq!(read(message, &json(number, &made, column)), Ok(made.0));
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}\",:a-z0-9_@. -]{0,40}", member in "(a_bool|an_int32|any|at|took|mask|value|labels)") {
        let _ = read(ROOM, &text);
        let _ = read(ROOM, &format!("{{\"{member}\":{text}}}"));
        let _ = read("google.protobuf.Value", &text);
    }
}

#[test]
fn every_kind_of_value_comes_back() {
    assert_lossless(
        wire()
            .varint(1, 1)
            .varint(2, -3)
            .zigzag(3, -3)
            .fixed32(4, (-9i32).to_le_bytes())
            .varint(5, i64::MIN)
            .zigzag(6, -11)
            .fixed64(7, (-12i64).to_le_bytes())
            .varint(8, i64::from(u32::MAX))
            .fixed32(9, u32::MAX.to_le_bytes())
            .varint(10, -1)
            .fixed64(11, u64::MAX.to_le_bytes())
            .fixed32(12, 0.1f32.to_le_bytes())
            .double(13, 5e-324)
            .text(14, "a\"b\\c/\u{1}\u{8}\u{c}\n\r\tü𝄞\u{7f}")
            .bytes(15, &[0xff, 0xfe])
            .varint(16, -1)
            .varint(22, 99)
            .bytes(30, &[1, 2])
            .varint(31, 1)
            .bytes(33, &[1, 9])
            .message(50, wire().text(1, "z").text(2, ""))
            .message(50, wire().text(1, "").text(2, "1"))
            .message(52, wire().varint(1, 0).varint(2, 0)),
    );
    assert_lossless(wire().fixed32(12, f32::NEG_INFINITY.to_le_bytes()).double(13, f64::NAN));
    assert_lossless(wire().fixed32(12, (-0.0f32).to_le_bytes()).double(13, 1e300).message(76, wire().double(1, -0.0)));
}

#[test]
fn well_known_types_come_back() {
    let value = |value: Wire| wire().message(1, value);
    assert_lossless(
        wire()
            .message(18, wire())
            .message(19, wire())
            .message(28, at(-1, 999_999_999))
            .message(60, at(-62_135_596_800, 5_000_000))
            .message(61, at(-1, -500_000_000))
            .message(62, wire().text(1, "foo_bar.baz").text(1, "q"))
            .message(64, wire().message(1, wire().text(1, "n").message(2, wire().double(2, 1.5))))
            .message(65, wire().varint(1, 0))
            .message(66, value(wire().varint(4, 1)).raw(&value(wire().text(3, "NaN")).0))
            .message(72, wire().varint(1, -8))
            .message(77, wire())
            .message(78, wire().bytes(1, b"\x00")),
    );
    assert_lossless(wire().message(60, wire().varint(1, 253_402_300_799)).message(61, wire().varint(2, -1)));
    assert_lossless(wire().message(61, wire().varint(1, 315_576_000_000)).message(62, wire()));
}

#[test]
fn an_any_comes_back_by_its_own_type() {
    let any = |url: &str, value: Wire| wire().text(1, url).message(2, value);
    let inside = |any: Wire| wire().message(63, any);
    let point = "t/corpus.v1.Point";
    assert_lossless(inside(any(point, wire().double(1, 2.0))));
    assert_lossless(inside(wire().text(1, point)));
    assert_lossless(inside(any("t/google.protobuf.Duration", at(3, 1))));
    assert_lossless(inside(wire().text(1, "t/google.protobuf.Empty")));
    assert_lossless(inside(any("t/google.protobuf.Any", any(point, wire().double(2, 1.0)))));
    assert_lossless(inside(any("t/no.Such", wire().raw(&[0xff]))));
    assert_lossless(inside(wire().bytes(2, &[1])));
    assert_lossless(inside(wire()));
    assert_lossless(inside(any("t/corpus.v1.Node", wire().message(2, wire().text(1, "n")))));

    assert_lossy(inside(any(point, wire().double(2, 1.0).double(1, 1.0))));
    assert_lossy(inside(any(point, wire().double(1, 0.0))));
    assert_lossy(inside(any(point, wire().raw(&[0xff]))));
    assert_lossy(inside(any(point, wire())));
    assert_lossy(inside(wire().text(1, "").bytes(2, &[1])));
    assert_lossy(inside(wire().bytes(2, &[1]).text(1, "t/no.Such")));
}

#[test]
fn what_json_does_not_tell_does_not_come_back_as_if_it_had() {
    let value = |value: Wire| wire().message(65, value);
    for lossy in [
        value(wire()),
        value(wire().double(2, f64::NAN)),
        value(wire().varint(1, 7)),
        wire().double(13, f64::from_bits(0x7ff8_0000_0000_0001)),
        wire().double(13, 0.0),
        wire().message(60, at(i64::MAX, 0)),
        wire().message(60, at(0, 5)),
        wire().message(61, at(1, -1)),
        wire().message(62, wire().text(1, "Bad")),
        wire().message(72, wire().varint(1, 0)),
        wire().varint(30, 1),
        wire().bytes(31, &[1]),
        wire().message(50, wire().text(1, "only a key")),
        wire().message(50, wire().text(2, "").text(1, "")),
        wire().varint(900, 1),
        wire().varint(2, 1).varint(1, 1),
        wire().raw(&[0x10, 0x81, 0x00]),
    ] {
        assert_lossy(lossy);
    }
}

#[test]
fn a_hundred_messages_deep_come_back_and_deeper_ones_are_refused() {
    let nested = |messages: usize| {
        let open = "{\"more\":[".repeat(messages);
        read(ROOM, &format!("{open}{{}}{}", "]}".repeat(messages)))
    };
    assert_eq!(nested(2).unwrap(), wire().message(81, wire().message(81, wire())).0);
    assert!(nested(100).is_ok());
    assert!(nested(101).unwrap_err().ends_with("its JSON nests deeper than 100 messages"));
    let lists = |count: usize| read("google.protobuf.Value", &("[".repeat(count) + &"]".repeat(count)));
    assert!(lists(50).is_ok() && lists(52).is_err() && lists(100_000).is_err());
}

#[test]
fn a_text_that_is_none_of_ours_is_refused_with_its_place() {
    for (text, wrong) in [
        ("", "byte 0 of its JSON is not {"),
        ("{} ", "byte 2 of its JSON is not the end"),
        ("{\"an_int32\":1,\"a_bool\":true}", "byte 14 of its JSON is not the next field of corpus.v1.Everything"),
        ("{\"a_bool\":true,\"a_bool\":true}", "byte 15 of its JSON is not the next field of corpus.v1.Everything"),
        ("{\"aBool\":true}", "byte 1 of its JSON is not the next field of corpus.v1.Everything"),
        ("{\"an_int32\":2147483648}", "an_int32: byte 12 of its JSON is not a Int32"),
        ("{\"an_int64\":1}", "an_int64: byte 12 of its JSON is not \""),
        ("{\"a_bytes\":\"?\"}", "a_bytes: byte 11 of its JSON is not a Bytes"),
        ("{\"a_string\":\"\\x\"}", "a_string: byte 13 of its JSON is not text"),
        ("{\"at\":null}", "at: byte 6 of its JSON is not \""),
        ("{\"at\":\"noon\"}", "at: byte 6 of its JSON is not a Timestamp"),
        ("{\"took\":\"1\"}", "took: byte 8 of its JSON is not a Duration"),
        ("{\"point\":{\"x\":\"inf\"}}", "point.x: byte 14 of its JSON is not a Double"),
        ("{\"points_by_id\":{\"x\":{}}}", "points_by_id: byte 17 of its JSON is not a key of the map"),
        ("{\"value\":}", "value: byte 9 of its JSON is not a value"),
    ] {
        assert_eq!(read(ROOM, text), Err(wrong.to_owned()), "{text}");
    }
}
