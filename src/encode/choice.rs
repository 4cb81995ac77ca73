//! Whether a dictionary pays for a column, judged by the values of its first page.
//!
//! The choice is made anew for every row group and by nothing but its own values, so that an object does not depend on those
//! before it. It costs some microseconds; a dictionary that fails costs more than all the rest of its column.

use foldhash::fast::FixedState;

use super::bits::width;
use super::dictionary::hash;
use super::plan::Kind;
use super::values::Values;

/// How many values are looked at, at most; and one in how many tells whether it is worth to look at them all.
const SAMPLE: usize = 16_384;
const FIRST_LOOK: usize = 8;

/// The greatest share of different values with which a dictionary pays: those of a page come again in later ones.
const SHARE: f64 = 0.75;

/// A greater share in a first look is that of ids, times and measures.
const UNIQUE: f64 = 0.97;

/// Always the same, so that what is chosen is, too.
const HASHER: FixedState = FixedState::with_seed(0);

/// Says whether a dictionary pays for values of that kind that go on as they begin.
pub fn repeats(kind: Kind, values: &Values) -> bool {
    let integers = matches!(kind, Kind::Int32 | Kind::Int64);
    let delta = if integers { delta_width(values) } else { u32::MAX };
    // A bit each; numbers that lie close to each other.
    if kind == Kind::Bool || delta <= 8 {
        return false;
    }
    let share = |one_in: usize| {
        let (distinct, seen) = distinct(kind, values, one_in);
        (distinct, distinct / seen)
    };
    // Few values are not worth a first look.
    if values.count >= SAMPLE / FIRST_LOOK && share(FIRST_LOOK).1 > UNIQUE {
        return false;
    }
    let (distinct, share) = share(1);
    share <= SHARE && width(distinct as u64) < delta - 1
}

/// Returns the bits that the differences of the first values take.
fn delta_width(values: &Values) -> u32 {
    let numbers = || values.longs.iter().copied().chain(values.words.iter().map(|word| i64::from(*word))).take(SAMPLE);
    let deltas = numbers().zip(numbers().skip(1)).map(|(before, after)| after.wrapping_sub(before));
    let (least, greatest) = deltas.fold((0, 0), |(least, greatest), delta| (delta.min(least), delta.max(greatest)));
    width(greatest.abs_diff(least))
}

/// Returns about how many different values there are among one in `one_in` of the sample, and how many those are: told from the
/// bits that their hashes set in a table (linear counting).
fn distinct(kind: Kind, values: &Values, one_in: usize) -> (f64, f64) {
    let bits = SAMPLE * 4 / one_in;
    let mut table = [0_u64; SAMPLE * 4 / 64];
    let (mut at, mut seen) = (0, 0);
    values.each(kind, SAMPLE, |value| {
        if at % one_in == 0 {
            let bit = hash(&HASHER, value) as usize % bits;
            table[bit / 64] |= 1 << (bit % 64);
            seen += 1;
        }
        at += 1;
    });
    let set: u32 = table.iter().map(|bits| bits.count_ones()).sum();
    let bits = bits as f64;
    (-bits * (1.0 - f64::from(set) / bits).ln(), f64::from(seen))
}
