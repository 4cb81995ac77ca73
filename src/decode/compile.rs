//! Layout → [`Program`] and the empty buffers that it writes to.

use super::columns::{Columns, Fixed, Flags, List, Marks, Text};
use super::program::{Action, Branch, END, Node, Op, Place, Program, Stands, Table, TimeSource};
use crate::schema::{Column, Element, Field, Kind, Layout, MessageId, Presence, Shape, Source, Types};

/// Compiles a layout.
pub fn compile(layout: &Layout) -> (Program, Columns) {
    let mut compiler = Compiler { types: layout.types(), tables: Vec::new(), columns: Columns::default() };
    let columns = compiler.message(layout.root(), layout.columns(), 0).1;
    let time = match layout.time_path() {
        None => TimeSource::Record,
        Some(path) => time_column(&columns, path).map_or(TimeSource::Path(path.to_vec()), TimeSource::Column),
    };
    (Program { tables: compiler.tables, columns, time }, compiler.columns)
}

/// Returns the column at the end of a path of fields, if it has one.
fn time_column(columns: &[Branch], path: &[usize]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let branch = columns.iter().find(|branch| branch.source == Source::Field(*first))?;
    match &branch.node {
        Node::Micros(column) if rest.is_empty() => Some(*column),
        Node::Struct { columns, .. } => time_column(columns, rest),
        _ => None,
    }
}

struct Compiler<'a> {
    types: &'a Types,
    tables: Vec<Table>,
    columns: Columns,
}

/// How one field's values are read and kept.
struct Made {
    action: Action,
    column: usize,
    node: Node,
    place: Place,
}

impl Compiler<'_> {
    /// Makes the table of a message in a space, and its columns. The table's place is taken before those of the messages inside.
    fn message(&mut self, id: MessageId, columns: &[Column], space: usize) -> (usize, Vec<Branch>) {
        let at = self.tables.len();
        self.tables.push(Table::default());
        let types = self.types;
        let message = types.message(id);
        let mut table = Table::default();
        let mut branches = Vec::new();
        let mut cases = vec![0; message.oneofs.len()];
        for column in columns {
            if let (Source::Case(oneof), Shape::Case(members)) = (column.source, &column.shape) {
                cases[oneof] = self.int(space, true);
                let members = members.iter().map(|(field, name)| (*field, name.clone())).collect();
                let node = Node::Case(cases[oneof], members);
                branches.push(Branch { name: column.name.clone(), source: column.source, twin: false, node });
            }
        }
        for column in columns {
            let Source::Field(index) = column.source else { continue };
            // An enum's second column shows the numbers that its first one keeps.
            let twin = branches.last().filter(|branch: &&Branch| branch.source == column.source);
            let node = match twin {
                Some(first) => numbers_of(&first.node),
                None => {
                    let field = &message.fields[index];
                    let (mut op, place, node) = self.field(field, &column.shape, space);
                    if let Some(oneof) = field.oneof {
                        let members = message.fields.iter().take(index);
                        let member = members.filter(|other| other.oneof == Some(oneof)).count() as u16;
                        op.stands = Stands::Member { member, case: cases[oneof] as u32 };
                    }
                    if field.presence == Presence::Required {
                        table.required.push(place);
                    }
                    add(&mut table, field, op);
                    node
                }
            };
            let twin = twin.is_some();
            branches.push(Branch { name: column.name.clone(), source: column.source, twin, node });
        }
        self.tables[at] = table;
        // The case columns were made first and stand elsewhere.
        let by_name = |name: &str| columns.iter().position(|column| column.name == name);
        branches.sort_by_key(|branch| by_name(&branch.name));
        (at, branches)
    }

    fn field(&mut self, field: &Field, shape: &Shape, space: usize) -> (Op, Place, Node) {
        let explicit = field.presence != Presence::Implicit;
        match shape {
            Shape::One(element) => {
                let made = self.element(field.kind, element, space, explicit, false);
                let op = Op { column: made.column as u32, implicit: !explicit, ..self.op(field, made.action) };
                (op, made.place, made.node)
            }
            Shape::List(element) => {
                let list = self.list(space, false);
                let made = self.element(field.kind, element, list + 1, false, true);
                let op = self.op(field, made.action);
                let op = Op {
                    column: made.column as u32,
                    stands: Stands::Element { list: list as u32, packed: false, odd: false },
                    strict: true,
                    ..op
                };
                (op, Place::List(list), Node::List { list, element: Box::new(made.node) })
            }
            Shape::Map { key, value } => {
                let list = self.list(space, false);
                let (key_field, value_field) = self.types.entry(field);
                let at = self.tables.len();
                self.tables.push(Table::default());
                let mut table = Table::default();
                let mut part = |compiler: &mut Self, field: &Field, element| {
                    let made = compiler.element(field.kind, element, list + 1, false, true);
                    table.add(Op { column: made.column as u32, strict: true, ..compiler.op(field, made.action) });
                    Box::new(made.node)
                };
                let (key, value) = (part(self, key_field, key), part(self, value_field, value));
                self.tables[at] = table;
                let op = self.op(field, Action::Map { table: at as u32 });
                let op = Op { stands: Stands::Element { list: list as u32, packed: false, odd: false }, ..op };
                (op, Place::List(list), Node::Map { list, key, value })
            }
            Shape::Case(_) => unreachable!("a oneof's case is no field"),
        }
    }

    fn op(&mut self, field: &Field, action: Action) -> Op {
        if let Action::Group { table } = action {
            let table = &mut self.tables[table as usize];
            table.is_group = true;
            table.add(Op::of(Action::End, Op::tag(field.number, END)));
        }
        let text = match field.kind {
            Kind::String => true,
            Kind::Message(id) | Kind::Delimited(id) => {
                self.types.message(id).fields.iter().any(|f| f.kind == Kind::String)
            }
            _ => false,
        };
        Op { text, ..Op::of(action, Op::tag(field.number, Op::wire(field.kind))) }
    }

    fn element(&mut self, kind: Kind, element: &Element, space: usize, explicit: bool, strict: bool) -> Made {
        let scalar = |action, column, node: fn(usize) -> Node, place: fn(usize) -> Place| Made {
            action,
            column,
            node: node(column),
            place: place(column),
        };
        match element {
            Element::Bool => scalar(Action::Bool, self.flag(space, explicit), Node::Bool, Place::Flags),
            Element::Float => {
                self.columns.floats.push(Fixed::new(space, explicit));
                scalar(Action::Float, self.columns.floats.len() - 1, Node::Float, Place::Float)
            }
            Element::Double => {
                self.columns.doubles.push(Fixed::new(space, explicit));
                scalar(Action::Double, self.columns.doubles.len() - 1, Node::Double, Place::Double)
            }
            Element::Int32 | Element::EnumNumber => {
                scalar(reading(kind), self.int(space, explicit), Node::Int32, Place::Int32)
            }
            Element::EnumName(id) => {
                let column = self.int(space, explicit);
                Made { action: Action::Int32, column, node: Node::Enum(column, *id), place: Place::Int32(column) }
            }
            Element::Int64 | Element::Uint32 => {
                scalar(reading(kind), self.long(space, explicit), Node::Int64, Place::Int64)
            }
            Element::Bigint => {
                let action = if kind == Kind::Fixed64 { Action::FixedBigint } else { Action::Bigint };
                let column = self.long(space, true);
                if !explicit {
                    self.columns.longs[column] = Fixed::narrow(space);
                }
                scalar(action, column, Node::Int64, Place::Int64)
            }
            Element::Uint64 => scalar(reading(kind), self.ulong(space, explicit), Node::Uint64, Place::Uint64),
            Element::UintText => scalar(reading(kind), self.ulong(space, explicit), Node::UintText, Place::Uint64),
            Element::Text => scalar(Action::Text, self.text(space, explicit), Node::Text, Place::Text),
            Element::Bytes => scalar(Action::Text, self.text(space, explicit), Node::Bytes, Place::Text),
            Element::Timestamp => scalar(Action::Timestamp, self.long(space, true), Node::Micros, Place::Int64),
            Element::Duration => scalar(Action::Duration, self.long(space, true), Node::Duration, Place::Int64),
            Element::Present => {
                let action = message_action(kind, self.tables.len());
                self.tables.push(Table::default());
                scalar(action, self.mark(space), Node::Present, Place::Marks)
            }
            Element::FieldMask => {
                let paths = self.list(space, true);
                let text = self.text(paths + 1, false);
                let node = Node::Mask { paths, text };
                Made { action: Action::Mask { paths: paths as u32 }, column: text, node, place: Place::List(paths) }
            }
            Element::Any => {
                let id = kind.message().expect("an Any is a message");
                let presence = self.mark(space);
                let (url, value, json) = (self.text(space, false), self.text(space, false), self.text(space, true));
                let table = self.tables.len() as u32;
                let mut fields = Table::default();
                fields.json = json;
                for (field, column) in self.types.message(id).fields.iter().zip([url, value]) {
                    fields.add(Op { column: column as u32, implicit: true, ..self.op(field, Action::Text) });
                }
                self.tables.push(fields);
                let action = Action::Any { table };
                let node = Node::Any { presence, url, value, json };
                Made { action, column: presence, node, place: Place::Marks(presence) }
            }
            Element::Json(id) => {
                let column = self.text(space, true);
                let action = match kind {
                    Kind::Delimited(_) => Action::JsonGroup { id: *id },
                    _ => Action::Json { id: *id },
                };
                Made { action, column, node: Node::Json(column, *id), place: Place::Text(column) }
            }
            Element::Wrapper(inner) => {
                let id = kind.message().expect("a wrapper is a message");
                let field = &self.types.message(id).fields[0];
                let made = self.element(field.kind, inner, space, true, strict);
                let op = Op { column: made.column as u32, implicit: true, strict, ..self.op(field, made.action) };
                let table = self.tables.len() as u32;
                self.tables.push(Table::default());
                self.tables[table as usize].add(op);
                let node = Node::Wrapper(Box::new(made.node), field.kind);
                Made { action: Action::Wrapper { table }, column: made.column, node, place: made.place }
            }
            Element::Struct(columns) => {
                let id = kind.message().expect("a struct is a message");
                let presence = self.mark(space);
                let (table, columns) = self.message(id, columns, space);
                let node = Node::Struct { presence, columns };
                Made { action: message_action(kind, table), column: presence, node, place: Place::Marks(presence) }
            }
        }
    }

    fn mark(&mut self, space: usize) -> usize {
        self.columns.marks.push(Marks::new(space));
        self.columns.marks.len() - 1
    }

    fn flag(&mut self, space: usize, explicit: bool) -> usize {
        self.columns.flags.push(Flags::new(space, explicit));
        self.columns.flags.len() - 1
    }

    fn int(&mut self, space: usize, explicit: bool) -> usize {
        self.columns.ints.push(Fixed::new(space, explicit));
        self.columns.ints.len() - 1
    }

    fn long(&mut self, space: usize, explicit: bool) -> usize {
        self.columns.longs.push(Fixed::new(space, explicit));
        self.columns.longs.len() - 1
    }

    fn ulong(&mut self, space: usize, explicit: bool) -> usize {
        self.columns.ulongs.push(Fixed::new(space, explicit));
        self.columns.ulongs.len() - 1
    }

    fn text(&mut self, space: usize, explicit: bool) -> usize {
        self.columns.texts.push(Text::new(space, explicit));
        self.columns.texts.len() - 1
    }

    fn list(&mut self, space: usize, explicit: bool) -> usize {
        self.columns.lists.push(List::new(space, explicit));
        self.columns.lists.len() - 1
    }
}

/// Adds a field's tags: that of one value, and, where the kind can be packed, that of a block of them.
fn add(table: &mut Table, field: &Field, op: Op) {
    let wire = Op::wire(field.kind);
    let Stands::Element { list, .. } = op.stands else { return table.add(op) };
    if wire == 2 || wire == 3 {
        return table.add(op);
    }
    let tag = |packed: bool| Op {
        tag: Op::tag(field.number, if packed { 2 } else { wire }),
        stands: Stands::Element { list, packed, odd: packed != field.packed },
        ..op
    };
    table.add(tag(field.packed));
    table.add(tag(!field.packed));
}

fn reading(kind: Kind) -> Action {
    match kind {
        Kind::Int32 | Kind::Enum(_) => Action::Int32,
        Kind::Sint32 => Action::Sint32,
        Kind::Uint32 => Action::Uint32,
        Kind::Int64 => Action::Int64,
        Kind::Sint64 => Action::Sint64,
        Kind::Uint64 => Action::Uint64,
        Kind::Sfixed32 => Action::Sfixed32,
        Kind::Fixed32 => Action::Fixed32,
        Kind::Sfixed64 => Action::Sfixed64,
        Kind::Fixed64 => Action::Fixed64,
        Kind::Bool => Action::Bool,
        Kind::Float => Action::Float,
        Kind::Double => Action::Double,
        Kind::String | Kind::Bytes => Action::Text,
        Kind::Message(_) | Kind::Delimited(_) => unreachable!("a message is no scalar"),
    }
}

fn message_action(kind: Kind, table: usize) -> Action {
    let table = table as u32;
    match kind {
        Kind::Delimited(_) => Action::Group { table },
        _ => Action::Message { table },
    }
}

fn numbers_of(node: &Node) -> Node {
    match node {
        Node::Enum(column, _) => Node::Int32(*column),
        Node::List { list, element } => Node::List { list: *list, element: Box::new(numbers_of(element)) },
        Node::Map { list, key, value } => {
            Node::Map { list: *list, key: key.clone(), value: Box::new(numbers_of(value)) }
        }
        _ => unreachable!("only enums have a second column"),
    }
}
