//! What proto2 and editions decide by field: presence, required, UTF-8, groups.

use crate::decode::fixture::{refused, row, shown, wire};
use crate::schema::fixture::{layout, layout_with};
use crate::schema::{Form, MappingOptions};

fn legacy() -> crate::decode::fixture::Wire {
    wire().text(1, "n")
}

#[test]
fn proto2_fields_are_null_when_unset_and_their_defaults_not_filled_in() {
    let batch = row(&layout("corpus.legacy.Legacy"), legacy());
    for column in ["count", "level", "motto", "inner", "place", "blob"] {
        assert_eq!(shown(&batch, column), "null", "{column}");
    }
    assert_eq!(shown(&batch, "numbers"), "[]");
    assert_eq!(shown(&batch, "stop"), "[]");
}

#[test]
fn a_required_field_may_come_in_a_later_part_of_its_message() {
    let layout = layout("corpus.legacy.Legacy");
    let parts = legacy().message(7, wire().text(2, "a")).message(7, wire().varint(1, 5));
    assert_eq!(shown(&row(&layout, parts), "inner"), "(id=5, note=\"a\")");
    assert_eq!(refused(&layout, wire().varint(2, 1)), ("required", "name", Some(0)));
    assert_eq!(refused(&layout, legacy().message(7, wire())), ("required", "inner.id", Some(5)));
    let list = legacy().message(8, wire().varint(1, 1)).message(8, wire().text(2, "x"));
    assert_eq!(refused(&layout, list), ("required", "inners.id", Some(9)));
    assert_eq!(refused(&layout, legacy().group(11, wire())), ("required", "stop.code", Some(4)));
}

#[test]
fn groups_are_messages_and_packing_is_free() {
    let payload = legacy()
        .group(10, wire().double(1, 1.5))
        .group(11, wire().text(1, "A"))
        .group(11, wire().text(1, "B"))
        .bytes(5, &[1, 2])
        .varint(6, 3);
    let batch = row(&layout("corpus.legacy.Legacy"), payload);
    assert_eq!(shown(&batch, "place"), "(lat=1.5, lon=null)");
    assert_eq!(shown(&batch, "stop"), "[(code=\"A\"), (code=\"B\")]");
    assert_eq!((shown(&batch, "numbers"), shown(&batch, "packed_numbers")), ("[1, 2]".into(), "[3]".into()));
}

#[test]
fn proto2_text_that_is_not_utf8_gets_a_sign_for_each_maximal_invalid_part() {
    // F0 9F 92 is the begin of a character, cut short: one part. C0 can begin nothing: one each.
    let payload = wire().bytes(1, b"a\xf0\x9f\x92b\xc0\xc0");
    let layout = layout("corpus.legacy.Legacy");
    assert_eq!(shown(&row(&layout, payload.clone()), "name"), "\"a\u{fffd}b\u{fffd}\u{fffd}\"");
    // Keys that are equal once replaced are one key.
    let entry = |key: &[u8], value| wire().bytes(1, key).varint(2, value);
    let map = legacy().message(9, entry(b"\xc0", 3)).message(9, entry(b"\xc1", 7));
    assert_eq!(shown(&row(&layout, map), "levels"), "{\"\u{fffd}\": \"LEVEL_HIGH\"}");
}

#[test]
fn a_closed_enum_takes_unknown_numbers_as_text() {
    let layout = layout("corpus.legacy.Legacy");
    assert_eq!(shown(&row(&layout, legacy().varint(3, 9)), "level"), "\"9\"");
    let map = legacy().message(9, wire().text(1, "k"));
    assert_eq!(shown(&row(&layout, map), "levels"), "{\"k\": \"LEVEL_NONE\"}");
}

#[test]
fn editions_decide_presence_utf8_and_delimiting_by_feature() {
    let layout = layout("corpus.modern.Modern");
    let needed = || wire().varint(3, 1);
    let batch = row(&layout, needed());
    for (column, value) in
        [("explicit", "null"), ("implicit", "0"), ("verified", "null"), ("closed", "null"), ("after", "null")]
    {
        assert_eq!(shown(&batch, column), value, "{column}");
    }
    assert_eq!(refused(&layout, wire()), ("required", "needed", Some(0)));
    assert_eq!(refused(&layout, needed().bytes(4, b"\xff")), ("utf8", "verified", Some(4)));
    assert_eq!(shown(&row(&layout, needed().bytes(5, b"\xff")), "unverified"), "\"\u{fffd}\"");
    let loose = needed().message(12, wire().bytes(1, b"\xff").bytes(2, b"\xfe"));
    assert_eq!(shown(&row(&layout, loose), "loose"), "{\"\u{fffd}\": \"\u{fffd}\"}");
}

#[test]
fn editions_read_the_bytes_that_another_implementation_wrote() {
    // needed: 1, parts: {"a": name "x"}, delimited: name "d", two: name "t"; serialized by Python's protobuf.
    let bytes = [
        0x18, 0x01, 0x4b, 0x0a, 0x01, 0x64, 0x4c, 0x5a, 0x08, 0x0a, 0x01, 0x61, 0x12, 0x03, 0x0a, 0x01, 0x78, 0x83,
        0x01, 0x0a, 0x01, 0x74, 0x84, 0x01,
    ];
    let batch = row(&layout("corpus.modern.Modern"), wire().raw(&bytes));
    for (column, value) in [
        ("needed", "1"),
        ("parts", "{\"a\": (name=\"x\")}"),
        ("delimited", "(name=\"d\")"),
        ("two", "(name=\"t\")"),
        ("pick_case", "\"two\""),
        ("plain", "null"),
    ] {
        assert_eq!(shown(&batch, column), value, "{column}");
    }
    let plain = wire().varint(3, 1).message(8, wire().text(1, "p"));
    assert_eq!(shown(&row(&layout("corpus.modern.Modern"), plain), "plain"), "(name=\"p\")");
}

#[test]
fn options_change_how_unsigned_integers_and_enums_are_held() {
    let form = |path: &str, form| (path.to_owned(), form);
    let fields = [
        form("a_uint64", Form::Bigint),
        form("a_fixed64", Form::String),
        form("longs", Form::Bigint),
        form("w_uint64", Form::String),
        form("color", Form::Int),
        form("colors", Form::Both),
        form("colors_by_flag", Form::Both),
    ];
    let layout = layout_with(
        "corpus.v1.Everything",
        MappingOptions { fields: fields.into_iter().collect(), ..MappingOptions::default() },
    );
    let payload = wire()
        .varint(10, 5)
        .fixed64(11, u64::MAX.to_le_bytes())
        .varint(31, 6)
        .message(74, wire().varint(1, 7))
        .varint(16, 1)
        .bytes(33, &[2, 9])
        .message(52, wire().varint(1, 1).varint(2, 2));
    let batch = row(&layout, payload);
    for (column, value) in [
        ("a_uint64", "5"),
        ("a_fixed64", "\"18446744073709551615\""),
        ("longs", "[6]"),
        ("w_uint64", "\"7\""),
        ("color", "1"),
        ("colors", "[\"COLOR_GREEN\", \"9\"]"),
        ("colors_number", "[2, 9]"),
        ("colors_by_flag_number", "{true: 2}"),
    ] {
        assert_eq!(shown(&batch, column), value, "{column}");
    }
    assert_eq!(shown(&row(&layout, wire().varint(10, -1)), "a_uint64"), "null");
    assert_eq!(refused(&layout, wire().varint(31, -1)).0, "out_of_range");
}

#[test]
fn recursion_and_extensions_go_as_far_as_the_operator_asks() {
    let options = MappingOptions { recursion: 1, ..MappingOptions::default() };
    let leaf = wire().message(2, wire().text(1, "c").message(2, wire().text(1, "g")));
    let batch = row(&layout_with("corpus.v1.Node", options), leaf.clone());
    assert_eq!(shown(&batch, "children"), "[(name=\"c\", children=[\"{\\\"name\\\":\\\"g\\\"}\"], named={}, at=null)]");
    let extensions = ["corpus.legacy.trace".to_owned(), "corpus.legacy.marks".to_owned()].into();
    let options = MappingOptions { extensions, ..MappingOptions::default() };
    let batch = row(&layout_with("corpus.legacy.Legacy", options), legacy().text(100, "t").varint(101, 4));
    assert_eq!((shown(&batch, "trace"), shown(&batch, "marks")), ("\"t\"".into(), "[4]".into()));
}
