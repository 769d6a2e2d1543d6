//! The record of one connection: its facts, the state of both directions, and the summary made of them.

use lanternfish_model::{
    CloseReason, ConnectionFacts, ConnectionKey, ConnectionSummary, Direction, LinkHealth, Loss, PacketRef, Side,
    Timestamp, Transport,
};
use lanternfish_wire::{Datagram, TransportHeader};

use crate::half::{End, Half, Marks, Tail};
use crate::queue::Queue;
use crate::{Config, Moment, PacketMeta, Sink, StreamData, Timeouts, Verdict, next_report};

/// What a packet's path needs beside the record.
pub(crate) struct Context<'a, S> {
    /// The stage behind.
    pub(crate) sink: &'a mut S,
    /// The ledger.
    pub(crate) loss: &'a mut Loss,
    /// The limits.
    pub(crate) config: &'a Config,
    /// What out-of-order bytes of all connections cost.
    pub(crate) buffered_bytes: &'a mut usize,
}

/// Where a connection stands, as far as timeouts and eviction care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// TCP before the handshake is done.
    Opening,
    /// TCP.
    Established,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP.
    Icmp,
    /// Any that is over.
    Closed,
}

impl Class {
    /// After how much silence the connection leaves the table.
    pub(crate) const fn timeout_ns(self, timeouts: &Timeouts) -> i64 {
        match self {
            Class::Opening => timeouts.tcp_opening_ns,
            Class::Established => timeouts.tcp_established_ns,
            Class::Udp => timeouts.udp_ns,
            Class::Sctp => timeouts.sctp_ns,
            Class::Icmp => timeouts.icmp_ns,
            Class::Closed => timeouts.closed_ns,
        }
    }
}

/// A connection. What each packet needs comes first and lies on few cache lines.
#[repr(C, align(64))]
pub(crate) struct Record<T> {
    pub(crate) halves: [Half; 2],
    pub(crate) facts: ConnectionFacts,
    /// The last packet.
    pub(crate) last: PacketRef,
    /// The end that is the client.
    pub(crate) client: End,
    pub(crate) class: Class,
    /// How it ended, where its packets told.
    pub(crate) close: CloseReason,
    /// The list of connections to evict first that it is on.
    pub(crate) rank: Rank,
    /// Whether the sink wants no more bytes.
    pub(crate) is_ignored: bool,
    /// Whether packets came since eviction last looked.
    pub(crate) is_recent: bool,
    /// Whether packets came since the last summary.
    pub(crate) is_changed: bool,
    /// Whether the client's ACK of the SYN-ACK is awaited.
    pub(crate) awaits_handshake: bool,
    /// Whether an ICMP error said that it could not be reached.
    pub(crate) is_unreachable: bool,
    /// Whether no more goes into `head`.
    pub(crate) is_head_full: bool,
    pub(crate) revision: u32,
    /// The hash in the table.
    pub(crate) hash: u32,
    pub(crate) tails: [Tail; 2],
    pub(crate) state: T,
    pub(crate) first_checksum: u32,
    pub(crate) first_length: u32,
    pub(crate) head: Vec<u8>,
    pub(crate) handshake_at: Timestamp,
    pub(crate) handshake_rtt_ns: i64,
    pub(crate) reported_at: Timestamp,
    pub(crate) duplicate_views: u64,
    pub(crate) rare: Option<Box<Rare>>,
}

/// Which connections are evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Those that are over.
    Closed,
    /// Those of which one packet was seen, or no handshake.
    Embryonic,
    /// All others.
    Normal,
}

/// What most connections never need.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) counts: [Counts; 2],
    pub(crate) queues: [Queue; 2],
    /// What the queues cost.
    pub(crate) buffered_bytes: [usize; 2],
    /// SCTP chunk types, ascending.
    pub(crate) chunk_types: Vec<u8>,
}

/// Counters of what is rare.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) retransmissions: u64,
    pub(crate) out_of_order: u64,
    pub(crate) zero_windows: u64,
    pub(crate) gap_bytes: u64,
    pub(crate) overlap_conflict_bytes: u64,
    pub(crate) keep_alives: u64,
}

impl<T> Record<T> {
    /// Whether it is the connection of a key.
    #[inline]
    pub(crate) fn is(&self, key: &ConnectionKey) -> bool {
        let facts = &self.facts;
        let (low, high) = match self.client {
            End::Low => (&facts.client, &facts.server),
            End::High => (&facts.server, &facts.client),
        };
        *low == key.low && *high == key.high && facts.transport == key.transport && facts.scope == key.scope
    }

    /// The way that packets of an end go.
    #[inline]
    pub(crate) fn direction(&self, end: End) -> Direction {
        if end == self.client { Direction::ToServer } else { Direction::ToClient }
    }

    pub(crate) fn half(&self, end: End) -> &Half {
        &self.halves[end as usize]
    }

    pub(crate) fn half_mut(&mut self, end: End) -> &mut Half {
        &mut self.halves[end as usize]
    }

    /// Begins the stream of an end behind a SYN with this number.
    pub(crate) fn start_at(&mut self, end: End, initial: u32) {
        self.tails[end as usize].initial = initial;
        let half = self.half_mut(end);
        half.marks.set(Marks::INITIAL);
        half.marks.set(Marks::AT_START);
        half.join_at(initial.wrapping_add(1));
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn counts(&mut self, end: End) -> &mut Counts {
        &mut self.rare().counts[end as usize]
    }

    /// When it leaves the table if nothing more comes.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Timestamp {
        self.last.time + self.class.timeout_ns(timeouts)
    }

    /// When the wheel must look at it.
    pub(crate) fn alarm(&self, config: &Config) -> Timestamp {
        let deadline = self.deadline(&config.timeouts);
        match config.report_interval_ns {
            // The wheel looks at the end of the tick, which is the border that the report is due at.
            Some(interval_ns) => deadline.min(self.next_report(interval_ns) - 1),
            None => deadline,
        }
    }

    /// Whether a summary is due.
    pub(crate) fn is_report_due(&self, now: Timestamp, config: &Config) -> bool {
        config.report_interval_ns.is_some_and(|interval_ns| now >= self.next_report(interval_ns))
    }

    fn next_report(&self, interval_ns: i64) -> Timestamp {
        next_report(self.facts.flow_id(), self.reported_at, interval_ns)
    }

    /// Whether it has been silent for too long.
    #[inline]
    pub(crate) fn is_expired(&self, now: Timestamp, timeouts: &Timeouts) -> bool {
        now.since(self.last.time) > self.class.timeout_ns(timeouts)
    }

    /// Why it is closed now, `cause` being the reason that has nothing to do with its packets.
    pub(crate) fn reason(&self, cause: CloseReason) -> CloseReason {
        if self.close != CloseReason::Open {
            return self.close;
        }
        // An error about an answer does not make the whole connection one that could not be reached.
        let has_answer = self.half(self.client.other()).packets > 0;
        if self.is_unreachable && !has_answer {
            return CloseReason::Unreachable;
        }
        match (cause, self.facts.transport) {
            (CloseReason::Timeout, Transport::Udp | Transport::Icmp) => CloseReason::Finished,
            _ => cause,
        }
    }

    /// Counts a packet and looks into its transport header.
    #[inline]
    pub(crate) fn packet<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        meta: &PacketMeta<'_>,
        datagram: &Datagram<'_>,
        end: End,
        quoted_connection: Option<u64>,
    ) {
        self.last = meta.packet;
        self.is_recent = true;
        self.is_changed = true;
        let (packets, bytes) = ((meta.fragments.len() as u64).saturating_add(1), u64::from(datagram.network_bytes));
        let half = &mut self.halves[end as usize];
        half.packets = half.packets.saturating_add(packets);
        half.bytes = half.bytes.saturating_add(bytes);
        half.last_time = meta.packet.time;
        let direction = self.direction(end);
        cx.sink.packet(&mut self.state, direction, meta.packet, packets, bytes);
        match &datagram.header {
            TransportHeader::Tcp(header) => self.tcp(cx, meta, end, header, datagram.payload),
            TransportHeader::Sctp(_) => self.sctp(end, datagram.payload.bytes, datagram.payload.missing),
            TransportHeader::Udp { .. } | TransportHeader::Icmp(_) => {
                self.whole(cx, meta, end, datagram, quoted_connection);
            }
        }
    }

    /// Gives a datagram as a whole.
    fn whole<S: Sink<State = T>>(
        &mut self,
        cx: &mut Context<'_, S>,
        meta: &PacketMeta<'_>,
        end: End,
        datagram: &Datagram<'_>,
        quoted_connection: Option<u64>,
    ) {
        let payload = datagram.payload;
        self.keep_head(end, payload.bytes);
        self.is_head_full |= !payload.bytes.is_empty();
        let half = &mut self.halves[end as usize];
        let length = (payload.bytes.len() as u64).saturating_add(u64::from(payload.missing));
        half.payload_bytes = half.payload_bytes.saturating_add(length);
        let is_start = !half.marks.has(Marks::STARTED);
        half.marks.set(Marks::STARTED);
        if self.is_ignored {
            return;
        }
        let data = StreamData {
            direction: self.direction(end),
            bytes: payload.bytes,
            packet: meta.packet,
            fragments: meta.fragments,
            position: None,
            is_datagram: true,
            is_start,
            missing: payload.missing,
            quoted_connection,
        };
        let verdict = cx.sink.data(&mut self.state, &self.facts, &data);
        self.obey(verdict);
    }

    /// Does what the sink wants.
    #[inline]
    pub(crate) fn obey(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Continue => {}
            Verdict::Ignore => self.is_ignored = true,
            Verdict::Turn => {
                self.client = self.client.other();
                std::mem::swap(&mut self.facts.client, &mut self.facts.server);
            }
        }
    }

    /// Keeps the first payload bytes of the end that sent payload first.
    pub(crate) fn keep_head(&mut self, end: End, bytes: &[u8]) {
        if self.is_head_full {
            return;
        }
        if self.half(end.other()).payload_bytes > 0 {
            self.is_head_full = true;
            return;
        }
        let room = ConnectionSummary::MAX_HEAD_BYTES.saturating_sub(self.head.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.head.reserve_exact(kept.len());
        self.head.extend_from_slice(kept);
        self.is_head_full = self.head.len() >= ConnectionSummary::MAX_HEAD_BYTES;
    }

    /// The summary in between; one of a connection that is over is no revision.
    pub(crate) fn summary(&mut self, moment: Moment) -> ConnectionSummary {
        let facts = self.facts.clone();
        let head = self.head.clone();
        let types = self.rare.as_ref().map(|rare| rare.chunk_types.clone()).unwrap_or_default();
        let summary = self.summarise(facts, head, types, CloseReason::Open);
        self.revision = self.revision.saturating_add(u32::from(moment != Moment::Over));
        self.is_changed = false;
        summary
    }

    /// The last summary, and the sink's state.
    pub(crate) fn into_parts(mut self, close: CloseReason) -> (T, ConnectionSummary) {
        let facts = ConnectionFacts { tunnels: std::mem::take(&mut self.facts.tunnels), ..self.facts };
        let head = std::mem::take(&mut self.head);
        let types = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.chunk_types)).unwrap_or_default();
        let summary = self.summarise(facts, head, types, close);
        (self.state, summary)
    }

    fn summarise(
        &self,
        facts: ConnectionFacts,
        head: Vec<u8>,
        sctp_chunk_types: Vec<u8>,
        close: CloseReason,
    ) -> ConnectionSummary {
        let first_checksum = match facts.transport {
            Transport::Udp | Transport::Sctp => i64::from(self.first_checksum),
            Transport::Tcp | Transport::Icmp => -1,
        };
        ConnectionSummary {
            facts,
            last: self.last,
            close,
            revision: self.revision,
            to_server: self.side(self.client),
            to_client: self.side(self.client.other()),
            health: self.health(),
            first_checksum,
            first_length: self.first_length,
            head,
            sctp_chunk_types,
            duplicate_views: self.duplicate_views,
        }
    }

    fn side(&self, end: End) -> Side {
        let half = self.half(end);
        let mut side = Side {
            packets: half.packets,
            bytes: half.bytes,
            payload_bytes: half.payload_bytes,
            has_fin: half.marks.has(Marks::FIN),
            has_rst: half.marks.has(Marks::RST),
            ..Side::default()
        };
        if let Some(rare) = &self.rare {
            let counts = &rare.counts[end as usize];
            side.retransmissions = counts.retransmissions;
            side.out_of_order = counts.out_of_order;
            side.zero_windows = counts.zero_windows;
            side.gap_bytes = counts.gap_bytes;
            side.overlap_conflict_bytes = counts.overlap_conflict_bytes;
            side.keep_alives = counts.keep_alives;
        }
        side
    }

    /// The round-trip time that the client's data had; where there was none, that of the server's.
    fn health(&self) -> LinkHealth {
        let client = &self.tails[self.client as usize];
        let measured = if client.smoothed_ns > 0 { client } else { &self.tails[self.client.other() as usize] };
        LinkHealth {
            handshake_rtt_ns: self.handshake_rtt_ns,
            smoothed_rtt_ns: measured.smoothed_ns,
            jitter_ns: measured.deviation_ns,
        }
    }
}
