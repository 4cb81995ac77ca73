//! Against another reader of protobuf, prost-reflect: what it accepts, we accept, and the other way round, with the same values.
//!
//! Where the two differ by rule, the generator stays out: text that is not UTF-8 in proto2 (it refuses), required fields (it
//! does not ask), nesting near the limit (it counts unknown fields, too).

use std::sync::LazyLock;

use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, ReflectMessage, Value as Theirs};

use super::super::reject::{Reason, Reject};
use super::super::value::{Key, Message, Slot, Value};
use super::super::wire::Reader;
use crate::decode::fixture::{Wire, wire};
use crate::schema::fixture::{layout, sets};
use crate::schema::{Field, MessageId, Types};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(sets()[0].1.as_slice()).unwrap());

/// Fails where a payload reads differently.
fn compare(payload: &[u8]) -> Result<(), TestCaseError> {
    let layout = layout("corpus.v1.Everything");
    let ours = Reader::new(layout.types()).read(layout.root(), payload, 0);
    let theirs = DynamicMessage::decode(POOL.get_message_by_name("corpus.v1.Everything").unwrap(), payload);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => same_message(layout.types(), layout.root(), ours, theirs),
        (Err(_), Err(_)) => Ok(()),
        // They refuse bits beyond 64 in a tenth byte, which our mapping drops.
        (Ok(_), Err(error)) if error.to_string().contains("invalid varint") => Ok(()),
        (Err(reject), Ok(_)) if at_a_map(reject) => Ok(()),
        _ => Err(TestCaseError::fail(format!("ours {ours:?}, theirs {:?}", theirs.as_ref().err()))),
    }
}

/// They read a map as a block whatever its wire type, be it the end of a group.
fn at_a_map(reject: &Reject) -> bool {
    let mut messages = ["corpus.v1.Everything", "corpus.v1.Node", "google.protobuf.Struct"].into_iter();
    let path = reject.field().unwrap_or_default();
    let name = path.rsplit('.').next().unwrap();
    messages.any(|message| {
        POOL.get_message_by_name(message).unwrap().fields().filter(|field| field.is_map()).any(|field| {
            match reject.reason {
                Reason::WireType => field.name() == name,
                Reason::MalformedTag => reject.detail.starts_with(&format!("the end of group {}", field.number())),
                _ => false,
            }
        })
    })
}

fn same_message(
    types: &Types,
    id: MessageId,
    ours: &Message<'_>,
    theirs: &DynamicMessage,
) -> Result<(), TestCaseError> {
    for (at, field) in types.message(id).fields.iter().enumerate() {
        let Some(descriptor) = theirs.descriptor().get_field(field.number) else { continue };
        let value = theirs.get_field(&descriptor);
        match ours.slot(at) {
            // They keep a field without presence only where it is not its default.
            None => prop_assert!(!theirs.has_field(&descriptor), "{} is {value:?}", field.name),
            Some(slot) => same_slot(types, field, slot, &value)?,
        }
    }
    Ok(())
}

fn same_slot(types: &Types, field: &Field, ours: &Slot<'_>, theirs: &Theirs) -> Result<(), TestCaseError> {
    match (ours, theirs) {
        (Slot::Many(ours), Theirs::List(theirs)) => {
            prop_assert_eq!(ours.len(), theirs.len());
            ours.iter().zip(theirs).try_for_each(|(ours, theirs)| same(types, field, ours, theirs))
        }
        (Slot::Map(ours), Theirs::Map(theirs)) => {
            prop_assert_eq!(ours.entries.len(), theirs.len());
            let value_field = types.entry(field).1;
            ours.entries.iter().try_for_each(|(key, value)| {
                let theirs = theirs.get(&their_key(key));
                prop_assert!(theirs.is_some(), "{key:?} is missing");
                same(types, value_field, value, theirs.unwrap())
            })
        }
        (Slot::One(ours), theirs) => same(types, field, ours, theirs),
        _ => Err(TestCaseError::fail(format!("{}: {ours:?} against {theirs:?}", field.name))),
    }
}

fn their_key(key: &Key<'_>) -> MapKey {
    match key {
        Key::Bool(key) => MapKey::Bool(*key),
        Key::Int32(key) => MapKey::I32(*key),
        Key::Int64(key) => MapKey::I64(*key),
        Key::Uint32(key) => MapKey::U32(*key),
        Key::Uint64(key) => MapKey::U64(*key),
        Key::Text(key) => MapKey::String(key.to_string()),
    }
}

fn same(types: &Types, field: &Field, ours: &Value<'_>, theirs: &Theirs) -> Result<(), TestCaseError> {
    let equal = match (ours, theirs) {
        (Value::Message(ours), Theirs::Message(theirs)) => {
            return same_message(types, field.kind.message().unwrap(), ours, theirs);
        }
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        (Value::Int32(ours), Theirs::I32(theirs)) => ours == theirs,
        (Value::Int64(ours), Theirs::I64(theirs)) => ours == theirs,
        (Value::Uint32(ours), Theirs::U32(theirs)) => ours == theirs,
        (Value::Uint64(ours), Theirs::U64(theirs)) => ours == theirs,
        (Value::Float(ours), Theirs::F32(theirs)) => ours.to_bits() == theirs.to_bits(),
        (Value::Double(ours), Theirs::F64(theirs)) => ours.to_bits() == theirs.to_bits(),
        (Value::Text(ours), Theirs::String(theirs)) => ours == theirs,
        (Value::Bytes(ours), Theirs::Bytes(theirs)) => ours == theirs,
        (Value::Enum(ours), Theirs::EnumNumber(theirs)) => ours == theirs,
        _ => false,
    };
    prop_assert!(equal, "{}: {ours:?} against {theirs:?}", field.name);
    Ok(())
}

/// Field numbers of `Everything`, and a few unknown ones.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 1u32..=84, 1 => 900u32..902, 1 => 90u32..=92]
}

/// A field of any number on any wire type: mostly ill-fitting, which both must refuse.
fn any_field(inner: BoxedStrategy<Wire>) -> BoxedStrategy<Wire> {
    let scalar = prop_oneof![any::<i64>(), 0i64..300];
    prop_oneof![
        (number(), scalar).prop_map(|(number, value)| wire().varint(number, value)),
        (number(), any::<[u8; 8]>()).prop_map(|(number, value)| wire().fixed64(number, value)),
        (number(), any::<[u8; 4]>()).prop_map(|(number, value)| wire().fixed32(number, value)),
        (number(), prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(number, value)| wire().bytes(number, &value)),
        (number(), "[a-zä]{0,4}").prop_map(|(number, value)| wire().text(number, &value)),
        (number(), inner).prop_map(|(number, value)| wire().message(number, value)),
    ]
    .boxed()
}

/// A field of `Everything` or of what it holds, on the wire type that fits it.
pub fn fitting_field(inner: BoxedStrategy<Wire>) -> BoxedStrategy<Wire> {
    let varints = prop::sample::select(vec![1u32, 2, 3, 5, 6, 8, 10, 16, 20, 22, 24, 30, 31, 33]);
    let doubles = prop::sample::select(vec![7u32, 11, 13]);
    let singles = prop::sample::select(vec![4u32, 9, 12]);
    let texts = prop::sample::select(vec![14u32, 15, 21, 25, 32]);
    let points = prop::sample::select(vec![17u32, 23, 26, 34]);
    let itself = prop::sample::select(vec![80u32, 81]);
    let key = prop::sample::select(vec!["", "a", "b"]);
    let point = prop::collection::vec((1u32..3, any::<f64>()), 0..3);
    let point = point.prop_map(|parts| parts.into_iter().fold(wire(), |w, (n, x)| w.double(n, x)));
    let numbers = prop::collection::vec(any::<u64>(), 0..4);
    prop_oneof![
        (varints, any::<i64>()).prop_map(|(number, value)| wire().varint(number, value)),
        (doubles, any::<[u8; 8]>()).prop_map(|(number, value)| wire().fixed64(number, value)),
        (singles, any::<[u8; 4]>()).prop_map(|(number, value)| wire().fixed32(number, value)),
        (texts, "[a-zä]{0,4}").prop_map(|(number, value)| wire().text(number, &value)),
        (points, point.clone()).prop_map(|(number, value)| wire().message(number, value)),
        (30u32..=31, numbers).prop_map(|(number, values)| {
            wire().message(number, values.into_iter().fold(wire(), |block, value| block.number(value)))
        }),
        (key.clone(), "[a-z]{0,2}").prop_map(|(k, v)| wire().message(50, wire().text(1, k).text(2, &v))),
        (0i64..3, point).prop_map(|(k, v)| wire().message(51, wire().varint(1, k).message(2, v))),
        (itself, inner.clone()).prop_map(|(number, value)| wire().message(number, value)),
        (key, inner).prop_map(|(k, v)| wire().message(82, wire().message(2, v).text(1, k))),
    ]
    .boxed()
}

pub fn payload(field: fn(BoxedStrategy<Wire>) -> BoxedStrategy<Wire>) -> impl Strategy<Value = Wire> {
    let join = |fields: Vec<Wire>| fields.into_iter().fold(wire(), |all, one| all.raw(&one.0));
    let leaf = Just(wire()).boxed();
    leaf.prop_recursive(4, 64, 6, move |inner| prop::collection::vec(field(inner.boxed()), 0..6).prop_map(join))
}

proptest! {
    #[test]
    fn fitting_payloads_read_the_same(payload in payload(fitting_field)) {
        compare(&payload.0)?;
    }

    #[test]
    fn wild_payloads_are_accepted_or_refused_alike(payload in payload(any_field)) {
        compare(&payload.0)?;
    }

    #[test]
    fn cut_and_bent_payloads_are_accepted_or_refused_alike(
        payload in payload(fitting_field),
        cut in any::<prop::sample::Index>(),
        bent in any::<prop::sample::Index>(),
        bits in any::<u8>(),
    ) {
        let mut bytes = payload.0;
        if !bytes.is_empty() {
            let at = bent.index(bytes.len());
            bytes[at] ^= bits;
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        compare(&bytes)?;
    }

    #[test]
    fn noise_is_accepted_or_refused_alike(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        compare(&bytes)?;
    }
}
