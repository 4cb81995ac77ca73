//! Offsets and half-open ranges of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A position in a Kafka partition: the place of one record, or the place before which everything is done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

impl Offset {
    pub const ZERO: Offset = Offset(0);

    /// Returns the offset after this one.
    pub fn following(self) -> Offset {
        Offset(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The offsets `first..next`, never empty. Control records, aborted and compacted offsets may lie inside, so a range is not
/// a count of records.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OffsetRange {
    first: Offset,
    next: Offset,
}

impl OffsetRange {
    /// Returns the range, or nothing where it would be empty or begin below zero.
    pub fn new(first: Offset, next: Offset) -> Option<OffsetRange> {
        (Offset::ZERO <= first && first < next).then_some(OffsetRange { first, next })
    }

    pub fn first(self) -> Offset {
        self.first
    }

    pub fn next(self) -> Offset {
        self.next
    }

    pub fn contains(self, offset: Offset) -> bool {
        self.first <= offset && offset < self.next
    }

    /// Whether every offset of `inner` lies in this range.
    pub fn encloses(self, inner: OffsetRange) -> bool {
        self.first <= inner.first && inner.next <= self.next
    }

    /// Returns the smallest range that holds this one and `offset`.
    pub fn extended(self, offset: Offset) -> OffsetRange {
        OffsetRange { first: self.first.min(offset), next: self.next.max(offset.following()) }
    }

    /// Returns the range of one offset.
    pub fn only(offset: Offset) -> OffsetRange {
        OffsetRange { first: offset, next: offset.following() }
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.next)
    }
}

impl fmt::Debug for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_never_empty_and_prints_as_an_interval() {
        assert!(OffsetRange::new(Offset(3), Offset(3)).is_none());
        assert!(OffsetRange::new(Offset(-1), Offset(3)).is_none());
        let range = OffsetRange::new(Offset(3), Offset(5)).unwrap();
        assert_eq!(range.to_string(), "3..5");
        assert!(range.contains(Offset(4)) && !range.contains(Offset(5)));
        assert_eq!(range.extended(Offset(9)).to_string(), "3..10");
    }
}
