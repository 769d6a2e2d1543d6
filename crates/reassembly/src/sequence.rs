//! Arithmetic of 32-bit sequence numbers that wrap around (RFC 9293 section 3.4).

/// How far `to` lies ahead of `from`; negative where it lies behind.
#[inline]
pub(crate) const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// Whether `a` is `b` or comes after it.
#[inline]
pub(crate) const fn is_at_or_after(a: u32, b: u32) -> bool {
    distance(b, a) >= 0
}

/// The farthest that a segment or an ACK may lie ahead: the largest window there is (RFC 7323 section 2.3).
pub(crate) const MAX_AHEAD: i32 = 1 << 30;
/// The farthest that a retransmission may lie behind.
pub(crate) const MAX_BEHIND: i32 = 1 << 26;
/// The farthest from what is expected that a RST is believed.
pub(crate) const MAX_RESET_DISTANCE: i32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap() {
        assert_eq!(distance(u32::MAX, 1), 2);
        assert_eq!(distance(1, u32::MAX), -2);
        assert!(is_at_or_after(3, u32::MAX - 3));
        assert!(!is_at_or_after(u32::MAX - 3, 3));
        assert!(is_at_or_after(7, 7));
    }
}
