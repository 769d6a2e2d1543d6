//! Tests of DNS.

use std::net::IpAddr;

use lanternfish_dissect::{GapVerdict, Probe, Sender};
use lanternfish_model::{Cause, ConnectionFacts, Outcome, PairKey, Role, Transport};

use super::harness::{Run, ToClient, ToServer, facts, probe};
use super::{Dns, learn};

fn udp() -> ConnectionFacts {
    facts(Transport::Udp, "10.0.0.7#50123", "10.0.0.9#7000")
}

fn on_port(port: u16) -> ConnectionFacts {
    facts(Transport::Udp, "10.0.0.7#50123", &format!("10.0.0.9#{port}"))
}

fn tcp() -> ConnectionFacts {
    facts(Transport::Tcp, "10.0.0.7#50123", "10.0.0.9#7000")
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A message under construction.
#[derive(Clone)]
struct Draft {
    bytes: Vec<u8>,
}

impl Draft {
    fn new(id: u16, flags: u16) -> Draft {
        let mut bytes = vec![0; 12];
        bytes[..2].copy_from_slice(&id.to_be_bytes());
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        Draft { bytes }
    }

    fn count(&mut self, section: usize) {
        self.bytes[5 + 2 * section] += 1;
    }

    fn question(mut self, text: &str, rtype: u16) -> Draft {
        self.count(0);
        self.bytes.extend_from_slice(&name(text));
        self.bytes.extend_from_slice(&rtype.to_be_bytes());
        self.bytes.extend_from_slice(&[0, 1]);
        self
    }

    fn record_of(mut self, section: usize, owner: &[u8], rtype: u16, class: u16, ttl: u32, data: &[u8]) -> Draft {
        self.count(section);
        self.bytes.extend_from_slice(owner);
        self.bytes.extend_from_slice(&rtype.to_be_bytes());
        self.bytes.extend_from_slice(&class.to_be_bytes());
        self.bytes.extend_from_slice(&ttl.to_be_bytes());
        self.bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(data);
        self
    }

    /// An answer for the first question, by a pointer to its name.
    fn answer(self, rtype: u16, data: &[u8]) -> Draft {
        self.record_of(1, &[0xc0, 12], rtype, 1, 300, data)
    }

    fn framed(&self) -> Vec<u8> {
        [&(self.bytes.len() as u16).to_be_bytes()[..], &self.bytes].concat()
    }
}

fn query(id: u16, text: &str, rtype: u16) -> Draft {
    Draft::new(id, 0x0100).question(text, rtype)
}

fn response(id: u16, text: &str, rtype: u16) -> Draft {
    Draft::new(id, 0x8180).question(text, rtype)
}

fn answers(rtype: u16, data: &[u8]) -> String {
    let mut run = Run::new(&Dns, udp());
    run.feed(ToClient, &response(1, "a.example", rtype).answer(rtype, data).bytes);
    let notes: Vec<_> = run.messages[0].notes.iter().collect();
    run.value(0, "dns_answers") + &notes.join(" ")
}

#[test]
fn a_query_and_its_response() {
    let mut run = Run::new(&Dns, udp());
    run.feed(ToServer, &query(0x1234, "www.Example.org", 1).bytes);
    run.feed(ToClient, &response(0x1234, "www.eXample.org", 1).answer(1, &[192, 0, 2, 1]).bytes);
    assert_eq!(run.messages[0].pairing, run.messages[1].pairing, "case does not matter");
    assert!(matches!(run.messages[0].pairing, PairKey::Id(key) if key & 0xffff == 0x1234));
    let text = run.text().replace(&format!("{:?}", run.messages[0].pairing), "KEY");
    assert_eq!(
        text,
        "Request KEY Open 33 bytes dns_id=4660 dns_opcode=\"QUERY\" dns_recursion_desired=true dns_request=true \
         dns_request_length=33 dns_checking_disabled=false dns_questions=[\"www.Example.org\"] dns_question_types=[\"A\"]\n\
         Response KEY Ok 49 bytes status 0 dns_id=4660 dns_opcode=\"QUERY\" dns_recursion_desired=true dns_response=true \
         dns_response_length=49 dns_total_size=82 dns_authoritative=false dns_truncated=false \
         dns_recursion_available=true dns_authenticated_data=false dns_questions=[\"www.eXample.org\"] \
         dns_question_types=[\"A\"] dns_answers=[\"192.0.2.1\"] dns_answer_types=[\"A\"] \
         dns_answer_names=[\"www.eXample.org\"] dns_answer_ttls=[\"300\"] dns_response_code=\"NOERROR\"\n"
    );
}

#[test]
fn data_of_records_as_text() {
    let mx = [&[0, 10][..], &name("mx.example.org")].concat();
    let soa =
        [name("ns.a"), name("root.a"), [1u32, 2, 3, 4, 5].iter().flat_map(|n| n.to_be_bytes()).collect()].concat();
    let srv = [&[0, 1, 0, 2, 0x14, 0xe9][..], &name("host.local")].concat();
    let https = [
        &[0, 1, 0][..],
        &[0, 1, 0, 6, 2, b'h', b'2', 2, b'h', b'3'],
        &[0, 3, 0, 2, 1, 187],
        &[0, 4, 0, 4, 192, 0, 2, 1],
        &[0, 6, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[2, 0, 0, 0],
    ]
    .concat();
    let rrsig = [
        &[0, 1, 8, 2, 0, 0, 14, 16][..],
        &1_700_000_000u32.to_be_bytes(),
        &0u32.to_be_bytes(),
        &[0, 7],
        &name("example.org"),
        &[1, 2, 3],
    ]
    .concat();
    let nsec = [&name("b.example")[..], &[0, 3, 0x40, 0, 0x80, 1, 1, 0x40]].concat();
    let naptr = [&[0, 1, 0, 2, 1, b'u', 3, b'S', b'I', b'P', 0][..], &name("x.y")].concat();
    let cases: &[(u16, &[u8], &str)] = &[
        (1, &[192, 0, 2, 1], "192.0.2.1"),
        (28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "2001:db8::1"),
        (28, &[0; 16], "::"),
        (28, &[0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1], "1:0:1:0:1:1:1:1"),
        (28, &[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "ff02::"),
        (28, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1], "::ffff:10.0.0.1"),
        (5, &[3, b'w', b'w', b'w', 0xc0, 12], "www.a.example"),
        (2, &[0], "."),
        (15, &mx, "10 mx.example.org"),
        (16, b"\x05hello", "hello"),
        (16, b"\x01a\x03b c", "\"a\" \"b c\""),
        (16, b"\x02\xff\x01", "\\255\\001"),
        (16, b"\0", ""),
        (6, &soa, "ns.a root.a 1 2 3 4 5"),
        (33, &srv, "1 2 5353 host.local"),
        (35, &naptr, "1 2 \"u\" \"SIP\" \"\" x.y"),
        (257, b"\x00\x05issueca.example", "0 issue \"ca.example\""),
        (65, &https, "1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key512"),
        (43, &[0x30, 0x39, 8, 2, 0xab, 0xcd], "12345 8 2 abcd"),
        (48, &[1, 1, 3, 8, 1, 2, 3, 4], "257 3 8 AQIDBA=="),
        (46, &rrsig, "A 8 2 3600 20231114221320 19700101000000 7 example.org"),
        (47, &nsec, "b.example A TXT CAA"),
        (50, &[1, 0, 0, 5, 0, 5, 0, 0x44, 0x32, 0x14, 0xc7, 0, 1, 0x40], "1 0 5 - 01234567 A"),
        (51, &[1, 0, 0, 5, 1, 0xaa], "1 0 5 aa"),
        (52, &[3, 1, 1, 0xff], "3 1 1 ff"),
        (44, &[1, 2, 0xff], "1 2 ff"),
        (13, b"\x03x86\x05Linux", "\"x86\" \"Linux\""),
        (256, b"\0\x01\0\x02http://a/", "1 2 \"http://a/\""),
        (65280, &[1, 2], "\\# 2 0102"),
    ];
    for (rtype, data, expected) in cases {
        assert_eq!(answers(*rtype, data), format!("[{expected:?}]"), "type {rtype}");
    }
}

#[test]
fn data_that_does_not_fit_its_type_is_shown_in_hexadecimal() {
    assert_eq!(answers(1, &[1, 2, 3]), "[\"\\\\# 3 010203\"]malformed record data");
    assert_eq!(answers(5, &[0xc0, 0xff]), "[\"\\\\# 2 c0ff\"]malformed record data");
    assert_eq!(answers(15, &[0]), "[\"\\\\# 1 00\"]malformed record data");
    // The name points at itself.
    assert_eq!(answers(5, &[0xc0, 39]), "[\"\\\\# 2 c027\"]malformed record data");
}

#[test]
fn names_are_escaped() {
    let mut run = Run::new(&Dns, udp());
    let mut bytes = Draft::new(1, 0x0100).bytes;
    bytes[5] = 1;
    bytes.extend_from_slice(b"\x03a.b\x02\\\x07\x04B\xc3\xbcr\x01\xfc\x03x y\0\0\x01\0\x01");
    run.feed(ToServer, &bytes);
    assert_eq!(run.value(0, "dns_questions"), format!("[{:?}]", "a\\.b.\\\\\\007.Bür.\\252.x y"));
}

#[test]
fn the_root_and_the_longest_name() {
    let long = vec!["a".repeat(61); 4].join(".");
    let too_long = vec!["a".repeat(63); 5].join(".");
    let kept = &too_long[..255];
    for (text, expected) in [("", "."), (&long, &long), (&too_long, kept)] {
        let expected = format!("[\"{expected}\"]");
        let mut run = Run::new(&Dns, udp());
        run.feed(ToServer, &query(1, text, 2).bytes);
        assert_eq!(run.value(0, "dns_questions"), expected);
    }
}

#[test]
fn response_codes_and_outcomes() {
    for (flags, number, text, outcome) in [
        (0x8180, 0, "NOERROR", Outcome::Ok),
        (0x8181, 1, "FORMERR", Outcome::ClientError),
        (0x8182, 2, "SERVFAIL", Outcome::ServerError),
        (0x8183, 3, "NXDOMAIN", Outcome::ClientError),
        (0x8185, 5, "REFUSED", Outcome::ServerError),
        (0x818f, 15, "RCODE15", Outcome::ServerError),
    ] {
        let mut run = Run::new(&Dns, udp());
        run.feed(ToClient, &Draft::new(1, flags).question("a", 1).bytes);
        assert_eq!((run.messages[0].status_code, run.messages[0].outcome), (Some(number), outcome));
        assert_eq!(run.value(0, "dns_response_code"), format!("{text:?}"));
    }
}

#[test]
fn edns_is_read_and_kept_out_of_the_additionals() {
    let options = [
        &[0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2][..],
        &[0, 10, 0, 2, 1, 2],
        &[0, 12, 0, 3, 0, 0, 0],
        &[0, 3, 0, 2, b'n', b's'],
        &[0, 15, 0, 5, 0, 6, b'b', b'a', b'd'],
        &[0, 99, 0, 1, 7],
    ]
    .concat();
    let mut run = Run::new(&Dns, udp());
    let edns = |message: Draft, ttl: u32| message.record_of(3, &[0], 41, 1232, ttl, &options);
    run.feed(ToServer, &edns(query(1, "a", 1), 0x8000).bytes);
    run.feed(ToClient, &edns(response(1, "a", 1).record_of(3, &[0xc0, 12], 1, 1, 5, &[1, 2, 3, 4]), 0x0100_0000).bytes);
    let list = "[\"client subnet 192.0.2.0/24\", \"cookie 0102\", \"padding 3\", \"server id ns\", \
                \"error DNSSEC Bogus: bad\", \"option 99 07\"]";
    assert_eq!(run.value(0, "dns_edns_options"), list);
    assert_eq!(run.value(0, "dns_edns_udp_size"), "1232");
    assert_eq!(run.value(0, "dns_edns_dnssec_ok"), "true");
    assert_eq!(run.value(0, "dns_additionals"), "-");
    assert_eq!(run.value(1, "dns_response_edns_options"), list);
    assert_eq!(run.value(1, "dns_extended_error"), "\"DNSSEC Bogus: bad\"");
    assert_eq!(run.value(1, "dns_additionals"), "[\"1.2.3.4\"]");
    assert_eq!(run.messages[1].status_code, Some(16));
    assert_eq!(run.value(1, "dns_response_code"), "\"BADVERS\"");
}

#[test]
fn a_response_without_a_question_pairs_by_its_id() {
    let mut run = Run::new(&Dns, udp());
    for id in 0..300 {
        run.feed(ToServer, &query(id, &format!("host{id}.example"), 1).bytes);
    }
    run.feed(ToClient, &Draft::new(77, 0x8181).bytes);
    assert_eq!(run.messages[300].pairing, run.messages[77].pairing);
    assert_eq!(run.messages[300].status_code, Some(1));
}

#[test]
fn an_id_with_another_question_does_not_pair() {
    let mut run = Run::new(&Dns, udp());
    run.feed(ToServer, &query(5, "a.example", 1).bytes);
    run.feed(ToClient, &response(5, "b.example", 1).bytes);
    run.feed(ToClient, &response(5, "a.example", 28).bytes);
    assert_ne!(run.messages[0].pairing, run.messages[1].pairing);
    assert_ne!(run.messages[0].pairing, run.messages[2].pairing);
}

#[test]
fn multicast_stands_alone() {
    let group = facts(Transport::Udp, "10.0.0.7#5353", "224.0.0.251#5353");
    let announcement =
        Draft::new(0, 0x8400).record_of(1, &name("_http._tcp.local"), 12, 0x8001, 120, &name("My Site.local"));
    let mut run = Run::new(&Dns, group.clone());
    run.feed(ToServer, &Draft::new(0, 0).question("printer.local", 1).bytes);
    run.feed(ToServer, &announcement.bytes);
    assert_eq!((run.messages[0].role, run.messages[0].pairing), (Role::Request, PairKey::Alone));
    assert_eq!((run.messages[1].role, run.messages[1].pairing), (Role::OneWay, PairKey::Alone));
    assert_eq!(run.value(0, "dns_request"), "true");
    assert_eq!(run.value(1, "dns_response"), "true");
    assert_eq!(run.value(1, "dns_answers"), "[\"My Site.local\"]");
    assert_eq!(probe(&Dns, &group, &announcement.bytes, b""), Probe::Match(Sender::Unknown));
}

#[test]
fn a_server_on_the_port_of_multicast_is_an_ordinary_one() {
    let mut run = Run::new(&Dns, on_port(5353));
    run.feed(ToServer, &query(9, "a.example", 1).bytes);
    run.feed(ToClient, &response(9, "a.example", 1).bytes);
    assert_eq!(run.messages[1].role, Role::Response);
    assert_eq!(run.messages[0].pairing, run.messages[1].pairing);
}

#[test]
fn updates_show_what_they_change() {
    let update =
        Draft::new(7, 0x2800).question("example.org", 6).record_of(2, &name("h.example.org"), 1, 1, 60, &[10, 0, 0, 1]);
    let mut run = Run::new(&Dns, udp());
    run.feed(ToServer, &update.bytes);
    assert_eq!(run.value(0, "dns_opcode"), "\"UPDATE\"");
    assert_eq!(run.value(0, "dns_authorities"), "[\"10.0.0.1\"]");
}

/// A zone transfer among other queries.
fn stream() -> (Vec<u8>, Vec<u8>) {
    let there = [query(1, "a.example", 1), query(2, "example", 252), query(3, "b.example", 28)];
    let back = [
        response(1, "a.example", 1).answer(1, &[10, 0, 0, 1]),
        response(2, "example", 252).answer(2, &name("ns.example")),
        Draft::new(2, 0x8180).record_of(1, &name("c.example"), 1, 1, 5, &[10, 0, 0, 2]),
        response(3, "b.example", 28),
    ];
    let join = |messages: &[Draft]| messages.iter().flat_map(Draft::framed).collect();
    (join(&there), join(&back))
}

#[test]
fn the_cut_of_the_stream_does_not_matter() {
    let (there, back) = stream();
    let mut whole = Run::new(&Dns, tcp());
    whole.feed(ToServer, &there);
    whole.feed(ToClient, &back);
    assert_eq!(whole.messages.len(), 7);
    assert_eq!(whole.messages[5].role, Role::OneWay, "the second message of a transfer");
    for at in 0..=there.len().max(back.len()) {
        let mut run = Run::new(&Dns, tcp());
        for (direction, bytes) in [(ToServer, &there), (ToClient, &back)] {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            run.feed(direction, first);
            run.feed(direction, second);
        }
        assert_eq!(run.text(), whole.text(), "cut at {at}");
    }
    let mut bytewise = Run::new(&Dns, tcp());
    for (direction, bytes) in [(ToServer, &there), (ToClient, &back)] {
        bytes.iter().for_each(|byte| bytewise.feed(direction, &[*byte]));
    }
    assert_eq!(bytewise.text(), whole.text());
}

#[test]
fn the_server_first_and_the_middle_of_a_stream() {
    let (there, back) = stream();
    let mut run = Run::new(&Dns, tcp());
    run.feed_lost(ToClient, &back[7..]);
    run.feed_lost(ToServer, &there[9..]);
    assert_eq!(run.messages.len(), 3 + 2, "{}", run.text());
    assert_eq!(run.messages[0].role, Role::Response);
}

#[test]
fn a_gap_within_a_message_is_absorbed() {
    let (there, back) = stream();
    let mut run = Run::new(&Dns, tcp());
    run.feed(ToServer, &there);
    run.feed(ToClient, &back[..20]);
    assert_eq!(run.gap(ToClient, 10), GapVerdict::Absorbed);
    run.feed(ToClient, &back[30..]);
    assert_eq!(run.messages.len(), 7, "{}", run.text());
    assert!(run.messages[3].is_partial);
    assert_eq!(run.desyncs, 0);
}

#[test]
fn a_gap_over_the_end_of_a_message_loses_the_framing() {
    let (there, back) = stream();
    let mut run = Run::new(&Dns, tcp());
    run.feed(ToServer, &there);
    run.feed(ToClient, &back[..20]);
    assert_eq!(run.gap(ToClient, 40), GapVerdict::Lost);
    run.feed_lost(ToClient, &back[60..]);
    assert!(run.messages[3].is_partial);
    assert!(run.messages.len() >= 6, "{}", run.text());
}

#[test]
fn the_end_of_a_stream_shows_what_was_there() {
    let (there, _) = stream();
    let mut run = Run::new(&Dns, tcp());
    run.feed(ToServer, &there[..there.len() - 3]);
    run.close();
    assert_eq!(run.messages.len(), 3);
    assert!(run.messages[2].is_partial);
    assert_eq!(run.messages[2].wire_bytes, query(3, "b.example", 28).framed().len() as u64);
}

#[test]
fn cut_and_broken_datagrams_are_shown() {
    let whole = response(1, "a.example", 1).answer(1, &[1, 2, 3, 4]).answer(1, &[1, 2, 3, 5]).bytes;
    let mut cut = Run::new(&Dns, udp());
    cut.missing = 10;
    cut.feed(ToClient, &whole[..whole.len() - 10]);
    assert!(cut.messages[0].is_partial);
    assert_eq!(cut.value(0, "dns_answers"), "[\"1.2.3.4\"]");
    assert_eq!(cut.value(0, "dns_response_length"), whole.len().to_string());
    let mut broken = Run::new(&Dns, udp());
    broken.feed(ToClient, &whole[..whole.len() - 10]);
    broken.feed(ToClient, &[&whole[..], b"xx"].concat());
    assert_eq!(broken.value(0, "dns_answers"), "[\"1.2.3.4\"]");
    assert!(broken.messages.iter().all(|message| !message.notes.is_empty()));
    let mut foreign = Run::new(&Dns, udp());
    foreign.feed(ToServer, b"not a message of DNS");
    assert_eq!((foreign.messages.len(), foreign.desyncs), (0, 1));
}

#[test]
fn more_records_than_the_limit_are_counted() {
    let mut run = Run::new(&Dns, udp());
    run.limits.items = 2;
    let message = (0..3).fold(response(1, "a", 1), |message, last| message.answer(1, &[10, 0, 0, last]));
    run.feed(ToClient, &message.bytes);
    assert_eq!(run.value(0, "dns_answers"), "[\"10.0.0.0\", \"10.0.0.1\"]");
    assert_eq!(run.loss.count(Cause::LimitReached), 1);
}

#[test]
fn dns_is_recognised_on_any_port() {
    let answered = response(1, "a.example", 1).answer(1, &[1, 2, 3, 4]);
    assert_eq!(probe(&Dns, &udp(), &query(1, "a.example", 1).bytes, b""), Probe::Match(Sender::Client));
    assert_eq!(probe(&Dns, &udp(), &answered.bytes, b""), Probe::Match(Sender::Server));
    assert_eq!(probe(&Dns, &tcp(), &answered.framed(), b""), Probe::Match(Sender::Server));
    for cut in 0..answered.framed().len() {
        assert_eq!(probe(&Dns, &tcp(), &answered.framed()[..cut], b""), Probe::NeedMore, "cut {cut}");
    }
    let broken = &answered.bytes[..answered.bytes.len() - 2];
    assert_eq!(probe(&Dns, &udp(), broken, b""), Probe::NoMatch);
    assert_eq!(probe(&Dns, &on_port(53), broken, b""), Probe::Match(Sender::Server));
    assert_eq!(probe(&Dns, &on_port(53), &Draft::new(1, 0x8185).bytes, b""), Probe::Match(Sender::Server));
    let peers = facts(Transport::Udp, "10.0.0.7#53", "10.0.0.9#53");
    assert_eq!(probe(&Dns, &peers, &answered.bytes, b""), Probe::Match(Sender::Unknown));
}

#[test]
fn on_the_port_of_dns_odd_messages_are_taken_too() {
    let netbios_name = Draft::new(1, 0x0010).question("ckaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 33).bytes;
    let odd_opcode = Draft::new(1, 0x7800).question("a.b", 1).bytes;
    for bytes in [netbios_name, odd_opcode] {
        assert_eq!(probe(&Dns, &on_port(53), &bytes, b""), Probe::Match(Sender::Client));
    }
    // Padding of an unknown kind behind a question, on any port.
    let mut padded = query(1, "2.dnscrypt-cert.example", 16).bytes;
    padded[11] = 1;
    padded.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    assert_eq!(probe(&Dns, &udp(), &padded, b""), Probe::Match(Sender::Client));
    // A query to a group address at the plain port is answered like any other.
    let facts = facts(Transport::Udp, "238.0.0.1#53120", "238.0.0.2#53");
    let mut run = Run::new(&Dns, facts);
    run.feed(ToServer, &query(7, "a.b", 1).bytes);
    run.feed(ToClient, &Draft::new(7, 0x8183).question("a.b", 1).bytes);
    assert_eq!(run.messages[0].pairing, run.messages[1].pairing);
    assert!(matches!(run.messages[0].pairing, PairKey::Id(_)));
}

#[test]
fn what_stands_behind_a_name_that_is_too_long_is_read() {
    let long = vec!["a".repeat(63); 5].join(".");
    let message = Draft::new(1, 0x8180)
        .question("a.b", 1)
        .record_of(1, &name(&long), 1, 1, 5, &[10, 0, 0, 1])
        .record_of(1, &name("a.b"), 1, 1, 5, &[10, 0, 0, 2]);
    let mut run = Run::new(&Dns, on_port(53));
    run.feed(ToClient, &message.bytes);
    assert_eq!(run.value(0, "dns_answers"), "[\"10.0.0.1\", \"10.0.0.2\"]");
}

#[test]
fn other_protocols_are_left_alone() {
    let netbios = {
        let mut message = Draft::new(0x8003, 0x0110).question("", 0x20).bytes;
        message.truncate(12);
        message.push(32);
        message.extend_from_slice(b"FHEPFCELEHFCEPFFFACACACACACACABN\0\0\x20\0\x01");
        message
    };
    let mut dhcp = vec![1, 1, 6, 0, 0, 0, 0x3d, 0x1d, 0, 0, 0, 0];
    dhcp.resize(300, 0);
    let mut ntp = vec![0x23, 2, 6, 0xe8, 0, 0, 3, 0xff, 0, 0, 3, 0x7d];
    ntp.resize(48, 7);
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[3; 12]].concat();
    let quic = [&[0xc3, 0, 0, 0, 1, 8][..], &[9; 1200]].concat();
    for bytes in [
        &netbios[..],
        &dhcp,
        &ntp,
        &stun,
        &quic,
        b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"The quick brown fox jumps over the lazy dog.",
        &[0; 64],
        &[0xff; 64],
    ] {
        assert_eq!(probe(&Dns, &udp(), bytes, b""), Probe::NoMatch, "{bytes:?}");
        assert_eq!(probe(&Dns, &tcp(), bytes, b""), Probe::NoMatch, "{bytes:?}");
    }
}

#[test]
fn addresses_are_learned_for_the_name_asked_for() {
    let seen = |message: &Draft| {
        let mut seen = Vec::new();
        learn(&message.bytes, |name, ip| seen.push((name.to_owned(), ip)));
        seen
    };
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let chain = response(1, "WWW.Shop.example", 1)
        .answer(5, &name("edge.example"))
        .record_of(1, &name("edge.example"), 1, 1, 5, &[10, 0, 0, 1])
        .record_of(1, &name("other.example"), 1, 1, 5, &[10, 0, 0, 2])
        .answer(28, &[0; 16]);
    let name_of = || "www.shop.example".to_owned();
    assert_eq!(seen(&chain), [(name_of(), ip("10.0.0.1")), (name_of(), ip("::"))]);
    let multicast = Draft::new(0, 0x8400).record_of(1, &name("printer.local"), 1, 0x8001, 5, &[10, 0, 0, 3]);
    assert_eq!(seen(&multicast), [("printer.local".to_owned(), ip("10.0.0.3"))]);
    assert!(seen(&query(1, "a", 1)).is_empty());
    assert!(seen(&Draft::new(1, 0x8183).question("a", 1).answer(1, &[1, 2, 3, 4])).is_empty());
    let mut trailing = chain;
    trailing.bytes.push(0);
    assert!(seen(&trailing).is_empty());
}

mod random {
    use super::*;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let header = (any::<u16>(), any::<u16>(), 0u8..3, 0u8..4, 0u8..3, 0u8..3);
        let part = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..24),
            (0u8..64).prop_map(|low| vec![0xc0, low]),
            "[a-z.]{0,12}".prop_map(|text| name(&text)),
            (0u16..300, 0u8..20)
                .prop_map(|(rtype, length)| { [&rtype.to_be_bytes()[..], &[0, 1, 0, 0, 0, 9, 0, length]].concat() }),
        ];
        (header, proptest::collection::vec(part, 0..20)).prop_map(|((id, flags, a, b, c, d), parts)| {
            let mut bytes = Draft::new(id, flags).bytes;
            (bytes[5], bytes[7], bytes[9], bytes[11]) = (a, b, c, d);
            [bytes, parts.concat()].concat()
        })
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(messages in proptest::collection::vec((any::<bool>(), message(), 0u64..60), 0..6)) {
            let mut datagrams = Run::new(&Dns, udp());
            let mut stream = Run::new(&Dns, tcp());
            for (is_back, bytes, gap) in messages {
                let direction = if is_back { ToClient } else { ToServer };
                datagrams.feed(direction, &bytes);
                let length = (bytes.len() as u16).saturating_add(gap as u16 % 3);
                stream.feed(direction, &[&length.to_be_bytes()[..], &bytes].concat());
                if gap > 40 {
                    stream.gap(direction, gap - 40);
                }
                let _ = probe(&Dns, &udp(), &bytes, b"");
                learn(&bytes, |_, _| {});
            }
            stream.close();
        }

        #[test]
        fn random_bytes_are_not_dns(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(probe(&Dns, &udp(), &bytes, b""), Probe::NoMatch);
            let probed = probe(&Dns, &tcp(), &bytes, b"");
            prop_assert!(!matches!(probed, Probe::Match(_)));
        }

        #[test]
        fn text_is_not_dns(text in "[A-Za-z ,.!?\r\n]{12,300}") {
            prop_assert_eq!(probe(&Dns, &udp(), text.as_bytes(), b""), Probe::NoMatch);
            prop_assert_eq!(probe(&Dns, &tcp(), text.as_bytes(), b""), Probe::NoMatch);
        }

        #[test]
        fn addresses_are_written_as_the_standard_library_does(octets: [u8; 16], mask: [bool; 16]) {
            let mut octets = octets;
            for (octet, is_zero) in octets.iter_mut().zip(mask) {
                if is_zero { *octet = 0; }
            }
            let mut text = Vec::new();
            super::super::text::write_ipv6(octets, &mut text);
            prop_assert_eq!(String::from_utf8(text).unwrap(), IpAddr::from(octets).to_string());
        }
    }
}
