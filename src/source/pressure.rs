//! When to read, given the memory left: first not polling, then not fetching, with hysteresis.
//!
//! Not polling is free but keeps rebalances waiting, so it ends after a moment. Not fetching throws away what librdkafka
//! fetched ahead, so it is not done at once.

use std::time::{Duration, Instant};

/// Reading stops at this share of the budget …
const FULL: usize = 90;
/// … and after a suspension begins again below this one.
const FREE: usize = 70;
/// How long the group may wait for us while we only wait for memory: far below any `max.poll.interval.ms`.
const HOLD: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Reading,
    /// Not polled.
    Holding {
        since: Instant,
    },
    /// Polled for events, but nothing is assigned to librdkafka.
    Suspended,
}

impl Flow {
    /// Returns what follows. `stuck`: a batch found no room; `percent`: the used share of the budget.
    pub fn next(self, now: Instant, stuck: bool, percent: usize) -> Flow {
        match self {
            Flow::Reading if stuck || FULL <= percent => Flow::Holding { since: now },
            Flow::Holding { .. } if !stuck && percent < FULL => Flow::Reading,
            Flow::Holding { since } if HOLD <= now.duration_since(since) => Flow::Suspended,
            Flow::Suspended if !stuck && percent < FREE => Flow::Reading,
            same => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_shortage_only_holds_and_a_long_one_suspends_until_much_is_free() {
        let start = Instant::now();
        let held = Flow::Reading.next(start, false, 90);
        assert_eq!(held, Flow::Holding { since: start });
        assert_eq!(held.next(start, false, 89), Flow::Reading);
        assert_eq!(held.next(start + HOLD / 2, true, 50), held);
        assert_eq!(held.next(start + HOLD, true, 50), Flow::Suspended);
        assert_eq!(Flow::Suspended.next(start, false, 70), Flow::Suspended);
        assert_eq!(Flow::Suspended.next(start, true, 10), Flow::Suspended);
        assert_eq!(Flow::Suspended.next(start, false, 69), Flow::Reading);
    }
}
