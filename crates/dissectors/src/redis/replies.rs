//! The stream of replies, RESP2 and RESP3, read value by value as bytes come: one of any length goes through without
//! being kept.

mod levels;

use lanternfish_dissect::{Chunk, Out, Progress};
use lanternfish_model::{Cause, Message, Role};

use self::levels::{Deep, Level};
use super::exchange::Exchange;
use super::render::Render;
use super::reply;
use super::short::Short;
use super::token::{Found, Length, length, line};

/// The state of a stream of replies.
#[derive(Debug, Default)]
pub struct Replies {
    /// The reply under way.
    message: Option<Box<Message>>,
    /// The aggregates that are open, outermost first.
    levels: Vec<Level>,
    /// Bytes of the string under way that are still to come, with its line end; 0 where none is.
    bulk_left: u64,
    /// Bytes of a verbatim string's format that are still to be left out.
    format_left: u8,
    /// Whether the string under way comes in chunks until an empty one.
    is_streamed: bool,
    /// Open attributes: what is within them is no part of the reply. Values that are nested too deep count as one.
    attributes: u32,
    /// Where values are nested too deep to be kept.
    deep: Option<Deep>,
    /// Whether the reply has such values.
    is_too_deep: bool,
    render: Render,
    /// What is known of the reply.
    facts: Facts,
}

/// What is known of a reply.
#[derive(Debug, Default)]
pub struct Facts {
    /// The byte that its type is told by.
    pub kind: u8,
    /// Whether it is null.
    pub is_null: bool,
    /// How many values it has at its first level.
    pub count: u64,
    /// The beginning of its first text, which for an error is the error.
    pub first: Short<256>,
    /// The beginning of its second text.
    pub second: Short<128>,
}

impl Replies {
    /// Takes bytes.
    pub fn data(&mut self, chunk: &Chunk<'_>, from: usize, exchange: &mut Exchange, out: &mut Out<'_>) -> Progress {
        let bytes = chunk.bytes;
        let (mut at, mut begin) = (from, from);
        loop {
            if self.bulk_left > 0 {
                let Some(behind) = self.bulk(bytes, at) else { return self.desync(chunk, begin, at, exchange, out) };
                at = behind;
                if self.bulk_left > 0 {
                    self.cover(chunk, begin, at);
                    return Progress::Done;
                }
                if !self.is_streamed {
                    self.end_text();
                    self.end_value();
                }
            } else {
                if at >= bytes.len() {
                    self.cover(chunk, begin, at);
                    return Progress::Done;
                }
                if self.message.is_none() {
                    begin = at;
                    if exchange.expects_snapshot(bytes, at) {
                        return Progress::Incomplete { consumed: at, needed: bytes.len().saturating_sub(at) };
                    }
                }
                match self.token(chunk, at, out) {
                    Found::Whole((), next) => at = next,
                    Found::Cut => {
                        self.cover(chunk, begin, at);
                        let needed = bytes.len().saturating_sub(at).saturating_add(1);
                        return Progress::Incomplete { consumed: at, needed };
                    }
                    Found::Bad => return self.desync(chunk, begin, at, exchange, out),
                }
            }
            if self.is_complete() {
                self.cover(chunk, begin, at);
                self.finish(exchange, out);
                if exchange.server != super::exchange::ServerMode::Replies {
                    return Progress::Incomplete { consumed: at, needed: bytes.len().saturating_sub(at) };
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.message.is_some()
            && self.levels.is_empty()
            && self.bulk_left == 0
            && !self.is_streamed
            && self.facts.count > 0
    }

    /// Reads the token at an offset.
    fn token(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Found<()> {
        let bytes = chunk.bytes;
        let kind = bytes.get(at).copied().unwrap_or(0);
        let body = at.saturating_add(1);
        match kind {
            b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => {
                let (text, next) = match line(bytes, body, out.limits.head_bytes) {
                    Found::Whole(text, next) => (text, next),
                    Found::Cut => return Found::Cut,
                    Found::Bad => return Found::Bad,
                };
                if self.is_streamed || !is_scalar(kind, text) {
                    return Found::Bad;
                }
                self.begin(chunk, at, kind, out);
                self.scalar(kind, text);
                Found::Whole((), next)
            }
            b'.' if self.is_streamed_level() && !self.is_streamed => match bytes.get(body..) {
                Some([b'\r', b'\n', ..]) => {
                    self.end_level();
                    Found::Whole((), body.saturating_add(2))
                }
                Some([]) | Some([b'\r']) => Found::Cut,
                _ => Found::Bad,
            },
            b'$' | b'!' | b'=' | b';' | b'*' | b'%' | b'~' | b'>' | b'|' => match length(bytes, body) {
                Found::Whole(length, next) => match self.counted(chunk, at, kind, length, out) {
                    Some(()) => Found::Whole((), next),
                    None => Found::Bad,
                },
                Found::Cut => Found::Cut,
                Found::Bad => Found::Bad,
            },
            _ => Found::Bad,
        }
    }

    /// A token with a length or count.
    fn counted(&mut self, chunk: &Chunk<'_>, at: usize, kind: u8, length: Length, out: &mut Out<'_>) -> Option<()> {
        if (kind == b';') != self.is_streamed {
            return None;
        }
        match (kind, length) {
            (b';', Length::Known(0)) => {
                self.is_streamed = false;
                self.end_text();
                self.end_value();
            }
            (b';', Length::Known(count)) if count <= MAX_BULK_BYTES => self.bulk_left = count.saturating_add(2),
            (b'$' | b'!' | b'=', Length::Known(count)) if count <= MAX_BULK_BYTES => {
                self.begin(chunk, at, kind, out);
                self.begin_text();
                self.format_left = if kind == b'=' { VERBATIM_FORMAT } else { 0 };
                self.bulk_left = count.saturating_add(2);
            }
            (b'$', Length::Streamed) => {
                self.begin(chunk, at, kind, out);
                self.begin_text();
                self.is_streamed = true;
            }
            (b'$' | b'*', Length::Null) => {
                self.begin(chunk, at, kind, out);
                self.scalar(b'_', b"");
            }
            (b'*' | b'%' | b'~' | b'>' | b'|', Length::Known(count)) if count <= MAX_VALUES => {
                let values = if matches!(kind, b'%' | b'|') { count.saturating_mul(2) } else { count };
                self.begin_level(chunk, at, kind, values, out)?;
            }
            (b'*' | b'%' | b'~', Length::Streamed) => self.begin_level(chunk, at, kind, u64::MAX, out)?,
            _ => return None,
        }
        Some(())
    }

    /// Begins a value, and the reply with its first one.
    fn begin(&mut self, chunk: &Chunk<'_>, at: usize, kind: u8, out: &mut Out<'_>) {
        if self.message.is_none() {
            let mut message = out.begin(Role::Response, chunk, at);
            let is_on = out.wants_body(chunk.direction);
            self.render.begin(std::mem::take(&mut message.body.bytes), out.limits.body_bytes, is_on);
            self.message = Some(message);
            self.facts.kind = 0;
            self.facts.is_null = false;
            self.facts.count = 0;
            self.facts.first.clear();
            self.facts.second.clear();
            self.attributes = 0;
            self.is_too_deep = false;
        }
        if self.attributes > 0 || kind == b'|' {
            return;
        }
        match self.levels.last() {
            None => self.facts.kind = kind,
            Some(level) if level.position == 0 => {}
            Some(level) if level.kind == b'%' && level.position % 2 == 1 => self.render.raw(b":"),
            Some(_) => self.render.raw(b","),
        }
    }

    fn begin_text(&mut self) {
        if self.attributes == 0 && !self.levels.is_empty() {
            self.render.raw(b"\"");
        }
    }

    fn text(&mut self, mut part: &[u8]) {
        if self.attributes > 0 {
            return;
        }
        if self.format_left > 0 {
            let (format, rest) = part.split_at_checked(usize::from(self.format_left)).unwrap_or((part, &[]));
            self.format_left = self.format_left.saturating_sub(format.len() as u8);
            part = rest;
        }
        self.keep(part);
        if self.levels.is_empty() {
            self.render.raw(part);
        } else {
            self.render.escaped(part);
        }
    }

    fn end_text(&mut self) {
        if self.attributes == 0 && !self.levels.is_empty() {
            self.render.raw(b"\"");
        }
    }

    /// Keeps the first two texts of a reply.
    fn keep(&mut self, part: &[u8]) {
        match self.levels.as_slice() {
            [] => self.facts.first.push(part),
            [level] if level.position == 0 => self.facts.first.push(part),
            [level] if level.position == 1 => self.facts.second.push(part),
            _ => {}
        }
    }

    /// Writes a value that is one line.
    fn scalar(&mut self, kind: u8, text: &[u8]) {
        if self.attributes == 0 {
            if kind == b'_' && self.levels.is_empty() {
                self.facts.is_null = true;
            }
            self.keep(text);
            let is_top = self.levels.is_empty();
            match (kind, text) {
                (b'_', _) if is_top => self.render.raw(b"(nil)"),
                (b'_', _) => self.render.raw(b"null"),
                (b'#', b"t") => self.render.raw(b"true"),
                (b'#', _) => self.render.raw(b"false"),
                (b'+' | b'-', _) if is_top => self.render.raw(text),
                (b':' | b'(' | b',', _) if is_top || (!self.is_name() && is_json_number(text)) => self.render.raw(text),
                _ => {
                    self.begin_text();
                    self.render.escaped(text);
                    self.end_text();
                }
            }
        }
        self.end_value();
    }

    /// Takes bytes of the string under way and its line end.
    fn bulk(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let data = usize::try_from(self.bulk_left.saturating_sub(2)).unwrap_or(usize::MAX);
        let rest = bytes.get(at..).unwrap_or_default();
        let part = rest.get(..data).unwrap_or(rest);
        self.text(part);
        self.bulk_left = self.bulk_left.saturating_sub(part.len() as u64);
        let mut behind = at.saturating_add(part.len());
        while let (1..=2, Some(&byte)) = (self.bulk_left, bytes.get(behind)) {
            if byte != if self.bulk_left == 2 { b'\r' } else { b'\n' } {
                return None;
            }
            self.bulk_left = self.bulk_left.saturating_sub(1);
            behind = behind.saturating_add(1);
        }
        Some(behind)
    }

    fn cover(&mut self, chunk: &Chunk<'_>, begin: usize, end: usize) {
        if let Some(message) = &mut self.message
            && end > begin
        {
            chunk.cover(message, begin..end);
            message.wire_bytes = message.wire_bytes.saturating_add((end - begin) as u64);
        }
    }

    fn desync(
        &mut self,
        chunk: &Chunk<'_>,
        begin: usize,
        at: usize,
        exchange: &mut Exchange,
        out: &mut Out<'_>,
    ) -> Progress {
        self.cover(chunk, begin, at);
        self.give_up("malformed reply", exchange, out);
        Progress::Desync { consumed: at }
    }

    /// Learns that bytes are missing; says whether they were all within a string.
    pub fn gap(&mut self, gap: u64, exchange: &mut Exchange, out: &mut Out<'_>) -> bool {
        if gap > self.bulk_left {
            self.give_up("reply cut by a gap", exchange, out);
            return false;
        }
        if let Some(message) = &mut self.message {
            message.is_partial = true;
            message.body.is_cut = true;
            message.note("bytes of a value are missing");
            message.wire_bytes = message.wire_bytes.saturating_add(gap);
        }
        self.bulk_left = self.bulk_left.saturating_sub(gap);
        if self.bulk_left == 0 && !self.is_streamed {
            self.end_text();
            self.end_value();
            if self.is_complete() {
                self.finish(exchange, out);
            }
        }
        true
    }

    /// Hands over the reply under way as partial.
    pub fn give_up(&mut self, note: &str, exchange: &mut Exchange, out: &mut Out<'_>) {
        self.levels.clear();
        self.deep = None;
        self.bulk_left = 0;
        self.format_left = 0;
        self.is_streamed = false;
        if let Some(message) = &mut self.message {
            message.is_partial = true;
            message.body.is_cut = true;
            message.note(note);
            self.finish(exchange, out);
        }
    }

    fn finish(&mut self, exchange: &mut Exchange, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else { return };
        message.body.bytes = std::mem::take(&mut self.render.text);
        if out.wants_body(message.direction) {
            message.body.is_present = true;
            message.body.wire_bytes = message.wire_bytes;
            if self.render.is_cut {
                message.body.is_cut = true;
                message.note("reply cut to the limit");
                out.count(Cause::LimitReached, 1);
            }
        }
        if self.is_too_deep {
            message.body.is_cut = true;
            message.note("values nested deeper than the limit are left out");
        }
        reply::write(&mut message, &self.facts, exchange, out);
        out.emit(message);
    }
}

/// Whether a line fits its type.
pub fn is_scalar(kind: u8, text: &[u8]) -> bool {
    let is_integer = || {
        let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    match kind {
        b':' | b'(' => is_integer(),
        b'#' => matches!(text, b"t" | b"f"),
        b'_' => text.is_empty(),
        b',' => !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)),
        _ => true,
    }
}

/// Whether a number is written as JSON has it (`inf` and `nan` are not).
fn is_json_number(text: &[u8]) -> bool {
    text.last().is_some_and(u8::is_ascii_digit) && !text.starts_with(b"+") && !text.starts_with(b".")
}

/// The bytes of a verbatim string's format with its colon.
const VERBATIM_FORMAT: u8 = 4;
/// The longest string of which the framing is followed.
const MAX_BULK_BYTES: u64 = 1 << 40;
/// The most values of an aggregate.
const MAX_VALUES: u64 = 1 << 40;
