//! The command line as text, built argument by argument as their bytes come, within a limit.

/// A command line under way.
#[derive(Debug, Default)]
pub struct Line {
    /// The text.
    pub text: Vec<u8>,
    /// Bytes of text that are kept.
    limit: usize,
    /// Where the text of the argument under way begins.
    argument_at: usize,
    /// Whether text was left out.
    pub is_cut: bool,
}

impl Line {
    /// Begins a line in a buffer, which is cleared.
    pub fn begin(&mut self, buffer: Vec<u8>, limit: usize) {
        self.text = buffer;
        self.text.clear();
        self.limit = limit;
        self.is_cut = false;
    }

    /// Gives up the text, and keeps nothing more.
    pub fn shed(&mut self) {
        self.is_cut |= !self.text.is_empty();
        self.text = Vec::new();
        (self.limit, self.argument_at) = (0, 0);
    }

    /// Begins an argument.
    pub fn begin_argument(&mut self) {
        if !self.text.is_empty() && self.text.len() < self.limit {
            self.text.push(b' ');
        }
        self.argument_at = self.text.len();
    }

    /// Adds bytes of the argument.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.text.len());
        if bytes.len() > room {
            self.is_cut = true;
        }
        self.text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The text of the argument under way, as far as it was kept.
    pub fn argument(&self) -> &[u8] {
        self.text.get(self.argument_at..).unwrap_or_default()
    }

    /// Ends the argument: one that is not plain text is put into quotes, as `redis-cli` writes it.
    pub fn end_argument(&mut self) {
        if is_plain(self.argument()) || self.text.len() >= self.limit && self.argument().is_empty() {
            return;
        }
        let raw = self.text.split_off(self.argument_at);
        write_quoted(&raw, &mut self.text);
    }
}

/// Whether a text needs no quotes: it is not empty, has no spaces, quotes at its beginning, or other than UTF-8.
fn is_plain(argument: &[u8]) -> bool {
    if matches!(argument.first(), None | Some(b'"' | b'\'')) {
        return false;
    }
    // Without an early exit, so that it compiles to wide instructions.
    let is_visible = argument.iter().fold(true, |all, &byte| all & (byte > b' ') & (byte != 0x7f));
    is_visible && (argument.is_ascii() || std::str::from_utf8(argument).is_ok())
}

fn write_quoted(raw: &[u8], text: &mut Vec<u8>) {
    let is_utf8 = match std::str::from_utf8(raw) {
        Ok(_) => true,
        // Where the limit cut the last character, the rest is text still.
        Err(error) => error.error_len().is_none(),
    };
    text.push(b'"');
    for &byte in raw {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            b' '..=b'~' => text.push(byte),
            0x80.. if is_utf8 => text.push(byte),
            _ => {
                text.extend_from_slice(b"\\x");
                text.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
            }
        }
    }
    text.push(b'"');
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) }
}

/// The beginning of a text, at most so many bytes and no half character at its end.
pub fn cut(text: &[u8], limit: usize) -> &[u8] {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while end > limit.saturating_sub(4) && text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// The length without a character that was cut at the end.
pub fn cut_half_character(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => text.len(),
    }
}
