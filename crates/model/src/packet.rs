//! Where bytes came from: the numbers and times of packets.

use smallvec::SmallVec;

use crate::Timestamp;

/// One packet: its number in the capture (from 1) and the time it was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketRef {
    /// The time of capture.
    pub time: Timestamp,
    /// The number in the file, or in the live run, counted from 1.
    pub number: u64,
}

/// Where a byte of a TCP stream stands between what was sent and what was received.
///
/// RFC 9293 section 3.4. Both count modulo 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamPosition {
    /// The byte's sequence number.
    pub sequence: u32,
    /// The acknowledgement number of the segment that carried it: its sender had received all bytes of the other direction
    /// before this one.
    pub acknowledgement: u32,
}

/// A run of packets with consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketRun {
    /// The number of the first packet.
    pub first: u64,
    /// How many packets follow each other, at least 1.
    pub count: u64,
}

/// The packets that something came from, as runs in the order they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketRuns {
    runs: SmallVec<[PacketRun; 2]>,
    is_cut: bool,
}

impl PacketRuns {
    /// The most runs that one message keeps; packets past it are not listed and `is_cut` says so.
    pub const MAX_RUNS: usize = 65_536;

    /// Makes it of runs, for example of stored ones; `is_cut` says that there were more packets.
    pub fn from_runs(runs: impl IntoIterator<Item = PacketRun>, is_cut: bool) -> Self {
        let mut runs = runs.into_iter();
        let kept = runs.by_ref().take(Self::MAX_RUNS).collect();
        PacketRuns { runs: kept, is_cut: is_cut || runs.next().is_some() }
    }

    /// Adds a packet; one that the last run ends with is not added again.
    pub fn add(&mut self, number: u64) {
        if let Some(run) = self.runs.last_mut() {
            let next = run.first.saturating_add(run.count);
            if number >= run.first && number < next {
                return;
            }
            if number == next {
                run.count = run.count.saturating_add(1);
                return;
            }
        }
        if self.runs.len() >= Self::MAX_RUNS {
            self.is_cut = true;
            return;
        }
        self.runs.push(PacketRun { first: number, count: 1 });
    }

    /// Forgets all packets.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.is_cut = false;
    }

    /// The runs in the order they were added.
    pub fn runs(&self) -> &[PacketRun] {
        &self.runs
    }

    /// Bytes of memory held beside the struct itself.
    pub fn footprint_bytes(&self) -> usize {
        if self.runs.spilled() { self.runs.capacity().saturating_mul(size_of::<PacketRun>()) } else { 0 }
    }

    /// Whether packets were left out because of [`PacketRuns::MAX_RUNS`].
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many packets are listed.
    pub fn packet_count(&self) -> u64 {
        self.runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_packets_share_a_run() {
        let mut runs = PacketRuns::default();
        for number in [4, 4, 5, 6, 9, 5] {
            runs.add(number);
        }
        assert_eq!(
            runs.runs(),
            [PacketRun { first: 4, count: 3 }, PacketRun { first: 9, count: 1 }, PacketRun { first: 5, count: 1 }]
        );
        assert_eq!(runs.packet_count(), 5);
    }
}
