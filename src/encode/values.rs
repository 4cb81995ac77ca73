//! The values of a column, one after the other and without nulls.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrowPrimitiveType, DictionaryArray};
use arrow_schema::{DataType, TimeUnit};
use parquet::basic::Encoding;

use super::delta;
use super::levels::Live;
use super::page::tidy;
use super::plan::Kind;

/// Values of one kind. Which of the buffers hold them is the kind's.
#[derive(Clone, Default)]
pub struct Values {
    pub count: usize,
    /// `Int32`, `Float` as its bits; the lengths of `Bytes`.
    pub words: Vec<i32>,
    /// `Int64`, `Double` as its bits.
    pub longs: Vec<i64>,
    /// `Bytes` and `Fixed`, one after the other; `Bool`, a byte each.
    pub bytes: Vec<u8>,
}

/// Byte strings of an array: where they begin and end, and the bytes.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
}

impl<'a> Strings<'a> {
    /// Nothing where the array holds none.
    pub fn of(array: &'a dyn Array) -> Option<Strings<'a>> {
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Some(Strings { offsets: texts.value_offsets(), bytes: texts.value_data() });
        }
        let bytes = array.as_binary_opt::<i32>()?;
        Some(Strings { offsets: bytes.value_offsets(), bytes: bytes.value_data() })
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn get(&self, at: usize) -> &'a [u8] {
        &self.bytes[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }
}

/// A dictionary-encoded column: its keys, and the strings they stand for. Nothing where it is none.
pub fn dictionary(array: &dyn Array) -> Option<(&DictionaryArray<Int32Type>, Strings<'_>)> {
    let keyed = array.as_dictionary_opt::<Int32Type>()?;
    Some((keyed, Strings::of(keyed.values().as_ref())?))
}

impl Values {
    /// Empties it for its next use.
    pub fn tidy(&mut self) {
        self.count = 0;
        tidy(&mut self.words);
        tidy(&mut self.longs);
        tidy(&mut self.bytes);
    }

    /// Returns the bytes that the values take.
    pub fn size(&self) -> usize {
        self.words.len() * 4 + self.longs.len() * 8 + self.bytes.len()
    }

    /// Returns the bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.words.capacity() * 4 + self.longs.capacity() * 8 + self.bytes.capacity()
    }

    /// Appends the living values of an array of that kind. False where the array is of no type that becomes it.
    #[must_use]
    pub fn gather(&mut self, kind: Kind, array: &dyn Array, live: &Live) -> bool {
        self.count += live.len();
        match (kind, array.data_type()) {
            (Kind::Bool, DataType::Boolean) => {
                let bits = array.as_boolean().values();
                live.extend(&mut self.bytes, |place| u8::from(bits.value(place)));
            }
            (Kind::Int32, DataType::Int32) => {
                numbers(array.as_primitive::<Int32Type>().values(), live, &mut self.words)
            }
            (Kind::Float, DataType::Float32) => {
                let floats = values_of::<Float32Type>(array);
                live.extend(&mut self.words, |place| floats[place].to_bits().cast_signed());
            }
            (Kind::Double, DataType::Float64) => {
                let doubles = values_of::<Float64Type>(array);
                live.extend(&mut self.longs, |place| doubles[place].to_bits().cast_signed());
            }
            (Kind::Int64, DataType::Int64) => numbers(values_of::<Int64Type>(array), live, &mut self.longs),
            (Kind::Int64, DataType::Timestamp(TimeUnit::Millisecond, _)) => {
                numbers(values_of::<TimestampMillisecondType>(array), live, &mut self.longs);
            }
            (Kind::Int64, DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                numbers(values_of::<TimestampMicrosecondType>(array), live, &mut self.longs);
            }
            (Kind::Fixed(length), DataType::Decimal128(_, _)) => {
                let decimals = values_of::<Decimal128Type>(array);
                live.each(|place| self.bytes.extend_from_slice(&decimals[place].to_be_bytes()[16 - length..]));
            }
            (Kind::Bytes, _) => return self.gather_strings(array, live),
            _ => return false,
        }
        true
    }

    fn gather_strings(&mut self, array: &dyn Array, live: &Live) -> bool {
        if let Some((keyed, strings)) = dictionary(array) {
            let keys = keyed.keys().values();
            live.each(|place| self.push(strings.get(keys[place] as usize)));
            return true;
        }
        let Some(strings) = Strings::of(array) else { return false };
        match live {
            Live::Range(range) => {
                let offsets = &strings.offsets[range.start..=range.end];
                self.words.extend(offsets.windows(2).map(|pair| pair[1] - pair[0]));
                self.bytes.extend_from_slice(&strings.bytes[offsets[0] as usize..offsets[range.len()] as usize]);
            }
            Live::At(_) => live.each(|place| self.push(strings.get(place))),
        }
        true
    }

    fn push(&mut self, string: &[u8]) {
        self.words.push(string.len() as i32);
        self.bytes.extend_from_slice(string);
    }

    /// Hands on the first values one by one, at most so many, as Parquet's plain encoding holds them, without the length of `Bytes`.
    #[inline(always)]
    pub fn each(&self, kind: Kind, most: usize, mut take: impl FnMut(&[u8])) {
        match kind {
            Kind::Bool => self.bytes.chunks_exact(1).take(most).for_each(take),
            Kind::Int32 | Kind::Float => self.words.iter().take(most).for_each(|word| take(&word.to_le_bytes())),
            Kind::Int64 | Kind::Double => self.longs.iter().take(most).for_each(|long| take(&long.to_le_bytes())),
            Kind::Fixed(length) => self.bytes.chunks_exact(length).take(most).for_each(take),
            Kind::Bytes => {
                let mut rest = &self.bytes[..];
                for length in self.words.iter().take(most) {
                    let (string, behind) = rest.split_at(length.cast_unsigned() as usize);
                    rest = behind;
                    take(string);
                }
            }
        }
    }

    /// Appends the values as a page holds them that has no dictionary, and says in which encoding.
    pub fn encode(&self, kind: Kind, out: &mut Vec<u8>) -> Encoding {
        match kind {
            // Nothing but nulls: every reader knows what to do with no bytes.
            _ if self.count == 0 => {}
            Kind::Bool => {
                let packed = self.bytes.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit));
                out.extend(packed);
            }
            Kind::Int32 => {
                delta::encode(&self.words, out);
                return Encoding::DELTA_BINARY_PACKED;
            }
            Kind::Int64 => {
                delta::encode(&self.longs, out);
                return Encoding::DELTA_BINARY_PACKED;
            }
            Kind::Bytes => {
                delta::encode_strings(&self.words, &self.bytes, out);
                return Encoding::DELTA_LENGTH_BYTE_ARRAY;
            }
            Kind::Float => plain(&self.words, i32::to_le_bytes, out),
            Kind::Double => plain(&self.longs, i64::to_le_bytes, out),
            Kind::Fixed(_) => out.extend_from_slice(&self.bytes),
        }
        Encoding::PLAIN
    }
}

fn plain<T: Copy, const N: usize>(numbers: &[T], bytes_of: impl Fn(T) -> [u8; N], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + numbers.len() * N, 0);
    let (places, _) = out[start..].as_chunks_mut::<N>();
    places.iter_mut().zip(numbers).for_each(|(place, number)| *place = bytes_of(*number));
}

fn values_of<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

fn numbers<T: Copy>(values: &[T], live: &Live, out: &mut Vec<T>) {
    match live {
        Live::Range(range) => out.extend_from_slice(&values[range.clone()]),
        Live::At(_) => live.extend(out, |place| values[place]),
    }
}
