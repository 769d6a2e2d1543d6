//! The two carriers of DNS messages: datagrams, and streams with a length before each message (RFC 7766 section 8).

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Out, Progress};
use lanternfish_model::Direction;

use super::frame::Header;
use super::message::{Span, emit};
use super::probe::framed;
use super::waiting::Waiting;

/// One message a datagram.
#[derive(Default)]
pub struct Datagrams {
    waiting: Waiting,
}

impl Dissector for Datagrams {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let is_message = is_message(chunk.bytes);
        if !is_message && chunk.missing == 0 {
            return Progress::Desync { consumed: 0 };
        }
        let span = Span { begin: 0, at: 0, end: chunk.bytes.len(), missing: chunk.missing as usize };
        emit(chunk, span, &mut self.waiting, out);
        Progress::Done
    }

    fn gap(&mut self, _pending: &Chunk<'_>, _length: u64, _out: &mut Out<'_>) -> GapVerdict {
        // Each datagram stands for itself: a lost one breaks no framing.
        GapVerdict::Absorbed
    }

    fn resync(&mut self, _direction: Direction, bytes: &[u8]) -> Option<usize> {
        is_message(bytes).then_some(0)
    }

    fn held_bytes(&self) -> usize {
        self.waiting.footprint_bytes()
    }

    fn shed(&mut self, _out: &mut Out<'_>) {
        self.waiting = Waiting::default();
    }

    fn end(&mut self, _pending: &Chunk<'_>, _out: &mut Out<'_>) {}

    fn close(&mut self, _pending: [&Chunk<'_>; 2], _out: &mut Out<'_>) {}
}

/// Whether a datagram may be a message: with an opcode that is not assigned only where the counts fit its length.
fn is_message(bytes: &[u8]) -> bool {
    Header::read(bytes)
        .is_some_and(|header| header.is_plausible(if header.has_known_opcode() { 0 } else { bytes.len() }))
}

/// Messages with their length before them.
#[derive(Default)]
pub struct Stream {
    waiting: Waiting,
    /// Bytes by direction that belong to a message that was given up for a gap.
    skip: [usize; 2],
}

impl Stream {
    fn skip(&mut self, direction: Direction, at: usize, length: usize) -> usize {
        let Some(skip) = self.skip.get_mut(direction.index()) else { return at };
        let step = (*skip).min(length.saturating_sub(at));
        *skip = skip.saturating_sub(step);
        at.saturating_add(step)
    }

    fn emit_rest(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        if pending.bytes.is_empty() {
            return;
        }
        let announced = announced(pending.bytes, 0).unwrap_or(0);
        let there = pending.bytes.len().saturating_sub(PREFIX);
        let span = Span {
            begin: 0,
            at: PREFIX.min(pending.bytes.len()),
            end: pending.bytes.len(),
            missing: announced.saturating_sub(there).max(1),
        };
        emit(pending, span, &mut self.waiting, out);
    }
}

impl Dissector for Stream {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let mut at = self.skip(chunk.direction, 0, chunk.bytes.len());
        while at < chunk.bytes.len() {
            let Some(length) = announced(chunk.bytes, at) else {
                return Progress::Incomplete { consumed: at, needed: PREFIX };
            };
            let message_at = at.saturating_add(PREFIX);
            let end = message_at.saturating_add(length);
            let there = chunk.bytes.get(message_at..end.min(chunk.bytes.len())).unwrap_or_default();
            let is_broken = match Header::read(there) {
                Some(header) => !header.has_known_opcode() || !header.is_plausible(0),
                None => length < Header::LENGTH,
            };
            if is_broken {
                return Progress::Desync { consumed: at };
            }
            if end > chunk.bytes.len() {
                return Progress::Incomplete { consumed: at, needed: PREFIX.saturating_add(length) };
            }
            emit(chunk, Span { begin: at, at: message_at, end, missing: 0 }, &mut self.waiting, out);
            at = end;
        }
        Progress::Done
    }

    fn gap(&mut self, pending: &Chunk<'_>, length: u64, out: &mut Out<'_>) -> GapVerdict {
        let gap = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(skip) = self.skip.get_mut(pending.direction.index()) else { return GapVerdict::Lost };
        let rest = match announced(pending.bytes, 0) {
            _ if *skip > 0 && pending.bytes.is_empty() => *skip,
            Some(announced) => PREFIX.saturating_add(announced).saturating_sub(pending.bytes.len()),
            None => 0,
        };
        if rest < gap {
            *skip = 0;
            self.emit_rest(pending, out);
            return GapVerdict::Lost;
        }
        *skip = rest.saturating_sub(gap);
        self.emit_rest(pending, out);
        GapVerdict::Absorbed
    }

    fn resync(&mut self, direction: Direction, bytes: &[u8]) -> Option<usize> {
        if let Some(skip) = self.skip.get_mut(direction.index()) {
            *skip = 0;
        }
        let last = bytes.len().saturating_sub(PREFIX.saturating_add(Header::LENGTH));
        (0..=last).find(|&at| {
            // A message that is not there whole is taken only if it begins here, where the stream goes on.
            let rest = bytes.get(at..).unwrap_or_default();
            rest.len() > PREFIX.saturating_add(Header::LENGTH)
                && framed(rest).is_some_and(|is_whole| is_whole || at == 0)
        })
    }

    fn held_bytes(&self) -> usize {
        self.waiting.footprint_bytes()
    }

    fn shed(&mut self, _out: &mut Out<'_>) {
        self.waiting = Waiting::default();
    }

    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        self.emit_rest(pending, out);
    }

    fn close(&mut self, pending: [&Chunk<'_>; 2], out: &mut Out<'_>) {
        for chunk in pending {
            self.emit_rest(chunk, out);
        }
    }
}

/// The length that stands before a message.
fn announced(bytes: &[u8], at: usize) -> Option<usize> {
    let prefix = bytes.get(at..)?.first_chunk::<PREFIX>()?;
    Some(usize::from(u16::from_be_bytes(*prefix)))
}

/// The bytes of the length.
const PREFIX: usize = 2;
