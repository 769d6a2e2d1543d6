//! How a store stands, for people and for telemetry.

use lanternfish_model::Timestamp;

/// How a store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Why nothing is stored, in words; none where all is well.
    pub problem: Option<String>,
    /// What happened since it was opened, in words, the newest last.
    pub notes: Vec<String>,
    /// Rows in segments and tail.
    pub rows: u64,
    /// Rows that are not sealed yet.
    pub tail_rows: u64,
    /// Bytes of memory of these.
    pub tail_bytes: usize,
    /// Sealed segments.
    pub segments: usize,
    /// Their bytes on the disk.
    pub segment_bytes: u64,
    /// Bytes of raw packets on the disk.
    pub ring_bytes: u64,
    /// Packets that the ring did not keep.
    pub ring_lost: u64,
    /// The earliest time of an entry.
    pub from: Option<Timestamp>,
    /// The latest time of an entry.
    pub to: Option<Timestamp>,
}
