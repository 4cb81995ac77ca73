//! What of an archive is wanted.

use crate::domain::{Offset, OffsetRange, Record};

/// Offsets and times, both half-open; a record must lie in both. The default is everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub first: Option<Offset>,
    pub next: Option<Offset>,
    /// Milliseconds since the epoch. A record without a timestamp is in no window of time.
    pub from: Option<i64>,
    pub until: Option<i64>,
}

impl Window {
    pub fn first_offset(&self) -> Offset {
        self.first.unwrap_or(Offset::ZERO)
    }

    pub fn is_timed(&self) -> bool {
        self.from.is_some() || self.until.is_some()
    }

    /// Whether no record can lie in it.
    pub fn is_empty(&self) -> bool {
        let crossed =
            |from: Option<i64>, until: Option<i64>| matches!((from, until), (Some(from), Some(until)) if until <= from);
        let first = self.first_offset().0;
        self.next.is_some_and(|next| next.0 <= first) || crossed(self.from, self.until)
    }

    /// Whether offsets of the range are asked for.
    pub fn meets(&self, range: OffsetRange) -> bool {
        self.first_offset() < range.next() && self.next.is_none_or(|next| range.first() < next)
    }

    /// Whether records between these two timestamps (none: no record has one) may be asked for.
    pub fn meets_times(&self, min: Option<i64>, max: Option<i64>) -> bool {
        if !self.is_timed() {
            return true;
        }
        let (Some(min), Some(max)) = (min, max) else { return false };
        self.from.is_none_or(|from| from <= max) && self.until.is_none_or(|until| min < until)
    }

    pub fn admits(&self, record: &Record<'_>) -> bool {
        let millis = record.timestamp.millis();
        self.meets(OffsetRange::only(record.offset)) && self.meets_times(millis, millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_half_open() {
        let window = Window { first: Some(Offset(5)), next: Some(Offset(8)), from: Some(100), until: Some(200) };
        let range = |first, next| OffsetRange::new(Offset(first), Offset(next)).unwrap();
        assert!(window.meets(range(0, 6)) && !window.meets(range(0, 5)));
        assert!(window.meets(range(7, 9)) && !window.meets(range(8, 9)));
        assert!(window.meets_times(Some(0), Some(100)) && !window.meets_times(Some(0), Some(99)));
        assert!(window.meets_times(Some(199), Some(900)) && !window.meets_times(Some(200), Some(900)));
        assert!(!window.meets_times(None, None) && Window::default().meets_times(None, None));
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_empty() {
        assert!(Window { next: Some(Offset(0)), ..Window::default() }.is_empty());
        assert!(Window { from: Some(7), until: Some(7), ..Window::default() }.is_empty());
        assert!(!Window::default().is_empty());
    }
}
