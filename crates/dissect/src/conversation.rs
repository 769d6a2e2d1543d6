//! One connection on its way through the protocols: probing, dissecting, retraction, resync and hand-off.
//!
//! It keeps what a dissector left over and gives it again with what comes next; where nothing is left over, the
//! dissector reads the packet's own bytes. Over a limit it gives up bytes, counts them, and goes on.

mod gaps;
mod held;
mod preamble;
mod probing;
mod watch;

use lanternfish_model::{
    Cause, ConnectionFacts, Direction, Loss, Message, PacketRef, PairKey, ProtocolIndex, StreamPosition, Wants,
};
use smallvec::SmallVec;

use crate::pending::Pending;
use crate::{Chunk, Dissector, Handoff, Limits, MessagePool, Out, Progress, Registry, Session, Source};

/// Bytes that came for a connection.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The way they went, by the roles of the connection table.
    pub direction: Direction,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The packet that they came in.
    pub packet: PacketRef,
    /// Further packets that they came in (IP fragments).
    pub fragments: &'a [PacketRef],
    /// Where the first of them stands in the connection; none for a datagram.
    pub position: Option<StreamPosition>,
    /// Whether they are one whole datagram.
    pub is_datagram: bool,
    /// Whether they are the very first of the stream.
    pub is_start: bool,
    /// Bytes of the datagram that the capture did not keep.
    pub missing: u32,
    /// For an ICMP error, the id of the connection that it speaks of, where known.
    pub quoted_connection: Option<u64>,
}

/// What the connection table is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Continue,
    /// No protocol is known for these bytes: give no more.
    Ignore,
    /// Client and server are the other way round; they were only a guess.
    Turn,
}

/// What a worker lends to each conversation in turn.
pub struct Desk<'a> {
    /// The protocols.
    pub registry: &'a Registry,
    /// The named limits.
    pub limits: &'a Limits,
    /// Which fields somebody will read.
    pub wants: &'a Wants,
    /// Messages to be used again.
    pub pool: &'a mut MessagePool,
    /// Whole messages come here.
    pub messages: &'a mut Vec<Box<Message>>,
    /// The loss ledger of the worker.
    pub loss: &'a mut Loss,
}

enum State {
    Probing { candidates: u64 },
    Active(Active),
    Watching(watch::Watch),
    Unknown,
}

struct Active {
    protocol: ProtocolIndex,
    dissector: Box<dyn Dissector>,
    has_emitted: bool,
    is_lost: [bool; 2],
    /// Whether messages may have been lost since the last one of the direction.
    has_lost: [bool; 2],
}

impl Active {
    /// Looks at the messages that the dissector has just emitted: the first of a direction behind a loss cannot be matched
    /// by counting.
    fn emitted(&mut self, desk: &mut Desk<'_>, from: usize) {
        self.has_emitted |= desk.messages.len() > from;
        if self.has_lost == [false, false] {
            return;
        }
        for message in desk.messages.iter_mut().skip(from) {
            let side = message.direction.index();
            if self.has_lost.get(side) == Some(&true) {
                set(&mut self.has_lost, side, false);
                if message.pairing == PairKey::InOrder {
                    message.pairing = PairKey::AfterLoss;
                }
            }
        }
    }
}

/// The dissection of one connection.
pub struct Conversation {
    state: State,
    pending: [Option<Box<Pending>>; 2],
    session: Session,
    /// Whether the bytes held for probing begin at the start of their stream.
    is_start: [bool; 2],
    /// Bytes by direction that never came behind those held for probing.
    gaps: [u64; 2],
    /// Whether bytes by direction never came before a protocol was found.
    has_lost_before: [bool; 2],
    /// Bytes behind such gaps that told nothing.
    passed_bytes: u64,
    /// Looks at bytes that told nothing, by direction.
    fruitless: [u8; 2],
    /// Protocols that were taken back.
    retracted: u64,
    handoffs: u8,
    /// Whether requests come from the end that accepted the connection.
    is_flipped: bool,
    detected: SmallVec<[ProtocolIndex; 2]>,
}

impl Conversation {
    /// Begins a connection.
    pub fn new(facts: &ConnectionFacts, registry: &Registry) -> Conversation {
        Conversation {
            state: State::Probing { candidates: registry.candidates(facts.transport) },
            pending: [None, None],
            session: Session::default(),
            is_start: [true, true],
            gaps: [0, 0],
            has_lost_before: [false, false],
            passed_bytes: 0,
            fruitless: [0, 0],
            retracted: 0,
            handoffs: 0,
            is_flipped: false,
            detected: SmallVec::new(),
        }
    }

    /// The protocols found so far, in the order they were found.
    pub fn detected(&self) -> &[ProtocolIndex] {
        &self.detected
    }

    /// Whether requests come from the end that accepted the connection: its messages go the other way round.
    pub fn is_flipped(&self) -> bool {
        self.is_flipped
    }

    /// Takes bytes.
    pub fn data(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, arrival: &Arrival<'_>) -> Answer {
        let mut sources: SmallVec<[Source; 4]> = SmallVec::new();
        sources.extend(arrival.fragments.iter().map(|&packet| Source { end: 0, packet, position: None }));
        let position = arrival
            .position
            .map(|first| StreamPosition { sequence: first.sequence.wrapping_add(arrival.bytes.len() as u32), ..first });
        sources.push(Source { end: arrival.bytes.len(), packet: arrival.packet, position });
        let direction = if self.is_flipped { arrival.direction.reverse() } else { arrival.direction };
        let chunk = Chunk {
            direction,
            bytes: arrival.bytes,
            is_datagram: arrival.is_datagram,
            missing: arrival.missing,
            quoted_connection: arrival.quoted_connection,
            sources: &sources,
        };
        match &self.state {
            State::Active(_) => self.dissect(desk, facts, &chunk),
            State::Probing { .. } => return self.probe(desk, facts, &chunk, arrival.is_start),
            State::Watching(_) => return self.watch(desk, facts, &chunk),
            State::Unknown => return Answer::Ignore,
        }
        self.answer()
    }

    fn answer(&self) -> Answer {
        match self.state {
            State::Unknown => Answer::Ignore,
            _ => Answer::Continue,
        }
    }

    /// Gives bytes to the dissector, joined with what was left over.
    fn dissect(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, chunk: &Chunk<'_>) {
        let side = chunk.direction.index();
        let Some(mut pending) = self.take_pending(side) else {
            self.drive(desk, facts, chunk);
            return;
        };
        if chunk.is_datagram || pending.len() == 0 {
            self.put_pending(side, pending);
            self.drive(desk, facts, chunk);
            return;
        }
        if pending.len().saturating_add(chunk.bytes.len()) > desk.limits.pending_bytes {
            desk.loss.add(Cause::LimitReached, 1);
            self.lose_framing(desk, facts, &pending, chunk.direction, 0);
            pending.clear();
            self.put_pending(side, pending);
            self.drive(desk, facts, chunk);
            return;
        }
        pending.add(chunk.bytes, chunk.sources);
        if pending.len() < pending.needed {
            self.put_pending(side, pending);
            return;
        }
        let joined = pending.chunk(chunk.direction);
        let consumed = self.drive_from(desk, facts, &joined);
        match consumed {
            Some((consumed, needed)) => {
                pending.consume(consumed);
                pending.needed = needed;
                self.merge_pending(side, pending);
            }
            None => pending.clear(),
        }
    }

    /// Gives a chunk to the dissector and keeps what is left over.
    fn drive(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, chunk: &Chunk<'_>) {
        let Some((consumed, needed)) = self.drive_from(desk, facts, chunk) else { return };
        if chunk.is_datagram {
            return;
        }
        let rest = chunk.bytes.get(consumed..).unwrap_or_default();
        if rest.is_empty() {
            return;
        }
        let side = chunk.direction.index();
        let mut pending = self.take_pending(side).unwrap_or_default();
        pending.clear();
        let sources: SmallVec<[Source; 4]> = chunk
            .sources
            .iter()
            .filter(|source| source.end > consumed || (source.end == 0 && consumed == 0))
            .map(|source| Source { end: source.end.saturating_sub(consumed), ..*source })
            .collect();
        pending.add(rest, &sources);
        pending.needed = needed;
        self.put_pending(side, pending);
    }

    /// Drives the dissector over a chunk until it wants more; gives the bytes consumed and those needed from there,
    /// or `None` where all of it is done with.
    fn drive_from(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
    ) -> Option<(usize, usize)> {
        let side = chunk.direction.index();
        let mut at = 0;
        let mut sources: SmallVec<[Source; 4]> = SmallVec::new();
        loop {
            let State::Active(active) = &mut self.state else {
                return self.after_dissection(desk, facts, chunk, at);
            };
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            if rest.is_empty() && !(chunk.is_datagram && at == 0) {
                return None;
            }
            if active.is_lost.get(side).copied().unwrap_or(false) {
                match active.dissector.resync(chunk.direction, rest) {
                    Some(skip) => {
                        desk.loss.add(Cause::Resync, skip.min(rest.len()) as u64);
                        at = at.saturating_add(skip);
                        set(&mut active.is_lost, side, false);
                        continue;
                    }
                    None => {
                        let kept = rest.len().min(RESYNC_TAIL_BYTES);
                        desk.loss.add(Cause::Resync, (rest.len() - kept) as u64);
                        // The tail may hold the beginning of a message; it is looked at again with one more byte.
                        return if chunk.is_datagram { None } else { Some((chunk.bytes.len() - kept, kept + 1)) };
                    }
                }
            }
            let part = if at == 0 { *chunk } else { tail(chunk, at, &mut sources) };
            let before = desk.messages.len();
            let progress = {
                let mut out = out(desk, facts, active.protocol, &mut self.session);
                active.dissector.data(&part, &mut out)
            };
            active.emitted(desk, before);
            match progress {
                Progress::Done => return None,
                Progress::Incomplete { consumed, needed } => {
                    let consumed = consumed.min(rest.len());
                    let left = rest.len() - consumed;
                    if left == 0 {
                        return None;
                    }
                    return Some((at + consumed, needed.max(left + 1)));
                }
                Progress::Desync { consumed } => {
                    let consumed = consumed.min(rest.len());
                    at += consumed;
                    if !active.has_emitted {
                        self.retract(desk);
                        continue;
                    }
                    if chunk.is_datagram {
                        return None;
                    }
                    set(&mut active.has_lost, side, true);
                    let lost = chunk.bytes.get(at..).unwrap_or_default();
                    let after = lost.get(1..).unwrap_or_default();
                    match active.dissector.resync(chunk.direction, after) {
                        Some(skip) => {
                            let skip = skip.min(after.len()).saturating_add(1);
                            desk.loss.add(Cause::Resync, skip as u64);
                            at += skip;
                        }
                        None => {
                            set(&mut active.is_lost, side, true);
                            let kept = after.len().min(RESYNC_TAIL_BYTES);
                            desk.loss.add(Cause::Resync, (lost.len() - kept) as u64);
                            return Some((chunk.bytes.len() - kept, kept + 1));
                        }
                    }
                }
                Progress::Handoff { consumed, to } => {
                    at += consumed.min(rest.len());
                    self.hand_off(desk, facts, to);
                }
            }
        }
    }

    /// The state is no longer a dissector's: the rest of a chunk goes to probing, with what waits in the other direction.
    fn after_dissection(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
        at: usize,
    ) -> Option<(usize, usize)> {
        let mut sources: SmallVec<[Source; 4]> = SmallVec::new();
        let rest = tail(chunk, at, &mut sources);
        if !rest.bytes.is_empty() && matches!(self.state, State::Probing { .. }) {
            let is_start = self.is_start.get(chunk.direction.index()).copied().unwrap_or(false);
            self.probe(desk, facts, &rest, is_start);
        }
        let other = chunk.direction.reverse();
        if let Some(waiting) = self.take_pending(other.index())
            && waiting.len() > 0
        {
            let held = waiting.chunk(other);
            match self.state {
                State::Probing { .. } => {
                    let is_start = self.is_start.get(other.index()).copied().unwrap_or(false);
                    self.probe(desk, facts, &held, is_start);
                }
                State::Active(_) => self.drive(desk, facts, &held),
                State::Watching(_) | State::Unknown => {}
            }
        }
        None
    }

    fn retract(&mut self, desk: &mut Desk<'_>) {
        let State::Active(active) = &self.state else { return };
        desk.loss.add(Cause::Retracted, 1);
        let bit = 1u64.checked_shl(u32::from(active.protocol.0)).unwrap_or(0);
        self.retracted |= bit;
        let protocol = active.protocol;
        self.detected.retain(|&mut known| known != protocol);
        self.state = State::Probing { candidates: u64::MAX };
    }

    fn hand_off(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, to: Handoff) {
        self.handoffs = self.handoffs.saturating_add(1);
        if usize::from(self.handoffs) > desk.limits.handoffs {
            desk.loss.add(Cause::LimitReached, 1);
            self.state = State::Unknown;
            return;
        }
        self.is_start = [true, true];
        self.fruitless = [0, 0];
        self.retracted = 0;
        let known = match to {
            Handoff::To(name) => desk.registry.find(name),
            Handoff::Probe => None,
        };
        match known {
            Some(protocol) => self.activate(desk, facts, protocol),
            None => self.state = State::Probing { candidates: u64::MAX },
        }
    }

    fn activate(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, protocol: ProtocolIndex) {
        let Some(known) = desk.registry.protocol(protocol) else {
            self.state = State::Unknown;
            return;
        };
        if !self.detected.contains(&protocol) && self.detected.len() < desk.limits.handoffs {
            self.detected.push(protocol);
        }
        self.state = State::Active(Active {
            protocol,
            dissector: known.open(facts),
            has_emitted: false,
            is_lost: [false, false],
            has_lost: std::mem::take(&mut self.has_lost_before),
        });
    }

    /// Learns that the sender of a direction has finished.
    pub fn end(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, direction: Direction) {
        let direction = if self.is_flipped { direction.reverse() } else { direction };
        let pending = self.take_pending(direction.index()).unwrap_or_default();
        let State::Active(active) = &mut self.state else {
            self.put_pending(direction.index(), pending);
            return;
        };
        let is_lost = active.is_lost.get(direction.index()).copied().unwrap_or(false);
        let empty = Pending::default();
        let held = if is_lost { &empty } else { &*pending };
        if is_lost {
            desk.loss.add(Cause::Resync, pending.len() as u64);
        }
        let before = desk.messages.len();
        active.dissector.end(&held.chunk(direction), &mut out(desk, facts, active.protocol, &mut self.session));
        active.emitted(desk, before);
    }

    /// Learns that the connection is over.
    pub fn close(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts) {
        let held = [self.take_pending(0).unwrap_or_default(), self.take_pending(1).unwrap_or_default()];
        let State::Active(active) = &mut self.state else { return };
        for pending in held.iter().zip(active.is_lost).filter_map(|(pending, is_lost)| is_lost.then_some(pending)) {
            desk.loss.add(Cause::Resync, pending.len() as u64);
        }
        let empty = Pending::default();
        let chunk = |side: usize, direction: Direction| {
            let is_lost = active.is_lost.get(side).copied().unwrap_or(false);
            let pending = held.get(side).filter(|_| !is_lost).map_or(&empty, |held| held);
            pending.chunk(direction)
        };
        let chunks = [chunk(0, Direction::ToServer), chunk(1, Direction::ToClient)];
        let before = desk.messages.len();
        let mut out = out(desk, facts, active.protocol, &mut self.session);
        active.dissector.close([&chunks[0], &chunks[1]], &mut out);
        active.emitted(desk, before);
    }

    fn take_pending(&mut self, side: usize) -> Option<Box<Pending>> {
        self.pending.get_mut(side).and_then(Option::take)
    }

    fn put_pending(&mut self, side: usize, pending: Box<Pending>) {
        if let Some(slot) = self.pending.get_mut(side) {
            *slot = Some(pending);
        }
    }

    /// Puts bytes back, unless the direction got others while they were out.
    fn merge_pending(&mut self, side: usize, pending: Box<Pending>) {
        if let Some(slot) = self.pending.get_mut(side)
            && slot.as_ref().is_none_or(|held| held.len() == 0)
        {
            *slot = Some(pending);
        }
    }
}

fn out<'a>(
    desk: &'a mut Desk<'_>,
    facts: &'a ConnectionFacts,
    protocol: ProtocolIndex,
    session: &'a mut Session,
) -> Out<'a> {
    Out {
        protocol,
        facts,
        limits: desk.limits,
        wants: desk.wants,
        pool: desk.pool,
        session,
        messages: desk.messages,
        loss: desk.loss,
    }
}

/// The part of a chunk from an offset on.
fn tail<'a>(chunk: &Chunk<'a>, at: usize, sources: &'a mut SmallVec<[Source; 4]>) -> Chunk<'a> {
    sources.clear();
    let rest = chunk.sources.iter().filter(|source| source.end > at);
    sources.extend(rest.map(|source| Source { end: source.end - at, ..*source }));
    Chunk { bytes: chunk.bytes.get(at..).unwrap_or_default(), sources, ..*chunk }
}

fn set<T>(slots: &mut [T; 2], side: usize, value: T) {
    if let Some(slot) = slots.get_mut(side) {
        *slot = value;
    }
}

/// Bytes kept when no boundary was found: the beginning of a message may be among them.
const RESYNC_TAIL_BYTES: usize = 32;
