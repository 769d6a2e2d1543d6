//! What may be changed while a store is open, and what goes by it.

use std::sync::Arc;
use std::time::Duration;

use lanternfish_model::Timestamp;

use crate::{Config, Segment};

/// How much a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of stored entries; the oldest go first.
    pub retention_bytes: u64,
    /// The longest that entries are kept.
    pub retention_age: Duration,
    /// The most bytes of raw packets. A ring that is off stays off, and one that is on stays on.
    pub ring_bytes: u64,
}

/// What goes when limits become narrower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// Stored entries.
    pub entries: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
    /// Bytes of raw packets.
    pub packet_bytes: u64,
}

impl Limits {
    pub(crate) fn of(config: &Config) -> Limits {
        Limits {
            retention_bytes: config.retention_bytes,
            retention_age: config.retention_age,
            ring_bytes: config.ring_bytes,
        }
    }

    /// What ends before this is too old at a time.
    pub(crate) fn oldest(&self, now: Timestamp) -> Timestamp {
        now - i64::try_from(self.retention_age.as_nanos()).unwrap_or(i64::MAX)
    }

    /// Whether each segment goes: those that are too old, and the first of the others until the rest is not too much.
    pub(crate) fn doomed(&self, segments: &[Arc<Segment>], oldest: Timestamp) -> Vec<bool> {
        let is_old = |segment: &Arc<Segment>| segment.bounds.to < oldest;
        let young = segments.iter().filter(|segment| !is_old(segment));
        let mut total: u64 = young.map(|segment| segment.bytes).sum();
        // They stand in the order in which they were sealed, which no clock can turn around.
        let goes = segments.iter().map(|segment| {
            let is_too_much = !is_old(segment) && total > self.retention_bytes;
            if is_too_much {
                total = total.saturating_sub(segment.bytes);
            }
            is_too_much || is_old(segment)
        });
        goes.collect()
    }
}

#[cfg(test)]
mod tests {
    use lanternfish_model::ProtocolIndex;

    use super::*;
    use crate::Bounds;

    #[test]
    fn what_is_old_goes_before_what_is_too_much() {
        let segment = |to: i64, bytes: u64| {
            let bounds = Bounds { to: Timestamp::from_ns(to), ..Bounds::EMPTY };
            Arc::new(Segment::new(ProtocolIndex(0), "segment".into(), bounds, bytes, 1))
        };
        let limits = Limits { retention_bytes: 100, retention_age: Duration::ZERO, ring_bytes: 0 };
        let doomed = |segments: &[Arc<Segment>]| limits.doomed(segments, Timestamp::from_ns(50));
        assert_eq!(doomed(&[segment(90, 100), segment(10, 100)]), [false, true]);
        assert_eq!(doomed(&[segment(90, 60), segment(10, 100), segment(95, 60)]), [true, true, false]);
        assert_eq!(doomed(&[segment(90, 60), segment(95, 40)]), [false, false]);
    }
}
