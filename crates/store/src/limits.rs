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
        let mut total: u64 = segments.iter().map(|segment| segment.bytes).sum();
        // They stand in the order in which they were begun, which no clock can turn around.
        let goes = segments.iter().map(|segment| {
            let goes = segment.bounds.to < oldest || total > self.retention_bytes;
            if goes {
                total = total.saturating_sub(segment.bytes);
            }
            goes
        });
        goes.collect()
    }
}
