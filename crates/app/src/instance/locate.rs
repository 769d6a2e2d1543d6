//! Finds the packets that are meant in the ring: by their numbers, and by their headers where connections are meant.

use std::io;

use lanternfish_api::EngineError;
use lanternfish_model::{PacketRef, PacketRun, Timestamp, Transport};
use lanternfish_pipeline::{Ingest, Ingested, RawPacket};
use lanternfish_reassembly::{Timeouts, Whole};
use lanternfish_store::{Ring, RingPacket, RingPackets, Store};
use lanternfish_wire::{Datagram, LinkType, TransportHeader};

use super::blocking::{Waiting, failed};
use super::scope::{Counted, FlowKey, Runs, Span, Wanted};

/// The packets that are meant.
#[derive(Debug, Default)]
pub(super) struct Located {
    /// Their numbers, ascending and without overlaps.
    pub(super) runs: Vec<PacketRun>,
    /// How many of a connection were counted and are not in the ring.
    pub(super) missing: u64,
}

impl Located {
    /// How many there should be.
    pub(super) fn count(&self) -> u64 {
        self.runs.iter().fold(0, |sum, run| sum.saturating_add(run.count))
    }
}

/// Packets on their way from the ring.
pub(super) struct Packets {
    all: Option<RingPackets>,
    count: u64,
}

impl Packets {
    /// The next one; an error where nobody waits for it.
    pub(super) fn next(&mut self, waiting: &Waiting) -> Result<Option<RingPacket>, EngineError> {
        if self.count.is_multiple_of(CHECK_EVERY) {
            waiting.check()?;
        }
        self.count += 1;
        let Some(all) = &mut self.all else { return Ok(None) };
        all.next().transpose().map_err(|error| unreadable(&error))
    }
}

/// The ring of a store.
#[derive(Clone, Debug)]
pub(super) struct Source {
    ring: Ring,
    /// Whether packets are written to it now.
    is_growing: bool,
}

impl Source {
    /// The ring of this store.
    pub(super) fn of(store: &Store) -> Source {
        Source { ring: store.ring().clone(), is_growing: !store.is_read_only() }
    }

    /// The number of its first packet.
    pub(super) fn first(&self) -> Option<u64> {
        self.ring.range().map(|range| range.first)
    }

    /// Finds the packets that are meant.
    pub(super) fn locate(&self, wanted: &mut Wanted, waiting: &Waiting) -> Result<Located, EngineError> {
        self.settle(wanted);
        if !wanted.is_by_header() {
            return Ok(Located { runs: std::mem::take(&mut wanted.runs).sorted(), missing: 0 });
        }
        let mut search = Search {
            runs: std::mem::take(&mut wanted.runs),
            counted: wanted.connection.as_ref().and_then(|connection| connection.counted),
            found: 0,
            wanted,
        };
        let mut packets = self.packets(&[search.bounds()]);
        let mut interfaces = Interfaces::default();
        let mut ingest = Ingest::new(0, None);
        while let Some(packet) = packets.next(waiting)? {
            search.packet(&mut ingest, &interfaces.raw(&packet))?;
        }
        ingest.finish();
        search.partial(&mut ingest)?;
        let missing = search.counted.map_or(0, |counted| counted.packets.saturating_sub(search.found));
        Ok(Located { runs: search.runs.sorted(), missing })
    }

    /// Reads packets by their numbers; none where no runs are given.
    pub(super) fn packets(&self, runs: &[PacketRun]) -> Packets {
        let all = (!runs.is_empty()).then(|| self.ring.packets(runs, Timestamp::MIN, Timestamp::MAX));
        Packets { all, count: 0 }
    }

    /// Reads all packets of a window, both ends included.
    pub(super) fn within(&self, from: Timestamp, to: Timestamp) -> Packets {
        Packets { all: Some(self.ring.packets(&[], from, to)), count: 0 }
    }

    /// Packets that were captured a moment ago may not be in the ring yet: waits for them, but not long.
    fn settle(&self, wanted: &Wanted) {
        let newest = self.ring.range().map(|range| range.last);
        if let (true, Some(last), Some(newest)) = (self.is_growing, wanted.last(), newest)
            && last > newest
        {
            self.ring.wait_for(last, SETTLE);
        }
    }
}

/// The search for packets by their headers.
struct Search<'a> {
    wanted: &'a mut Wanted,
    runs: Runs,
    counted: Option<Counted>,
    /// Packets found of those that were counted.
    found: u64,
}

impl Search<'_> {
    /// The packets that are looked at.
    fn bounds(&self) -> PacketRun {
        let spans = self.wanted.spans();
        let (first, last) = spans.fold((u64::MAX, 0), |(first, last), span| {
            (first.min(span.first), last.max(span.last.unwrap_or(u64::MAX)))
        });
        // The first datagram may have come in fragments, of which the last one counts.
        let first = first.saturating_sub(FRAGMENTS_BEFORE);
        PacketRun { first, count: last.saturating_sub(first).saturating_add(1) }
    }

    /// Looks at a packet.
    fn packet(&mut self, ingest: &mut Ingest, raw: &RawPacket<'_>) -> Result<(), EngineError> {
        if self.wanted.flows.is_empty()
            && let Some(key) = lanternfish_wire::plain_key(raw.link, raw.bytes)
            && !self.wanted.connections.contains_key(&key)
        {
            return Ok(());
        }
        match ingest.read(raw) {
            Ingested::Datagram(datagram) => {
                if self.is_meant(&datagram, raw.packet) {
                    self.take(raw.packet.number)?;
                }
            }
            Ingested::Whole(whole) => self.whole(ingest, &whole)?,
            Ingested::Nothing => {}
        }
        ingest.advance(raw.packet.time);
        self.partial(ingest)
    }

    /// Looks at datagrams of which fragments never came.
    fn partial(&mut self, ingest: &mut Ingest) -> Result<(), EngineError> {
        while let Some(whole) = ingest.next_partial() {
            self.whole(ingest, &whole)?;
        }
        Ok(())
    }

    fn whole(&mut self, ingest: &mut Ingest, whole: &Whole) -> Result<(), EngineError> {
        let last = whole.packets.last().copied().unwrap_or_default();
        let is_meant = match ingest.read_whole(whole) {
            Some(datagram) => self.is_meant(&datagram, last),
            None => false,
        };
        if is_meant {
            whole.packets.iter().try_for_each(|packet| self.take(packet.number))?;
        }
        Ok(())
    }

    fn take(&mut self, number: u64) -> Result<(), EngineError> {
        self.found += u64::from(self.counted.is_some_and(|counted| number <= counted.until));
        self.runs.add(PacketRun { first: number, count: 1 })
    }

    fn is_meant(&mut self, datagram: &Datagram<'_>, packet: PacketRef) -> bool {
        if let Some(spans) = self.wanted.connections.get_mut(&datagram.key()) {
            let is_syn = matches!(&datagram.header, TransportHeader::Tcp(tcp) if tcp.flags.syn() && !tcp.flags.ack());
            let silence_ns = silence_ns(datagram.header.transport());
            if spans.iter_mut().any(|span| span.takes(packet, is_syn, silence_ns)) {
                return true;
            }
        }
        let key = |client: std::net::IpAddr, server| -> FlowKey {
            (datagram.header.transport(), datagram.scope(), client, server)
        };
        let ways = [key(datagram.source.ip, datagram.destination), key(datagram.destination.ip, datagram.source)];
        ways.iter().any(|key| {
            let spans = self.wanted.flows.get(key).map_or(&[][..], Vec::as_slice);
            spans.iter().any(|span| packet.number >= span.first && span.last.is_none_or(|last| packet.number <= last))
        })
    }
}

impl Span {
    /// Whether a packet with its key belongs to it.
    fn takes(&mut self, packet: PacketRef, is_syn: bool, silence_ns: i64) -> bool {
        if packet.number < self.first || self.last.is_some_and(|last| packet.number > last) {
            return false;
        }
        let is_open = self.last.is_none();
        let is_silent = self.newest.is_some_and(|newest| packet.time.since(newest) > silence_ns);
        if is_open && (is_silent || (is_syn && self.is_under_way)) {
            self.last = Some(packet.number.saturating_sub(1));
            return false;
        }
        self.is_under_way |= !is_syn;
        self.newest = Some(packet.time);
        true
    }
}

/// After how much silence a connection without an end is taken for over, as reassembly does.
fn silence_ns(transport: Transport) -> i64 {
    let timeouts = Timeouts::default();
    match transport {
        Transport::Tcp => timeouts.tcp_established_ns,
        Transport::Udp => timeouts.udp_ns,
        Transport::Sctp => timeouts.sctp_ns,
        Transport::Icmp => timeouts.icmp_ns,
    }
}

/// The numbers of interfaces, by their names in the ring.
#[derive(Debug, Default)]
pub(super) struct Interfaces(Vec<std::sync::Arc<str>>);

impl Interfaces {
    /// The packet as the pipeline takes it.
    pub(super) fn raw<'a>(&mut self, packet: &'a RingPacket) -> RawPacket<'a> {
        RawPacket {
            packet: PacketRef { time: packet.time, number: packet.number },
            interface: self.number(&packet.interface),
            link: LinkType(packet.link),
            bytes: &packet.bytes,
            wire_bytes: packet.wire_len,
        }
    }

    /// Numbers from 1; 0 where the name is not known.
    fn number(&mut self, name: &std::sync::Arc<str>) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let known = self.0.iter().position(|known| known == name);
        let position = known.unwrap_or_else(|| {
            if self.0.len() < MAX_INTERFACES {
                self.0.push(std::sync::Arc::clone(name));
            }
            self.0.len().saturating_sub(1)
        });
        u32::try_from(position).unwrap_or(0).saturating_add(1)
    }
}

fn unreadable(error: &io::Error) -> EngineError {
    failed("read the packet ring", error)
}

/// Packets are on the disk so long after their capture.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(400);
/// How far the fragments of a datagram lie before its last one.
const FRAGMENTS_BEFORE: u64 = 1024;
/// Packets between two looks at whether somebody waits.
const CHECK_EVERY: u64 = 1024;
/// The most interfaces that are told apart.
const MAX_INTERFACES: usize = 1024;
