//! Entries for flows: all connections between a client address and a server address and port.

use lanternfish_model::{
    CloseReason, ConnectionSummary, LocalSide, Message, Outcome, PacketRef, ProtocolIndex, Side, Timestamp, Transport,
    Wants,
};

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
    /// The clients' rate over the last [`RateWindow::SECONDS`].
    pub rate_to_server: Rate,
    /// The server's rate over the last [`RateWindow::SECONDS`].
    pub rate_to_client: Rate,
    /// The round-trip times of the handshakes.
    pub handshake_rtt: Spread,
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
            rate_to_server: Rate::default(),
            rate_to_client: Rate::default(),
            handshake_rtt: Spread::default(),
        }
    }

    /// Adds what a connection did since its last summary: `before` are both sides (to the server, to the client) as they
    /// stood there, or `None` for a connection that is new.
    pub fn absorb(&mut self, before: Option<[&Side; 2]>, now: &ConnectionSummary) {
        let nothing = Side::default();
        let [to_server, to_client] = before.unwrap_or([&nothing, &nothing]);
        grow(&mut self.to_server, to_server, &now.to_server);
        grow(&mut self.to_client, to_client, &now.to_client);
        if before.is_none() {
            self.connections = self.connections.saturating_add(1);
            self.open_connections = self.open_connections.saturating_add(1);
        }
        if now.last.number > self.last.number {
            self.last = now.last;
        }
        if now.close == CloseReason::Open {
            return;
        }
        self.open_connections = self.open_connections.saturating_sub(1);
        if now.health.handshake_rtt_ns > 0 {
            self.handshake_rtt.add(now.health.handshake_rtt_ns);
        }
        let count = match now.close {
            CloseReason::Refused => &mut self.refused,
            CloseReason::Reset => &mut self.resets,
            CloseReason::Timeout | CloseReason::Unreachable if now.to_client.packets == 0 => &mut self.unanswered,
            _ => return,
        };
        *count = count.saturating_add(1);
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
    let (near_rate, far_rate) = match local {
        LocalSide::Client => (summary.rate_to_server, summary.rate_to_client),
        LocalSide::Server => (summary.rate_to_client, summary.rate_to_server),
    };
    begin(message, protocol, near, far);
    message.first = summary.first;
    message.last = summary.last;
    let failed = summary.refused.saturating_add(summary.unanswered);
    message.outcome = match summary.open_connections {
        0 if summary.connections > 0 && failed >= summary.connections => Outcome::Failed,
        0 => Outcome::Ok,
        _ => Outcome::Open,
    };
    let is_new = summary.revision == 0 && (near.packets == 0 || far.packets == 0);
    let values = &mut message.values;
    values.name(shared::FLOW_STATE, state(summary.open_connections > 0, is_new));
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

/// Packets and bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Packets a second.
    pub packets: u64,
    /// Bytes a second.
    pub bytes: u64,
}

/// Counts over the last seconds, in a bucket for each.
#[derive(Clone, Debug, Default)]
pub struct RateWindow {
    /// The second that the newest bucket stands for.
    newest: i64,
    buckets: [Rate; RateWindow::SECONDS],
}

impl RateWindow {
    /// The length of the window.
    pub const SECONDS: usize = 10;

    /// Counts packets and bytes at a time; those older than the window are left out.
    pub fn add(&mut self, time: Timestamp, packets: u64, bytes: u64) {
        let second = second(time);
        self.advance(second);
        if self.newest.saturating_sub(second) >= Self::SECONDS as i64 {
            return;
        }
        if let Some(bucket) = self.buckets.get_mut(Self::slot(second)) {
            bucket.packets = bucket.packets.saturating_add(packets);
            bucket.bytes = bucket.bytes.saturating_add(bytes);
        }
    }

    /// The rate over the window that ends with the second of `now`.
    pub fn rate(&mut self, now: Timestamp) -> Rate {
        self.advance(second(now));
        let sum = self.buckets.iter().fold(Rate::default(), |sum, bucket| Rate {
            packets: sum.packets.saturating_add(bucket.packets),
            bytes: sum.bytes.saturating_add(bucket.bytes),
        });
        Rate { packets: sum.packets / Self::SECONDS as u64, bytes: sum.bytes / Self::SECONDS as u64 }
    }

    fn advance(&mut self, second: i64) {
        let passed = second.saturating_sub(self.newest).clamp(0, Self::SECONDS as i64);
        for step in 1..=passed {
            let stale = second.saturating_sub(passed).saturating_add(step);
            if let Some(bucket) = self.buckets.get_mut(Self::slot(stale)) {
                *bucket = Rate::default();
            }
        }
        self.newest = self.newest.max(second);
    }

    fn slot(second: i64) -> usize {
        second.rem_euclid(Self::SECONDS as i64) as usize
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

fn second(time: Timestamp) -> i64 {
    time.ns().div_euclid(1_000_000_000)
}
