//! Arrow's arrays of strings and dictionaries without Arrow's own checks, which look at every byte, offset and key in turn: the same
//! is checked here, many at a time.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// A column of strings has a value that is not UTF-8. Told only of the whole column, which is checked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

/// Makes a column of strings, and checks that they are: the whole buffer at once, and that none begins inside a character.
pub fn strings(offsets: OffsetBuffer<i32>, bytes: Buffer, nulls: Option<NullBuffer>) -> Result<StringArray, NotUtf8> {
    let text = bytes.get(..offsets[offsets.len() - 1] as usize).ok_or(NotUtf8)?;
    simdutf8::basic::from_utf8(text).map_err(|_| NotUtf8)?;
    let is_inside = |at: &i32| text.get(*at as usize).is_some_and(|byte| byte & 0xc0 == 0x80);
    if !text.is_ascii() && offsets.iter().any(is_inside) {
        return Err(NotUtf8);
    }
    assert!(nulls.as_ref().is_none_or(|nulls| nulls.len() == offsets.len() - 1), "a bit for each string");
    // SAFETY: wants offsets within the bytes, each string UTF-8, and a bit for each. An `OffsetBuffer` ascends from 0 or more, and its
    // last lies within `bytes`; what is before the last is UTF-8 as a whole, and a part of that which neither begins nor ends inside
    // a character is, too; the bits were counted.
    Ok(unsafe { StringArray::new_unchecked(offsets, bytes, nulls) })
}

/// Makes a column of numbers of values.
///
/// # Panics
/// Where a row that is not null has a number that is no value's.
pub fn dictionary(ids: ScalarBuffer<i32>, nulls: Option<NullBuffer>, values: ArrayRef) -> ArrayRef {
    // A negative one is beyond all as an unsigned one.
    let last = ids.iter().fold(0, |last, id| last.max(*id as u32));
    let keys = PrimitiveArray::<Int32Type>::new(ids, nulls);
    if last as usize >= values.len() {
        return Arc::new(DictionaryArray::new(keys, values));
    }
    // SAFETY: wants each key to be an index into `values`: the largest is.
    Arc::new(unsafe { DictionaryArray::new_unchecked(keys, values) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], offsets: &[i32]) -> Result<StringArray, NotUtf8> {
        let bytes = Buffer::from(bytes.to_vec());
        strings(OffsetBuffer::new(offsets.to_vec().into()), bytes, None)
    }

    #[test]
    fn strings_are_what_arrow_takes() {
        let long = "ä".repeat(100);
        for bytes in ["".as_bytes(), b"abc", "aä€😀z".as_bytes(), long.as_bytes(), b"a\xffb", b"\xed\xa0\x80", b"\xc3"]
        {
            for begin in 0..=bytes.len() as i32 {
                let offsets = [0, begin, bytes.len() as i32];
                let buffer = OffsetBuffer::new(offsets.to_vec().into());
                let theirs = StringArray::try_new(buffer, Buffer::from(bytes.to_vec()), None);
                assert_eq!(of(bytes, &offsets).ok(), theirs.ok(), "{bytes:?} at {begin}");
            }
        }
        assert_eq!(of(b"abc", &[0, 4]), Err(NotUtf8));
        // What stands behind the last string is nobody's.
        assert!(of(b"abc\xff", &[0, 3]).is_ok());
    }

    #[test]
    fn a_dictionary_is_what_arrow_takes() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let made = dictionary(vec![1, 0, 1].into(), None, values.clone());
        assert_eq!(
            made.as_ref(),
            &DictionaryArray::<Int32Type>::new(vec![1, 0, 1].into(), values.clone()) as &dyn Array
        );
        // A null's key may be anything.
        let nulls = NullBuffer::from(vec![true, false]);
        assert_eq!(dictionary(vec![1, 7].into(), Some(nulls), values.clone()).null_count(), 1);
    }

    #[test]
    #[should_panic(expected = "Invalid dictionary key")]
    fn a_number_of_no_value_is_refused() {
        dictionary(vec![-1].into(), None, Arc::new(StringArray::from(vec!["a"])));
    }
}
