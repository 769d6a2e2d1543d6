//! Entries for flows: all connections between a client address and a server address and port.

use lanternfish_model::{
    CloseReason, ConnectionSummary, LocalSide, Message, Outcome, PacketRef, ProtocolIndex, Side, Transport, Wants,
};

use crate::rate::{Rate, Sides};
use crate::tcp;
use crate::transport::{begin, int, list, shared, sides, state};

/// The state of a flow at one moment; counters are cumulative.
#[derive(Clone, Debug)]
pub struct FlowSummary {
    /// Its id; below 2^53.
    pub id: u64,
    /// The transport.
    pub transport: Transport,
    /// The first packet.
    pub first: PacketRef,
    /// The last packet.
    pub last: PacketRef,
    /// Rises by one with each summary of the same flow, from 0.
    pub revision: u32,
    /// Connections so far.
    pub connections: u64,
    /// Connections that still stand.
    pub open_connections: u64,
    /// Connections that the server refused.
    pub refused: u64,
    /// Connections that ended in a RST.
    pub resets: u64,
    /// Connections that nobody answered.
    pub unanswered: u64,
    /// The clients' side, summed up (its flags mean nothing).
    pub to_server: Side,
    /// The server's side, summed up (its flags mean nothing).
    pub to_client: Side,
    /// The rates of both over the seconds up to the last packet: the clients', and the server's.
    pub rates: Sides,
    /// The round-trip times of the handshakes.
    pub handshake_rtt: Spread,
    /// Whether no more connections are expected.
    pub is_over: bool,
    /// Whether it was dropped from the table for its limit.
    pub is_dropped: bool,
}

impl FlowSummary {
    /// A flow of which no connection was counted yet.
    pub fn new(id: u64, transport: Transport, first: PacketRef) -> Self {
        FlowSummary {
            id,
            transport,
            first,
            last: first,
            revision: 0,
            connections: 0,
            open_connections: 0,
            refused: 0,
            resets: 0,
            unanswered: 0,
            to_server: Side::default(),
            to_client: Side::default(),
            rates: [Rate::default(); 2],
            handshake_rtt: Spread::default(),
            is_over: false,
            is_dropped: false,
        }
    }

    /// Counts a connection that was opened.
    pub fn open(&mut self) {
        self.connections = self.connections.saturating_add(1);
        self.open_connections = self.open_connections.saturating_add(1);
    }

    /// Adds what a connection did since it was last told of: `before` are both sides (to the server, to the client) as
    /// they stood then.
    pub fn absorb(&mut self, before: &[Side; 2], now: &ConnectionSummary) {
        let [to_server, to_client] = before;
        grow(&mut self.to_server, to_server, &now.to_server);
        grow(&mut self.to_client, to_client, &now.to_client);
        if now.last.number > self.last.number {
            self.last = now.last;
        }
    }

    /// Counts the end of a connection; one that stands when the capture ends still counts as open.
    pub fn close(&mut self, end: &ConnectionSummary) {
        if end.close == CloseReason::Open {
            return;
        }
        self.open_connections = self.open_connections.saturating_sub(1);
        let count = match end.close {
            CloseReason::Refused => &mut self.refused,
            CloseReason::Reset => &mut self.resets,
            CloseReason::Timeout | CloseReason::Unreachable if end.to_client.packets == 0 => &mut self.unanswered,
            _ => return,
        };
        *count = count.saturating_add(1);
    }

    /// Takes back a connection that turned out to belong to another flow; `before` are its sides as last told of.
    pub fn withdraw(&mut self, before: &[Side; 2]) {
        self.connections = self.connections.saturating_sub(1);
        self.open_connections = self.open_connections.saturating_sub(1);
        for (sum, side) in [&mut self.to_server, &mut self.to_client].into_iter().zip(before) {
            let nothing = Side::default();
            let mut rest = nothing;
            grow(&mut rest, side, sum);
            *sum = rest;
        }
    }
}

/// Fills the message of a flow entry. `protocols` are the titles of the protocols found inside, in upper case.
pub fn flow(
    summary: &FlowSummary,
    local: LocalSide,
    protocols: &[&str],
    _wants: &Wants,
    protocol: ProtocolIndex,
    message: &mut Message,
) {
    let (near, far) = sides(local, &summary.to_server, &summary.to_client);
    let [to_server, to_client] = summary.rates;
    let (near_rate, far_rate) = match local {
        LocalSide::Client => (to_server, to_client),
        LocalSide::Server => (to_client, to_server),
    };
    begin(message, protocol, near, far);
    message.first = summary.first;
    message.last = summary.last;
    let failed = summary.refused.saturating_add(summary.unanswered);
    message.outcome = match summary.is_over {
        true if summary.connections > 0 && failed >= summary.connections => Outcome::Failed,
        true => Outcome::Ok,
        false => Outcome::Open,
    };
    if summary.is_dropped {
        message.note("dropped from the table of flows for its limit");
    } else if summary.connections == 0 {
        message.note("its connections turned out to be of another flow: client and server the other way round");
    }
    let is_new = summary.revision == 0 && (near.packets == 0 || far.packets == 0);
    let values = &mut message.values;
    values.name(shared::FLOW_STATE, state(!summary.is_over, is_new));
    values.int(shared::FLOW_LOCAL_PKTS, int(near.packets));
    values.int(shared::FLOW_LOCAL_BYTES, int(near.bytes));
    values.int(shared::FLOW_REMOTE_PKTS, int(far.packets));
    values.int(shared::FLOW_REMOTE_BYTES, int(far.bytes));
    values.int(shared::FLOW_LOCAL_PPS, int(near_rate.packets));
    values.int(shared::FLOW_LOCAL_BPS, int(near_rate.bytes));
    values.int(shared::FLOW_REMOTE_PPS, int(far_rate.packets));
    values.int(shared::FLOW_REMOTE_BPS, int(far_rate.bytes));
    values.int(shared::FLOW_GROUP_ID, int(summary.id));
    values.int(shared::FLOW_CONNECTIONS, int(summary.connections));
    values.int(shared::FLOW_OPEN_CONNECTIONS, int(summary.open_connections));
    values.int(shared::FLOW_REVISION, i64::from(summary.revision));
    list(values, shared::FLOW_L7_DETECTED, protocols);
    if summary.transport == Transport::Tcp {
        tcp::fill_flow(summary, values);
    }
}

/// The least, the mean and the greatest of a series, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many there were.
    pub count: u64,
    /// The least.
    pub least_ns: i64,
    /// The greatest.
    pub greatest_ns: i64,
    sum_ns: i64,
}

impl Spread {
    /// Adds one.
    pub fn add(&mut self, ns: i64) {
        self.least_ns = if self.count == 0 { ns } else { self.least_ns.min(ns) };
        self.greatest_ns = if self.count == 0 { ns } else { self.greatest_ns.max(ns) };
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.count = self.count.saturating_add(1);
    }

    /// The mean, 0 where there was none.
    pub fn mean_ns(&self) -> i64 {
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        self.sum_ns.checked_div(count).unwrap_or(0)
    }
}

fn grow(sum: &mut Side, before: &Side, now: &Side) {
    let add = |sum: &mut u64, before: u64, now: u64| *sum = sum.saturating_add(now.saturating_sub(before));
    add(&mut sum.packets, before.packets, now.packets);
    add(&mut sum.bytes, before.bytes, now.bytes);
    add(&mut sum.payload_bytes, before.payload_bytes, now.payload_bytes);
    add(&mut sum.retransmissions, before.retransmissions, now.retransmissions);
    add(&mut sum.out_of_order, before.out_of_order, now.out_of_order);
    add(&mut sum.zero_windows, before.zero_windows, now.zero_windows);
    add(&mut sum.gap_bytes, before.gap_bytes, now.gap_bytes);
    add(&mut sum.overlap_conflict_bytes, before.overlap_conflict_bytes, now.overlap_conflict_bytes);
    add(&mut sum.keep_alives, before.keep_alives, now.keep_alives);
}
