//! A bounded reader over bytes from the network: every read either fits or is `None`.

/// Reads big-endian values from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// What was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether all was read.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// Takes a byte.
    pub fn u8(&mut self) -> Option<u8> {
        let (&value, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(value)
    }

    /// Takes two bytes.
    pub fn u16(&mut self) -> Option<u16> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*value))
    }

    /// Takes three bytes.
    pub fn u24(&mut self) -> Option<u32> {
        let (&[a, b, c], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    /// Takes a vector whose length stands before it in one byte.
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// Takes a vector whose length stands before it in two bytes.
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// Takes as much of a vector (length in two bytes) as is there, and whether that was all of it.
    pub fn vector16_or_part(&mut self) -> Option<(&'a [u8], bool)> {
        let length = usize::from(self.u16()?);
        match self.take(length) {
            Some(whole) => Some((whole, true)),
            None => {
                let part = self.0;
                self.0 = &[];
                Some((part, false))
            }
        }
    }
}

/// The 16-bit numbers of a list; an odd byte at its end is left out.
pub fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + Clone {
    bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    })
}
