//! Each row of the mapping table, value by value.

use crate::decode::fixture::{Wire, refused, row, shown, wire};
use crate::schema::fixture::layout;

/// Decodes a payload of `Everything` and prints a column.
fn everything(payload: Wire, column: &str) -> String {
    shown(&row(&layout("corpus.v1.Everything"), payload), column)
}

fn at(seconds: i64, nanos: i64) -> Wire {
    wire().varint(1, seconds).varint(2, nanos)
}

#[test]
fn scalars_keep_their_value_and_unsigned_ones_widen() {
    let payload = wire()
        .varint(1, 1)
        .varint(2, -7)
        .zigzag(3, -8)
        .fixed32(4, (-9i32).to_le_bytes())
        .varint(5, i64::MIN)
        .zigzag(6, -11)
        .fixed64(7, (-12i64).to_le_bytes())
        .varint(8, i64::from(u32::MAX))
        .fixed32(9, u32::MAX.to_le_bytes())
        .varint(10, -1)
        .fixed64(11, u64::MAX.to_le_bytes())
        .fixed32(12, f32::NAN.to_le_bytes())
        .double(13, -0.0)
        .text(14, "größer")
        .bytes(15, &[0xff, 0]);
    let batch = row(&layout("corpus.v1.Everything"), payload);
    let shown: Vec<_> =
        batch.columns()[11..26].iter().map(|column| crate::decode::fixture::show(column.as_ref(), 0)).collect();
    let expected = [
        "true",
        "-7",
        "-8",
        "-9",
        "-9223372036854775808",
        "-11",
        "-12",
        "4294967295",
        "4294967295",
        "18446744073709551615",
        "18446744073709551615",
        "NaN",
        "-0.0",
        "\"größer\"",
        "ff00",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn an_unset_field_is_its_default_without_presence_and_null_with_it() {
    let batch = row(&layout("corpus.v1.Everything"), wire());
    for (column, value) in [
        ("a_bool", "false"),
        ("an_int32", "0"),
        ("a_uint64", "0"),
        ("a_double", "0.0"),
        ("a_string", "\"\""),
        ("a_bytes", ""),
        ("color", "\"COLOR_UNSPECIFIED\""),
        ("ints", "[]"),
        ("labels", "{}"),
        ("point", "null"),
        ("nothing", "null"),
        ("opt_int32", "null"),
        ("opt_color", "null"),
        ("choice_number", "null"),
        ("choice_case_oneof", "null"),
        ("at", "null"),
        ("mask", "null"),
        ("any", "null"),
        ("value", "null"),
        ("w_int32", "null"),
        ("itself", "null"),
    ] {
        assert_eq!(shown(&batch, column), value, "{column}");
    }
}

#[test]
fn a_field_with_presence_that_holds_its_default_is_not_null() {
    let payload = wire().varint(20, 0).text(21, "").varint(22, 0).message(23, wire()).message(71, wire());
    let batch = row(&layout("corpus.v1.Everything"), payload);
    assert_eq!(shown(&batch, "opt_int32"), "0");
    assert_eq!(shown(&batch, "opt_string"), "\"\"");
    assert_eq!(shown(&batch, "opt_color"), "\"COLOR_UNSPECIFIED\"");
    assert_eq!(shown(&batch, "opt_point"), "(x=0.0, y=0.0)");
    assert_eq!(shown(&batch, "w_int32"), "0");
}

#[test]
fn an_enum_is_its_first_declared_name_or_its_number_as_text() {
    assert_eq!(everything(wire().varint(16, 1), "color"), "\"COLOR_RED\"");
    assert_eq!(everything(wire().varint(16, -1), "color"), "\"COLOR_NEGATIVE\"");
    assert_eq!(everything(wire().varint(16, 77), "color"), "\"77\"");
    assert_eq!(everything(wire().bytes(33, &[2, 9]), "colors"), "[\"COLOR_GREEN\", \"9\"]");
}

#[test]
fn a_oneof_tells_its_member_and_the_last_one_wins() {
    let both = wire().text(25, "first").varint(24, 0);
    assert_eq!(everything(both.clone(), "choice_case_oneof"), "\"choice_number\"");
    assert_eq!(everything(both.clone(), "choice_number"), "0");
    assert_eq!(everything(both, "choice_text"), "null");
    let point = |x| wire().double(1, x);
    let left = wire().message(26, point(1.0)).varint(24, 5).message(26, wire().double(2, 2.0));
    assert_eq!(everything(left, "choice_point"), "(x=0.0, y=2.0)");
    let stayed = wire().message(26, point(1.0)).message(26, wire().double(2, 2.0));
    assert_eq!(everything(stayed, "choice_point"), "(x=1.0, y=2.0)");
    assert_eq!(everything(wire().message(27, wire()), "choice_nothing"), "true");
}

#[test]
fn lists_take_packed_and_unpacked_numbers_alike() {
    let mixed = wire().varint(30, 1).bytes(30, &[2, 3]).varint(30, 4).bytes(30, &[]);
    assert_eq!(everything(mixed, "ints"), "[1, 2, 3, 4]");
    assert_eq!(everything(wire().bytes(31, &[1, 2]).varint(31, -1), "longs"), "[1, 2, 18446744073709551615]");
    assert_eq!(everything(wire().text(32, "a").text(32, "").text(32, "a"), "texts"), "[\"a\", \"\", \"a\"]");
    let points = wire().message(34, wire().double(1, 1.5)).message(34, wire());
    assert_eq!(everything(points, "points"), "[(x=1.5, y=0.0), (x=0.0, y=0.0)]");
    assert_eq!(everything(wire().message(35, wire()).message(35, wire()), "nothings"), "[true, true]");
}

#[test]
fn a_map_keeps_the_wires_order_and_the_last_value_of_a_key() {
    let entry = |key: &str, value: &str| wire().text(1, key).text(2, value);
    let payload = wire().message(50, entry("b", "1")).message(50, entry("a", "2")).message(50, entry("b", "3"));
    assert_eq!(everything(payload, "labels"), "{\"b\": \"3\", \"a\": \"2\"}");
    let partial = wire().message(50, wire().text(2, "v")).message(51, wire().varint(1, 7)).message(50, wire());
    let batch = row(&layout("corpus.v1.Everything"), partial);
    assert_eq!(shown(&batch, "labels"), "{\"\": \"\"}");
    assert_eq!(shown(&batch, "points_by_id"), "{7: (x=0.0, y=0.0)}");
    let twice = wire().text(2, "x").text(1, "k").text(2, "y").varint(9, 1).text(1, "l");
    assert_eq!(everything(wire().message(50, twice), "labels"), "{\"l\": \"y\"}");
}

#[test]
fn map_keys_follow_the_table() {
    let flags = wire().message(52, wire().varint(1, 1).varint(2, 2));
    assert_eq!(everything(flags, "colors_by_flag"), "{true: \"COLOR_GREEN\"}");
    let blobs = wire().message(53, wire().varint(1, -1).bytes(2, b"\x01"));
    assert_eq!(everything(blobs, "blobs"), "{18446744073709551615: 01}");
    let spans = wire().message(54, wire().varint(1, 4_000_000_000).message(2, at(1, 5)));
    assert_eq!(everything(spans, "spans_by_id"), "{4000000000: 1000000005}");
    let nothings = wire().message(55, wire().zigzag(1, -3).message(2, wire()));
    assert_eq!(everything(nothings, "nothings_by_id"), "{-3: true}");
    let counts = wire().message(56, wire().text(1, "n").message(2, wire().varint(1, 8)));
    assert_eq!(everything(counts, "counts"), "{\"n\": 8}");
}

#[test]
fn well_known_types_become_what_they_mean() {
    let batch = row(
        &layout("corpus.v1.Everything"),
        wire()
            .message(60, at(1, 999_999_999))
            .message(61, at(-1, -1))
            .message(62, wire().text(1, "a.b_c").text(1, "d"))
            .message(18, wire())
            .message(19, wire())
            .message(70, wire().varint(1, 1))
            .message(74, wire().varint(1, -1))
            .message(77, wire().text(1, "w"))
            .message(37, wire().text(1, "x"))
            .message(37, wire())
            .message(40, wire().text(1, "p"))
            .message(40, wire()),
    );
    for (column, value) in [
        ("at", "1999999us"),
        ("took", "-1000000001"),
        ("mask", "[\"a.b_c\", \"d\"]"),
        ("nothing", "true"),
        ("empty", "true"),
        ("w_bool", "true"),
        ("w_uint64", "18446744073709551615"),
        ("w_string", "\"w\""),
        ("wrapped", "[\"x\", \"\"]"),
        ("masks", "[[\"p\"], []]"),
    ] {
        assert_eq!(shown(&batch, column), value, "{column}");
    }
}

#[test]
fn a_time_beyond_its_column_is_null_alone_and_quarantine_in_a_list_or_map() {
    assert_eq!(everything(wire().message(60, at(253_402_300_800, 0)), "at"), "null");
    assert_eq!(everything(wire().message(61, at(i64::MAX, 0)), "took"), "null");
    let layout = layout("corpus.v1.Everything");
    let list = wire().message(36, at(0, 0)).message(36, at(0, -1));
    assert_eq!(refused(&layout, list), ("out_of_range", "instants", Some(10)));
    let map = wire().message(54, wire().message(2, at(i64::MIN, 0)));
    assert_eq!(refused(&layout, map), ("out_of_range", "spans_by_id.value", Some(5)));
}
