//! From stream bytes to entries: dissection, pairing, names, the filter and the sink, for the connections of one worker.

mod connections;
mod holding;
mod telling;

use std::sync::Arc;
use std::time::Instant;

use lanternfish_dissect::{Answer, Arrival, Conversation, Desk, MessagePool};
use lanternfish_dissectors::rate::Rate;
use lanternfish_identity::Ticket;
use lanternfish_model::{
    Cause, CloseReason, ConnectionContext, ConnectionFacts, ConnectionSummary, Direction, Entry, EntryClass, Identity,
    Loss, Message, Notes, Outcome, PacketRef, PairKey, Party, ProtocolIndex, ResolutionStatus, Role, Timestamp,
    Transport, Values, fields,
};
use lanternfish_pairing::{Pair, Pairer};
use lanternfish_reassembly::{Moment, Sink, StreamData, Verdict};
use lanternfish_telemetry::{Ledger, ProtocolCount};

use self::holding::Holding;
use self::telling::detected;
use crate::chunk::Told;
use crate::held::{Held, HeldNumber, Row};
use crate::known_names::KnownNames;
use crate::settings::KnownScope;
use crate::{Chunk, EntrySink, Mark, Rank, Redactor, Revisions, Settings};

/// What is kept of a connection behind the connection table.
pub struct Connection {
    conversation: Conversation,
    pairer: Pairer,
    context: Option<Arc<ConnectionContext>>,
    next_index: u64,
    ticket: Option<Arc<Ticket>>,
    /// Its last entry that was held back until processes are known.
    held: HeldNumber,
    id: u64,
    /// All bytes that are held for it, as they were reckoned last, and how many were left when it gave up what it could.
    held_bytes: usize,
    left_bytes: usize,
    /// Where in which chunk stands that it was opened, and what it counts its packets in.
    opened: Place,
    passed: Place,
}

/// The position of a [`FlowEvent`] in a chunk, which is known by its number.
#[derive(Clone, Copy, Default)]
struct Place {
    chunk: u32,
    position: u32,
}

/// Which moment the entries that come out belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Packet,
    Timers,
    Finish,
}

/// The stage behind reassembly.
pub struct Stage {
    settings: Arc<Settings>,
    sink: Box<dyn EntrySink>,
    pool: MessagePool,
    messages: Vec<Box<Message>>,
    pairs: Vec<Pair>,
    loss: Loss,
    chunk: Chunk,
    /// The number of the chunk; 0 is none.
    chunk_number: u32,
    rank: Rank,
    /// The entries of the chunk whose place is final; those behind belong to the connection that is being closed.
    placed: usize,
    phase: Phase,
    /// Whether fragments of the datagram under way never came.
    pub(crate) is_partial: bool,
    worker: u16,
    entries: Vec<ProtocolCount>,
    notes: u64,
    shown: u64,
    connections: u64,
    extra: Values,
    held: Held,
    holding: Holding,
    redactor: Option<Redactor>,
    known_names: KnownNames,
    scope: KnownScope,
    /// Stands for an end that was not found in time.
    unresolved: Arc<Identity>,
    transports: [Option<ProtocolIndex>; 4],
}

impl Stage {
    /// The `worker`-th of `count` workers.
    pub(crate) fn new(settings: Arc<Settings>, sink: Box<dyn EntrySink>, worker: u16, count: u16) -> Stage {
        let share = settings.budget.held_bytes / usize::from(count.max(1));
        let unidentified_bytes = settings.budget.unidentified_bytes / usize::from(count.max(1));
        let holding = Holding::new(share, settings.budget.connection_held_bytes.min(share / 2));
        let of = |transport| settings.transport_protocol(transport);
        let transports = [of(Transport::Tcp), of(Transport::Udp), of(Transport::Sctp), None];
        let protocols = settings.table.protocols().len();
        let redactor = settings.redaction.clone().map(|fingerprint| Redactor::new(settings.table, fingerprint));
        Stage {
            settings,
            sink,
            pool: MessagePool::default(),
            messages: Vec::new(),
            pairs: Vec::new(),
            loss: Loss::default(),
            chunk: Chunk::default(),
            chunk_number: 1,
            rank: Rank::default(),
            placed: 0,
            phase: Phase::Packet,
            is_partial: false,
            worker,
            entries: vec![ProtocolCount::default(); protocols],
            notes: 0,
            shown: 0,
            connections: 0,
            extra: Values::default(),
            held: Held::new(unidentified_bytes),
            holding,
            redactor,
            known_names: KnownNames::default(),
            scope: KnownScope::default(),
            unresolved: Arc::new(Identity { status: ResolutionStatus::Unavailable, ..Identity::default() }),
            transports,
        }
    }

    pub(crate) fn begin(&mut self, rank: Rank) {
        self.phase = Phase::Packet;
        self.rank = rank;
    }

    pub(crate) fn begin_timers(&mut self, next_packet: u64) {
        self.phase = Phase::Timers;
        self.rank = Rank { packet: next_packet, class: Rank::BY_TIME, connection: 0 };
        self.placed = self.chunk.marks.len();
    }

    pub(crate) fn begin_finish(&mut self) {
        self.phase = Phase::Finish;
        self.rank = Rank { packet: u64::MAX, class: Rank::BY_TIME, connection: 0 };
        self.placed = self.chunk.marks.len();
    }

    pub(crate) fn take(&mut self, empty: Chunk) -> Chunk {
        self.chunk_number = self.chunk_number.wrapping_add(1).max(1);
        self.placed = 0;
        self.sink.flush();
        std::mem::replace(&mut self.chunk, empty)
    }

    /// Takes the entries alone, so that what was told to flows can still be put right.
    pub(crate) fn take_entries(&mut self, empty: Chunk) -> Chunk {
        self.placed = 0;
        let flows = std::mem::take(&mut self.chunk.flows);
        std::mem::replace(&mut self.chunk, Chunk { flows, ..empty })
    }

    pub(crate) fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    pub(crate) fn flush(&mut self) {
        self.sink.flush();
    }

    pub(crate) fn count(&self, ledger: &mut Ledger) {
        for (position, &count) in self.entries.iter().enumerate().filter(|(_, count)| count.entries > 0) {
            ledger.add_protocol(self.settings.table.protocol_name(ProtocolIndex(position as u8)), count);
        }
        ledger.add_notes(self.notes);
        ledger.add_shown(self.shown);
        ledger.add_connections(self.connections);
        ledger.add_loss(&self.loss);
    }

    /// Runs a step of a conversation with what this worker lends to it.
    fn converse<R>(&mut self, step: impl FnOnce(&mut Desk<'_>) -> R) -> R {
        let mut desk = Desk {
            registry: &self.settings.registry,
            limits: &self.settings.limits,
            wants: &self.settings.wants,
            pool: &mut self.pool,
            messages: &mut self.messages,
            loss: &mut self.loss,
        };
        step(&mut desk)
    }

    /// Pairs the messages that came, and makes entries of the pairs.
    fn settle(&mut self, connection: &mut Connection, facts: &ConnectionFacts) {
        if self.messages.is_empty() {
            return;
        }
        let mut messages = std::mem::take(&mut self.messages);
        let mut pairs = std::mem::take(&mut self.pairs);
        for mut message in messages.drain(..) {
            if self.is_partial {
                message.is_partial = true;
                message.note("fragments of its datagram never came");
            }
            let mut emit = |pair| pairs.push(pair);
            connection.pairer.push(message, &self.settings.pairing, &mut self.loss, &mut emit);
        }
        for pair in pairs.drain(..) {
            self.pair(connection, facts, pair, Outcome::Open);
        }
        self.messages = messages;
        self.pairs = pairs;
    }

    /// Makes an entry of a pair. `unanswered` is the outcome of a request that will have no response.
    fn pair(&mut self, connection: &mut Connection, facts: &ConnectionFacts, pair: Pair, unanswered: Outcome) {
        connection.pairer.hand_over(&pair);
        if !self.settings.calls {
            self.recycle(pair.request);
            self.recycle(pair.response);
            return;
        }
        let Some(first) = pair.request.as_deref().or(pair.response.as_deref()) else { return };
        let (protocol, id, timestamp) = (first.protocol, entry_id(first.first, first.ordinal), first.first.time);
        let outcome = outcome(&pair, unanswered);
        let (elapsed_ns, first_byte_ns) = match (&pair.request, &pair.response) {
            (Some(request), Some(response)) => (
                Some(response.last.time.since(request.first.time)),
                Some(response.first.time.since(request.first.time)),
            ),
            _ => (None, None),
        };
        let mut notes = Notes::default();
        for half in [&pair.request, &pair.response].into_iter().flatten() {
            notes.append(&half.notes);
        }
        let context = self.context(connection, facts);
        let (mut client, mut server) = (facts.client, facts.server);
        if connection.conversation.is_flipped() != is_from_server(&pair) {
            std::mem::swap(&mut client, &mut server);
        }
        let index = connection.next_index;
        connection.next_index += 1;
        let entry = Entry {
            id,
            protocol,
            class: EntryClass::Call,
            connection: context,
            src: Party::new(client),
            dst: Party::new(server),
            index,
            timestamp,
            elapsed_ns,
            first_byte_ns,
            outcome,
            request: pair.request,
            response: pair.response,
            notes,
            extra: std::mem::take(&mut self.extra),
        };
        self.hold_or_emit(Row { entry, is_last: true }, connection);
    }

    /// Gives an entry on; live, it may have to wait for the processes at its ends, or for one before it of its connection
    /// that does.
    fn hold_or_emit(&mut self, row: Row, connection: &mut Connection) {
        let Some(ticket) = &connection.ticket else { return self.emit(row) };
        if ticket.is_settled() && !self.held.is_waiting(connection.held) {
            return self.identify(row, ticket);
        }
        connection.held = self.held.push(row, Arc::clone(ticket));
        while let Some((row, ticket)) = self.held.pop_excess() {
            self.identify(row, &ticket);
        }
    }

    /// Lets entries go on that have waited for the processes at their ends, or all of them.
    pub(crate) fn release(&mut self, now: Option<Instant>) {
        while let Some((row, ticket)) = self.held.pop(now) {
            self.identify(row, &ticket);
        }
    }

    fn identify(&mut self, mut row: Row, ticket: &Ticket) {
        let end = |known: Option<&Arc<Identity>>| Some(known.unwrap_or(&self.unresolved).clone());
        let entry = &mut row.entry;
        let is_client = entry.src.endpoint == entry.connection.facts.client;
        let (src, dst) =
            if is_client { (ticket.client(), ticket.server()) } else { (ticket.server(), ticket.client()) };
        entry.src.identity = end(src);
        entry.dst.identity = end(dst);
        self.emit(row);
    }

    fn recycle(&mut self, message: Option<Box<Message>>) {
        if let Some(message) = message {
            self.pool.give(message);
        }
    }

    /// Names the ends of an entry, and gives it to the sink where it meets the filter.
    fn emit(&mut self, row: Row) {
        let Row { mut entry, is_last } = row;
        if is_last {
            if let Some(count) = self.entries.get_mut(usize::from(entry.protocol.0)) {
                count.entries += 1;
                match entry.outcome {
                    Outcome::ClientError => count.client_errors += 1,
                    Outcome::ServerError | Outcome::Failed => count.errors += 1,
                    Outcome::Open | Outcome::Ok => {}
                }
            }
            if !entry.notes.is_empty() {
                self.notes += entry.notes.iter().count() as u64;
            }
        }
        entry.extra.clear();
        let (names, at) = (&self.settings.names, self.rank.packet);
        self.settings.name_ends(&mut entry, |ip| self.known_names.lookup(names, ip, at));
        if let Some(redactor) = &self.redactor {
            redactor.redact(&mut entry);
        }
        let filter = self.settings.filter.as_ref();
        if self.settings.registry.is_on(entry.protocol)
            && filter.is_none_or(|filter| filter.matches(self.settings.table, &entry))
            && self.scope.takes(&self.settings, &entry)
        {
            self.shown += u64::from(is_last);
            self.sink.entry(&entry, &mut self.chunk.bytes);
            self.chunk.marks.push(Mark { rank: self.rank, end: self.chunk.bytes.len() });
        }
        self.recycle(entry.request.take());
        self.recycle(entry.response.take());
        self.extra = entry.extra;
    }

    /// What all entries of a connection share.
    fn context(&self, connection: &mut Connection, facts: &ConnectionFacts) -> Arc<ConnectionContext> {
        if let Some(context) = &connection.context {
            return Arc::clone(context);
        }
        let wants = &self.settings.wants;
        let mut values = Values::default();
        if wants.common(fields::STREAM) {
            values.text_fmt(fields::STREAM, format_args!("{:x}", facts.id));
        }
        self.settings.place_values(facts, self.worker, &mut values);
        let context = Arc::new(ConnectionContext {
            facts: facts.clone(),
            flow_id: facts.flow_id(),
            local: self.settings.local_side(facts),
            capture: self.settings.capture,
            has_pcap: true,
            node_name: Arc::clone(&self.settings.node_name),
            values,
        });
        connection.context = Some(Arc::clone(&context));
        context
    }

    /// Gives up requests that have waited too long for their answers, on connections that still stand.
    pub(crate) fn give_up(&mut self, connection: &mut Connection, facts: &ConnectionFacts, now: Timestamp) {
        if connection.pairer.is_empty() {
            return;
        }
        let mut pairs = std::mem::take(&mut self.pairs);
        let longest = self.settings.pairing.answer_ns;
        connection.pairer.give_up(now, longest, &mut self.loss, &mut |pair| pairs.push(pair));
        for pair in pairs.drain(..) {
            self.pair(connection, facts, pair, Outcome::Failed);
        }
        self.pairs = pairs;
        self.reckon(connection, facts);
    }
}

impl Sink for Stage {
    type State = Connection;

    fn open(&mut self, facts: &ConnectionFacts) -> Connection {
        self.connections += 1;
        let mut connection = Connection {
            conversation: Conversation::new(facts, &self.settings.registry),
            pairer: Pairer::default(),
            context: None,
            next_index: 0,
            ticket: self.settings.resolver.as_ref().map(|resolver| resolver.observe(facts)),
            held: HeldNumber::default(),
            id: facts.id,
            held_bytes: 0,
            left_bytes: 0,
            opened: Place::default(),
            passed: Place::default(),
        };
        if self.settings.flows {
            self.tell_opening(&mut connection, facts);
        }
        connection
    }

    #[inline]
    fn packet(
        &mut self,
        connection: &mut Connection,
        direction: Direction,
        packet: PacketRef,
        packets: u64,
        bytes: u64,
    ) {
        if self.settings.flows {
            self.count_passed(connection, direction, packet.time, Rate { packets, bytes });
        }
    }

    fn data(&mut self, connection: &mut Connection, facts: &ConnectionFacts, data: &StreamData<'_>) -> Verdict {
        let arrival = Arrival {
            direction: data.direction,
            bytes: data.bytes,
            packet: data.packet,
            fragments: data.fragments,
            position: data.position,
            is_datagram: data.is_datagram,
            is_start: data.is_start,
            missing: data.missing,
            quoted_connection: data.quoted_connection,
        };
        let answer = self.converse(|desk| connection.conversation.data(desk, facts, &arrival));
        let turned = (answer == Answer::Turn).then(|| {
            let mut turned = facts.clone();
            std::mem::swap(&mut turned.client, &mut turned.server);
            turned
        });
        if let Some(turned) = &turned {
            connection.context = None;
            // Who serves is looked for elsewhere than who asks.
            connection.ticket = self.settings.resolver.as_ref().map(|resolver| resolver.observe(turned));
            if self.settings.flows {
                self.tell_turn(connection, turned);
            }
        }
        let facts = turned.as_ref().unwrap_or(facts);
        self.settle(connection, facts);
        self.reckon(connection, facts);
        verdict(answer)
    }

    fn gap(
        &mut self,
        connection: &mut Connection,
        facts: &ConnectionFacts,
        direction: Direction,
        length: u64,
        _packet: PacketRef,
    ) -> Verdict {
        let answer = self.converse(|desk| connection.conversation.gap(desk, facts, direction, length));
        self.settle(connection, facts);
        self.reckon(connection, facts);
        verdict(answer)
    }

    fn end(&mut self, connection: &mut Connection, facts: &ConnectionFacts, direction: Direction) {
        self.converse(|desk| connection.conversation.end(desk, facts, direction));
        self.settle(connection, facts);
        self.reckon(connection, facts);
    }

    fn is_holding_too_much(&self) -> bool {
        self.is_holding_much()
    }

    fn relieve(&mut self, connection: &mut Connection, facts: &ConnectionFacts) -> usize {
        self.relieve_connection(connection, facts)
    }

    fn summary(&mut self, connection: &mut Connection, summary: &ConnectionSummary, moment: Moment) {
        self.place(summary);
        let is_wanted = match moment {
            Moment::Opened => self.settings.revisions != Revisions::Last,
            Moment::Active => self.settings.revisions == Revisions::All,
            Moment::Over => false,
        };
        if is_wanted {
            self.connection_entry(connection, summary, false);
        }
        if self.settings.flows {
            let detected = detected(connection);
            self.tell(summary.facts.id, Told::Stands(Box::new(summary.clone()), detected));
        }
        self.placed = self.chunk.marks.len();
    }

    fn close(&mut self, mut connection: Connection, summary: ConnectionSummary) {
        self.place(&summary);
        let facts = &summary.facts;
        let mut conversation =
            std::mem::replace(&mut connection.conversation, Conversation::new(facts, &self.settings.registry));
        self.converse(|desk| conversation.close(desk, facts));
        connection.conversation = conversation;
        self.settle(&mut connection, facts);
        let unanswered = if summary.close == CloseReason::Open { Outcome::Open } else { Outcome::Failed };
        let mut pairs = std::mem::take(&mut self.pairs);
        connection.pairer.finish(&mut |pair| pairs.push(pair));
        for pair in pairs.drain(..) {
            self.pair(&mut connection, facts, pair, unanswered);
        }
        self.pairs = pairs;
        if connection.conversation.detected().is_empty() {
            let payload = summary.to_server.payload_bytes.saturating_add(summary.to_client.payload_bytes);
            self.loss.add(Cause::UnknownProtocol, payload);
        }
        self.let_go(&mut connection);
        self.connection_entry(&mut connection, &summary, true);
        if self.settings.flows {
            let detected = detected(&connection);
            self.tell(summary.facts.id, Told::Ended(Box::new(summary), detected));
        }
        self.placed = self.chunk.marks.len();
    }
}

impl Stage {
    /// Sets the place of entries that no packet of their own completes.
    fn place(&mut self, summary: &ConnectionSummary) {
        match self.phase {
            Phase::Packet => {}
            Phase::Timers => self.rank.connection = summary.last.number,
            Phase::Finish => self.rank.connection = summary.facts.first.number,
        }
        if self.phase == Phase::Packet {
            return;
        }
        // What waited for earlier bytes was given out before the summary told whose it was.
        for mark in self.chunk.marks.iter_mut().skip(self.placed) {
            mark.rank = self.rank;
        }
    }
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Continue => Verdict::Continue,
        Answer::Ignore => Verdict::Ignore,
        Answer::Turn => Verdict::Turn,
    }
}

/// The id of an entry: the number of the packet that it begins in, and its place among those that begin there.
pub(crate) fn entry_id(first: PacketRef, ordinal: u16) -> u64 {
    (first.number & MAX_PACKET_NUMBER) << 16 | u64::from(ordinal)
}

/// Whether a pair's request, or one-way message, went from the server to the client.
fn is_from_server(pair: &Pair) -> bool {
    match (&pair.request, &pair.response) {
        (Some(request), _) => request.role == Role::OneWay && request.direction == Direction::ToClient,
        _ => false,
    }
}

fn outcome(pair: &Pair, unanswered: Outcome) -> Outcome {
    match (&pair.request, &pair.response) {
        (_, Some(response)) if response.outcome != Outcome::Open => response.outcome,
        (Some(request), _) if request.outcome != Outcome::Open => request.outcome,
        (_, Some(_)) => Outcome::Ok,
        (Some(request), None) if request.role == Role::OneWay || request.pairing == PairKey::Alone => Outcome::Ok,
        _ => unanswered,
    }
}

/// Packet numbers are kept in 37 bits of an id, so that ids stay below 2^53.
const MAX_PACKET_NUMBER: u64 = (1 << 37) - 1;
