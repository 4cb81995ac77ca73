//! Finished buffers → Arrow arrays, by the tree of columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, ListArray, MapArray, PrimitiveArray, StringArray, StructArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};

use super::Columns;
use super::buffers::Nulls;
use super::text;
use super::unchecked::{self, NotUtf8, dictionary};
use crate::decode::program::{Branch, Node};
use crate::schema::{EnumId, Types, map};

/// Takes the content of all buffers, which are empty afterwards, and makes the arrays of a table's `rows` rows. `tombstones`
/// says which rows have no message.
pub fn finish(
    columns: &mut Columns,
    types: &Types,
    branches: &[Branch],
    rows: usize,
    tombstones: Option<&NullBuffer>,
) -> Result<Vec<ArrayRef>, NotUtf8> {
    let finished = Finished::of(columns, rows);
    branches.iter().map(|branch| finished.array(types, &branch.node, tombstones)).collect()
}

/// All buffers, filled up to the rows of their space.
struct Finished {
    marks: Vec<NullBuffer>,
    flags: Vec<(BooleanBuffer, Nulls)>,
    ints: Vec<(ScalarBuffer<i32>, Nulls)>,
    longs: Vec<(ScalarBuffer<i64>, Nulls)>,
    ulongs: Vec<(ScalarBuffer<u64>, Nulls)>,
    floats: Vec<(ScalarBuffer<f32>, Nulls)>,
    doubles: Vec<(ScalarBuffer<f64>, Nulls)>,
    texts: Vec<text::Finished>,
    lists: Vec<(OffsetBuffer<i32>, Nulls)>,
}

impl Finished {
    fn of(columns: &mut Columns, rows: usize) -> Finished {
        let mut spaces = vec![rows];
        spaces.extend(columns.lists.iter().map(|list| list.len()));
        macro_rules! finished {
            ($columns:expr, $make:expr) => {
                $columns
                    .iter_mut()
                    .map(|column| {
                        let (values, nulls) = column.finish(spaces[column.space]);
                        ($make(values), nulls)
                    })
                    .collect()
            };
        }
        Finished {
            marks: columns.marks.iter_mut().map(|column| column.finish(spaces[column.space])).collect(),
            flags: finished!(columns.flags, |values| values),
            ints: finished!(columns.ints, ScalarBuffer::from),
            longs: finished!(columns.longs, ScalarBuffer::from),
            ulongs: finished!(columns.ulongs, ScalarBuffer::from),
            floats: finished!(columns.floats, ScalarBuffer::from),
            doubles: finished!(columns.doubles, ScalarBuffer::from),
            texts: columns.texts.iter_mut().map(|column| column.finish(spaces[column.space])).collect(),
            lists: finished!(columns.lists, |starts| OffsetBuffer::new(ScalarBuffer::from(starts))),
        }
    }

    /// Makes a node's array; `around` are the nulls of the message it is in.
    fn array(&self, types: &Types, node: &Node, around: Option<&NullBuffer>) -> Result<ArrayRef, NotUtf8> {
        Ok(match node {
            Node::Present(at) => {
                let marks = &self.marks[*at];
                Arc::new(BooleanArray::new(marks.inner().clone(), within(marks)))
            }
            Node::Bool(at) => {
                let (values, nulls) = &self.flags[*at];
                Arc::new(BooleanArray::new(values.clone(), nulls.within(around)))
            }
            Node::Int32(at) => {
                let (values, nulls) = &self.ints[*at];
                Arc::new(PrimitiveArray::<Int32Type>::new(values.clone(), nulls.within(around)))
            }
            Node::Enum(at, id) => {
                let (values, nulls) = &self.ints[*at];
                enum_names(types, *id, values, nulls.within(around))
            }
            Node::Case(at, members) => {
                let (values, nulls) = &self.ints[*at];
                let names = StringArray::from_iter_values(members.iter().map(|(_, name)| name));
                dictionary(values.clone(), nulls.within(around), Arc::new(names))
            }
            Node::Int64(at) | Node::Duration(at) => {
                let (values, nulls) = &self.longs[*at];
                Arc::new(PrimitiveArray::<Int64Type>::new(values.clone(), nulls.within(around)))
            }
            Node::Micros(at) => {
                let (values, nulls) = &self.longs[*at];
                let array = PrimitiveArray::<TimestampMicrosecondType>::new(values.clone(), nulls.within(around));
                Arc::new(array.with_timezone("UTC"))
            }
            Node::Uint64(at) => {
                let (values, nulls) = &self.ulongs[*at];
                let wide: ScalarBuffer<i128> = values.iter().map(|value| i128::from(*value)).collect();
                let array = PrimitiveArray::<Decimal128Type>::new(wide, nulls.within(around));
                Arc::new(array.with_data_type(DataType::Decimal128(20, 0)))
            }
            Node::UintText(at) => {
                let (values, nulls) = &self.ulongs[*at];
                let texts = StringArray::from_iter_values(values.iter().map(u64::to_string));
                let (offsets, bytes, _) = texts.into_parts();
                Arc::new(StringArray::new(offsets, bytes, nulls.within(around)))
            }
            Node::Float(at) => {
                let (values, nulls) = &self.floats[*at];
                Arc::new(PrimitiveArray::<Float32Type>::new(values.clone(), nulls.within(around)))
            }
            Node::Double(at) => {
                let (values, nulls) = &self.doubles[*at];
                Arc::new(PrimitiveArray::<Float64Type>::new(values.clone(), nulls.within(around)))
            }
            Node::Text(at) | Node::Json(at, _) => strings(&self.texts[*at], around)?,
            Node::Bytes(at) => binaries(&self.texts[*at], around),
            Node::Wrapper(inner, _) => self.array(types, inner, around)?,
            Node::Mask { paths, text } => {
                let element = strings(&self.texts[*text], None)?;
                self.list(*paths, element, around)
            }
            Node::Any { presence, url, value, json } => {
                let nulls = within(&self.marks[*presence]);
                let parts = [
                    ("type_url", strings(&self.texts[*url], nulls.as_ref())?),
                    ("value", binaries(&self.texts[*value], nulls.as_ref())),
                    ("json", strings(&self.texts[*json], nulls.as_ref())?),
                ];
                structure(parts.into_iter(), nulls)
            }
            Node::Struct { presence, columns } => {
                let nulls = within(&self.marks[*presence]);
                let arrays = columns
                    .iter()
                    .map(|column| Ok((column.name.as_str(), self.array(types, &column.node, nulls.as_ref())?)));
                structure(arrays.collect::<Result<Vec<_>, _>>()?.into_iter(), nulls)
            }
            Node::List { list, element } => {
                let element = self.array(types, element, None)?;
                self.list(*list, element, around)
            }
            Node::Map { list, key, value } => {
                let (key, value) = (self.array(types, key, None)?, self.array(types, value, None)?);
                let DataType::Map(entry, sorted) = map(key.data_type().clone(), value.data_type().clone()) else {
                    unreachable!("`map` makes maps")
                };
                let DataType::Struct(fields) = entry.data_type().clone() else {
                    unreachable!("a map's entry is a struct")
                };
                let (offsets, nulls) = &self.lists[*list];
                let entries = StructArray::new(fields, vec![key, value], None);
                Arc::new(MapArray::new(entry, offsets.clone(), entries, nulls.within(around), sorted))
            }
        })
    }

    fn list(&self, at: usize, element: ArrayRef, around: Option<&NullBuffer>) -> ArrayRef {
        let (offsets, nulls) = &self.lists[at];
        let field = Arc::new(Field::new("element", element.data_type().clone(), false));
        Arc::new(ListArray::new(field, offsets.clone(), element, nulls.within(around)))
    }
}

/// Returns the nulls of messages, if there are any.
fn within(marks: &NullBuffer) -> Option<NullBuffer> {
    (marks.null_count() > 0).then(|| marks.clone())
}

fn structure<'a>(parts: impl Iterator<Item = (&'a str, ArrayRef)>, nulls: Option<NullBuffer>) -> ArrayRef {
    let (fields, arrays): (Vec<_>, Vec<_>) =
        parts.map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).unzip();
    Arc::new(StructArray::new(Fields::from(fields), arrays, nulls))
}

/// Makes a column of strings, if they are.
pub fn strings(column: &text::Finished, around: Option<&NullBuffer>) -> Result<ArrayRef, NotUtf8> {
    let made = |offsets: &OffsetBuffer<i32>, bytes: &Buffer, nulls| {
        unchecked::strings(offsets.clone(), bytes.clone(), nulls).map(Arc::new)
    };
    Ok(match column {
        text::Finished::Plain { offsets, bytes, nulls } => made(offsets, bytes, nulls.within(around))?,
        text::Finished::Dictionary { ids, offsets, bytes, nulls } => {
            dictionary(ids.clone(), nulls.within(around), made(offsets, bytes, None)?)
        }
    })
}

pub fn binaries(column: &text::Finished, around: Option<&NullBuffer>) -> ArrayRef {
    match column {
        text::Finished::Plain { offsets, bytes, nulls } => {
            Arc::new(BinaryArray::new(offsets.clone(), bytes.clone(), nulls.within(around)))
        }
        text::Finished::Dictionary { ids, offsets, bytes, nulls } => {
            let values = BinaryArray::new(offsets.clone(), bytes.clone(), None);
            dictionary(ids.clone(), nulls.within(around), Arc::new(values))
        }
    }
}

/// Numbers → names: the first declared one of the number, or its decimal text.
fn enum_names(types: &Types, id: EnumId, numbers: &[i32], nulls: Option<NullBuffer>) -> ArrayRef {
    let of = types.enumeration(id);
    let mut names: Vec<String> = Vec::new();
    let mut near = [-1i32; 256];
    let mut far: HashMap<i32, i32> = HashMap::new();
    let ids: ScalarBuffer<i32> = numbers
        .iter()
        .map(|number| {
            let known = usize::try_from(*number).ok().and_then(|at| near.get_mut(at));
            let id = known.unwrap_or_else(|| far.entry(*number).or_insert(-1));
            if *id < 0 {
                *id = names.len() as i32;
                names.push(of.name_of(*number).map_or_else(|| number.to_string(), str::to_owned));
            }
            *id
        })
        .collect();
    dictionary(ids, nulls, Arc::new(StringArray::from(names)))
}
