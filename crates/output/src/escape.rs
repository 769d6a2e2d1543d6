//! JSON strings, RFC 8259 section 7: quote, backslash and control characters are escaped.
//!
//! DEL and the C1 control characters are escaped too, which the RFC does not ask for: a terminal may act on them.

use crate::buffer::Buffer;

/// Writes a text as a JSON string, with its quotes.
pub(crate) fn string(out: &mut Buffer, text: &str) {
    out.byte(b'"');
    inner(out, text.as_bytes());
    out.byte(b'"');
}

/// Writes a text as a JSON string with ASCII letters in lower case, with its quotes.
pub(crate) fn string_lower(out: &mut Buffer, text: &str) {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        string(out, &text.to_ascii_lowercase());
    } else {
        string(out, text);
    }
}

/// Writes UTF-8 text escaped, without quotes.
pub(crate) fn inner(out: &mut Buffer, text: &[u8]) {
    out.reserve(text.len().saturating_add(WINDOW));
    let mut rest = text;
    while !rest.is_empty() {
        rest = match rest.split_first_chunk::<WINDOW>() {
            Some((window, behind)) => match escape_window(out, window, WINDOW, behind) {
                Next::Whole => behind,
                Next::At(used) => rest.get(used..).unwrap_or_default(),
            },
            None => {
                let mut window = [b' '; WINDOW];
                for (slot, byte) in window.iter_mut().zip(rest) {
                    *slot = *byte;
                }
                match escape_window(out, &window, rest.len(), &[]) {
                    Next::Whole => &[],
                    Next::At(used) => rest.get(used..).unwrap_or_default(),
                }
            }
        };
    }
}

enum Next {
    /// The window is written.
    Whole,
    /// So many bytes from the start of the window are written; the last one may lie behind it.
    At(usize),
}

/// Writes the first `count` bytes of a window; `behind` are the bytes that follow it.
#[inline]
fn escape_window(out: &mut Buffer, window: &[u8; WINDOW], count: usize, behind: &[u8]) -> Next {
    let mut mask = specials(window);
    if mask == 0 {
        out.put_some(window, count);
        return Next::Whole;
    }
    let mut bytes = u128::from_le_bytes(*window);
    let mut left = count;
    loop {
        let clean = (mask.trailing_zeros() / 8) as usize;
        if clean >= left {
            out.put_some(&bytes.to_le_bytes(), left);
            return Next::Whole;
        }
        out.put_some(&bytes.to_le_bytes(), clean);
        bytes >>= clean * 8;
        let special = bytes as u8;
        left -= clean + 1;
        if special == C1_LEAD {
            let second = if left > 0 { (bytes >> 8) as u8 } else { behind.first().copied().unwrap_or(0) };
            if (0x80..0xa0).contains(&second) {
                let [high, low] = hex(second);
                out.put_some(&[b'\\', b'u', b'0', b'0', high, low, 0, 0], 6);
                return Next::At(count - left + 1);
            }
            out.byte(special);
        } else {
            escape(out, special);
        }
        bytes >>= 8;
        mask = mask >> (clean * 8) >> 8;
    }
}

/// Marks the bytes that may need an escape: below 0x20, `"`, `\`, DEL, and the lead byte of C1 control characters.
#[inline]
fn specials(window: &[u8; WINDOW]) -> u128 {
    let mut marks = [0u8; WINDOW];
    for (mark, &byte) in marks.iter_mut().zip(window) {
        // `"` is 0x22: with the bit 2 turned it is 0x20, right behind the control characters, which stay among themselves.
        let is_special = (byte ^ 2 < 0x21) | (byte == b'\\') | (byte == 0x7f) | (byte == C1_LEAD);
        *mark = if is_special { 0xff } else { 0 };
    }
    u128::from_le_bytes(marks)
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
        _ => {
            let [high, low] = hex(byte);
            out.put_some(&[b'\\', b'u', b'0', b'0', high, low, 0, 0], 6);
            return;
        }
    };
    out.put_some(&[b'\\', short], 2);
}

fn hex(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

/// How many bytes are looked at together.
const WINDOW: usize = 16;
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
        assert_eq!(escaped("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{1b}[0m\u{7f}"), r#""a\"b\\c\n\r\t\b\f\u0001\u001b[0m\u007f""#);
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
