//! Redis, TLS and DNS: lengths that lie, values within values, names that point at themselves.

use lanternfish_model::Cause;
use lanternfish_testkit::{Capture, endpoint, frame, udp};

use crate::world::{HOSTILE, check_capture, hostile};

/// Requests and answers over UDP.
fn datagrams(messages: &[(bool, Vec<u8>)]) -> Capture {
    let (client, server) = (endpoint("10.1.0.9:5353"), endpoint("10.100.0.1:53"));
    let mut capture = Capture::ethernet();
    for (number, (is_answer, message)) in messages.iter().enumerate() {
        let (from, to) = if *is_answer { (server, client) } else { (client, server) };
        capture.push(HOSTILE + number as i64 * 1000, frame(&udp(from, to, message)));
    }
    capture
}

/// Exchanges of a client and a server, each on a connection of its own.
fn exchanges(parts: &[(&[u8], &[u8])]) -> Capture {
    parts.iter().enumerate().fold(Capture::ethernet(), |capture, (number, (request, response))| {
        let conversation = hostile(number as u32).handshake().to_server(request).to_client(response).fin();
        capture.merge(conversation.capture())
    })
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// A question for `www.example.com` with a number, and an answer to it made of records.
fn answer(id: u8, counts: [u8; 6], rest: &[u8]) -> Vec<u8> {
    let head = [&[0, id, 0x81, 0x80, 0, 1][..], &counts].concat();
    [&head[..], b"\x03www\x07example\x03com\0\0\x01\0\x01", rest].concat()
}

fn question(id: u8) -> Vec<u8> {
    [&[0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x03www\x07example\x03com\0\0\x01\0\x01"].concat()
}

/// A ClientHello for `example.com` in one record.
fn client_hello() -> Vec<u8> {
    let extensions = b"\x00\x00\x00\x10\x00\x0e\x00\x00\x0bexample.com\x00\x10\x00\x05\x00\x03\x02h2";
    let mut hello = b"\x03\x030123456789abcdef0123456789abcdef\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00".to_vec();
    hello.push(extensions.len() as u8);
    hello.extend_from_slice(extensions);
    let length = hello.len() as u8;
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], &hello[..]].concat()
}

alone! {
    fn redis_values_nested_without_end() {
        for token in ["*1\r\n", "%1\r\n+a\r\n", "~1\r\n", "|1\r\n+a\r\n*1\r\n"] {
            check_capture(&exchanges(&[(PING, token.repeat(50_000).as_bytes())]), |seen| {
                let [call] = seen.others.as_slice() else { panic!("{token:?} gives {} calls", seen.other_count) };
                assert!(!call["notes"].is_null() && call["response"]["body"].as_str().unwrap_or_default().len() < 500);
                assert_eq!(seen.count(Cause::LimitReached), 1, "{token:?}");
            });
        }
    }

    fn redis_lengths_that_lie() {
        let commands: [&[u8]; 8] = [
            b"*3\r\n$3\r\nSET\r\n$99999999999999999999\r\nabc\r\n",
            b"*3\r\n$3\r\nSET\r\n$18446744073709551615\r\nabc\r\n",
            b"*3\r\n$3\r\nSET\r\n$1\r\nab\r\n$1\r\nc\r\n",
            b"*3\r\n$3\r\nSET\r\n$9\r\nab\r\n$1\r\nc\r\n",
            b"*2147483647\r\n$3\r\nGET\r\n$1\r\na\r\n",
            b"*3\r\n$3\r\nSET\r\n$536870912\r\nab\r\n",
            b"*99999999999999999999\r\n$3\r\nGET\r\n",
            b"*3\r\n$3\r\nSET\r\n$-2\r\n",
        ];
        let replies: [&[u8]; 8] = [
            b"$99999999999999999999\r\nabc\r\n",
            b"$18446744073709551615\r\nabc\r\n",
            b"$1\r\nabc\r\n",
            b"$9\r\nabc\r\n",
            b"*4294967295\r\n:1\r\n",
            b"*18446744073709551615\r\n:1\r\n",
            b"%9223372036854775807\r\n:1\r\n",
            b"*-2\r\n",
        ];
        let behind = [&b"+OK\r\n"[..], PING].concat();
        for command in commands {
            check_capture(&exchanges(&[(&[PING, command, &behind].concat(), b"+PONG\r\n")]), |seen| {
                assert!((1..=4).contains(&seen.other_count), "{:?}", seen.others);
                assert!(!seen.notes().is_empty());
            });
        }
        for reply in replies {
            check_capture(&exchanges(&[(&PING.repeat(2), &[reply, b"+PONG\r\n"].concat())]), |seen| {
                assert!((2..=4).contains(&seen.other_count), "{:?}", seen.others);
            });
        }
    }

    /// Every length of a TLS handshake, one after the other, says more and less than there is.
    fn tls_lengths_that_lie() {
        let record = client_hello();
        // Of the record, the handshake, the session id, the suites, the methods, the extensions, and within them.
        for at in [3, 4, 6, 7, 8, 43, 44, 45, 50, 52, 53, 56, 57, 58, 59, 60, 61, 62] {
            for value in [0, 1, record[at].wrapping_sub(1), record[at].wrapping_add(1), 0x7f, 0xff] {
                let mut lying = record.clone();
                lying[at] = value;
                let alert = b"\x15\x03\x03\x00\x02\x02\x32";
                check_capture(&exchanges(&[(&lying, alert), (&lying, &lying)]), |seen| {
                    assert!(seen.other_count <= 4, "{:?}", seen.others);
                });
            }
        }
    }

    /// A certificate of 2 MiB, in records of the longest length, of which the end never comes.
    fn a_tls_handshake_that_never_ends() {
        let hello = b"\x16\x03\x03\0\x2c\x02\0\0\x28\x03\x03fedcba9876543210fedcba9876543210\0\xc0\x2f\0\0\0";
        let first = [&[22, 3, 3, 0x40, 0, 11, 0x20, 0, 0, 0x1f, 0xff, 0xfd][..], &[3; 16_377]].concat();
        let next = [&[22, 3, 3, 0x40, 0][..], &[3; 16_384]].concat();
        let answer = [&hello[..], &first, &next.repeat(200)].concat();
        check_capture(&exchanges(&[(&client_hello(), &answer)]), |seen| {
            let [call] = seen.others.as_slice() else { panic!("{:?}", seen.others) };
            assert!(call["protocol"] == "tls" && !call["notes"].is_null(), "{call}");
            assert!(seen.count(Cause::LimitReached) > 0, "{}", seen.report.ledger.stats());
        });
    }

    fn dns_names_that_point_at_themselves() {
        // Each record's name is a pointer: at itself, at another that points back, forward, at the header, beyond the end.
        let pointers: [u16; 6] = [0xc021, 0xc023, 0xc0ff, 0xc000, 0xffff, 0xc02f];
        let mut messages = Vec::new();
        for (id, pointer) in pointers.into_iter().enumerate() {
            let record = [&pointer.to_be_bytes()[..], b"\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x21"].concat();
            messages.push((false, question(id as u8)));
            messages.push((true, answer(id as u8, [0, 2, 0, 0, 0, 0], &record.repeat(2))));
        }
        check_capture(&datagrams(&messages), |seen| {
            assert_eq!(seen.of("dns").len(), pointers.len(), "{:?}", seen.others);
            assert!(seen.of("dns").iter().all(|call| !call["elapsed_time"].is_null()));
            assert!(seen.of("dns").iter().filter(|call| !call["notes"].is_null()).count() >= 4, "{:?}", seen.others);
        });
    }

    /// A chain of labels and pointers that grows with each record is limited by the length of names.
    fn dns_names_that_grow() {
        let mut records = Vec::new();
        for number in 0..900u16 {
            let back = if number == 0 { 12 } else { 33 + (number - 1) * 16 };
            records.extend_from_slice(b"\x01a");
            records.extend_from_slice(&(0xc000 | back).to_be_bytes());
            records.extend_from_slice(b"\0\x10\0\x01\0\0\0\0\0\x02\x01b");
        }
        let mut message = answer(1, [0x03, 0x84, 0, 0, 0, 0], &records);
        check_capture(&datagrams(&[(false, question(1)), (true, message.clone())]), |seen| {
            assert_eq!(seen.of("dns").len(), 1, "{:?}", seen.others);
            assert!(seen.of("dns")[0].to_string().len() < 200_000);
        });
        // More records are announced than there are.
        message[6..12].fill(0xff);
        check_capture(&datagrams(&[(false, question(1)), (true, message)]), |seen| {
            assert!(!seen.of("dns")[0]["notes"].is_null());
        });
    }

    /// Messages over TCP whose length says more than there is, and none at all.
    fn dns_lengths_that_lie_over_tcp() {
        let message = question(7);
        for length in [0u16, 1, 11, 12, message.len() as u16 - 1, message.len() as u16 + 1, 0xffff] {
            let framed = [&length.to_be_bytes()[..], &message].concat();
            check_capture(&exchanges(&[(&framed.repeat(40), &framed)]), |seen| {
                assert!(seen.other_count <= 90, "{length}: {}", seen.other_count);
            });
        }
    }

    fn the_conversations_here_are_dissected() {
        check_capture(&exchanges(&[(PING, b"+PONG\r\n")]), |seen| assert_eq!(seen.of("redis").len(), 1));
        let good = answer(1, [0, 1, 0, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
        check_capture(&datagrams(&[(false, question(1)), (true, good)]), |seen| {
            assert!(seen.of("dns").len() == 1 && seen.others[0]["notes"].is_null(), "{:?}", seen.others);
        });
    }
}
