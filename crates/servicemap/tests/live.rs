//! The live map: what it counts, what it leaves out, and that it stays within its limits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lanternfish_model::*;
use lanternfish_servicemap::{Edge, GroupBy, LiveMap, NodeKind, limits};

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

fn edges(map: &LiveMap, table: &FieldTable) -> Vec<Edge> {
    map.map(table, GroupBy::Auto, None, None).edges
}

#[test]
fn calls_are_counted_with_errors_apart() {
    let table = table();
    let mut map = LiveMap::default();
    let outcomes = [Outcome::Ok, Outcome::ClientError, Outcome::ServerError, Outcome::Failed, Outcome::Open];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let elapsed = if outcome == Outcome::Open { None } else { Some(10) };
        map.fold(&table, &call(number as u64, SECOND, 1, 2, outcome, elapsed));
    }
    let [edge] = edges(&map, &table).try_into().unwrap();
    assert_eq!((edge.src.as_str(), edge.dst.as_str(), edge.protocol.as_str()), ("ip:10.0.0.1", "ip:10.0.0.2", "http"));
    assert_eq!(
        (
            edge.figures.calls,
            edge.figures.errors,
            edge.figures.client_errors,
            edge.figures.bytes,
            edge.figures.answered
        ),
        (5, 2, 1, 500, 4)
    );
    assert_eq!((edge.figures.p50_us, edge.figures.p99_us), (Some(10_000), Some(10_000)));
    assert_eq!(edge.last_seen, Timestamp::from_ns(SECOND));
}

#[test]
fn connections_count_only_where_no_message_was_found() {
    let table = table();
    let mut map = LiveMap::default();
    map.fold(&table, &call(1, SECOND, 1, 2, Outcome::Ok, Some(1)));
    map.fold(&table, &connection(2, SECOND, 1, 2, &["HTTP"], 900));
    map.fold(&table, &connection(3, SECOND, 1, 3, &[], 700));
    map.fold(&table, &entry(4, TCP, EntryClass::Flow, SECOND, 1, 3));
    let found = edges(&map, &table);
    let told: Vec<_> =
        found.iter().map(|e| (e.dst.as_str(), e.protocol.as_str(), e.figures.calls, e.figures.bytes)).collect();
    assert_eq!(told, [("ip:10.0.0.2", "http", 1, 100), ("ip:10.0.0.3", "tcp", 1, 700)]);

    // Where nothing else is asked for, all connections are shown.
    let mut alone = LiveMap::default();
    alone.fold(&table, &connection(2, SECOND, 1, 2, &["HTTP"], 900));
    alone.fold(&table, &entry(4, TCP, EntryClass::Flow, SECOND, 1, 3));
    assert_eq!(edges(&alone, &table).len(), 1);
    let mut flows = LiveMap::default();
    flows.fold(&table, &entry(4, TCP, EntryClass::Flow, SECOND, 1, 3));
    assert_eq!(edges(&flows, &table).len(), 1);
}

#[test]
fn a_newer_revision_replaces_the_older_one() {
    let table = table();
    let mut map = LiveMap::default();
    for (revision, bytes) in [60, 400, 1000].into_iter().enumerate() {
        let mut entry = connection(7, SECOND, 1, 2, &[], bytes);
        entry.elapsed_ns = Some(revision as i64 * 10 * SECOND);
        entry.outcome = if revision == 2 { Outcome::Failed } else { Outcome::Open };
        map.fold(&table, &entry);
    }
    let [edge] = edges(&map, &table).try_into().unwrap();
    assert_eq!((edge.figures.calls, edge.figures.errors, edge.figures.bytes), (1, 1, 1000));
    // Messages were found later: it does not count beside them.
    map.fold(&table, &connection(7, SECOND, 1, 2, &["HTTP"], 1000));
    map.fold(&table, &call(8, SECOND, 1, 2, Outcome::Ok, None));
    let [edge] = edges(&map, &table).try_into().unwrap();
    assert_eq!((edge.protocol.as_str(), edge.figures.calls), ("http", 1));
}

#[test]
fn windows_are_told_apart_and_forgotten() {
    let table = table();
    let mut map = LiveMap::default();
    for minute in 0..40 {
        map.fold(&table, &call(minute, minute as i64 * 60 * SECOND, 1, 2, Outcome::Ok, Some(1)));
    }
    let calls = |from: i64, to: i64| {
        let at = |minute: i64| Some(Timestamp::from_ns(minute * 60 * SECOND));
        map.map(&table, GroupBy::Auto, at(from), at(to)).edges.iter().map(|edge| edge.figures.calls).sum::<u64>()
    };
    assert_eq!(calls(35, 39), 5);
    assert_eq!(calls(0, 5), 0);
    assert_eq!(calls(0, 39), 30);
    let (from, to) = map.range().unwrap();
    assert_eq!(to.since(from), limits::WINDOW_NS * limits::MAX_WINDOWS as i64);
    map.fold(&table, &call(99, 0, 1, 2, Outcome::Ok, None));
    assert_eq!(map.loss().too_old, 1);
}

#[test]
fn a_clock_that_goes_back_for_good_begins_anew() {
    let table = table();
    let mut map = LiveMap::default();
    map.fold(&table, &call(1, 1_000_000 * SECOND, 1, 2, Outcome::Ok, None));
    map.fold(&table, &call(2, 10 * SECOND, 1, 2, Outcome::Ok, None));
    assert_eq!(edges(&map, &table)[0].figures.calls, 1);
    assert_eq!(edges(&map, &table)[0].last_seen, Timestamp::from_ns(10 * SECOND));
}

#[test]
fn it_stays_within_its_limits() {
    let table = table();
    let mut map = LiveMap::default();
    for number in 0..20_000u32 {
        map.fold(&table, &call(number.into(), SECOND, number, 1_000_000, Outcome::Ok, Some(1)));
    }
    let made = map.map(&table, GroupBy::Auto, None, None);
    assert!(made.nodes.len() <= limits::MAX_NODES + 1, "{} nodes", made.nodes.len());
    assert!(map.loss().peers > 0);
    let calls: u64 = made.edges.iter().map(|edge| edge.figures.calls).sum();
    assert_eq!(calls, 20_000, "calls of peers over the limit are counted for the rest");
    assert!(made.nodes.iter().any(|node| node.kind == NodeKind::Rest));
}

#[test]
fn nodes_follow_the_grouping() {
    let table = table();
    let mut map = LiveMap::default();
    for (number, (process, dns)) in [("curl", ""), ("curl", ""), ("", "db.example")].into_iter().enumerate() {
        let mut entry = call(number as u64, SECOND, number as u32, 50, Outcome::Ok, None);
        if !process.is_empty() {
            entry.src.identity = Some(Arc::new(Identity { process_name: process.to_owned(), ..Identity::default() }));
        }
        entry.src.dns = (!dns.is_empty()).then(|| Arc::from(dns));
        map.fold(&table, &entry);
    }
    let names = |group: GroupBy| {
        let map = map.map(&table, group, None, None);
        map.nodes.into_iter().filter(|node| node.calls_out > 0).map(|node| node.id).collect::<Vec<_>>()
    };
    assert_eq!(names(GroupBy::Auto), ["host:db.example", "process:curl"]);
    assert_eq!(names(GroupBy::Ip), ["ip:10.0.0.0", "ip:10.0.0.1", "ip:10.0.0.2"]);
    assert_eq!(names(GroupBy::Host), ["host:db.example", "ip:10.0.0.0", "ip:10.0.0.1"]);
    for group in GroupBy::ALL {
        assert_eq!(GroupBy::of(group.name()), Some(group));
    }
}
