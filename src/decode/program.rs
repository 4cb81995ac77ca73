//! What a layout compiles to: for each place where a message may stand, a table from tags to what is to be done with them; and
//! the tree of columns that the buffers become.

use crate::schema::{EnumId, Kind, MessageId, Source};

/// Stands for "none" in the indices of an [`Op`].
pub const NONE: u32 = u32::MAX;

/// A compiled layout.
#[derive(Debug)]
pub struct Program {
    /// The root message's is the first.
    pub tables: Vec<Table>,
    /// The root message's columns.
    pub columns: Vec<Branch>,
    pub time: TimeSource,
}

/// Where a row's time stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeSource {
    Record,
    /// The index of a column of microseconds; a row in which it is null falls back to the record's time.
    Column(usize),
    /// Field indices into a part that is no column of its own: read from the payload.
    Path(Vec<usize>),
}

/// What the tags of one message mean. A message type has one for each place where it becomes columns.
#[derive(Debug, Default)]
pub struct Table {
    /// The first stands for tags that the type does not know, the second for those on a wire type that does not fit.
    pub ops: Vec<Op>,
    /// By tag: the index of its op.
    near: Vec<u16>,
    /// Tags beyond, in order.
    far: Vec<(u32, u16)>,
    /// Fields that must be there: their places.
    pub required: Vec<Place>,
}

/// Tags below are looked up at once; fields from 128 on are rare.
const NEAR: u32 = 128 << 3;

const UNKNOWN: u16 = 0;
const UNFIT: u16 = 1;

impl Table {
    pub fn new() -> Table {
        Table { ops: vec![Op::of(Action::Unknown, 0), Op::of(Action::Unfit, 0)], ..Table::default() }
    }

    /// Adds what a tag means. The field's other wire types do not fit, unless they are added, too.
    pub fn add(&mut self, tag: u32, op: Op) {
        let at = self.ops.len() as u16;
        let is_plain = op.case == NONE && op.list == NONE && !op.packed;
        self.ops.push(Op { is_plain, ..op });
        for wire in 0..8 {
            let other = tag & !7 | wire;
            // The end of a group is never a field.
            if wire == 4 {
                continue;
            }
            if other == tag || self.index(other) == UNKNOWN {
                self.set(other, if other == tag { at } else { UNFIT });
            }
        }
    }

    fn set(&mut self, tag: u32, op: u16) {
        if tag < NEAR {
            if self.near.len() <= tag as usize {
                self.near.resize(tag as usize + 1, UNKNOWN);
            }
            self.near[tag as usize] = op;
            return;
        }
        match self.far.binary_search_by_key(&tag, |(tag, _)| *tag) {
            Ok(at) => self.far[at].1 = op,
            Err(at) => self.far.insert(at, (tag, op)),
        }
    }

    fn index(&self, tag: u32) -> u16 {
        match self.near.get(tag as usize) {
            Some(op) => *op,
            None => self.far.binary_search_by_key(&tag, |(tag, _)| *tag).map_or(UNKNOWN, |at| self.far[at].1),
        }
    }

    /// Returns the op of the field added first: a wrapper's value, a map's key.
    pub fn first(&self) -> &Op {
        &self.ops[2]
    }

    /// Returns the op of the field added second: a map's value.
    pub fn second(&self) -> &Op {
        &self.ops[3]
    }

    #[inline(always)]
    pub fn find(&self, tag: u32) -> &Op {
        &self.ops[self.index(tag) as usize]
    }
}

/// What is to be done with a field.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    pub action: Action,
    /// A known field that stands alone: neither in a oneof, nor one of many.
    pub is_plain: bool,
    pub number: u32,
    /// The buffer, among those of its type.
    pub column: u32,
    /// The list whose elements the values are.
    pub list: u32,
    /// The column of the oneof's case, and which member this is.
    pub case: u32,
    pub member: i32,
    /// Without presence: carrying the default is not canonical.
    pub implicit: bool,
    /// An element, which may not be null: a value beyond its column has no place.
    pub strict: bool,
    /// A string that has to be UTF-8 to be kept as it is.
    pub text: bool,
    /// Values stand one after the other in a block.
    pub packed: bool,
    /// Not as the schema declares it: packed where it says expanded, or the other way round.
    pub odd_packing: bool,
}

/// How a value is read and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Unknown,
    Unfit,
    Bool,
    Int32,
    Sint32,
    Uint32,
    Int64,
    Sint64,
    Uint64,
    /// uint64 into 64 signed bits, null beyond.
    Bigint,
    Sfixed32,
    Fixed32,
    Sfixed64,
    Fixed64,
    FixedBigint,
    Float,
    Double,
    Text,
    /// A message whose fields are columns; `table` says how.
    Message {
        table: u32,
    },
    Group {
        table: u32,
    },
    Timestamp,
    Duration,
    /// A message of one field, number 1, which `table` reads.
    Wrapper {
        table: u32,
    },
    /// `column` is the text, `paths` the list.
    Mask {
        paths: u32,
    },
    /// `column` is the presence; `table` reads the two fields, which are texts, as is `json`.
    Any {
        table: u32,
        json: u32,
    },
    Json {
        id: MessageId,
    },
    JsonGroup {
        id: MessageId,
    },
    /// `table` reads key and value.
    Map {
        table: u32,
    },
}

impl Op {
    pub fn of(action: Action, number: u32) -> Op {
        Op {
            action,
            is_plain: false,
            number,
            column: NONE,
            list: NONE,
            case: NONE,
            member: 0,
            implicit: false,
            strict: false,
            text: false,
            packed: false,
            odd_packing: false,
        }
    }

    pub fn tag(number: u32, wire: u32) -> u32 {
        number << 3 | wire
    }

    /// The wire type on which one value of a kind stands.
    pub fn wire(kind: Kind) -> u32 {
        match kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
            Kind::String | Kind::Bytes | Kind::Message(_) => 2,
            Kind::Delimited(_) => 3,
            Kind::Int64
            | Kind::Uint64
            | Kind::Int32
            | Kind::Bool
            | Kind::Uint32
            | Kind::Enum(_)
            | Kind::Sint32
            | Kind::Sint64 => 0,
        }
    }
}

/// A buffer: its type and its index among the buffers of that type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Flags(usize),
    Int32(usize),
    Int64(usize),
    Uint64(usize),
    Float(usize),
    Double(usize),
    Text(usize),
    List(usize),
}

/// A column of a message.
#[derive(Clone, Debug)]
pub struct Branch {
    pub name: String,
    pub source: Source,
    /// Whether it shows what the column before it keeps.
    pub twin: bool,
    pub node: Node,
}

/// What buffers become.
#[derive(Clone, Debug)]
pub enum Node {
    Bool(usize),
    Int32(usize),
    Enum(usize, EnumId),
    Int64(usize),
    Micros(usize),
    /// As decimal(20,0), or as decimal text.
    Uint64(usize),
    UintText(usize),
    Float(usize),
    Double(usize),
    Text(usize),
    Bytes(usize),
    /// A oneof's members: field index and column name.
    Case(usize, Vec<(usize, String)>),
    Duration(usize),
    /// What the wrapper holds; the kind of it.
    Wrapper(Box<Node>, Kind),
    Json(usize, MessageId),
    Present(usize),
    Mask {
        paths: usize,
        text: usize,
    },
    Any {
        presence: usize,
        url: usize,
        value: usize,
        json: usize,
    },
    Struct {
        presence: usize,
        columns: Vec<Branch>,
    },
    List {
        list: usize,
        element: Box<Node>,
    },
    Map {
        list: usize,
        key: Box<Node>,
        value: Box<Node>,
    },
}
