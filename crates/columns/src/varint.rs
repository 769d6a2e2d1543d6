//! Integers in as few bytes as they need (LEB128), for the columns that hold what no field tells.

/// Writes a number.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes a number that may be negative; small ones of either sign are short.
#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63).cast_unsigned());
}

/// Writes bytes with their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what was written; behind the end it gives zeros, and `is_short` says so.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    is_short: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, is_short: false }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.is_short
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.bytes.split_first() else {
            self.is_short = true;
            return 0;
        };
        self.bytes = rest;
        byte
    }

    #[inline]
    pub(crate) fn number(&mut self) -> u64 {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
        }
        self.is_short = true;
        number
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
    }

    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = self.number();
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            self.is_short = true;
            self.bytes = &[];
            return &[];
        };
        self.bytes = rest;
        taken
    }

    pub(crate) fn text(&mut self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let numbers = [0, 1, -1, 63, 64, -64, -65, 1 << 40, i64::MAX, i64::MIN];
        let mut out = Vec::new();
        for number in numbers {
            put_signed(&mut out, number);
            put(&mut out, number.cast_unsigned());
        }
        put_bytes(&mut out, b"end");
        let mut reader = Reader::new(&out);
        for number in numbers {
            assert_eq!(reader.signed(), number);
            assert_eq!(reader.number(), number.cast_unsigned());
        }
        assert_eq!(reader.bytes(), b"end");
        assert!(reader.is_empty() && !reader.is_short());
        assert_eq!(reader.number(), 0);
        assert!(reader.is_short());
    }

    #[test]
    fn a_number_without_end_is_short() {
        let mut reader = Reader::new(&[0xff; 20]);
        reader.number();
        assert!(reader.is_short());
    }
}
