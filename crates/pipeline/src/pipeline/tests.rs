//! The stages fed as live traffic is: batches of any size, the program's own packets left out, books while packets pass.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::thread;

use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_filter::Filter;
use lanternfish_model::{Entry, FieldTable, PacketRef, Wants};
use lanternfish_testkit::{Capture, TcpConversation, endpoint, frame, udp};
use lanternfish_wire::LinkType;

use super::*;
use crate::Revisions;

static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
    let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
    FieldTable::join(&specs).unwrap()
});

fn settings() -> Settings {
    Settings {
        table: &TABLE,
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: lanternfish_reassembly::Config::default(),
        wants: Wants::everything(&TABLE),
        redaction: None,
        filter: None,
        scope: None,
        capture: lanternfish_model::Capture::AfPacket,
        revisions: Revisions::All,
        calls: true,
        connections: true,
        flows: true,
        max_flows: 1000,
        names: Arc::default(),
        resolver: None,
        node_name: Arc::from(""),
        node_id: Arc::from(""),
        node_ip: Arc::from(""),
    }
}

/// Writes the protocol, the id and the client of each entry.
struct Lines;

impl EntrySink for Lines {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let protocol = TABLE.protocol_name(entry.protocol);
        out.extend_from_slice(format!("{protocol} {} {}\n", entry.id, entry.src.endpoint).as_bytes());
    }
}

/// Calls over 40 connections at the same time, and what the program itself is asked on port 8899.
fn traffic() -> Capture {
    let talk = |number: u16, port: u16| {
        let client = format!("10.0.{}.1:{}", number % 7, 40_000 + number);
        let mut conversation = TcpConversation::new(&client, &format!("10.1.0.{}:{port}", number % 3)).handshake();
        for _ in 0..3 {
            conversation = conversation
                .to_server(b"GET /orders HTTP/1.1\r\nHost: shop\r\n\r\n")
                .to_client(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        conversation.fin().capture()
    };
    let mut capture = (0..40).map(|number| talk(number, 80)).fold(Capture::ethernet(), Capture::merge);
    capture = capture.merge(talk(100, OWN_PORT));
    let (client, server) = (endpoint("[2001:db8::1]:9000"), endpoint("[2001:db8::2]:8899"));
    let last = capture.packets.last().unwrap().time;
    capture.push(last, frame(&udp(client, server, b"zebra")));
    capture
}

fn is_own(connection: &ConnectionKey) -> bool {
    [connection.low.port, connection.high.port].contains(&OWN_PORT)
}

/// Runs the traffic in batches of so many packets; gives the entries and the books after each batch.
fn run(settings: Settings, threads: u16, batch: usize) -> (String, Vec<Ledger>) {
    let (capture, settings, mut out) = (traffic(), Arc::new(settings), Vec::new());
    let mut output = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        true
    };
    let books = thread::scope(|scope| {
        let mut pipeline = Pipeline::start(scope, &settings, threads, &mut || Box::new(Lines), &mut output);
        let mut books = Vec::new();
        let (mut time, mut number) = (capture.packets[0].time, 0);
        let border = |time, number| Border { time, next_packet: number + 1, is_looking: number % 3 == 0 };
        pipeline.begin(border(time, number));
        for packets in capture.packets.chunks(batch) {
            for packet in packets {
                (time, number) = (packet.time, number + 1);
                let raw = RawPacket {
                    packet: PacketRef { time, number },
                    interface: 1,
                    link: LinkType::ETHERNET,
                    bytes: &packet.bytes,
                    wire_bytes: packet.bytes.len() as u32,
                };
                assert_eq!(pipeline.packet(&raw, None, is_own), !is_own(&key(&packet.bytes)));
            }
            pipeline.pass(border(time, number), Some(beside()));
            while pipeline.are_books_awaited() {
                assert!(pipeline.is_under_way());
                pipeline.receive();
            }
            books.extend(pipeline.take_books());
        }
        let mut last = pipeline.finish(time, number + 1);
        last.merge(&beside());
        books.push(last);
        books
    });
    (String::from_utf8(out).unwrap(), books)
}

/// What live capture counts besides: packets that the kernel dropped.
fn beside() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add_packets(5, 0);
    ledger.lose(lanternfish_model::Cause::KernelDrop, 5);
    ledger
}

fn key(bytes: &[u8]) -> ConnectionKey {
    match lanternfish_wire::read(LinkType::ETHERNET, bytes, bytes.len() as u32) {
        lanternfish_wire::View::Datagram(datagram) => datagram.key(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn entries_and_books_do_not_depend_on_the_number_of_threads() {
    for batch in [1, 7, 100, 10_000] {
        let (entries, books) = run(settings(), 1, batch);
        let calls = entries.lines().filter(|line| line.starts_with("http ")).count();
        assert_eq!(calls, 120, "{entries}");
        assert!(!entries.contains(":40100") && !entries.contains("2001:db8"), "{entries}");
        let own = traffic().packets.iter().filter(|packet| is_own(&key(&packet.bytes))).count() as u64;
        for (position, books) in books.iter().enumerate() {
            assert!(books.is_balanced(), "{}", books.stats());
            let taken = (position + 1).saturating_mul(batch).min(traffic().packets.len()) as u64;
            assert_eq!(books.packets(), taken + 5);
        }
        assert!(own > 10 && books.last().unwrap().fate(Fate::OwnTraffic) == own);
        for threads in [2, 3, 5] {
            let several = run(settings(), threads, batch);
            assert_eq!(several.0, entries, "{threads} threads, batches of {batch}");
            assert_eq!(several.1, books, "{threads} threads, batches of {batch}");
        }
    }
}

#[test]
fn the_limit_of_the_filter_stops_the_run_with_its_last_entry() {
    for threads in [1, 3] {
        let filter = Filter::compile("http and limit(7)", &TABLE, Timestamp::default()).unwrap();
        let settings = Arc::new(Settings { filter: Some(filter), ..settings() });
        let mut lines = BTreeMap::new();
        let mut output = |bytes: &[u8]| {
            bytes.split_inclusive(|&byte| byte == b'\n').for_each(|line| *lines.entry(line.to_vec()).or_insert(0) += 1);
            true
        };
        thread::scope(|scope| {
            let mut pipeline = Pipeline::start(scope, &settings, threads, &mut || Box::new(Lines), &mut output);
            let mut answers = 0;
            for (packet, number) in traffic().packets.iter().zip(1..) {
                let raw = RawPacket {
                    packet: PacketRef { time: packet.time, number },
                    interface: 1,
                    link: LinkType::ETHERNET,
                    bytes: &packet.bytes,
                    wire_bytes: packet.bytes.len() as u32,
                };
                pipeline.packet(&raw, None, is_own);
                answers += usize::from(!is_own(&key(&packet.bytes)) && packet.bytes.ends_with(b"\r\n\r\nok"));
                pipeline.pass(Border { time: packet.time, next_packet: number + 1, is_looking: false }, None);
                while pipeline.is_under_way() {
                    pipeline.receive();
                }
                assert_eq!(pipeline.is_stopped(), answers >= 7, "{threads} threads, {answers} answers");
            }
            assert!(pipeline.finish(Timestamp::default(), 1).is_balanced());
        });
        assert!(lines.len() == 7 && lines.values().all(|&count| count == 1), "{threads} threads: {lines:?}");
    }
}

const OWN_PORT: u16 = 8899;
