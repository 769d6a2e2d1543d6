//! The map: what it counts, what it leaves out, and that it stays within its limits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lanternfish_model::*;
use lanternfish_servicemap::{Counted, Edge, Facts, GroupBy, MapBuilder, NodeKind, ServiceMap, Tally, limits};

mod tcp {
    lanternfish_model::fields! {
        DETECTED = list("conn_l7_detected").caseless();
    }
}

static HTTP_SPEC: ProtocolSpec = protocol("http", &[Word { name: "http", class: WordClass::Any }], &[]);
static TCP_SPEC: ProtocolSpec = protocol(
    "tcp",
    &[
        Word { name: "tcp", class: WordClass::Any },
        Word { name: "tcp_conn", class: WordClass::Connection },
        Word { name: "tcp_flow", class: WordClass::Flow },
    ],
    tcp::FIELDS,
);
const HTTP: ProtocolIndex = ProtocolIndex(0);
const TCP: ProtocolIndex = ProtocolIndex(1);
const SECOND: i64 = 1_000_000_000;

const fn protocol(name: &'static str, words: &'static [Word], fields: &'static [FieldSpec]) -> ProtocolSpec {
    ProtocolSpec { name, title: name, doc: "", references: &[], words, fields, pending: "" }
}

fn table() -> FieldTable {
    FieldTable::join(&[&HTTP_SPEC, &TCP_SPEC]).unwrap()
}

fn ip(last: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + last))
}

fn entry(id: u64, protocol: ProtocolIndex, class: EntryClass, at: i64, src: u32, dst: u32) -> Entry {
    let (client, server) = (Endpoint::new(ip(src), 40_000), Endpoint::new(ip(dst), 80));
    let first = PacketRef { number: id, time: Timestamp::from_ns(at) };
    let facts = ConnectionFacts {
        id,
        transport: Transport::Tcp,
        client,
        server,
        scope: Scope(0),
        first,
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    };
    let context = ConnectionContext {
        facts,
        flow_id: 1,
        local: LocalSide::Client,
        capture: Capture::File,
        has_pcap: false,
        node_name: Arc::from(""),
        values: Values::default(),
    };
    let mut request = Box::new(Message::new(protocol, Role::Request, Direction::ToServer, first));
    request.wire_bytes = 100;
    Entry {
        id,
        protocol,
        class,
        connection: Arc::new(context),
        src: Party::new(client),
        dst: Party::new(server),
        index: 0,
        timestamp: first.time,
        elapsed_ns: None,
        first_byte_ns: None,
        outcome: Outcome::Ok,
        request: Some(request),
        response: None,
        notes: Notes::default(),
        extra: Values::default(),
    }
}

fn call(id: u64, at: i64, src: u32, dst: u32, outcome: Outcome, elapsed_ms: Option<i64>) -> Entry {
    let mut entry = entry(id, HTTP, EntryClass::Call, at, src, dst);
    entry.outcome = outcome;
    entry.elapsed_ns = elapsed_ms.map(|ms| ms * 1_000_000);
    entry
}

fn connection(id: u64, at: i64, src: u32, dst: u32, detected: &[&str], bytes: u64) -> Entry {
    let mut entry = entry(id, TCP, EntryClass::Connection, at, src, dst);
    entry.elapsed_ns = Some(SECOND);
    let request = entry.request.as_mut().unwrap();
    request.wire_bytes = bytes;
    if !detected.is_empty() {
        let mut list = request.values.list(tcp::DETECTED);
        detected.iter().for_each(|name| list.push(name.as_bytes()));
        list.finish();
    }
    entry
}

fn map(entries: &[Entry], group: GroupBy) -> ServiceMap {
    let table = table();
    let mut builder = MapBuilder::new(group);
    for entry in entries {
        let mut tally = Tally::default();
        let bytes = entry.request.as_ref().map_or(0, |request| request.wire_bytes);
        let elapsed_us = entry.elapsed_ns.map(|ns| (ns / 1000).cast_unsigned());
        tally.of(Counted::of(&table, entry)).add(entry.outcome, bytes, elapsed_us, Some(entry.timestamp));
        let (src, dst) = (builder.node(&Facts::of(&entry.src)), builder.node(&Facts::of(&entry.dst)));
        builder.add(src, dst, table.protocol_name(entry.protocol), &tally);
    }
    builder.finish()
}

fn edges(entries: &[Entry]) -> Vec<Edge> {
    map(entries, GroupBy::Auto).edges
}

#[test]
fn calls_are_counted_with_errors_apart() {
    let outcomes = [Outcome::Ok, Outcome::ClientError, Outcome::ServerError, Outcome::Failed, Outcome::Open];
    let calls = outcomes.into_iter().enumerate().map(|(number, outcome)| {
        let elapsed = if outcome == Outcome::Open { None } else { Some(10) };
        call(number as u64, SECOND, 1, 2, outcome, elapsed)
    });
    let [edge] = edges(&calls.collect::<Vec<_>>()).try_into().unwrap();
    assert_eq!((edge.src.as_str(), edge.dst.as_str(), edge.protocol.as_str()), ("ip:10.0.0.1", "ip:10.0.0.2", "http"));
    let figures = &edge.figures;
    assert_eq!(
        (figures.calls, figures.errors, figures.client_errors, figures.bytes, figures.answered),
        (5, 2, 1, 500, 4)
    );
    assert_eq!((figures.p50_us, figures.p99_us), (Some(10_000), Some(10_000)));
    assert_eq!(edge.last_seen, Timestamp::from_ns(SECOND));
}

#[test]
fn connections_count_only_where_no_message_was_found() {
    let found = edges(&[
        call(1, SECOND, 1, 2, Outcome::Ok, Some(1)),
        connection(2, SECOND, 1, 2, &["HTTP"], 900),
        connection(3, SECOND, 1, 3, &[], 700),
        entry(4, TCP, EntryClass::Flow, SECOND, 1, 3),
    ]);
    let told: Vec<_> =
        found.iter().map(|e| (e.dst.as_str(), e.protocol.as_str(), e.figures.calls, e.figures.bytes)).collect();
    assert_eq!(told, [("ip:10.0.0.2", "http", 1, 100), ("ip:10.0.0.3", "tcp", 1, 700)]);
    // Where nothing else is asked for, all connections are shown.
    let flow = entry(4, TCP, EntryClass::Flow, SECOND, 1, 3);
    assert_eq!(edges(&[connection(2, SECOND, 1, 2, &["HTTP"], 900), flow]).len(), 1);
    assert_eq!(edges(&[entry(4, TCP, EntryClass::Flow, SECOND, 1, 3)]).len(), 1);
}

#[test]
fn it_stays_within_its_limits() {
    let calls = (0..20_000u32).map(|number| call(number.into(), SECOND, number, 1_000_000, Outcome::Ok, Some(1)));
    let made = map(&calls.collect::<Vec<_>>(), GroupBy::Auto);
    assert!(made.nodes.len() <= limits::MAX_NODES + 1, "{} nodes", made.nodes.len());
    assert!(made.edges.len() <= limits::MAX_EDGES, "{} edges", made.edges.len());
    let calls: u64 = made.edges.iter().map(|edge| edge.figures.calls).sum();
    assert_eq!(calls, 20_000, "calls of peers over the limit are counted for the rest");
    assert!(made.nodes.iter().any(|node| node.kind == NodeKind::Rest));
}

#[test]
fn nodes_follow_the_grouping() {
    let mut entries = Vec::new();
    for (number, (process, dns)) in [("curl", ""), ("curl", ""), ("", "db.example")].into_iter().enumerate() {
        let mut entry = call(number as u64, SECOND, number as u32, 50, Outcome::Ok, None);
        if !process.is_empty() {
            entry.src.identity = Some(Arc::new(Identity { process_name: process.to_owned(), ..Identity::default() }));
        }
        entry.src.dns = (!dns.is_empty()).then(|| Arc::from(dns));
        entries.push(entry);
    }
    let names = |group: GroupBy| {
        let nodes = map(&entries, group).nodes.into_iter();
        nodes.filter(|node| node.calls_out > 0).map(|node| node.id).collect::<Vec<_>>()
    };
    assert_eq!(names(GroupBy::Auto), ["host:db.example", "process:curl"]);
    assert_eq!(names(GroupBy::Ip), ["ip:10.0.0.0", "ip:10.0.0.1", "ip:10.0.0.2"]);
    assert_eq!(names(GroupBy::Host), ["host:db.example", "ip:10.0.0.0", "ip:10.0.0.1"]);
    for group in GroupBy::ALL {
        assert_eq!(GroupBy::of(group.name()), Some(group));
    }
}

#[test]
fn ports_are_told_apart_where_nothing_answered() {
    let mut tally = Tally::default();
    tally.of(Counted::BareConnection).add(Outcome::Failed, 60, None, Some(Timestamp::from_ns(SECOND)));
    let refused = |ip, port| Facts { ip: Some(ip), port: Some(port), ..Facts::default() };
    let servers = |group: GroupBy, has_answered: bool| {
        let mut builder = MapBuilder::new(group);
        let client = builder.node(&Facts { process: "curl", ..Facts::default() });
        let [six] = ["fd00::1"].map(|text| text.parse().unwrap());
        for (ip, port) in [(ip(1), 80), (ip(1), 81), (six, 80)] {
            let server = builder.node(&refused(ip, port));
            builder.add(client, server, "tcp", &tally);
        }
        if has_answered {
            let server = builder.node(&Facts { ip: Some(ip(1)), ..Facts::default() });
            builder.add(client, server, "tcp", &tally);
        }
        let nodes = builder.finish().nodes.into_iter().filter(|node| node.calls_in > 0);
        nodes.map(|node| (node.label(), node.calls_in)).collect::<Vec<_>>()
    };
    let of = |told: &[(&str, u64)]| told.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect::<Vec<_>>();
    assert_eq!(servers(GroupBy::Auto, false), of(&[("10.0.0.1:80", 1), ("10.0.0.1:81", 1), ("[fd00::1]:80", 1)]));
    assert_eq!(servers(GroupBy::Process, true), of(&[("10.0.0.1", 3), ("[fd00::1]:80", 1)]));
    assert_eq!(servers(GroupBy::Ip, false), of(&[("10.0.0.1", 2), ("fd00::1", 1)]));
}
