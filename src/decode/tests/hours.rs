//! Which object a record goes to, and where a range ends.

use crate::decode::Objects;
use crate::decode::fixture::{Decoded, Wire, decode, decode_range, records, shown, wire, with_headers};
use crate::domain::{BucketHour, Header, ObjectKind, Offset, RecordDigest, Records, Timestamp};
use crate::schema::fixture::{layout, layout_by, topic};
use crate::schema::{TimeRule, TopicSchema};

const HOUR: i64 = 3_600_000;

fn push(records: &mut Records, offset: i64, millis: Option<i64>, value: Option<&[u8]>) {
    let timestamp = millis.map_or(Timestamp::None, Timestamp::Create);
    records.push(Offset(offset), timestamp, None, value, []);
}

/// Kind, hour in hours since the epoch, rows and span of each object.
fn summary(decoded: &Decoded) -> Vec<(ObjectKind, i64, u64, String)> {
    let hours = |hour: BucketHour| hour.start_millis() / HOUR;
    decoded.objects.iter().map(|o| (o.kind, hours(o.hour), o.rows, o.span.to_string())).collect()
}

#[test]
fn objects_come_by_kind_and_hour_and_hold_every_record_once() {
    let mut records = Records::default();
    push(&mut records, 10, Some(2 * HOUR), Some(b""));
    push(&mut records, 12, Some(HOUR), Some(b"\xff"));
    push(&mut records, 13, Some(HOUR), Some(b""));
    push(&mut records, 20, None, None);
    push(&mut records, 21, Some(2 * HOUR + 5), Some(b""));
    let decoded = decode(&layout("corpus.v1.Point"), &records);
    assert_eq!(
        summary(&decoded),
        [
            (ObjectKind::Rows, 0, 1, "20..21".into()),
            (ObjectKind::Rows, 1, 1, "13..14".into()),
            (ObjectKind::Rows, 2, 2, "10..22".into()),
            (ObjectKind::Quarantine, 1, 1, "12..13".into()),
        ]
    );
    assert_eq!((decoded.records(), decoded.rest), (5, None));
    let two = &decoded.objects[2];
    assert_eq!((two.min_timestamp, two.max_timestamp), (Some(2 * HOUR), Some(2 * HOUR + 5)));
    assert_eq!(decoded.objects[0].min_timestamp, None);
    let mut digest = RecordDigest::default();
    digest.update(&records.get(0));
    digest.update(&records.get(4));
    assert_eq!(two.digest, digest.finish());
    assert_eq!(decoded.objects[3].reasons.iter().collect::<Vec<_>>(), [(&"truncated", &1)]);
}

#[test]
fn a_range_ends_before_one_hour_too_many() {
    let mut records = Records::default();
    for (offset, hour) in [(0, 5), (1, 7), (2, 5), (3, 9), (4, 5)] {
        push(&mut records, offset, Some(hour * HOUR), Some(if hour == 7 { b"\xff" } else { b"" }));
    }
    let decode = |hours| decode_range(&layout("corpus.v1.Point"), Objects::new(&topic(), 0, hours), &records);
    let two = decode(2);
    assert_eq!((two.records(), two.rest), (3, Some(Offset(3))));
    let three = decode(3);
    assert_eq!((three.records(), three.rest), (5, None));
    assert_eq!(decode(0).records(), 1);
}

#[test]
fn no_records_make_no_objects() {
    let decoded = decode(&layout("corpus.v1.Point"), &Records::default());
    assert!(decoded.objects.is_empty() && decoded.rest.is_none());
}

#[test]
fn the_time_rule_takes_a_field_and_falls_back_to_the_record() {
    let time = |payload: Wire| {
        let rule = TopicSchema {
            message: Some("corpus.v1.Everything".into()),
            time: TimeRule::Field("node.at".into()),
            ..TopicSchema::default()
        };
        let mut records = Records::default();
        push(&mut records, 0, Some(HOUR), Some(&payload.0));
        let object = decode(&layout_by(&rule), &records).objects.remove(0);
        (object.hour.start_millis() / HOUR, object.min_timestamp)
    };
    let at = |seconds: i64| wire().message(83, wire().message(4, wire().varint(1, seconds)));
    assert_eq!(time(at(3 * 3_600)), (3, Some(HOUR)));
    assert_eq!(time(at(-1)), (-1, Some(HOUR)));
    assert_eq!(time(at(i64::MAX)), (1, Some(HOUR)));
    assert_eq!(time(wire().message(83, wire())), (1, Some(HOUR)));
    assert_eq!(time(wire()), (1, Some(HOUR)));
}

#[test]
fn a_null_value_is_a_tombstone_and_an_empty_one_an_empty_message() {
    let layout = layout("corpus.v1.Everything");
    let batch = decode(&layout, &records([None, Some(Vec::new())])).objects.remove(0).batch;
    for (column, tombstone, empty) in [
        ("_tombstone", "true", "false"),
        ("_raw", "null", "null"),
        ("an_int32", "null", "0"),
        ("ints", "null", "[]"),
        ("labels", "null", "{}"),
        ("color", "null", "\"COLOR_UNSPECIFIED\""),
        ("choice_case_oneof", "null", "null"),
    ] {
        let shown = |row| crate::decode::fixture::show(batch.column_by_name(column).unwrap().as_ref(), row);
        assert_eq!((shown(0).as_str(), shown(1).as_str()), (tombstone, empty), "{column}");
    }
}

#[test]
fn a_header_name_that_is_no_text_sends_even_a_tombstone_to_quarantine() {
    let headers = [Header { name: b"ok", value: None }, Header { name: b"\xff", value: Some(b"v") }];
    for value in [None, Some(&b""[..])] {
        let object = decode(&layout("corpus.v1.Point"), &with_headers(value, &headers)).objects.remove(0);
        assert_eq!(object.kind, ObjectKind::Quarantine);
        assert_eq!(shown(&object.batch, "reason"), "\"header_name\"");
        assert_eq!(shown(&object.batch, "_headers"), "[(key=6f6b, value=null), (key=ff, value=76)]");
        assert_eq!(shown(&object.batch, "value"), if value.is_none() { "null" } else { "" });
    }
}

#[test]
fn the_envelope_says_who_a_row_is() {
    let headers = [Header { name: b"h", value: Some(b"\x01") }, Header { name: b"h", value: None }];
    let batch = decode(&layout("corpus.v1.Point"), &with_headers(Some(b""), &headers)).objects.remove(0).batch;
    for (column, value) in [
        ("_topic", "\"prod.svc.some-event.corpus.X\""),
        ("_partition", "3"),
        ("_offset", "0"),
        ("_timestamp", "0ms"),
        ("_timestamp_type", "\"create\""),
        ("_key", "6b6579"),
        ("_headers", "[(key=\"h\", value=01), (key=\"h\", value=null)]"),
    ] {
        assert_eq!(shown(&batch, column), value, "{column}");
    }
}
