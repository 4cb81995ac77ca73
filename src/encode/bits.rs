//! Numbers in as many bits as they need.

/// Returns the bits that a number takes.
pub fn width(greatest: u64) -> u32 {
    u64::BITS - greatest.leading_zeros()
}

/// Appends numbers of `width` bits each, the first in the lowest bits of the first byte. The last byte is filled up with zeros.
pub fn pack<T: Copy + Into<u64>>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    if width <= 8 { pack_narrow(numbers, width, out) } else { pack_wide(numbers, width, out) }
}

/// Eight numbers fit into a word, of which as many bytes count as they have bits.
fn pack_narrow<T: Copy + Into<u64>>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    let mut at = out.len();
    let end = at + (numbers.len() * width as usize).div_ceil(8);
    // Each word is written whole, and its bytes too many are written over by the next.
    out.resize(end + 8, 0);
    for group in numbers.chunks(8) {
        let word = group.iter().rev().fold(0_u64, |word, number| word << width | (*number).into());
        out[at..at + 8].copy_from_slice(&word.to_le_bytes());
        at += width as usize;
    }
    out.truncate(end);
}

fn pack_wide<T: Copy + Into<u64>>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    out.reserve((numbers.len() * width as usize).div_ceil(8) + 8);
    let (mut word, mut used) = (0_u64, 0);
    for number in numbers {
        let number: u64 = (*number).into();
        word |= number << used;
        used += width;
        if used >= u64::BITS {
            out.extend_from_slice(&word.to_le_bytes());
            used -= u64::BITS;
            // What the full word had no place for.
            word = if used == 0 { 0 } else { number >> (width - used) };
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..used.div_ceil(8) as usize]);
}

/// Appends a number in groups of seven bits, the lowest first (LEB128).
pub fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a signed number so that small ones of either sign are short.
pub fn zigzag(number: i64, out: &mut Vec<u8>) {
    varint((number << 1 ^ number >> 63) as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8], width: u32, count: usize) -> Vec<u64> {
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        let number = |at: usize| (0..width as usize).map(|b| bit(at * width as usize + b) << b).sum();
        (0..count).map(number).collect()
    }

    #[test]
    fn packed_numbers_stand_at_their_bits() {
        for bits in 0..=64 {
            let numbers: Vec<u64> = (0..40_u64)
                .map(|n| if bits == 0 { 0 } else { n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits) })
                .collect();
            let mut out = vec![7];
            pack(&numbers, bits, &mut out);
            assert_eq!(out.len(), 1 + (40 * bits as usize).div_ceil(8));
            assert_eq!(unpack(&out[1..], bits, 40), numbers, "{bits} bits");
        }
    }

    #[test]
    fn widths_are_the_smallest() {
        assert_eq!([0, 1, 2, 255, 256, u64::MAX].map(width), [0, 1, 2, 8, 9, 64]);
    }
}
