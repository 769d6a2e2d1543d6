//! Packet time: nanoseconds since the Unix epoch, with no clock behind it.

use std::ops::{Add, Sub};

/// A point in time in nanoseconds since 1970-01-01T00:00:00Z; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The smallest time.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The largest time.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Makes a time from nanoseconds since the epoch.
    pub const fn from_ns(ns: i64) -> Self {
        Timestamp(ns)
    }

    /// Makes a time from seconds and nanoseconds since the epoch, saturating.
    pub const fn from_parts(seconds: i64, ns: u32) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(ns as i64))
    }

    /// Nanoseconds since the epoch.
    pub const fn ns(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this time, negative where this one is earlier; saturating.
    pub const fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<i64> for Timestamp {
    type Output = Timestamp;
    /// Adds nanoseconds, saturating.
    fn add(self, ns: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ns))
    }
}

impl Sub<i64> for Timestamp {
    type Output = Timestamp;
    /// Subtracts nanoseconds, saturating.
    fn sub(self, ns: i64) -> Timestamp {
        Timestamp(self.0.saturating_sub(ns))
    }
}
