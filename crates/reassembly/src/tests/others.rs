//! UDP, ICMP and SCTP.

use lanternfish_model::{CloseReason, PacketRef, Scope, Transport};
use lanternfish_wire::{IcmpHeader, Payload, Quoted, SctpHeader, TransportHeader, Tunnel, TunnelKind};

use super::harness::{Bench, check, client, datagram, segment, server};
use crate::{Config, PacketMeta};

fn icmp(bench: &mut Bench, is_to_server: bool, kind: u8, quoted: Option<Quoted>) {
    let header = IcmpHeader { version: 4, kind, code: 3, checksum: 0, rest: 0, quoted };
    let (mut a, mut b) = (client(0), server());
    b.port = 0;
    if !is_to_server {
        std::mem::swap(&mut a, &mut b);
    }
    bench.send(&datagram(a, b, TransportHeader::Icmp(header), Payload { bytes: b"icmp", missing: 0 }), 0);
}

fn sctp(bench: &mut Bench, is_to_server: bool, bytes: &[u8]) {
    let header = TransportHeader::Sctp(SctpHeader { verification_tag: 1, checksum: 99 });
    let (a, b) = if is_to_server { (client(5000), server()) } else { (server(), client(5000)) };
    bench.send(&datagram(a, b, header, Payload { bytes, missing: 0 }), 0);
}

fn lines(bench: &Bench) -> Vec<&str> {
    bench.notes.text.lines().collect()
}

#[test]
fn datagrams_are_given_whole() {
    let bench = check(
        "> udp =query
         < udp =answer
         > udp =query2 -7
         advance +61000",
        "1 open 80
         1 > query start
         1 < answer start
         1 > query2 missing 7
         1 close Finished",
    );
    let summary = &bench.notes.closed[0];
    assert_eq!((summary.first_checksum, summary.first_length), (7, 13));
    assert_eq!(summary.head, b"query");
    assert_eq!((summary.to_server.payload_bytes, summary.to_client.payload_bytes), (18, 6));
}

#[test]
fn the_port_tells_the_server_of_a_datagram() {
    check("< udp =answer", "1 open 80\n1 < answer start\n1 close Open");
}

#[test]
fn an_echo_reply_comes_from_the_server() {
    let mut bench = Bench::new(Config::default());
    icmp(&mut bench, false, 0, None);
    icmp(&mut bench, true, 8, None);
    bench.finish();
    assert_eq!(lines(&bench), ["1 open 0", "1 < icmp start", "1 > icmp start", "1 close Open"]);
    assert_eq!(bench.notes.closed[0].facts.client, client(0));
}

#[test]
fn errors_mark_the_connection_that_they_quote() {
    for (transport, has_answer, expected) in [
        (Transport::Udp, false, CloseReason::Unreachable),
        (Transport::Udp, true, CloseReason::Open),
        (Transport::Tcp, false, CloseReason::Unreachable),
        (Transport::Tcp, true, CloseReason::Open),
    ] {
        let mut bench = Bench::new(Config::default());
        match transport {
            Transport::Udp => bench.run("> udp =query"),
            _ => bench.run("> S 100"),
        }
        match (transport, has_answer) {
            (Transport::Udp, true) => bench.run("< udp =answer"),
            (_, true) => bench.run("< SA 500 101"),
            _ => {}
        }
        let quoted = Quoted { source: client(40_000), destination: server(), transport };
        icmp(&mut bench, false, 3, Some(quoted));
        bench.finish();
        assert!(bench.notes.text.contains("icmp start quotes 1\n"), "{}", bench.notes.text);
        assert_eq!(bench.notes.closed[0].close, expected, "{transport:?} {has_answer}");
    }
}

#[test]
fn errors_about_nothing_known_quote_nothing() {
    let mut bench = Bench::new(Config::default());
    let quoted = Quoted { source: client(1), destination: server(), transport: Transport::Udp };
    icmp(&mut bench, false, 3, Some(quoted));
    icmp(&mut bench, false, 3, Some(Quoted { source: client(2), ..quoted }));
    bench.finish();
    assert_eq!(bench.notes.opened, 2);
    assert!(!bench.notes.text.contains("quotes"));
}

#[test]
fn sctp_chunks_are_listed() {
    let mut bench = Bench::new(Config::default());
    sctp(&mut bench, true, &[1, 0, 0, 5, 9, 0, 0, 0]);
    sctp(&mut bench, false, &[2, 0, 0, 4]);
    sctp(&mut bench, true, &[10, 0, 0, 4, 0, 0, 0, 6, 1, 2, 0, 0, 0, 0, 0, 0]);
    sctp(&mut bench, false, &[3, 0, 0, 4, 0, 0, 0, 0, 7, 7]);
    sctp(&mut bench, false, &[14, 0, 0]);
    sctp(&mut bench, false, &[14, 0, 0, 4]);
    bench.finish();
    assert_eq!(lines(&bench), ["1 open 80", "1 close Finished"]);
    let summary = &bench.notes.closed[0];
    assert_eq!(summary.sctp_chunk_types, [0, 1, 2, 3, 10, 14]);
    assert_eq!((summary.first_checksum, summary.first_length), (99, 16));
    assert_eq!(summary.head, [1, 0, 0, 5, 9, 0, 0, 0]);
}

#[test]
fn an_aborted_association() {
    for (first_answer, expected) in [(&[6, 0, 0, 4][..], CloseReason::Refused), (&[2, 0, 0, 4], CloseReason::Reset)] {
        let mut bench = Bench::new(Config::default());
        sctp(&mut bench, true, &[1, 0, 0, 4]);
        sctp(&mut bench, false, first_answer);
        sctp(&mut bench, false, &[6, 0, 0, 4]);
        sctp(&mut bench, true, &[1, 0, 0, 4]);
        bench.finish();
        assert_eq!(bench.notes.closed[0].close, expected);
        assert_eq!(bench.notes.opened, 2);
    }
}

#[test]
fn fragments_count_as_packets() {
    let mut bench = Bench::new(Config::default());
    let earlier = [PacketRef { number: 1, ..PacketRef::default() }, PacketRef { number: 2, ..PacketRef::default() }];
    let packet = PacketRef { number: 3, ..PacketRef::default() };
    for interface in [1, 2] {
        let meta = PacketMeta { packet, interface, fragments: &earlier };
        let payload = Payload { bytes: b"whole", missing: 0 };
        let whole = datagram(client(40_000), server(), TransportHeader::Udp { checksum: 7 }, payload);
        let key = whole.key();
        let loss = &mut bench.loss;
        bench.tracker.datagram(&mut bench.notes, &meta, &whole, &key, key.hash64(0), loss);
    }
    bench.finish();
    assert_eq!(lines(&bench), ["3 open 80", "3 > whole start with 1 with 2", "3 close Open"]);
    let summary = &bench.notes.closed[0];
    assert_eq!((summary.to_server.packets, summary.duplicate_views), (3, 3));
}

#[test]
fn tunnels_keep_connections_apart() {
    let mut bench = Bench::new(Config::default());
    let (source, destination) = (client(0).ip, server().ip);
    for id in [0, 7, 8, 7] {
        let mut inner = segment(true, 40_000, 100, 0, "S", b"");
        if id > 0 {
            inner.tunnels.push(Tunnel { kind: TunnelKind::Vxlan, id, source, destination });
        }
        bench.send(&inner, 0);
    }
    bench.finish();
    assert_eq!(bench.notes.opened, 3);
    assert_eq!(bench.notes.closed[1].facts.tunnels, ["vxlan 7 10.0.0.1 > 10.0.0.2"]);
    assert_eq!(bench.notes.closed[0].facts.scope, Scope(0));
}
