//! Timestamp and Duration out of what columns and JSON hold of them: seconds, and nanoseconds of the same sign or, in a
//! Timestamp, of none.

use jiff::civil;

/// Of a Timestamp's column, in microseconds.
pub fn of_micros(micros: i64) -> (i64, i32) {
    (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) as i32 * 1_000)
}

/// Of a Duration's column, in nanoseconds.
pub fn of_nanos(nanos: i64) -> (i64, i32) {
    (nanos / 1_000_000_000, (nanos % 1_000_000_000) as i32)
}

/// Reads a Timestamp as JSON has it: RFC 3339 in UTC, with no, three, six or nine digits of a second.
pub fn of_timestamp(text: &str) -> Option<(i64, i32)> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.splitn(3, ':').map(str::parse::<u8>);
    let mut next = || Some(i64::from(parts.next()?.ok()?));
    let second = (next()? * 60 + next()?) * 60 + next()?;
    let days = date.parse::<civil::Date>().ok()?.since(civil::date(1970, 1, 1)).ok()?.get_days();
    Some((i64::from(days) * 86_400 + second, nanos(fraction)?))
}

/// Reads a Duration as JSON has it: seconds with an `s` behind.
pub fn of_duration(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    Some((sign * i64::try_from(seconds.parse::<u64>().ok()?).ok()?, sign as i32 * nanos(fraction)?))
}

fn nanos(fraction: &str) -> Option<i32> {
    match fraction.len() {
        0 => Some(0),
        digits @ (3 | 6 | 9) => fraction.parse::<i32>().ok()?.checked_mul(10i32.pow(9 - digits as u32)),
        _ => None,
    }
}
