//! Connections that begin with bytes of no known protocol: a protocol may follow them (STARTTLS), so that the first
//! segments are looked at one by one before the connection is ignored.

use lanternfish_model::{Cause, ConnectionFacts, ProtocolIndex, Transport};

use super::{Answer, Conversation, State};
use crate::{Chunk, Desk, Head};

/// What was seen while no protocol was known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    segments: u8,
    bytes: u64,
}

impl Conversation {
    /// Nothing matched the bytes held: goes on to look for what may follow them, where anything can.
    pub(super) fn give_up(&mut self, facts: &ConnectionFacts, chunk: &Chunk<'_>) -> Answer {
        let other = self.pending.get(1 - chunk.direction.index()).and_then(Option::as_ref).map_or(0, |held| held.len());
        self.pending = [None, None];
        self.gaps = [0, 0];
        if facts.transport != Transport::Tcp || facts.is_midstream {
            self.state = State::Unknown;
            return Answer::Ignore;
        }
        self.state = State::Watching(Watch { segments: 0, bytes: chunk.bytes.len().saturating_add(other) as u64 });
        Answer::Continue
    }

    /// Looks whether a protocol begins with a segment.
    pub(super) fn watch(&mut self, desk: &mut Desk<'_>, facts: &ConnectionFacts, chunk: &Chunk<'_>) -> Answer {
        let State::Watching(watch) = &mut self.state else { return self.answer() };
        let head = Head {
            direction: chunk.direction,
            bytes: chunk.bytes,
            other: &[],
            is_start: false,
            is_datagram: false,
            facts,
        };
        let mut remaining = desk.registry.candidates(facts.transport) & !self.retracted;
        while remaining != 0 {
            let index = ProtocolIndex(remaining.trailing_zeros() as u8);
            remaining &= remaining - 1;
            let Some(protocol) = desk.registry.protocol(index) else { continue };
            if let Some(sender) = protocol.probe_late(&head) {
                desk.loss.add(Cause::UnknownProtocol, watch.bytes);
                return self.confirm(desk, facts, chunk, index, sender);
            }
        }
        watch.bytes = watch.bytes.saturating_add(chunk.bytes.len() as u64);
        watch.segments = watch.segments.saturating_add(1);
        if watch.segments >= MAX_SEGMENTS {
            self.state = State::Unknown;
        }
        self.answer()
    }
}

/// Segments of both directions within which a protocol may follow bytes that are not known.
const MAX_SEGMENTS: u8 = 48;
