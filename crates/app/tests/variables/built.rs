//! Captures of what no server here does on demand: made packet by packet, each with values that are known beforehand.

use lanternfish_model::Timestamp;
use lanternfish_testkit::{Capture, Side, TcpConversation, endpoint, frame, icmp, sctp, udp};

/// The bytes of the capture of a name.
pub fn capture(name: &str) -> Option<Vec<u8>> {
    let capture = match name {
        "sctp" => association(),
        "paced" => paced(),
        "damaged" => damaged(),
        "unanswered" => unanswered(),
        "advertised" => advertised(),
        "verified" => verified(),
        _ => return None,
    };
    Some(capture.to_pcap())
}

/// 2023-11-14T22:13:20Z and so many milliseconds.
fn at(ms: i64) -> Timestamp {
    Timestamp::from_parts(1_700_000_000, 0) + ms * 1_000_000
}

fn packets(packets: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Capture {
    let mut capture = Capture::ethernet();
    for (ms, packet) in packets {
        capture.push(at(ms), frame(&packet));
    }
    capture
}

/// An association from its INIT to its end (RFC 9260 section 5.1).
fn association() -> Capture {
    let (client, server) = (endpoint("10.0.0.7:5000"), endpoint("10.0.0.9:3868"));
    let init =
        |kind: u8| [&[kind, 0, 0, 20][..], &[0, 0, 0, 7], &[0, 0, 0xfa, 0], &[0, 10, 0, 10], &[0, 0, 0, 1]].concat();
    let data = [&[0, 3, 0, 20][..], &[0, 0, 0, 1], &[0, 0, 0, 0], &[0, 0, 0, 0], b"ping"].concat();
    packets([
        (0, sctp(client, server, 0, &init(1))),
        (1, sctp(server, client, 7, &init(2))),
        (2, sctp(client, server, 7, &[&[10, 0, 0, 8, 1, 2, 3, 4][..], &data].concat())),
        (3, sctp(server, client, 7, &[11, 0, 0, 4])),
        (4, sctp(client, server, 7, &[7, 0, 0, 8, 0, 0, 0, 1])),
        (5, sctp(server, client, 7, &[8, 0, 0, 4])),
        (6, sctp(client, server, 7, &[14, 0, 0, 4])),
    ])
}

/// For 30 seconds, 20 times a second, 100 bytes to the server and 300 back, of no known protocol.
fn paced() -> Capture {
    let mut conversation = TcpConversation::new("10.0.0.7:5001", "10.0.0.9:9000").without_acks().handshake();
    for number in 0..600i64 {
        let message = [0xf5; 300];
        conversation = conversation.at(at(1000 + number * 50)).to_server(&message[..100]).to_client(&message);
    }
    conversation.fin().capture()
}

/// A connection with segments out of order, with bytes that came twice and differ, and with bytes that never came.
fn damaged() -> Capture {
    let back = |count: u32| 0u32.wrapping_sub(count);
    let mut conversation = TcpConversation::new("10.0.0.7:5002", "10.0.0.9:9000").without_acks().handshake();
    // Behind a hole of 10 bytes come 20, then the last 4 of them again with other content, then the hole itself.
    conversation = conversation.lost(Side::Client, 10).to_server(b"bbbbbbbbbbbbbbbbbbbb");
    conversation = conversation.lost(Side::Client, back(4)).to_server(b"BBBB");
    conversation = conversation.lost(Side::Client, back(30)).to_server(b"aaaaaaaaaa").lost(Side::Client, 20);
    conversation = conversation.to_client(b"cccc").lost(Side::Client, 50).to_server(b"dddddddd").to_client(b"eeee");
    conversation.fin().capture()
}

/// A SYN that nobody answers, and much later something else, so that it times out.
fn unanswered() -> Capture {
    let mut syn = TcpConversation::new("10.0.0.7:5003", "10.0.0.9:9001");
    syn.segment(Side::Client, 2, &[], &[]);
    let later = TcpConversation::new("10.0.0.7:5004", "10.0.0.9:9002").at(at(600_000)).handshake().fin();
    syn.capture().merge(later.capture())
}

/// A router's advertisement (RFC 4861 section 4.2), and an error that points into a header.
fn advertised() -> Capture {
    let ip = |text: &str| text.parse().unwrap();
    let body = [[0; 8], [5, 1, 0, 0, 0, 0, 5, 0xdc]].concat();
    let bad = udp(endpoint("10.0.0.7:5005"), endpoint("10.0.0.9:53"), b"x");
    packets([
        (0, icmp(ip("fe80::1"), ip("ff02::1"), 134, 0, 0x4000_0708, &body)),
        (1, icmp(ip("10.0.0.1"), ip("10.0.0.7"), 12, 0, 9 << 24, &bad[..28])),
    ])
}

/// An answer that the server verified by DNSSEC (RFC 4035 section 3.2.3).
fn verified() -> Capture {
    let (client, server) = (endpoint("10.0.0.7:5006"), endpoint("10.0.0.9:53"));
    let question = b"\x04shop\x04test\0\0\x01\0\x01";
    let query = [&[0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 0][..], question].concat();
    let answer = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x07";
    let response = [&[0x12, 0x34, 0x81, 0xa0, 0, 1, 0, 1, 0, 0, 0, 0][..], question, answer].concat();
    packets([(0, udp(client, server, &query)), (2, udp(server, client, &response))])
}
