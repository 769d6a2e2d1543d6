//! `.json()` and `.xml()`: text, or base64 of text, to a document; and back after a redaction.

use serde_json::Value as Json;

use crate::limits::MAX_DECODED_BYTES;
use crate::path::{self, Step};
use crate::xml;

/// What a text is decoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
}

impl Format {
    /// The format of a selector's name.
    pub fn of(name: &str) -> Option<Format> {
        match name {
            "json" => Some(Format::Json),
            "xml" => Some(Format::Xml),
            _ => None,
        }
    }
}

/// Decodes a text, or the text that it is base64 of.
pub(crate) fn decode(text: &str, format: Format) -> Option<Json> {
    if text.len() > MAX_DECODED_BYTES {
        return None;
    }
    parse(text, format).or_else(|| parse(&from_base64_text(text)?, format))
}

fn parse(text: &str, format: Format) -> Option<Json> {
    match format {
        Format::Json => serde_json::from_str(text.trim_start_matches('\u{feff}')).ok(),
        Format::Xml => Some(xml::parse(text)?.to_json()),
    }
}

/// Redacts within a text; `None` where nothing is found.
pub(crate) fn redact(text: &str, format: Format, steps: &[Step], left: &mut u32) -> Option<String> {
    if text.len() > MAX_DECODED_BYTES {
        return None;
    }
    if parse(text, format).is_some() {
        return redact_plain(text, format, steps, left);
    }
    let redacted = redact_plain(&from_base64_text(text)?, format, steps, left)?;
    Some(to_base64(redacted.as_bytes()))
}

fn redact_plain(text: &str, format: Format, steps: &[Step], left: &mut u32) -> Option<String> {
    if steps.is_empty() {
        return Some(path::REDACTED.to_owned());
    }
    match format {
        Format::Json => {
            let mut json = parse(text, format)?;
            path::redact(&mut json, steps, left).then(|| json.to_string())
        }
        Format::Xml => {
            let document = xml::parse(text)?;
            let mut json = document.to_json();
            path::redact(&mut json, steps, left).then(|| document.with_changes(text, &json))
        }
    }
}

fn from_base64_text(text: &str) -> Option<String> {
    String::from_utf8(from_base64(text.as_bytes())?).ok()
}

/// Decodes base64 (RFC 4648, both alphabets); blanks are skipped and padding may be left out.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0u32);
    let mut is_padded = false;
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                is_padded = true;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return None,
        };
        if is_padded {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // A single left character (6 bits) cannot stand for a byte.
    (count < 6 && !out.is_empty()).then_some(out)
}

/// Encodes base64 (RFC 4648 section 4) with padding.
fn to_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = (group >> (18 - 6 * position) & 63) as usize;
            let letter = ALPHABET.get(index).copied().unwrap_or(b'=');
            out.push(char::from(if position <= chunk.len() { letter } else { b'=' }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_both_ways() {
        for text in ["a", "ab", "abc", "{\"k\":\"ü\"}", "????>>>>"] {
            assert_eq!(from_base64(to_base64(text.as_bytes()).as_bytes()).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(to_base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
        assert_eq!(from_base64(b"eyJhIjoxfQ"), Some(b"{\"a\":1}".to_vec()));
        for text in ["", "a", "a=b", "a*b=", "===="] {
            assert_eq!(from_base64(text.as_bytes()), None, "{text}");
        }
    }
}
