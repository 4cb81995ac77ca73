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
    number_that(|_| true, rest, told)
}

/// Reads a number that is canonical only if its value `fits`, as all of two bytes do.
#[inline(always)]
fn number_that<'a>(fits: impl Fn(u64) -> bool, rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u64, Rest<'a>)> {
    let window = rest.first_chunk::<LONGEST>().ok_or(Odd)?;
    let two = u64::from(u16::from_le_bytes([window[0], window[1]]));
    // Of the second byte only 1 to 127 end a number as short as it can be: any other has its high bit set, or that of one less.
    if ((two | two.wrapping_sub(0x100)) >> 8) & two & 0x80 != 0 {
        let (bits, rest) = after_long(long(window), rest, told)?;
        told.add_if(!fits(bits), RawReason::Varint);
        return Ok((bits, rest));
    }
    let more = two >> 7 & 1;
    Ok((two & 0x7f | two >> 1 & 0x3f80 & more.wrapping_neg(), &rest[1 + more as usize..]))
}

/// Set in each byte of a varint but its last.
const CONTINUE: u64 = 0x8080_8080_8080_8080;

/// Set in a length whose varint is longer than it has to be, or too long for its bits.
const ODD_FORM: usize = 1 << 8;

/// Any number, for those of three bytes and more: eight at once, whose continuation bits say how many count. Returns value and length, 0 for none; two
/// words, which travel in registers.
#[inline(never)]
fn long(window: &[u8; LONGEST]) -> (u64, usize) {
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

/// Reads the block of nearly every Timestamp: canonical, with seconds of five bytes (1978 to 3058) and with nanos.
#[inline(always)]
pub fn seconds_then_nanos(rest: Rest<'_>) -> Option<(i64, i32, Rest<'_>)> {
    /// Of the first eight bytes, but for the length: both tags, and which bytes of the seconds go on.
    const SHAPE: u64 = 0xff80_8080_8080_ff00;
    const EXPECTED: u64 = 0x1000_8080_8080_0800;
    let (head, behind) = rest.split_first_chunk::<8>()?;
    let (head, behind) = (u64::from_le_bytes(*head), u64::from_le_bytes(*behind.first_chunk::<8>()?));
    let len = head as usize & 0xff;
    let nanos_len = len.wrapping_sub(7);
    if head & SHAPE != EXPECTED || !(1..=5).contains(&nanos_len) {
        return None;
    }
    let mask = u64::MAX >> (64 - 8 * nanos_len);
    let (seconds, nanos) = (five(head >> 16), five(behind & mask));
    // All bytes but the last go on, and the last adds something.
    let is_whole = behind & mask & CONTINUE == mask >> 8 & CONTINUE && behind & mask > mask >> 8;
    (is_whole && seconds >> 28 != 0 && nanos < 1_000_000_000).then(|| (seconds as i64, nanos as i32, &rest[1 + len..]))
}

/// Puts the low seven bits of each of five bytes together.
#[inline(always)]
fn five(bytes: u64) -> u64 {
    let low = bytes as u32;
    let pairs = low & 0x007f_007f | (low & 0x7f00_7f00) >> 1;
    u64::from(pairs & 0x3fff | (pairs & 0x3fff_0000) >> 2) | (bytes >> 32 & 0x7f) << 28
}

#[inline(always)]
fn after_long<'a>((value, length): (u64, usize), rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u64, Rest<'a>)> {
    if length == 0 {
        return Err(Odd);
    }
    told.add_if(length & ODD_FORM != 0, RawReason::Varint);
    Ok((value, &rest[length & !ODD_FORM..]))
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
    number_that(|bits| u32::try_from(bits).is_ok(), rest, told).map(|(bits, rest)| (bits as u32, rest))
}

/// Reads an int32 or an enum: negative ones are canonical in ten bytes.
#[inline(always)]
pub fn int32<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(i32, Rest<'a>)> {
    number_that(|bits| i32::try_from(bits as i64).is_ok(), rest, told).map(|(bits, rest)| (bits as i32, rest))
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
    let (length, rest) = match rest {
        [first @ ..0x80, next @ ..] => (usize::from(*first), next),
        _ => long_length(rest, told)?,
    };
    if length + after <= rest.len() { Ok((length, rest)) } else { Err(Odd) }
}

/// Reads a length of two bytes and more that the input has, so that sums with it stay in their bounds.
#[inline(never)]
fn long_length<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(usize, Rest<'a>)> {
    let (length, rest) = varint(rest, told)?;
    if length <= rest.len() as u64 { Ok((length as usize, rest)) } else { Err(Odd) }
}

/// A tag of at most five bytes and 32 bits. Whether it has a field number is left to who does not know it.
#[inline(always)]
pub fn tag<'a>(rest: Rest<'a>, told: &mut RawReasons) -> Plain<(u32, Rest<'a>)> {
    match short_tag(rest) {
        Some(read) => Ok(read),
        None => long_tag(rest, told),
    }
}

/// Reads a tag of one or two bytes, as it is written by who does not lengthen it.
#[inline(always)]
pub fn short_tag(rest: Rest<'_>) -> Option<(u32, Rest<'_>)> {
    match rest {
        [first @ ..0x80, next @ ..] => Some((u32::from(*first), next)),
        [first, second @ 1..0x80, next @ ..] => Some((u32::from(first & 0x7f) | u32::from(*second) << 7, next)),
        _ => None,
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
    fn a_block_of_seconds_and_nanos_is_read_at_once_only_if_it_is_canonical() {
        let block = |seconds: &[u8], nanos: &[u8]| {
            let inner = [&[0x08], seconds, &[0x10], nanos].concat();
            [&[inner.len() as u8], &inner[..], &[0xff; 16]].concat()
        };
        let read = |bytes: &[u8]| seconds_then_nanos(bytes).map(|(seconds, nanos, rest)| (seconds, nanos, rest.len()));
        for seconds in [1u64 << 28, 1_767_225_600, (1 << 35) - 1] {
            for nanos in [1u64, 127, 128, 16_384, 2_097_152, 123_456_789, 268_435_456, 999_999_999] {
                let (seconds_bytes, nanos_bytes) = (wire().number(seconds).0, wire().number(nanos).0);
                let expected = Some((seconds as i64, nanos as i32, 16));
                assert_eq!(read(&block(&seconds_bytes, &nanos_bytes)), expected);
                let mut longer = nanos_bytes.clone();
                *longer.last_mut().unwrap() |= 0x80;
                assert_eq!(read(&block(&seconds_bytes, &[&longer[..], &[0]].concat())), None, "{nanos}");
                assert_eq!(read(&block(&seconds_bytes, &longer)), None, "{nanos}");
                assert_eq!(read(&block(&seconds_bytes, &[&nanos_bytes[..], &[0x18]].concat())), None, "{nanos}");
            }
        }
        let (now, some) = (wire().number(1_767_225_600).0, wire().number(5).0);
        for (seconds, nanos) in
            [((1 << 28) - 1, 5), (1 << 35, 5), (u64::MAX, 5), (1 << 30, 0), (1 << 30, 1_000_000_000)]
        {
            assert_eq!(read(&block(&wire().number(seconds).0, &wire().number(nanos).0)), None, "{seconds} {nanos}");
        }
        for at in [1, 7] {
            let mut other_tag = block(&now, &some);
            other_tag[at] += 8;
            assert_eq!(read(&other_tag), None);
        }
        assert_eq!(read(&block(&now, &some)[..15]), None);
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
