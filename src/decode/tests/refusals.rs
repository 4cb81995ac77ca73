//! Bad payloads: the reason, the field and the byte.

use super::super::Reason;
use crate::decode::fixture::{Wire, refused, row, shown, wire};
use crate::schema::fixture::layout;

const MESSAGE: &str = "corpus.v1.Everything";

#[test]
fn every_malformed_payload_says_what_and_where() {
    let nested = |inner: Wire| wire().message(17, inner);
    let cases = [
        ("a tag cut short", wire().raw(&[0x80]), ("truncated", "", Some(0))),
        ("a varint cut short", wire().tag(2, 0).raw(&[0x80]), ("truncated", "an_int32", Some(1))),
        ("a length beyond the end", wire().tag(14, 2).raw(&[5, b'a']), ("truncated", "a_string", Some(1))),
        ("an absurd length", wire().tag(14, 2).number(u64::MAX), ("truncated", "a_string", Some(1))),
        ("a fixed value cut short", wire().tag(13, 1).raw(&[0; 7]), ("truncated", "a_double", Some(1))),
        ("a packed block cut short", wire().bytes(30, &[1, 0x80]), ("truncated", "ints", Some(4))),
        ("a length beyond its message", nested(wire().tag(9, 2).raw(&[9])), ("truncated", "point", Some(4))),
        ("an unknown group without end", wire().tag(999, 3), ("truncated", "", Some(2))),
        ("eleven bytes of varint", wire().tag(2, 0).raw(&[0xff; 11]), ("malformed_varint", "an_int32", Some(1))),
        ("eleven bytes of length", wire().tag(14, 2).raw(&[0x80; 11]), ("malformed_varint", "a_string", Some(1))),
        ("six bytes of tag", wire().raw(&[0x88, 0x80, 0x80, 0x80, 0x80, 0]), ("malformed_tag", "", Some(0))),
        ("a tag beyond 32 bits", wire().raw(&[0x88, 0x80, 0x80, 0x80, 0x10]), ("malformed_tag", "", Some(0))),
        ("an endless tag", wire().raw(&[0xff; 12]), ("malformed_tag", "", Some(0))),
        ("field number 0", wire().varint(1, 1).raw(&[0x02, 0]), ("malformed_tag", "", Some(2))),
        ("wire type 6", wire().raw(&[0x0e]), ("malformed_tag", "", Some(0))),
        ("a group end alone", wire().tag(999, 4), ("malformed_tag", "", Some(0))),
        ("another group's end", wire().tag(999, 3).tag(998, 4), ("malformed_tag", "", Some(2))),
        ("a known field, wrong type", wire().varint(14, 1), ("wire_type", "a_string", Some(0))),
        ("a scalar in a block", wire().bytes(2, &[1]), ("wire_type", "an_int32", Some(0))),
        ("a list, wrong type", wire().fixed32(30, [0; 4]), ("wire_type", "ints", Some(0))),
        ("inside a message", nested(wire().varint(1, 1)), ("wire_type", "point.x", Some(3))),
        ("inside a map entry", wire().message(50, wire().varint(2, 1)), ("wire_type", "labels.value", Some(3))),
        ("a message as a group", wire().tag(17, 3).tag(17, 4), ("wire_type", "point", Some(0))),
        ("not UTF-8", wire().bytes(14, b"ab\xff"), ("utf8", "a_string", Some(4))),
        ("a key that is not UTF-8", wire().message(50, wire().bytes(1, b"\xff")), ("utf8", "labels.key", Some(5))),
    ];
    let layout = layout(MESSAGE);
    for (name, payload, expected) in cases {
        assert_eq!(refused(&layout, payload), expected, "{name}");
    }
}

#[test]
fn a_bad_string_counts_even_where_a_later_one_replaces_it() {
    let payload = wire().bytes(14, b"\xff").text(14, "fine");
    assert_eq!(refused(&layout(MESSAGE), payload).0, "utf8");
}

#[test]
fn a_tenth_byte_drops_the_bits_beyond_64() {
    let payload = wire().tag(10, 0).raw(&[0xff; 9]).raw(&[0x7f]);
    assert_eq!(shown(&row(&layout(MESSAGE), payload), "a_uint64"), u64::MAX.to_string());
    let narrow = wire().varint(2, 1 << 32 | 5).varint(1, 1 << 40);
    let batch = row(&layout(MESSAGE), narrow);
    assert_eq!((shown(&batch, "an_int32"), shown(&batch, "a_bool")), ("5".into(), "true".into()));
}

/// `Node` messages, `levels` deep below the root of `Everything`.
fn nested_nodes(levels: usize) -> Wire {
    let node = (1..levels).fold(wire().text(1, "leaf"), |inner, _| wire().message(2, inner));
    wire().message(83, node)
}

#[test]
fn messages_nest_a_hundred_deep_and_no_deeper() {
    let layout = layout(MESSAGE);
    let batch = row(&layout, nested_nodes(100));
    assert!(shown(&batch, "node").contains("leaf"));
    assert_eq!(refused(&layout, nested_nodes(101)).0, "depth");
    let groups = |levels: usize| (0..levels).fold(wire(), |inner, _| wire().group(999, inner));
    row(&layout, groups(100));
    assert_eq!(refused(&layout, groups(101)).0, "depth");
    // A map's entry is a message, too: 49 maps nest 98 deep below `node`.
    let maps = |levels: usize| (0..levels).fold(wire(), |inner, _| wire().message(3, wire().message(2, inner)));
    row(&layout, wire().message(83, maps(49)));
    assert_eq!(refused(&layout, wire().message(83, maps(50))).0, "depth");
}

#[test]
fn ten_thousand_unclosed_groups_are_refused_without_recursing_into_them() {
    let payload = (0..10_000).fold(wire(), |payload, _| payload.tag(999, 3));
    assert_eq!(refused(&layout(MESSAGE), payload).0, "depth");
}

#[test]
fn unknown_fields_of_every_wire_type_are_passed_over_and_counted() {
    let unknown = wire()
        .varint(900, 1)
        .fixed32(901, [0; 4])
        .fixed64(902, [0; 8])
        .bytes(903, b"x")
        .group(904, wire().varint(1, 1).group(2, wire()))
        .varint(2, 6);
    let layout = layout(MESSAGE);
    assert_eq!(shown(&row(&layout, unknown.clone()), "an_int32"), "6");
}

#[test]
fn reasons_have_distinct_names_and_are_documented() {
    let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
    let documented = include_str!("../../../docs/mapping.md");
    names.iter().for_each(|name| assert!(documented.contains(&format!("\n| `{name}` |")), "{name}"));
}
