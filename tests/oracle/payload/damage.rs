//! Bytes that are changed afterwards.

use super::*;

pub(super) fn damage(bytes: &mut Vec<u8>, choices: &mut Choices<'_>) {
    for _ in 0..1 + choices.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = choices.word() as usize % bytes.len();
        match choices.below(4) {
            0 => bytes[at] ^= 1 << choices.below(8),
            1 => bytes[at] = choices.byte(),
            2 => bytes.insert(at, choices.byte()),
            _ => bytes.truncate(at),
        }
    }
}
