//! Parquet's delta encodings: integers as packed differences, byte strings as their lengths and then their bytes.

use super::bits::{pack, varint, width, zigzag};

/// Numbers in a block, and in each of the parts that have a width of their own: what parquet-mr writes, too.
const BLOCK: usize = 128;
const PART: usize = 32;

/// A physical integer type. Its differences wrap, as the format asks.
pub trait Integer: Copy + Ord + Default {
    fn minus(self, other: Self) -> Self;
    /// The same bits as a number without sign.
    fn unsigned(self) -> u64;
    fn signed(self) -> i64;
}

impl Integer for i32 {
    fn minus(self, other: i32) -> i32 {
        self.wrapping_sub(other)
    }

    fn unsigned(self) -> u64 {
        u64::from(self.cast_unsigned())
    }

    fn signed(self) -> i64 {
        i64::from(self)
    }
}

impl Integer for i64 {
    fn minus(self, other: i64) -> i64 {
        self.wrapping_sub(other)
    }

    fn unsigned(self) -> u64 {
        self.cast_unsigned()
    }

    fn signed(self) -> i64 {
        self
    }
}

/// Appends integers as DELTA_BINARY_PACKED.
pub fn encode<T: Integer>(numbers: &[T], out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint((BLOCK / PART) as u64, out);
    varint(numbers.len() as u64, out);
    zigzag(numbers.first().copied().unwrap_or_default().signed(), out);
    let mut deltas = [T::default(); BLOCK];
    let mut at = 1;
    while at < numbers.len() {
        let count = BLOCK.min(numbers.len() - at);
        let pairs = numbers[at..at + count].iter().zip(&numbers[at - 1..]);
        deltas.iter_mut().zip(pairs).for_each(|(delta, (number, before))| *delta = number.minus(*before));
        block(&deltas[..count], out);
        at += count;
    }
}

fn block<T: Integer>(deltas: &[T], out: &mut Vec<u8>) {
    let least = deltas.iter().copied().min().unwrap_or_default();
    zigzag(least.signed(), out);
    let mut above = [0_u64; BLOCK];
    above.iter_mut().zip(deltas).for_each(|(above, delta)| *above = delta.minus(least).unsigned());
    let widths = out.len();
    out.extend_from_slice(&[0; BLOCK / PART]);
    for (part, numbers) in above.chunks_exact(PART).enumerate().take(deltas.len().div_ceil(PART)) {
        let width = width(numbers.iter().fold(0, |bits, number| bits | number));
        out[widths + part] = width as u8;
        pack(numbers, width, out);
    }
}

/// Appends byte strings as DELTA_LENGTH_BYTE_ARRAY: `bytes` is theirs, one after the other.
pub fn encode_strings(lengths: &[i32], bytes: &[u8], out: &mut Vec<u8>) {
    encode(lengths, out);
    out.extend_from_slice(bytes);
}
