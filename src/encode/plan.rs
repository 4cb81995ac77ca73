//! What Parquet makes of a schema: its columns, and the way from Arrow's arrays to them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::Type;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, SchemaDescPtr};

use super::levels::Slots;

/// How one kind of object is written. The same for every object of it.
pub struct Plan {
    pub sizes: Sizes,
    pub schema: SchemaDescPtr,
    pub columns: Vec<ColumnPlan>,
    fields: Vec<Node>,
}

/// How much goes together. Pages and row groups end with the chunk that fills them.
pub struct Sizes {
    /// Readers skip by pages.
    pub page_rows: usize,
    pub page_bytes: usize,
    /// A row group is what a replay of a window reads at least; never exceeded.
    pub group_rows: usize,
    /// Of pages.
    pub group_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        // A page is a chunk of the decoder's.
        Sizes { page_rows: 16_384, page_bytes: 1 << 20, group_rows: 131_072, group_bytes: 64 << 20 }
    }
}

pub struct ColumnPlan {
    /// As people write it.
    pub path: String,
    pub parquet: ColumnDescPtr,
    pub kind: Kind,
    /// The greatest levels.
    pub definition: u16,
    pub repetition: u16,
    /// Readers prune by it: offsets and times, one a row.
    pub statistics: bool,
    /// The operator wants values looked up in it.
    pub bloom: bool,
}

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int32,
    Int64,
    Float,
    Double,
    /// A decimal in so many bytes, the highest first.
    Fixed(usize),
    Bytes,
}

/// A part of the tree of arrays.
struct Node {
    nullable: bool,
    inner: Inner,
}

enum Inner {
    /// Index of the column.
    Column(usize),
    Struct(Vec<Node>),
    /// Of maps the elements are entries.
    List(Box<Node>),
}

impl Plan {
    /// `bloom` are columns as people write them: names with dots between, a map's parts as `key` and `value`, and nothing for the
    /// elements of a list.
    pub fn new(schema: &SchemaRef, bloom: &BTreeSet<String>) -> Result<Plan> {
        // The names of the Parquet specification for the parts of lists and maps.
        let converter = ArrowSchemaConverter::new().with_coerce_types(true).schema_root("alluvium");
        let parquet = converter.convert(schema)?.into();
        let mut plan = Plan { sizes: Sizes::default(), schema: parquet, columns: Vec::new(), fields: Vec::new() };
        for field in schema.fields() {
            let node = plan.node(field, field.name(), bloom)?;
            plan.fields.push(node);
        }
        Ok(plan)
    }

    /// Returns the paths of the columns that get a Bloom filter.
    pub fn filtered(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.bloom).map(|column| column.path.as_str())
    }

    fn node(&mut self, field: &Field, path: &str, bloom: &BTreeSet<String>) -> Result<Node> {
        let inner = match field.data_type() {
            DataType::Struct(fields) => {
                let child = |field: &Arc<Field>| self.node(field, &format!("{path}.{}", field.name()), bloom);
                Inner::Struct(fields.iter().map(child).collect::<Result<_>>()?)
            }
            DataType::List(element) | DataType::Map(element, _) => {
                Inner::List(Box::new(self.node(element, path, bloom)?))
            }
            leaf => {
                let parquet = self.schema.column(self.columns.len());
                let repetition = parquet.max_rep_level().cast_unsigned();
                let timed = matches!(leaf, DataType::Timestamp(_, _)) || path == "_offset";
                let kind = Kind::of(&parquet)?;
                self.columns.push(ColumnPlan {
                    kind,
                    definition: parquet.max_def_level().cast_unsigned(),
                    repetition,
                    statistics: timed && repetition == 0,
                    bloom: bloom.contains(path) && kind != Kind::Bool,
                    path: path.to_owned(),
                    parquet,
                });
                Inner::Column(self.columns.len() - 1)
            }
        };
        Ok(Node { nullable: field.is_nullable(), inner })
    }

    /// Gives each column its part of some rows: the array its values stand in, and its entries. Where a column holds many bytes
    /// for a page, it comes in parts.
    pub fn columns_of<E>(
        &self,
        rows: &RecordBatch,
        mut take: impl FnMut(usize, &dyn Array, &Slots) -> Result<(), E>,
    ) -> Result<(), E> {
        for (node, array) in self.fields.iter().zip(rows.columns()) {
            let bytes = array.to_data().get_slice_memory_size().unwrap_or(0);
            let parts = bytes.div_ceil(self.sizes.page_bytes * node.columns().max(1)).max(1);
            let length = rows.num_rows().div_ceil(parts).max(1);
            for start in (0..rows.num_rows()).step_by(length) {
                let length = length.min(rows.num_rows() - start);
                node.walk(&array.slice(start, length), &Slots::of_rows(length), (0, 0), &mut take)?;
            }
        }
        Ok(())
    }
}

impl Node {
    /// Returns how many columns are in it.
    fn columns(&self) -> usize {
        match &self.inner {
            Inner::Column(_) => 1,
            Inner::Struct(nodes) => nodes.iter().map(Node::columns).sum(),
            Inner::List(node) => node.columns(),
        }
    }

    /// `levels` are those of the living entries: definition and repetition.
    fn walk<E>(
        &self,
        array: &dyn Array,
        slots: &Slots,
        levels: (u16, u16),
        take: &mut impl FnMut(usize, &dyn Array, &Slots) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut definition, repetition) = levels;
        let mut own = Cow::Borrowed(slots);
        if self.nullable {
            own = slots.without_nulls(array.nulls(), definition);
            definition += 1;
        }
        let below = |elements: &dyn Array, offsets: &[i32], node: &Node, take: &mut _| {
            let slots = own.of_elements(offsets, definition, repetition + 1);
            node.walk(elements, &slots, (definition + 1, repetition + 1), take)
        };
        match &self.inner {
            Inner::Column(column) => take(*column, array, &own),
            Inner::Struct(nodes) => {
                let mut children = nodes.iter().zip(array.as_struct().columns());
                children.try_for_each(|(node, child)| node.walk(child, &own, (definition, repetition), take))
            }
            Inner::List(node) => match array.as_map_opt() {
                Some(map) => below(map.entries(), map.value_offsets(), node, take),
                None => below(array.as_list::<i32>().values(), array.as_list::<i32>().value_offsets(), node, take),
            },
        }
    }
}

impl Kind {
    fn of(column: &ColumnDescriptor) -> Result<Kind> {
        Ok(match column.physical_type() {
            Type::BOOLEAN => Kind::Bool,
            Type::INT32 => Kind::Int32,
            Type::INT64 => Kind::Int64,
            Type::FLOAT => Kind::Float,
            Type::DOUBLE => Kind::Double,
            Type::FIXED_LEN_BYTE_ARRAY => Kind::Fixed(column.type_length().cast_unsigned() as usize),
            Type::BYTE_ARRAY => Kind::Bytes,
            Type::INT96 => return Err(ParquetError::NYI(format!("column {} of INT96", column.path()))),
        })
    }
}
