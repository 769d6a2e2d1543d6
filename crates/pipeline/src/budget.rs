//! How the memory of a run is shared out: each part has a limit of its own, and what is over it is given up and counted.

use lanternfish_reassembly::Config;

/// The limits that follow from the memory of a run, for all workers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the connection table.
    pub table_bytes: usize,
    /// Out-of-order bytes that wait in streams.
    pub buffered_bytes: usize,
    /// Bytes held of messages under way, and of those that wait for their other half.
    pub held_bytes: usize,
    /// Such bytes of one connection.
    pub connection_held_bytes: usize,
    /// Bytes of entries that wait until the processes at their ends are known; those of flows may take as many again.
    pub unidentified_bytes: usize,
    /// Flows.
    pub flows: usize,
    /// Flows of which nobody answered so far.
    pub unanswered_flows: usize,
    /// Connections of which one packet was seen, or no handshake.
    pub embryonic_connections: usize,
}

impl Budget {
    /// Shares out so many bytes of memory.
    pub fn of(memory: usize) -> Budget {
        let memory = memory.saturating_sub(BASE_BYTES).max(memory / 4);
        let held_bytes = memory / HELD_SHARE;
        let flows = (memory / FLOW_SHARE / FLOW_BYTES).clamp(MIN_FLOWS, MAX_FLOWS);
        Budget {
            table_bytes: memory / TABLE_SHARE,
            buffered_bytes: memory / BUFFER_SHARE,
            held_bytes,
            connection_held_bytes: (held_bytes / CONNECTION_SHARE).max(MIN_CONNECTION_HELD_BYTES).min(held_bytes / 2),
            unidentified_bytes: memory / UNIDENTIFIED_SHARE,
            flows,
            unanswered_flows: flows / UNANSWERED_SHARE,
            embryonic_connections: (memory / EMBRYONIC_SHARE / CONNECTION_BYTES).max(MIN_EMBRYONIC),
        }
    }

    /// The configuration of the connection table within these limits.
    pub fn reassembly(&self) -> Config {
        Config {
            max_table_bytes: self.table_bytes,
            max_buffered_bytes: self.buffered_bytes,
            max_embryonic: self.embryonic_connections,
            ..Config::default()
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget::of(DEFAULT_MEMORY_BYTES)
    }
}

/// The memory of a run if nothing else is said.
pub const DEFAULT_MEMORY_BYTES: usize = 512 << 20;
/// What reading, batches under way and merging take.
const BASE_BYTES: usize = 16 << 20;
/// The part of the memory that the connection table may take: one in so many.
const TABLE_SHARE: usize = 3;
/// The part that out-of-order bytes may take.
const BUFFER_SHARE: usize = 16;
/// The part that messages under way may take.
const HELD_SHARE: usize = 16;
/// The part of that which one connection may take.
const CONNECTION_SHARE: usize = 8;
/// One connection may hold a message of the usual limits, where that is not most of what all may hold.
const MIN_CONNECTION_HELD_BYTES: usize = 512 << 10;
/// The part that entries may take which wait for the processes at their ends.
const UNIDENTIFIED_SHARE: usize = 32;
/// The part that flows may take.
const FLOW_SHARE: usize = 8;
/// What a flow takes, with its places in the tables.
const FLOW_BYTES: usize = 768;
const MIN_FLOWS: usize = 1024;
/// More flows than this nobody looks at.
const MAX_FLOWS: usize = 65_536;
/// The part of the flows that nobody may have answered.
const UNANSWERED_SHARE: usize = 4;
/// The part of the memory that connections may take which never came to life.
const EMBRYONIC_SHARE: usize = 32;
/// What a connection takes.
const CONNECTION_BYTES: usize = 1024;
const MIN_EMBRYONIC: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_fit_into_the_memory() {
        for memory in [16 << 20, 64 << 20, DEFAULT_MEMORY_BYTES, 4 << 30] {
            let budget = Budget::of(memory);
            let flows = budget.flows * FLOW_BYTES;
            let unidentified = 2 * budget.unidentified_bytes;
            let sum = budget.table_bytes + budget.buffered_bytes + budget.held_bytes + unidentified + flows;
            assert!(sum <= memory * 2 / 3, "{memory}: {budget:?}");
            assert!(budget.unanswered_flows < budget.flows && budget.connection_held_bytes < budget.held_bytes);
        }
        assert_eq!(Budget::default().flows, MAX_FLOWS);
        assert!((15_000..20_000).contains(&Budget::default().reassembly().max_embryonic));
    }
}
