//! JSON strings, RFC 8259 section 7: quote, backslash and control characters are escaped.
//!
//! DEL and the C1 control characters are escaped too, which the RFC does not ask for: a terminal may act on them.

use crate::buffer::Buffer;
use crate::word;

/// Writes a text as a JSON string, with its quotes.
#[inline]
pub(crate) fn string(out: &mut Buffer, text: &str) {
    if !plain::<false>(out, text.as_bytes()) {
        escaped(out, text.as_bytes());
    }
}

/// Writes bytes as a JSON string, with its quotes, where they are UTF-8; else writes nothing and gives `false`.
#[inline]
pub(crate) fn text(out: &mut Buffer, bytes: &[u8]) -> bool {
    if plain::<false>(out, bytes) {
        return true;
    }
    let is_text = std::str::from_utf8(bytes).is_ok();
    if is_text {
        escaped(out, bytes);
    }
    is_text
}

/// The same with ASCII letters in lower case.
#[inline]
pub(crate) fn text_lower(out: &mut Buffer, bytes: &[u8]) -> bool {
    plain::<true>(out, bytes) || text(out, &bytes.to_ascii_lowercase())
}

/// Writes a JSON string where all its bytes are ASCII that needs no escape, and with `LOWER` no capital letter either;
/// else writes nothing and gives `false`. Bytes are looked at while they are copied.
#[inline]
fn plain<const LOWER: bool>(out: &mut Buffer, bytes: &[u8]) -> bool {
    let start = out.len();
    let [first, inner @ .., last] = out.claim(bytes.len().saturating_add(2)) else { return false };
    (*first, *last) = (b'"', b'"');
    let is_plain = match bytes.len() {
        word::BYTES.. => copy_words::<LOWER>(inner, bytes),
        _ => copy_few::<LOWER>(inner, bytes),
    };
    if !is_plain {
        out.truncate(start);
    }
    is_plain
}

/// Copies eight bytes at a time, the last eight over some of those before; stops early where some are not plain.
#[inline]
fn copy_words<const LOWER: bool>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(slot), Some(last)) = (to.last_chunk_mut(), from.last_chunk()) else { return false };
    *slot = *last;
    let mut marks = odd::<LOWER>(u64::from_le_bytes(*last));
    let (slots, _) = to.as_chunks_mut::<{ word::BYTES }>();
    let (words, _) = from.as_chunks::<{ word::BYTES }>();
    for (slots, words) in slots.chunks_mut(WORDS_AT_ONCE).zip(words.chunks(WORDS_AT_ONCE)) {
        for (slot, word) in slots.iter_mut().zip(words) {
            *slot = *word;
            marks |= odd::<LOWER>(u64::from_le_bytes(*word));
        }
        if marks != 0 {
            return false;
        }
    }
    true
}

/// Copies less than eight bytes.
#[inline]
fn copy_few<const LOWER: bool>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<4>(), from.last_chunk::<4>()) else {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        return odd::<LOWER>(word::of_few(from)) == 0;
    };
    if let Some(slot) = to.first_chunk_mut() {
        *slot = *first;
    }
    if let Some(slot) = to.last_chunk_mut() {
        *slot = *last;
    }
    odd::<LOWER>(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32) == 0
}

/// Not 0 where a byte is not plain: a control character, `"`, `\`, DEL, beyond ASCII, and with `LOWER` a capital letter.
#[inline]
const fn odd<const LOWER: bool>(word: u64) -> u64 {
    // `"` is 0x22: with the bit 2 turned it is 0x20, right behind the control characters, which stay among themselves.
    let marks = word::below(word ^ word::all(2), 0x21) | word::equal(word, b'\\') | word::above(word, 0x7e);
    if LOWER { marks | word::upper_case(word) } else { marks }
}

/// Writes UTF-8 text as a JSON string with what needs it escaped.
fn escaped(out: &mut Buffer, text: &[u8]) {
    out.byte(b'"');
    let mut rest = text;
    while let Some((block, behind)) = rest.split_first_chunk::<BLOCK_BYTES>() {
        if block_needs_escape(block) {
            rest = rest.get(bytewise(out, rest)..).unwrap_or_default();
        } else {
            out.put_some(block, BLOCK_BYTES);
            rest = behind;
        }
    }
    while !rest.is_empty() {
        rest = rest.get(bytewise(out, rest)..).unwrap_or_default();
    }
    out.byte(b'"');
}

/// Looks at a whole block without a branch, which the compiler makes a few wide instructions of.
#[inline]
fn block_needs_escape(block: &[u8; BLOCK_BYTES]) -> bool {
    let is_special = |byte: u8| (byte ^ 2 < 0x21) | (byte == b'\\') | (byte == 0x7f) | (byte == C1_LEAD);
    block.iter().fold(false, |found, &byte| found | is_special(byte))
}

/// Writes the first block of a text byte by byte. Gives how many bytes are written, which is one more than the block has
/// where its last character goes on behind it.
fn bytewise(out: &mut Buffer, text: &[u8]) -> usize {
    let start = out.len();
    let room = out.claim(BLOCK_BYTES * LONGEST_ESCAPE);
    let (mut at, mut used) = (0, 0);
    while used < BLOCK_BYTES
        && let Some(&byte) = text.get(used)
    {
        used += 1;
        let mut code = byte;
        if byte == C1_LEAD
            && let Some(&second @ 0x80..0xa0) = text.get(used)
        {
            used += 1;
            code = second;
        } else if ESCAPES.get(usize::from(byte)).is_none_or(|&escape| escape == 0) {
            if let Some(slot) = room.get_mut(at) {
                *slot = byte;
                at += 1;
            }
            continue;
        }
        if let Some(slot) = room.get_mut(at..).and_then(|room| room.first_chunk_mut()) {
            let (escape, length) = escape(code);
            *slot = escape;
            at += length;
        }
    }
    out.truncate(start + at);
    used
}

/// The escape of a character below U+0100, and its length.
#[inline]
fn escape(code: u8) -> ([u8; LONGEST_ESCAPE], usize) {
    match ESCAPES.get(usize::from(code)) {
        Some(&short) if short != b'u' && short != 0 => ([b'\\', short, 0, 0, 0, 0], 2),
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            ([b'\\', b'u', b'0', b'0', digit(code >> 4), digit(code & 15)], LONGEST_ESCAPE)
        }
    }
}

/// For each byte, what stands behind the backslash of its escape; 0 where it needs none.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut code = 0;
    while code < 0x20 {
        escapes[code] = b'u';
        code += 1;
    }
    escapes[0x7f] = b'u';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes
};

/// How many words are looked at before a copy may stop early.
const WORDS_AT_ONCE: usize = 4;
/// How many bytes are copied together where none of them needs an escape.
const BLOCK_BYTES: usize = 32;
/// The length of `\u009b`.
const LONGEST_ESCAPE: usize = 6;
/// The first byte of U+0080 to U+009F in UTF-8 (and of U+00A0 to U+00BF, which stay).
const C1_LEAD: u8 = 0xc2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json_of(text: &str) -> String {
        let mut out = Buffer::default();
        string(&mut out, text);
        String::from_utf8(out.since(0).to_vec()).unwrap()
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            json_of("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{1b}[0m\u{7f}"),
            r#""a\"b\\c\n\r\t\b\f\u0001\u001b[0m\u007f""#
        );
        assert_eq!(json_of("é\u{9b}31m\u{a0}\u{85}"), "\"é\\u009b31m\u{a0}\\u0085\"");
        assert_eq!(json_of("0123456789abcde\u{9b}0"), "\"0123456789abcde\\u009b0\"");
        assert_eq!(json_of(""), "\"\"");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "(\\PC|[\\x00-\\x20\"\\\\\u{7f}-\u{c0}]){0,70}") {
            let json = json_of(&text);
            prop_assert!(!json.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn bytes_are_written_where_they_are_text(bytes in prop::collection::vec(prop_oneof![0x20..0x7fu8, any::<u8>()], 0..70)) {
            let (mut out, mut low) = (Buffer::default(), Buffer::default());
            let is_text = text(&mut out, &bytes);
            prop_assert_eq!(is_text, std::str::from_utf8(&bytes).is_ok());
            prop_assert_eq!(text_lower(&mut low, &bytes), is_text);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let json = std::str::from_utf8(out.since(0)).unwrap();
                prop_assert_eq!(json, json_of(text));
                prop_assert_eq!(std::str::from_utf8(low.since(0)).unwrap(), json_of(&text.to_ascii_lowercase()));
            } else {
                prop_assert_eq!((out.len(), low.len()), (0, 0));
            }
        }
    }
}
