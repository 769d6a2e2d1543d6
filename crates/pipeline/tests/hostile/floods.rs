//! More of everything than anybody answers: scans, floods, slow clients.

use lanternfish_model::{Cause, Timestamp};
use lanternfish_pipeline::{Budget, Settings};
use lanternfish_testkit::{Capture, Side, TcpConversation, endpoint, frame, udp};

use crate::bench;
use crate::world::{AFTER, HOSTILE, Input, Made, around, check, check_with, hostile, observe_with, syn};

/// Packets of a flood, numbered from 0, in parts; all between the good calls.
fn flood(count: u32, packet: impl Fn(u32, Timestamp) -> (Timestamp, Vec<u8>) + Send + 'static) -> Input {
    let mut numbers = 0..count;
    let step_ns = AFTER.since(HOSTILE) / i64::from(count) - 1;
    Made::input(move || {
        let mut part = Capture::ethernet();
        for number in numbers.by_ref().take(512) {
            let (time, bytes) = packet(number, HOSTILE + i64::from(number) * step_ns);
            part.push(time, bytes);
        }
        (!part.packets.is_empty()).then_some(part)
    })
}

/// Conversations, numbered from 0, one after the other: each a handshake and what `go_on` adds, a step at a time until
/// it gives none.
fn conversations<F>(count: u32, go_on: F) -> Input
where
    F: Fn(TcpConversation, u32) -> Option<TcpConversation> + Send + 'static,
{
    let mut numbers = 0..count;
    let mut under_way = None;
    Made::input(move || {
        loop {
            let (conversation, step) = match under_way.take() {
                Some(under_way) => under_way,
                None => (hostile(numbers.next()?).handshake(), 0),
            };
            if let Some(next) = go_on(conversation, step) {
                let (part, rest) = next.take_capture();
                under_way = Some((rest, step + 1));
                return Some(part);
            }
        }
    })
}

/// One step of a conversation.
fn once(step: u32, next: impl FnOnce() -> TcpConversation) -> Option<TcpConversation> {
    (step == 0).then(next)
}

/// The settings of a run that is to stay within so many MiB.
fn within_mib(memory: usize) -> Settings {
    let budget = Budget::of(memory << 20);
    Settings { reassembly: budget.reassembly(), budget, ..bench::settings() }
}

alone! {
    /// Each packet is a flow of its own, as where all addresses of a network are scanned.
    fn a_scan_of_many_flows() {
        let count = 400_000;
        check(flood(count, syn), |seen| {
            assert!(seen.count(Cause::ConnectionTableFull) > 300_000, "{}", seen.report.ledger.stats());
            assert!(seen.count(Cause::FlowTableFull) > 300_000);
            assert_eq!(seen.report.ledger.connections(), u64::from(count) + 4);
        });
    }

    fn a_flood_of_datagrams_that_nobody_answers() {
        let datagram = |number: u32, time| {
            let [_, b, c, d] = number.to_be_bytes();
            let client = endpoint(&format!("10.{}.{c}.{d}:5000", b + 1));
            (time, frame(&udp(client, endpoint("10.100.0.1:9"), b"\xff\xfe\xfd no protocol")))
        };
        check(flood(300_000, datagram), |seen| {
            assert!(seen.count(Cause::ConnectionTableFull) > 200_000, "{}", seen.report.ledger.stats());
            assert!(seen.count(Cause::FlowTableFull) > 200_000);
        });
    }

    /// The same ends over and over: a SYN with another sequence number takes the place of the one before.
    fn a_flood_of_syns_from_few_ends() {
        let renumbered = |number: u32, time| {
            let (time, mut bytes) = syn(number & 7, time);
            bytes[38..42].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            (time, bytes)
        };
        check(flood(100_000, renumbered), |seen| {
            assert_eq!(seen.other_count, 0);
            assert!(seen.report.ledger.entries() > 10_000);
        });
    }

    /// Handshakes that are whole, and nothing behind them: no sign tells them from good ones, so that the memory of the
    /// run is the limit.
    fn a_flood_of_connections_that_say_nothing() {
        let silent = conversations(60_000, |conversation, step| once(step, || conversation));
        let seen = observe_with(within_mib(64), around(silent));
        assert!(seen.count(Cause::ConnectionTableFull) > 10_000, "{}", seen.report.ledger.stats());
        for path in ["/before", "/after"] {
            assert!(seen.good.iter().any(|call| call["path"] == path && call["notes"].is_null()), "{:?}", seen.good);
        }
    }

    /// Heads that never end, on many connections at once: what waits for its rest has a limit for all together.
    fn slow_heads_on_many_connections() {
        let head = [&b"GET / HTTP/1.1\r\nX: "[..], &[b'a'; 8000]].concat();
        let slow = conversations(12_000, move |conversation, step| once(step, || conversation.to_server(&head)));
        check_with(within_mib(64), slow, |seen| {
            assert!(seen.count(Cause::HeldBytesFull) > 1000, "{}", seen.report.ledger.stats());
            assert_eq!(seen.other_count, 12_000);
        });
    }

    /// A byte a segment: what is kept of each packet is larger than the byte.
    fn slow_heads_a_byte_a_segment() {
        let slow = conversations(400, |conversation, step| {
            let head: &[u8] = if step == 0 { b"GET / HTTP/1.1\r\nX: " } else { &[b'a'; 1000] };
            (step < 5).then(|| conversation.mss(1).step(10).to_server(head))
        });
        check_with(within_mib(64), slow, |seen| {
            assert!(seen.count(Cause::HeldBytesFull) > 10, "{}", seen.report.ledger.stats());
        });
    }

    fn slow_bodies_on_many_connections() {
        let body = [&b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"[..], &[b'a'; 20_000]].concat();
        let slow = conversations(5000, move |conversation, step| once(step, || conversation.to_server(&body)));
        check_with(within_mib(64), slow, |seen| {
            assert!(seen.count(Cause::HeldBytesFull) > 1000, "{}", seen.report.ledger.stats());
            assert_eq!(seen.other_count, 5000);
        });
    }

    /// So many messages under way that they are too much without their bodies.
    fn heads_whose_bodies_never_come() {
        let head = format!("POST / HTTP/1.1\r\nX: {}\r\nContent-Length: 1000\r\n\r\na", "a".repeat(1000));
        let slow = conversations(30_000, move |conversation, step| once(step, || conversation.to_server(head.as_bytes())));
        let seen = observe_with(within_mib(64), around(slow));
        assert!(seen.count(Cause::HeldBytesFull) > 1000, "{}", seen.report.ledger.stats());
        assert!(seen.count(Cause::ConnectionTableFull) > 10_000);
        assert_eq!(seen.other_count, 30_000);
        for path in ["/before", "/after"] {
            assert!(seen.good.iter().any(|call| call["path"] == path && call["notes"].is_null()), "{:?}", seen.good);
        }
    }

    /// Requests with bodies, none of them answered.
    fn requests_that_nobody_answers_are_limited_by_their_bytes() {
        let request = [&b"POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n"[..], &[b'a'; 65_536]].concat();
        let many = conversations(40, move |conversation, step| {
            (step < 60).then(|| conversation.step(1).to_server(&request))
        });
        check_with(within_mib(64), many, |seen| {
            assert!(seen.count(Cause::HeldBytesFull) > 100, "{}", seen.report.ledger.stats());
            assert_eq!(seen.other_count, 40 * 60);
        });
    }

    fn requests_that_nobody_answers_are_limited_by_their_number() {
        for request in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"*1\r\n$4\r\nPING\r\n"] {
            let many = conversations(1, move |conversation, step| {
                let hundred = |conversation: TcpConversation| {
                    (0..100).fold(conversation.step(1), |conversation, _| conversation.to_server(request))
                };
                (step < 200).then(|| hundred(conversation))
            });
            let settings = Settings {
                pairing: lanternfish_pairing::Limits { waiting: 1000, ..lanternfish_pairing::Limits::default() },
                ..bench::settings()
            };
            check_with(settings, many, |seen| {
                assert_eq!(seen.count(Cause::PairLimit), 20_000 - 1000);
                assert_eq!(seen.other_count, 20_000);
                assert!(seen.notes().contains("too many requests were waiting"));
            });
        }
    }

    /// With the usual limits the bytes of those that wait are the first one to be reached, or else their number.
    fn questions_that_nobody_answers() {
        let question = |number: u32, time| {
            let id = (number as u16).to_be_bytes();
            let message = [&id[..], b"\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01"].concat();
            (time, frame(&udp(endpoint("10.1.0.1:5000"), endpoint("10.100.0.1:53"), &message)))
        };
        check(flood(20_000, question), |seen| {
            assert!(seen.count(Cause::PairLimit) + seen.count(Cause::HeldBytesFull) > 3000);
            assert_eq!(seen.other_count, 20_000);
        });
    }

    /// Bytes far ahead of a hole, on many connections.
    fn segments_that_wait_for_a_hole() {
        let ahead = conversations(2000, |conversation, step| {
            once(step, || conversation.to_server(b"GET / HTTP/1.1\r\n").lost(Side::Client, 1000).to_server(&[b'x'; 40_000]))
        });
        check_with(within_mib(64), ahead, |seen| {
            assert!(seen.count(Cause::StreamBufferFull) > 1_000_000, "{}", seen.report.ledger.stats());
        });
    }
}
