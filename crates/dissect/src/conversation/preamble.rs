//! The preamble by which a proxy tells the server who its client is: the PROXY protocol, versions 1 and 2
//! (haproxy.org, doc/proxy-protocol.txt, sections 2.1 and 2.2). What it says is not kept; the stream begins behind it.

/// Whether bytes begin with a preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preamble {
    /// They do, and it is this long.
    Whole(usize),
    /// They may, when more follow.
    Maybe,
    /// They do not.
    No,
}

/// Looks at the first bytes of a stream.
pub(super) fn find(bytes: &[u8]) -> Preamble {
    let begins = |start: &[u8]| bytes.iter().zip(start).all(|(left, right)| left == right);
    if begins(LINE_START) {
        return match bytes.iter().take(MAX_LINE_BYTES).position(|&byte| byte == b'\n') {
            Some(end) if is_line(bytes.get(..end).unwrap_or_default()) => Preamble::Whole(end.saturating_add(1)),
            None if bytes.len() < MAX_LINE_BYTES => Preamble::Maybe,
            _ => Preamble::No,
        };
    }
    if !begins(SIGNATURE) {
        return Preamble::No;
    }
    match bytes.get(SIGNATURE.len()..) {
        Some(&[0x20 | 0x21, _, high, low, ref rest @ ..]) => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            match rest.len() < length {
                true if length <= MAX_ADDRESS_BYTES => Preamble::Maybe,
                true => Preamble::No,
                false => Preamble::Whole(SIGNATURE.len().saturating_add(4).saturating_add(length)),
            }
        }
        Some([0x20 | 0x21, ..] | []) | None => Preamble::Maybe,
        Some(_) => Preamble::No,
    }
}

fn is_line(line: &[u8]) -> bool {
    let families = [&b"TCP4 "[..], b"TCP6 ", b"UNKNOWN"];
    let family = line.get(LINE_START.len()..).unwrap_or_default();
    line.ends_with(b"\r") && families.iter().any(|known| family.starts_with(known))
}

const LINE_START: &[u8] = b"PROXY ";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
const MAX_LINE_BYTES: usize = 107;
/// The most bytes of addresses and further values of version 2 that are waited for.
const MAX_ADDRESS_BYTES: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preamble_is_found_whole_and_in_parts() {
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n";
        let binary = [SIGNATURE, &[0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4]].concat();
        for whole in [line.as_slice(), &binary, b"PROXY UNKNOWN\r\n"] {
            for length in 1..whole.len() {
                assert_eq!(find(&whole[..length]), Preamble::Maybe, "{length} of {whole:?}");
            }
            let more = [whole, b"GET / HTTP/1.1\r\n\r\n"].concat();
            assert_eq!(find(&more), Preamble::Whole(whole.len()));
        }
    }

    #[test]
    fn other_bytes_are_none() {
        let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
        for bytes in
            [b"GET /".as_slice(), b"PROXY TCP4 1\n", b"PROXY SOME OTHER\r\n", &long, b"\r\n\r\n\0\r\nQUIT\n\x31"]
        {
            assert_eq!(find(bytes), Preamble::No, "{bytes:?}");
        }
    }
}
