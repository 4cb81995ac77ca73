//! The hour of a table that a row belongs to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const HOUR_MS: i64 = 3_600_000;
/// 0001-01-01T00 and 10000-01-01T00 in hours since the epoch: what `dt=YYYY-MM-DD` can name.
const FIRST: i64 = -17_259_888;
const NEXT: i64 = 70_389_528;

/// A UTC hour, counted from the epoch. Prints as `2026-11-23T06`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketHour(i64);

impl BucketHour {
    /// Where records without a usable time go: 1970-01-01, hour 00.
    pub const EPOCH: BucketHour = BucketHour(0);

    /// Returns the hour of a time in milliseconds since the epoch; no time, and a time outside the years 1 to 9999, is the
    /// epoch's hour.
    pub fn of(millis: Option<i64>) -> BucketHour {
        match millis.map(|ms| ms.div_euclid(HOUR_MS)) {
            Some(hour) if (FIRST..NEXT).contains(&hour) => BucketHour(hour),
            _ => BucketHour::EPOCH,
        }
    }

    /// Returns the first millisecond of the hour.
    pub fn start_millis(self) -> i64 {
        self.0 * HOUR_MS
    }

    /// Returns the `dt=…/hour=…` folder, as Hive readers expect it.
    pub fn folder(self) -> String {
        let (date, hour) = self.civil();
        format!("dt={date}/hour={hour:02}")
    }

    fn civil(self) -> (jiff::civil::Date, i64) {
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = jiff::Span::new().days(self.0.div_euclid(24));
        (epoch.checked_add(days).expect("`of` and `from_str` admit only the years 1 to 9999"), self.0.rem_euclid(24))
    }
}

impl fmt::Display for BucketHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, hour) = self.civil();
        write!(f, "{date}T{hour:02}")
    }
}

impl fmt::Debug for BucketHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is no bucket hour.
#[derive(Debug, thiserror::Error)]
#[error("a bucket hour reads like 2026-11-23T06, not {0:?}")]
pub struct NoHour(String);

impl FromStr for BucketHour {
    type Err = NoHour;

    fn from_str(text: &str) -> Result<BucketHour, NoHour> {
        let no = || NoHour(text.to_owned());
        let (date, hour) = text.split_once('T').ok_or_else(no)?;
        let date: jiff::civil::Date = date.parse().map_err(|_| no())?;
        let hour: i64 = hour.parse().map_err(|_| no())?;
        let days = date.since((jiff::Unit::Day, jiff::civil::date(1970, 1, 1))).map_err(|_| no())?.get_days();
        let parsed = BucketHour(i64::from(days) * 24 + hour);
        // Only the canonical text is taken, so that a name has one spelling.
        if (0..24).contains(&hour) && (FIRST..NEXT).contains(&parsed.0) && parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(no())
        }
    }
}

impl Serialize for BucketHour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BucketHour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<BucketHour, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_floor_print_and_read_back() {
        assert_eq!(BucketHour::of(Some(-1)).to_string(), "1969-12-31T23");
        let hour = BucketHour::of(Some(1_795_413_599_999));
        assert_eq!(hour.folder(), format!("dt={}/hour={}", &hour.to_string()[..10], &hour.to_string()[11..]));
        assert_eq!(hour.to_string().parse::<BucketHour>().unwrap(), hour);
    }

    #[test]
    fn only_years_with_four_digits_have_a_folder() {
        let first = "0001-01-01T00".parse::<BucketHour>().unwrap();
        let last = "9999-12-31T23".parse::<BucketHour>().unwrap();
        assert_eq!((first.0, last.0), (FIRST, NEXT - 1));
        assert_eq!(BucketHour::of(Some(first.start_millis() - 1)), BucketHour::EPOCH);
        assert_eq!(BucketHour::of(Some(last.start_millis() + HOUR_MS)), BucketHour::EPOCH);
        assert_eq!(BucketHour::of(Some(i64::MAX)), BucketHour::EPOCH);
        assert_eq!(BucketHour::of(None), BucketHour::EPOCH);
    }
}
