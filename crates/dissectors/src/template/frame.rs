//! Frames of the toy protocol: bytes to frames, nothing else.
//!
//! ```text
//!  0      4      5         9        11
//!  | TOY1 | kind | id (BE) | length | payload …
//! ```

/// The bytes of a header.
pub const HEADER_BYTES: usize = 11;
/// What a frame begins with.
pub const MAGIC: &[u8; 4] = b"TOY1";

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether it is a question; else an answer.
    pub is_question: bool,
    /// The number that a question and its answer share.
    pub id: u32,
    /// The bytes of payload behind the header.
    pub length: usize,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` where there is none.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let &[t, o, y, one, kind, i, j, k, l, high, low] = bytes.first_chunk::<HEADER_BYTES>()?;
        let is_sane = [t, o, y, one] == *MAGIC && matches!(kind, 1 | 2);
        is_sane.then(|| Header {
            is_question: kind == 1,
            id: u32::from_be_bytes([i, j, k, l]),
            length: usize::from(u16::from_be_bytes([high, low])),
        })
    }

    /// Whether bytes too few for a header may still become one.
    pub fn may_begin(bytes: &[u8]) -> bool {
        bytes.iter().zip(MAGIC).all(|(byte, wanted)| byte == wanted)
    }
}
