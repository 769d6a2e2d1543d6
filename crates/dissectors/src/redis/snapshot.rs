//! The snapshot that a primary sends to a replica before its stream of commands: bytes that only the replica reads.
//!
//! It begins with a length, or with a mark of 40 bytes that ends it; no line end follows.

use lanternfish_dissect::{Chunk, Out, Progress};
use lanternfish_model::{Message, Outcome, PairKey, Role};

use super::commands::size;
use super::exchange::{Exchange, ServerMode};
use super::fields as f;
use super::token::{Found, Length, length, line};

/// The state of a snapshot.
#[derive(Debug, Default)]
pub struct Snapshot {
    message: Option<Box<Message>>,
    /// Bytes that are still to come.
    left: u64,
    /// The mark that ends it, where its length is not known.
    mark: Option<[u8; MARK_BYTES]>,
}

impl Snapshot {
    /// Takes bytes; once the snapshot is over, the server's mode is changed and the rest is given again.
    pub fn data(&mut self, chunk: &Chunk<'_>, from: usize, exchange: &mut Exchange, out: &mut Out<'_>) -> Progress {
        let bytes = chunk.bytes;
        let mut at = from;
        if self.message.is_none() {
            // Empty lines keep the connection alive while the snapshot is made.
            while bytes.get(at) == Some(&b'\n') {
                at = at.saturating_add(1);
            }
            match self.begin(chunk, at, out) {
                Found::Whole((), next) => {
                    self.cover(chunk, at, next);
                    at = next;
                }
                Found::Cut => {
                    let needed = bytes.len().saturating_sub(at).saturating_add(1);
                    return Progress::Incomplete { consumed: at, needed };
                }
                Found::Bad => {
                    exchange.server = ServerMode::Replies;
                    return Progress::Desync { consumed: at };
                }
            }
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let (taken, is_over) = match &self.mark {
            None => {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left = self.left.saturating_sub(taken as u64);
                (taken, self.left == 0)
            }
            Some(mark) => match rest.windows(MARK_BYTES).position(|window| window == mark) {
                Some(position) => (position.saturating_add(MARK_BYTES), true),
                None => (rest.len().saturating_sub(MARK_BYTES.saturating_sub(1)), false),
            },
        };
        let behind = at.saturating_add(taken);
        self.cover(chunk, at, behind);
        if is_over {
            self.finish(exchange, out);
            exchange.server = ServerMode::Commands;
            return Progress::Incomplete { consumed: behind, needed: bytes.len().saturating_sub(behind) };
        }
        match behind < bytes.len() {
            true => Progress::Incomplete { consumed: behind, needed: MARK_BYTES },
            false => Progress::Done,
        }
    }

    fn begin(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Found<()> {
        let bytes = chunk.bytes;
        let body = at.saturating_add(1);
        let next = match (bytes.get(at), bytes.get(body)) {
            (Some(b'$'), Some(b'E')) => match line(bytes, body, MARK_BYTES.saturating_add(8)) {
                Found::Whole(text, next) => {
                    let Some(mark) =
                        text.strip_prefix(b"EOF:").and_then(|mark| <[u8; MARK_BYTES]>::try_from(mark).ok())
                    else {
                        return Found::Bad;
                    };
                    self.mark = Some(mark);
                    next
                }
                Found::Cut => return Found::Cut,
                Found::Bad => return Found::Bad,
            },
            (Some(b'$'), Some(_)) => match length(bytes, body) {
                Found::Whole(Length::Known(count), next) => {
                    self.mark = None;
                    self.left = count;
                    next
                }
                Found::Cut => return Found::Cut,
                Found::Whole(..) | Found::Bad => return Found::Bad,
            },
            (Some(b'$') | None, None) => return Found::Cut,
            _ => return Found::Bad,
        };
        self.message = Some(out.begin(Role::OneWay, chunk, at));
        Found::Whole((), next)
    }

    fn cover(&mut self, chunk: &Chunk<'_>, begin: usize, end: usize) {
        if let Some(message) = &mut self.message
            && end > begin
        {
            chunk.cover(message, begin..end);
            message.wire_bytes = message.wire_bytes.saturating_add((end - begin) as u64);
        }
    }

    /// Learns that bytes are missing; says whether they were all within the snapshot.
    pub fn gap(&mut self, gap: u64, exchange: &mut Exchange, out: &mut Out<'_>) -> bool {
        let is_within = self.message.is_some() && self.mark.is_none() && gap <= self.left;
        if let Some(message) = &mut self.message {
            message.is_partial = true;
            message.note("bytes of the snapshot are missing");
            message.wire_bytes = message.wire_bytes.saturating_add(if is_within { gap } else { 0 });
        }
        if !is_within {
            self.finish(exchange, out);
            // What comes next that looks like a command is one.
            exchange.server = ServerMode::Commands;
            return false;
        }
        self.left = self.left.saturating_sub(gap);
        if self.left == 0 {
            self.finish(exchange, out);
            exchange.server = ServerMode::Commands;
        }
        true
    }

    /// Hands over the snapshot under way as partial.
    pub fn give_up(&mut self, exchange: &mut Exchange, out: &mut Out<'_>) {
        if let Some(message) = &mut self.message {
            message.is_partial = true;
            message.note("snapshot cut");
        }
        self.finish(exchange, out);
    }

    fn finish(&mut self, exchange: &mut Exchange, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else { return };
        message.outcome = Outcome::Ok;
        // SYNC is answered by the snapshot itself.
        if exchange.next().is_some_and(|asked| asked.kind == super::verbs::Kind::Sync) {
            exchange.answer();
            message.role = Role::Response;
            message.pairing = PairKey::InOrder;
        } else {
            message.pairing = PairKey::Alone;
            if out.wants(f::TYPE) {
                message.values.name(f::TYPE, "SNAPSHOT");
            }
        }
        let bytes = message.wire_bytes;
        size(&mut message, f::RESPONSE_SIZE, bytes, out);
        out.emit(message);
    }
}

/// The bytes of the mark.
const MARK_BYTES: usize = 40;
