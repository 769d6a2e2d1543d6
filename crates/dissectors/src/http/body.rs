//! The body of a message: its framing, what is kept of it, and how its codings are undone.
//!
//! RFC 9112 sections 6 and 7. Bytes are taken as they come; nothing waits for a whole body. What is not wanted is
//! counted and not copied.

use std::ops::Range;

use lanternfish_dissect::{Chunk, Decoded, Out, decompress};
use lanternfish_model::{Cause, Direction, Message, Role};
use memchr::memchr;
use smallvec::SmallVec;

use super::head::Codings;
use super::start::{self, Begins};
use super::{fields, head, values};

/// How the end of a body is found, RFC 9112 section 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes are left.
    Length(u64),
    /// Chunks, section 7.1.
    Chunked(Step),
    /// It lasts until the sender finishes.
    UntilEnd,
}

/// The place within a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The line with the size comes next.
    Size,
    /// This many bytes of the chunk are left.
    Data(u64),
    /// The line end behind the chunk comes next.
    DataEnd,
    /// The trailer section comes next.
    Trailers,
}

/// What is made of a body beside the body itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    #[default]
    None,
    /// The map of a URL-encoded form.
    UrlEncoded,
    /// The part names of a multipart form with this boundary.
    Multipart(SmallVec<[u8; 72]>),
}

/// How far a body came with the bytes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// All bytes are taken.
    All,
    /// Bytes up to this offset are taken, more are needed for the next step.
    UpTo(usize),
    /// The body ends at this offset.
    End(usize),
    /// The framing breaks at this offset.
    Broken(usize, &'static str),
}

/// A message whose body is under way.
pub struct Body {
    /// The message.
    pub message: Box<Message>,
    framing: Framing,
    codings: Codings,
    form: Form,
    /// Bytes that are kept, before decoding.
    keep_bytes: usize,
    /// The announced length, where there is one.
    total: Option<u64>,
    /// Whether nothing more is kept because bytes are missing in a body that must be decoded.
    is_stopped: bool,
    /// Whether the next bytes decide if there is a body at all.
    is_doubtful: bool,
    /// Where the last line of the trailer section begins that was looked at and is not whole yet.
    scanned: usize,
}

impl Body {
    /// Begins the body of a message. `is_doubtful` says that the request is not known, which might have been HEAD.
    pub fn new(
        mut message: Box<Message>,
        framing: Framing,
        codings: Codings,
        form: Form,
        is_doubtful: bool,
        out: &Out<'_>,
    ) -> Body {
        let is_kept = form != Form::None || out.wants_body(message.direction);
        // An encoded body may be a little longer than what it holds.
        let slack = if codings.is_empty() { 0 } else { out.limits.body_bytes / 8 + MIN_SLACK_BYTES };
        let keep_bytes = if is_kept { out.limits.body_bytes.saturating_add(slack) } else { 0 };
        let total = match framing {
            Framing::Length(total) => Some(total),
            _ => None,
        };
        message.body.is_present = framing != Framing::UntilEnd;
        Body { message, framing, codings, form, keep_bytes, total, is_stopped: false, is_doubtful, scanned: 0 }
    }

    /// Takes bytes from an offset on.
    pub fn feed(&mut self, chunk: &Chunk<'_>, from: usize, out: &mut Out<'_>) -> Fed {
        if self.is_doubtful {
            let rest = chunk.bytes.get(from..).unwrap_or_default();
            match start::begins(Direction::ToClient, rest) {
                Begins::Maybe => return Fed::UpTo(from),
                Begins::Yes => {
                    self.message.note("no body although its headers announce one, as in an answer to HEAD");
                    self.message.body.is_present = false;
                    return Fed::End(from);
                }
                Begins::No => self.is_doubtful = false,
            }
        }
        let fed = self.step(chunk.bytes, from, out);
        let to = match fed {
            Fed::All => chunk.bytes.len(),
            Fed::UpTo(at) | Fed::End(at) | Fed::Broken(at, _) => at,
        };
        self.count(chunk, from..to);
        fed
    }

    /// Counts bytes as ones of the body.
    pub fn count(&mut self, chunk: &Chunk<'_>, range: Range<usize>) {
        count(&mut self.message, chunk, range);
    }

    fn step(&mut self, bytes: &[u8], from: usize, out: &mut Out<'_>) -> Fed {
        let mut at = from;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.framing {
                Framing::UntilEnd => {
                    self.message.body.is_present |= !rest.is_empty();
                    self.keep(rest);
                    return Fed::All;
                }
                Framing::Length(left) => {
                    let taken = take(rest, left);
                    self.keep(taken);
                    let left = left.saturating_sub(taken.len() as u64);
                    self.framing = Framing::Length(left);
                    return if left == 0 { Fed::End(at + taken.len()) } else { Fed::All };
                }
                Framing::Chunked(Step::Data(left)) => {
                    let taken = take(rest, left);
                    self.keep(taken);
                    at += taken.len();
                    let left = left.saturating_sub(taken.len() as u64);
                    if left > 0 {
                        self.framing = Framing::Chunked(Step::Data(left));
                        return Fed::All;
                    }
                    self.framing = Framing::Chunked(Step::DataEnd);
                }
                Framing::Chunked(Step::DataEnd) => {
                    at += match rest {
                        [b'\n', ..] => 1,
                        [b'\r', b'\n', ..] => 2,
                        [] | [b'\r'] => return Fed::UpTo(at),
                        _ => return Fed::Broken(at, "chunk longer than its size"),
                    };
                    self.framing = Framing::Chunked(Step::Size);
                }
                Framing::Chunked(Step::Size) => {
                    let window = rest.get(..MAX_CHUNK_LINE_BYTES).unwrap_or(rest);
                    let Some(end) = memchr(b'\n', window) else {
                        return match window.len() < MAX_CHUNK_LINE_BYTES {
                            true => Fed::UpTo(at),
                            false => Fed::Broken(at, "chunk size line too long"),
                        };
                    };
                    let size = match chunk_size(window.get(..end).unwrap_or_default()) {
                        ChunkSize::Bytes(size) => size,
                        ChunkSize::EmptyLine => {
                            self.message.note("empty line before a chunk size");
                            at += end + 1;
                            continue;
                        }
                        ChunkSize::Bad => return Fed::Broken(at, "chunk size is no number"),
                    };
                    at += end + 1;
                    self.framing = Framing::Chunked(if size == 0 { Step::Trailers } else { Step::Data(size) });
                }
                Framing::Chunked(Step::Trailers) => return self.trailers(rest, at, out),
            }
        }
    }

    fn trailers(&mut self, rest: &[u8], at: usize, out: &mut Out<'_>) -> Fed {
        match rest {
            [b'\n', ..] => return Fed::End(at + 1),
            [b'\r', b'\n', ..] => return Fed::End(at + 2),
            _ => {}
        }
        let window = rest.get(..out.limits.head_bytes).unwrap_or(rest);
        if let Err(scanned) = head::find_end(window, self.scanned) {
            self.scanned = scanned;
            return match window.len() < out.limits.head_bytes {
                true => Fed::UpTo(at),
                false => Fed::Broken(at, "trailer section too long"),
            };
        }
        let end = head::find_lines(window, &mut head::Lines::new()).unwrap_or(window.len());
        if out.wants(fields::HTTP_TRAILERS) {
            let section = window.get(..end).unwrap_or_default();
            values::trailers(&mut self.message.values, fields::HTTP_TRAILERS, section, out.limits.items);
        }
        Fed::End(at + end)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.keep_bytes == 0 || self.is_stopped {
            return;
        }
        let body = &mut self.message.body;
        let room = self.keep_bytes.saturating_sub(body.bytes.len());
        match bytes.get(..room) {
            Some(fitting) if bytes.len() > room => {
                body.bytes.extend_from_slice(fitting);
                body.is_cut = true;
            }
            _ => body.bytes.extend_from_slice(bytes),
        }
    }

    /// Whether a gap of this length, behind so many bytes that are held, lies within bytes whose end is known.
    pub fn can_skip(&self, held: usize, length: u64) -> bool {
        match self.framing {
            Framing::UntilEnd => true,
            Framing::Length(left) | Framing::Chunked(Step::Data(left)) => {
                length.checked_add(held as u64).is_some_and(|length| length <= left)
            }
            Framing::Chunked(_) => false,
        }
    }

    /// Skips bytes that never came.
    pub fn skip(&mut self, length: u64) {
        if let Framing::Length(left) | Framing::Chunked(Step::Data(left)) = &mut self.framing {
            *left = left.saturating_sub(length);
        }
        let message = &mut self.message;
        message.is_partial = true;
        message.wire_bytes = message.wire_bytes.saturating_add(length);
        message.body.wire_bytes = message.body.wire_bytes.saturating_add(length);
        message.body.is_present = true;
        message.body.is_cut = true;
        message.note("bytes missing within the body");
        self.is_stopped |= !self.codings.is_empty();
        if self.framing == Framing::Chunked(Step::Data(0)) {
            self.framing = Framing::Chunked(Step::DataEnd);
        }
    }

    /// Whether the body is whole, but for what lies within.
    pub fn is_complete(&self) -> bool {
        self.framing == Framing::Length(0)
    }

    /// Whether the end of the stream ends the body.
    pub fn ends_with_stream(&self) -> bool {
        self.framing == Framing::UntilEnd
    }

    /// Says that what comes next is body, even where it looks like a message.
    pub fn settle(&mut self) {
        self.is_doubtful = false;
    }

    /// Marks the body as cut, for this reason.
    pub fn cut(&mut self, by: &str) {
        let body = &mut self.message.body;
        body.is_cut = true;
        let note = match (self.total, self.framing) {
            (Some(total), Framing::Length(left)) => format!("body cut by {by}: {left} of {total} bytes missing"),
            _ => format!("body cut by {by}"),
        };
        self.message.is_partial = true;
        self.message.note(&note);
    }

    /// Undoes the codings, sets the fields that depend on the whole body and hands the message over.
    pub fn finish(mut self, out: &mut Out<'_>) {
        if self.keep_bytes > 0 {
            self.decode(out);
        }
        let message = &mut self.message;
        match &self.form {
            Form::None => {}
            Form::UrlEncoded => {
                let text = head::trim(&message.body.bytes);
                if !values::pairs(&mut message.values, fields::REQUEST_FORM, text, out.limits.items) {
                    message.note("more form parameters than the limit");
                    out.count(Cause::LimitReached, 1);
                }
            }
            Form::Multipart(boundary) => {
                let (field, limit) = (fields::REQUEST_PARTS, out.limits.items);
                values::part_names(&mut message.values, field, &message.body.bytes, boundary, limit);
            }
        }
        emit(self.message, out);
    }

    fn decode(&mut self, out: &mut Out<'_>) {
        let message = &mut self.message;
        let limit = out.limits.body_bytes;
        let mut is_over_limit = message.body.is_cut && message.body.bytes.len() >= self.keep_bytes;
        message.body.is_encoded = self.codings.is_kept();
        if self.codings.is_over_limit {
            out.count(Cause::LimitReached, 1);
        }
        if !self.codings.is_kept() && !message.body.bytes.is_empty() {
            let cap = out.limits.decoded_bytes.min(limit);
            for coding in self.codings.undo() {
                let mut decoded = Vec::new();
                let ending = decompress(coding, &message.body.bytes, cap, &mut decoded);
                if ending == Decoded::NotCompressed {
                    // One that was announced but not applied; the others may be.
                    message.note(not_compressed(coding));
                    continue;
                }
                message.body.bytes = decoded;
                match ending {
                    Decoded::Whole | Decoded::NotCompressed => {}
                    Decoded::Capped => is_over_limit = true,
                    Decoded::ChecksumWrong => message.note("checksum of the encoded body is wrong"),
                    Decoded::Truncated => {
                        message.body.is_cut = true;
                        message.note("encoded body ends early");
                    }
                    Decoded::Damaged => {
                        message.body.is_cut = true;
                        message.note("encoded body is damaged: decoded up to there");
                    }
                }
            }
        }
        if is_over_limit || message.body.bytes.len() > limit {
            message.body.bytes.truncate(limit);
            message.body.is_cut = true;
            message.note(&format!("body cut after {} bytes", message.body.bytes.len()));
            out.count(Cause::LimitReached, 1);
        }
    }
}

/// Passes over a body that nobody wants and that is there as a whole, the most frequent case; tells where it ends.
pub fn pass_over(
    message: &mut Message,
    framing: Framing,
    form: &Form,
    chunk: &Chunk<'_>,
    at: usize,
    out: &Out<'_>,
) -> Option<usize> {
    let Framing::Length(length) = framing else {
        return None;
    };
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    if end > chunk.bytes.len() || *form != Form::None || out.wants_body(message.direction) {
        return None;
    }
    message.body.is_present = true;
    count(message, chunk, at..end);
    Some(end)
}

fn count(message: &mut Message, chunk: &Chunk<'_>, range: Range<usize>) {
    if range.is_empty() {
        return;
    }
    let length = range.len() as u64;
    chunk.cover(message, range);
    message.wire_bytes = message.wire_bytes.saturating_add(length);
    message.body.wire_bytes = message.body.wire_bytes.saturating_add(length);
}

/// Sets the size of the body and hands a message over.
pub fn emit(mut message: Box<Message>, out: &mut Out<'_>) {
    let field = match message.role {
        Role::Response => fields::RESPONSE_BODY_SIZE,
        _ => fields::REQUEST_BODY_SIZE,
    };
    if out.wants(field) {
        let size = i64::try_from(message.body.wire_bytes).unwrap_or(i64::MAX);
        message.values.int(field, size);
    }
    out.emit(message);
}

const fn not_compressed(coding: lanternfish_dissect::Compression) -> &'static str {
    match coding {
        lanternfish_dissect::Compression::Gzip => "body is not gzip as announced",
        lanternfish_dissect::Compression::Deflate => "body is not deflate as announced",
        lanternfish_dissect::Compression::Brotli => "body is not br as announced",
        lanternfish_dissect::Compression::Zstd => "body is not zstd as announced",
    }
}

fn take(bytes: &[u8], left: u64) -> &[u8] {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(..taken).unwrap_or(bytes)
}

enum ChunkSize {
    Bytes(u64),
    EmptyLine,
    Bad,
}

/// Reads a line with a chunk size and perhaps extensions, which are left out (RFC 9112 section 7.1.1).
fn chunk_size(line: &[u8]) -> ChunkSize {
    let size = head::trim(line.get(..memchr(b';', line).unwrap_or(line.len())).unwrap_or(line));
    if size.is_empty() && head::trim(line).is_empty() {
        return ChunkSize::EmptyLine;
    }
    let size = size.iter().position(|&digit| digit != b'0').map_or(size.get(..1), |first| size.get(first..));
    let digits = size.unwrap_or_default();
    if digits.is_empty() || digits.len() > MAX_SIZE_DIGITS {
        return ChunkSize::Bad;
    }
    let sum = digits.iter().try_fold(0u64, |sum, &digit| Some(sum << 4 | u64::from(values::hex(digit)?)));
    sum.map_or(ChunkSize::Bad, ChunkSize::Bytes)
}

/// The longest line with a chunk size.
const MAX_CHUNK_LINE_BYTES: usize = 4 << 10;
/// Hexadecimal digits of the largest chunk size, leading zeros apart.
const MAX_SIZE_DIGITS: usize = 15;
/// Bytes that an encoded body may be longer than the limit at least.
const MIN_SLACK_BYTES: usize = 1 << 10;
