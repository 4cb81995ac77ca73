//! Decisions drawn from bytes. Where the bytes end, each is the smallest one, so every input makes a case and a shorter input a
//! smaller case.

#[derive(Clone, Debug)]
pub struct Choices<'b> {
    bytes: &'b [u8],
}

/// Numbers at which encodings, types and rules change.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0x3fff,
    0x4000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as u64,
    i64::MIN as u64,
    u64::MAX,
    u64::MAX - 1,
    0xffff_ffff_8000_0000,
];

impl<'b> Choices<'b> {
    pub fn new(bytes: &'b [u8]) -> Choices<'b> {
        Choices { bytes }
    }

    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    /// Returns a number below `count`, which is 256 at most.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// Says yes in about `percent` of all cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        usize::from(self.byte()) * 100 >= 256 * (100 - percent)
    }

    pub fn pick<'s, T>(&mut self, of: &'s [T]) -> &'s T {
        &of[self.below(of.len())]
    }

    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Returns a number, mostly an edge or a small one.
    pub fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.byte().into(),
            1 | 2 => *self.pick(&EDGES),
            _ => self.word(),
        }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    pub fn rest(&self) -> &'b [u8] {
        self.bytes
    }
}

/// Returns bytes to choose by, the same for the same seed (SplitMix64).
pub fn seeded(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31).to_le_bytes()
    });
    words.flatten().take(count).collect()
}
