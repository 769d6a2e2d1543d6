//! The state of one direction of a connection.

use lanternfish_model::Timestamp;

use crate::sequence::{MAX_AHEAD, distance};

/// One end of a connection, as its key orders them; roles may turn, ends do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The smaller endpoint.
    Low,
    /// The larger endpoint.
    High,
}

impl End {
    /// The other end.
    pub(crate) const fn other(self) -> Self {
        match self {
            End::Low => End::High,
            End::High => End::Low,
        }
    }
}

/// What one end sends, as far as each packet needs it: one cache line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Half {
    /// The sequence number expected next.
    pub(crate) next: u32,
    /// The highest number that the other end acknowledged.
    pub(crate) acked: u32,
    /// Where the sample for the round-trip time ends.
    pub(crate) sample_end: u32,
    /// The number of the FIN.
    pub(crate) fin: u32,
    /// The interface that owns the direction.
    pub(crate) interface: u32,
    /// Facts about it.
    pub(crate) marks: Marks,
    /// Segments far from what is expected that followed each other.
    pub(crate) strays: u8,
    /// Packets.
    pub(crate) packets: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Payload without retransmissions.
    pub(crate) payload_bytes: u64,
    /// When the last packet came.
    pub(crate) last_time: Timestamp,
    /// When the sample for the round-trip time was sent.
    pub(crate) sample_time: Timestamp,
}

/// What else is known of one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    /// The initial sequence number.
    pub(crate) initial: u32,
    /// Where the next of the segments counted in `strays` would begin.
    pub(crate) stray_next: u32,
    /// The smoothed round-trip time, 0 before the first measurement.
    pub(crate) smoothed_ns: i64,
    /// Its mean deviation.
    pub(crate) deviation_ns: i64,
}

/// Facts about a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    /// `next` is known.
    pub(crate) const STARTED: Marks = Marks(1);
    /// `initial` is known.
    pub(crate) const INITIAL: Marks = Marks(1 << 1);
    /// Nothing was given or missing since the beginning of the stream.
    pub(crate) const AT_START: Marks = Marks(1 << 2);
    /// `acked` is known.
    pub(crate) const ACKED: Marks = Marks(1 << 3);
    /// A sample for the round-trip time is under way.
    pub(crate) const SAMPLE: Marks = Marks(1 << 4);
    /// Out-of-order bytes wait.
    pub(crate) const QUEUED: Marks = Marks(1 << 5);
    /// A FIN was seen, `fin` is known.
    pub(crate) const FIN: Marks = Marks(1 << 6);
    /// The FIN was reached in order.
    pub(crate) const ENDED: Marks = Marks(1 << 7);
    /// A RST was seen.
    pub(crate) const RST: Marks = Marks(1 << 8);
    /// Bytes wait, or a FIN does.
    pub(crate) const WAITING: Marks = Marks(Marks::QUEUED.0 | Marks::FIN.0);

    /// Whether any of the facts holds.
    #[inline]
    pub(crate) const fn has(self, marks: Marks) -> bool {
        self.0 & marks.0 != 0
    }

    /// Sets the facts.
    #[inline]
    pub(crate) const fn set(&mut self, marks: Marks) {
        self.0 |= marks.0;
    }

    /// Unsets the facts.
    #[inline]
    pub(crate) const fn clear(&mut self, marks: Marks) {
        self.0 &= !marks.0;
    }
}

impl Half {
    /// Where a stream that is joined in the middle begins: with what comes first, or behind what the other end had got
    /// before, as the bytes between were sent but not captured.
    pub(crate) fn join_number(&self, first: u32) -> u32 {
        let is_acked = self.marks.has(Marks::ACKED) && (1..=MAX_JOIN_GAP).contains(&distance(self.acked, first));
        if is_acked { self.acked } else { first }
    }

    /// Begins the stream in the middle.
    pub(crate) fn join_at(&mut self, next: u32) {
        self.next = next;
        self.marks.set(Marks::STARTED);
        if distance(next, self.acked).unsigned_abs() > MAX_AHEAD.unsigned_abs() {
            self.marks.clear(Marks::ACKED);
        }
    }
}

/// The most bytes before the first ones captured that are believed to be missing.
const MAX_JOIN_GAP: i32 = 1 << 20;

impl Tail {
    /// Takes a measurement of the round-trip time (RFC 6298 section 2).
    pub(crate) fn measure(&mut self, round_trip_ns: i64) {
        if round_trip_ns < 0 {
            return;
        }
        if self.smoothed_ns == 0 {
            self.smoothed_ns = round_trip_ns.max(1);
            self.deviation_ns = round_trip_ns / 2;
            return;
        }
        let error_ns = round_trip_ns.saturating_sub(self.smoothed_ns);
        self.deviation_ns =
            self.deviation_ns.saturating_add(error_ns.saturating_abs().saturating_sub(self.deviation_ns) / 4);
        self.smoothed_ns = self.smoothed_ns.saturating_add(error_ns / 8).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_packet_needs_is_one_cache_line() {
        assert_eq!(size_of::<Half>(), 64);
    }

    #[test]
    fn round_trips_are_smoothed() {
        let mut tail = Tail::default();
        for (round_trip_ns, smoothed_ns, deviation_ns) in [
            (-5, 0, 0),
            (800, 800, 400),
            (1600, 900, 500),
            (i64::MAX, 1_152_921_504_606_847_763, 2_305_843_009_213_694_101),
        ] {
            tail.measure(round_trip_ns);
            assert_eq!((tail.smoothed_ns, tail.deviation_ns), (smoothed_ns, deviation_ns));
        }
    }
}
