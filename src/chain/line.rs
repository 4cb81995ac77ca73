//! Whether cut records form one hash-linked line. Handed in newest first, as a listing has them.

use super::Cut;
use crate::domain::{Digest, Offset, OffsetRange};

/// Where two cuts do not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// No cut covers these offsets; `after` begins behind them.
    Hole { range: OffsetRange, after: Offset },
    /// Two cuts cover these offsets; `after` is the later one.
    Overlap { range: OffsetRange, after: Offset },
    /// The cut's bytes are not those its successor was written after.
    Link { range: OffsetRange, named: Option<Digest>, record: Digest },
}

/// The line so far.
#[derive(Debug, Default)]
pub struct Line {
    /// The cut after the next one to come: where it begins, and what it says of its predecessor.
    successor: Option<Successor>,
}

#[derive(Clone, Copy, Debug)]
struct Successor {
    first: Offset,
    /// Unknown where it could not be read.
    previous: Option<Option<Digest>>,
}

impl Line {
    /// A line whose next cut is followed by one at `follower`, which need not be read.
    pub fn before(follower: Option<Offset>) -> Line {
        Line { successor: follower.map(|first| Successor { first, previous: None }) }
    }

    /// Whether nothing was added yet, and the next cut is the newest.
    pub fn is_at_tip(&self) -> bool {
        self.successor.is_none()
    }

    /// Adds a cut, `record` being the hash of its bytes, and tells how it fails to join the one after it.
    pub fn add(&mut self, cut: &Cut, record: Digest) -> Option<Break> {
        let after = self.successor.replace(Successor { first: cut.first, previous: Some(cut.previous) })?;
        if let Some(range) = OffsetRange::new(cut.next, after.first) {
            // The predecessor that `after` names is the one that is not there.
            return Some(Break::Hole { range, after: after.first });
        }
        if let Some(range) = OffsetRange::new(after.first, cut.next) {
            return Some(Break::Overlap { range, after: after.first });
        }
        let named = after.previous?;
        (named != Some(record)).then_some(Break::Link { range: cut.range(), named, record })
    }

    /// Adds a cut that cannot be read, and returns its range as far as the one after it tells.
    pub fn add_unreadable(&mut self, first: Offset) -> Option<OffsetRange> {
        let after = self.successor.replace(Successor { first, previous: None });
        after.and_then(|after| OffsetRange::new(first, after.first))
    }

    /// Ends the line, which must reach down to `start`; returns the offsets below its oldest cut.
    pub fn missing_below(&self, start: Offset) -> Option<OffsetRange> {
        self.successor.and_then(|oldest| OffsetRange::new(start, oldest.first))
    }
}
