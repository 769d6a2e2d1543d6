//! What must hold for every capture of the same calls, however the capture was damaged, ordered or spread.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod bench;

use bench::{run, values};
use lanternfish_model::Timestamp;
use lanternfish_testkit::{Capture, Random, TcpConversation, endpoint, frame, udp};
use proptest::prelude::*;
use serde_json::Value;

/// Calls over HTTP with bodies of known and of chunked length, kept alive.
fn http(client: &str, server: &str) -> Capture {
    let mut conversation = TcpConversation::new(client, server).mss(90).handshake();
    for number in 0..4 {
        let length = 40 * number;
        conversation = conversation
            .to_server(format!("GET /item/{number}?client={client} HTTP/1.1\r\nHost: example.com\r\n\r\n").as_bytes())
            .to_client(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length)).as_bytes())
            .to_server(
                format!("POST /chunked/{number} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                    .as_bytes(),
            )
            .to_client(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    }
    conversation.fin().capture()
}

/// Redis commands, three at a time.
fn redis(client: &str, server: &str) -> Capture {
    let mut conversation = TcpConversation::new(client, server).mss(60).handshake();
    for number in 0..3 {
        let key = format!("key:{number}");
        let commands = format!(
            "*3\r\n$3\r\nSET\r\n$5\r\n{key}\r\n$2\r\nhi\r\n*2\r\n$3\r\nGET\r\n$5\r\n{key}\r\n*2\r\n$4\r\nINCR\r\n$5\r\n{key}\r\n"
        );
        conversation = conversation
            .to_server(commands.as_bytes())
            .to_client(b"+OK\r\n$2\r\nhi\r\n-ERR value is not an integer or out of range\r\n");
    }
    conversation.fin().capture()
}

/// A TLS handshake as far as it is in the clear, then records that nobody can read.
fn tls(client: &str, server: &str) -> Capture {
    let extensions = b"\x00\x00\x00\x10\x00\x0e\x00\x00\x0bexample.com\x00\x10\x00\x05\x00\x03\x02h2";
    let mut hello = b"\x03\x030123456789abcdef0123456789abcdef\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00".to_vec();
    hello.push(extensions.len() as u8);
    hello.extend_from_slice(extensions);
    let handshake = |kind: u8, body: &[u8]| {
        let length = body.len() as u8;
        [&[22, 3, 3, 0, length + 4, kind, 0, 0, length], body].concat()
    };
    let answer = b"\x03\x03fedcba9876543210fedcba9876543210\x00\x13\x01\x00";
    TcpConversation::new(client, server)
        .mss(60)
        .handshake()
        .to_server(&handshake(1, &hello))
        .to_client(&handshake(2, answer))
        .to_server(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x05abcde")
        .to_client(b"\x17\x03\x03\x00\x05vwxyz")
        .fin()
        .capture()
}

/// DNS questions with their answers.
fn dns(client: &str, server: &str) -> Capture {
    let (client, server) = (endpoint(client), endpoint(server));
    let mut capture = Capture::ethernet();
    for number in 0..4u8 {
        let question = [b"\x03www\x07example\x03com\x00".as_slice(), &[0, 1, 0, 1]].concat();
        let query = [&[7, number, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], question.as_slice()].concat();
        let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, number];
        let answer = [&[7, number, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], question.as_slice(), &record].concat();
        let time = Timestamp::from_parts(1_700_000_000, 50_000) + i64::from(number) * 700_000;
        capture.push(time, frame(&udp(client, server, &query)));
        capture.push(time + 300_000, frame(&udp(server, client, &answer)));
    }
    capture
}

/// The ports of the servers; those of the clients are the next ones.
type Ports = [u16; 4];

const PORTS: Ports = [80, 6379, 443, 53];

/// One conversation of each protocol, at the same time.
fn capture(ports: Ports) -> Capture {
    let makers = [http, redis, tls, dns];
    let parts = makers.iter().zip(ports).enumerate().map(|(number, (make, port))| {
        make(&format!("10.0.{number}.1:{}", 40_000 + number), &format!("10.0.{number}.2:{port}"))
    });
    parts.fold(Capture::ethernet(), Capture::merge)
}

/// The conversations over TCP, at the same time.
fn streams() -> Capture {
    http("10.0.0.1:40000", "10.0.0.2:80")
        .merge(redis("10.0.1.1:40001", "10.0.1.2:6379"))
        .merge(tls("10.0.2.1:40002", "10.0.2.2:443"))
}

/// Swaps about one in `times` packets with the one behind it, each packet at most once: no packet moves further, as an
/// ACK that comes before two segments that it speaks of tells that nobody captured them.
fn neighbours_swapped(mut capture: Capture, seed: u64, times: usize) -> Capture {
    let mut random = Random::new(seed);
    let mut at = 1;
    while at < capture.packets.len() {
        if random.once_in(times) {
            let (before, behind) = (capture.packets[at - 1].time, capture.packets[at].time);
            capture.packets.swap(at - 1, at);
            (capture.packets[at - 1].time, capture.packets[at].time) = (before, behind);
            at += 1;
        }
        at += 1;
    }
    capture
}

/// A call as far as its packets do not matter: without ids and times, and without what a reply tells of a command only
/// where no bytes were lost between them.
fn told(entry: &Value) -> String {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        for name in [
            "id",
            "timestamp",
            "index",
            "stream",
            "elapsed_time",
            "time_to_first_byte",
            "conn_id",
            "flow_id",
            "redis_total_size",
        ] {
            fields.shift_remove(name);
        }
    }
    entry.to_string()
}

fn is_call(entry: &Value) -> bool {
    entry["protocol"] != "tcp" && entry["protocol"] != "udp"
}

/// Whether all that an entry says of its call is what another says of it too: what follows from several packets is told
/// only where all of them were seen.
fn tells_no_more(entry: &Value, call: &Value) -> bool {
    let (Ok(entry), Ok(call)) = (
        serde_json::from_str::<serde_json::Map<String, Value>>(&told(entry)),
        serde_json::from_str::<serde_json::Map<String, Value>>(&told(call)),
    ) else {
        return false;
    };
    entry.iter().all(|(name, value)| call.get(name) == Some(value))
}

/// The calls of a capture, sorted.
fn calls(capture: &Capture) -> Vec<String> {
    let (_, lines) = run(&capture.to_pcap(), 1);
    let mut calls: Vec<String> = values(&lines).iter().filter(|entry| is_call(entry)).map(told).collect();
    calls.sort();
    calls
}

/// When a call began and ended, in ns within its second: the captures here are a few ms long.
fn span(entry: &Value) -> (i64, i64) {
    let text = entry["timestamp"].as_str().expect("a time");
    let begin: i64 = text.split(['.', 'Z']).nth(1).expect("a fraction").parse().expect("nanoseconds");
    (begin, begin + entry["elapsed_time"].as_f64().map_or(0, |us| (us * 1000.0) as i64))
}

fn fraction(time: Timestamp) -> i64 {
    time.since(Timestamp::from_parts(1_700_000_000, 0))
}

/// The 5-tuple's addresses, which tell the conversations here apart.
fn ends(packet: &[u8]) -> [u8; 2] {
    // The third bytes of both addresses, behind Ethernet and the fixed part of IPv4.
    [packet[28], packet[32]]
}

fn number_of(entry: &Value) -> u8 {
    entry["src"]["ip"].as_str().and_then(|ip| ip.split('.').nth(2)).expect("an address").parse().expect("a number")
}

#[test]
fn the_conversations_are_what_they_should_be() {
    let (report, lines) = run(&capture(PORTS).to_pcap(), 1);
    assert!(report.ledger.is_lossless(), "{}", report.ledger.stats());
    let counts = |name| values(&lines).iter().filter(|entry| entry["protocol"] == name).count();
    assert_eq!(["http", "redis", "tls", "dns"].map(counts), [8, 9, 1, 4]);
}

#[test]
fn a_file_cut_at_any_byte_loses_what_was_cut_and_nothing_else() {
    let capture = capture(PORTS);
    for (file, step) in [(capture.to_pcap(), 1), (capture.to_pcapng(), 7)] {
        let (_, lines) = run(&file, 1);
        let whole = values(&lines);
        let mut last = (u64::MAX, Vec::new());
        for length in (24..file.len()).step_by(step) {
            let Some((report, lines)) = bench::try_run(&file[..length], 1) else {
                assert!(length < 140, "a cut at {length} makes the file unreadable");
                continue;
            };
            let packets = report.ledger.packets();
            if last.0 == packets {
                assert!(last.1 == lines, "a cut within a packet, at {length}, changes more");
                continue;
            }
            let kept = values(&lines);
            let end = packets.checked_sub(1).map_or(0, |last| fraction(capture.packets[last as usize].time));
            // A handshake of TLS is told of when it is over.
            let is_over = |entry: &&Value| is_call(entry) && span(entry).1 < end && entry["protocol"] != "tls";
            let lost = whole.iter().filter(is_over).find(|entry| !kept.contains(entry));
            assert!(lost.is_none(), "{lost:?} is lost by a cut at {length}");
            last = (packets, lines);
        }
    }
}

#[test]
fn a_packet_lost_costs_the_calls_near_it_and_makes_no_wrong_one() {
    let capture = capture(PORTS);
    let (_, lines) = run(&capture.to_pcap(), 1);
    let whole: Vec<Value> = values(&lines).into_iter().filter(is_call).collect();
    let good: Vec<String> = whole.iter().map(told).collect();
    for (index, packet) in capture.packets.iter().enumerate() {
        let (_, lines) = run(&capture.clone().without(index).to_pcap(), 1);
        let seen: Vec<Value> = values(&lines).into_iter().filter(is_call).collect();
        let rest: Vec<String> = seen.iter().map(told).collect();
        let time = fraction(packet.time);
        for entry in &whole {
            let is_same = ends(&packet.bytes).contains(&number_of(entry));
            // A handshake of TLS is told of when it is over, and so may be what came behind it.
            let is_before = span(entry).1 < time && entry["protocol"] != "tls";
            assert!(is_same && !is_before || rest.contains(&told(entry)), "without packet {index} no {}", told(entry));
        }
        for entry in seen.iter().filter(|entry| is_paired(entry)) {
            assert!(good.contains(&told(entry)), "without packet {index} this is wrong: {}", told(entry));
        }
        for entry in &seen {
            let client = entry["src"]["ip"].as_str().expect("an address");
            assert!(client.ends_with(".1"), "without packet {index} the roles are wrong: {}", told(entry));
        }
    }
}

/// Without pipelining an answer belongs to the last request, so only the calls that the packet was between are lost.
#[test]
fn a_packet_lost_from_http_costs_two_calls_at_most() {
    let capture = http("10.0.0.1:40000", "10.0.0.2:80");
    let whole = calls(&capture);
    for index in 0..capture.packets.len() {
        let rest = calls(&capture.clone().without(index));
        let lost = whole.iter().filter(|call| !rest.contains(call)).count();
        assert!(lost <= 2, "without packet {index} {lost} calls are lost");
    }
}

/// Both halves are there and nothing is noted.
fn is_paired(entry: &Value) -> bool {
    entry["notes"].is_null() && !entry["elapsed_time"].is_null()
}

/// Bytes that wait for earlier ones are given out when the capture ends, in the place of their own connection.
#[test]
fn what_waits_at_the_end_comes_in_the_order_of_connections() {
    let mut capture = Capture::ethernet();
    for number in 0..9 {
        let calls = TcpConversation::new(&format!("10.0.0.{number}:4000"), "10.0.9.9:80")
            .without_acks()
            .handshake()
            .to_server(b"GET /first HTTP/1.1\r\n\r\n")
            .lost(lanternfish_testkit::Side::Client, 100)
            .to_server(b"GET /last HTTP/1.1\r\n\r\n");
        capture = capture.merge(calls.capture());
    }
    let (_, lines) = run(&capture.to_pcap(), 1);
    assert_eq!(values(&lines).iter().filter(|entry| entry["path"] == "/last").count(), 9);
    for threads in [2, 3, 4] {
        assert!(run(&capture.to_pcap(), threads).1 == lines, "{threads} threads");
    }
}

/// Clocks jump back and forth: when a silent connection is over does not depend on which other ones a worker has.
#[test]
fn jumping_times_are_the_same_to_any_number_of_threads() {
    let mut capture = Capture::ethernet();
    for number in 0..40u8 {
        let seconds = i64::from(number) * 37 % 11 * 120;
        let packet = udp(endpoint(&format!("10.0.0.{number}:4000")), endpoint("10.0.9.9:4001"), b"\xf0 zebra");
        capture.push(Timestamp::from_parts(1_700_000_000 + seconds, 0), frame(&packet));
    }
    let (_, lines) = run(&capture.to_pcap(), 1);
    assert!(String::from_utf8_lossy(&lines).contains("\"closed\""));
    for threads in [2, 3, 5] {
        assert!(run(&capture.to_pcap(), threads).1 == lines, "{threads} threads");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let mut many = Capture::ethernet();
    for number in 0..40 {
        let shift = |port: u16| port + number;
        many = many.merge(capture(PORTS.map(shift)));
    }
    let many = many.reorder(3, 9).duplicate(4, 11).lose(5, 13);
    let file = many.to_pcapng();
    let (report, lines) = run(&file, 1);
    assert!(values(&lines).len() > 400);
    for threads in [2, 3, 5] {
        let (other, others) = run(&file, threads);
        assert!(lines == others, "{threads} threads");
        assert_eq!(report.ledger, other.ledger, "{threads} threads");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn segments_twice_change_no_call(seed in any::<u64>(), times in 1usize..8) {
        let capture = streams();
        prop_assert_eq!(calls(&capture.clone().duplicate(seed, times)), calls(&capture));
    }

    #[test]
    fn segments_in_another_order_change_no_call(seed in any::<u64>(), times in 1usize..8) {
        let capture = streams();
        prop_assert_eq!(calls(&neighbours_swapped(capture.clone(), seed, times)), calls(&capture));
    }

    /// A datagram that came twice was sent twice, as far as anybody can tell: it is shown, but takes no call away.
    #[test]
    fn datagrams_twice_take_no_call_away(seed in any::<u64>(), times in 1usize..8) {
        let capture = dns("10.0.3.1:40003", "10.0.3.2:53");
        let twice = calls(&capture.clone().duplicate(seed, times));
        for call in calls(&capture) {
            prop_assert!(twice.contains(&call), "{} is gone", call);
        }
    }

    #[test]
    fn ports_do_not_matter(ports in any::<Ports>()) {
        let ports = ports.map(|port| port.max(1));
        let plain = |capture, ports: Ports| {
            let mut calls: Vec<String> = calls(&capture);
            for call in &mut calls {
                for (number, port) in ports.iter().enumerate() {
                    let end = |port: &dyn std::fmt::Display| format!("{{\"ip\":\"10.0.{number}.2\",\"port\":{port}}}");
                    *call = call.replace(&end(port), &end(&"any"));
                }
            }
            calls.sort();
            calls
        };
        prop_assert_eq!(plain(capture(ports), ports), plain(capture(PORTS), PORTS));
    }

    #[test]
    fn damage_never_panics_and_the_books_balance(seed in any::<u64>(), times in 1usize..40) {
        let mut file = if seed % 2 == 0 { capture(PORTS).to_pcap() } else { capture(PORTS).to_pcapng() };
        Random::new(seed).damage(&mut file, times);
        let (one, several) = (bench::try_run(&file, 1), bench::try_run(&file, 3));
        prop_assert_eq!(one.map(|(_, lines)| lines), several.map(|(_, lines)| lines));
    }

    #[test]
    fn snaplen_cuts_never_panic(bytes in 0usize..200) {
        let cut = capture(PORTS).cut(bytes);
        let (_, lines) = run(&cut.to_pcap(), 1);
        prop_assert_eq!(lines, run(&cut.to_pcapng(), 3).1);
    }

    /// Whatever the damage, a call that is shown as whole was made.
    #[test]
    fn packets_lost_twice_and_swapped_make_no_wrong_call(
        seed in any::<u64>(), swapped in 2usize..20, twice in 2usize..20, lost in 2usize..20,
    ) {
        let capture = streams();
        let (_, lines) = run(&capture.to_pcap(), 1);
        let good = values(&lines);
        let damaged = neighbours_swapped(capture, seed, swapped).duplicate(seed ^ 1, twice).lose(seed ^ 2, lost);
        let (_, lines) = run(&damaged.to_pcap(), 1);
        for entry in values(&lines).iter().filter(|entry| is_call(entry) && is_paired(entry)) {
            prop_assert!(good.iter().any(|call| tells_no_more(entry, call)), "this is wrong: {}", told(entry));
        }
    }
}
