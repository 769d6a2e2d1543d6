//! Limits and timeouts of the connection table, all in packet time.

use lanternfish_model::Timestamp;

use crate::wheel::TICK_NS;

/// How connections are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// By the number of their first packet: the same in every run over a file, with any number of threads.
    FromPacket,
    /// By a running number: `next`, then `step` further each time (one residue class for each worker).
    Running {
        /// The id of the next connection.
        next: u64,
        /// The step to the one after it.
        step: u64,
    },
}

/// After how much silence a connection is taken for over, in ns of packet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP before the handshake is done, or a single stray segment.
    pub tcp_opening_ns: i64,
    /// TCP that is established. Pooled connections rest for minutes, and a rejoin loses the state of their protocol.
    pub tcp_established_ns: i64,
    /// Any transport after its end: late ACKs and retransmissions are counted to it and do not open another one.
    pub closed_ns: i64,
    /// UDP.
    pub udp_ns: i64,
    /// SCTP.
    pub sctp_ns: i64,
    /// ICMP.
    pub icmp_ns: i64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            tcp_opening_ns: 30 * SECOND_NS,
            tcp_established_ns: 600 * SECOND_NS,
            closed_ns: 5 * SECOND_NS,
            udp_ns: 60 * SECOND_NS,
            sctp_ns: 300 * SECOND_NS,
            icmp_ns: 30 * SECOND_NS,
        }
    }
}

/// The configuration of a [`crate::Tracker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The most connections in the table.
    pub max_connections: usize,
    /// The most connections in the table of which one packet was seen, or no handshake; the oldest makes room for the
    /// next one. A scan opens very many of them.
    pub max_embryonic: usize,
    /// The most bytes that the records of connections take, the sink's state (its own size, not what it points to)
    /// included. The smaller of both limits holds.
    pub max_table_bytes: usize,
    /// The most out-of-order bytes (with their bookkeeping) that wait in all connections together.
    pub max_buffered_bytes: usize,
    /// The most out-of-order bytes (with their bookkeeping) that wait in one connection, half of them each direction.
    pub max_connection_buffered_bytes: usize,
    /// After how much silence a connection is over.
    pub timeouts: Timeouts,
    /// How long a direction waits for a hole to be filled where the other side's ACKs are not seen, in ns.
    pub max_hole_wait_ns: i64,
    /// Summaries are given at the opening and then once in this many ns while packets come, at the times of
    /// [`next_report`]; `None` for no summary before the last one.
    pub report_interval_ns: Option<i64>,
    /// The seed of [`lanternfish_model::ConnectionKey::hash64`] that callers use too.
    pub seed: u64,
    /// How connections are numbered.
    pub ids: Ids,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_connections: 262_144,
            max_embryonic: 16_384,
            max_table_bytes: 192 << 20,
            max_buffered_bytes: 32 << 20,
            max_connection_buffered_bytes: 1 << 20,
            timeouts: Timeouts::default(),
            max_hole_wait_ns: 10 * SECOND_NS,
            report_interval_ns: None,
            seed: 0,
            ids: Ids::FromPacket,
        }
    }
}

/// The first time after `after` at which the connections of a flow are summed up: the same for all of them, so that the
/// flow can be summed up too, while flows are spread over the interval. It is a border between two ticks of the timers.
pub fn next_report(flow_id: u64, after: Timestamp, interval_ns: i64) -> Timestamp {
    let interval_ns = interval_ns.max(TICK_NS);
    let phase = i64::try_from(flow_id).unwrap_or(0).rem_euclid(interval_ns);
    let passed = after.ns().saturating_sub(phase).rem_euclid(interval_ns);
    let border = |due: i64| due.saturating_add(TICK_NS - 1).div_euclid(TICK_NS).saturating_mul(TICK_NS);
    // The last point may have been put off beyond `after`.
    let last = border(after.ns().saturating_sub(passed));
    if last > after.ns() {
        return Timestamp::from_ns(last);
    }
    Timestamp::from_ns(border(after.ns().saturating_sub(passed).saturating_add(interval_ns)))
}

const SECOND_NS: i64 = 1_000_000_000;
