//! A reply as text: a single value as it is, nested ones as JSON.
//!
//! Bytes that are not UTF-8 stay as they are. Attributes (RESP3) are left out.

/// Text under way.
#[derive(Debug, Default)]
pub struct Render {
    /// The text.
    pub text: Vec<u8>,
    limit: usize,
    /// Whether text was left out.
    pub is_cut: bool,
    is_on: bool,
}

impl Render {
    /// Begins a text in a buffer, which is cleared; without `is_on`, nothing is written.
    pub fn begin(&mut self, buffer: Vec<u8>, limit: usize, is_on: bool) {
        self.text = buffer;
        self.text.clear();
        self.limit = limit;
        self.is_cut = false;
        self.is_on = is_on;
    }

    /// Gives up the text, and keeps nothing more.
    pub fn shed(&mut self) {
        self.is_cut |= !self.text.is_empty();
        self.text = Vec::new();
        self.limit = 0;
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        if !self.is_on {
            return;
        }
        let room = self.limit.saturating_sub(self.text.len());
        self.is_cut |= bytes.len() > room;
        self.text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Writes bytes within a JSON string, without its quotes.
    pub fn escaped(&mut self, bytes: &[u8]) {
        if !self.is_on {
            return;
        }
        if self.text.len() >= self.limit {
            self.is_cut |= !bytes.is_empty();
            return;
        }
        let must_escape = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        if !bytes.iter().fold(false, |any, &byte| any | must_escape(byte)) {
            self.raw(bytes);
            return;
        }
        for &byte in bytes {
            match byte {
                b'"' => self.raw(b"\\\""),
                b'\\' => self.raw(b"\\\\"),
                b'\n' => self.raw(b"\\n"),
                b'\r' => self.raw(b"\\r"),
                b'\t' => self.raw(b"\\t"),
                0..b' ' => {
                    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) };
                    self.raw(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
                }
                _ => self.raw(&[byte]),
            }
            if self.is_cut {
                return;
            }
        }
    }
}
