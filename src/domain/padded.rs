//! Bytes with slack behind them, so that a reader may take whole words at their end without leaving the slice.

/// How many bytes follow every padded value, at least. They are of no meaning: zeroes or whatever stands next.
pub const PAD: usize = 64;

pub(super) const ZEROES: [u8; PAD] = [0; PAD];

/// A value and at least [`PAD`] bytes behind it, in one slice.
#[derive(Clone, Copy, Debug)]
pub struct Padded<'a> {
    /// At least `len + PAD` long.
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Padded<'a> {
    /// Returns the first `len` of `bytes`, or nothing where the rest of them is no slack.
    pub fn new(bytes: &'a [u8], len: usize) -> Option<Padded<'a>> {
        bytes.len().checked_sub(PAD).filter(|&room| len <= room).map(|_| Padded { bytes, len })
    }

    /// Gives a value that lies elsewhere its slack, in its own buffer: a decompressed one has no arena.
    pub fn grow(value: &'a mut Vec<u8>) -> Padded<'a> {
        let len = value.len();
        value.extend_from_slice(&ZEROES);
        Padded { bytes: value, len }
    }

    pub fn value(self) -> &'a [u8] {
        &self.bytes[..self.len]
    }

    /// Returns the value and what follows it: at least `value().len() + PAD` bytes.
    pub fn with_slack(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns what follows the first `count` bytes of the value, or nothing where it has no so many.
    pub fn skip(self, count: usize) -> Option<Padded<'a>> {
        Some(Padded { len: self.len.checked_sub(count)?, bytes: &self.bytes[count..] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_is_never_less_than_promised() {
        let bytes = [7; PAD + 3];
        assert!(Padded::new(&bytes, 4).is_none() && Padded::new(&bytes[..PAD - 1], 0).is_none());
        let three = Padded::new(&bytes, 3).unwrap();
        let one = three.skip(2).unwrap();
        assert_eq!((one.value(), one.with_slack().len()), (&[7][..], 1 + PAD));
        assert!(one.skip(2).is_none() && one.skip(1).is_some());
        let mut buffer = b"ab".to_vec();
        let grown = Padded::grow(&mut buffer);
        assert_eq!((grown.value(), &grown.with_slack()[2..]), (&b"ab"[..], &ZEROES[..]));
    }
}
