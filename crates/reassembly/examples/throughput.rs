//! Prints what a packet costs in the connection table, with a sink that does nothing: in-order TCP data and ACKs over
//! few and many connections, single UDP datagrams, and connections that are opened and closed.
//!
//! The time to make the packet, its key and its hash is measured apart and taken off.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use lanternfish_model::{ConnectionFacts, ConnectionSummary, Direction, Endpoint, Loss, PacketRef, Timestamp};
use lanternfish_reassembly::{Config, Moment, PacketMeta, Sink, StreamData, Tracker, Verdict};
use lanternfish_wire::{Datagram, Payload, TcpFlags, TcpHeader, TransportHeader};
use smallvec::SmallVec;

/// Takes everything and keeps a sum.
#[derive(Default)]
struct Idle(u64);

impl Sink for Idle {
    type State = ();
    fn open(&mut self, _: &ConnectionFacts) {}
    fn data(&mut self, _: &mut (), _: &ConnectionFacts, data: &StreamData<'_>) -> Verdict {
        self.0 = self.0.wrapping_add(data.bytes.len() as u64);
        Verdict::Continue
    }
    fn gap(&mut self, _: &mut (), _: &ConnectionFacts, _: Direction, _: u64, _: PacketRef) -> Verdict {
        Verdict::Continue
    }
    fn end(&mut self, _: &mut (), _: &ConnectionFacts, _: Direction) {}
    fn summary(&mut self, _: &mut (), _: &ConnectionSummary, _: Moment) {}
    fn close(&mut self, _: (), _: ConnectionSummary) {}
}

/// One packet of a load: whose, which way, and its header.
struct Step {
    connection: u32,
    is_to_server: bool,
    header: TransportHeader,
    length: usize,
}

fn main() {
    for connections in [1u32, 100, 10_000, 200_000] {
        measure(&format!("tcp data and acks, {connections} connections"), |number| {
            let connection = (number % u64::from(connections)) as u32;
            let round = (number / u64::from(connections)) as u32;
            // Two segments of data, then an ACK of both.
            let (cycle, place) = (round / 3, round % 3);
            let sequence = cycle.wrapping_mul(2000);
            let header = match place {
                2 => tcp(1, sequence.wrapping_add(2000), ACK),
                place => tcp(sequence.wrapping_add(place * 1000), 1, ACK),
            };
            Step { connection, is_to_server: place < 2, header, length: if place < 2 { 1000 } else { 0 } }
        });
    }
    measure("udp, a new flow each packet", |number| Step {
        connection: number as u32,
        is_to_server: true,
        header: TransportHeader::Udp { checksum: 1 },
        length: 100,
    });
    measure("tcp, six packets a connection", |number| {
        // A thousand are under way at any time.
        let (block, within) = (number / 6000, number % 6000);
        let (place, connection) = (within / 1000, block * 1000 + within % 1000);
        let (is_to_server, header, length) = match place {
            0 => (true, tcp(0, 0, SYN), 0),
            1 => (false, tcp(0, 1, SYN | ACK), 0),
            2 => (true, tcp(1, 1, ACK), 500),
            3 => (false, tcp(1, 501, ACK), 500),
            4 => (true, tcp(501, 501, FIN | ACK), 0),
            _ => (false, tcp(501, 502, FIN | ACK), 0),
        };
        Step { connection: connection as u32, is_to_server, header, length }
    });
}

fn measure(name: &str, step: impl Fn(u64) -> Step) {
    let load_ns = run(None, &step);
    let mut tracker = Tracker::new(Config::default());
    let all_ns = run(Some(&mut tracker), &step);
    println!(
        "{name:40} {:7.1} ns/packet (and {load_ns:.1} to make it), {} connections, {} evicted",
        all_ns - load_ns,
        tracker.open_connections(),
        tracker.evicted(),
    );
}

fn run(mut tracker: Option<&mut Tracker<Idle>>, step: &impl Fn(u64) -> Step) -> f64 {
    let bytes = [0x55; 1500];
    let (mut sink, mut loss) = (Idle::default(), Loss::default());
    let begin = Instant::now();
    for number in 0..PACKETS {
        let step = step(number);
        let client = Endpoint::new(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + step.connection)), 40_000);
        let server = Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 1)), 80);
        let (source, destination) = if step.is_to_server { (client, server) } else { (server, client) };
        let datagram = Datagram {
            source,
            destination,
            header: step.header,
            payload: Payload { bytes: bytes.get(..step.length).unwrap_or_default(), missing: 0 },
            network_bytes: step.length as u32 + 40,
            transport_bytes: step.length as u32 + 20,
            tunnels: SmallVec::new(),
        };
        let packet = PacketRef { number, time: Timestamp::from_ns(number as i64 * 1000) };
        let key = datagram.key();
        let hash = key.hash64(0);
        let meta = PacketMeta { packet, interface: 1, fragments: &[] };
        match &mut tracker {
            Some(tracker) => {
                black_box(tracker.datagram(&mut sink, black_box(&meta), black_box(&datagram), &key, hash, &mut loss));
                if number % 64 == 0 {
                    tracker.advance(&mut sink, packet.time, &mut loss);
                }
            }
            None => {
                black_box((&meta, &datagram, &key, hash));
            }
        }
    }
    black_box(sink.0);
    begin.elapsed().as_nanos() as f64 / PACKETS as f64
}

fn tcp(sequence: u32, acknowledgement: u32, flags: u8) -> TransportHeader {
    let flags = TcpFlags(flags);
    TransportHeader::Tcp(TcpHeader { sequence, acknowledgement, flags, window: 1000, ..TcpHeader::default() })
}

const PACKETS: u64 = 6_000_000;
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;
