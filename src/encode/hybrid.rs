//! Parquet's hybrid of runs and packed numbers: levels, and the ids of a dictionary.

use super::bits::{pack, varint};

/// From how many equal numbers on they are written as a run. Zstd shortens what repeats anyway; a run that ends soon costs its
/// reader more than it saves.
const RUN: usize = 64;

/// Appends numbers of `width` bits each.
pub fn encode<T: Copy + PartialEq + Into<u64>>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    // There is nothing to pack, and some readers know that only as a run.
    if width == 0 {
        return encode_run(0, numbers.len(), width, out);
    }
    // Between `packed` and `at` stand whole groups of eight that are still to be packed.
    let (mut packed, mut at) = (0, 0);
    while let Some(group) = numbers.get(at..at + 8) {
        // All eight are looked at, which is faster than to stop at the first.
        if !group.iter().fold(true, |same, number| same & (*number == group[0])) {
            at += 8;
            continue;
        }
        let run = 8 + numbers[at + 8..].iter().take_while(|number| **number == group[0]).count();
        if run >= RUN {
            groups(&numbers[packed..at], width, out);
            encode_run(group[0].into(), run, width, out);
            at += run;
            packed = at;
        } else {
            at += run & !7;
        }
    }
    groups(&numbers[packed..], width, out);
}

/// Appends one number, `count` times.
pub fn encode_run(number: u64, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends packed numbers; the last group of eight is filled up with zeros, which readers leave out.
fn groups<T: Copy + Into<u64>>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let groups = numbers.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    pack(numbers, width, out);
    out.resize(end, 0);
}
