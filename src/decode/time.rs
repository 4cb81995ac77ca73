//! Timestamp and Duration as the numbers their columns hold, and as the texts their JSON has.

use std::fmt::Write;

use super::value::{Message, Value};

/// 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z in seconds since the epoch: what a Timestamp may say.
const FIRST_SECOND: i64 = -62_135_596_800;
const NEXT_SECOND: i64 = 253_402_300_800;

/// What a Duration may say in JSON: ten thousand years either way.
const LONGEST: i64 = 315_576_000_000;

/// Returns the two fields that Timestamp and Duration share.
pub fn parts(message: &Message<'_>) -> (i64, i32) {
    let seconds = match message.one(0) {
        Some(Value::Int64(seconds)) => *seconds,
        _ => 0,
    };
    let nanos = match message.one(1) {
        Some(Value::Int32(nanos)) => *nanos,
        _ => 0,
    };
    (seconds, nanos)
}

fn valid_timestamp((seconds, nanos): (i64, i32)) -> Option<(i64, i32)> {
    ((FIRST_SECOND..NEXT_SECOND).contains(&seconds) && (0..1_000_000_000).contains(&nanos)).then_some((seconds, nanos))
}

/// Returns a Timestamp in microseconds since the epoch; nothing beyond the years 1 to 9999 or for nanos that are none.
pub fn micros(parts: (i64, i32)) -> Option<i64> {
    valid_timestamp(parts).map(|(seconds, nanos)| seconds * 1_000_000 + i64::from(nanos) / 1_000)
}

/// Returns a Duration in nanoseconds; nothing where 64 bits do not hold it.
pub fn nanos((seconds, nanos): (i64, i32)) -> Option<i64> {
    i64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).ok()
}

/// Returns the parts of a Duration of so many nanoseconds.
pub fn seconds_and_nanos(nanos: i64) -> (i64, i32) {
    (nanos / 1_000_000_000, (nanos % 1_000_000_000) as i32)
}

/// Returns a Timestamp as RFC 3339, in UTC.
pub fn timestamp_text(message: &Message<'_>) -> Option<String> {
    let (seconds, nanos) = valid_timestamp(parts(message))?;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let epoch = jiff::civil::date(1970, 1, 1);
    let date = epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    let mut text = format!("{date}T{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
    push_fraction(&mut text, nanos.unsigned_abs());
    text.push('Z');
    Some(text)
}

/// Returns a Duration as seconds with an `s` behind; nothing where its parts differ in sign or go too far.
pub fn duration_text(message: &Message<'_>) -> Option<String> {
    let (seconds, nanos) = parts(message);
    let signs_agree = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    if !signs_agree || !(-LONGEST..=LONGEST).contains(&seconds) || nanos.unsigned_abs() >= 1_000_000_000 {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let mut text = format!("{sign}{}", seconds.unsigned_abs());
    push_fraction(&mut text, nanos.unsigned_abs());
    text.push('s');
    Some(text)
}

/// Writes no, three, six or nine digits, as few as say it all.
fn push_fraction(text: &mut String, nanos: u32) {
    let written = match nanos {
        0 => Ok(()),
        _ if nanos.is_multiple_of(1_000_000) => write!(text, ".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => write!(text, ".{:06}", nanos / 1_000),
        _ => write!(text, ".{nanos:09}"),
    };
    written.expect("a String takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seconds: i64, nanos: i32) -> Message<'static> {
        let mut message = Message::new(0);
        message.set(0, Value::Int64(seconds));
        message.set(1, Value::Int32(nanos));
        message
    }

    #[test]
    fn a_timestamp_holds_the_years_1_to_9999() {
        assert_eq!(micros(parts(&made(FIRST_SECOND, 0))), Some(FIRST_SECOND * 1_000_000));
        assert_eq!(timestamp_text(&made(FIRST_SECOND, 0)).unwrap(), "0001-01-01T00:00:00Z");
        assert_eq!(timestamp_text(&made(NEXT_SECOND - 1, 999_999_999)).unwrap(), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(micros(parts(&made(-1, 999_999_999))), Some(-1));
        for bad in [made(FIRST_SECOND - 1, 0), made(NEXT_SECOND, 0), made(0, -1), made(0, 1_000_000_000)] {
            assert_eq!((micros(parts(&bad)), timestamp_text(&bad)), (None, None));
        }
    }

    #[test]
    fn a_duration_holds_what_64_bits_of_nanoseconds_hold() {
        assert_eq!(nanos(parts(&made(9_223_372_036, 854_775_807))), Some(i64::MAX));
        assert_eq!(nanos(parts(&made(9_223_372_036, 854_775_808))), None);
        assert_eq!(nanos(parts(&made(-1, -500))), Some(-1_000_000_500));
        assert_eq!(duration_text(&made(-1, -500_000_000)).unwrap(), "-1.500s");
        assert_eq!(duration_text(&made(0, -1_000)).unwrap(), "-0.000001s");
        assert_eq!(duration_text(&made(1, -1)), None);
        assert_eq!(duration_text(&made(LONGEST + 1, 0)), None);
    }
}
