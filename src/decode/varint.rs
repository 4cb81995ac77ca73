//! Numbers off the wire, from a slice that goes on behind the payload: a read near the end may run over it, and whoever reads
//! compares what is left afterwards.

use super::columns::{Odd, Plain};
use super::raw::{RawReason, RawReasons};

/// The input from a position on: what is left of the payload, and what lies behind it.
pub type Rest<'a> = &'a [u8];

/// The most bytes a varint takes. The slack behind a payload lets so many be read wherever it goes on.
const LONGEST: usize = 10;

/// Reads a varint, and returns it with what follows. Bits beyond 64 are dropped; that, and bytes that add nothing, are told.
#[inline(always)]
pub fn varint<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u64, Rest<'a>)> {
    let window = rest.first_chunk::<LONGEST>().ok_or(Odd)?;
    let [first, second, ..] = *window;
    if first < 0x80 {
        return Ok((u64::from(first), &rest[1..]));
    }
    if second < 0x80 {
        told.add_if(second == 0, RawReason::Varint);
        return Ok((u64::from(first & 0x7f) | u64::from(second) << 7, &rest[2..]));
    }
    after_long(long(window), rest, told)
}

/// Reads the same, but for numbers of one or two bytes without a branch between them: where both occur, the processor could only
/// guess.
#[inline(always)]
pub fn number<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u64, Rest<'a>)> {
    let window = rest.first_chunk::<LONGEST>().ok_or(Odd)?;
    let two = u64::from(u16::from_le_bytes([window[0], window[1]]));
    if two & 0x8080 == 0x8080 {
        return after_long(long(window), rest, told);
    }
    let more = two >> 7 & 1;
    // The second byte counts where the first says so.
    let bits = two & (0x7f | more.wrapping_neg());
    told.add_if(bits >> 7 == 1, RawReason::Varint);
    Ok((bits & 0x7f | bits >> 1 & !0x7f, &rest[1 + more as usize..]))
}

/// Set in a length whose varint is longer than it has to be, or too long for its bits.
const ODD_FORM: usize = 1 << 8;

/// Three bytes and more: eight at once, whose continuation bits say how many count. Returns value and length, 0 for none; two
/// words, which travel in registers.
#[inline(never)]
fn long(window: &[u8; LONGEST]) -> (u64, usize) {
    by_words(window)
}

/// Reads a varint that is expected to have three bytes and more, without a call.
#[inline(always)]
pub fn long_varint<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u64, Rest<'a>)> {
    let window = rest.first_chunk::<LONGEST>().ok_or(Odd)?;
    after_long(by_words(window), rest, told)
}

#[inline(always)]
fn after_long<'a>((value, length): (u64, usize), rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u64, Rest<'a>)> {
    if length == 0 {
        return Err(Odd);
    }
    told.add_if(length & ODD_FORM != 0, RawReason::Varint);
    Ok((value, &rest[length & !ODD_FORM..]))
}

#[inline(always)]
fn by_words(window: &[u8; LONGEST]) -> (u64, usize) {
    const CONTINUE: u64 = 0x8080_8080_8080_8080;
    let (word, _) = window.split_first_chunk::<8>().expect("ten bytes begin with eight");
    let word = u64::from_le_bytes(*word);
    let ends = !word & CONTINUE;
    if ends == 0 {
        return longest(window);
    }
    let last = ends.trailing_zeros();
    let odd_form = if word >> (last - 7) & 0x7f == 0 && last > 7 { ODD_FORM } else { 0 };
    // Keep the bytes up to the last, then close the gaps of their continuation bits: by pairs, by fours, by eights.
    let bytes = word & (u64::MAX >> (63 - last)) & !CONTINUE;
    let pairs = bytes & 0x007f_007f_007f_007f | (bytes & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    let value = fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4;
    (value, (last as usize / 8 + 1) | odd_form)
}

/// Nine and ten bytes.
#[inline(never)]
fn longest(window: &[u8; LONGEST]) -> (u64, usize) {
    let mut value = 0u64;
    for (index, byte) in window.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            // The tenth byte has room for one bit.
            let odd_form = if *byte == 0 || index == 9 && *byte > 1 { ODD_FORM } else { 0 };
            return (value, (index + 1) | odd_form);
        }
    }
    (0, 0)
}

/// Reads so many bytes as they are.
#[inline(always)]
pub fn fixed<const N: usize>(rest: Rest<'_>) -> Plain<([u8; N], Rest<'_>)> {
    rest.split_first_chunk().map(|(bytes, rest)| (*bytes, rest)).ok_or(Odd)
}

/// Reads a varint of which only the low 32 bits count: a number that takes more is not canonical.
#[inline(always)]
pub fn uint32<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u32, Rest<'a>)> {
    let (bits, rest) = number(rest, told)?;
    told.add_if(bits > u64::from(u32::MAX), RawReason::Varint);
    Ok((bits as u32, rest))
}

/// Reads an int32 or an enum: negative ones are canonical in ten bytes.
#[inline(always)]
pub fn int32<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(i32, Rest<'a>)> {
    let (bits, rest) = number(rest, told)?;
    told.add_if(i64::from(bits as i32) as u64 != bits, RawReason::Varint);
    Ok((bits as i32, rest))
}

#[inline(always)]
pub fn sint32<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(i32, Rest<'a>)> {
    let (bits, rest) = uint32(rest, told)?;
    Ok(((bits >> 1) as i32 ^ -((bits & 1) as i32), rest))
}

#[inline(always)]
pub fn sint64<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(i64, Rest<'a>)> {
    let (bits, rest) = number(rest, told)?;
    Ok(((bits >> 1) as i64 ^ -((bits & 1) as i64), rest))
}

/// Reads a length, and returns it with what follows. The block ends where the last `after` bytes of the input begin, or before.
#[inline(always)]
pub fn block<'a>(rest: Rest<'a>, after: usize, told: &mut RawReasons) -> Plain<(usize, Rest<'a>)> {
    let (length, rest) = varint(rest, told)?;
    match rest.len().checked_sub(after) {
        Some(room) if length <= room as u64 => Ok((length as usize, rest)),
        _ => Err(Odd),
    }
}

/// A tag of at most five bytes and 32 bits. Whether it has a field number is left to who does not know it.
#[inline(always)]
pub fn tag<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u32, Rest<'a>)> {
    match *rest.first_chunk::<LONGEST>().ok_or(Odd)? {
        [first @ ..0x80, ..] => Ok((u32::from(first), &rest[1..])),
        [first, second @ 1..0x80, ..] => Ok((u32::from(first & 0x7f) | u32::from(second) << 7, &rest[2..])),
        _ => long_tag(rest, told),
    }
}

#[inline(never)]
fn long_tag<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u32, Rest<'a>)> {
    let (tag, next) = varint(rest, told)?;
    if tag > u64::from(u32::MAX) || rest.len() - next.len() > 5 { Err(Odd) } else { Ok((tag as u32, next)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::fixture::wire;

    #[test]
    fn numbers_of_all_lengths_are_read_whole_and_only_the_shortest_form_is_canonical() {
        for value in (0..64).flat_map(|bits| [1u64 << bits, (1 << bits) - 1, (1 << bits) + 1]).chain([u64::MAX]) {
            let bytes = wire().number(value).0;
            for behind in [0x00, 0xff] {
                let mut told = RawReasons::default();
                let input = [&bytes[..], &[behind; 10]].concat();
                assert_eq!(varint(&input, &mut told), Ok((value, &input[bytes.len()..])));
                assert_eq!(told.first(), None, "{value}");
                let mut long = bytes.clone();
                *long.last_mut().unwrap() |= 0x80;
                long.push(0);
                if long.len() <= 10 {
                    let input = [&long[..], &[behind; 10]].concat();
                    assert_eq!(varint(&input, &mut told), Ok((value, &input[long.len()..])));
                    assert_eq!(told.first(), Some(RawReason::Varint), "{value}");
                }
            }
        }
    }

    #[test]
    fn bits_beyond_64_are_dropped_and_eleven_bytes_refused() {
        let mut told = RawReasons::default();
        let ten = [[0xff; 9].as_slice(), &[0x7f], &[0; 10]].concat();
        assert_eq!(varint(&ten, &mut told), Ok((u64::MAX, &ten[10..])));
        assert_eq!(told.first(), Some(RawReason::Varint));
        assert_eq!(varint(&[0x80; 20], &mut told), Err(Odd));
        assert_eq!(varint(&[], &mut told), Err(Odd));
    }

    #[test]
    fn tags_and_blocks_keep_to_their_bounds() {
        let mut told = RawReasons::default();
        let read = |bytes: &[u8]| {
            let input = [bytes, &[0; 16]].concat();
            tag(&input, &mut RawReasons::default()).map(|(tag, rest)| (tag, input.len() - rest.len()))
        };
        assert_eq!(read(&[0x0a]), Ok((10, 1)));
        assert_eq!(read(&[0x8a, 0x01]), Ok((138, 2)));
        assert_eq!(read(&[0x8a, 0x80, 0x80, 0x80, 0x00]), Ok((10, 5)));
        assert_eq!(read(&[0x8a, 0x80, 0x80, 0x80, 0x80, 0x00]), Err(Odd));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(Odd));
        assert!(tag(&[&[0x8a, 0x00][..], &[0; 16]].concat(), &mut told).is_ok());
        assert_eq!(told.first(), Some(RawReason::Varint));
        let input = [&[3][..], &[0; 16]].concat();
        assert_eq!(block(&input, 13, &mut told), Ok((3, &input[1..])));
        assert_eq!(block(&input, 14, &mut told), Err(Odd));
        assert_eq!(block(&input, 17, &mut told), Err(Odd));
        assert_eq!(block(&wire().number(u64::MAX).raw(&[0; 16]).0, 0, &mut told), Err(Odd));
    }
}
