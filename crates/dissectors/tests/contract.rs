//! What every dissector must do with anything: recognise only its own, and neither panic, loop nor claim what is not there.

#[path = "../src/driver.rs"]
mod driver;

use driver::{Driver, facts};
use lanternfish_dissect::{Chunk, Head, Probe, Protocol, Source};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_model::{Cause, Direction, PacketRef, Timestamp, Transport};

const TEXTS: &[&str] = &[
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.\n",
    "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse.\r\n\r\n",
    "Get up, he said. Post the letter; put it in the box. Delete nothing, and set the table for four.",
    "{\"name\": \"value\", \"list\": [1, 2, 3], \"nested\": {\"a\": null}}",
    "key=value; other=thing\nping me when you are there\nquit\n",
    "220 mail.example.org ESMTP ready\r\nEHLO client.example.org\r\n",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
];
const TRANSPORTS: [Transport; 4] = [Transport::Tcp, Transport::Udp, Transport::Sctp, Transport::Icmp];

/// A small generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }
}

fn matches(protocol: &dyn Protocol, transport: Transport, bytes: &[u8], other: &[u8], is_start: bool) -> bool {
    let facts = facts(transport);
    let is_datagram = matches!(transport, Transport::Udp | Transport::Icmp);
    let directions = [Direction::ToServer, Direction::ToClient];
    directions.into_iter().any(|direction| {
        let head = Head { direction, bytes, other, is_start, is_datagram, facts: &facts };
        matches!(protocol.probe(&head), Probe::Match(_))
    })
}

fn probed() -> impl Iterator<Item = (&'static dyn Protocol, Transport)> {
    let pairs = PROTOCOLS.iter().flat_map(|&protocol| TRANSPORTS.map(|transport| (protocol, transport)));
    // ICMP has no ports and no other protocol: its probe need not doubt.
    pairs.filter(|(protocol, transport)| protocol.transports().contains(*transport) && *transport != Transport::Icmp)
}

#[test]
fn probes_do_not_match_text() {
    for (protocol, transport) in probed() {
        for (position, text) in TEXTS.iter().enumerate() {
            let other = TEXTS[(position + 1) % TEXTS.len()].as_bytes();
            for is_start in [true, false] {
                let name = protocol.spec().name;
                assert!(
                    !matches(protocol, transport, text.as_bytes(), other, is_start),
                    "{name} takes {text:?} for its own"
                );
            }
        }
    }
}

#[test]
fn probes_do_not_match_random_bytes() {
    for (protocol, transport) in probed() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..20_000 {
            let length = 1 + random.below(300);
            let bytes = random.bytes(length);
            let is_start = round % 2 == 0;
            let name = protocol.spec().name;
            assert!(!matches(protocol, transport, &bytes, &[], is_start), "{name} takes {bytes:02x?} for its own");
        }
    }
}

#[test]
fn probes_take_anything_of_any_length() {
    for &protocol in PROTOCOLS {
        for first in 0..=255u8 {
            for length in [0, 1, 2, 3, 4, 5, 8, 12, 64] {
                let mut bytes = vec![first; length];
                for transport in TRANSPORTS {
                    matches(protocol, transport, &bytes, &bytes, true);
                    matches(protocol, transport, &bytes, &[], false);
                }
                bytes.reverse();
            }
        }
    }
}

/// Bytes that often look like the beginning of something.
fn plausible(random: &mut Random, length: usize) -> Vec<u8> {
    const SEEDS: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
        b"+OK\r\n-ERR x\r\n:1\r\n$-1\r\n",
        b"\x16\x03\x01\0\x31\x01\0\0\x2d\x03\x03",
        b"\x16\x03\x03\0\x04\x0e\0\0\0\x14\x03\x03\0\x01\x01\x17\x03\x03\0\x20",
        b"\x15\x03\x01\0\x02\x02\x28",
        b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x02bc\0\0\x01\0\x01",
        b"\x08\0\0\0\0\x01\0\x01",
    ];
    let mut bytes = Vec::with_capacity(length + 64);
    while bytes.len() < length {
        if random.below(3) == 0 {
            let count = random.below(40);
            let noise = random.bytes(count);
            bytes.extend_from_slice(&noise);
            continue;
        }
        let seed = SEEDS[random.below(SEEDS.len())];
        let at = bytes.len();
        bytes.extend_from_slice(seed);
        if random.below(2) == 0 {
            let flipped = at + random.below(seed.len());
            bytes[flipped] ^= random.next() as u8;
        }
    }
    bytes
}

#[test]
fn dissectors_survive_anything_in_any_segments() {
    for &protocol in PROTOCOLS {
        for seed in 1..=600u64 {
            let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
            let mut driver = Driver::new(protocol);
            for _ in 0..random.below(60) {
                let direction = if random.below(2) == 0 { Direction::ToServer } else { Direction::ToClient };
                match random.below(21) {
                    20 => driver.shed(),
                    0 => driver.gap(direction, 1 + random.below(5_000) as u64),
                    1 if random.below(4) == 0 => driver.end(direction),
                    _ => {
                        let length = 1 + random.below(200);
                        let bytes = if seed % 3 == 0 { random.bytes(length) } else { plausible(&mut random, length) };
                        let segment = 1 + random.below(80);
                        driver.feed_in(direction, &bytes, segment);
                    }
                }
            }
            driver.close();
        }
    }
}

#[test]
fn dissectors_survive_anything_in_datagrams() {
    let packet = PacketRef { number: 1, time: Timestamp::from_ns(1) };
    for &protocol in PROTOCOLS {
        let mut random = Random(77);
        for _ in 0..500 {
            let mut driver = Driver::new(protocol);
            let length = random.below(200);
            let bytes = if random.below(2) == 0 { random.bytes(length) } else { plausible(&mut random, length) };
            let chunk = Chunk {
                direction: Direction::ToServer,
                bytes: &bytes,
                is_datagram: true,
                missing: random.below(2) as u32 * 10,
                quoted_connection: None,
                sources: &[Source { end: bytes.len(), packet, position: None }],
            };
            driver.datagram(&chunk);
            driver.close();
        }
    }
}

/// Conversations with bodies, and at which bytes of theirs much is held.
fn large() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let body = "x".repeat(3000);
    let post = format!("POST /a HTTP/1.1\r\nContent-Length: 3000\r\n\r\n{body}GET /b HTTP/1.1\r\n\r\n");
    let chunk = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n{body}\r\n0\r\n\r\n");
    let answers = format!("{chunk}HTTP/1.1 204 No Content\r\n\r\n");
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3000\r\n{body}\r\n*1\r\n$4\r\nPING\r\n");
    let list = format!("*2\r\n$3000\r\n{body}\r\n:1\r\n+PONG\r\n");
    vec![("http", post.into_bytes(), answers.into_bytes()), ("redis", set.into_bytes(), list.into_bytes())]
}

#[test]
fn what_is_given_up_is_noted_and_framing_goes_on() {
    for (name, request, response) in large() {
        let protocol = *PROTOCOLS.iter().find(|protocol| protocol.spec().name == name).expect("a protocol");
        let run = |shed_after: usize| {
            let mut driver = Driver::new(protocol);
            for (direction, bytes) in [(Direction::ToServer, &request), (Direction::ToClient, &response)] {
                let (before, after) = bytes.split_at(shed_after.min(bytes.len()));
                driver.feed_in(direction, before, 100);
                if shed_after < bytes.len() {
                    driver.shed();
                    assert!(driver.held_bytes() < 1200, "{name} holds {} after {shed_after}", driver.held_bytes());
                }
                driver.feed_in(direction, after, 100);
            }
            driver.close();
            driver
        };
        let whole = run(usize::MAX);
        let told = |driver: &Driver| -> Vec<_> {
            driver.messages.iter().map(|message| (message.role, message.wire_bytes, message.outcome)).collect()
        };
        assert_eq!((whole.messages.len(), whole.lost), (4, 0), "{name}");
        for shed_after in 1..2900 {
            let driver = run(shed_after);
            assert_eq!((told(&driver), driver.lost), (told(&whole), 0), "{name} after {shed_after}");
            let noted =
                driver.messages.iter().filter(|message| message.body.is_cut && !message.notes.is_empty()).count();
            let counted = driver.loss.count(Cause::HeldBytesFull);
            assert!(noted as u64 >= counted, "{name} after {shed_after}: {noted} {counted}");
            assert!(
                shed_after < 200 || (shed_after < 2000 && counted == 2) || counted > 0,
                "{name} after {shed_after}"
            );
        }
    }
}
