//! A small stand-in for the engine, for tests: it feeds a dissector, keeps what was not consumed, and holds it to the contract.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::vec_box)]

use lanternfish_dissect::{
    Chunk, Dissector, GapVerdict, Head, Limits, MessagePool, Out, Probe, Progress, Protocol, Session, Source,
};
use lanternfish_model::{
    ConnectionFacts, Direction, Endpoint, FieldTable, Loss, Message, PacketRef, ProtocolIndex, Scope, Timestamp,
    Transport, Value, Wants,
};

/// A connection under one protocol.
pub struct Driver {
    protocol: &'static dyn Protocol,
    table: FieldTable,
    wants: Wants,
    /// The limits, to be lowered by tests.
    pub limits: Limits,
    pool: MessagePool,
    session: Session,
    facts: ConnectionFacts,
    /// What came out.
    pub messages: Vec<Box<Message>>,
    /// What was lost.
    pub loss: Loss,
    /// How often framing was lost.
    pub lost: usize,
    dissector: Box<dyn Dissector>,
    sides: [Side; 2],
    number: u64,
    is_over: bool,
}

#[derive(Default)]
struct Side {
    pending: Vec<u8>,
    sources: Vec<Source>,
    needed: usize,
    is_lost: bool,
}

impl Driver {
    /// Opens a connection.
    pub fn new(protocol: &'static dyn Protocol) -> Driver {
        let table = FieldTable::join(&[protocol.spec()]).unwrap();
        let facts = facts(Transport::Tcp);
        Driver {
            protocol,
            wants: Wants::everything(&table),
            table,
            limits: Limits::default(),
            pool: MessagePool::default(),
            session: Session::default(),
            dissector: protocol.open(&facts),
            facts,
            messages: Vec::new(),
            loss: Loss::default(),
            lost: 0,
            sides: [Side::default(), Side::default()],
            number: 0,
            is_over: false,
        }
    }

    /// Asks the probe.
    pub fn probe(protocol: &dyn Protocol, bytes: &[u8], is_start: bool) -> Probe {
        let facts = facts(Transport::Tcp);
        let head =
            Head { direction: Direction::ToServer, bytes, other: &[], is_start, is_datagram: false, facts: &facts };
        protocol.probe(&head)
    }

    /// Gives a segment, in a packet of its own.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8]) {
        self.number += 1;
        let packet = PacketRef { number: self.number, time: self.time() };
        let side = &mut self.sides[direction.index()];
        side.pending.extend_from_slice(bytes);
        side.sources.push(Source { end: side.pending.len(), packet, position: None });
        self.pump(direction);
    }

    /// Gives bytes in segments of a length.
    pub fn feed_in(&mut self, direction: Direction, bytes: &[u8], length: usize) {
        bytes.chunks(length.max(1)).for_each(|segment| self.feed(direction, segment));
    }

    fn pump(&mut self, direction: Direction) {
        let mut budget = self.sides[direction.index()].pending.len() * 2 + 16;
        while !self.is_over && budget > 0 {
            budget -= 1;
            if self.sides[direction.index()].is_lost && !self.resync(direction) {
                return;
            }
            let side = &self.sides[direction.index()];
            let available = side.pending.len();
            if available == 0 || available < side.needed {
                return;
            }
            let progress =
                self.with(|dissector, sides, out| dissector.data(&chunk(&sides[direction.index()], direction), out));
            let (consumed, is_waiting) = match progress {
                Progress::Done => (available, true),
                Progress::Incomplete { consumed, needed } => {
                    assert!(consumed <= available, "consumed {consumed} of {available}");
                    assert!(needed > available - consumed, "needs {needed}, has {}", available - consumed);
                    self.sides[direction.index()].needed = needed;
                    (consumed, true)
                }
                Progress::Desync { consumed } => {
                    self.lost += 1;
                    self.sides[direction.index()].is_lost = true;
                    // The byte that made no sense is never tried again.
                    (consumed.max(1), false)
                }
                Progress::Handoff { consumed, .. } => {
                    self.is_over = true;
                    (consumed, true)
                }
            };
            assert!(consumed <= available, "consumed {consumed} of {available}");
            self.drop_front(direction, consumed);
            if is_waiting {
                return;
            }
        }
        assert!(budget > 0 || self.is_over, "the dissector makes no progress");
    }

    fn resync(&mut self, direction: Direction) -> bool {
        let side = &self.sides[direction.index()];
        let found = self.dissector.resync(direction, &side.pending);
        let length = side.pending.len();
        match found {
            Some(at) => {
                assert!(at <= length, "resynced behind the end");
                self.drop_front(direction, at);
                self.sides[direction.index()].is_lost = false;
                true
            }
            None => {
                self.drop_front(direction, length.saturating_sub(64));
                false
            }
        }
    }

    fn drop_front(&mut self, direction: Direction, count: usize) {
        let side = &mut self.sides[direction.index()];
        side.pending.drain(..count);
        side.sources.retain(|source| source.end > count);
        side.sources.iter_mut().for_each(|source| source.end -= count);
        if count > 0 && side.needed > 0 && side.pending.len() >= side.needed {
            side.needed = 0;
        }
        if side.pending.is_empty() {
            side.needed = 0;
        }
    }

    /// Bytes are missing.
    pub fn gap(&mut self, direction: Direction, length: u64) {
        self.number += 1;
        let side = &mut self.sides[direction.index()];
        if self.is_over {
            return;
        }
        side.needed = 0;
        let verdict = if side.is_lost {
            GapVerdict::Lost
        } else {
            self.with(|dissector, sides, out| dissector.gap(&chunk(&sides[direction.index()], direction), length, out))
        };
        let side = &mut self.sides[direction.index()];
        side.pending.clear();
        side.sources.clear();
        if verdict == GapVerdict::Lost {
            self.lost += 1;
            side.is_lost = true;
        }
    }

    /// Gives a datagram as it is.
    pub fn datagram(&mut self, chunk: &Chunk<'_>) {
        let available = chunk.bytes.len();
        match self.with(|dissector, _, out| dissector.data(chunk, out)) {
            Progress::Done => {}
            Progress::Incomplete { consumed, needed } => {
                assert!(consumed <= available && needed > available - consumed);
            }
            Progress::Desync { consumed } | Progress::Handoff { consumed, .. } => assert!(consumed <= available),
        }
    }

    /// What the dissector holds.
    pub fn held_bytes(&self) -> usize {
        self.dissector.held_bytes()
    }

    /// What can be given up is given up.
    pub fn shed(&mut self) {
        self.with(|dissector, _, out| dissector.shed(out));
    }

    /// A direction is finished.
    pub fn end(&mut self, direction: Direction) {
        self.with(|dissector, sides, out| dissector.end(&chunk(&sides[direction.index()], direction), out));
        self.sides[direction.index()] = Side::default();
    }

    /// The connection is over.
    pub fn close(&mut self) {
        self.with(|dissector, [to_server, to_client], out| {
            let chunks = [&chunk(to_server, Direction::ToServer), &chunk(to_client, Direction::ToClient)];
            dissector.close(chunks, out);
        });
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut dyn Dissector, &[Side; 2], &mut Out<'_>) -> R) -> R {
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
        act(&mut *self.dissector, &self.sides, &mut out)
    }

    fn time(&self) -> Timestamp {
        // 2026-03-14T22:00:00Z and a millisecond for each packet.
        Timestamp::from_parts(1_773_525_600, 0) + self.number as i64 * 1_000_000
    }

    /// The value of a field in the first message that has it, as text; empty where none has.
    pub fn text(&self, path: &str) -> String {
        let Some(field) = self.table.find(path).and_then(|id| self.table.local(ProtocolIndex(0), id)) else {
            panic!("{} has no field {path}", self.protocol.spec().name)
        };
        let values = self.messages.iter().map(|message| message.values.get(field));
        values.into_iter().find(|value| *value != Value::Absent).map(show).unwrap_or_default()
    }

    /// All that came out, in lines: what a message is, its notes, and its values in the order they were set.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for message in &self.messages {
            lines.push(format!("{:?} {:?}", message.role, message.outcome));
            lines.extend(message.notes.iter().map(|note| format!("! {note}")));
            for (field, value) in message.values.iter() {
                let id = self.table.global(ProtocolIndex(0), field).unwrap();
                lines.push(format!("{} {}", self.table.spec(id).path, show(value)));
            }
        }
        lines
    }
}

fn chunk(side: &Side, direction: Direction) -> Chunk<'_> {
    Chunk {
        direction,
        bytes: &side.pending,
        is_datagram: false,
        missing: 0,
        quoted_connection: None,
        sources: &side.sources,
    }
}

fn show(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(holds) => holds.to_string(),
        Value::List(list) => list.iter().map(show).collect::<Vec<_>>().join("|"),
        Value::Time(time) => (time.ns() / 1_000_000_000).to_string(),
        other => format!("{other:?}"),
    }
}

/// The facts of a connection that begins.
pub fn facts(transport: Transport) -> ConnectionFacts {
    ConnectionFacts {
        id: 1,
        transport,
        client: Endpoint::new([10, 0, 0, 1].into(), 50_000),
        server: Endpoint::new([10, 0, 0, 2].into(), 9_000),
        scope: Scope(0),
        first: PacketRef::default(),
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    }
}
