//! When to try again: a policy as data, with the randomness handed in.                                              EDGE

use std::time::Duration;

/// How the tries of one thing are spaced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Before the second try.
    pub first: Duration,
    /// What each further wait is longer by.
    pub factor: f64,
    /// No wait is longer.
    pub cap: Duration,
    /// The share of a wait that chance decides, 0 to 1, so that many who failed together do not return together.
    pub jitter: f64,
}

impl Policy {
    /// Returns how long to wait after `attempt` tries have failed. `random` is a number from `0.0..1.0`.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        if attempt == 0 {
            return Duration::ZERO;
        }
        let exponent = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
        let full = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(self.cap.as_secs_f64());
        Duration::from_secs_f64(full * (1.0 - self.jitter * random.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy =
        Policy { first: Duration::from_millis(100), factor: 2.0, cap: Duration::from_secs(10), jitter: 0.5 };

    #[test]
    fn waits_grow_to_the_cap_and_stay_there() {
        let waits: Vec<_> = [0, 1, 2, 3, 8, u32::MAX].map(|attempt| POLICY.delay(attempt, 0.0).as_millis()).into();
        assert_eq!(waits, [0, 100, 200, 400, 10_000, 10_000]);
    }

    #[test]
    fn chance_shortens_a_wait_by_at_most_its_share() {
        assert_eq!(POLICY.delay(1, 1.0), Duration::from_millis(50));
        assert_eq!(POLICY.delay(1, 0.5), Duration::from_millis(75));
    }
}
