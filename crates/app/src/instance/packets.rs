//! Packets from the ring, as lists show them: headers, relative sequence numbers, bytes.

use std::collections::HashMap;
use std::fmt::Write;

use lanternfish_api::dto::{PacketInfo, StreamDirection};
use lanternfish_api::{EngineError, PacketsPart, PacketsRequest, Queried, time};
use lanternfish_model::{ConnectionKey, Endpoint, PacketRun};
use lanternfish_store::{RingPacket, Store};
use lanternfish_wire::{Datagram, Fragment, LinkType, Payload, TcpFlags, TransportHeader, View};

use super::blocking::{self, Waiting};
use super::locate::Source;
use super::scope::{Connection, wanted};

/// A part of the packets of a scope; where none is in the ring any more, all of them are missing.
pub(crate) async fn packets(
    store: &Store,
    stored: &Queried,
    request: &PacketsRequest,
) -> Result<PacketsPart, EngineError> {
    let mut wanted = wanted(stored.query(), &request.scope).await?;
    let source = Source::of(store);
    let window = wanted.window;
    let (offset, limit) = (request.offset, request.limit);
    let mut part = blocking::run(move |waiting| {
        let located = source.locate(&mut wanted, waiting)?;
        let mut streams = Streams { clients: std::mem::take(&mut wanted.clients), bases: HashMap::new() };
        if let (Some(connection), Some(first)) = (&wanted.connection, located.runs.first()) {
            streams.learn(&source, connection, first.first, waiting)?;
        }
        let mut part = PacketsPart { missing: located.missing, ..PacketsPart::default() };
        let (mut found, mut bytes) = (0u64, 0usize);
        let mut packets = source.packets(&located.runs);
        while let Some(packet) = packets.next(waiting)? {
            let info = streams.info(&packet);
            if found >= offset && !part.has_more {
                // One packet is always given, so that the next part begins behind it.
                let is_full = part.packets.len() >= limit || (bytes > MAX_BYTES && !part.packets.is_empty());
                part.has_more = is_full;
                if !is_full {
                    bytes = bytes.saturating_add(packet.bytes.len());
                    part.packets.push(PacketInfo { hex: hex(&packet.bytes), ..info });
                }
            }
            found += 1;
        }
        part.missing = part.missing.saturating_add(located.count().saturating_sub(found));
        Ok(part)
    })
    .await?;
    if let Some((from, to)) = window {
        part.loss = store.loss(from, to);
    }
    Ok(part)
}

/// What is known of the connections whose packets are shown.
struct Streams {
    clients: HashMap<ConnectionKey, Endpoint>,
    /// By connection: the sequence numbers of the client and of the server.
    bases: HashMap<ConnectionKey, [Option<Relative>; 2]>,
}

/// Sequence numbers from the first one that was seen, beyond 2³² too.
#[derive(Clone, Copy, Debug)]
struct Relative {
    newest: u32,
    reached: i64,
}

impl Relative {
    fn new(first: u32) -> Relative {
        Relative { newest: first, reached: 0 }
    }

    /// The relative number; none for one before the first.
    fn of(&mut self, number: u32) -> Option<u64> {
        let step = i64::from(number.wrapping_sub(self.newest).cast_signed());
        let reached = self.reached.saturating_add(step);
        if step > 0 {
            *self = Relative { newest: number, reached };
        }
        u64::try_from(reached).ok()
    }
}

impl Streams {
    /// Looks for the first packets of a connection, where packets from `before` on are shown.
    fn learn(
        &mut self,
        source: &Source,
        connection: &Connection,
        before: u64,
        waiting: &Waiting,
    ) -> Result<(), EngineError> {
        if before <= connection.first {
            return Ok(());
        }
        let run = PacketRun { first: connection.first, count: before - connection.first };
        let mut packets = source.packets(&[run]);
        while let Some(packet) = packets.next(waiting)? {
            let view = lanternfish_wire::read(LinkType(packet.link), &packet.bytes, packet.wire_len);
            if let View::Datagram(datagram) = view
                && datagram.key() == connection.key
            {
                self.follow(&datagram, &mut PacketInfo::default());
                if self.bases.get(&connection.key).is_some_and(|ends| ends.iter().all(Option::is_some)) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What is shown of a packet, save its bytes.
    fn info(&mut self, packet: &RingPacket) -> PacketInfo {
        let mut info = PacketInfo {
            number: packet.number,
            time: time::text(packet.time),
            interface: (!packet.interface.is_empty()).then(|| packet.interface.to_string()),
            wire_bytes: packet.wire_len,
            ..PacketInfo::default()
        };
        match lanternfish_wire::read(LinkType(packet.link), &packet.bytes, packet.wire_len) {
            View::Datagram(datagram) => {
                info.src = end(datagram.source);
                info.dst = end(datagram.destination);
                info.transport = datagram.header.transport().name().to_owned();
                place(&mut info, &packet.bytes, datagram.payload);
                let client = self.clients.get(&datagram.key());
                info.direction = client.map(|client| direction(*client == datagram.source));
                self.follow(&datagram, &mut info);
            }
            View::Fragment(fragment) => {
                info.src = fragment.source.to_string();
                info.dst = fragment.destination.to_string();
                info.transport = transport(fragment.protocol).to_owned();
                place(&mut info, &packet.bytes, fragment.payload);
                info.direction = self.direction_of(&fragment);
            }
            View::Unread(_) => {}
        }
        info
    }

    /// Sets what TCP says, and goes on with its sequence numbers.
    fn follow(&mut self, datagram: &Datagram<'_>, info: &mut PacketInfo) {
        let TransportHeader::Tcp(tcp) = &datagram.header else { return };
        let key = datagram.key();
        let (mine, theirs) = if datagram.source == key.low { (0, 1) } else { (1, 0) };
        info.flags = Some(flags(tcp.flags));
        info.window = Some(u32::from(tcp.window));
        if self.bases.len() >= MAX_STREAMS && !self.bases.contains_key(&key) {
            return;
        }
        let ends = self.bases.entry(key).or_default();
        if let Some(end) = ends.get_mut(mine) {
            info.sequence = end.get_or_insert_with(|| Relative::new(tcp.sequence)).of(tcp.sequence);
        }
        if tcp.flags.ack()
            && let Some(end) = ends.get_mut(theirs)
        {
            let acknowledged = tcp.acknowledgement;
            info.acknowledgement = end.get_or_insert_with(|| Relative::new(acknowledged)).of(acknowledged);
        }
    }

    /// A fragment has no ports: its address tells where there is only one connection.
    fn direction_of(&self, fragment: &Fragment<'_>) -> Option<StreamDirection> {
        let mut clients = self.clients.iter();
        let (key, client) = clients.next()?;
        let is_one_of_two = clients.next().is_none() && key.low.ip != key.high.ip;
        is_one_of_two.then(|| direction(client.ip == fragment.source))
    }
}

/// Sets where the payload lies in the captured bytes.
fn place(info: &mut PacketInfo, bytes: &[u8], payload: Payload<'_>) {
    let offset = (payload.bytes.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
    info.payload_offset = u32::try_from(offset.min(bytes.len())).unwrap_or(u32::MAX);
    info.payload_bytes = u32::try_from(payload.bytes.len()).unwrap_or(u32::MAX).saturating_add(payload.missing);
}

fn end(endpoint: Endpoint) -> String {
    if endpoint.port == 0 { endpoint.ip.to_string() } else { endpoint.to_string() }
}

/// The way of what the client sends, or of what the server sends.
pub(super) const fn direction(is_from_client: bool) -> StreamDirection {
    if is_from_client { StreamDirection::ToServer } else { StreamDirection::ToClient }
}

/// A letter a flag, in the order of their bits (RFC 9293 section 3.1, RFC 3168 section 6.1).
fn flags(flags: TcpFlags) -> String {
    let names = "FSRPAUEC".chars().enumerate();
    names.filter(|(bit, _)| flags.0 >> bit & 1 == 1).map(|(_, name)| name).collect()
}

/// The names of protocol numbers that have ports, and of ICMP.
fn transport(protocol: u8) -> &'static str {
    match protocol {
        1 | 58 => "icmp",
        6 => "tcp",
        17 => "udp",
        132 => "sctp",
        _ => "ip",
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to memory does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The most captured bytes of a part; further packets come with the next one.
const MAX_BYTES: usize = 8 << 20;
/// The most connections whose sequence numbers are followed at once.
const MAX_STREAMS: usize = 65_536;

#[cfg(test)]
mod tests;
