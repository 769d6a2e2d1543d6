//! The packets of entries: which they are, and their way from the capture files to a pcapng file.

use std::collections::HashMap;
use std::io::{BufWriter, Read, Write};
use std::net::IpAddr;

use anyhow::{Context, Result};
use lanternfish_model::{ConnectionKey, Endpoint, Entry, EntryClass, PacketRun, Scope, Transport};
use lanternfish_pcapfile::{Item, PcapngWriter, Reader};
use lanternfish_pipeline::EntrySink;
use lanternfish_wire::{LinkType, TransportHeader, View};

/// The most runs of packets that one output selects; more are refused.
const MAX_RUNS: usize = 32 << 20;
/// The most interfaces of a file that the output tells apart, for each link type.
const MAX_INTERFACES: u32 = 16_384;

/// Writes which packets an entry has, as lines that [`Selection::take`] reads.
pub(crate) struct PacketSink {
    is_whole_connection: bool,
}

impl PacketSink {
    /// A sink; with `is_whole_connection` the packets of the connections that carried the entries.
    pub(crate) fn new(is_whole_connection: bool) -> PacketSink {
        PacketSink { is_whole_connection }
    }
}

impl EntrySink for PacketSink {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let facts = &entry.connection.facts;
        let (first, scope, transport) = (facts.first.number, facts.scope.0, facts.transport as u8);
        // Writing to memory does not fail.
        let _ = match entry.class {
            EntryClass::Flow => {
                let last = entry.request.as_ref().map_or(first, |message| message.last.number);
                let first = entry.request.as_ref().map_or(first, |message| message.first.number);
                let (client, server) = (facts.client.ip, facts.server);
                writeln!(out, "f {transport} {scope} {client} {} {} {first} {last}", server.ip, server.port)
            }
            EntryClass::Connection => {
                let last = entry.request.as_ref().map_or(first, |message| message.last.number);
                connection_line(out, facts.client, facts.server, transport, scope, first, last)
            }
            EntryClass::Call if self.is_whole_connection => {
                connection_line(out, facts.client, facts.server, transport, scope, first, u64::MAX)
            }
            EntryClass::Call => {
                for message in [&entry.request, &entry.response].into_iter().flatten() {
                    for run in message.packets.runs() {
                        let _ = writeln!(out, "p {} {}", run.first, run.count);
                    }
                }
                Ok(())
            }
        };
    }
}

fn connection_line(
    out: &mut Vec<u8>,
    client: Endpoint,
    server: Endpoint,
    transport: u8,
    scope: u32,
    first: u64,
    last: u64,
) -> std::io::Result<()> {
    let (a, b) = (client, server);
    writeln!(out, "c {transport} {scope} {} {} {} {} {first} {last}", a.ip, a.port, b.ip, b.port)
}

/// Which packets to write.
#[derive(Default)]
pub(crate) struct Selection {
    runs: Vec<PacketRun>,
    connections: HashMap<ConnectionKey, Vec<Range>>,
    flows: HashMap<(u8, u32, IpAddr, Endpoint), Vec<Range>>,
    is_full: bool,
}

#[derive(Clone, Copy)]
struct Range {
    first: u64,
    last: u64,
    /// Whether more than a SYN was seen of it: the next SYN begins another connection.
    is_under_way: bool,
}

impl Selection {
    /// Takes lines of a [`PacketSink`]; `false` where too much is selected.
    pub(crate) fn take(&mut self, lines: &[u8]) -> bool {
        for line in String::from_utf8_lossy(lines).lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let _ = self.line(&words);
        }
        self.is_full |= self.runs.len() > MAX_RUNS;
        !self.is_full
    }

    /// Whether too much was selected.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    fn line(&mut self, words: &[&str]) -> Option<()> {
        let range = |first: &str, last: &str| -> Option<Range> {
            Some(Range { first: first.parse().ok()?, last: last.parse().ok()?, is_under_way: false })
        };
        match words {
            ["p", first, count] => {
                self.runs.push(PacketRun { first: first.parse().ok()?, count: count.parse().ok()? });
            }
            ["c", transport, scope, a, ap, b, bp, first, last] => {
                let a = Endpoint::new(a.parse().ok()?, ap.parse().ok()?);
                let b = Endpoint::new(b.parse().ok()?, bp.parse().ok()?);
                let key = ConnectionKey::new(a, b, transport_of(transport.parse().ok()?), Scope(scope.parse().ok()?));
                let known = self.connections.entry(key).or_default();
                let new = range(first, last)?;
                if known.last().is_none_or(|last| last.first != new.first) {
                    known.push(new);
                }
            }
            ["f", transport, scope, client, server, port, first, last] => {
                let server = Endpoint::new(server.parse().ok()?, port.parse().ok()?);
                let key = (transport.parse().ok()?, scope.parse().ok()?, client.parse().ok()?, server);
                self.flows.entry(key).or_default().push(range(first, last)?);
            }
            _ => {}
        }
        Some(())
    }

    /// Sorts what was taken; before packets are asked for in their order.
    pub(crate) fn prepare(&mut self) {
        self.runs.sort_unstable_by_key(|run| run.first);
    }

    fn has(&mut self, at: &mut usize, number: u64, link: u16, bytes: &[u8], wire_bytes: u32) -> bool {
        let end = |run: &PacketRun| run.first.saturating_add(run.count);
        while self.runs.get(*at).is_some_and(|run| end(run) <= number) {
            *at += 1;
        }
        // Runs may overlap where messages share packets, so a few behind the first one that is not over count too.
        let is_in_run = self.runs.iter().skip(*at).take_while(|run| run.first <= number).any(|run| number < end(run));
        if is_in_run || (self.connections.is_empty() && self.flows.is_empty()) {
            return is_in_run;
        }
        let View::Datagram(datagram) = lanternfish_wire::read(LinkType(link), bytes, wire_bytes) else { return false };
        let key = datagram.key();
        if let Some(ranges) = self.connections.get_mut(&key) {
            let is_syn = matches!(&datagram.header, TransportHeader::Tcp(tcp) if tcp.flags.syn() && !tcp.flags.ack());
            for range in ranges {
                if number < range.first || number > range.last {
                    continue;
                }
                if range.last == u64::MAX && is_syn && range.is_under_way {
                    range.last = number - 1;
                    continue;
                }
                range.is_under_way |= !is_syn;
                return true;
            }
        }
        let (transport, scope) = (datagram.header.transport() as u8, datagram.scope().0);
        [(datagram.source, datagram.destination), (datagram.destination, datagram.source)].iter().any(
            |(client, server)| {
                let ranges = self.flows.get(&(transport, scope, client.ip, *server));
                ranges.is_some_and(|ranges| ranges.iter().any(|range| (range.first..=range.last).contains(&number)))
            },
        )
    }
}

fn transport_of(number: u8) -> Transport {
    [Transport::Tcp, Transport::Udp, Transport::Sctp, Transport::Icmp]
        .into_iter()
        .find(|transport| *transport as u8 == number)
        .unwrap_or(Transport::Tcp)
}

/// Writes selected packets of several files as one pcapng file.
pub(crate) struct PacketWriter<W: Write> {
    writer: PcapngWriter<BufWriter<W>>,
    /// By file and interface of the file: the interface of the output.
    interfaces: HashMap<(usize, u32, u16), u32>,
    at: usize,
    number: u64,
}

impl<W: Write> PacketWriter<W> {
    /// Begins the file.
    pub(crate) fn new(out: W) -> Result<PacketWriter<W>> {
        let writer = PcapngWriter::new(BufWriter::new(out), concat!("lanternfish ", env!("CARGO_PKG_VERSION")))?;
        Ok(PacketWriter { writer, interfaces: HashMap::new(), at: 0, number: 0 })
    }

    /// Copies the selected packets of one input; packets are numbered on from the input before.
    pub(crate) fn copy(&mut self, file: usize, input: Box<dyn Read + Send>, selection: &mut Selection) -> Result<()> {
        let mut reader = Reader::new(input)?;
        loop {
            let Some(item) = reader.next()? else { return Ok(()) };
            let Item::Packet(packet) = item else { continue };
            self.number += 1;
            if !selection.has(&mut self.at, self.number, packet.link, packet.bytes, packet.wire_len) {
                continue;
            }
            // Sections count their interfaces from 0 again; those beyond the limit share one.
            let key = (file, packet.interface.min(MAX_INTERFACES), packet.link);
            let interface = match self.interfaces.get(&key) {
                Some(interface) => *interface,
                None => {
                    let interface = self.writer.interface(packet.link, 0, "")?;
                    self.interfaces.insert(key, interface);
                    interface
                }
            };
            let comment = packet.comments().next();
            self.writer.packet(interface, packet.time, packet.bytes, packet.wire_len, comment)?;
        }
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.writer.flush().context("cannot write")
    }
}
