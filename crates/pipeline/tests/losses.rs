//! Every cause of loss is real: for each there is a capture that raises its counter, by a number known beforehand, while
//! every packet keeps its one fate.
//!
//! Causes that only live traffic has are raised in `e2e/test_books.py` and `e2e/test_stored.py`; those of the store in its own tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod bench;

use std::io::Cursor;
use std::sync::Arc;

use bench::{settings, stream};
use lanternfish_model::{Cause, Entry, Loss, PacketRef, Stage, Timestamp};
use lanternfish_pcapfile::PcapngWriter;
use lanternfish_pipeline::{EntrySink, Ingest, Ingested, RawPacket, Settings, Worker};
use lanternfish_telemetry::Fate;
use lanternfish_testkit::{
    Capture, Segment, Side, TcpConversation, arp, endpoint, ethernet, frame, ip, ipv4_fragments, tcp, udp,
};
use lanternfish_wire::LinkType;

/// A capture file, the settings it is read with, and how much of the cause it has.
struct Case {
    settings: Settings,
    file: Vec<u8>,
    count: u64,
}

/// The case of a cause; none where files cannot have it.
fn case(cause: Cause) -> Option<Case> {
    let plain = |capture: Capture, count: u64| Some(Case { settings: settings(), file: capture.to_pcap(), count });
    let limited = |change: &dyn Fn(&mut Settings), capture: Capture, count: u64| {
        let mut settings = settings();
        change(&mut settings);
        Some(Case { settings, file: capture.to_pcap(), count })
    };
    match cause {
        Cause::KernelDrop => Some(Case { settings: settings(), file: with_drops(7), count: 7 }),
        Cause::FileCorrupt => Some(Case { settings: settings(), file: with_noise(5000), count: 5000 }),
        Cause::UnknownLinkType => plain(Capture { link: 147, ..frames([vec![0; 60]]) }, 1),
        Cause::NotIp => plain(frames([arp(), arp()]), 2),
        Cause::UnknownTransport => plain(packets([ospf()]), 1),
        Cause::MalformedHeader => plain(packets([call()[..12].to_vec(), vec![0x45; 3]]), 2),
        Cause::TunnelTooDeep => plain(packets([nested()]), 1),
        Cause::SnaplenCut => plain(packets([datagram(ZEBRA)]).cut(30), 19),
        Cause::FragmentIncomplete => plain(packets(ipv4_fragments(&datagram(&[0xf0; 100]), 1, 48).split_off(1)), 2),
        Cause::FragmentTableFull => plain(packets((0..5000).map(first_fragment)), 5000 - 4096),
        Cause::ConnectionTableFull => limited(&|s| s.reassembly.max_connections = 4, handshakes(10), 6),
        Cause::StreamGap => plain(talk().lost(Side::Client, 300).to_server(ZEBRA).fin().capture(), 300),
        Cause::StreamBufferFull => limited(&|s| s.reassembly.max_connection_buffered_bytes = 0, holes(9), 80),
        Cause::OverlapConflict => plain(waiting_and_again(b"zEBra"), 2),
        Cause::OverlapUnchecked => plain(given_and_again(), 5),
        Cause::Resync => plain(talk().to_server(CALL).to_server(ZEBRA).fin().capture(), 7),
        Cause::LimitReached => limited(&|s| s.limits.body_bytes = 4, talk().to_server(POST).fin().capture(), 1),
        Cause::HeldBytesFull => limited(&|s| s.budget.connection_held_bytes = 0, pipelined(5), 5),
        Cause::UnknownProtocol => plain(talk().to_server(ZEBRA).fin().capture(), 7),
        Cause::Retracted => plain(talk().to_server(b"GET / HTTP/1.1\r\n").to_client(ZEBRA).fin().capture(), 1),
        Cause::PairTimeout => plain(questions(), 1),
        Cause::PairLimit => limited(&|s| s.pairing.waiting = 2, pipelined(5), 4),
        Cause::FlowTableFull => limited(&|s| s.budget.flows = 4, handshakes(10), 6),
        Cause::CaptureOff | Cause::ProcessEnded | Cause::IdentityUnavailable => None,
        Cause::StoreFull
        | Cause::StoreBehind
        | Cause::StoreFailed
        | Cause::TailTorn
        | Cause::SegmentUnreadable
        | Cause::RingBehind => None,
    }
}

#[test]
fn every_cause_is_raised_where_it_happens() {
    let mut wrong = Vec::new();
    for &cause in Cause::ALL {
        let Some(case) = case(cause) else { continue };
        let count = losses(case.settings, case.file).count(cause);
        if count != case.count {
            wrong.push(format!("{}: {count}, not {}", cause.name(), case.count));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What no capture file can raise is raised end to end, by its name.
#[test]
fn causes_of_live_traffic_are_raised_end_to_end() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e");
    let text =
        ["test_books.py", "test_stored.py"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap()).concat();
    for &cause in Cause::ALL {
        let is_live = case(cause).is_none() && cause.stage() != Stage::Store;
        assert!(!is_live || text.contains(&format!("\"{}\"", cause.name())), "{} is raised nowhere", cause.name());
    }
}

#[test]
fn a_whole_capture_has_no_loss() {
    let capture = talk().to_server(CALL).to_client(ANSWER).fin().capture();
    assert_eq!(losses(settings(), capture.to_pcap()), Loss::default());
}

/// Fragments seen on two interfaces, one copy right behind the other: two datagrams, the second a view of the first.
#[test]
fn copies_of_fragments_are_duplicate_views_and_no_loss() {
    let mut writer = PcapngWriter::new(Vec::new(), "test").unwrap();
    let interfaces = ["left", "right"].map(|name| writer.interface(1, 0x4_0000, name).unwrap());
    for fragment in ipv4_fragments(&datagram(&[0xf0; 100]), 1, 48) {
        for interface in interfaces {
            let frame = frame(&fragment);
            writer.packet(interface, begin(), &frame, frame.len() as u32, None).unwrap();
        }
    }
    let report = stream(settings(), Box::new(Cursor::new(writer.into_inner())), 1, &mut |_| {}).unwrap();
    assert_eq!([Fate::Dissected, Fate::DuplicateView].map(|fate| report.ledger.fate(fate)), [3, 3]);
    assert_eq!(report.ledger.loss().count(Cause::FragmentIncomplete), 0);
}

/// Requests that have waited too long make room at once: none that waits now is given up for them.
#[test]
fn requests_that_timed_out_are_held_no_longer() {
    let upload: &[u8] =
        &[&b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"[..], &[b'a'; 60_000]].concat();
    let client = |number: u8| TcpConversation::new(&format!("10.0.1.{number}:4000"), "10.0.0.2:80");
    let later = begin() + 90_000_000_000;
    let uploads = |clients: std::ops::Range<u8>, time: Timestamp| {
        clients.map(move |number| client(number).at(time).handshake().to_server(upload).capture())
    };
    // Room is made on the first or on the last connection to begin with: both ask late.
    let (first_opening, first) = client(0).at(begin()).handshake().take_capture();
    let (last_opening, last) = client(99).at(begin() + 2_000_000_000).handshake().take_capture();
    let before = uploads(1..5, begin() + 1_000_000_000).fold(first_opening.merge(last_opening), Capture::merge);
    let late = [first, last].map(|opened| opened.at(later).to_server(upload).capture());
    let after = uploads(5..7, later + 1_000_000_000).chain(late).fold(Capture::ethernet(), Capture::merge);

    let mut settings = settings();
    settings.budget.held_bytes = 9 << 16;
    settings.budget.connection_held_bytes = 2 << 16;
    let (mut worker, mut ingest) = (Worker::new(Arc::new(settings), Box::new(Nowhere), 0, 1), Ingest::new(0, None));
    let mut number = 0;
    let mut observe = |worker: &mut Worker, capture: &Capture| {
        for packet in &capture.packets {
            number += 1;
            let packet_ref = PacketRef { time: packet.time, number };
            let (link, wire_bytes) = (LinkType(capture.link), packet.wire_len);
            let raw = RawPacket { packet: packet_ref, interface: 0, link, bytes: &packet.bytes, wire_bytes };
            let Ingested::Datagram(datagram) = ingest.read(&raw) else { panic!("no datagram") };
            let (key, hash, _) = ingest.place(&datagram);
            worker.datagram(&datagram, &key, hash, packet_ref, 0, &[]);
        }
        (number, worker.ledger().loss().clone())
    };
    let (number, loss) = observe(&mut worker, &before);
    assert_eq!(loss, Loss::default());
    worker.give_up(later, number + 1);
    let (_, loss) = observe(&mut worker, &after);
    assert_eq!([Cause::PairTimeout, Cause::HeldBytesFull].map(|cause| loss.count(cause)), [4, 0]);
}

struct Nowhere;

impl EntrySink for Nowhere {
    fn entry(&mut self, _: &Entry, _: &mut Vec<u8>) {}
}

fn losses(settings: Settings, file: Vec<u8>) -> Loss {
    let report = stream(settings, Box::new(Cursor::new(file)), 1, &mut |_| {}).expect("a capture file");
    report.ledger.loss().clone()
}

/// Bytes of no protocol.
const ZEBRA: &[u8] = b"\xf0 zebra";
const CALL: &[u8] = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 6\r\n\r\nzebra!";
const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

fn begin() -> Timestamp {
    Timestamp::from_parts(1_700_000_000, 0)
}

fn frames(frames: impl IntoIterator<Item = Vec<u8>>) -> Capture {
    let mut capture = Capture::ethernet();
    for (number, frame) in frames.into_iter().enumerate() {
        capture.push(begin() + number as i64 * 1000, frame);
    }
    capture
}

fn packets(packets: impl IntoIterator<Item = Vec<u8>>) -> Capture {
    frames(packets.into_iter().map(|packet| ethernet(0x0800, &packet)))
}

/// A conversation behind its handshake.
fn talk() -> TcpConversation {
    TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80").handshake()
}

fn call() -> Vec<u8> {
    talk().to_server(CALL).ip_packets().swap_remove(3).1
}

fn datagram(payload: &[u8]) -> Vec<u8> {
    udp(endpoint("10.0.0.1:4000"), endpoint("10.0.0.2:4001"), payload)
}

/// A hello of a routing protocol.
fn ospf() -> Vec<u8> {
    ip([10, 0, 0, 1].into(), [224, 0, 0, 5].into(), 89, &[2, 1, 0, 44])
}

/// A datagram within IP within IP, and so on.
fn nested() -> Vec<u8> {
    (0..20).fold(datagram(b"x"), |packet, _| ip([10, 0, 0, 3].into(), [10, 0, 0, 4].into(), 4, &packet))
}

/// The first fragment of a datagram of its own.
fn first_fragment(identification: u16) -> Vec<u8> {
    ipv4_fragments(&datagram(&[0xf0; 100]), identification, 48).swap_remove(0)
}

/// Connections that are not more than a handshake, each of a client of its own.
fn handshakes(count: u8) -> Capture {
    let handshake = |number: u8| {
        let conversation = TcpConversation::new(&format!("10.0.1.{number}:4000"), "10.0.0.2:80");
        conversation.at(begin() + i64::from(number) * 1_000_000).handshake().capture()
    };
    (0..count).map(handshake).fold(Capture::ethernet(), Capture::merge)
}

/// Segments of a client joined in the middle: sequence numbers and bytes.
fn segments(segments: &[(u32, &[u8])]) -> Capture {
    packets(segments.iter().map(|&(sequence, payload)| {
        let segment = Segment { sequence, acknowledgement: 500, flags: ACK, window: 1000, options: &[], payload };
        tcp(endpoint("10.0.0.1:4000"), endpoint("10.0.0.2:80"), &segment)
    }))
}

/// Segments of ten bytes with a hole of ten bytes between each two.
fn holes(count: u32) -> Capture {
    let segment = |number: u32| (1000 + number * 20, &b"0123456789"[..]);
    segments(&(0..count).map(segment).collect::<Vec<_>>())
}

/// A segment behind a hole, the same again with other bytes, and what fills the hole.
fn waiting_and_again(again: &[u8]) -> Capture {
    segments(&[(1000, b"hole"), (1008, b"zebra"), (1008, again), (1004, b"hole")])
}

/// A segment that is dissected, and then once more.
fn given_and_again() -> Capture {
    segments(&[(1000, b"zebra"), (1000, b"zebra")])
}

/// DNS questions that nobody answers: the first has waited for more than a minute when the last one comes.
fn questions() -> Capture {
    let question = |id: u8| {
        let query =
            [&[7, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &b"\x03www\x07example\x03com\x00\x00\x01\x00\x01"[..]].concat();
        frame(&udp(endpoint("10.0.0.1:4000"), endpoint("10.0.0.2:53"), &query))
    };
    let mut capture = Capture::ethernet();
    for number in 0..4 {
        capture.push(begin() + i64::from(number) * 25_000_000_000, question(number));
    }
    capture
}

/// Calls that are sent without waiting for an answer, then the answers.
fn pipelined(count: usize) -> Capture {
    let calls = (0..count).fold(talk(), |conversation, _| conversation.to_server(CALL));
    (0..count).fold(calls, |conversation, _| conversation.to_client(ANSWER)).fin().capture()
}

/// A file whose interface tells how many packets it dropped.
fn with_drops(dropped: u64) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), "test").unwrap();
    let interface = writer.interface(1, 0x4_0000, "test0").unwrap();
    for packet in talk().capture().packets {
        writer.packet(interface, packet.time, &packet.bytes, packet.wire_len, None).unwrap();
    }
    writer.statistics(interface, begin(), 3 + dropped, dropped).unwrap();
    writer.into_inner()
}

/// A file with bytes between its packets that are none.
fn with_noise(count: usize) -> Vec<u8> {
    let mut file = talk().to_server(CALL).to_client(ANSWER).fin().capture().to_pcap();
    file.splice(24..24, std::iter::repeat_n(0xff, count));
    file
}

const ACK: u8 = 0x10;
