//! Arrays as fields: each column bound to its field once a batch, its values as the bits or bytes that the wire takes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_select::take::take;

use super::error::PayloadError;
use super::time;
use crate::schema::{Column, Element, Kind, MessageId, Presence, Shape, Source, Types};

type Bound<T> = Result<T, PayloadError>;

/// The fields of a message type, by number.
pub struct Message {
    pub fields: Vec<Field>,
}

pub struct Field {
    /// As in the column's path.
    pub name: String,
    pub number: u32,
    pub shape: Values,
}

pub enum Values {
    One { presence: Presence, value: Value },
    Many { lists: Lists, packed: bool, value: Value },
    Map { lists: Lists, key: Value, value: Value },
}

/// Where each list begins and ends among the values of all.
pub struct Lists {
    pub nulls: Option<NullBuffer>,
    pub offsets: OffsetBuffer<i32>,
}

/// The values of a column, or of all its lists.
pub struct Value {
    pub number: u32,
    pub kind: Kind,
    pub nulls: Option<NullBuffer>,
    pub content: Content,
}

pub enum Content {
    Scalars(Scalars),
    Message(Message),
    Json(MessageId, StringArray),
}

/// Each a [`Scalar`](super::put::Scalar).
pub enum Scalars {
    Bits(Vec<u64>),
    Bytes(BinaryArray),
}

/// Binds the columns of a message type; `array_of` finds an array by its column's name.
pub fn bind(
    types: &Types,
    id: MessageId,
    columns: &[Column],
    array_of: &dyn Fn(&str) -> Option<ArrayRef>,
) -> Bound<Message> {
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        // Which member of a oneof is set, its own column says, too.
        let Source::Field(at) = column.source else { continue };
        let field = &types.message(id).fields[at];
        let bound = match array_of(&column.name) {
            Some(array) => values(types, field, &column.shape, &array),
            None => Err(PayloadError::new("the object has no such column")),
        };
        let shape = bound.map_err(|error| error.inside(&column.name))?;
        fields.push(Field { name: column.name.clone(), number: field.number, shape });
    }
    fields.sort_by_key(|field| field.number);
    // An enum that is wanted as name and number has two columns.
    fields.dedup_by_key(|field| field.number);
    Ok(Message { fields })
}

fn values(types: &Types, field: &crate::schema::Field, shape: &Shape, array: &ArrayRef) -> Bound<Values> {
    match shape {
        Shape::One(element) => {
            Ok(Values::One { presence: field.presence, value: value(types, field, element, array)? })
        }
        Shape::List(element) => {
            let list = array.as_list_opt::<i32>().ok_or_else(|| unfit(array))?;
            let lists = Lists { nulls: list.nulls().cloned(), offsets: list.offsets().clone() };
            Ok(Values::Many { lists, packed: field.packed, value: value(types, field, element, list.values())? })
        }
        Shape::Map { key, value: element } => {
            let map = array.as_map_opt().ok_or_else(|| unfit(array))?;
            let (key_field, value_field) = types.entry(field);
            Ok(Values::Map {
                lists: Lists { nulls: map.nulls().cloned(), offsets: map.offsets().clone() },
                key: value(types, key_field, key, map.keys())?,
                value: value(types, value_field, element, map.values())?,
            })
        }
        Shape::Case(_) => unreachable!("a case column has no field"),
    }
}

fn value(types: &Types, field: &crate::schema::Field, element: &Element, array: &ArrayRef) -> Bound<Value> {
    let array = &plain(array)?;
    let content = content(types, field.kind, element, array)?;
    Ok(Value { number: field.number, kind: field.kind, nulls: array.nulls().cloned(), content })
}

fn content(types: &Types, kind: Kind, element: &Element, array: &ArrayRef) -> Bound<Content> {
    let message = || &types.message(kind.message().expect("the element is of a message")).fields;
    Ok(match element {
        Element::Struct(columns) => {
            let id = kind.message().expect("a struct is a message");
            let array = array.as_struct_opt().ok_or_else(|| unfit(array))?;
            Content::Message(bind(types, id, columns, &|name| array.column_by_name(name).cloned())?)
        }
        Element::Any => {
            let array = array.as_struct_opt().ok_or_else(|| unfit(array))?;
            let [url, bytes] =
                [(0, "type_url", Element::Text), (1, "value", Element::Bytes)].map(|(at, name, element)| {
                    let array = array.column_by_name(name).ok_or_else(|| PayloadError::new(format!("no {name}")))?;
                    implicit(types, &message()[at], &element, array)
                });
            Content::Message(Message { fields: vec![url?, bytes?] })
        }
        Element::FieldMask => {
            let paths = values(types, &message()[0], &Shape::List(Element::Text), array)?;
            Content::Message(Message { fields: vec![named(&message()[0], paths)] })
        }
        Element::Wrapper(scalar) => {
            Content::Message(Message { fields: vec![implicit(types, &message()[0], scalar, array)?] })
        }
        Element::Present => Content::Message(Message { fields: Vec::new() }),
        Element::Timestamp => {
            let micros = array.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| unfit(array))?;
            Content::Message(two(message(), micros.values().iter().map(|micros| time::of_micros(*micros))))
        }
        Element::Duration => {
            let nanos = array.as_primitive_opt::<Int64Type>().ok_or_else(|| unfit(array))?;
            Content::Message(two(message(), nanos.values().iter().map(|nanos| time::of_nanos(*nanos))))
        }
        Element::Json(id) => Content::Json(*id, array.as_string_opt().ok_or_else(|| unfit(array))?.clone()),
        Element::Text => {
            let texts = array.as_string_opt::<i32>().ok_or_else(|| unfit(array))?;
            Content::Scalars(Scalars::Bytes(texts.clone().into()))
        }
        Element::Bytes => Content::Scalars(Scalars::Bytes(array.as_binary_opt().ok_or_else(|| unfit(array))?.clone())),
        _ => Content::Scalars(Scalars::Bits(bits(types, element, array)?)),
    })
}

fn bits(types: &Types, element: &Element, array: &ArrayRef) -> Bound<Vec<u64>> {
    fn signed<T: Into<i64> + Copy>(values: &[T]) -> Vec<u64> {
        values.iter().map(|value| Into::<i64>::into(*value) as u64).collect()
    }
    let bits = match element {
        Element::Bool => array.as_boolean_opt().map(|array| array.values().iter().map(u64::from).collect()),
        Element::Float => array
            .as_primitive_opt::<Float32Type>()
            .map(|array| array.values().iter().map(|value| u64::from(value.to_bits())).collect()),
        Element::Double => array
            .as_primitive_opt::<Float64Type>()
            .map(|array| array.values().iter().map(|value| value.to_bits()).collect()),
        Element::Int32 | Element::EnumNumber => {
            array.as_primitive_opt::<Int32Type>().map(|array| signed(array.values()))
        }
        Element::Int64 | Element::Uint32 | Element::Bigint => {
            array.as_primitive_opt::<Int64Type>().map(|array| signed(array.values()))
        }
        Element::Uint64 => array
            .as_primitive_opt::<Decimal128Type>()
            .map(|array| array.values().iter().map(|value| *value as u64).collect()),
        Element::UintText => array.as_string_opt().map(|texts| parsed(texts, |text| text.parse().ok())).transpose()?,
        Element::EnumName(id) => {
            let of = types.enumeration(*id);
            let number = |name: &str| of.number_of(name).or_else(|| name.parse().ok()).map(|n| i64::from(n) as u64);
            array.as_string_opt().map(|names| parsed(names, number)).transpose()?
        }
        _ => None,
    };
    bits.ok_or_else(|| unfit(array))
}

fn parsed(texts: &StringArray, parse: impl Fn(&str) -> Option<u64>) -> Bound<Vec<u64>> {
    let parse = |text: Option<&str>| match text {
        None => Ok(0),
        Some(text) => parse(text).ok_or_else(|| PayloadError::new(format!("{text:?} is no value of its type"))),
    };
    texts.iter().map(parse).collect()
}

/// A field of a well-known type whose column holds the value alone: what is not there cannot be told from its default.
fn implicit(types: &Types, field: &crate::schema::Field, element: &Element, array: &ArrayRef) -> Bound<Field> {
    let value = value(types, field, element, array)?;
    Ok(named(field, Values::One { presence: Presence::Implicit, value }))
}

fn named(field: &crate::schema::Field, shape: Values) -> Field {
    Field { name: field.name.clone(), number: field.number, shape }
}

/// The fields of Timestamp and Duration.
fn two(fields: &[crate::schema::Field], parts: impl Iterator<Item = (i64, i32)>) -> Message {
    let (seconds, nanos): (Vec<u64>, Vec<u64>) =
        parts.map(|(seconds, nanos)| (seconds as u64, i64::from(nanos) as u64)).unzip();
    let fields = fields.iter().zip([seconds, nanos]).map(|(field, bits)| {
        let value = Value {
            number: field.number,
            kind: field.kind,
            nulls: None,
            content: Content::Scalars(Scalars::Bits(bits)),
        };
        named(field, Values::One { presence: Presence::Implicit, value })
    });
    Message { fields: fields.collect() }
}

/// Returns the array without its dictionary, if it has one.
fn plain(array: &ArrayRef) -> Bound<ArrayRef> {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => {
            take(dictionary.values(), dictionary.keys(), None).map_err(|error| PayloadError::new(error.to_string()))
        }
        None => Ok(Arc::clone(array)),
    }
}

fn unfit(array: &ArrayRef) -> PayloadError {
    PayloadError::new(format!("a column of {} where the layout has another", array.data_type()))
}
