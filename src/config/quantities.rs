//! Durations and sizes, always with their unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::wrong::Wrong;

/// A duration: `250ms`, `60s`, `5m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period(pub Duration);

/// A number of bytes: `512KiB`, `64MiB`, `1GiB`; `kB`, `MB`, `GB` are powers of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size(pub u64);

/// Largest first, so that a value prints with the largest unit that divides it.
const PERIODS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("B", 1),
];
const PERIOD_HELP: &str = "write a whole number and `ms`, `s`, `m` or `h`, like `60s` or `5m`";
const SIZE_HELP: &str = "write a whole number and `KiB`, `MiB`, `GiB` (or `kB`, `MB`, `GB`, `B`), like `64MiB`";

impl Period {
    pub const fn secs(secs: u64) -> Period {
        Period(Duration::from_secs(secs))
    }
}

impl Size {
    pub const fn mib(mib: u64) -> Size {
        Size(mib << 20)
    }
}

impl FromStr for Period {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Period, Wrong> {
        quantity(text, &PERIODS, PERIOD_HELP).map(|millis| Period(Duration::from_millis(millis)))
    }
}

impl FromStr for Size {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Size, Wrong> {
        quantity(text, &SIZES, SIZE_HELP).map(Size)
    }
}

fn quantity(text: &str, units: &[(&str, u64)], help: &str) -> Result<u64, Wrong> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let what = match (number, unit) {
        ("", _) => "this does not begin with a whole number",
        (_, "") => "the unit is missing",
        _ => match units.iter().find(|(name, _)| *name == unit) {
            None => "the unit is not known",
            Some((_, factor)) => match number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)) {
                None => "this is too large",
                Some(value) => return Ok(value),
            },
        },
    };
    Err(Wrong::new(what, help))
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In seconds, as most write them; a day in hours would be no shorter.
        print(f, self.0.as_millis() as u64, &PERIODS[2..])
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, self.0, &SIZES)
    }
}

fn print(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = units.iter().find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor));
    let (unit, factor) = fits.unwrap_or(&units[units.len() - 1]);
    write!(f, "{}{unit}", value / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_and_print_with_a_unit_that_divides_them() {
        for (text, bytes) in [("64MiB", 64 << 20), ("1GB", 1_000_000_000), ("1025B", 1025), ("0B", 0)] {
            assert_eq!(text.parse::<Size>().unwrap(), Size(bytes));
            assert_eq!(Size(bytes).to_string(), text);
        }
        for (text, printed) in [("60s", "60s"), ("5m", "300s"), ("250ms", "250ms"), ("1500ms", "1500ms")] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn a_quantity_without_unit_or_out_of_bounds_is_refused() {
        for text in
            ["60", "s", "", "1 GiB", "1gib", "-1s", "1.5GiB", "99999999999999999999B", "18446744073709551615TiB"]
        {
            assert!(text.parse::<Size>().is_err() && text.parse::<Period>().is_err(), "{text}");
        }
    }
}
