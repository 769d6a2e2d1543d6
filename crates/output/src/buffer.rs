//! A buffer of bytes that are always initialised, so that a fixed-size copy can be written and only a part of it kept.

/// Bytes with a position; what lies behind the position is room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    at: usize,
}

impl Buffer {
    /// How many bytes are written.
    pub(crate) fn len(&self) -> usize {
        self.at
    }

    /// The bytes written from `start` on.
    pub(crate) fn since(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Forgets what was written from `start` on.
    pub(crate) fn truncate(&mut self, start: usize) {
        self.at = self.at.min(start);
    }

    /// Makes room for `count` more bytes.
    #[inline]
    pub(crate) fn reserve(&mut self, count: usize) {
        if self.bytes.len() - self.at < count {
            self.grow(count);
        }
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let wanted = self.at.saturating_add(count).max(FIRST_BYTES).saturating_mul(2);
        self.bytes.resize(wanted, 0);
    }

    /// Writes bytes.
    #[inline]
    pub(crate) fn put(&mut self, source: &[u8]) {
        self.reserve(source.len());
        if let Some(slot) = self.bytes.get_mut(self.at..).and_then(|room| room.get_mut(..source.len())) {
            slot.copy_from_slice(source);
            self.at += source.len();
        }
    }

    /// Takes the next `count` bytes, to be filled.
    #[inline]
    pub(crate) fn claim(&mut self, count: usize) -> &mut [u8] {
        self.reserve(count);
        let start = self.at;
        self.at += count;
        self.bytes.get_mut(start..self.at).unwrap_or_default()
    }

    /// Writes one byte.
    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.put_some(&[byte], 1);
    }

    /// Writes the first `used` of `N` bytes by one copy of a known length.
    #[inline]
    pub(crate) fn put_some<const N: usize>(&mut self, source: &[u8; N], used: usize) {
        self.reserve(N);
        if let Some(slot) = self.bytes.get_mut(self.at..).and_then(|room| room.first_chunk_mut::<N>()) {
            *slot = *source;
            self.at += used.min(N);
        }
    }

    /// The last byte written.
    #[inline]
    pub(crate) fn last(&self) -> Option<u8> {
        self.bytes.get(self.at.checked_sub(1)?).copied()
    }

    /// Replaces the last byte.
    #[inline]
    pub(crate) fn replace_last(&mut self, byte: u8) {
        if let Some(slot) = self.at.checked_sub(1).and_then(|at| self.bytes.get_mut(at)) {
            *slot = byte;
        }
    }

    /// Appends all bytes to `out` and begins anew.
    #[inline]
    pub(crate) fn move_to(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes.get(..self.at).unwrap_or_default());
        self.at = 0;
        if self.bytes.len() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}

impl std::fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// The first size of a buffer.
const FIRST_BYTES: usize = 64;
/// A buffer larger than this is given back after an entry.
const KEPT_BYTES: usize = 1 << 20;
