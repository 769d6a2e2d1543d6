//! Domain names on the wire (RFC 1035 sections 3.1 and 4.1.4) and their text.
//!
//! Case is kept. In the text, a dot or backslash within a label is escaped by a backslash, and a byte that is no
//! character is written as `\DDD` (RFC 4343 section 2.1). Spaces and UTF-8 stay, as service names use them (RFC 6763
//! section 4.1.1). The root is a single dot.

/// The offset behind a name; `None` where it runs out of bytes or has a label of an unknown kind. A name that is too long
/// has an end too: what stands behind it can be read.
pub fn skip(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *message.get(at)?;
        match length {
            0 => return Some(at.saturating_add(1)),
            1..=MAX_LABEL_BYTES => at = at.saturating_add(1).saturating_add(usize::from(length)),
            POINTER.. => {
                message.get(at.saturating_add(1))?;
                return Some(at.saturating_add(2));
            }
            _ => return None,
        }
    }
}

/// Calls `each` with every label of a name, following pointers, and gives the offset behind the name. `None` where the
/// name is malformed, too long, or has more pointers than [`MAX_POINTERS`].
pub fn labels<'a>(message: &'a [u8], mut at: usize, mut each: impl FnMut(&'a [u8])) -> Option<usize> {
    let mut end = None;
    let mut pointers = 0usize;
    let mut total = 0usize;
    loop {
        let length = *message.get(at)?;
        let next = at.saturating_add(1);
        match length {
            0 => return Some(end.unwrap_or(next)),
            1..=MAX_LABEL_BYTES => {
                let behind = next.saturating_add(usize::from(length));
                each(message.get(next..behind)?);
                total = total.saturating_add(usize::from(length)).saturating_add(1);
                at = behind;
            }
            POINTER.. => {
                let low = *message.get(next)?;
                end = end.or(Some(next.saturating_add(1)));
                at = usize::from(u16::from_be_bytes([length & !POINTER, low]));
                pointers = pointers.saturating_add(1);
            }
            _ => return None,
        }
        if total >= MAX_NAME_BYTES || pointers > MAX_POINTERS {
            return None;
        }
    }
}

/// Writes a name as text and gives the offset behind it. Where it is malformed, what could be read is written.
pub fn write(message: &[u8], at: usize, text: &mut Vec<u8>) -> Option<usize> {
    let begin = text.len();
    let end = labels(message, at, |label| {
        if text.len() > begin {
            text.push(b'.');
        }
        if label.iter().all(|&byte| PLAIN.get(usize::from(byte)).copied().unwrap_or(false)) {
            text.extend_from_slice(label);
        } else {
            write_escaped(label, text);
        }
    });
    if text.len() == begin && end.is_some() {
        text.push(b'.');
    }
    end
}

/// Whether the names at two offsets are the same, without regard to case.
pub fn is_same(message: &[u8], a: usize, b: usize) -> bool {
    if a == b || target(message, b) == Some(a) {
        return true;
    }
    let (mut left, mut right) = (Hash::default(), Hash::default());
    let ends = (labels(message, a, |label| left.add(label)), labels(message, b, |label| right.add(label)));
    ends.0.is_some() && ends.1.is_some() && left == right
}

/// Where a name that is nothing but a pointer points to.
fn target(message: &[u8], at: usize) -> Option<usize> {
    let [high, low] = *message.get(at..)?.first_chunk::<2>()?;
    if high >= POINTER { Some(usize::from(u16::from_be_bytes([high & !POINTER, low]))) } else { None }
}

/// A hash over names without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0u8; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.mix(u64::from_le_bytes(last));
        self.mix(bytes.len() as u64);
    }

    /// Adds a number.
    pub fn mix(&mut self, word: u64) {
        // Bit 5 is the case of a letter; for other bytes it does not matter which half of them fall together.
        let product = u128::from(self.0 ^ (word | 0x2020_2020_2020_2020)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    /// The hash folded to 64 bits.
    pub fn value(self) -> u64 {
        self.0
    }
}

fn write_escaped(label: &[u8], text: &mut Vec<u8>) {
    let is_utf8 = std::str::from_utf8(label).is_ok();
    for &byte in label {
        match byte {
            b'.' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => text.push(byte),
            0x80.. if is_utf8 => text.push(byte),
            _ => write_decimal_escape(byte, text),
        }
    }
}

/// Writes a byte as `\DDD`.
pub fn write_decimal_escape(byte: u8, text: &mut Vec<u8>) {
    text.extend_from_slice(&[b'\\', b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10]);
}

/// The longest name on the wire, RFC 1035 section 2.3.4.
const MAX_NAME_BYTES: usize = 255;
/// The longest label, RFC 1035 section 2.3.4.
const MAX_LABEL_BYTES: u8 = 63;
/// The two high bits that make a length byte a pointer, RFC 1035 section 4.1.4.
const POINTER: u8 = 0xc0;
/// The most pointers that are followed in one name.
const MAX_POINTERS: usize = 64;
/// Bytes that need no escape: visible ASCII and space, without dot and backslash.
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        table[byte as usize] = byte != b'.' && byte != b'\\';
        byte += 1;
    }
    table
};
