//! What a layout compiles to: for each place where a message may stand, a table from tags to what is to be done with them; and
//! the tree of columns that the buffers become.

use crate::schema::{EnumId, Kind, MessageId, Source};

/// Stands for "none" in the column of an [`Op`].
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
    /// By field number, where tags take a byte: the op of the tag expected.
    first: [Op; FIRST as usize],
    /// The same for numbers from there on.
    near: Vec<Op>,
    /// All other tags, in order: of numbers beyond, and further ones of a field that has several.
    others: Vec<Op>,
    /// Read until an end tag, and not until the message around it ends.
    pub is_group: bool,
    /// Fields that must be there: their places.
    pub required: Vec<Place>,
    /// Of an Any: the text that its content becomes as JSON.
    pub json: usize,
}

/// Numbers below have tags of one byte.
const FIRST: u32 = 16;

/// Numbers below are looked up at once; fields from 128 on are rare.
const NEAR: u32 = 128;

/// Stands where a number is no field's. No tag is this: wire type 7 does not exist.
const NO_TAG: u32 = u32::MAX;

impl Table {
    /// Adds what a tag means; the first one of a field is the one expected.
    pub fn add(&mut self, op: Op) {
        if op.number() < NEAR && op.action != Action::End {
            let number = op.number() as usize;
            let expected = match self.first.get_mut(number) {
                Some(expected) => expected,
                None => {
                    let at = number - FIRST as usize;
                    if self.near.len() <= at {
                        self.near.resize(at + 1, Op::default());
                    }
                    &mut self.near[at]
                }
            };
            if expected.tag == NO_TAG {
                *expected = op;
                return;
            }
        }
        let at = self.others.partition_point(|other| other.tag < op.tag);
        self.others.insert(at, op);
    }

    /// Returns what the tag expected of a field means; nothing for any other.
    #[inline(always)]
    pub fn find(&self, tag: u32) -> Option<&Op> {
        self.expected(tag >> 3).filter(|op| op.tag == tag)
    }

    #[inline(always)]
    fn expected(&self, number: u32) -> Option<&Op> {
        match self.first.get(number as usize) {
            Some(op) => Some(op),
            None => self.near.get((number - FIRST) as usize),
        }
    }

    /// Returns what a tag means that [`find`](Self::find) does not know.
    #[cold]
    pub fn find_other(&self, tag: u32) -> Other<'_> {
        let at = self.others.partition_point(|op| op.tag < tag);
        match self.others.get(at) {
            Some(op) if op.tag == tag && op.action == Action::End => Other::End,
            Some(op) if op.tag == tag => Other::Op(op),
            _ if tag & 7 != END && self.is_field(tag >> 3) => Other::Unfit,
            _ => Other::Unknown,
        }
    }

    fn is_field(&self, number: u32) -> bool {
        let near = self.expected(number).is_some_and(|op| op.tag != NO_TAG);
        let tags = &self.others[self.others.partition_point(|op| op.number() < number)..];
        near || tags.iter().take_while(|op| op.number() == number).any(|op| op.action != Action::End)
    }

    /// Returns the op of a field: a wrapper's value, a map's key.
    pub fn field(&self, number: usize) -> &Op {
        &self.first[number]
    }
}

/// What a tag means that is not the one expected of a field.
#[derive(Debug)]
pub enum Other<'a> {
    Op(&'a Op),
    /// The group ends.
    End,
    Unknown,
    /// A field's number on a wire type that is not its own.
    Unfit,
}

/// The wire type of a group's end.
pub const END: u32 = 4;

/// What is to be done with a tag's value. Of a size that is cheap to multiply by.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub struct Op {
    pub tag: u32,
    /// The buffer, among those of its type.
    pub column: u32,
    pub action: Action,
    pub stands: Stands,
    /// Without presence: carrying the default is not canonical.
    pub implicit: bool,
    /// An element, which may not be null: a value beyond its column has no place.
    pub strict: bool,
    /// A string that has to be UTF-8 to be kept as it is.
    pub text: bool,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Alone,
    /// In a oneof, which has no more members than a layout may have columns: which member it is, and the column that says so.
    Member {
        member: u16,
        case: u32,
    },
    /// Among the elements of a list, maybe `packed`: one after the other in a block. That may be `odd`, as it is not so that the
    /// schema declares it.
    Element {
        list: u32,
        packed: bool,
        odd: bool,
    },
}

/// How a value is read and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Of a group.
    End,
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
    /// `column` is the presence; `table` reads the two fields, which are texts, and knows the column of their JSON.
    Any {
        table: u32,
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

/// No field's.
impl Default for Op {
    fn default() -> Op {
        Op::of(Action::End, NO_TAG)
    }
}

impl Op {
    pub fn of(action: Action, tag: u32) -> Op {
        Op { tag, column: NONE, action, stands: Stands::Alone, implicit: false, strict: false, text: false }
    }

    pub fn number(&self) -> u32 {
        self.tag >> 3
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
    Marks(usize),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_told_apart_whatever_the_number_of_its_field() {
        for number in [1, FIRST - 1, FIRST, NEAR - 1, NEAR, 500_000] {
            let mut table = Table::default();
            table.add(Op::of(Action::End, Op::tag(number, END)));
            table.add(Op::of(Action::Int32, Op::tag(number, 2)));
            table.add(Op::of(Action::Int32, Op::tag(number, 0)));
            table.add(Op::of(Action::Bool, Op::tag(number + 1, 0)));
            let action = |tag| match (table.find(tag), table.find_other(tag)) {
                (Some(op), _) | (None, Other::Op(op)) => Ok(op.action),
                (None, other) => Err(format!("{other:?}")),
            };
            assert_eq!([2, 0].map(|wire| action(Op::tag(number, wire))), [Ok(Action::Int32), Ok(Action::Int32)]);
            assert_eq!(action(Op::tag(number + 1, 0)), Ok(Action::Bool));
            assert_eq!(action(Op::tag(number, END)), Err("End".to_owned()));
            assert_eq!(action(Op::tag(number, 5)), Err("Unfit".to_owned()));
            assert_eq!(action(Op::tag(number + 1, END)), Err("Unknown".to_owned()));
            assert_eq!(action(Op::tag(number + 2, 0)), Err("Unknown".to_owned()));
            assert_eq!(action(Op::tag(number - 1, 0)), Err("Unknown".to_owned()));
        }
    }
}
