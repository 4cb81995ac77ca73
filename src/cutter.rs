//! When to cut: a function of what is buffered and the time that is handed in.                                  engine
//!
//! **What it is.** One [`Cutter`] a partition. The age clock starts with the first record of an empty buffer and is
//! monotonic, so the wall clock decides nothing; what is cut is written down before it is used.
//!
//! **Not here.** The 65th bucket hour of a range (the decoder stops there) and memory pressure (the lane sees all buffers).

use std::time::Duration;

use crate::domain::TopicPartition;

/// A range holds rows of at most this many bucket hours, so that junk timestamps cannot make a thousand objects of it.
pub const MAX_HOURS: usize = 64;

/// When a range is closed: at the first of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub every: Duration,
    /// Of keys, values and headers as they came.
    pub bytes: usize,
    pub rows: usize,
}

/// Why a range is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Age,
    Bytes,
    Rows,
}

/// What is buffered of one partition, and since when.
#[derive(Clone, Debug)]
pub struct Cutter {
    options: Options,
    /// `every`, less up to a sixth by partition, so that the deadlines of many do not fall together.
    every: Duration,
    bytes: usize,
    rows: usize,
    /// Monotonic time of the first record.
    since: Option<Duration>,
}

impl Cutter {
    pub fn new(options: Options, partition: &TopicPartition) -> Cutter {
        let hash = blake3::hash(partition.to_string().as_bytes());
        let share = f64::from(hash.as_bytes()[0]) / 256.0;
        let every = options.every.mul_f64(1.0 - share / 6.0);
        Cutter { options, every, bytes: 0, rows: 0, since: None }
    }

    pub fn add(&mut self, rows: usize, bytes: usize, now: Duration) {
        self.rows += rows;
        self.bytes += bytes;
        self.since.get_or_insert(now);
    }

    /// Starts anew with what remains in the buffer; its age counts from `now`.
    pub fn reset(&mut self, rows: usize, bytes: usize, now: Duration) {
        (self.rows, self.bytes) = (rows, bytes);
        self.since = (rows > 0).then_some(now);
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how much older the range may grow before its age makes it due; nothing for an empty buffer.
    pub fn age_left(&self, now: Duration) -> Option<Duration> {
        self.since.map(|since| (since + self.every).saturating_sub(now))
    }

    pub fn due(&self, now: Duration) -> Option<Due> {
        let since = self.since?;
        if self.bytes >= self.options.bytes {
            Some(Due::Bytes)
        } else if self.rows >= self.options.rows {
            Some(Due::Rows)
        } else if now.saturating_sub(since) >= self.every {
            Some(Due::Age)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cutter() -> Cutter {
        let options = Options { every: Duration::from_secs(60), bytes: 100, rows: 10 };
        Cutter::new(options, &TopicPartition::new("t", 0))
    }

    #[test]
    fn an_empty_buffer_is_never_due() {
        assert_eq!(cutter().due(Duration::from_secs(1_000_000)), None);
    }

    #[test]
    fn each_limit_alone_makes_a_cut_due() {
        let now = Duration::from_secs(5);
        let mut by_rows = cutter();
        by_rows.add(10, 1, now);
        assert_eq!(by_rows.due(now), Some(Due::Rows));
        let mut by_bytes = cutter();
        by_bytes.add(1, 100, now);
        assert_eq!(by_bytes.due(now), Some(Due::Bytes));
        let mut by_age = cutter();
        by_age.add(1, 1, now);
        assert_eq!(by_age.due(now + Duration::from_secs(49)), None);
        assert_eq!(by_age.due(now + Duration::from_secs(60)), Some(Due::Age));
    }

    #[test]
    fn deadlines_are_spread_over_a_sixth_of_the_period() {
        let options = Options { every: Duration::from_secs(60), bytes: 1, rows: 1 };
        let ages: Vec<_> = (0..64).map(|p| Cutter::new(options, &TopicPartition::new("t", p)).every).collect();
        let (least, most) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(50) && *most <= Duration::from_secs(60));
        assert!(*most - *least > Duration::from_secs(5), "{least:?} to {most:?}");
    }
}
