//! Bytes of connections, whole, in pages, with gaps, and of those that have partly left the ring.

use lanternfish_api::ChunkContent;
use lanternfish_api::dto::StreamDirection;
use lanternfish_testkit::{Capture, Side, TcpConversation, endpoint, frame, udp};

use super::*;
use crate::instance::fixture::{Fixture, START, noise, shop, small_ring};

async fn ask(
    fixture: &Fixture,
    connection: u64,
    direction: Option<StreamDirection>,
    offset: u64,
    limit: usize,
) -> Result<FollowPart, EngineError> {
    let request = FollowRequest { snapshot: None, connection, direction, offset, limit };
    follow(&fixture.store, &fixture.queried, &request).await
}

/// `way offset bytes`
fn lines(part: &FollowPart) -> Vec<String> {
    let of = |chunk: &lanternfish_api::StreamChunk| {
        let way = if chunk.direction == StreamDirection::ToServer { ">" } else { "<" };
        match &chunk.content {
            ChunkContent::Data(bytes) => format!("{way} {} {}", chunk.offset, String::from_utf8_lossy(bytes)),
            ChunkContent::Gap(length) => format!("{way} {} gap of {length}", chunk.offset),
        }
    };
    part.chunks.iter().map(of).collect()
}

fn ends(part: &FollowPart) -> Vec<(u64, u64)> {
    part.ends.iter().map(|end| (end.bytes, end.gap_bytes)).collect()
}

async fn connection(fixture: &Fixture, port: u16) -> u64 {
    fixture.entry(&format!("conn and src.port == {port}")).await.connection.facts.id
}

/// Bytes of no known protocol, in small segments out of their order.
fn unknown() -> Capture {
    TcpConversation::new("10.0.0.1:4000", "10.0.0.2:7000")
        .handshake()
        .mss(3)
        .to_server(b"hello, you")
        .to_client("grüße zurück".as_bytes())
        .lost(Side::Server, 20)
        .to_client(b"after")
        .to_server(b"bye")
        .fin()
        .capture()
}

#[tokio::test]
async fn both_directions_come_in_the_order_in_which_they_were_seen() {
    let fixture = Fixture::new(&shop());
    let part = ask(&fixture, connection(&fixture, 4000).await, None, 0, 10_000).await.unwrap();
    let all = lines(&part);
    assert_eq!(all.len(), 4);
    assert_eq!(all[0], "> 0 GET /one HTTP/1.1\r\nHost: shop\r\n\r\n");
    assert!(all[1].starts_with("< 0 HTTP/1.1 200 OK") && all[1].ends_with("first"), "{}", all[1]);
    assert!(all[2].starts_with("> 33 GET /two"), "{}", all[2]);
    assert_eq!((part.client.as_str(), part.server.as_str()), ("10.0.0.1:4000", "10.0.0.2:80"));
    assert_eq!((part.has_more, part.chunks[0].packet, part.chunks[0].time), (false, 7, START + 300_000));
    assert_eq!(part.loss.count(lanternfish_model::Cause::KernelDrop), 7);
}

#[tokio::test]
async fn any_protocol_is_followed_and_gaps_are_told() {
    let fixture = Fixture::new(&unknown());
    let id = connection(&fixture, 4000).await;
    let part = ask(&fixture, id, None, 0, 10_000).await.unwrap();
    assert_eq!(lines(&part), ["> 0 hello, you", "< 0 grüße zurück", "< 15 gap of 20", "< 35 after", "> 10 bye"]);
    assert_eq!(ends(&part), [(13, 0), (20, 20)]);
    let part = ask(&fixture, id, Some(StreamDirection::ToServer), 0, 10_000).await.unwrap();
    assert_eq!(lines(&part), ["> 0 hello, youbye"]);
    assert_eq!(ends(&part), [(13, 0), (20, 20)]);
}

#[tokio::test]
async fn pages_follow_each_other_and_cut_no_character() {
    let fixture = Fixture::new(&unknown());
    let id = connection(&fixture, 4000).await;
    for limit in 1..40 {
        let (mut offset, mut bytes, mut gaps) = (0, Vec::new(), 0);
        loop {
            let part = ask(&fixture, id, None, offset, limit).await.unwrap();
            let before = offset;
            for chunk in &part.chunks {
                match &chunk.content {
                    ChunkContent::Data(data) => {
                        assert!(limit < 2 || std::str::from_utf8(data).is_ok());
                        bytes.extend_from_slice(data);
                        offset += data.len() as u64;
                    }
                    ChunkContent::Gap(length) => gaps += length,
                }
            }
            assert!(offset - before <= limit as u64);
            assert_eq!(ends(&part), [(13, 0), (20, 20)]);
            if !part.has_more {
                break;
            }
            assert!(offset > before);
        }
        assert_eq!(String::from_utf8(bytes).unwrap(), "hello, yougrüße zurückafterbye");
        assert_eq!(gaps, 20, "pages of {limit}");
    }
}

#[tokio::test]
async fn datagrams_stay_apart() {
    let (a, b) = (endpoint("10.0.0.1:5000"), endpoint("10.0.0.2:5001"));
    let mut capture = Capture::ethernet();
    capture.push(START, frame(&udp(a, b, b"one")));
    capture.push(START + 1, frame(&udp(a, b, b"two")));
    capture.push(START + 2, frame(&udp(b, a, b"three")));
    let fixture = Fixture::new(&capture);
    let part = ask(&fixture, connection(&fixture, 5000).await, None, 0, 100).await.unwrap();
    assert_eq!(lines(&part), ["> 0 one", "> 3 two", "< 0 three"]);
}

#[tokio::test]
async fn segments_out_of_order_and_doubled_give_the_same_bytes() {
    let text: Vec<u8> = (0..20_000u32).flat_map(|number| number.to_string().into_bytes()).collect();
    let conversation = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:7000").handshake().mss(100).without_acks();
    let capture = conversation.to_server(&text).capture().reorder(7, 5).duplicate(8, 4);
    let fixture = Fixture::new(&capture);
    let part = ask(&fixture, connection(&fixture, 4000).await, None, 0, 1 << 20).await.unwrap();
    let [only] = part.chunks.as_slice() else { panic!("{} chunks", part.chunks.len()) };
    assert!(matches!(&only.content, ChunkContent::Data(bytes) if *bytes == text));
}

#[tokio::test]
async fn what_left_the_ring_is_a_gap_at_the_beginning() {
    let begin = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:7000").handshake();
    let begin = begin.to_server(b"early").to_client(b"answer").step(1_000_000).wait(1_000_000_000);
    let all = begin.to_server(b"late").to_client(b"late answer").fin().capture();
    let fixture = Fixture::with(&noise(START + 100_000_000, 900).merge(all), small_ring());
    let id = connection(&fixture, 4000).await;
    let part = ask(&fixture, id, None, 0, 100).await.unwrap();
    assert_eq!(lines(&part), ["> 0 gap of 5", "< 0 gap of 6", "> 5 late", "< 6 late answer"]);
    assert_eq!(ends(&part), [(4, 5), (11, 6)]);
    let part = ask(&fixture, id, None, 4, 100).await.unwrap();
    assert_eq!(lines(&part), ["< 6 late answer"]);
    let gone = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:7000").handshake().to_server(b"early").fin().capture();
    let fixture = Fixture::with(&gone.merge(noise(START + 100_000_000, 900)), small_ring());
    let part = ask(&fixture, connection(&fixture, 4000).await, None, 0, 100).await;
    assert!(matches!(part, Err(EngineError::Gone(_))));
    assert!(matches!(ask(&fixture, 77, None, 0, 100).await, Err(EngineError::NotFound(_))));
}
