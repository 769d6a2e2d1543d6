//! Files of packets: exact frames, and nothing made for nobody.

use std::io::Cursor;

use lanternfish_api::PacketScope;
use lanternfish_pcapfile::{Item, Reader};
use lanternfish_query::Window;
use lanternfish_testkit::{TcpConversation, TimedPacket};

use super::*;
use crate::instance::fixture::{Fixture, START, filter, noise, read, shop, small_ring};

async fn ask(fixture: &Fixture, scope: PacketScope) -> Result<Vec<u8>, EngineError> {
    read(pcap(&fixture.store, &fixture.queried, &PcapRequest { snapshot: None, scope }).await).await
}

/// The packets and comments of a file, whose interfaces must be those of the ring.
fn frames(file: Vec<u8>) -> (Vec<TimedPacket>, Vec<String>) {
    let mut reader = Reader::new(Box::new(Cursor::new(file))).unwrap();
    let (mut packets, mut comments) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next().unwrap() {
        match item {
            Item::Packet(packet) => {
                assert_eq!(packet.link, 1);
                packets.push(TimedPacket {
                    time: packet.time,
                    bytes: packet.bytes.to_vec(),
                    wire_len: packet.wire_len,
                });
            }
            Item::Comment(comment) => comments.push(comment.text.to_owned()),
            _ => {}
        }
    }
    let interfaces: Vec<_> =
        reader.interfaces().iter().map(|interface| (interface.link, interface.name.clone())).collect();
    assert!(packets.is_empty() || interfaces == [(1, "test0".to_owned())]);
    (packets, comments)
}

#[tokio::test]
async fn frames_are_exact() {
    let capture = shop().cut(70);
    let fixture = Fixture::new(&capture);
    let id = fixture.entry("conn and src.port == 4000").await.connection.facts.id;
    let (packets, comments) = frames(ask(&fixture, PacketScope::Connection(id)).await.unwrap());
    let is_of_it = |packet: &&TimedPacket| packet.bytes[34..38].windows(2).any(|port| port == 4000u16.to_be_bytes());
    let expected: Vec<TimedPacket> = capture.packets.iter().filter(is_of_it).cloned().collect();
    assert_eq!(packets, expected);
    assert_eq!(comments, ["lost in the time of these packets: 7 packets (kernel drop)"]);
    let everything = PacketScope::Matching { filter: filter("conn"), window: Window::ALL, is_whole_connection: false };
    assert_eq!(frames(ask(&fixture, everything).await.unwrap()).0, capture.packets);
}

#[tokio::test]
async fn nothing_that_matches_is_an_empty_file_and_nothing_that_is_kept_is_an_error() {
    let gone =
        TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80").handshake().to_server(b"GET / HTTP/1.1\r\n\r\n").fin();
    let fixture = Fixture::with(&gone.capture().merge(noise(START + 100_000_000, 900)), small_ring());
    let matching =
        |query| PacketScope::Matching { filter: filter(query), window: Window::ALL, is_whole_connection: true };
    assert!(frames(ask(&fixture, matching("redis")).await.unwrap()).0.is_empty());
    assert!(matches!(ask(&fixture, matching("http")).await, Err(EngineError::Gone(_))));
    let entry = fixture.entry("http").await.id;
    let scope = PacketScope::Entry { id: entry, is_whole_connection: false };
    assert!(matches!(ask(&fixture, scope).await, Err(EngineError::Gone(_))));
    assert!(matches!(ask(&fixture, PacketScope::Connection(3)).await, Err(EngineError::NotFound(_))));
}
