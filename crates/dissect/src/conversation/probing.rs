//! Which protocol bytes are of: candidates are asked until one is certain, or all have said no.

use lanternfish_model::{Cause, ConnectionFacts, Direction, ProtocolIndex};

use smallvec::SmallVec;

use super::preamble::{self, Preamble};
use super::{Answer, Conversation, State, set};
use crate::pending::Pending;
use crate::{Chunk, Desk, Head, Probe, Sender, Session};

impl Conversation {
    /// Looks for the protocol of bytes.
    pub(super) fn probe(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
        is_start: bool,
    ) -> Answer {
        let side = chunk.direction.index();
        if chunk.is_datagram {
            return self.probe_datagram(desk, facts, chunk, is_start);
        }
        if self.gaps.get(side).is_some_and(|&gap| gap > 0) {
            return self.probe_behind_gap(desk, facts, chunk);
        }
        let mut pending = self.take_pending(side).unwrap_or_default();
        if pending.len() == 0 {
            set(&mut self.is_start, side, is_start && self.fruitless == [0, 0]);
            if self.handoffs > 0 && self.fruitless == [0, 0] {
                set(&mut self.is_start, side, true);
            }
        }
        let earlier_bytes = pending.len();
        pending.add(chunk.bytes, chunk.sources);
        let is_start = self.is_start.get(side).copied().unwrap_or(false);
        if is_start && !self.pass_preamble(desk, &mut pending) {
            self.put_pending(side, pending);
            return Answer::Continue;
        }
        let held = pending.chunk(chunk.direction);
        let (found, left) = self.scan(desk, facts, &held, is_start);
        if let Some((protocol, sender)) = found {
            return self.confirm(desk, facts, &held, protocol, sender);
        }
        if earlier_bytes > 0 && !is_start {
            // In the middle of a stream what came before may be the rest of something else (a keep-alive probe, a body).
            let (found, _) = self.scan(desk, facts, chunk, false);
            if let Some((protocol, sender)) = found {
                desk.loss.add(Cause::UnknownProtocol, earlier_bytes as u64);
                return self.confirm(desk, facts, chunk, protocol, sender);
            }
        }
        // What came may be the answer that makes the other direction's bytes certain.
        let across = self.take_pending(1 - side).filter(|theirs| theirs.len() > 0);
        if let Some(theirs) = across {
            self.put_pending(side, pending);
            let is_their_start = self.is_start.get(1 - side).copied().unwrap_or(false);
            let held = theirs.chunk(chunk.direction.reverse());
            let (found, _) = self.scan(desk, facts, &held, is_their_start);
            if let Some((protocol, sender)) = found {
                return self.confirm(desk, facts, &held, protocol, sender);
            }
            self.put_pending(1 - side, theirs);
            pending = self.take_pending(side).unwrap_or_default();
        }
        let answer = self.no_match(desk, facts, &pending.chunk(chunk.direction), is_start, left);
        match self.state {
            State::Probing { .. } if self.fruitless.get(side) == Some(&0) => self.merge_pending(side, pending),
            // The segment that ruled the last protocol out may itself begin one.
            State::Watching(_) if earlier_bytes > 0 => return self.watch(desk, facts, chunk),
            _ => {}
        }
        answer
    }

    /// Looks at bytes behind a gap, before which others are held that told nothing yet.
    fn probe_behind_gap(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, chunk: &Chunk<'_>) -> Answer {
        let (found, _) = self.scan(desk, facts, chunk, false);
        if let Some((protocol, sender)) = found {
            return self.confirm(desk, facts, chunk, protocol, sender);
        }
        let side = chunk.direction.index();
        let tries = self.fruitless.get(side).copied().unwrap_or(0).saturating_add(1);
        set(&mut self.fruitless, side, tries);
        self.passed_bytes = self.passed_bytes.saturating_add(chunk.bytes.len() as u64);
        if tries >= MAX_FRUITLESS_LOOKS { self.give_up(facts, chunk) } else { Answer::Continue }
    }

    /// Drops a preamble that a proxy put before the stream. Tells whether there is anything behind it to be looked at.
    fn pass_preamble(&mut self, desk: &Desk<'_>, pending: &mut Pending) -> bool {
        while usize::from(self.handoffs) < desk.limits.handoffs {
            match preamble::find(pending.bytes()) {
                Preamble::Whole(length) => {
                    // The stream begins behind it.
                    self.handoffs = self.handoffs.saturating_add(1);
                    pending.consume(length);
                }
                Preamble::Maybe if pending.len() > 0 => return false,
                Preamble::Maybe | Preamble::No => break,
            }
        }
        pending.len() > 0
    }

    /// Looks for the protocol of a datagram.
    fn probe_datagram(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
        is_start: bool,
    ) -> Answer {
        match self.scan(desk, facts, chunk, is_start) {
            (Some((protocol, sender)), _) => self.confirm(desk, facts, chunk, protocol, sender),
            (None, left) => self.no_match(desk, facts, chunk, is_start, left),
        }
    }

    /// Asks the candidates; gives the one that is certain, else those that want more bytes.
    fn scan(
        &self,
        desk: &Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
        is_start: bool,
    ) -> (Option<(ProtocolIndex, Sender)>, u64) {
        let State::Probing { candidates } = self.state else { return (None, 0) };
        let other = self.pending.get(1 - chunk.direction.index()).and_then(Option::as_deref);
        let head = Head {
            direction: chunk.direction,
            bytes: chunk.bytes,
            other: other.map_or(&[], Pending::bytes),
            is_start,
            is_datagram: chunk.is_datagram,
            facts,
        };
        let is_known_role = !is_start && !chunk.is_datagram && !facts.is_midstream && !self.is_flipped;
        let mut left = 0u64;
        let mut remaining = candidates & desk.registry.candidates(facts.transport) & !self.retracted;
        while remaining != 0 {
            let position = remaining.trailing_zeros();
            remaining &= remaining - 1;
            let index = ProtocolIndex(position as u8);
            let Some(protocol) = desk.registry.protocol(index) else { continue };
            match protocol.probe(&head) {
                // The handshake told who is the client: a piece from the middle that looks like the other side's is no proof.
                Probe::Match(sender) if is_known_role && is_against(sender, chunk.direction) => {}
                Probe::Match(sender) => return (Some((index, sender)), left),
                Probe::NeedMore => left |= 1u64 << position,
                Probe::NoMatch => {}
            }
        }
        (None, left)
    }

    /// Nothing matched: waits for more bytes, tries the next ones, or gives up.
    fn no_match(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
        is_start: bool,
        left: u64,
    ) -> Answer {
        let side = chunk.direction.index();
        if left != 0 && !chunk.is_datagram && chunk.bytes.len() < desk.limits.probe_bytes {
            // While the stream's start is held, only those that asked for more stay candidates.
            if is_start {
                self.state = State::Probing { candidates: left };
            }
            set(&mut self.fruitless, side, 0);
            return Answer::Continue;
        }
        let tries = self.fruitless.get(side).copied().unwrap_or(0).saturating_add(1);
        set(&mut self.fruitless, side, tries);
        let is_final =
            if chunk.is_datagram || !is_start || facts.is_midstream { tries >= MAX_FRUITLESS_LOOKS } else { true };
        if is_final {
            return self.give_up(facts, chunk);
        }
        self.state = State::Probing { candidates: u64::MAX };
        Answer::Continue
    }

    /// A protocol was found: settles the roles, then gives it all bytes held, those of the earlier packet first.
    pub(super) fn confirm(
        &mut self,
        desk: &mut Desk<'_>,
        facts: &ConnectionFacts,
        chunk: &Chunk<'_>,
        protocol: ProtocolIndex,
        sender: Sender,
    ) -> Answer {
        let is_reversed = is_against(sender, chunk.direction);
        let (side, other_side) = (chunk.direction.index(), 1 - chunk.direction.index());
        let gaps = std::mem::take(&mut self.gaps);
        let gap_of = |side: usize| gaps.get(side).copied().unwrap_or(0);
        // Bytes of the same direction before a gap; where there are none, the gap is behind those that matched.
        let before = self.take_pending(side).filter(|held| held.len() > 0);
        let other = self.take_pending(other_side).filter(|held| held.len() > 0);
        let mut direction = chunk.direction;
        let mut is_turned = false;
        if is_reversed {
            direction = direction.reverse();
            self.session = Session::default();
            if facts.is_midstream && self.detected.is_empty() && !self.is_flipped {
                is_turned = true;
            } else {
                self.is_flipped = !self.is_flipped;
            }
        }
        let turned_facts;
        let facts = if is_turned {
            let mut turned = facts.clone();
            std::mem::swap(&mut turned.client, &mut turned.server);
            turned_facts = turned;
            &turned_facts
        } else {
            facts
        };
        self.activate(desk, facts, protocol);
        desk.loss.add(Cause::UnknownProtocol, std::mem::take(&mut self.passed_bytes));
        let chunk = Chunk { direction, ..*chunk };
        let other = other.as_deref().map(|held| (held.chunk(direction.reverse()), gap_of(other_side)));
        let gap_behind = if before.is_some() { 0 } else { gap_of(side) };
        let before = before.as_deref().map(|held| (held.chunk(direction), gap_of(side)));
        let mut parts: SmallVec<[(Chunk<'_>, u64); 3]> = SmallVec::new();
        parts.extend(before);
        parts.push((chunk, gap_behind));
        if let Some(other) = other {
            // The earlier packet first.
            let number = other.0.packet_at(0).number;
            let place = parts.iter().position(|(part, _)| number < part.packet_at(0).number).unwrap_or(parts.len());
            parts.insert(place, other);
        }
        for (part, gap) in parts {
            self.give_held(desk, facts, &part, gap);
        }
        if is_turned { Answer::Turn } else { self.answer() }
    }

    pub(super) fn continue_with(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, chunk: &Chunk<'_>) {
        match self.state {
            State::Active(_) => self.dissect(desk, facts, chunk),
            State::Probing { .. } => {
                self.probe(desk, facts, chunk, false);
            }
            State::Watching(_) | State::Unknown => {}
        }
    }
}

/// Whether bytes of this sender do not go this way by the roles assumed so far.
fn is_against(sender: Sender, direction: Direction) -> bool {
    matches!((sender, direction), (Sender::Client, Direction::ToClient) | (Sender::Server, Direction::ToServer))
}

/// Looks at bytes in the middle of a stream, or at datagrams, before the protocol counts as unknown.
const MAX_FRUITLESS_LOOKS: u8 = 24;
