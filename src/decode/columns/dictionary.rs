//! Strings as numbers in a dictionary that is built while decoding, where each costs a look into a small table instead of a copy.

use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::heap::Heap;
use super::rows::Rows;

/// A chunk's dictionary is given up once it holds this many values, and an eighth of the rows.
pub const FEW: usize = 256;

/// And once its values take this many bytes.
const MOST_BYTES: usize = 64 << 10;

/// How far a value's place in the table may lie from where its hash says, whatever values a producer finds.
const PROBES: usize = 8;

/// The rows as numbers of values, of which each is there once.
#[derive(Debug)]
pub struct Dictionary {
    /// One more than the number of each row's value, 0 where none was written.
    pub rows: Rows<i32>,
    /// From values to their numbers: open addressing, 0 for nothing, else one more than the number.
    slots: [u16; SLOTS],
    /// By number.
    keys: Vec<Key>,
    /// By number: where each value begins in `bytes`.
    starts: Vec<i32>,
    bytes: Heap,
    /// Whether a value found no place.
    is_full: bool,
}

/// A power of two.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 12;

/// What tells most values apart without a look at their bytes: the length, and the first and the last eight. Up to sixteen bytes
/// that is all of them: the first eight and what follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    len: usize,
}

/// By length: the bits of two words that count.
const MASKS: [[u64; 2]; 17] = {
    let mut masks = [[u64::MAX; 2]; 17];
    let mut len = 0;
    while len < 16 {
        masks[len][len / 8] = (1 << (len % 8 * 8)) - 1;
        if len < 8 {
            masks[len][1] = 0;
        }
        len += 1;
    }
    masks
};

impl Key {
    /// Without a branch on the length of a short value, which the processor could only guess, where sixteen bytes can be read
    /// whatever it is.
    #[inline(always)]
    fn of(input: &[u8], len: usize) -> Key {
        match (input.first_chunk::<16>(), MASKS.get(len)) {
            (Some(bytes), Some([first, last])) => Key { len, ..Key::of_words(bytes, *first, *last) },
            _ => Key::of_long(&input[..len]),
        }
    }

    #[inline(always)]
    fn of_words(bytes: &[u8; 16], first: u64, last: u64) -> Key {
        let words = u128::from_le_bytes(*bytes);
        Key { first: words as u64 & first, last: (words >> 64) as u64 & last, len: 0 }
    }

    #[inline(never)]
    fn of_long(value: &[u8]) -> Key {
        match (value.first_chunk(), value.last_chunk()) {
            (Some(first), Some(last)) if value.len() > 16 => {
                Key { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last), len: value.len() }
            }
            _ => {
                let mut bytes = [0; 16];
                bytes[..value.len()].copy_from_slice(value);
                Key { len: value.len(), ..Key::of_words(&bytes, u64::MAX, u64::MAX) }
            }
        }
    }

    /// Returns the slot at which a value is looked for first.
    #[inline(always)]
    fn slot(self) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = (self.first ^ self.len as u64).wrapping_mul(ODD) ^ self.last.rotate_left(32);
        (mixed.wrapping_mul(ODD) >> (u64::BITS - SLOT_BITS)) as usize
    }
}

impl Dictionary {
    pub fn new() -> Box<Dictionary> {
        Box::new(Dictionary {
            rows: Rows::default(),
            slots: [0; SLOTS],
            keys: Vec::new(),
            starts: Vec::new(),
            bytes: Heap::default(),
            is_full: false,
        })
    }

    /// Returns the number of a value, a new one where it is not there yet.
    #[inline(always)]
    pub fn number(&mut self, input: &[u8], len: usize) -> usize {
        let key = Key::of(input, len);
        let mut slot = key.slot();
        for _ in 0..PROBES {
            let Some(number) = (self.slots[slot] as usize).checked_sub(1) else {
                self.slots[slot] = self.keys.len() as u16 + 1;
                return self.add(key, input, len);
            };
            if self.keys[number] == key && (len <= 16 || self.value(number) == &input[..len]) {
                return number;
            }
            slot = (slot + 1) % SLOTS;
        }
        // A value without a place would be new each time.
        self.is_full = true;
        self.add(key, input, len)
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, key: Key, input: &[u8], len: usize) -> usize {
        self.keys.push(key);
        self.is_full |= self.keys.len() == SLOTS;
        self.starts.push(self.bytes.len() as i32);
        self.bytes.append(input, len);
        self.keys.len() - 1
    }

    #[cold]
    pub fn is_too_many(&self) -> bool {
        self.is_full || self.keys.len() > self.rows.all().len() / 8 || self.bytes.len() > MOST_BYTES
    }

    pub fn value(&self, number: usize) -> &[u8] {
        let end = self.starts.get(number + 1).map_or(self.bytes.len(), |end| *end as usize);
        &self.bytes.all()[self.starts[number] as usize..end]
    }

    /// Takes out the rows' numbers and the values. Rows that were skipped are empty, or null whatever stands there.
    pub fn finish(&mut self, rows: usize, empties: bool) -> (ScalarBuffer<i32>, OffsetBuffer<i32>, Buffer) {
        let mut ids = self.rows.take(rows);
        let empty = if empties && ids.contains(&0) { self.number(&[], 0) as i32 } else { 0 };
        ids.iter_mut().for_each(|id| *id = if *id == 0 { empty } else { *id - 1 });
        self.starts.push(self.bytes.len() as i32);
        let offsets = std::mem::take(&mut self.starts);
        self.slots.fill(0);
        self.keys.clear();
        self.is_full = false;
        (ids.into(), OffsetBuffer::new(offsets.into()), Buffer::from_vec(self.bytes.take()))
    }
}
