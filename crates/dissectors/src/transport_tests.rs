//! Summaries of connections and flows, and the entries that they become.

use lanternfish_model::{
    CloseReason, ConnectionSummary, Direction, FieldTable, LinkHealth, LocalSide, Message, Outcome, PacketRef,
    ProtocolIndex, Role, Side, Timestamp, Transport, Value, Wants,
};

use crate::PROTOCOLS;
use crate::driver::facts;
use crate::flow::{FlowSummary, flow};
use crate::rate::Rate;
use crate::transport::connection;

fn summary(transport: Transport, close: CloseReason) -> ConnectionSummary {
    let side = |packets: u64| Side { packets, bytes: packets * 100, payload_bytes: packets * 60, ..Side::default() };
    ConnectionSummary {
        facts: facts(transport),
        last: PacketRef { number: 9, time: Timestamp::from_ns(5_000_000) },
        close,
        revision: 0,
        to_server: Side { retransmissions: 2, ..side(5) },
        to_client: side(4),
        health: LinkHealth { handshake_rtt_ns: 412_000, smoothed_rtt_ns: 380_500, jitter_ns: 25_000 },
        first_checksum: 7931,
        first_length: 45,
        head: b"hello".to_vec(),
        sctp_chunk_types: vec![1, 2, 77],
        duplicate_views: 0,
    }
}

/// A message, and its values by name.
struct Shown {
    table: FieldTable,
    index: ProtocolIndex,
    message: Message,
}

impl Shown {
    fn new(name: &str, fill: impl FnOnce(&Wants, ProtocolIndex, &mut Message)) -> Shown {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
        let table = FieldTable::join(&specs).unwrap();
        let wants = Wants::everything(&table);
        let index = table.find_protocol(name).unwrap();
        let mut message = Message::new(index, Role::OneWay, Direction::ToServer, PacketRef::default());
        fill(&wants, index, &mut message);
        Shown { table, index, message }
    }

    fn connection(summary: &ConnectionSummary, local: LocalSide, protocols: &[&str]) -> Shown {
        let name = summary.facts.transport.name();
        Shown::new(name, |wants, index, message| connection(summary, local, protocols, wants, index, message))
    }

    fn value(&self, path: &str) -> Value<'_> {
        let field = self.table.find(path).and_then(|id| self.table.local(self.index, id));
        field.map_or(Value::Absent, |field| self.message.values.get(field))
    }
}

#[test]
fn a_tcp_connection() {
    let shown = Shown::connection(&summary(Transport::Tcp, CloseReason::Finished), LocalSide::Server, &["HTTP"]);
    assert_eq!(shown.value("conn_state"), Value::Text("closed"));
    assert_eq!(shown.value("conn_local_pkts"), Value::Int(4));
    assert_eq!(shown.value("conn_remote_bytes"), Value::Int(500));
    assert_eq!(shown.value("tcp_method"), Value::Text("fin"));
    assert_eq!(shown.value("tcp_error_type"), Value::Absent);
    assert_eq!(shown.value("tcp_retransmissions"), Value::Int(2));
    assert_eq!(shown.value("tcp_rtt"), Value::Int(380));
    assert_eq!(shown.value("tcp_payload"), Value::Absent);
    let Value::List(protocols) = shown.value("conn_l7_detected") else { panic!("no list") };
    assert_eq!(protocols.iter().collect::<Vec<_>>(), [Value::Text("HTTP")]);
    assert_eq!((shown.message.outcome, shown.message.wire_bytes), (Outcome::Ok, 900));
}

#[test]
fn what_is_not_known_shows_its_first_bytes() {
    let shown = Shown::connection(&summary(Transport::Tcp, CloseReason::Open), LocalSide::Client, &[]);
    assert_eq!(shown.value("tcp_payload"), Value::Bytes(b"hello"));
    assert_eq!(shown.value("conn_state"), Value::Text("in_progress"));
    let shown = Shown::connection(&summary(Transport::Udp, CloseReason::Finished), LocalSide::Client, &[]);
    assert_eq!(shown.value("udp_payload"), Value::Bytes(b"hello"));
    assert_eq!((shown.value("udp_length"), shown.value("udp_checksum")), (Value::Int(45), Value::Int(7931)));
}

#[test]
fn how_tcp_ends() {
    let silent = Side::default();
    let cases = [
        // how it ended, whether the server answered with data, whether a side had finished; outcome, method, error
        (CloseReason::Open, true, false, Outcome::Open, "open", ""),
        (CloseReason::Refused, false, false, Outcome::Failed, "refused", "refused"),
        (CloseReason::Unreachable, false, false, Outcome::Failed, "refused", "unreachable"),
        (CloseReason::Timeout, false, false, Outcome::Failed, "timeout", "timeout"),
        (CloseReason::Timeout, true, false, Outcome::Ok, "timeout", ""),
        (CloseReason::Reset, false, false, Outcome::Failed, "rst", "reset"),
        (CloseReason::Reset, true, false, Outcome::Ok, "rst", "reset"),
        (CloseReason::Reset, true, true, Outcome::Ok, "rst", ""),
        (CloseReason::Evicted, true, false, Outcome::Open, "open", ""),
    ];
    for (close, is_answered, has_fin, outcome, method, error) in cases {
        let mut summary = summary(Transport::Tcp, close);
        summary.to_server.has_fin = has_fin;
        if !is_answered {
            summary.to_client = silent;
        }
        let shown = Shown::connection(&summary, LocalSide::Client, &[]);
        let found = match shown.value("tcp_error_type") {
            Value::Text(text) => text,
            _ => "",
        };
        assert_eq!(shown.message.outcome, outcome, "{close:?} {is_answered} {has_fin}");
        assert_eq!(
            (shown.value("tcp_method"), found),
            (Value::Text(method), error),
            "{close:?} {is_answered} {has_fin}"
        );
    }
}

#[test]
fn an_sctp_association() {
    let summary = ConnectionSummary { head: vec![1, 0, 0, 20], ..summary(Transport::Sctp, CloseReason::Finished) };
    let shown = Shown::connection(&summary, LocalSide::Client, &[]);
    assert_eq!(shown.value("sctp_chunk_type"), Value::Text("INIT"));
    let Value::List(names) = shown.value("sctp_chunk_types") else { panic!("no list") };
    assert_eq!(names.iter().collect::<Vec<_>>(), ["INIT", "INIT ACK", "77"].map(Value::Text));
    let Value::List(numbers) = shown.value("sctp_chunk_type_number") else { panic!("no list") };
    assert_eq!(numbers.iter().collect::<Vec<_>>(), ["1", "2", "77"].map(Value::Text));
}

#[test]
fn a_flow_of_two_connections() {
    let first = summary(Transport::Tcp, CloseReason::Finished);
    let mut second = summary(Transport::Tcp, CloseReason::Open);
    let mut sum = FlowSummary::new(77, Transport::Tcp, PacketRef::default());
    for connection in [&first, &second] {
        sum.open();
        sum.absorb(&Default::default(), connection);
    }
    sum.close(&first);
    sum.handshake_rtt.add(first.health.handshake_rtt_ns);
    let before = [second.to_server, second.to_client];
    second.close = CloseReason::Reset;
    second.to_server.packets += 3;
    sum.absorb(&before, &second);
    sum.close(&second);
    sum.handshake_rtt.add(200_000);
    sum.rates = [Rate { packets: 7, bytes: 8 }, Rate { packets: 5, bytes: 6 }];
    sum.is_over = true;
    let shown =
        Shown::new("tcp", |wants, index, message| flow(&sum, LocalSide::Client, &["TLS"], wants, index, message));
    assert_eq!(shown.value("flow_local_pkts"), Value::Int(13));
    assert_eq!(shown.value("flow_connections"), Value::Int(2));
    assert_eq!(shown.value("flow_open_connections"), Value::Int(0));
    assert_eq!(shown.value("flow_state"), Value::Text("closed"));
    assert_eq!([shown.value("flow_local_pps"), shown.value("flow_local_bps")], [Value::Int(7), Value::Int(8)]);
    assert_eq!([shown.value("flow_remote_pps"), shown.value("flow_remote_bps")], [Value::Int(5), Value::Int(6)]);
    assert_eq!(shown.value("tcp_flow_resets"), Value::Int(1));
    assert_eq!(shown.value("tcp_flow_rtt_mean"), Value::Int(306));
    assert_eq!(shown.message.outcome, Outcome::Ok);
}
