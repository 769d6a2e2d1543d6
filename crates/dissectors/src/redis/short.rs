//! Short texts without an allocation.

/// A short text of which the beginning is kept.
#[derive(Debug)]
pub struct Short<const N: usize> {
    bytes: [u8; N],
    length: usize,
    /// Whether more came than is kept.
    pub is_cut: bool,
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Short { bytes: [0; N], length: 0, is_cut: false }
    }
}

impl<const N: usize> Short<N> {
    /// Forgets the text.
    pub fn clear(&mut self) {
        self.length = 0;
        self.is_cut = false;
    }

    /// Adds bytes.
    pub fn push(&mut self, part: &[u8]) {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let count = part.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), part.get(..count)) {
            to.copy_from_slice(from);
        }
        self.is_cut |= count < part.len();
        self.length = self.length.saturating_add(count);
    }

    /// The text, as far as it is kept.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Makes the text upper case.
    pub fn make_upper(&mut self) {
        self.bytes.make_ascii_uppercase();
    }
}
