//! The bytes of strings.

/// Bytes one behind the other, with room behind them that is written ahead: short values move as one or two whole words.
#[derive(Debug, Default)]
pub struct Heap {
    /// What counts, and what does not.
    bytes: Vec<u8>,
    len: usize,
}

/// What moves at once.
const WORD: usize = 32;

/// How much is written ahead: little enough to be still in the processor's cache when it is written over.
const AHEAD: usize = 4 << 10;

impl Heap {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn all(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Appends the first `len` bytes of `input`, of which as much as a word may be read beyond.
    #[inline(always)]
    pub fn append(&mut self, input: &[u8], len: usize) {
        let room = self.bytes.get_mut(self.len..).and_then(|room| room.first_chunk_mut::<{ 2 * WORD }>());
        match (room, input.first_chunk::<{ 2 * WORD }>()) {
            (Some(room), Some(words)) if len <= 2 * WORD => {
                room[..WORD].copy_from_slice(&words[..WORD]);
                if len > WORD {
                    room[WORD..].copy_from_slice(&words[WORD..]);
                }
                self.len += len;
            }
            _ => self.append_slowly(&input[..len]),
        }
    }

    #[inline(never)]
    fn append_slowly(&mut self, value: &[u8]) {
        let end = self.len + value.len();
        if self.bytes.len() < end + 2 * WORD {
            self.bytes.resize(end + AHEAD, 0);
        }
        self.bytes[self.len..end].copy_from_slice(value);
        self.len = end;
    }

    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Takes the bytes out and leaves room for as many.
    pub fn take(&mut self) -> Vec<u8> {
        let len = std::mem::take(&mut self.len);
        let mut bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(len + len / 16));
        bytes.truncate(len);
        bytes
    }
}
