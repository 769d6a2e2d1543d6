//! From a captured packet to its datagram: headers, fragments, names, and the hash that picks a worker.

use std::sync::Arc;

use lanternfish_dissectors::dns;
use lanternfish_identity::Names;
use lanternfish_model::{Cause, ConnectionKey, Loss, PacketRef, Timestamp, Transport};
use lanternfish_reassembly::{Defragmenter, Whole};
use lanternfish_telemetry::{Fate, Ledger, Unknown};
use lanternfish_wire::{Datagram, LinkType, Payload, View};

/// A packet as a source gave it.
#[derive(Clone, Copy, Debug)]
pub struct RawPacket<'a> {
    /// Its number and time.
    pub packet: PacketRef,
    /// The interface, 0 where unknown.
    pub interface: u32,
    /// The link type.
    pub link: LinkType,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Its length on the wire in bytes.
    pub wire_bytes: u32,
}

/// What a packet is to the workers.
pub enum Ingested<'a> {
    /// A datagram of its own.
    Datagram(Datagram<'a>),
    /// The last fragment of a datagram, which is whole now.
    Whole(Whole),
    /// Nothing to dissect; it is counted.
    Nothing,
}

/// The first stage. Each source has one.
pub struct Ingest {
    defragmenter: Defragmenter,
    names: Option<Arc<Names>>,
    seed: u64,
    packets: u64,
    bytes: u64,
    /// The counters of this stage, save its packets, bytes and losses.
    ledger: Ledger,
    loss: Loss,
}

impl Ingest {
    /// Begins a run; `names` learns from the DNS answers that pass.
    pub fn new(seed: u64, names: Option<Arc<Names>>) -> Ingest {
        Ingest {
            defragmenter: Defragmenter::default(),
            names,
            seed,
            packets: 0,
            bytes: 0,
            ledger: Ledger::default(),
            loss: Loss::default(),
        }
    }

    fn count(&mut self, raw: &RawPacket<'_>) {
        self.packets += 1;
        self.bytes += u64::from(raw.wire_bytes);
    }

    /// Counts a packet that was left out before its headers were read.
    pub fn leave_out(&mut self, raw: &RawPacket<'_>, fate: Fate) {
        self.count(raw);
        self.ledger.add_fate(fate, 1);
    }

    /// The counters of this stage.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = self.ledger.clone();
        ledger.add_packets(self.packets, self.bytes);
        ledger.add_loss(&self.loss);
        ledger
    }

    /// Counts that a packet whose headers were read is of the program's own doing.
    pub fn count_own(&mut self) {
        self.ledger.add_fate(Fate::OwnTraffic, 1);
    }

    /// Counts a packet whose headers another stage reads, where it is of the plain kind that most are; gives the key of
    /// its connection and the hash that picks its worker, the same that [`Ingest::place`] gives for its datagram.
    #[inline]
    pub fn skim(&mut self, raw: &RawPacket<'_>) -> Option<(ConnectionKey, u64)> {
        let key = lanternfish_wire::plain_key(raw.link, raw.bytes)?;
        self.count(raw);
        let captured = raw.bytes.len() as u64;
        self.loss.add(Cause::SnaplenCut, u64::from(raw.wire_bytes).saturating_sub(captured));
        let hash = key.hash64(self.seed);
        Some((key, hash))
    }

    /// Reads the headers of a packet.
    pub fn read<'a>(&mut self, raw: &RawPacket<'a>) -> Ingested<'a> {
        self.count(raw);
        let captured = raw.bytes.len() as u64;
        self.loss.add(Cause::SnaplenCut, u64::from(raw.wire_bytes).saturating_sub(captured));
        match lanternfish_wire::read(raw.link, raw.bytes, raw.wire_bytes) {
            View::Datagram(datagram) => {
                self.learn(&datagram, raw.packet);
                Ingested::Datagram(datagram)
            }
            View::Fragment(fragment) => {
                match self.defragmenter.add_on(&fragment, raw.interface, raw.packet, &mut self.loss) {
                    Some(whole) => Ingested::Whole(whole),
                    None => Ingested::Nothing,
                }
            }
            View::Unread(unread) => {
                self.unread(unread.cause, unread.what, 1);
                Ingested::Nothing
            }
        }
    }

    /// The next datagram of which fragments never came, to be asked after each call that lets time pass or takes a
    /// fragment, until there is none.
    pub fn next_partial(&mut self) -> Option<Whole> {
        self.defragmenter.next_given_up()
    }

    /// Reads the transport header of a whole datagram; what cannot be read is counted, a packet for each fragment, where
    /// they were not counted before.
    pub fn read_whole<'a>(&mut self, whole: &'a Whole) -> Option<Datagram<'a>> {
        let payload = Payload { bytes: &whole.bytes, missing: whole.missing };
        let view = lanternfish_wire::read_transport(
            whole.protocol,
            whole.source,
            whole.destination,
            payload,
            whole.network_bytes,
            &whole.tunnels,
        );
        let last = whole.packets.last().copied().unwrap_or_default();
        let uncounted = if whole.is_partial { 0 } else { whole.packets.len() as u64 };
        match view {
            View::Datagram(datagram) => {
                self.learn(&datagram, last);
                Some(datagram)
            }
            View::Fragment(_) => {
                self.unread(Cause::MalformedHeader, "fragment within a fragment", uncounted);
                None
            }
            View::Unread(unread) => {
                self.unread(unread.cause, unread.what, uncounted);
                None
            }
        }
    }

    fn unread(&mut self, cause: Cause, what: &'static str, packets: u64) {
        if packets > 0 {
            self.loss.add(cause, packets);
            self.ledger.add_unknown(Unknown { cause, what }, 1);
        }
    }

    /// The key of a datagram's connection with its hash, and the hash that picks a worker: that of the connection that
    /// an ICMP error speaks of, else its own.
    pub fn place(&self, datagram: &Datagram<'_>) -> (ConnectionKey, u64, u64) {
        let key = datagram.key();
        let hash = key.hash64(self.seed);
        let spread = match datagram.quoted_key() {
            Some(quoted) => quoted.hash64(self.seed),
            None => hash,
        };
        (key, hash, spread)
    }

    /// Fragments whose datagram is not whole yet, in packets.
    pub fn pending_fragments(&self) -> u64 {
        self.defragmenter.pending_packets()
    }

    /// Gives up fragments that are too old; what came of their datagrams is asked for with [`Ingest::next_partial`].
    pub fn advance(&mut self, now: Timestamp) {
        self.defragmenter.advance(now, &mut self.loss);
    }

    /// The input is over: fragments that wait are given up.
    pub fn finish(&mut self) {
        self.defragmenter.finish(&mut self.loss);
    }

    fn learn(&self, datagram: &Datagram<'_>, packet: PacketRef) {
        let Some(names) = &self.names else { return };
        let is_dns = |port: u16| matches!(port, 53 | 5353 | 5355);
        if datagram.header.transport() != Transport::Udp || !is_dns(datagram.source.port) {
            return;
        }
        dns::learn(datagram.payload.bytes, |name, ip| names.learn(name, ip, packet.number));
    }
}
