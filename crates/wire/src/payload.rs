//! Cutting a payload at its front and back while keeping count of the bytes that were not captured.

use crate::Payload;

impl<'a> Payload<'a> {
    /// A packet of which `bytes` were captured, `wire_len` bytes long on the wire.
    #[inline]
    pub fn captured(bytes: &'a [u8], wire_len: u32) -> Payload<'a> {
        Payload { bytes, missing: wire_len.saturating_sub(length_of(bytes)) }
    }

    /// The length on the wire: captured bytes and missing ones.
    #[inline]
    pub fn total_bytes(self) -> u32 {
        length_of(self.bytes).saturating_add(self.missing)
    }

    /// What follows the first `count` bytes; none where it has not that many.
    #[inline]
    pub(crate) fn skip(self, count: usize) -> Option<Payload<'a>> {
        match self.bytes.get(count..) {
            Some(bytes) => Some(Payload { bytes, missing: self.missing }),
            None => {
                let beyond = u32::try_from(count.saturating_sub(self.bytes.len())).ok()?;
                Some(Payload { bytes: &[], missing: self.missing.checked_sub(beyond)? })
            }
        }
    }

    /// The first `total` bytes as a header says that there are; those that were not captured are missing.
    #[inline]
    pub(crate) fn sized(self, total: u32) -> Payload<'a> {
        match self.bytes.get(..total as usize) {
            Some(bytes) => Payload { bytes, missing: 0 },
            None => Payload { bytes: self.bytes, missing: total.saturating_sub(length_of(self.bytes)) },
        }
    }

    /// Like [`Payload::sized`], but never longer than before.
    #[inline]
    pub(crate) fn shortened(self, total: u32) -> Payload<'a> {
        if total >= self.total_bytes() { self } else { self.sized(total) }
    }

    /// The first byte's upper half, where IP has its version.
    #[inline]
    pub(crate) fn first_nibble(self) -> Option<u8> {
        self.bytes.first().map(|byte| byte >> 4)
    }
}

/// Captured packets are far below 4 GiB; a longer slice counts as that.
#[inline]
fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
