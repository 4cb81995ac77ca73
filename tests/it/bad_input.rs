//! What senders should not send: refused for its reason, at its place, for a bounded price, and no neighbour harmed.

use std::time::Duration;

use alluvium::decode::{Decoder, Objects};
use alluvium::domain::{ObjectKind, Offset, Records, Timestamp};
use alluvium::schema::TopicSchema;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use nix::time::{ClockId, clock_gettime};

use crate::oracle::engines::{Engines, Through, topic};
use crate::oracle::schema::Schema;
use crate::oracle::targets::{ROOTS, corpus_set};
use crate::oracle::wire::{FIXED64, GROUP, LEN, VARINT, len, number, tag, varint};

/// A bad payload of `Everything`.
struct Bad {
    name: &'static str,
    payload: Vec<u8>,
    reason: &'static str,
    field: &'static str,
    /// How many bytes before the end it breaks; nothing where that is not near the end.
    before_end: Option<usize>,
}

/// A good payload of about `size` bytes, to whose end something is added.
fn filled(size: usize, last: &[u8]) -> Vec<u8> {
    let one = len(32, b"twenty bytes of text");
    [one.repeat(size / one.len()), last.to_vec()].concat()
}

/// Messages of `Node`, so many deep below the root.
fn nested(levels: usize) -> Vec<u8> {
    len(83, &(1..levels).fold(Vec::new(), |inner, _| len(2, &inner)))
}

/// Whatever can be wrong, as late in a payload of about `size` bytes as it can be.
fn bad(size: usize) -> Vec<Bad> {
    let bad = |name, payload, reason, field, before_end| Bad { name, payload, reason, field, before_end };
    let ending = |last: &[Vec<u8>]| filled(size, &last.concat());
    vec![
        bad("a cut payload", ending(&[tag(13, FIXED64), vec![0; 7]]), "truncated", "a_double", Some(7)),
        bad("a length beyond the end", ending(&[tag(14, LEN), varint(1 << 40)]), "truncated", "a_string", Some(6)),
        bad("a length of 64 bits", ending(&[tag(30, LEN), varint(u64::MAX)]), "truncated", "ints", Some(10)),
        bad("an endless varint", ending(&[tag(5, VARINT), vec![0xff; 11]]), "malformed_varint", "an_int64", Some(11)),
        bad("field number 0", ending(&[vec![0]]), "malformed_tag", "", Some(1)),
        bad("the end of no group", ending(&[vec![4]]), "malformed_tag", "", Some(1)),
        bad("a wrong wire type", ending(&[number(14, 7)]), "wire_type", "a_string", Some(2)),
        bad("a wrong wire type inside", ending(&[len(17, &number(1, 7))]), "wire_type", "point.x", Some(2)),
        bad("text that is none", ending(&[len(32, b"ab\xff")]), "utf8", "texts", Some(1)),
        bad(
            "a long text that ends as none",
            len(14, &[vec![b'x'; size], vec![0xc3]].concat()),
            "utf8",
            "a_string",
            Some(1),
        ),
        bad("messages nested too deep", ending(&[nested(101)]), "depth", "", None),
        bad("groups that only open", tag(999, GROUP).repeat(size / 2), "depth", "", None),
        bad("a time beyond its list", ending(&[len(36, &number(1, 1 << 50))]), "out_of_range", "instants", Some(9)),
        bad(
            "what looks like gzip",
            [b"\x1f\x8b\x08\x00".to_vec(), vec![0xa5; size]].concat(),
            "malformed_tag",
            "",
            None,
        ),
        bad("what looks like zstd", [b"\x28\xb5\x2f\xfd".to_vec(), vec![0x5a; size]].concat(), "wire_type", "", None),
        bad("many numbers, then none", len(30, &[vec![1; size], vec![0x80]].concat()), "truncated", "ints", Some(1)),
    ]
}

fn everything() -> Engines {
    let schema = Schema::fixed(&corpus_set(), ROOTS[0]);
    Engines::new(&schema, TopicSchema::default()).unwrap().unwrap()
}

fn records<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Records {
    let mut records = Records::default();
    for (offset, value) in values.into_iter().enumerate() {
        records.push(Offset(offset as i64), Timestamp::Create(0), Some(b"key"), Some(value), []);
    }
    records
}

#[test]
fn bad_payloads_are_refused_where_they_break_and_their_neighbours_are_rows() {
    let mut engines = everything();
    let good = filled(100, &number(2, 7));
    for Bad { name, payload, reason, field, before_end } in bad(5_000) {
        // Says itself that each record is in one object, and comes back byte by byte.
        let archived =
            engines.archive(&records([&good, &payload, &good].map(Vec::as_slice)), Through::Parquet).unwrap();
        let kinds = [0, 1, 2].map(|offset| archived.kind(offset));
        assert_eq!(kinds, [ObjectKind::Rows, ObjectKind::Quarantine, ObjectKind::Rows], "{name}");
        let row = archived.row(1);
        let said = |column: &str| row.iter().find(|(name, _)| name == column).unwrap().1.clone();
        assert_eq!(said("reason"), format!("{reason:?}"), "{name}");
        if let Some(before_end) = before_end {
            assert_eq!(said("position"), (payload.len() - before_end).to_string(), "{name}");
            assert_eq!(said("field"), if field.is_empty() { "null".into() } else { format!("{field:?}") }, "{name}");
        }
        let number = |offset: i64| archived.row(offset).into_iter().find(|(name, _)| name == "an_int32").unwrap().1;
        assert_eq!((number(0), number(2)), ("7".into(), "7".into()), "{name}");
    }
}

fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// Returns the least CPU time that decoding takes each of some ranges, in turns.
fn decoding<const N: usize>(decoder: &mut Decoder, ranges: [&Records; N]) -> [Duration; N] {
    let mut least = [Duration::MAX; N];
    for _ in 0..4 {
        for (range, least) in ranges.iter().zip(&mut least) {
            let begin = thread_cpu();
            let mut objects = Objects::new(&topic(), 0, 64);
            decoder.decode(&mut objects, range.iter(), &mut |_| ());
            *least = (*least).min(thread_cpu() - begin);
            assert_eq!(objects.finish().iter().map(|object| object.rows).sum::<u64>(), range.len() as u64);
        }
    }
    least
}

#[test]
fn ten_million_packed_numbers_are_one_row_or_one_refusal() {
    let numbers = vec![1; 10_000_000];
    let (good, cut) = (len(30, &numbers), len(30, &[numbers.as_slice(), &[0x80]].concat()));
    let mut objects = Objects::new(&topic(), 0, 64);
    let (mut elements, mut refused) = (0, 0);
    everything().decoder().decode(
        &mut objects,
        records([&good, &cut, &good].map(Vec::as_slice)).iter(),
        &mut |chunk| match chunk.kind {
            ObjectKind::Rows => elements += chunk.batch.column_by_name("ints").unwrap().as_list::<i32>().values().len(),
            ObjectKind::Quarantine => refused += chunk.batch.num_rows(),
        },
    );
    assert_eq!((elements, refused), (20_000_000, 1));
}

/// A whole topic of it costs no more than ten times what as many good bytes cost.
#[test]
fn junk_costs_at_most_ten_times_what_good_records_do() {
    let mut engines = everything();
    for (size, count) in [(250, 400), (20_000, 10), (1_000_000, 1)] {
        for Bad { name, payload, .. } in bad(size) {
            // Of the same kind where the kind is what costs.
            let like = match name {
                "many numbers, then none" => len(30, &vec![1; size]),
                "a long text that ends as none" => len(14, &vec![b'x'; size]),
                "messages nested too deep" => filled(size, &nested(100)),
                _ => filled(payload.len(), &[]),
            };
            let (good, junk) = (records(vec![like.as_slice(); count]), records(vec![payload.as_slice(); count]));
            let [good, junk] = decoding(engines.decoder(), [&good, &junk]);
            println!("{size:>8} bytes, {name}: {:.1}", junk.as_secs_f64() / good.as_secs_f64());
            assert!(junk < 10 * good, "{count} of {size} bytes, {name}: {junk:?}, good ones {good:?}");
        }
    }
}
