//! The table of flows by itself: what ends flows, and what becomes of connections whose flow is gone.

use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex};

use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::rate::Rate;
use lanternfish_model::{
    Capture, CloseReason, Endpoint, Entry, FieldTable, LinkHealth, PacketRef, Scope, Transport, Value, Wants,
};
use lanternfish_reassembly::Config;

use super::*;

static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
    let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
    FieldTable::join(&specs).unwrap()
});

/// Writes down the entries in few words.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl EntrySink for Lines {
    fn entry(&mut self, entry: &Entry, _: &mut Vec<u8>) {
        let value = |path: &str| entry.value(&TABLE, TABLE.find(path).unwrap());
        let number = |path: &str| if let Value::Int(number) = value(path) { number } else { 0 };
        let Value::Text(state) = value("flow_state") else { panic!("no state") };
        let mut lines = self.0.lock().unwrap();
        write!(
            lines,
            "{} {state} {} of {} packets {} and {}, a second {}",
            entry.src.endpoint.ip,
            number("flow_open_connections"),
            number("flow_connections"),
            number("flow_local_pkts"),
            number("flow_remote_pkts"),
            number("flow_local_pps"),
        )
        .unwrap();
        entry.notes.iter().for_each(|note| write!(lines, " ({note})").unwrap());
        lines.push('\n');
    }
}

/// A table with what surrounds it.
struct Bench {
    table: FlowTable,
    lines: Lines,
    ledger: Ledger,
    packet: u64,
}

impl Bench {
    fn new(revisions: Revisions, max_flows: usize) -> Bench {
        let settings = Settings {
            table: &TABLE,
            registry: Registry::new(PROTOCOLS),
            limits: Limits::default(),
            pairing: lanternfish_pairing::Limits::default(),
            reassembly: Config { report_interval_ns: Some(10_000_000_000), ..Config::default() },
            wants: Wants::everything(&TABLE),
            scope: None,
            redaction: None,
            filter: None,
            capture: Capture::File,
            revisions,
            calls: true,
            connections: true,
            flows: true,
            max_flows,
            names: Arc::default(),
            resolver: None,
            node_name: Arc::from(""),
            node_id: Arc::from(""),
            node_ip: Arc::from(""),
        };
        let table = FlowTable::new(Arc::new(settings));
        Bench { table, lines: Lines::default(), ledger: Ledger::default(), packet: 0 }
    }

    fn tell(&mut self, connection: u64, told: Told) {
        self.packet += 1;
        let rank = Rank { packet: self.packet, class: Rank::BY_PACKET, connection: 0 };
        self.table.collect(&mut vec![FlowEvent { rank, connection, told }]);
    }

    /// Does something with the table; gives the lines that come.
    fn run(&mut self, act: impl FnOnce(&mut FlowTable, &mut Writer<'_>)) -> Vec<String> {
        let (mut sink, mut out) = (self.lines.clone(), Chunk::default());
        act(&mut self.table, &mut Writer { sink: &mut sink, out: &mut out, ledger: &mut self.ledger });
        std::mem::take(&mut *self.lines.0.lock().unwrap()).lines().map(str::to_owned).collect()
    }

    fn fold(&mut self) -> Vec<String> {
        self.run(|table, writer| table.fold_batch(None, writer))
    }
}

fn facts(connection: u64, client: u8, second: i64) -> ConnectionFacts {
    let end = |last, port| Endpoint::new([10, 0, 0, last].into(), port);
    ConnectionFacts {
        id: connection,
        transport: Transport::Tcp,
        client: end(client, 4000),
        server: end(99, 80),
        scope: Scope(0),
        first: PacketRef { number: connection, time: Timestamp::from_parts(second, 0) },
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    }
}

fn opened(facts: &ConnectionFacts) -> Told {
    Told::Opened(Box::new(Opening { facts: facts.clone(), local: LocalSide::Client, worker: 0, ticket: None }))
}

fn summary(facts: &ConnectionFacts, second: i64, packets: [u64; 2], close: CloseReason) -> Box<ConnectionSummary> {
    let side = |packets: u64| Side { packets, bytes: packets * 100, ..Side::default() };
    Box::new(ConnectionSummary {
        facts: facts.clone(),
        last: PacketRef { number: facts.first.number + 100, time: Timestamp::from_parts(second, 0) },
        close,
        revision: 0,
        to_server: side(packets[0]),
        to_client: side(packets[1]),
        health: LinkHealth::default(),
        first_checksum: -1,
        first_length: 0,
        head: Vec::new(),
        sctp_chunk_types: Vec::new(),
        duplicate_views: 0,
    })
}

fn stands(facts: &ConnectionFacts, second: i64, packets: [u64; 2]) -> Told {
    Told::Stands(summary(facts, second, packets, CloseReason::Open), ProtocolSet::default())
}

fn ended(facts: &ConnectionFacts, second: i64, packets: [u64; 2]) -> Told {
    Told::Ended(summary(facts, second, packets, CloseReason::Finished), ProtocolSet::default())
}

fn passed(second: i64, packets: u64) -> Told {
    Told::Passed { last: Timestamp::from_parts(second, 0), sides: [Rate { packets, bytes: 0 }, Rate::default()] }
}

#[test]
fn a_flow_ends_when_it_was_idle() {
    let mut bench = Bench::new(Revisions::All, 10);
    let (one, two) = (facts(1, 1, 100), facts(2, 1, 120));
    bench.tell(1, opened(&one));
    bench.tell(1, passed(100, 40));
    bench.tell(1, stands(&one, 100, [1, 0]));
    assert_eq!(bench.fold(), ["10.0.0.1 open 1 of 1 packets 1 and 0, a second 4"]);
    bench.tell(1, ended(&one, 101, [20, 20]));
    bench.tell(2, opened(&two));
    assert_eq!(bench.fold(), Vec::<String>::new());
    let close = |second| {
        move |table: &mut FlowTable, writer: &mut Writer<'_>| {
            table.close_idle(Timestamp::from_parts(second, 0), writer);
        }
    };
    assert_eq!(bench.run(close(1000)), Vec::<String>::new());
    bench.tell(2, passed(125, 30));
    bench.tell(2, ended(&two, 125, [7, 8]));
    bench.fold();
    assert_eq!(bench.run(close(180)), Vec::<String>::new());
    assert_eq!(bench.run(close(186)), ["10.0.0.1 closed 0 of 2 packets 27 and 28, a second 3"]);
    assert_eq!((bench.ledger.entries(), bench.ledger.shown()), (1, 1));
    assert!(bench.table.flows.is_empty() && bench.table.connections.is_empty());
    assert!(bench.table.by_use.is_empty() && bench.table.due.is_empty());
}

#[test]
fn a_flow_is_told_of_when_time_has_passed() {
    let mut bench = Bench::new(Revisions::All, 10);
    let one = facts(1, 1, 100);
    bench.tell(1, opened(&one));
    bench.fold();
    bench.tell(1, stands(&one, 105, [5, 5]));
    let border = |second, number| {
        move |table: &mut FlowTable, writer: &mut Writer<'_>| {
            let time = Timestamp::from_parts(second, 0);
            table.fold_batch(Some(Border { time, next_packet: number, is_looking: false }), writer);
        }
    };
    // What comes behind the border belongs to the next entry.
    let before = bench.packet;
    bench.tell(1, stands(&one, 112, [9, 9]));
    assert_eq!(bench.run(border(111, before + 1)), ["10.0.0.1 in_progress 1 of 1 packets 5 and 5, a second 0"]);
    assert_eq!(bench.run(border(122, 99)), ["10.0.0.1 in_progress 1 of 1 packets 9 and 9, a second 0"]);
    // Nothing has changed since.
    assert_eq!(bench.run(border(150, 99)), Vec::<String>::new());
}

#[test]
fn what_is_used_least_is_dropped_and_its_connections_are_forgotten() {
    let mut bench = Bench::new(Revisions::Last, 2);
    let all: Vec<ConnectionFacts> =
        (1..=3).map(|number| facts(number.into(), number, 100 + i64::from(number))).collect();
    bench.tell(1, opened(&all[0]));
    bench.tell(2, opened(&all[1]));
    bench.tell(1, passed(103, 5));
    bench.tell(3, opened(&all[2]));
    let note = "dropped from the table of flows for its limit";
    assert_eq!(bench.fold(), [format!("10.0.0.2 open 1 of 1 packets 0 and 0, a second 0 ({note})")]);
    assert_eq!(bench.ledger.loss().count(Cause::FlowTableFull), 1);
    // The flow comes back with another connection; the end of the old one is not counted to it.
    bench.tell(1, ended(&all[0], 104, [5, 5]));
    let again = facts(9, 2, 110);
    bench.tell(9, opened(&again));
    bench.tell(2, passed(110, 1000));
    bench.tell(2, ended(&all[1], 110, [1000, 1000]));
    let rest = bench.run(|table, writer| assert!(!table.finish(writer)));
    assert_eq!(rest.len(), 3, "{rest:?}");
    assert_eq!(rest[2], "10.0.0.2 open 1 of 1 packets 0 and 0, a second 0");
    assert!(bench.table.connections.keys().eq([&3]) || bench.table.connections.len() == 2);
}

#[test]
fn a_connection_that_turns_belongs_to_another_flow() {
    let turned = |facts: &ConnectionFacts| {
        let mut turned = facts.clone();
        std::mem::swap(&mut turned.client, &mut turned.server);
        turned
    };
    for revisions in [Revisions::Last, Revisions::All] {
        let mut bench = Bench::new(revisions, 10);
        let one = facts(1, 1, 100);
        bench.tell(1, opened(&one));
        bench.tell(1, stands(&one, 101, [3, 4]));
        assert_eq!(bench.fold().len(), usize::from(revisions == Revisions::All));
        let opening = Opening { facts: turned(&one), local: LocalSide::Client, worker: 0, ticket: None };
        bench.tell(1, Told::Turned(Box::new(opening)));
        bench.tell(1, ended(&turned(&one), 102, [8, 6]));
        let turn = bench.fold();
        let rest = bench.run(|table, writer| assert!(!table.finish(writer)));
        assert_eq!(rest, ["10.0.0.99 closed 0 of 1 packets 8 and 6, a second 0"]);
        let note = "its connections turned out to be of another flow: client and server the other way round";
        match revisions {
            Revisions::Last => assert_eq!(turn, Vec::<String>::new()),
            _ => assert_eq!(
                turn,
                [
                    format!("10.0.0.1 closed 0 of 0 packets 0 and 0, a second 0 ({note})"),
                    "10.0.0.99 in_progress 0 of 1 packets 8 and 6, a second 0".to_owned()
                ]
            ),
        }
    }
}
