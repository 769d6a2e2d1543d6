//! Byte order, and the options of pcapng blocks (draft-ietf-opsawg-pcapng section 3.5).

/// The byte order of a file or section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        }
    }

    /// The number at `offset`.
    #[inline]
    pub fn u32_at(self, bytes: &[u8], offset: usize) -> Option<u32> {
        bytes.get(offset..)?.first_chunk::<4>().map(|chunk| self.u32(*chunk))
    }

    /// The number at `offset`.
    #[inline]
    pub fn u16_at(self, bytes: &[u8], offset: usize) -> Option<u16> {
        bytes.get(offset..)?.first_chunk::<2>().map(|chunk| self.u16(*chunk))
    }
}

/// Options, or the records of a name resolution block, which look the same: pairs of code and value up to code 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    bytes: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    #[inline]
    pub const fn new(bytes: &'a [u8], order: Order) -> Self {
        Options { bytes, order }
    }

    /// The byte order of the values.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// How many bytes are not read yet.
    pub const fn left(&self) -> usize {
        self.bytes.len()
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (&[c0, c1, l0, l1], rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        let code = self.order.u16([c0, c1]);
        if code == 0 {
            return None;
        }
        let length = usize::from(self.order.u16([l0, l1]));
        let Some(value) = rest.get(..length) else {
            self.bytes = &[];
            return None;
        };
        self.bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// A text as far as it is UTF-8, without the zero byte that some writers end it with.
pub(crate) fn text(value: &[u8]) -> &str {
    let valid = match std::str::from_utf8(value) {
        Ok(text) => text,
        Err(error) => value.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or(""),
    };
    valid.trim_end_matches('\0')
}

/// opt_comment, in every block.
pub(crate) const COMMENT: u16 = 1;
