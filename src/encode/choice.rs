//! Whether a dictionary pays for a column, judged by its first values.
//!
//! The choice is made anew for every row group and by nothing but its own values, so that an object does not depend on those
//! before it. It costs some microseconds; a dictionary that fails costs more than all the rest of its column.

use super::bits::width;
use super::dictionary::hash;
use super::plan::Kind;
use super::values::Values;

/// How many values are judged, at most. Fewer are judged only where there are no more.
pub const SAMPLE: usize = 2_048;

/// Says whether a dictionary pays for values of that kind that go on as they begin.
pub fn repeats(kind: Kind, values: &Values) -> bool {
    let sampled = values.count.min(SAMPLE);
    match kind {
        // A bit each.
        Kind::Bool => false,
        // A string is worth several looks, a number hardly one.
        Kind::Bytes => distinct(kind, values) <= sampled / 2,
        Kind::Float | Kind::Double | Kind::Fixed(_) => distinct(kind, values) <= sampled / 4,
        Kind::Int32 | Kind::Int64 => {
            let distinct = distinct(kind, values);
            // Numbers that lie close to each other take as few bits without.
            distinct <= sampled / 4 && delta_width(values) > width(distinct as u64) + 1
        }
    }
}

/// Returns the bits that the sample's differences take.
fn delta_width(values: &Values) -> u32 {
    let numbers = || values.longs.iter().copied().chain(values.words.iter().map(|word| i64::from(*word))).take(SAMPLE);
    let deltas = numbers().zip(numbers().skip(1)).map(|(before, after)| after.wrapping_sub(before));
    let (least, greatest) = deltas.fold((0, 0), |(least, greatest), delta| (delta.min(least), delta.max(greatest)));
    width(greatest.abs_diff(least))
}

/// Returns about how many different values the sample has: the bits that their hashes set in a table four times their number.
fn distinct(kind: Kind, values: &Values) -> usize {
    const BITS: usize = SAMPLE * 4;
    let mut seen = [0_u64; BITS / 64];
    values.each(kind, SAMPLE, |value| {
        let bit = hash(value) as usize % BITS;
        seen[bit / 64] |= 1 << (bit % 64);
    });
    seen.iter().map(|bits| bits.count_ones() as usize).sum()
}
