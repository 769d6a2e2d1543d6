//! What is known of a connection: the facts for dissectors, and the summary for its own entry.

use crate::{ConnectionKey, Endpoint, PacketRef, Scope, Timestamp, Transport};

/// The facts of a connection that every stage may read.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    /// Its id: the number of its first packet in a file, a running number live; below 2^53.
    pub id: u64,
    /// The transport.
    pub transport: Transport,
    /// Who opened it, as far as is known (the SYN, else the well-known port, else the first sender).
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// The tunnel or network namespace.
    pub scope: Scope,
    /// The first packet.
    pub first: PacketRef,
    /// Whether its beginning was not seen.
    pub is_midstream: bool,
    /// The outer headers of its tunnels in words, outermost first (`vxlan 42 10.0.0.1 > 10.0.0.2`); empty where there is none.
    pub tunnels: Vec<String>,
    /// The interface that its first packet was seen on, 0 where unknown.
    pub interface: u32,
}

impl ConnectionFacts {
    /// The key of the connection.
    pub fn key(&self) -> ConnectionKey {
        ConnectionKey::new(self.client, self.server, self.transport, self.scope)
    }

    /// The id of the flow that the connection belongs to: a hash of its transport, scope, client address and server, so
    /// that it does not depend on what else was seen; below 2^53.
    pub fn flow_id(&self) -> u64 {
        let client = Endpoint::new(self.client.ip, 0);
        let key = ConnectionKey::new(client, self.server, self.transport, self.scope);
        let is_turned = u64::from(key.low != client);
        key.hash64(FLOW_SEED ^ is_turned) >> 11
    }
}

/// The counters of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Packets.
    pub packets: u64,
    /// Bytes of these packets on the wire, from the network header on.
    pub bytes: u64,
    /// Bytes of payload, without retransmitted ones.
    pub payload_bytes: u64,
    /// Segments that brought only bytes seen before.
    pub retransmissions: u64,
    /// Segments that came before an earlier one.
    pub out_of_order: u64,
    /// Segments with a closed receive window.
    pub zero_windows: u64,
    /// Bytes that never came, in gaps.
    pub gap_bytes: u64,
    /// Bytes that overlapped earlier ones with other content (the first were kept).
    pub overlap_conflict_bytes: u64,
    /// Keep-alive segments.
    pub keep_alives: u64,
    /// Whether it sent a FIN.
    pub has_fin: bool,
    /// Whether it sent a RST.
    pub has_rst: bool,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It still stands.
    Open,
    /// Both sides sent FIN, or a UDP flow fell silent.
    Finished,
    /// A RST ended it.
    Reset,
    /// The server answered the SYN with a RST.
    Refused,
    /// Nothing came for the idle time.
    Timeout,
    /// An ICMP error said that it could not be reached.
    Unreachable,
    /// The table was full.
    Evicted,
}

/// How the path under a connection behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkHealth {
    /// From SYN to the client's first ACK of the SYN-ACK, in ns; 0 where not seen.
    pub handshake_rtt_ns: i64,
    /// The smoothed round-trip time by acknowledgements (RFC 6298), in ns; 0 where not measured.
    pub smoothed_rtt_ns: i64,
    /// The mean deviation of the round-trip time (RFC 6298 RTTVAR), in ns.
    pub jitter_ns: i64,
}

/// The state of a connection at one moment; counters are cumulative.
#[derive(Clone, Debug)]
pub struct ConnectionSummary {
    /// What is known of it.
    pub facts: ConnectionFacts,
    /// The last packet.
    pub last: PacketRef,
    /// How it ended, or `Open`.
    pub close: CloseReason,
    /// Rises by one with each summary of the same connection, from 0.
    pub revision: u32,
    /// The client's side.
    pub to_server: Side,
    /// The server's side.
    pub to_client: Side,
    /// Round-trip times.
    pub health: LinkHealth,
    /// The checksum of the first UDP or SCTP packet, -1 where there is none.
    pub first_checksum: i64,
    /// The length of the first UDP datagram, ICMP message or SCTP packet in bytes, header included.
    pub first_length: u32,
    /// The first payload bytes of the connection, at most [`ConnectionSummary::MAX_HEAD_BYTES`].
    pub head: Vec<u8>,
    /// The chunk types seen, by SCTP number, ascending.
    pub sctp_chunk_types: Vec<u8>,
    /// The packets of the first SCTP chunk etc. are not listed; a connection's packets are found by its key.
    pub duplicate_views: u64,
}

impl ConnectionSummary {
    /// The most bytes kept in `head`.
    pub const MAX_HEAD_BYTES: usize = 64;

    /// From the first packet to the last, in ns.
    pub fn duration_ns(&self) -> i64 {
        self.last.time.since(self.facts.first.time)
    }

    /// When it was opened.
    pub fn opened_at(&self) -> Timestamp {
        self.facts.first.time
    }
}

const FLOW_SEED: u64 = 0x6c61_6e74_6572_6e66;
