//! Entries made of plans, and the plans that a property test draws.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use lanternfish_model::{
    Capture, ConnectionContext, ConnectionFacts, Direction, Endpoint, Entry, EntryClass, FieldTable, Identity,
    LocalSide, Message, Notes, Outcome, PacketRef, PairKey, Party, ProtocolIndex, ProtocolSpec, ResolutionStatus, Role,
    Scope, Timestamp, Transport, Values, Word, WordClass, fields as f,
};
use proptest::prelude::*;

mod one {
    lanternfish_model::fields! {
        BOOL = bool("bool");
        INT = int("int");
        DOUBLE = double("double");
        TEXT = text("text");
        TEXT_B = text("text_b");
        BYTES = bytes("bytes");
        TIME = time("time");
        LIST = list("list");
        MAP = map("map");
        MAP_B = map("map_b");
        LATER = text("later").pending("is not dissected yet");
    }
}

mod two {
    lanternfish_model::fields! {
        TEXT = text("text");
        OTHER = int("other");
    }
}

static ONE: ProtocolSpec = spec("one", one::FIELDS);
static TWO: ProtocolSpec = spec("two", two::FIELDS);

const fn spec(name: &'static str, fields: &'static [lanternfish_model::FieldSpec]) -> ProtocolSpec {
    ProtocolSpec {
        name,
        title: name,
        doc: "",
        references: &[],
        words: if name.len() == 3 { &[] } else { &[Word { name: "never", class: WordClass::Any }] },
        fields,
        pending: "",
    }
}

/// The fields of two protocols.
pub fn table() -> &'static FieldTable {
    static TABLE: LazyLock<FieldTable> = LazyLock::new(|| FieldTable::join(&[&ONE, &TWO]).unwrap());
    &TABLE
}

/// What an entry is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    number: u64,
    protocol: u8,
    class: u8,
    halves: u8,
    elapsed_ns: Option<i64>,
    first_byte_ns: Option<i64>,
    has_identity: [bool; 2],
    is_turned: bool,
    status: Option<i64>,
    values: Vec<(u16, bool, Drawn)>,
    body: Option<Vec<u8>>,
    notes: Vec<String>,
    packets: Vec<u64>,
    flags: u16,
}

/// A value of a field.
#[derive(Clone, Debug)]
pub enum Drawn {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Ip(IpAddr),
    Time(i64),
    List(Vec<Vec<u8>>),
    Map(Vec<(Vec<u8>, Vec<u8>)>),
}

impl Plan {
    /// An ordinary pair, different for each number.
    pub fn plain(number: u64) -> Plan {
        let text = |text: String| Drawn::Text(text.into_bytes());
        Plan {
            number,
            protocol: u8::from(number % 5 == 4),
            class: 0,
            halves: 3,
            elapsed_ns: Some(1_234_567 + number.cast_signed()),
            first_byte_ns: Some(999),
            has_identity: [true, number.is_multiple_of(2)],
            is_turned: number.is_multiple_of(3),
            status: Some(200),
            values: vec![
                (one::TEXT.0, false, text(format!("text {number}"))),
                (one::MAP.0, true, Drawn::Map(vec![(b"name".to_vec(), b"value".to_vec())])),
                (one::LIST.0, number.is_multiple_of(2), Drawn::List(vec![b"a".to_vec(), Vec::new()])),
            ],
            body: Some(format!("body {number}").into_bytes()),
            notes: Vec::new(),
            packets: vec![number, number + 1],
            flags: 0,
        }
    }
}

/// Draws plans.
pub fn plan() -> impl Strategy<Value = Plan> {
    let first = (0u64..1 << 40, 0u8..2, 0u8..3, 1u8..4, any::<Option<i32>>(), any::<Option<u16>>());
    let second = (any::<[bool; 2]>(), any::<bool>(), any::<Option<i16>>(), any::<u16>());
    let values = proptest::collection::vec((0u16..11, any::<bool>(), drawn()), 0..12);
    let rest = (
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        proptest::collection::vec("[a-z]{1,6}", 0..3),
        proptest::collection::vec(0u64..50, 0..4),
    );
    (first, second, values, rest).prop_map(|(first, second, values, (body, notes, packets))| Plan {
        number: first.0,
        protocol: first.1,
        class: first.2,
        halves: first.3,
        elapsed_ns: first.4.map(i64::from),
        first_byte_ns: first.5.map(i64::from),
        has_identity: second.0,
        is_turned: second.1,
        status: second.2.map(i64::from),
        flags: second.3,
        values,
        body,
        notes,
        packets,
    })
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let bytes =
        || prop_oneof!["[a-zé]{0,5}".prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..4)];
    prop_oneof![
        any::<bool>().prop_map(Drawn::Bool),
        any::<i64>().prop_map(Drawn::Int),
        any::<f64>().prop_map(Drawn::Double),
        bytes().prop_map(Drawn::Text),
        bytes().prop_map(Drawn::Bytes),
        any::<u32>().prop_map(|bits| Drawn::Ip(Ipv4Addr::from(bits).into())),
        any::<u128>().prop_map(|bits| Drawn::Ip(Ipv6Addr::from(bits).into())),
        any::<i64>().prop_map(Drawn::Time),
        proptest::collection::vec(bytes(), 0..4).prop_map(Drawn::List),
        proptest::collection::vec((bytes(), bytes()), 0..4).prop_map(Drawn::Map),
    ]
}

fn set(values: &mut Values, field: u16, value: &Drawn) {
    let field = lanternfish_model::FieldIndex(field);
    match value {
        Drawn::Bool(value) => values.bool(field, *value),
        Drawn::Int(number) => values.int(field, *number),
        Drawn::Double(number) => values.double(field, *number),
        Drawn::Text(text) => values.text(field, text),
        // Bytes that are a text, in a field that is a text, come back as that text: no dissector sets them.
        Drawn::Bytes(bytes) if std::str::from_utf8(bytes).is_ok() && field != one::BYTES => values.text(field, bytes),
        Drawn::Bytes(bytes) => values.bytes(field, bytes),
        Drawn::Ip(ip) => values.ip(field, *ip),
        Drawn::Time(ns) => values.time(field, Timestamp::from_ns(*ns)),
        Drawn::List(items) => {
            let mut list = values.list(field);
            items.iter().for_each(|item| list.push(item));
            list.finish();
        }
        Drawn::Map(pairs) => {
            let mut map = values.map(field);
            pairs.iter().for_each(|(name, value)| map.push(name, value));
            map.finish();
        }
    }
}

fn identity(plan: &Plan, name: &str) -> Arc<Identity> {
    let all = [ResolutionStatus::NotTried, ResolutionStatus::Resolved, ResolutionStatus::KernelSocket];
    let is_known = plan.flags & 16 == 0;
    let text = |text: &str| if is_known { text.to_owned() } else { String::new() };
    Arc::new(Identity {
        status: all[usize::from(plan.flags >> 5 & 1) + usize::from(is_known)],
        process_name: text(name),
        executable: text("/usr/bin/thing"),
        pid: if is_known { 4711 } else { 0 },
        user: text("www-data"),
        container_id: String::new(),
        cgroup: text("/system.slice/thing.service"),
        network_namespace: 4_026_531_840,
    })
}

fn message(plan: &Plan, is_response: bool, first: PacketRef) -> Box<Message> {
    let is_odd = |bit: u16| plan.flags >> (bit + if is_response { 7 } else { 0 }) & 1 != 0;
    let role = match (is_response, plan.class) {
        (_, 1 | 2) => Role::OneWay,
        (true, _) => Role::Response,
        (false, _) => Role::Request,
    };
    let direction = if is_response { Direction::ToClient } else { Direction::ToServer };
    let mut message = Message::new(ProtocolIndex(plan.protocol), role, direction, first);
    for &packet in &plan.packets {
        message.covers(PacketRef { time: first.time + packet.cast_signed() * 1000, number: first.number + packet });
    }
    message.ordinal = if is_odd(0) { 3 } else { 0 };
    message.wire_bytes = plan.number % 100_000;
    message.status_code = if is_response || is_odd(1) { plan.status } else { None };
    message.is_partial = is_odd(2);
    message.pairing = match (is_odd(3), is_odd(4)) {
        (false, false) => PairKey::InOrder,
        (false, true) => PairKey::AfterLoss,
        (true, false) => PairKey::Id(plan.number),
        (true, true) => PairKey::Alone,
    };
    message.outcome = if is_odd(5) { Outcome::ClientError } else { Outcome::Open };
    if is_odd(6) {
        message.note("a note of one half");
    }
    if let Some(body) = &plan.body {
        message.body.is_present = is_response || !is_odd(0);
        message.body.is_cut = is_odd(1);
        message.body.wire_bytes = body.len() as u64 + 5;
        if message.body.is_present {
            message.body.bytes.extend_from_slice(body);
        }
    }
    Box::new(message)
}

/// Makes the entry of a plan.
pub fn entry(plan: &Plan) -> Entry {
    let ends = [
        Endpoint::new(Ipv4Addr::new(10, 0, 0, 1).into(), 50_000 + (plan.number % 7) as u16),
        Endpoint::new(Ipv6Addr::LOCALHOST.into(), 80),
    ];
    let timestamp = Timestamp::from_ns(1_700_000_000_000_000_000 + plan.number.cast_signed());
    let first = PacketRef { time: timestamp, number: plan.number };
    let class = match plan.class {
        0 => EntryClass::Call,
        1 => EntryClass::Connection,
        _ => EntryClass::Flow,
    };
    let mut shared = Values::default();
    shared.text(f::STREAM, b"1a");
    shared.text(f::WORKER, b"3");
    let mut extra = Values::default();
    if plan.flags & 8 != 0 {
        let mut list = extra.list(f::DNS_RESOLUTIONS);
        list.push(b"a.example.org");
        list.finish();
    }
    if plan.flags & 3 == 3 {
        extra.text(f::WORKER, b"an entry's own");
    }
    let context = ConnectionContext {
        facts: ConnectionFacts {
            id: plan.number / 3,
            transport: [Transport::Tcp, Transport::Udp, Transport::Sctp, Transport::Icmp][usize::from(plan.flags & 3)],
            client: ends[0],
            server: ends[1],
            scope: Scope(u32::from(plan.flags)),
            first: PacketRef { time: timestamp + -5, number: plan.number / 2 },
            is_midstream: plan.is_turned,
            tunnels: if plan.flags & 4 != 0 { vec!["vxlan 42".to_owned()] } else { Vec::new() },
            interface: 2,
        },
        flow_id: plan.number % 1000,
        local: if plan.is_turned { LocalSide::Server } else { LocalSide::Client },
        capture: if plan.flags & 1 != 0 { Capture::AfPacket } else { Capture::File },
        has_pcap: plan.flags & 2 != 0,
        node_name: Arc::from(if plan.is_turned { "node" } else { "" }),
        values: shared,
    };
    let [mut src, mut dst] = ends.map(Party::new);
    if class == EntryClass::Flow {
        src.endpoint.port = 0;
    }
    if plan.has_identity[0] {
        src.identity = Some(identity(plan, "curl"));
    }
    if plan.has_identity[1] {
        dst.identity = Some(identity(plan, "nginx"));
        dst.dns = Some(Arc::from("shop.example.org"));
    }
    if plan.is_turned && class == EntryClass::Call {
        std::mem::swap(&mut src, &mut dst);
    }
    let (elapsed_ns, first_byte_ns) = (plan.elapsed_ns, plan.elapsed_ns.and(plan.first_byte_ns));
    let mut request = (plan.halves & 1 != 0).then(|| message(plan, false, first));
    let later = PacketRef { time: timestamp + first_byte_ns.unwrap_or(70), number: plan.number + 2 };
    let mut response = (plan.halves & 2 != 0).then(|| message(plan, true, later));
    for (field, is_in_response, value) in &plan.values {
        let half = if *is_in_response { &mut response } else { &mut request };
        let count = if plan.protocol == 0 { one::FIELDS.len() - 1 } else { two::FIELDS.len() };
        if let Some(message) = half
            && usize::from(*field) < count
        {
            set(&mut message.values, *field, value);
        }
    }
    let mut notes = Notes::default();
    plan.notes.iter().for_each(|note| notes.add(note));
    Entry {
        id: plan.number << 12 | 5,
        protocol: ProtocolIndex(plan.protocol),
        class,
        connection: Arc::new(context),
        src,
        dst,
        index: plan.number % 10,
        timestamp,
        elapsed_ns,
        first_byte_ns,
        outcome: if plan.flags & 64 != 0 { Outcome::Failed } else { Outcome::Ok },
        request,
        response,
        notes,
        extra,
    }
}
