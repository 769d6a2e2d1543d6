//! One row as an entry: the parts in the order in which they need each other.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lanternfish_model::{
    Capture, ConnectionContext, ConnectionFacts, Endpoint, Entry, EntryClass, FieldIndex, Identity, LocalSide, Message,
    Notes, Outcome, PacketRef, Party, Scope, Timestamp, Transport, Values, fields as f,
};

use crate::cells::Cells;
use crate::layout::Source;
use crate::rows::Rows;
use crate::{connection, detail, raw};

/// The columns of one end.
struct End {
    ip: FieldIndex,
    port: FieldIndex,
    dns: FieldIndex,
    process_name: FieldIndex,
    pid: FieldIndex,
    executable: FieldIndex,
    user: FieldIndex,
    container_id: FieldIndex,
}

const SRC: End = End {
    ip: f::SRC_IP,
    port: f::SRC_PORT,
    dns: f::SRC_DNS,
    process_name: f::SRC_PROCESS_NAME,
    pid: f::SRC_PROCESS_PID,
    executable: f::SRC_PROCESS_EXECUTABLE,
    user: f::SRC_PROCESS_USER,
    container_id: f::SRC_CONTAINER_ID,
};

const DST: End = End {
    ip: f::DST_IP,
    port: f::DST_PORT,
    dns: f::DST_DNS,
    process_name: f::DST_PROCESS_NAME,
    pid: f::DST_PROCESS_PID,
    executable: f::DST_PROCESS_EXECUTABLE,
    user: f::DST_PROCESS_USER,
    container_id: f::DST_CONTAINER_ID,
};

/// Rebuilds the entry of a row.
pub(crate) fn entry(rows: &Rows, row: usize) -> Entry {
    let (mut src, mut dst) = (endpoint(rows, row, &SRC), endpoint(rows, row, &DST));
    let context = context(rows, row, &mut src, &mut dst);
    let timestamp = Timestamp::from_ns(rows.int(f::TIMESTAMP, row).unwrap_or(0));
    let status_code = rows.int(f::STATUS_CODE, row);
    let elapsed_ns = ns(rows.int(f::ELAPSED_TIME, row), rows.hidden.elapsed_ns.int(row));
    let first_byte_ns = ns(rows.int(f::TIME_TO_FIRST_BYTE, row), rows.hidden.first_byte_ns.int(row));
    let mut notes = Notes::default();
    if let Some(cells) = rows.cells(f::NOTES) {
        cells.items(row).for_each(|note| notes.add(note));
    }
    let mut entry = Entry {
        id: unsigned(rows.int(f::ID, row)),
        protocol: rows.protocol,
        class: EntryClass::Call,
        connection: Arc::new(context),
        src,
        dst,
        index: unsigned(rows.int(f::INDEX, row)),
        timestamp,
        elapsed_ns,
        first_byte_ns,
        outcome: outcome(rows.text(f::OUTCOME, row)),
        request: None,
        response: None,
        notes,
        extra: Values::default(),
    };
    halves(rows, row, &mut entry, status_code);
    for &index in rows.loose.iter().skip(1).flatten() {
        if let Some(cells) = rows.cells(index) {
            cells.set(row, &mut entry.extra, index);
        }
    }
    entry
}

/// Request and response, with bodies and values.
fn halves(rows: &Rows, row: usize, entry: &mut Entry, status_code: Option<i64>) {
    match rows.hidden.detail.bytes(row) {
        Some(bytes) => {
            let detail = detail::read(bytes, entry, status_code);
            entry.class = detail.class;
            entry.request = detail.request;
            entry.response = detail.response;
            if detail.is_damaged {
                entry.notes.add("the stored details of this entry are damaged");
            }
        }
        None => {
            entry.class = class_of_fields(rows, row);
            let first = PacketRef { time: entry.timestamp, number: entry.id >> 16 };
            let role = lanternfish_model::Role::OneWay;
            let direction = lanternfish_model::Direction::ToServer;
            let mut message = Message::new(entry.protocol, role, direction, first);
            message.status_code = status_code;
            entry.request = Some(Box::new(message));
        }
    }
    for (half, cells) in [&mut entry.request, &mut entry.response].into_iter().zip(&rows.bodies) {
        if let (Some(message), Some(bytes)) = (half, cells.bytes(row)) {
            message.body.bytes.extend_from_slice(bytes);
            message.body.is_present = true;
        }
    }
    let Some(message) = entry.request.as_mut().or(entry.response.as_mut()) else { return };
    if let Some(bytes) = rows.hidden.raw.bytes(row) {
        for value in raw::read(bytes) {
            match rows.layout.columns.iter().find(|column| column.name == value.name).map(|column| column.source) {
                // Set first, it counts before what the column has.
                Some(Source::Local(index)) => value.set(&mut message.values, index),
                Some(Source::Common(index) | Source::Shared(index)) => value.set(&mut entry.extra, index),
                _ => {}
            }
        }
    }
    for (position, cells) in rows.local.iter().enumerate() {
        cells.set(row, &mut message.values, FieldIndex(position as u16));
    }
}

fn class_of_fields(rows: &Rows, row: usize) -> EntryClass {
    let is_set = |index| rows.cells(index).and_then(|cells| cells.bool(row)).unwrap_or(false);
    match (is_set(f::CONN), is_set(f::FLOW)) {
        (true, _) => EntryClass::Connection,
        (_, true) => EntryClass::Flow,
        _ => EntryClass::Call,
    }
}

/// What the entry shares with others of its connection; the parties get their identities.
fn context(rows: &Rows, row: usize, src: &mut Party, dst: &mut Party) -> ConnectionContext {
    let mut facts = ConnectionFacts {
        id: unsigned(rows.int(f::CONN_ID, row)),
        transport: Transport::Tcp,
        client: src.endpoint,
        server: dst.endpoint,
        scope: Scope(0),
        first: PacketRef::default(),
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    };
    if let Some(bytes) = rows.hidden.connection.bytes(row) {
        connection::read(bytes, &mut facts, [src, dst]);
    }
    identify(rows, row, &SRC, src);
    identify(rows, row, &DST, dst);
    let mut values = Values::default();
    for &index in rows.loose.iter().take(1).flatten() {
        if let Some(cells) = rows.cells(index) {
            cells.set(row, &mut values, index);
        }
    }
    let is_outgoing = rows.cells(f::OUTGOING).and_then(|cells| cells.bool(row)).unwrap_or(true);
    ConnectionContext {
        facts,
        flow_id: unsigned(rows.int(f::FLOW_ID, row)),
        local: if is_outgoing { LocalSide::Client } else { LocalSide::Server },
        capture: capture(rows.int(f::CAPTURE_SOURCE_CODE, row)),
        has_pcap: rows.cells(f::HAS_PCAP).and_then(|cells| cells.bool(row)).unwrap_or(false),
        node_name: Arc::from(rows.text(f::NODE_NAME, row).unwrap_or_default()),
        values,
    }
}

fn endpoint(rows: &Rows, row: usize, end: &End) -> Party {
    let ip: Option<IpAddr> = rows.text(end.ip, row).and_then(|ip| ip.parse().ok());
    let port = rows.int(end.port, row).and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    let mut party = Party::new(Endpoint::new(ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port));
    party.dns = rows.text(end.dns, row).map(Arc::from);
    party
}

/// Adds what the columns tell to an identity.
fn identify(rows: &Rows, row: usize, end: &End, party: &mut Party) {
    let text = |index| rows.text(index, row);
    let (name, executable) = (text(end.process_name), text(end.executable));
    let (user, container_id) = (text(end.user), text(end.container_id));
    let pid = rows.int(end.pid, row).and_then(|pid| u32::try_from(pid).ok());
    if [name, executable, user, container_id].iter().all(Option::is_none) && pid.is_none() {
        return;
    }
    let identity = party.identity.get_or_insert_with(|| Arc::new(Identity::default()));
    let identity = Arc::make_mut(identity);
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    identity.process_name = owned(name);
    identity.executable = owned(executable);
    identity.user = owned(user);
    identity.container_id = owned(container_id);
    identity.pid = pid.unwrap_or(0);
}

impl Rows {
    fn cells(&self, index: FieldIndex) -> Option<&Cells> {
        self.common.get(usize::from(index.0))
    }

    fn int(&self, index: FieldIndex, row: usize) -> Option<i64> {
        self.cells(index)?.int(row)
    }

    fn text(&self, index: FieldIndex, row: usize) -> Option<&str> {
        self.cells(index)?.text(row)
    }
}

fn unsigned(number: Option<i64>) -> u64 {
    number.unwrap_or(0).cast_unsigned()
}

/// The whole of a duration in ns, from its µs and what these leave out.
fn ns(us: Option<i64>, remainder: Option<i64>) -> Option<i64> {
    Some(us?.saturating_mul(1000).saturating_add(remainder.unwrap_or(0)))
}

fn outcome(name: Option<&str>) -> Outcome {
    let all = [Outcome::Ok, Outcome::ClientError, Outcome::ServerError, Outcome::Failed];
    all.into_iter().find(|outcome| Some(outcome.name()) == name).unwrap_or_default()
}

fn capture(code: Option<i64>) -> Capture {
    let all = [Capture::AfPacket, Capture::Ebpf, Capture::EbpfTls, Capture::File];
    all.into_iter().find(|capture| Some(capture.code()) == code).unwrap_or_default()
}
