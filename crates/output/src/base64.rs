//! Base64 with padding, RFC 4648 section 4.

use crate::buffer::Buffer;

/// Bytes as base64.
pub fn text(bytes: &[u8]) -> String {
    let mut out = Buffer::default();
    encode(&mut out, bytes);
    String::from_utf8_lossy(out.since(0)).into_owned()
}

/// Writes bytes as base64, without quotes.
pub(crate) fn encode(out: &mut Buffer, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3).saturating_mul(4).saturating_add(4));
    let (groups, rest) = bytes.as_chunks::<3>();
    for &[a, b, c] in groups {
        out.put_some(&quad(a, b, c), 4);
    }
    match *rest {
        [a] => {
            let [w, x, _, _] = quad(a, 0, 0);
            out.put_some(&[w, x, b'=', b'='], 4);
        }
        [a, b] => {
            let [w, x, y, _] = quad(a, b, 0);
            out.put_some(&[w, x, y, b'='], 4);
        }
        _ => {}
    }
}

fn quad(a: u8, b: u8, c: u8) -> [u8; 4] {
    let bits = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
    [18, 12, 6, 0].map(|shift| ALPHABET.get((bits >> shift & 63) as usize).copied().unwrap_or(b'='))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Buffer::default();
            encode(&mut out, bytes.as_bytes());
            assert_eq!(out.since(0), text.as_bytes());
        }
    }
}
