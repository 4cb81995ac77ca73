//! What columns cannot hold: recursion, Struct and its parts, Any.

use crate::decode::fixture::{Wire, row, shown, wire};
use crate::schema::fixture::layout;

const MESSAGE: &str = "corpus.v1.Everything";

/// Decodes a payload of `Everything` and returns the text of a JSON column.
fn json(payload: Wire, column: &str) -> String {
    text(&shown(&row(&layout(MESSAGE), payload), column))
}

/// Takes a printed string out of its quotes.
fn text(shown: &str) -> String {
    serde_json::from_str(shown).unwrap()
}

fn any(url: &str, value: Wire) -> Wire {
    wire().text(1, url).message(2, value)
}

fn at(seconds: i64, nanos: i64) -> Wire {
    wire().varint(1, seconds).varint(2, nanos)
}

#[test]
fn a_recursive_message_is_protobuf_json_with_proto_names() {
    let itself = wire()
        .varint(1, 1)
        .varint(2, -3)
        .varint(5, -4)
        .varint(10, -1)
        .fixed32(12, 0.1f32.to_le_bytes())
        .double(13, 1e300)
        .text(14, "a\"b\u{1}ü")
        .bytes(15, &[0xff, 0xfe])
        .varint(16, 1)
        .varint(22, 99)
        .message(18, wire())
        .varint(20, 0)
        .message(28, at(0, 5_000_000))
        .bytes(30, &[1, 2])
        .message(50, wire().text(1, "z").text(2, "1"))
        .message(50, wire().text(1, "a"))
        .message(55, wire().zigzag(1, -2))
        .message(61, at(1, 500_000_000))
        .message(62, wire().text(1, "foo_bar.baz").text(1, "q"))
        .message(72, wire().varint(1, 8));
    let expected = concat!(
        r#"{"a_bool":true,"an_int32":-3,"an_int64":"-4","a_uint64":"18446744073709551615","a_float":0.1,"#,
        r#""a_double":1e300,"a_string":"a\"b\u0001ü","a_bytes":"//4=","color":"COLOR_RED","nothing":{},"#,
        r#""opt_int32":0,"opt_color":99,"choice_at":"1970-01-01T00:00:00.005Z","ints":[1,2],"#,
        r#""labels":{"z":"1","a":""},"nothings_by_id":{"-2":{}},"took":"1.500s","mask":"fooBar.baz,q","w_int64":"8"}"#,
    );
    assert_eq!(json(wire().message(80, itself), "itself"), expected);
    assert_eq!(json(wire().message(80, wire()), "itself"), "{}");
}

#[test]
fn recursion_stands_per_element_in_lists_and_maps_and_through_other_types() {
    let batch = row(
        &layout(MESSAGE),
        wire()
            .message(81, wire().varint(2, 1))
            .message(81, wire())
            .message(82, wire().text(1, "k").message(2, wire().varint(2, 2)))
            .message(84, wire().varint(1, 1).message(2, wire().message(1, wire().varint(1, 2)))),
    );
    assert_eq!(shown(&batch, "more"), r#"["{\"an_int32\":1}", "{}"]"#);
    assert_eq!(shown(&batch, "by_name"), r#"{"k": "{\"an_int32\":2}"}"#);
    assert_eq!(shown(&batch, "ping"), r#"(hops=1, pong=(ping="{\"hops\":2}"))"#);
}

#[test]
fn floats_that_are_no_numbers_are_named_and_a_negative_zero_is_not_the_default() {
    let itself = wire()
        .fixed32(12, f32::NEG_INFINITY.to_le_bytes())
        .double(13, f64::NAN)
        .message(76, wire().double(1, -0.0))
        .message(17, wire().double(1, -0.0));
    let expected = r#"{"a_float":"-Infinity","a_double":"NaN","point":{"x":-0.0},"w_double":-0.0}"#;
    assert_eq!(json(wire().message(80, itself), "itself"), expected);
}

#[test]
fn struct_value_and_list_are_the_json_they_stand_for() {
    let text_value = |text: &str| wire().text(3, text);
    let list = wire().message(1, wire().varint(1, 0)).message(1, wire().varint(4, 1)).message(1, text_value("s"));
    let structure = wire()
        .message(1, wire().text(1, "n").message(2, wire().double(2, 1.5)))
        .message(1, wire().text(1, "l").message(2, wire().message(6, list.clone())))
        .message(1, wire().text(1, "o").message(2, wire().message(5, wire())));
    let batch = row(&layout(MESSAGE), wire().message(64, structure).message(66, list).message(65, text_value("v")));
    assert_eq!(text(&shown(&batch, "structure")), r#"{"n":1.5,"l":[null,true,"s"],"o":{}}"#);
    assert_eq!(text(&shown(&batch, "list")), r#"[null,true,"s"]"#);
    assert_eq!(text(&shown(&batch, "value")), r#""v""#);
}

#[test]
fn a_part_without_a_text_is_null_and_counted() {
    let nan = wire().double(2, f64::NAN);
    let payload = wire()
        .message(64, wire().message(1, wire().text(1, "k").message(2, nan.clone())))
        .message(38, nan)
        .message(38, wire())
        .message(80, wire().message(60, at(i64::MAX, 0)).message(61, at(1, -1)).message(62, wire().text(1, "Bad")));
    let layout = layout(MESSAGE);
    let batch = row(&layout, payload.clone());
    assert_eq!(text(&shown(&batch, "structure")), r#"{"k":null}"#);
    assert_eq!(shown(&batch, "values"), r#"["null", "null"]"#);
    assert_eq!(text(&shown(&batch, "itself")), r#"{"at":null,"took":null,"mask":null}"#);
}

#[test]
fn an_any_shows_its_content_where_the_layout_knows_its_type() {
    let column = |payload: Wire| shown(&row(&layout(MESSAGE), wire().message(63, payload)), "any");
    let point = any("type.googleapis.com/corpus.v1.Point", wire().double(1, 2.0));
    assert_eq!(
        column(point),
        r#"(type_url="type.googleapis.com/corpus.v1.Point", value=090000000000000040, json="{\"x\":2.0}")"#
    );
    assert_eq!(
        column(any("x/google.protobuf.Timestamp", at(0, 0))).split("json=").nth(1).unwrap(),
        r#""\"1970-01-01T00:00:00Z\"")"#
    );
    for unknown in [
        any("x/no.Such", wire()),
        any("corpus.v1.Point", wire()),
        wire(),
        any("x/corpus.v1.Point", wire().raw(&[0xff])),
    ] {
        assert!(column(unknown).ends_with("json=null)"));
    }
}

#[test]
fn an_any_inside_json_names_its_type() {
    let inside = |payload: Wire| json(wire().message(80, wire().message(63, payload)), "itself");
    let url = "t/corpus.v1.Point";
    assert_eq!(inside(any(url, wire().double(1, 2.0))), r#"{"any":{"@type":"t/corpus.v1.Point","x":2.0}}"#);
    assert_eq!(inside(any(url, wire())), r#"{"any":{"@type":"t/corpus.v1.Point"}}"#);
    assert_eq!(
        inside(any("t/google.protobuf.Duration", at(3, 0))),
        r#"{"any":{"@type":"t/google.protobuf.Duration","value":"3s"}}"#
    );
    assert_eq!(
        inside(any("t/google.protobuf.Empty", wire())),
        r#"{"any":{"@type":"t/google.protobuf.Empty","value":{}}}"#
    );
    assert_eq!(inside(any("t/no.Such", wire().raw(&[1]))), r#"{"any":{"@type":"t/no.Such","value":"AQ=="}}"#);
    assert_eq!(inside(any(url, wire().raw(&[0xff]))), r#"{"any":null}"#);
    assert_eq!(inside(wire()), r#"{"any":{}}"#);
    let in_any = any("t/google.protobuf.Any", any(url, wire()));
    assert_eq!(inside(in_any), r#"{"any":{"@type":"t/google.protobuf.Any","value":{"@type":"t/corpus.v1.Point"}}}"#);
}

#[test]
fn any_in_any_ends_where_nesting_ends() {
    let nested = (0..20_000).fold(wire(), |inner, _| any("t/google.protobuf.Any", inner));
    let shown = json(wire().message(80, wire().message(63, nested)), "itself");
    assert!(shown.contains("null"), "{}", shown.len());
}
