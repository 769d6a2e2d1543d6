//! The stream of commands: arrays of bulk strings, or lines typed by hand. Also what a primary sends to its replicas.
//!
//! Arguments are read as their bytes come: a value of any length goes through without being kept.

use lanternfish_dissect::{Chunk, Out, Progress};
use lanternfish_model::{Cause, FieldIndex, Message, Outcome, PairKey, Role};

use super::exchange::{Asked, Exchange, ReplyMode, ServerMode};
use super::fields as f;
use super::line::{Line, cut, cut_half_character};
use super::short::Short;
use super::token::{Found, Length, length, line};
use super::verbs::{KeyAt, Kind, facts};

/// The state of a stream of commands.
#[derive(Debug, Default)]
pub struct Commands {
    /// The command under way.
    message: Option<Box<Message>>,
    /// Arguments of it that are still to come.
    left: u64,
    /// Bytes of the argument under way that are still to come, with its line end; 0 where none is.
    bulk_left: u64,
    /// The position of the argument under way, from 0.
    position: u32,
    line: Line,
    verb: Short<MAX_VERB>,
    key: Short<MAX_KEY>,
    key_at: KeyPosition,
    kind: Kind,
    /// Whether the bytes are those of a primary to its replica: nobody answers.
    pub is_replication: bool,
}

impl Commands {
    /// Takes bytes.
    pub fn data(&mut self, chunk: &Chunk<'_>, from: usize, exchange: &mut Exchange, out: &mut Out<'_>) -> Progress {
        let bytes = chunk.bytes;
        let (mut at, mut begin) = (from, from);
        loop {
            if self.bulk_left > 0 {
                let Some(behind) = self.bulk(bytes, at) else { return self.desync(chunk, begin, at, out) };
                at = behind;
                if self.bulk_left > 0 {
                    self.cover(chunk, begin, at);
                    return Progress::Done;
                }
                self.end_argument();
                if self.left == 0 {
                    self.finish(chunk, begin..at, exchange, out);
                }
                continue;
            }
            let Some(&first) = bytes.get(at) else {
                self.cover(chunk, begin, at);
                return Progress::Done;
            };
            let is_start = self.message.is_none();
            if is_start {
                begin = at;
            }
            let step = match (is_start, first) {
                (true, b'*') => self.begin_array(chunk, at, out),
                (true, b'\r' | b'\n') => Found::Whole((), at.saturating_add(1)),
                (true, _) => self.inline(chunk, at, exchange, out),
                (false, b'$') => self.begin_bulk(bytes, at),
                (false, _) => Found::Bad,
            };
            match step {
                Found::Whole((), next) => at = next,
                Found::Cut => {
                    self.cover(chunk, begin, at);
                    let needed = bytes.len().saturating_sub(at).saturating_add(1);
                    return Progress::Incomplete { consumed: at, needed };
                }
                Found::Bad => return self.desync(chunk, begin, at, out),
            }
        }
    }

    fn begin_array(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Found<()> {
        match length(chunk.bytes, at.saturating_add(1)) {
            // The server takes an empty array for nothing at all.
            Found::Whole(Length::Known(0) | Length::Null, next) => Found::Whole((), next),
            Found::Whole(Length::Known(count), next) if count <= MAX_ARGUMENTS => {
                self.begin(chunk, at, out);
                self.left = count;
                Found::Whole((), next)
            }
            Found::Whole(..) | Found::Bad => Found::Bad,
            Found::Cut => Found::Cut,
        }
    }

    fn begin_bulk(&mut self, bytes: &[u8], at: usize) -> Found<()> {
        match length(bytes, at.saturating_add(1)) {
            Found::Whole(Length::Known(count), next) if count <= MAX_BULK_BYTES => {
                self.bulk_left = count.saturating_add(2);
                self.line.begin_argument();
                Found::Whole((), next)
            }
            Found::Whole(..) | Found::Bad => Found::Bad,
            Found::Cut => Found::Cut,
        }
    }

    /// Reads a line typed by hand.
    fn inline(&mut self, chunk: &Chunk<'_>, at: usize, exchange: &mut Exchange, out: &mut Out<'_>) -> Found<()> {
        let (text, next) = match line(chunk.bytes, at, out.limits.head_bytes.min(MAX_INLINE_BYTES)) {
            Found::Whole(text, next) => (text, next),
            Found::Cut => return Found::Cut,
            Found::Bad => return Found::Bad,
        };
        let is_word =
            text.iter().take_while(|byte| **byte != b' ').all(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if !is_word || text.first() == Some(&b' ') {
            return Found::Bad;
        }
        self.begin(chunk, at, out);
        for word in words(text) {
            self.line.begin_argument();
            self.push(word);
            self.end_argument();
        }
        self.finish(chunk, at..next, exchange, out);
        Found::Whole((), next)
    }

    fn begin(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) {
        let mut message = out.begin(if self.is_replication { Role::OneWay } else { Role::Request }, chunk, at);
        let wants_body = out.wants_body(chunk.direction);
        let limit = if wants_body { out.limits.body_bytes.max(MAX_COMMAND_RAW) } else { MAX_COMMAND_RAW };
        self.line.begin(std::mem::take(&mut message.body.bytes), limit);
        self.verb.clear();
        self.key.clear();
        self.key_at = KeyPosition::Never;
        self.kind = Kind::Normal;
        self.position = 0;
        self.bulk_left = 0;
        self.left = 0;
        self.message = Some(message);
    }

    /// Takes bytes of the argument under way and its line end.
    fn bulk(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let data = usize::try_from(self.bulk_left.saturating_sub(2)).unwrap_or(usize::MAX);
        let rest = bytes.get(at..).unwrap_or_default();
        let part = rest.get(..data).unwrap_or(rest);
        self.push(part);
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

    fn push(&mut self, part: &[u8]) {
        self.line.push(part);
        if self.position == 0 {
            self.verb.push(part);
        } else if self.key_at == KeyPosition::At(self.position) {
            self.key.push(part);
        }
    }

    fn end_argument(&mut self) {
        match (self.position, self.key_at) {
            (0, _) => {
                self.verb.make_upper();
                let (kind, key_at) = facts(self.verb.as_slice());
                self.kind = kind;
                self.key_at = match key_at {
                    KeyAt::None => KeyPosition::Never,
                    KeyAt::Argument(position) => KeyPosition::At(position),
                    KeyAt::Counted(position) => KeyPosition::Counted(position),
                    KeyAt::Streams => KeyPosition::Streams,
                };
            }
            (position, KeyPosition::Counted(counted)) if position == counted => {
                let has_key = self.line.argument() != b"0";
                self.key_at = if has_key { KeyPosition::At(position.saturating_add(1)) } else { KeyPosition::Never };
            }
            (position, KeyPosition::Streams) if self.line.argument().eq_ignore_ascii_case(b"STREAMS") => {
                self.key_at = KeyPosition::At(position.saturating_add(1));
            }
            _ => {}
        }
        self.line.end_argument();
        self.position = self.position.saturating_add(1);
        self.left = self.left.saturating_sub(1);
    }

    /// Counts the bytes of a range for the command under way.
    fn cover(&mut self, chunk: &Chunk<'_>, begin: usize, end: usize) {
        if let Some(message) = &mut self.message
            && end > begin
        {
            chunk.cover(message, begin..end);
            message.wire_bytes = message.wire_bytes.saturating_add((end - begin) as u64);
        }
    }

    fn desync(&mut self, chunk: &Chunk<'_>, begin: usize, at: usize, out: &mut Out<'_>) -> Progress {
        self.cover(chunk, begin, at);
        self.give_up("malformed command", out);
        Progress::Desync { consumed: at }
    }

    /// Learns that bytes are missing; says whether they were all within an argument.
    pub fn gap(&mut self, gap: u64, exchange: &mut Exchange, out: &mut Out<'_>) -> bool {
        if gap > self.bulk_left {
            self.give_up("command cut by a gap", out);
            return false;
        }
        if let Some(message) = &mut self.message {
            message.is_partial = true;
            message.body.is_cut = true;
            message.note("bytes of an argument are missing");
            message.wire_bytes = message.wire_bytes.saturating_add(gap);
        }
        self.line.is_cut = true;
        self.bulk_left = self.bulk_left.saturating_sub(gap);
        if self.bulk_left == 0 {
            self.end_argument();
            if self.left == 0 {
                self.complete(exchange, out);
            }
        }
        true
    }

    /// Bytes of memory held of the command under way.
    pub fn held_bytes(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.footprint_bytes().saturating_add(self.line.text.capacity()))
    }

    /// Gives up the text of the command under way.
    pub fn shed(&mut self, out: &mut Out<'_>) {
        let Some(message) = &mut self.message else { return };
        if !self.line.text.is_empty() {
            message.note(SHED);
            out.count(Cause::HeldBytesFull, 1);
        }
        self.line.shed();
    }

    /// Hands over the command under way as partial.
    pub fn give_up(&mut self, note: &str, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else { return };
        if self.position == 0 {
            self.verb.make_upper();
        }
        message.is_partial = true;
        message.note(note);
        message.pairing = if self.is_replication { PairKey::Alone } else { PairKey::InOrder };
        self.bulk_left = 0;
        self.left = 0;
        self.write(&mut message, out);
        out.emit(message);
    }

    fn finish(&mut self, chunk: &Chunk<'_>, range: std::ops::Range<usize>, exchange: &mut Exchange, out: &mut Out<'_>) {
        self.cover(chunk, range.start, range.end);
        self.complete(exchange, out);
    }

    fn complete(&mut self, exchange: &mut Exchange, out: &mut Out<'_>) {
        let Some(mut message) = self.message.take() else { return };
        self.exchange(&mut message, exchange);
        self.write(&mut message, out);
        out.emit(message);
    }

    /// Decides whether a reply will follow, and what the command changes.
    fn exchange(&self, message: &mut Message, exchange: &mut Exchange) {
        if self.is_replication {
            message.pairing = PairKey::Alone;
            message.outcome = Outcome::Ok;
            return;
        }
        let mut is_silent = exchange.reply_mode != ReplyMode::On || exchange.server != ServerMode::Replies;
        if exchange.reply_mode == ReplyMode::Skip {
            exchange.reply_mode = ReplyMode::On;
        }
        if self.kind == Kind::Client {
            let is = |command: &[u8]| self.line.text.eq_ignore_ascii_case(command);
            if is(b"CLIENT REPLY OFF") {
                exchange.reply_mode = ReplyMode::Off;
                is_silent = true;
            } else if is(b"CLIENT REPLY SKIP") {
                if exchange.reply_mode == ReplyMode::On {
                    exchange.reply_mode = ReplyMode::Skip;
                }
                is_silent = true;
            } else if is(b"CLIENT REPLY ON") {
                exchange.reply_mode = ReplyMode::On;
                is_silent = exchange.server != ServerMode::Replies;
            }
        }
        if is_silent {
            message.pairing = PairKey::Alone;
            message.outcome = Outcome::Ok;
            message.note("no reply is sent to this command");
            return;
        }
        let more = match self.kind {
            Kind::Subscribe | Kind::Unsubscribe => self.position.saturating_sub(2),
            _ => 0,
        };
        exchange.ask(Asked {
            size: u32::try_from(message.wire_bytes).unwrap_or(u32::MAX),
            kind: self.kind,
            more: u16::try_from(more).unwrap_or(u16::MAX),
        });
        message.pairing = PairKey::InOrder;
    }

    /// Writes the fields of the command.
    fn write(&mut self, message: &mut Message, out: &mut Out<'_>) {
        if self.line.is_cut {
            let whole = cut_half_character(&self.line.text);
            self.line.text.truncate(whole);
        }
        let text = std::mem::take(&mut self.line.text);
        if out.wants(f::TYPE) && !self.verb.as_slice().is_empty() {
            message.values.text(f::TYPE, self.verb.as_slice());
        }
        if out.wants(f::COMMAND) {
            let kept = cut(&text, MAX_COMMAND);
            if kept.len() < text.len() || self.line.is_cut {
                message.values.text_parts(f::COMMAND, &[kept, "…".as_bytes()]);
            } else {
                message.values.text(f::COMMAND, kept);
            }
        }
        if out.wants(f::KEY) && !self.key.as_slice().is_empty() {
            let key = self.key.as_slice();
            let end = if self.key.is_cut { cut_half_character(key) } else { key.len() };
            message.values.text(f::KEY, key.get(..end).unwrap_or_default());
        }
        size(message, f::REQUEST_SIZE, message.wire_bytes, out);
        if message.pairing == PairKey::Alone {
            size(message, f::TOTAL_SIZE, message.wire_bytes, out);
        }
        message.body.bytes = text;
        if out.wants_body(message.direction) {
            message.body.is_present = true;
            message.body.wire_bytes = message.wire_bytes;
            if self.line.is_cut {
                message.body.is_cut = true;
                message.note("command cut to the limit");
                out.count(Cause::LimitReached, 1);
            }
        } else {
            message.body.bytes.clear();
        }
    }
}

/// Sets a size.
pub fn size(message: &mut Message, field: FieldIndex, bytes: u64, out: &Out<'_>) {
    if out.wants(field) {
        message.values.int(field, i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// The words of a line, by spaces; quotes hold one together.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.trim_ascii();
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let first = *rest.first()?;
        let is_quoted = matches!(first, b'"' | b'\'');
        let body = if is_quoted { rest.get(1..)? } else { rest };
        let end = body.iter().position(|byte| if is_quoted { *byte == first } else { *byte == b' ' });
        let (word, behind) = body.split_at(end.unwrap_or(body.len()));
        rest = behind.get(usize::from(is_quoted)..).unwrap_or_default();
        Some(word)
    })
}

/// Where the key is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum KeyPosition {
    #[default]
    Never,
    At(u32),
    Counted(u32),
    Streams,
}

/// The note on a command or reply whose text was given up.
pub const SHED: &str = "text given up because too much was held of messages under way";
/// The longest command line in `redis_command`.
const MAX_COMMAND: usize = 512;
/// Bytes of the command line that are kept to make it: more, so that the cut falls between characters.
const MAX_COMMAND_RAW: usize = MAX_COMMAND + 8;
/// The longest verb that is kept.
const MAX_VERB: usize = 64;
/// The longest key that is kept.
const MAX_KEY: usize = 64;
/// The longest line typed by hand that the server takes.
const MAX_INLINE_BYTES: usize = 64 << 10;
/// The most arguments that the server takes.
const MAX_ARGUMENTS: u64 = 1 << 31;
/// The longest argument that a server can be configured to take is well below this.
const MAX_BULK_BYTES: u64 = 1 << 40;
