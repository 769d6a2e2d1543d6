//! JSON strings, RFC 8259 section 7: quote, backslash and control characters are escaped.
//!
//! DEL and the C1 control characters are escaped too, which the RFC does not ask for: a terminal may act on them.

use crate::buffer::Buffer;
use crate::word;

/// Writes a text as a JSON string, with its quotes.
#[inline]
pub(crate) fn string(out: &mut Buffer, text: &str) {
    let text = text.as_bytes();
    if needs_escape(text) {
        out.byte(b'"');
        inner(out, text);
        out.byte(b'"');
    } else {
        out.put_between(b'"', text, b'"');
    }
}

/// Writes a text as a JSON string with ASCII letters in lower case, with its quotes.
#[inline]
pub(crate) fn string_lower(out: &mut Buffer, text: &str) {
    if word::any(text.as_bytes(), word::upper_case) {
        string(out, &text.to_ascii_lowercase());
    } else {
        string(out, text);
    }
}

/// Whether a byte of a text may need an escape.
#[inline]
fn needs_escape(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<CLEAN_BYTES>();
    if blocks.iter().any(block_needs_escape) {
        return true;
    }
    match (rest.first_chunk::<HALF_BYTES>(), text.last_chunk::<HALF_BYTES>()) {
        _ if rest.is_empty() => false,
        (Some(first), Some(last)) => block_needs_escape(first) | block_needs_escape(last),
        (None, Some(last)) => block_needs_escape(last),
        _ => word::any(rest, specials),
    }
}

/// Looks at a whole block without a branch, which the compiler makes a few wide instructions of.
#[inline]
fn block_needs_escape<const N: usize>(block: &[u8; N]) -> bool {
    let is_special = |byte: u8| (byte ^ 2 < 0x21) | (byte == b'\\') | (byte == 0x7f) | (byte == C1_LEAD);
    block.iter().fold(false, |found, &byte| found | is_special(byte))
}

/// Writes UTF-8 text escaped, without quotes.
fn inner(out: &mut Buffer, text: &[u8]) {
    out.reserve(text.len().saturating_add(CLEAN_BYTES));
    let mut rest = text;
    while let Some((block, behind)) = rest.split_first_chunk::<CLEAN_BYTES>() {
        if block_needs_escape(block) {
            rest = block_with_specials(out, rest);
        } else {
            out.put_some(block, CLEAN_BYTES);
            rest = behind;
        }
    }
    tail(out, rest);
}

/// Writes the words of one block; returns what is left behind them.
fn block_with_specials<'a>(out: &mut Buffer, text: &'a [u8]) -> &'a [u8] {
    let mut rest = text;
    for _ in 0..CLEAN_BYTES / word::BYTES {
        let Some((word, behind)) = rest.split_first_chunk::<{ word::BYTES }>() else { break };
        rest = match word_at(out, u64::from_le_bytes(*word), word::BYTES, behind) {
            word::BYTES => behind,
            used => rest.get(used..).unwrap_or_default(),
        };
    }
    rest
}

/// Writes what is shorter than a block.
fn tail(out: &mut Buffer, text: &[u8]) {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<{ word::BYTES }>() {
        let used = word_at(out, u64::from_le_bytes(*word), word::BYTES, behind);
        rest = rest.get(used..).unwrap_or_default();
    }
    while !rest.is_empty() {
        let used = word_at(out, word::of_few(rest), rest.len(), &[]);
        rest = rest.get(used..).unwrap_or_default();
    }
}

/// Writes the first `count` bytes of a word, the lowest first; `behind` are the bytes that follow it.
///
/// Returns how many bytes are written, which is one more where a character goes on behind the word.
#[inline]
fn word_at(out: &mut Buffer, mut bytes: u64, count: usize, behind: &[u8]) -> usize {
    // A byte behind a marked one may be marked although it needs nothing: `escape` writes it as it is.
    let mut mask = specials(bytes);
    let mut left = count;
    loop {
        let clean = (mask.trailing_zeros() / 8) as usize;
        if clean >= left {
            out.put_some(&bytes.to_le_bytes(), left);
            return count;
        }
        out.put_some(&bytes.to_le_bytes(), clean);
        bytes >>= clean * 8;
        mask = mask >> (clean * 8) >> 8;
        let special = bytes as u8;
        bytes >>= 8;
        left -= clean + 1;
        if special == C1_LEAD {
            let second = if left > 0 { bytes as u8 } else { behind.first().copied().unwrap_or(0) };
            if (0x80..0xa0).contains(&second) {
                unicode(out, second);
                return count - left + 1;
            }
            out.byte(special);
        } else {
            escape(out, special);
        }
    }
}

/// Marks the bytes that may need an escape: below 0x20, `"`, `\`, DEL, and the lead byte of C1 control characters.
#[inline]
fn specials(bytes: u64) -> u64 {
    // `"` is 0x22: with the bit 2 turned it is 0x20, right behind the control characters, which stay among themselves.
    word::below(bytes ^ word::all(2), 0x21)
        | word::equal(bytes, b'\\')
        | word::equal(bytes, 0x7f)
        | word::equal(bytes, C1_LEAD)
}

#[inline]
fn escape(out: &mut Buffer, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..0x20 | 0x7f => return unicode(out, byte),
        _ => return out.byte(byte),
    };
    out.put_some(&[b'\\', short], 2);
}

fn unicode(out: &mut Buffer, code: u8) {
    let [high, low] = hex(code);
    out.put_some(&[b'\\', b'u', b'0', b'0', high, low, 0, 0], 6);
}

fn hex(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

/// How many bytes are copied together where none of them needs an escape.
const CLEAN_BYTES: usize = 32;
const HALF_BYTES: usize = CLEAN_BYTES / 2;
/// The first byte of U+0080 to U+009F in UTF-8 (and of U+00A0 to U+00BF, which stay).
const C1_LEAD: u8 = 0xc2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = Buffer::default();
        string(&mut out, text);
        String::from_utf8(out.since(0).to_vec()).unwrap()
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            escaped("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{1b}[0m\u{7f}"),
            r#""a\"b\\c\n\r\t\b\f\u0001\u001b[0m\u007f""#
        );
        assert_eq!(escaped("é\u{9b}31m\u{a0}\u{85}"), "\"é\\u009b31m\u{a0}\\u0085\"");
        assert_eq!(escaped("0123456789abcde\u{9b}0"), "\"0123456789abcde\\u009b0\"");
        assert_eq!(escaped(""), "\"\"");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "(\\PC|[\\x00-\\x20\"\\\\\u{7f}-\u{c0}]){0,70}") {
            let json = escaped(&text);
            prop_assert!(!json.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
