//! Canonical payloads come back from their rows, and what comes back of others is canonical.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, Value as Theirs};

use super::super::fixture::{Choices, payload};
use super::super::{PayloadError, PayloadWriter};
use crate::decode::fixture::{Wire, row, show, wire};
use crate::decode::tests::oracle;
use crate::schema::fixture::{layout, layout_with, sets};
use crate::schema::{Form, Layout, MappingOptions};

fn written(layout: &Layout, batch: &RecordBatch) -> Result<Vec<u8>, PayloadError> {
    let mut out = Vec::new();
    PayloadWriter::new(layout, batch)?.write(0, &mut out)?;
    Ok(out)
}

#[track_caller]
fn assert_comes_back(layout: &Arc<Layout>, payload: Wire) {
    let batch = row(layout, payload.clone());
    assert_eq!(written(layout, &batch).unwrap(), payload.0, "{batch:?}");
}

fn with_options(message: &str, recursion: u32, fields: &[(&str, Form)], extensions: &[&str]) -> Arc<Layout> {
    let mapping = MappingOptions {
        recursion,
        fields: fields.iter().map(|(path, form)| ((*path).to_owned(), *form)).collect(),
        extensions: extensions.iter().map(|name| (*name).to_owned()).collect(),
    };
    layout_with(message, mapping)
}

fn layouts() -> Vec<Arc<Layout>> {
    let forms = [
        ("a_uint64", Form::String),
        ("color", Form::Both),
        ("opt_color", Form::Int),
        ("colors", Form::Int),
        ("colors_by_flag", Form::Both),
        ("longs", Form::String),
        ("w_uint64", Form::String),
    ];
    vec![
        layout("corpus.v1.Everything"),
        with_options("corpus.v1.Everything", 1, &forms, &[]),
        layout("corpus.v1.Node"),
        layout("google.protobuf.Struct"),
        layout("google.protobuf.Any"),
        layout("corpus.legacy.Legacy"),
        with_options(
            "corpus.legacy.Legacy",
            0,
            &[("level", Form::Int)],
            &["corpus.legacy.trace", "corpus.legacy.marks"],
        ),
        layout("corpus.legacy.Names"),
        layout("corpus.modern.Modern"),
        layout("corpus.v1.Nothing"),
    ]
}

proptest! {
    #[test]
    fn a_canonical_payload_comes_back_from_its_row(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for layout in layouts() {
            let made = payload(layout.types(), layout.root(), &mut Choices(&bytes), 0);
            let batch = row(&layout, made.clone());
            prop_assert_eq!(written(&layout, &batch).unwrap(), made.0, "{:?}", batch);
        }
    }

    #[test]
    fn what_comes_back_of_any_payload_reads_the_same_and_is_canonical(payload in oracle::payload(oracle::fitting_field)) {
        let layout = layout("corpus.v1.Everything");
        let batch = row(&layout, payload.clone());
        let once = written(&layout, &batch).unwrap();
        let again = row(&layout, Wire(once.clone()));
        for (before, after) in batch.columns().iter().zip(again.columns()).skip(11) {
            prop_assert_eq!(show(before, 0), show(after, 0));
        }
        prop_assert_eq!(&written(&layout, &again).unwrap(), &once);
        let everything = DescriptorPool::decode(sets()[0].1.as_slice()).unwrap().get_message_by_name("corpus.v1.Everything").unwrap();
        let theirs = |bytes: &[u8]| said(&DynamicMessage::decode(everything.clone(), bytes).unwrap());
        prop_assert_eq!(theirs(&once), theirs(&payload.0));
    }
}

/// All that a message says, in one order. They hold maps in the order of a hash, and NaN unequal to itself; a field without
/// presence that holds -0 they leave out.
fn said(message: &DynamicMessage) -> String {
    let fields = message.fields().map(|(field, value)| format!("{}={}", field.name(), value_said(value)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn value_said(value: &Theirs) -> String {
    match value {
        Theirs::Message(message) => said(message),
        Theirs::List(values) => values.iter().map(value_said).collect::<Vec<_>>().join(";"),
        Theirs::Map(entries) => {
            let mut entries: Vec<(&MapKey, &Theirs)> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| format!("{key:?}"));
            entries.iter().map(|(key, value)| format!("{key:?}:{}", value_said(value))).collect::<Vec<_>>().join(";")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn presence_decides_whether_a_default_is_written() {
    let everything = layout("corpus.v1.Everything");
    let set_to_defaults = wire()
        .message(17, wire())
        .message(18, wire())
        .varint(20, 0)
        .text(21, "")
        .varint(22, 0)
        .varint(24, 0)
        .message(60, wire())
        .message(71, wire())
        .message(77, wire());
    assert_comes_back(&everything, set_to_defaults);
    assert_comes_back(&everything, wire().double(13, -0.0).message(17, wire().double(2, -0.0)));
    let spelt_out = row(&everything, wire().varint(1, 0).double(13, 0.0).text(14, "").varint(16, 0));
    assert_eq!(written(&everything, &spelt_out).unwrap(), b"");
    let member = wire().message(27, wire());
    assert_comes_back(&everything, member);
    let legacy = wire().text(1, "").varint(2, 42).varint(3, 0).text(4, "");
    assert_comes_back(&layout("corpus.legacy.Legacy"), legacy);
}

#[test]
fn repeated_numbers_are_packed_as_declared() {
    let everything = layout("corpus.v1.Everything");
    let odd = wire().varint(30, 1).varint(30, -1).bytes(31, &[5, 6]).varint(33, 1);
    let declared = wire().message(30, wire().number(1).number(u64::MAX)).varint(31, 5).varint(31, 6).bytes(33, &[1]);
    assert_eq!(written(&everything, &row(&everything, odd)).unwrap(), declared.0);
    assert_comes_back(&everything, declared);
    let modern = wire().varint(3, 1).bytes(6, &[1, 2]).varint(7, 1).varint(7, 2);
    assert_comes_back(&layout("corpus.modern.Modern"), modern);
}

#[test]
fn groups_and_delimited_messages_keep_their_form() {
    let legacy = wire()
        .text(1, "n")
        .group(10, wire().double(1, 1.0))
        .group(11, wire().text(1, "a"))
        .group(11, wire().text(1, ""));
    assert_comes_back(&layout("corpus.legacy.Legacy"), legacy);
    let part = |name: &str| wire().text(1, name);
    let modern = wire()
        .varint(3, 0)
        .message(8, part("p"))
        .group(9, part(""))
        .group(10, wire())
        .message(11, wire().text(1, "k").message(2, part("v")))
        .group(16, part("t"));
    assert_comes_back(&layout("corpus.modern.Modern"), modern);
}

#[test]
fn lengths_of_every_size_stand_before_what_is_nested() {
    for length in [0usize, 126, 127, 128, 129, 16_383, 16_384, 70_000] {
        let inner = wire().text(14, &"x".repeat(length.max(1)));
        assert_comes_back(&layout("corpus.v1.Everything"), wire().message(80, wire().message(80, inner)));
    }
}

#[test]
fn a_column_may_be_dictionary_encoded_or_plain() {
    let everything = layout("corpus.v1.Everything");
    let payload = wire().text(14, "t").bytes(15, &[0xff]).varint(16, 1).bytes(33, &[1, 9]).text(32, "a").text(32, "");
    let payload = Wire(payload.0);
    let batch = row(&everything, payload);
    let expected = written(&everything, &batch).unwrap();
    let mut fields = batch.schema().fields().to_vec();
    let mut arrays = batch.columns().to_vec();
    for name in ["a_string", "a_bytes", "color"] {
        let at = batch.schema().index_of(name).unwrap();
        let array = match arrays[at].as_any_dictionary_opt() {
            Some(dictionary) => arrow_select::take::take(dictionary.values(), dictionary.keys(), None).unwrap(),
            None => {
                let keys = arrow_array::Int32Array::from_iter_values([0]);
                Arc::new(arrow_array::DictionaryArray::new(keys, arrays[at].clone()))
            }
        };
        fields[at] = Arc::new(fields[at].as_ref().clone().with_data_type(array.data_type().clone()));
        arrays[at] = array;
    }
    let turned = RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), arrays).unwrap();
    assert_eq!(written(&everything, &turned).unwrap(), expected);
}
