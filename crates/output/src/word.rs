//! Eight bytes looked at together, in a 64-bit word: a mark is the highest bit of a byte.
//!
//! A byte right behind a marked one may be marked too although it is not meant; none that is meant stays unmarked.

/// How many bytes a word holds.
pub(crate) const BYTES: usize = 8;

/// Whether a byte of a text is marked; `marks` must not mark spaces.
#[inline]
pub(crate) fn any(text: &[u8], marks: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = text.as_chunks::<BYTES>();
    if words.iter().any(|word| marks(u64::from_le_bytes(*word)) != 0) {
        return true;
    }
    match text.last_chunk::<BYTES>() {
        _ if rest.is_empty() => false,
        Some(last) => marks(u64::from_le_bytes(*last)) != 0,
        None => marks(of_few(text)) != 0,
    }
}

/// A word of less than eight bytes, the first one lowest, filled up with spaces.
#[inline]
pub(crate) fn of_few(text: &[u8]) -> u64 {
    match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let behind = (text.len() - 4) * 8;
            let last = u64::from(u32::from_le_bytes(*last));
            // The bytes that both hold fall on themselves.
            u64::from(u32::from_le_bytes(*first)) | last << behind | all(b' ') << behind << 32
        }
        _ => text.iter().rev().fold(all(b' '), |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// A word with the same byte eight times.
#[inline]
pub(crate) const fn all(byte: u8) -> u64 {
    u64::MAX / 0xff * byte as u64
}

/// Marks the bytes below `limit`, which is at most 0x80.
#[inline]
pub(crate) const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(all(limit)) & !word & all(0x80)
}

/// Marks the bytes equal to `byte`.
#[inline]
pub(crate) const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ all(byte), 1)
}

/// Marks the bytes above `limit`, which is below 0x80. Behind a byte beyond ASCII others may be marked too.
#[inline]
pub(crate) const fn above(word: u64, limit: u8) -> u64 {
    (word | word.wrapping_add(all(0x7f - limit))) & all(0x80)
}

/// Marks the letters `A` to `Z`.
#[inline]
pub(crate) const fn upper_case(word: u64) -> u64 {
    let low = word & all(0x7f);
    (low + all(0x80 - b'A')) & !(low + all(0x7f - b'Z')) & !word & all(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_place() {
        for byte in 0..=255u8 {
            for length in 1..20 {
                for place in 0..length {
                    let mut text = vec![b' '; length];
                    text[place] = byte;
                    assert_eq!(any(&text, |word| equal(word, b'~')), byte == b'~', "{byte} at {place} of {length}");
                    assert_eq!(any(&text, |word| below(word, 0x20)), byte < 0x20);
                    assert_eq!(any(&text, |word| above(word, 0x7e)), byte > 0x7e);
                    assert_eq!(any(&text, upper_case), byte.is_ascii_uppercase());
                }
            }
        }
    }
}
