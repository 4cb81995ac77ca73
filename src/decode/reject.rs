//! Why a record became no row.

use crate::schema::Field;

/// The closed set of reasons, as they stand in the quarantine's `reason` column. `docs/mapping.md` explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The payload ends inside a tag, a value or a group.
    Truncated,
    /// A varint of more than ten bytes.
    MalformedVarint,
    /// A tag of more than five bytes, field number 0, a wire type that does not exist, a group end that closes nothing.
    MalformedTag,
    /// A known field on a wire type that does not fit it.
    WireType,
    /// A string that is not UTF-8 where the schema says to verify.
    Utf8,
    /// A required field is missing.
    Required,
    /// Messages nest deeper than 100.
    Depth,
    /// A value beyond its column inside a list or map, whose elements are never null.
    OutOfRange,
    /// The value does not begin as the topic's framing says.
    Framing,
    /// A header's name is not UTF-8.
    HeaderName,
    /// More than 256 MiB in one record.
    TooLarge,
}

impl Reason {
    pub const ALL: [Reason; 11] = [
        Reason::Truncated,
        Reason::MalformedVarint,
        Reason::MalformedTag,
        Reason::WireType,
        Reason::Utf8,
        Reason::Required,
        Reason::Depth,
        Reason::OutOfRange,
        Reason::Framing,
        Reason::HeaderName,
        Reason::TooLarge,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Truncated => "truncated",
            Reason::MalformedVarint => "malformed_varint",
            Reason::MalformedTag => "malformed_tag",
            Reason::WireType => "wire_type",
            Reason::Utf8 => "utf8",
            Reason::Required => "required",
            Reason::Depth => "depth",
            Reason::OutOfRange => "out_of_range",
            Reason::Framing => "framing",
            Reason::HeaderName => "header_name",
            Reason::TooLarge => "too_large",
        }
    }
}

/// A refusal: the reason, where, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub reason: Reason,
    /// Proto names from the innermost field outwards; turned around by [`Reject::field`].
    path: Vec<String>,
    /// Byte in the payload, or in the value once the framing's length is added.
    pub position: Option<usize>,
    pub detail: String,
}

/// Boxed, since refusals are rare and results travel through every level of a message.
pub type Checked<T> = Result<T, Box<Reject>>;

impl Reject {
    pub fn new(reason: Reason, position: impl Into<Option<usize>>, detail: impl Into<String>) -> Box<Reject> {
        Box::new(Reject { reason, path: Vec::new(), position: position.into(), detail: detail.into() })
    }

    /// Notes the field around the place, on the way out of a message.
    pub fn inside(mut self: Box<Self>, field: &Field) -> Box<Reject> {
        self.path.push(field.key.clone());
        self
    }

    /// Returns the dotted path from the root; nothing where no field is concerned.
    pub fn field(&self) -> Option<String> {
        if self.path.is_empty() {
            return None;
        }
        Some(self.path.iter().rev().map(String::as_str).collect::<Vec<_>>().join("."))
    }
}
