//! What can be told only of a whole message: required fields, and values that a list or map has no place for.

use super::reject::{Checked, Reason, Reject};
use super::time;
use super::value::{Message, Slot, Value};
use crate::schema::{Arity, Column, Element, Field, MessageId, Presence, Shape, Source, Types};

/// Refuses a message in which a required field is missing, at any depth. Asked of the merged whole: a field may come in a later
/// occurrence of its message.
pub fn required(types: &Types, id: MessageId, message: &Message<'_>) -> Checked<()> {
    let of = types.message(id);
    if !of.guarded {
        return Ok(());
    }
    for (at, field) in of.fields.iter().enumerate() {
        if field.presence == Presence::Required && message.slot(at).is_none() {
            let missing =
                Reject::new(Reason::Required, message.position, format!("{} lacks a required field", of.name));
            return Err(missing.inside(field));
        }
    }
    for (at, slot) in message.slots() {
        let field = &of.fields[at];
        let id = match field.arity {
            Arity::Map => types.entry(field).1.kind.message(),
            _ => field.kind.message(),
        };
        let Some(id) = id else { continue };
        let below = |value: &Value<'_>| value.message().map_or(Ok(()), |message| required(types, id, message));
        match slot {
            Slot::One(value) => below(value),
            Slot::Many(values) => values.iter().try_for_each(below),
            Slot::Map(map) => map
                .entries
                .iter()
                .try_for_each(|(_, value)| below(value))
                .map_err(|reject| reject.inside(types.entry(field).1)),
        }
        .map_err(|reject| reject.inside(field))?;
    }
    Ok(())
}

/// Refuses a message whose lists or maps hold a value beyond their column.
pub fn ranges(types: &Types, id: MessageId, columns: &[Column], message: &Message<'_>) -> Checked<()> {
    for column in columns {
        let Source::Field(at) = column.source else { continue };
        let field = &types.message(id).fields[at];
        let checked = match &column.shape {
            Shape::One(Element::Struct(children)) => match message.one(at) {
                Some(value) => below(types, field, children, value),
                None => Ok(()),
            },
            Shape::List(element) => {
                message.many(at).iter().try_for_each(|value| held(types, field, element, value, message.position))
            }
            Shape::Map { value: element, .. } => {
                let field = types.entry(field).1;
                let mut values = message.entries(at).iter().map(|(_, value)| value);
                values
                    .try_for_each(|value| held(types, field, element, value, message.position))
                    .map_err(|reject| reject.inside(field))
            }
            Shape::One(_) | Shape::Case(_) => Ok(()),
        };
        checked.map_err(|reject| reject.inside(field))?;
    }
    Ok(())
}

fn held(types: &Types, field: &Field, element: &Element, value: &Value<'_>, around: usize) -> Checked<()> {
    if let Element::Struct(children) = element {
        return below(types, field, children, value);
    }
    let position = value.message().map_or(around, |message| message.position);
    if fits(element, value) {
        Ok(())
    } else {
        Err(Reject::new(Reason::OutOfRange, position, "a value beyond its column, where none may be null"))
    }
}

fn below(types: &Types, field: &Field, children: &[Column], value: &Value<'_>) -> Checked<()> {
    match (field.kind.message(), value.message()) {
        (Some(id), Some(message)) => ranges(types, id, children, message),
        _ => Ok(()),
    }
}

/// Whether the element's column can hold the value.
fn fits(element: &Element, value: &Value<'_>) -> bool {
    match (element, value) {
        (Element::Timestamp, Value::Message(message)) => time::micros(time::parts(message)).is_some(),
        (Element::Duration, Value::Message(message)) => time::nanos(time::parts(message)).is_some(),
        (Element::Bigint, Value::Uint64(value)) => i64::try_from(*value).is_ok(),
        (Element::Wrapper(scalar), Value::Message(message)) => message.one(0).is_none_or(|value| fits(scalar, value)),
        _ => true,
    }
}
