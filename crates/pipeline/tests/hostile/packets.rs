//! Headers that contradict themselves, fragments, packets cut short, and times that run backwards.

use std::io::Cursor;

use lanternfish_model::{Cause, Timestamp};
use lanternfish_testkit::{Capture, Random, Segment, endpoint, frame, ipv4_fragments, ipv6_fragments, tcp, udp};
use serde_json::Value;

use crate::world::{HOSTILE, Made, Seen, check, check_capture, good_files, hostile, observe, surrounded};

/// A call over HTTP in three packets and its handshake.
fn call() -> Capture {
    hostile(0)
        .handshake()
        .to_server(b"GET /hostile HTTP/1.1\r\nHost: a\r\n\r\n")
        .to_client(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .fin()
        .capture()
}

/// A question over DNS with padding (RFC 7830), long enough for several fragments.
fn question(id: u16) -> Vec<u8> {
    let head = [&id.to_be_bytes()[..], b"\x01\0\0\x01\0\0\0\0\0\x01\x01a\0\0\x01\0\x01"].concat();
    let padding = b"\0\0\x29\x04\xd0\0\0\0\0\0\x24\0\x0c\0\x20";
    udp(endpoint("10.1.0.9:5353"), endpoint("10.100.0.1:53"), &[&head, &padding[..], &[0; 32]].concat())
}

fn fragments(packets: Vec<Vec<u8>>) -> Capture {
    let mut capture = Capture::ethernet();
    for (number, packet) in packets.into_iter().enumerate() {
        capture.push(HOSTILE + number as i64 * 1000, frame(&packet));
    }
    capture
}

/// How many of the packets are fragments that came to nothing.
fn lost_fragments(seen: &Seen) -> u64 {
    seen.count(Cause::FragmentIncomplete) + seen.count(Cause::FragmentTableFull)
}

alone! {
    /// Each byte of the headers in turn has each of a few values that stand for trouble.
    fn header_lengths_that_lie() {
        let mut capture = Capture::ethernet();
        let segment = Segment { sequence: 7, flags: 0x18, payload: b"GET / HTTP/1.1\r\n\r\n", ..Segment::default() };
        let (a, b) = (endpoint("10.1.0.1:4000"), endpoint("10.100.0.1:8000"));
        let (c, d) = (endpoint("[2001:db8::1]:4000"), endpoint("[2001:db8::2]:8000"));
        for packet in [tcp(a, b, &segment), tcp(c, d, &segment), udp(a, b, &[0; 40]), udp(c, d, &[0; 40])] {
            let whole = frame(&packet);
            for at in 12..whole.len() {
                for value in [0, 1, 0x0f, 0x40, 0x41, 0x4f, 0x50, 0x5f, 0x60, 0x7f, 0x80, 0xf0, 0xff] {
                    let mut lying = whole.clone();
                    lying[at] = value;
                    capture.push(HOSTILE + capture.packets.len() as i64 * 1000, lying);
                }
            }
        }
        check_capture(&capture, |seen| {
            assert!(seen.count(Cause::MalformedHeader) > 50, "{}", seen.report.ledger.stats());
        });
    }

    /// Headers within headers: IP in IP, VLAN tags, IPv6 extensions.
    fn headers_without_end() {
        let (a, b) = (endpoint("10.1.0.1:4000"), endpoint("10.100.0.1:8000"));
        let mut nested = udp(a, b, b"inside");
        let mut capture = Capture::ethernet();
        for number in 0..300 {
            nested = lanternfish_testkit::ip(a.ip, b.ip, 4, &nested);
            capture.push(HOSTILE + number, frame(&nested));
        }
        let mut tagged = frame(&udp(a, b, b"inside"));
        for number in 0..300 {
            tagged = lanternfish_testkit::vlan(0x8100, 7, &tagged);
            capture.push(HOSTILE + 10_000 + number, tagged.clone());
        }
        let mut extended = udp(endpoint("[2001:db8::1]:4000"), endpoint("[2001:db8::2]:8000"), b"inside");
        for number in 0..300 {
            extended = lanternfish_testkit::ipv6_extension(&extended, 60);
            capture.push(HOSTILE + 20_000 + number, frame(&extended));
        }
        check_capture(&capture, |seen| {
            assert!(seen.count(Cause::TunnelTooDeep) > 300, "{}", seen.report.ledger.stats());
        });
    }

    /// First fragments without end, the last fragment of none of them.
    fn a_flood_of_fragments() {
        let count = 12_000u32;
        let make = move || {
            let mut number = 0;
            move || {
                let mut part = Capture::ethernet();
                while number < count && part.packets.len() < 500 {
                    let mut parts = ipv4_fragments(&question(number as u16), number as u16, 48);
                    parts[0][12..16].copy_from_slice(&[10, 1, (number >> 16) as u8, 9]);
                    part.push(HOSTILE + i64::from(number) * 1000, frame(&parts[0]));
                    number += 1;
                }
                (!part.packets.is_empty()).then_some(part)
            }
        };
        check(|| Made::input(make()), |seen| {
            assert!(seen.count(Cause::FragmentTableFull) > 7_000, "{}", seen.report.ledger.stats());
            assert_eq!(lost_fragments(seen), u64::from(count));
        });
    }

    /// Many small fragments of one datagram, over and over, and fragments far behind its end.
    fn fragments_that_overlap() {
        let whole = ipv4_fragments(&question(1), 1, 16);
        let mut random = Random::new(7);
        let mut packets = Vec::new();
        for _ in 0..5000 {
            let mut fragment = whole[random.below(whole.len())].clone();
            let offset = random.below(1 << 13) as u16 | if random.once_in(2) { 0x2000 } else { 0 };
            fragment[6..8].copy_from_slice(&offset.to_be_bytes());
            fragment[5] = random.below(3) as u8;
            packets.push(fragment);
        }
        check_capture(&fragments(packets), |seen| {
            assert!(lost_fragments(seen) > 4000, "{}", seen.report.ledger.stats());
        });
    }

    /// The bytes that came first are kept where others say something else.
    fn fragments_that_contradict_each_other() {
        let (first, second) = (question(1), question(2));
        let (mine, theirs) = (ipv4_fragments(&first, 9, 32), ipv4_fragments(&second, 9, 32));
        let packets = vec![mine[0].clone(), theirs[0].clone(), theirs[1].clone(), mine[1].clone(), mine[2].clone()];
        check_capture(&fragments(packets), |seen| {
            assert_eq!(seen.of("dns").len(), 1, "{:?}", seen.others);
            assert_eq!(seen.of("dns")[0]["dns_id"], 1);
        });
    }

    /// Without its later fragments a datagram is shown as far as it goes.
    fn fragments_of_which_some_never_came() {
        let v4 = ipv4_fragments(&question(1), 9, 48);
        let sixth = udp(endpoint("[2001:db8::1]:5353"), endpoint("[2001:db8::2]:53"), &question(2)[28..]);
        let v6 = ipv6_fragments(&sixth, 9, 48);
        assert!(v4.len() == 2 && v6.len() == 2);
        for first in [&v4[0], &v6[0]] {
            check_capture(&fragments(vec![first.clone()]), |seen| {
                let [call] = seen.others.as_slice() else { panic!("{:?}", seen.others) };
                assert_eq!(call["protocol"], "dns");
                assert!(call["notes"].to_string().contains("fragment"), "{call}");
                assert_eq!(seen.count(Cause::FragmentIncomplete), 1);
            });
        }
        // Without the first one nobody knows whose bytes they are.
        for later in [&v4[1], &v6[1]] {
            check_capture(&fragments(vec![later.clone()]), |seen| {
                assert_eq!((seen.other_count, seen.count(Cause::FragmentIncomplete)), (0, 1));
            });
        }
    }

    /// Every packet of a call, cut at every byte: the other calls are whole, and the one that was cut is never wrong.
    fn packets_cut_anywhere() {
        let whole = call();
        for index in 0..whole.packets.len() {
            for length in 0..whole.packets[index].bytes.len() {
                let mut cut = whole.clone();
                cut.packets[index].bytes.truncate(length);
                check_capture(&cut, |seen| {
                    assert_eq!(seen.count(Cause::SnaplenCut), (whole.packets[index].bytes.len() - length) as u64);
                    for call in seen.of("http").iter().filter(|call| call["notes"].is_null()) {
                        let path = call["path"].as_str().unwrap_or("/hostile");
                        assert_eq!(path, "/hostile", "packet {index} cut at {length}: {call}");
                    }
                });
            }
        }
    }

    /// All packets cut to the same length: what is shown is what was there.
    fn a_snaplen_that_cuts_every_packet() {
        for length in 0..140 {
            let file = surrounded(call()).cut(length).to_pcap();
            for threads in [1, 3] {
                let seen = observe(Box::new(Cursor::new(file.clone())), threads);
                assert!(seen.count(Cause::SnaplenCut) > 0 || length >= 112, "{length}");
                let answers = |entry: &Value| entry["status_code"].as_i64().is_none_or(|code| code == 200 || code == 0);
                assert!(seen.good.iter().chain(&seen.others).all(answers), "{length}");
            }
        }
    }

    fn times_that_run_backwards() {
        let (before, after) = good_files();
        let begin = before.packets[0].time;
        for step_ns in [-1i64, -1_000_000_000, -1_000_000_000_000, 1_000_000_000_000] {
            let mut capture = surrounded(call());
            for (number, packet) in capture.packets.iter_mut().enumerate() {
                packet.time = begin + number as i64 * step_ns;
            }
            for threads in [1, 3] {
                let seen = observe(Box::new(Cursor::new(capture.to_pcapng())), threads);
                if step_ns.abs() < 1_000_000_000_000 {
                    seen.assert_good();
                }
                assert_eq!(seen.report.packets, capture.packets.len() as u64);
            }
        }
        // Packets from the beginning and from the end of time among the others.
        let mut odd = Capture::ethernet();
        let extremes = [0, 1, i64::from(u32::MAX) * 1_000_000_000, 4_000_000_000_000_000_000];
        for (number, time) in extremes.into_iter().cycle().take(400).enumerate() {
            let (_, packet) = crate::world::syn(number as u32, Timestamp::from_ns(time));
            odd.push(Timestamp::from_ns(time), packet);
        }
        let capture = Capture { packets: [before.packets, odd.packets, after.packets].concat(), link: 1 };
        for threads in [1, 3] {
            let seen = observe(Box::new(Cursor::new(capture.to_pcapng())), threads);
            assert_eq!(seen.report.packets, capture.packets.len() as u64);
            assert!(seen.good.iter().any(|call| call["path"] == "/after"), "{:?}", seen.good);
        }
    }
}
