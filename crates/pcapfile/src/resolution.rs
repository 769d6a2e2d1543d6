//! From the time stamps of pcapng to nanoseconds (draft-ietf-opsawg-pcapng section 4.2: if_tsresol, if_tsoffset).

use lanternfish_model::Timestamp;

/// How the time stamps of an interface count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    unit: Unit,
    offset_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many in a nanosecond.
    PerNanosecond(u64),
    /// A second divided by two so many times.
    BinarySecond(u8),
}

impl Resolution {
    /// Microseconds, where a file says nothing.
    pub const DEFAULT: Resolution = Resolution { unit: Unit::Nanoseconds(1000), offset_ns: 0 };

    /// From the values of if_tsresol and if_tsoffset.
    pub fn new(resolution: u8, offset_seconds: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let unit = match (resolution & 0x80, exponent) {
            (0, 0..=9) => Unit::Nanoseconds(10u64.pow(9u32.saturating_sub(exponent))),
            // Finer than 10^-28 s a 64-bit count is not even one nanosecond.
            (0, _) => Unit::PerNanosecond(10u64.checked_pow(exponent.saturating_sub(9)).unwrap_or(u64::MAX)),
            _ => Unit::BinarySecond(resolution & 0x7f),
        };
        Resolution { unit, offset_ns: offset_seconds.saturating_mul(1_000_000_000) }
    }

    /// The time of a count, saturating.
    #[inline]
    pub fn time(self, count: u64) -> Timestamp {
        let ns = match self.unit {
            Unit::Nanoseconds(factor) => count.saturating_mul(factor),
            Unit::PerNanosecond(divisor) => count.checked_div(divisor).unwrap_or(0),
            Unit::BinarySecond(shift) => {
                let ns = u128::from(count).saturating_mul(1_000_000_000) >> shift;
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
        };
        Timestamp::from_ns(i64::try_from(ns).unwrap_or(i64::MAX).saturating_add(self.offset_ns))
    }
}
