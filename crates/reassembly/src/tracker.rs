//! The connection table: finds or opens the connection of each datagram, and closes those that are over.

mod room;
mod timers;

use hashbrown::HashTable;
use lanternfish_model::{CloseReason, ConnectionFacts, ConnectionKey, Loss, Timestamp, Transport};
use lanternfish_wire::{Datagram, IcmpHeader, TransportHeader, Tunnel};

use crate::half::{End, Half, Tail};
use crate::lists::Lists;
use crate::record::{Class, Context, Rank, Record};
use crate::roles::is_sender_server;
use crate::sctp::{INIT, INIT_ACK, chunk_types};
use crate::wheel::Wheel;
use crate::{Config, Fate, Ids, Moment, PacketMeta, Sink};

/// The connections of one worker.
///
/// Time is that of the packets. What a packet does depends on the packets before it only, not on when
/// [`Tracker::advance`] is called: that only decides how soon the end of a silent connection is told.
pub struct Tracker<S: Sink> {
    config: Config,
    max_connections: usize,
    table: HashTable<Slot>,
    records: Vec<Option<Record<S::State>>>,
    free: Vec<u32>,
    wheel: Wheel,
    ranks: Lists,
    hand: u32,
    relief_hand: u32,
    buffered_bytes: usize,
    evicted: u64,
    /// The connections that are due, those included that were seen to already.
    due: Vec<u32>,
    /// How many of them were seen to.
    due_seen: usize,
    /// All connections by their first packets, the last one first, once the input is over.
    ending: Option<Vec<(u64, u64, u32)>>,
}

/// Where a connection is found.
struct Slot {
    hash: u32,
    index: u32,
}

impl<S: Sink> Tracker<S> {
    /// Makes an empty table.
    pub fn new(config: Config) -> Self {
        let record_bytes = size_of::<Option<Record<S::State>>>().saturating_add(CONNECTION_COST_BYTES);
        let max_connections = config.max_connections.min(config.max_table_bytes / record_bytes).clamp(1, MAX_INDEX);
        Tracker {
            config,
            max_connections,
            table: HashTable::new(),
            records: Vec::new(),
            free: Vec::new(),
            wheel: Wheel::new(),
            ranks: Lists::new(2),
            hand: 0,
            relief_hand: 0,
            buffered_bytes: 0,
            evicted: 0,
            due: Vec::new(),
            due_seen: 0,
            ending: None,
        }
    }

    /// Visits what the sink keeps for every connection, in no meaningful but the same order each time.
    pub fn for_each(&mut self, mut visit: impl FnMut(&mut S::State, &ConnectionFacts)) {
        for record in self.records.iter_mut().flatten() {
            visit(&mut record.state, &record.facts);
        }
    }

    /// How many connections are in the table, those included that are over and linger.
    pub fn open_connections(&self) -> usize {
        self.table.len()
    }

    /// The most connections that there may be, by number and by bytes.
    pub fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// What out-of-order bytes that wait cost, bookkeeping included.
    pub fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// How many connections were dropped because the table was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The bytes of one record, the sink's state included.
    pub fn record_bytes() -> usize {
        size_of::<Option<Record<S::State>>>()
    }

    /// Takes a datagram. `key` is its key and `hash` that key's hash with the seed of the configuration.
    pub fn datagram(
        &mut self,
        sink: &mut S,
        meta: &PacketMeta<'_>,
        datagram: &Datagram<'_>,
        key: &ConnectionKey,
        hash: u64,
        loss: &mut Loss,
    ) -> Fate {
        let end = if datagram.source == key.low { End::Low } else { End::High };
        let quoted = match &datagram.header {
            TransportHeader::Icmp(header) => self.quote(datagram, header),
            _ => None,
        };
        let mut found = self.find(key, fold(hash));
        if let Some(index) = found
            && let Some(cause) = self.over(index, meta.packet.time, end, datagram)
        {
            self.close(sink, index, cause, loss);
            found = None;
        }
        let is_opened = found.is_none();
        let index = match found {
            Some(index) => index,
            None => self.open(sink, meta, datagram, end, key, fold(hash), loss),
        };
        let Some(Some(record)) = self.records.get_mut(index as usize) else { return Fate::Dissected };
        if record.is_duplicate_view(meta, end, datagram) {
            record.duplicate_views =
                record.duplicate_views.saturating_add(1).saturating_add(meta.fragments.len() as u64);
            return Fate::DuplicateView;
        }
        let before = record.class;
        let mut cx = Context { sink: &mut *sink, loss, config: &self.config, buffered_bytes: &mut self.buffered_bytes };
        record.packet(&mut cx, meta, datagram, end, quoted);
        let rank = record.rank_now();
        if rank != record.rank || record.class != before {
            self.settle(index, before);
        }
        if sink.is_holding_too_much() {
            self.relieve(sink, index, loss);
        }
        if is_opened && self.config.report_interval_ns.is_some() {
            self.report(sink, index, meta.packet.time, Moment::Opened);
        }
        Fate::Dissected
    }

    #[inline]
    fn find(&self, key: &ConnectionKey, hash: u32) -> Option<u32> {
        let slot = self.table.find(spread(hash), |slot| {
            slot.hash == hash && matches!(self.records.get(slot.index as usize), Some(Some(record)) if record.is(key))
        });
        slot.map(|slot| slot.index)
    }

    /// Why the connection found is not that of the datagram: it is over, though its key is the same.
    #[inline]
    fn over(&self, index: u32, now: Timestamp, end: End, datagram: &Datagram<'_>) -> Option<CloseReason> {
        let Some(Some(record)) = self.records.get(index as usize) else { return None };
        if record.is_expired(now, &self.config.timeouts) {
            return Some(CloseReason::Timeout);
        }
        match &datagram.header {
            TransportHeader::Tcp(header) if header.flags.syn() && record.is_superseded(end, header) => {
                // One that never answered was given up; one that stood is gone, as its own end does not know it any more.
                let is_opening = record.class == Class::Opening;
                Some(if is_opening { CloseReason::Timeout } else { CloseReason::Reset })
            }
            TransportHeader::Sctp(_) if record.class == Class::Closed => {
                let is_new = chunk_types(datagram.payload.bytes).next() == Some(INIT);
                is_new.then_some(CloseReason::Finished)
            }
            _ => None,
        }
    }

    /// Finds the connection that an ICMP error speaks of, and marks it.
    fn quote(&mut self, datagram: &Datagram<'_>, header: &IcmpHeader) -> Option<u64> {
        let quoted = header.quoted.as_ref()?;
        let key = datagram.quoted_key()?;
        let index = self.find(&key, fold(key.hash64(self.config.seed)))?;
        let Some(Some(record)) = self.records.get_mut(index as usize) else { return None };
        let is_by_client = quoted.source == record.facts.client;
        let may_fail = matches!(record.class, Class::Opening | Class::Udp | Class::Sctp);
        if is_unreachable(header) && is_by_client && may_fail {
            record.is_unreachable = true;
        }
        Some(record.facts.id)
    }

    #[inline(never)]
    #[expect(clippy::too_many_arguments, reason = "a new record is made of all that is known of the packet")]
    fn open(
        &mut self,
        sink: &mut S,
        meta: &PacketMeta<'_>,
        datagram: &Datagram<'_>,
        end: End,
        key: &ConnectionKey,
        hash: u32,
        loss: &mut Loss,
    ) -> u32 {
        self.make_room(sink, loss);
        let id = match &mut self.config.ids {
            Ids::FromPacket => meta.packet.number,
            Ids::Running { next, step } => {
                let id = *next;
                *next = next.saturating_add(*step);
                id
            }
        };
        let (is_server, is_midstream) = opening(datagram);
        let (client, server) = match is_server {
            true => (datagram.destination, datagram.source),
            false => (datagram.source, datagram.destination),
        };
        let facts = ConnectionFacts {
            id,
            transport: key.transport,
            client,
            server,
            scope: key.scope,
            first: meta.packet,
            is_midstream,
            tunnels: datagram.tunnels.iter().map(describe).collect(),
            interface: meta.interface,
        };
        let state = sink.open(&facts);
        let first_checksum = match datagram.header {
            TransportHeader::Udp { checksum } => u32::from(checksum),
            TransportHeader::Sctp(header) => header.checksum,
            TransportHeader::Tcp(_) | TransportHeader::Icmp(_) => 0,
        };
        let record = Record {
            facts,
            state,
            halves: [Half::default(), Half::default()],
            tails: [Tail::default(), Tail::default()],
            last: meta.packet,
            client: if is_server { end.other() } else { end },
            class: class_of(key.transport),
            close: CloseReason::Open,
            rank: Rank::Embryonic,
            is_ignored: false,
            is_recent: false,
            is_changed: false,
            awaits_handshake: false,
            is_unreachable: false,
            is_head_full: false,
            revision: 0,
            hash,
            first_checksum,
            first_length: if key.transport == Transport::Tcp { 0 } else { datagram.transport_bytes },
            head: Vec::new(),
            handshake_at: meta.packet.time,
            handshake_rtt_ns: 0,
            reported_at: meta.packet.time,
            duplicate_views: 0,
            rare: None,
        };
        let alarm = record.alarm(&self.config);
        self.wheel.begin(meta.packet.time);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                if self.records.len() == self.records.capacity() {
                    // Twice the room would be more than the limit of bytes reckons with.
                    self.records.reserve_exact(self.records.len() / 4 + MIN_RESERVED);
                }
                self.records.push(None);
                (self.records.len() - 1) as u32
            }
        };
        if let Some(place) = self.records.get_mut(index as usize) {
            *place = Some(record);
        }
        self.table.insert_unique(spread(hash), Slot { hash, index }, |slot| spread(slot.hash));
        self.wheel.schedule(index, alarm);
        self.ranks.push(EMBRYONIC, index);
        index
    }

    /// Puts a connection where its new standing belongs.
    #[inline(never)]
    fn settle(&mut self, index: u32, before: Class) {
        let Some(Some(record)) = self.records.get_mut(index as usize) else { return };
        let rank = record.rank_now();
        if rank != record.rank {
            record.rank = rank;
            self.ranks.remove(index);
            match rank {
                Rank::Closed => self.ranks.push(CLOSED, index),
                Rank::Embryonic => self.ranks.push(EMBRYONIC, index),
                Rank::Normal => {}
            }
        }
        if record.class == Class::Closed && before != Class::Closed {
            let alarm = record.alarm(&self.config);
            self.wheel.schedule(index, alarm);
        }
    }

    fn report(&mut self, sink: &mut S, index: u32, now: Timestamp, moment: Moment) {
        let Some(Some(record)) = self.records.get_mut(index as usize) else { return };
        record.reported_at = now;
        if record.is_changed {
            let is_over = moment == Moment::Active && record.class == Class::Closed;
            let moment = if is_over { Moment::Over } else { moment };
            let summary = record.summary(moment);
            sink.summary(&mut record.state, &summary, moment);
        }
        let alarm = record.alarm(&self.config);
        self.wheel.schedule(index, alarm);
    }

    fn close(&mut self, sink: &mut S, index: u32, cause: CloseReason, loss: &mut Loss) {
        let Some(mut record) = self.records.get_mut(index as usize).and_then(Option::take) else { return };
        self.wheel.remove(index);
        self.ranks.remove(index);
        if let Ok(slot) = self.table.find_entry(spread(record.hash), |slot| slot.index == index) {
            slot.remove();
        }
        self.free.push(index);
        let mut cx = Context { sink: &mut *sink, loss, config: &self.config, buffered_bytes: &mut self.buffered_bytes };
        let client = record.client;
        record.flush(&mut cx, client);
        record.flush(&mut cx, client.other());
        let reason = record.reason(cause);
        let (state, summary) = record.into_parts(reason);
        sink.close(state, summary);
    }
}

impl<T> Record<T> {
    /// Whether a packet is a copy of one that was seen on the interface that owns its direction.
    #[inline]
    fn is_duplicate_view(&mut self, meta: &PacketMeta<'_>, end: End, datagram: &Datagram<'_>) -> bool {
        let owner = self.halves[end as usize].interface;
        if owner == meta.interface || meta.interface == 0 {
            return false;
        }
        if owner != 0 {
            let silence_ns = meta.packet.time.since(self.half(end).last_time);
            let is_news = match &datagram.header {
                TransportHeader::Tcp(header) => self.is_news(end, header, datagram.payload),
                _ => false,
            };
            if !is_news && silence_ns <= OWNER_SILENCE_NS {
                return true;
            }
        }
        self.half_mut(end).interface = meta.interface;
        false
    }

    fn rank_now(&self) -> Rank {
        match self.class {
            Class::Closed => Rank::Closed,
            Class::Opening => Rank::Embryonic,
            Class::Established => Rank::Normal,
            Class::Udp | Class::Sctp | Class::Icmp => {
                let [low, high] = &self.halves;
                let is_single = low.packets.saturating_add(high.packets) <= 1;
                if is_single { Rank::Embryonic } else { Rank::Normal }
            }
        }
    }
}

/// Whether the sender of a first packet is the server, and whether the beginning was not seen.
fn opening(datagram: &Datagram<'_>) -> (bool, bool) {
    let is_guess = is_sender_server(datagram.source, datagram.destination);
    match &datagram.header {
        TransportHeader::Tcp(header) if header.flags.syn() => (header.flags.ack(), false),
        TransportHeader::Tcp(_) => (is_guess, true),
        TransportHeader::Udp { .. } => (is_guess, false),
        TransportHeader::Sctp(_) => match chunk_types(datagram.payload.bytes).next() {
            Some(INIT) => (false, false),
            Some(INIT_ACK) => (true, false),
            _ => (is_guess, true),
        },
        // The answers of an echo, RFC 792 and RFC 4443 section 4.2.
        TransportHeader::Icmp(header) => (matches!((header.version, header.kind), (4, 0) | (6, 129)), false),
    }
}

/// Whether an ICMP error says that nobody can be reached: RFC 792, but for fragmentation needed, and RFC 4443
/// section 3.1.
fn is_unreachable(header: &IcmpHeader) -> bool {
    match header.version {
        4 => header.kind == 3 && header.code != 4,
        _ => header.kind == 1,
    }
}

fn class_of(transport: Transport) -> Class {
    match transport {
        Transport::Tcp => Class::Opening,
        Transport::Udp => Class::Udp,
        Transport::Sctp => Class::Sctp,
        Transport::Icmp => Class::Icmp,
    }
}

fn describe(tunnel: &Tunnel) -> String {
    format!("{} {} {} > {}", tunnel.kind.name(), tunnel.id, tunnel.source, tunnel.destination)
}

/// What the table keeps of a hash.
fn fold(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// What the table's own structure needs of it: high and low bits that differ.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

const CLOSED: u32 = 0;
const EMBRYONIC: u32 = 1;
/// After how much silence of its owner another interface takes a direction over.
const OWNER_SILENCE_NS: i64 = 1_000_000_000;
/// What a connection takes beside its record: the head of its payload, its slot in the table, its place on the lists, room
/// for records to come, and a part of what the sink's state points to.
pub(crate) const CONNECTION_COST_BYTES: usize = 384;
/// So many records there is room for at least when there must be more.
const MIN_RESERVED: usize = 64;
/// The most connections that indexes can tell apart.
const MAX_INDEX: usize = 1 << 30;
