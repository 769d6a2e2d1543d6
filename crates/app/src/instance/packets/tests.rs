//! Packets of entries and connections, also of those that have partly left the ring.

use lanternfish_api::PacketScope;
use lanternfish_model::Cause;
use lanternfish_query::Window;
use lanternfish_testkit::{TcpConversation, endpoint, frame, ip, ipv4_fragments};

use super::*;
use crate::instance::fixture::{Fixture, START, filter, noise, shop, small_ring};

async fn ask(fixture: &Fixture, scope: PacketScope, offset: u64, limit: usize) -> Result<PacketsPart, EngineError> {
    let request = PacketsRequest { snapshot: None, scope, offset, limit };
    packets(&fixture.store, &fixture.queried, &request).await
}

/// `number way flags sequence acknowledgement payload`
fn lines(part: &PacketsPart) -> Vec<String> {
    let line = |packet: &PacketInfo| {
        let way = match packet.direction {
            Some(StreamDirection::ToServer) => ">",
            Some(StreamDirection::ToClient) => "<",
            None => "?",
        };
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        format!(
            "{} {way} {} {} {} {}",
            packet.number,
            packet.flags.as_deref().unwrap_or("-"),
            number(packet.sequence),
            number(packet.acknowledgement),
            packet.payload_bytes
        )
    };
    part.packets.iter().map(line).collect()
}

#[tokio::test]
async fn an_entry_has_its_packets() {
    let capture = shop();
    let fixture = Fixture::new(&capture);
    let entry = fixture.entry("path == \"/two\"").await;
    let scope = PacketScope::Entry { id: entry.id, is_whole_connection: false };
    let part = ask(&fixture, scope, 0, 10).await.unwrap();
    assert_eq!(lines(&part), ["18 > PA 34 44 33", "20 < PA 44 67 44"]);
    assert_eq!((part.missing, part.has_more), (0, false));
    assert_eq!(part.loss.count(Cause::KernelDrop), 7);
    let packet = &part.packets[0];
    let frame = &capture.packets[17].bytes;
    assert_eq!(packet.hex.len(), frame.len() * 2);
    assert_eq!(&packet.hex[..8], "02000000");
    assert_eq!((packet.payload_offset, packet.wire_bytes), (54, frame.len() as u32));
    assert_eq!((packet.src.as_str(), packet.dst.as_str()), ("10.0.0.1:4000", "10.0.0.2:80"));
    assert_eq!(
        (packet.transport.as_str(), packet.interface.as_deref(), packet.window),
        ("tcp", Some("test0"), Some(64_240))
    );
    assert!(packet.time.starts_with("2023-11-14T22:13:20.05"), "{}", packet.time);
}

#[tokio::test]
async fn a_connection_has_all_its_packets_and_no_others() {
    let fixture = Fixture::new(&shop());
    let entry = fixture.entry("path == \"/one\"").await;
    let id = entry.connection.facts.id;
    let part = ask(&fixture, PacketScope::Connection(id), 0, 100).await.unwrap();
    assert_eq!(part.packets.len(), 14);
    assert_eq!(part.missing, 0);
    assert_eq!(lines(&part)[..3], ["1 > S 0 - 0", "3 < SA 0 1 0", "5 > A 1 1 0"]);
    assert!(part.packets.iter().all(|packet| packet.src.contains(":4000") || packet.dst.contains(":4000")));
    let whole = PacketScope::Entry { id: entry.id, is_whole_connection: true };
    assert_eq!(lines(&ask(&fixture, whole, 0, 100).await.unwrap()), lines(&part));
    let summary = fixture.entry("conn and src.port == 4000").await;
    let summary = PacketScope::Entry { id: summary.id, is_whole_connection: false };
    assert_eq!(lines(&ask(&fixture, summary, 0, 100).await.unwrap()), lines(&part));
    let flow = fixture.entry("flow and src.ip == \"10.0.0.1\"").await;
    let flow = PacketScope::Entry { id: flow.id, is_whole_connection: false };
    assert_eq!(lines(&ask(&fixture, flow, 0, 100).await.unwrap()), lines(&part));
}

#[tokio::test]
async fn parts_follow_each_other() {
    let fixture = Fixture::new(&shop());
    let id = fixture.entry("path == \"/one\"").await.connection.facts.id;
    let all = ask(&fixture, PacketScope::Connection(id), 0, 100).await.unwrap();
    let mut joined = Vec::new();
    loop {
        let part = ask(&fixture, PacketScope::Connection(id), joined.len() as u64, 4).await.unwrap();
        assert_eq!(part.missing, 0);
        assert_eq!(part.has_more, joined.len() + part.packets.len() < 14);
        joined.extend(lines(&part));
        if !part.has_more {
            break;
        }
    }
    assert_eq!(joined, lines(&all));
    let beyond = ask(&fixture, PacketScope::Connection(id), 99, 4).await.unwrap();
    assert!(beyond.packets.is_empty() && !beyond.has_more);
}

#[tokio::test]
async fn all_that_match_are_given_once() {
    let fixture = Fixture::new(&shop());
    let matching = |is_whole_connection| PacketScope::Matching {
        filter: filter("http and path != \"/one\""),
        window: Window::ALL,
        is_whole_connection,
    };
    let part = ask(&fixture, matching(false), 0, 100).await.unwrap();
    assert_eq!(part.packets.len(), 4, "{:?}", lines(&part));
    assert!(part.packets.iter().all(|packet| packet.direction.is_some() && packet.payload_bytes > 0));
    let whole = ask(&fixture, matching(true), 0, 100).await.unwrap();
    assert_eq!(whole.packets.len(), 24);
    let none = PacketScope::Matching { filter: filter("redis"), window: Window::ALL, is_whole_connection: true };
    let none = ask(&fixture, none, 0, 100).await.unwrap();
    assert!(none.packets.is_empty() && none.missing == 0);
}

#[tokio::test]
async fn packets_that_left_the_ring_are_counted() {
    let begin =
        TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80").handshake().to_server(b"GET /early HTTP/1.1\r\n\r\n");
    let begin = begin.to_client(b"HTTP/1.1 204 No Content\r\n\r\n").step(1_000_000);
    let early = begin.clone().capture().packets.len();
    let rest = begin.wait(1_000_000_000).to_server(b"GET /late HTTP/1.1\r\n\r\n");
    let all = rest.to_client(b"HTTP/1.1 204 No Content\r\n\r\n").fin().capture();
    let capture = noise(START + 100_000_000, 900).merge(all.clone());
    let fixture = Fixture::with(&capture, small_ring());
    let late = fixture.entry("path == \"/late\"").await;
    let id = late.connection.facts.id;
    let part = ask(&fixture, PacketScope::Connection(id), 0, 100).await.unwrap();
    assert_eq!(part.packets.len(), all.packets.len() - early);
    assert_eq!(part.missing, early as u64);
    assert_eq!(lines(&part)[0].split(' ').skip(1).collect::<Vec<_>>(), [">", "PA", "0", "0", "22"]);
    let scope = PacketScope::Entry { id: late.id, is_whole_connection: false };
    let part = ask(&fixture, scope, 0, 100).await.unwrap();
    assert_eq!((part.packets.len(), part.missing), (2, 0));
    let early = fixture.entry("path == \"/early\"").await;
    let scope = PacketScope::Entry { id: early.id, is_whole_connection: false };
    let part = ask(&fixture, scope, 0, 100).await.unwrap();
    assert_eq!((part.packets.len(), part.missing), (0, 2));
}

#[tokio::test]
async fn a_connection_ends_where_the_next_one_with_its_ports_begins() {
    let call = |at, path: &str, sequence| {
        let conversation = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80").sequences(sequence, sequence);
        let conversation = conversation.at(at).handshake();
        conversation.to_server(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).capture()
    };
    let capture = call(START, "/a", 77).merge(call(START + 5_000_000_000, "/b", 900_000_000));
    let fixture = Fixture::new(&capture);
    for (path, first) in [("/a", 1), ("/b", 6)] {
        let id = fixture.entry(&format!("path == \"{path}\"")).await.connection.facts.id;
        let part = ask(&fixture, PacketScope::Connection(id), 0, 100).await.unwrap();
        let numbers: Vec<u64> = part.packets.iter().map(|packet| packet.number).collect();
        assert_eq!(numbers, (first..first + 5).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn fragments_belong_to_their_connection() {
    let (a, b) = (endpoint("10.0.0.1:5000"), endpoint("10.0.0.2:5001"));
    let mut capture = noise(START, 3);
    let whole = lanternfish_testkit::udp(a, b, &[7; 3000]);
    for (number, fragment) in ipv4_fragments(&whole, 9, 1480).iter().enumerate() {
        capture.push(START + 1_000_000 + number as i64, frame(fragment));
    }
    capture.push(START + 2_000_000, frame(&ip(a.ip, b.ip, 50, b"no ports")));
    let (a, b) = (endpoint("10.0.0.1:6000"), endpoint("10.0.0.2:6001"));
    let torn = lanternfish_testkit::udp(a, b, &[7; 3000]);
    capture.push(START + 3_000_000, frame(&ipv4_fragments(&torn, 10, 1480)[0]));
    let fixture = Fixture::new(&capture);
    let entry = fixture.entry("conn and src.port == 5000").await;
    let part = ask(&fixture, PacketScope::Connection(entry.connection.facts.id), 0, 100).await.unwrap();
    let shown: Vec<_> =
        part.packets.iter().map(|packet| (packet.number, packet.direction, packet.payload_bytes)).collect();
    let way = Some(StreamDirection::ToServer);
    assert_eq!(shown, [(4, way, 1480), (5, way, 1480), (6, way, 48)]);
    assert_eq!((part.packets[2].transport.as_str(), part.packets[2].src.as_str()), ("udp", "10.0.0.1"));
    assert_eq!(part.missing, 0);
    let entry = fixture.entry("conn and src.port == 6000").await;
    let part = ask(&fixture, PacketScope::Connection(entry.connection.facts.id), 0, 100).await.unwrap();
    assert_eq!((part.packets.len(), part.packets[0].number, part.missing), (1, 8, 0));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let fixture = Fixture::new(&shop());
    for scope in [PacketScope::Entry { id: 5, is_whole_connection: true }, PacketScope::Connection(u64::MAX)] {
        assert!(matches!(ask(&fixture, scope, 0, 1).await, Err(EngineError::NotFound(_))));
    }
}

#[test]
fn relative_numbers_go_beyond_the_wrap() {
    let mut relative = Relative::new(0xffff_fff0);
    assert_eq!(relative.of(0xffff_fff0), Some(0));
    assert_eq!(relative.of(0x10), Some(0x20));
    assert_eq!(relative.of(0), Some(0x10));
    assert_eq!(relative.of(0xffff_ff00), None);
    for step in 1..10u64 {
        assert_eq!(relative.of(0x10u32.wrapping_add((step * 0x4000_0000) as u32)), Some(0x20 + step * 0x4000_0000));
    }
}
