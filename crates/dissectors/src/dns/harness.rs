//! Drives a dissector in tests as the engine does: bytes that are left over come again, with what came since.

use std::fmt::Write;
use std::net::IpAddr;

use lanternfish_dissect::{
    Chunk, Dissector, GapVerdict, Head, Limits, MessagePool, Out, Probe, Progress, Protocol, Session, Source,
};
use lanternfish_model::{
    ConnectionFacts, Direction, Endpoint, FieldTable, Loss, Message, PacketRef, ProtocolIndex, Scope, Timestamp,
    Transport, Value, Wants,
};

pub use Direction::{ToClient, ToServer};

/// Facts of a connection between these ends.
pub fn facts(transport: Transport, client: &str, server: &str) -> ConnectionFacts {
    let endpoint = |text: &str| match text.rsplit_once('#') {
        Some((ip, port)) => Endpoint::new(ip.parse::<IpAddr>().unwrap(), port.parse().unwrap()),
        None => Endpoint::new(text.parse::<IpAddr>().unwrap(), 0),
    };
    ConnectionFacts {
        id: 1,
        transport,
        client: endpoint(client),
        server: endpoint(server),
        scope: Scope(0),
        first: PacketRef::default(),
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    }
}

/// Asks a protocol whether bytes are its own.
pub fn probe(protocol: &dyn Protocol, facts: &ConnectionFacts, bytes: &[u8], other: &[u8]) -> Probe {
    let is_datagram = facts.transport != Transport::Tcp;
    protocol.probe(&Head { direction: ToServer, bytes, other, is_start: false, is_datagram, facts })
}

/// A connection under test.
pub struct Run {
    pub facts: ConnectionFacts,
    pub limits: Limits,
    pub messages: Vec<Box<Message>>,
    pub loss: Loss,
    pub wants: Wants,
    pub pool: MessagePool,
    pub desyncs: usize,
    pub missing: u32,
    table: FieldTable,
    session: Session,
    dissector: Box<dyn Dissector>,
    pending: [Vec<u8>; 2],
    sources: [Vec<Source>; 2],
    packet: u64,
}

impl Run {
    pub fn new(protocol: &dyn Protocol, facts: ConnectionFacts) -> Run {
        let table = FieldTable::join(&[protocol.spec()]).unwrap();
        Run {
            wants: Wants::everything(&table),
            dissector: protocol.open(&facts),
            facts,
            limits: Limits::default(),
            messages: Vec::new(),
            loss: Loss::default(),
            pool: MessagePool::default(),
            desyncs: 0,
            missing: 0,
            table,
            session: Session::default(),
            pending: [Vec::new(), Vec::new()],
            sources: [Vec::new(), Vec::new()],
            packet: 0,
        }
    }

    fn call<T>(
        &mut self,
        direction: Direction,
        act: impl FnOnce(&mut dyn Dissector, &Chunk<'_>, &mut Out<'_>) -> T,
    ) -> T {
        let side = direction.index();
        let chunk = Chunk {
            direction,
            bytes: &self.pending[side],
            is_datagram: self.facts.transport != Transport::Tcp,
            missing: self.missing,
            quoted_connection: None,
            sources: &self.sources[side],
        };
        let mut out = Out {
            protocol: ProtocolIndex(0),
            facts: &self.facts,
            limits: &self.limits,
            wants: &self.wants,
            pool: &mut self.pool,
            session: &mut self.session,
            messages: &mut self.messages,
            loss: &mut self.loss,
        };
        act(&mut *self.dissector, &chunk, &mut out)
    }

    fn consume(&mut self, side: usize, count: usize) {
        assert!(count <= self.pending[side].len(), "consumed more than there is");
        self.pending[side].drain(..count);
        self.sources[side].retain_mut(|source| {
            source.end = source.end.saturating_sub(count);
            source.end > 0
        });
    }

    /// Gives bytes that came in one packet.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8]) {
        let side = direction.index();
        self.packet += 1;
        self.pending[side].extend_from_slice(bytes);
        let packet = PacketRef { time: Timestamp::from_ns(self.packet as i64), number: self.packet };
        self.sources[side].push(Source { end: self.pending[side].len(), packet, position: None });
        loop {
            let there = self.pending[side].len();
            match self.call(direction, |dissector, chunk, out| dissector.data(chunk, out)) {
                Progress::Done => return self.consume(side, there),
                Progress::Incomplete { consumed, needed } => {
                    assert!(needed > there - consumed, "asks for what is there");
                    return self.consume(side, consumed);
                }
                Progress::Handoff { .. } => panic!("no handoff"),
                Progress::Desync { consumed } => {
                    self.desyncs += 1;
                    self.consume(side, consumed);
                    if self.facts.transport != Transport::Tcp {
                        let rest = self.pending[side].len();
                        return self.consume(side, rest);
                    }
                    // As an engine that has found no way on from here looks behind it.
                    if !self.resync(direction, usize::from(consumed == 0)) {
                        return;
                    }
                }
            }
        }
    }

    fn resync(&mut self, direction: Direction, from: usize) -> bool {
        let side = direction.index();
        let from = from.min(self.pending[side].len());
        let found = self.dissector.resync(direction, &self.pending[side][from..]);
        let skip = found.map_or(self.pending[side].len(), |at| at + from);
        self.consume(side, skip);
        found.is_some()
    }

    /// Says that bytes never came.
    pub fn gap(&mut self, direction: Direction, length: u64) -> GapVerdict {
        let verdict = self.call(direction, |dissector, chunk, out| dissector.gap(chunk, length, out));
        let there = self.pending[direction.index()].len();
        self.consume(direction.index(), there);
        verdict
    }

    /// Gives the first bytes after a gap that broke the framing.
    pub fn feed_lost(&mut self, direction: Direction, bytes: &[u8]) {
        if let Some(at) = self.dissector.resync(direction, bytes) {
            self.feed(direction, &bytes[at..]);
        }
    }

    /// What can be given up is given up.
    pub fn shed(&mut self) {
        self.call(ToServer, |dissector, _, out| dissector.shed(out));
    }

    pub fn close(&mut self) {
        for direction in [ToServer, ToClient] {
            self.call(direction, |dissector, chunk, out| dissector.end(chunk, out));
        }
    }

    /// The messages so far, one a line, with every field.
    pub fn text(&self) -> String {
        self.messages.iter().map(|message| self.line(message)).collect()
    }

    pub fn line(&self, message: &Message) -> String {
        let mut line =
            format!("{:?} {:?} {:?} {} bytes", message.role, message.pairing, message.outcome, message.wire_bytes);
        if let Some(code) = message.status_code {
            write!(line, " status {code}").unwrap();
        }
        for (index, value) in message.values.iter() {
            let name = self.table.spec(self.table.global(ProtocolIndex(0), index).unwrap()).path;
            write!(line, " {name}={}", show(value)).unwrap();
        }
        if message.body.is_present {
            write!(line, " body={:?}", String::from_utf8_lossy(&message.body.bytes)).unwrap();
        }
        if message.is_partial {
            line.push_str(" partial");
        }
        for note in message.notes.iter() {
            write!(line, " ({note})").unwrap();
        }
        line + "\n"
    }

    /// The value of a field of a message, as text.
    pub fn value(&self, message: usize, name: &str) -> String {
        let id = self.table.find(name).unwrap_or_else(|| panic!("no field {name}"));
        let index = self.table.local(ProtocolIndex(0), id).unwrap();
        show(self.messages[message].values.get(index))
    }
}

fn show(value: Value<'_>) -> String {
    match value {
        Value::Absent => "-".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("{bytes:?}"),
        Value::Ip(ip) => ip.to_string(),
        Value::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}
