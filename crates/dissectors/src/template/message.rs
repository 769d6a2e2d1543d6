//! Frames of the toy protocol become messages here.

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Out, Progress};
use lanternfish_model::{Cause, Direction, Message, Outcome, PairKey, Role};

use super::fields as f;
use super::frame::{HEADER_BYTES, Header, MAGIC};

/// The state of a connection: a frame under way for each direction.
#[derive(Default)]
pub struct Stream {
    frames: [Frame; 2],
}

/// A frame whose payload is coming in.
#[derive(Default)]
struct Frame {
    message: Option<Box<Message>>,
    left: usize,
}

impl Frame {
    /// Hands the message over.
    fn emit(&mut self, cut: Option<&str>, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else { return };
        if let Some(note) = cut {
            message.is_partial = true;
            message.note(note);
        }
        let (text, size) = match message.role {
            Role::Request => (f::QUESTION, f::REQUEST_SIZE),
            _ => (f::ANSWER, f::RESPONSE_SIZE),
        };
        message.values.int(size, message.wire_bytes.cast_signed());
        if out.wants(text) {
            let Message { values, body, .. } = &mut *message;
            values.text(text, &body.bytes);
        }
        out.emit(message);
    }
}

impl Stream {
    fn frame(&mut self, direction: Direction) -> &mut Frame {
        let [to_server, to_client] = &mut self.frames;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }
}

impl Dissector for Stream {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let frame = self.frame(chunk.direction);
        let mut at = 0;
        loop {
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            if let Some(message) = &mut frame.message {
                let count = frame.left.min(rest.len());
                // The payload is kept up to a limit; what is past it is counted, and only its length is known.
                let limit = if message.body.is_shed { 0 } else { out.limits.body_bytes };
                let room = limit.saturating_sub(message.body.bytes.len());
                message.body.bytes.extend_from_slice(rest.get(..count.min(room)).unwrap_or_default());
                if count > room && !message.body.is_cut {
                    message.body.is_cut = true;
                    out.count(Cause::LimitReached, 1);
                }
                chunk.cover(message, at..at.saturating_add(count));
                frame.left -= count;
                at = at.saturating_add(count);
                if frame.left > 0 {
                    return Progress::Done;
                }
                frame.emit(None, out);
                continue;
            }
            if rest.is_empty() {
                return Progress::Done;
            }
            if rest.len() < HEADER_BYTES && Header::may_begin(rest) {
                return Progress::Incomplete { consumed: at, needed: HEADER_BYTES };
            }
            let Some(header) = Header::read(rest) else { return Progress::Desync { consumed: at } };
            let role = if header.is_question { Role::Request } else { Role::Response };
            let mut message = out.begin(role, chunk, at);
            chunk.cover(&mut message, at..at.saturating_add(HEADER_BYTES));
            message.pairing = PairKey::Id(u64::from(header.id));
            message.wire_bytes = HEADER_BYTES.saturating_add(header.length) as u64;
            message.body.wire_bytes = header.length as u64;
            message.body.is_present = true;
            if !header.is_question {
                message.outcome = Outcome::Ok;
            }
            *frame = Frame { message: Some(message), left: header.length };
            at = at.saturating_add(HEADER_BYTES);
        }
    }

    fn gap(&mut self, pending: &Chunk<'_>, length: u64, out: &mut Out<'_>) -> GapVerdict {
        let frame = self.frame(pending.direction);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match &mut frame.message {
            // Where the next frame begins is known as long as only payload is missing.
            Some(message) if length <= frame.left => {
                message.body.is_cut = true;
                message.is_partial = true;
                message.note("bytes of the payload are missing");
                frame.left -= length;
                if frame.left == 0 {
                    frame.emit(None, out);
                }
                GapVerdict::Absorbed
            }
            _ => {
                frame.emit(Some("the end of the frame is missing"), out);
                GapVerdict::Lost
            }
        }
    }

    fn resync(&mut self, _direction: Direction, bytes: &[u8]) -> Option<usize> {
        memchr::memmem::find_iter(bytes, MAGIC).find(|&at| {
            let rest = bytes.get(at..).unwrap_or_default();
            rest.len() < HEADER_BYTES || Header::read(rest).is_some()
        })
    }

    fn held_bytes(&self) -> usize {
        let under_way = self.frames.iter().filter_map(|frame| frame.message.as_ref());
        under_way.fold(0, |sum, message| sum.saturating_add(message.footprint_bytes()))
    }

    fn shed(&mut self, out: &mut Out<'_>) {
        for message in self.frames.iter_mut().filter_map(|frame| frame.message.as_mut()) {
            if message.shed_body() {
                out.count(Cause::HeldBytesFull, 1);
            }
        }
    }

    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        self.frame(pending.direction).emit(Some("the end of the frame is missing"), out);
    }

    fn close(&mut self, pending: [&Chunk<'_>; 2], out: &mut Out<'_>) {
        for chunk in pending {
            self.end(chunk, out);
        }
    }
}
