//! The well-known types that the mapping treats by their meaning.

use super::types::{Arity, Field, Kind, MessageType, Types, WellKnown};

/// Recognises a well-known type by its name and its fields.
pub(super) fn recognise(types: &Types, message: &MessageType) -> Option<WellKnown> {
    let name = message.name.strip_prefix("google.protobuf.")?;
    let fields = message.fields.as_slice();
    let (known, fits) = match name {
        "Timestamp" => (WellKnown::Timestamp, is(fields, &[(1, Kind::Int64), (2, Kind::Int32)])),
        "Duration" => (WellKnown::Duration, is(fields, &[(1, Kind::Int64), (2, Kind::Int32)])),
        "Any" => (WellKnown::Any, is(fields, &[(1, Kind::String), (2, Kind::Bytes)])),
        "FieldMask" => (WellKnown::FieldMask, many(fields) == Some(Kind::String)),
        "Struct" => (WellKnown::Struct, is_struct(types, fields)),
        "Value" => (WellKnown::Value, is_value(types, fields)),
        "ListValue" => (WellKnown::ListValue, many(fields).is_some_and(|kind| names(types, kind, "Value"))),
        "DoubleValue" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Double)])),
        "FloatValue" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Float)])),
        "Int64Value" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Int64)])),
        "UInt64Value" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Uint64)])),
        "Int32Value" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Int32)])),
        "UInt32Value" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Uint32)])),
        "BoolValue" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Bool)])),
        "StringValue" => (WellKnown::Wrapper, is(fields, &[(1, Kind::String)])),
        "BytesValue" => (WellKnown::Wrapper, is(fields, &[(1, Kind::Bytes)])),
        _ => return None,
    };
    fits.then_some(known)
}

fn is(fields: &[Field], expected: &[(u32, Kind)]) -> bool {
    fields.len() == expected.len()
        && fields.iter().zip(expected).all(|(field, (number, kind))| {
            field.number == *number && field.kind == *kind && field.arity == Arity::One && field.oneof.is_none()
        })
}

fn many(fields: &[Field]) -> Option<Kind> {
    match fields {
        [field] if field.number == 1 && field.arity == Arity::Many => Some(field.kind),
        _ => None,
    }
}

fn names(types: &Types, kind: Kind, short: &str) -> bool {
    kind.message().is_some_and(|id| types.message(id).name.strip_prefix("google.protobuf.") == Some(short))
}

fn is_struct(types: &Types, fields: &[Field]) -> bool {
    match fields {
        [field] if field.number == 1 && field.arity == Arity::Map => {
            let (key, value) = types.entry(field);
            key.kind == Kind::String && names(types, value.kind, "Value")
        }
        _ => false,
    }
}

/// `null_value`, `number_value`, `string_value`, `bool_value`, `struct_value`, `list_value`, all in one oneof.
fn is_value(types: &Types, fields: &[Field]) -> bool {
    let numbered = fields
        .iter()
        .enumerate()
        .all(|(at, field)| field.number == at as u32 + 1 && field.arity == Arity::One && field.oneof == Some(0));
    let kinds: Vec<Kind> = fields.iter().map(|field| field.kind).collect();
    numbered
        && matches!(kinds[..], [Kind::Enum(_), Kind::Double, Kind::String, Kind::Bool, structure, list]
            if names(types, structure, "Struct") && names(types, list, "ListValue"))
}
