//! A partition's log as the model knows it.

/// What an offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A record of this hour.
    Record(u8),
    /// A marker, or a record of an aborted transaction: no reader sees it.
    Nothing,
}

/// A record as it is read: of which topic (they are numbered as they are created), and where.
pub type Row = (u8, u8);

/// The log of one topic id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    pub topic: u8,
    /// What every offset holds once it is written.
    pub places: &'static [Place],
    /// Offsets below are gone.
    pub first: u8,
    pub end: u8,
}

impl Log {
    pub fn new(topic: u8, places: &'static [Place], end: u8) -> Log {
        Log { topic, places, first: 0, end }
    }

    /// Returns the hour of the record at an offset, whether or not it is gone by now.
    pub fn hour(&self, offset: u8) -> Option<u8> {
        match self.places.get(usize::from(offset))? {
            Place::Record(hour) => Some(*hour),
            Place::Nothing => None,
        }
    }

    /// Returns the records that were ever written into a range.
    pub fn rows(&self, offsets: std::ops::Range<u8>) -> impl Iterator<Item = Row> {
        let ends = offsets.start..offsets.end.min(self.end);
        ends.filter(|offset| self.hour(*offset).is_some()).map(|offset| (self.topic, offset))
    }
}
