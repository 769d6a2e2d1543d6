//! One connection: heads and bodies of both directions, their order, and the change to another protocol.
//!
//! RFC 9112 section 9 (pipelining, close), RFC 9110 sections 7.8 (Upgrade), 9.3.6 (CONNECT) and 15.2 (interim
//! responses).

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Handoff, Out, Progress};
use lanternfish_model::{Cause, Direction, Message, Role};

use super::body::{self, Body, Fed};
use super::head::{self, Lines};
use super::in_flight::{InFlight, Kind};
use super::message::{self, BodyFacts, Head};
use super::resync;
use super::start::{self, Begins, RequestLine, StatusLine};

/// The state of a connection.
#[derive(Default)]
pub struct Connection {
    sides: [Side; 2],
    in_flight: InFlight,
    /// The interim responses (1xx) before the response that is awaited, as one message.
    interim: Option<Box<Message>>,
}

#[derive(Default)]
struct Side {
    body: Option<Body>,
    /// Where the last line of a head begins that was looked at and is not whole yet, from the head's start.
    scanned: usize,
    /// Whether a message of this direction was recognised.
    has_begun: bool,
    /// Whether the bytes that come next were found to begin no message.
    is_rejected: bool,
}

enum Step {
    /// The next message begins at this offset.
    Next(usize),
    /// There is nothing more to do with the bytes.
    Stop(Progress),
}

impl Connection {
    fn side(&mut self, direction: Direction) -> &mut Side {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    /// Goes on with the body of a direction, where one is under way.
    fn feed(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Step {
        let side = self.side(chunk.direction);
        let Some(body) = &mut side.body else {
            return Step::Next(at);
        };
        match body.feed(chunk, at, out) {
            Fed::All => Step::Stop(Progress::Done),
            Fed::UpTo(at) => Step::Stop(more(chunk, at)),
            Fed::End(at) => {
                if let Some(body) = side.body.take() {
                    body.finish(out);
                }
                Step::Next(at)
            }
            Fed::Broken(at, why) => {
                if let Some(mut body) = side.body.take() {
                    body.message.note(why);
                    body.message.is_partial = true;
                    body.message.body.is_cut = true;
                    body.finish(out);
                }
                self.in_flight.lose_order();
                Step::Stop(Progress::Desync { consumed: at })
            }
        }
    }

    /// Reads the head of a message.
    fn head(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Step {
        let direction = chunk.direction;
        // RFC 9112 section 2.2: empty lines before a request are skipped; servers send them too.
        let rest = chunk.bytes.get(at..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let at = at + blank;
        let rest = rest.get(blank..).unwrap_or_default();
        if rest.is_empty() {
            return Step::Stop(Progress::Done);
        }
        let window = rest.get(..out.limits.head_bytes).unwrap_or(rest);
        let is_awaited = self.in_flight.newest().is_some();
        let side = self.side(direction);
        if side.scanned > 0
            && let Err(scanned) = head::find_end(window, side.scanned)
        {
            side.scanned = scanned;
            return self.head_not_whole(chunk, at, window, out);
        }
        let mut lines = Lines::new();
        let Some(length) = head::find_lines(window, &mut lines) else {
            let begins = match (start::begins(direction, window), direction) {
                (Begins::No, Direction::ToServer) if start::begins_loosely(window) => Begins::Yes,
                (Begins::No, Direction::ToClient) if is_awaited => start::begins_loose_status(window),
                (begins, _) => begins,
            };
            return match begins {
                Begins::No => self.not_a_message(chunk, at, out),
                Begins::Maybe if window.len() < out.limits.head_bytes => Step::Stop(more(chunk, at)),
                Begins::Maybe => self.reject(direction, at),
                Begins::Yes => {
                    side.has_begun = true;
                    side.scanned = lines.last().map_or(0, |&end| end as usize + 1);
                    self.head_not_whole(chunk, at, window, out)
                }
            };
        };
        side.scanned = 0;
        let head = Head { bytes: window.get(..length).unwrap_or(window), lines: &lines };
        let first = head::first_line(head.bytes, head.lines);
        match direction {
            Direction::ToServer => match start::request_line(first).or_else(|| start::loose_request_line(first)) {
                Some(line) => self.request(chunk, at, &line, head, out),
                None => self.not_a_message(chunk, at, out),
            },
            Direction::ToClient => match (start::status_line(first), start::loose_status_line(first)) {
                (Some(line), _) => self.response(chunk, at, &line, head, out),
                (None, Some(line)) if is_awaited => self.response(chunk, at, &line, head, out),
                _ => self.not_a_message(chunk, at, out),
            },
        }
    }

    fn request(
        &mut self,
        chunk: &Chunk<'_>,
        at: usize,
        line: &RequestLine<'_>,
        head: Head<'_>,
        out: &mut Out<'_>,
    ) -> Step {
        let end = at + head.bytes.len();
        self.side(Direction::ToServer).has_begun = true;
        let mut message = begin(Role::Request, chunk, at, end, out);
        let facts = message::fill_request(&mut message, line, head, out);
        note_version(&mut message, line);
        let kind = match line.method {
            b"HEAD" => Kind::Head,
            b"CONNECT" => Kind::Connect,
            _ if facts.has_upgrade => Kind::Upgrade,
            _ => Kind::Plain,
        };
        let is_quiet = self.sides.get(Direction::ToClient.index()).is_none_or(|side| side.body.is_none());
        self.in_flight.push(kind, is_quiet);
        Step::Next(self.begin_body(message, facts, false, chunk, end, out))
    }

    fn response(
        &mut self,
        chunk: &Chunk<'_>,
        at: usize,
        line: &StatusLine<'_>,
        head: Head<'_>,
        out: &mut Out<'_>,
    ) -> Step {
        let end = at + head.bytes.len();
        self.side(Direction::ToClient).has_begun = true;
        let is_interim = matches!(line.status, 100..=199) && line.status != SWITCHING_PROTOCOLS;
        if is_interim {
            self.interim(chunk, at..end, line, head, out);
            return Step::Next(end);
        }
        let kind = self.in_flight.pop(!out.facts.is_midstream);
        let mut message = begin(Role::Response, chunk, at, end, out);
        if let Some(interim) = self.interim.take() {
            for run in interim.packets.runs() {
                (run.first..run.first.saturating_add(run.count)).for_each(|packet| message.packets.add(packet));
            }
            message.position = interim.position;
            message.notes.append(&interim.notes);
            message.wire_bytes = message.wire_bytes.saturating_add(interim.wire_bytes);
            out.discard(interim);
        }
        let facts = message::fill_response(&mut message, line, head, kind, out);
        let is_tunnel = kind == Kind::Connect && matches!(line.status, 200..=299);
        if line.status == SWITCHING_PROTOCOLS || is_tunnel {
            body::emit(message, out);
            self.cut_body(Direction::ToServer, "the change of protocol", out);
            return Step::Stop(Progress::Handoff { consumed: end, to: Handoff::Probe });
        }
        Step::Next(self.begin_body(message, facts, kind == Kind::Unknown, chunk, end, out))
    }

    /// An interim response answers nothing: it becomes a note on the final one (RFC 9110 section 15.2).
    fn interim(
        &mut self,
        chunk: &Chunk<'_>,
        range: std::ops::Range<usize>,
        line: &StatusLine<'_>,
        head: Head<'_>,
        out: &mut Out<'_>,
    ) {
        let mut message = match self.interim.take() {
            Some(mut message) => {
                message.wire_bytes = message.wire_bytes.saturating_add(range.len() as u64);
                chunk.cover(&mut message, range);
                message
            }
            None => {
                let mut message = begin(Role::Response, chunk, range.start, range.end, out);
                message::fill_response(&mut message, line, head, Kind::Plain, out);
                message
            }
        };
        message.status_code = Some(i64::from(line.status));
        match line.status {
            100 => message.note("interim response 100"),
            102 => message.note("interim response 102"),
            103 => message.note("interim response 103"),
            other => message.note(&format!("interim response {other}")),
        }
        self.interim = Some(message);
    }

    /// Begins the body of a message, or hands the message over where it has none; tells how far it came.
    fn begin_body(
        &mut self,
        mut message: Box<Message>,
        facts: BodyFacts,
        is_doubtful: bool,
        chunk: &Chunk<'_>,
        at: usize,
        out: &mut Out<'_>,
    ) -> usize {
        let Some(framing) = facts.framing else {
            body::emit(message, out);
            return at;
        };
        if !is_doubtful && let Some(end) = body::pass_over(&mut message, framing, &facts.form, chunk, at, out) {
            body::emit(message, out);
            return end;
        }
        let side = self.side(message.direction);
        side.body = Some(Body::new(message, framing, facts.codings, facts.form, is_doubtful, out));
        at
    }

    fn head_not_whole(&mut self, chunk: &Chunk<'_>, at: usize, window: &[u8], out: &mut Out<'_>) -> Step {
        if window.len() < out.limits.head_bytes {
            return Step::Stop(more(chunk, at));
        }
        out.count(Cause::LimitReached, 1);
        self.cut_head(chunk, at..at + window.len(), "the limit", out);
        self.in_flight.lose_order();
        Step::Stop(Progress::Desync { consumed: at + window.len() })
    }

    /// Bytes that begin no message: the protocol may be about to change, or the middle of a message was joined.
    fn not_a_message(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Step {
        let rest = chunk.bytes.get(at..).unwrap_or_default();
        let is_switch_awaited = chunk.direction == Direction::ToServer
            && matches!(self.in_flight.newest(), Some(Kind::Connect | Kind::Upgrade));
        if is_switch_awaited {
            // The response decides, but it may be captured late, or never.
            return Step::Stop(match rest.len() < MAX_BYTES_BEFORE_SWITCH {
                true => more(chunk, at),
                false => Progress::Handoff { consumed: at, to: Handoff::Probe },
            });
        }
        if out.facts.is_midstream && !self.side(chunk.direction).has_begun {
            let skipped = resync::next_message(chunk.direction, rest, true).unwrap_or(rest.len());
            out.count(Cause::Resync, skipped as u64);
            return Step::Next(at + skipped);
        }
        self.reject(chunk.direction, at)
    }

    fn reject(&mut self, direction: Direction, at: usize) -> Step {
        self.side(direction).is_rejected = true;
        self.in_flight.lose_order();
        Step::Stop(Progress::Desync { consumed: at })
    }

    /// Emits what can be read of a head that does not become whole.
    fn cut_head(&mut self, chunk: &Chunk<'_>, range: std::ops::Range<usize>, by: &str, out: &mut Out<'_>) {
        self.side(chunk.direction).scanned = 0;
        let bytes = chunk.bytes.get(range.clone()).unwrap_or_default();
        let mut lines = Lines::new();
        head::find_lines(bytes, &mut lines);
        let head = Head { bytes, lines: &lines };
        let first = head::first_line(bytes, &lines);
        let note = format!("head cut by {by} after {} bytes", bytes.len());
        let mut message = match chunk.direction {
            Direction::ToServer => {
                let line = match lines.is_empty() {
                    true => start::cut_request_line(first),
                    false => start::request_line(first).or_else(|| start::loose_request_line(first)),
                };
                let Some(line) = line else { return };
                let mut message = begin(Role::Request, chunk, range.start, range.end, out);
                message::fill_request(&mut message, &line, head, out);
                if !lines.is_empty() {
                    note_version(&mut message, &line);
                }
                self.in_flight.push(Kind::Unknown, false);
                message
            }
            Direction::ToClient => {
                let line = start::status_line(first).or_else(|| match self.in_flight.newest() {
                    Some(_) if !lines.is_empty() => start::loose_status_line(first),
                    _ => None,
                });
                let Some(line) = line else { return };
                let kind = self.in_flight.pop(!out.facts.is_midstream);
                let mut message = begin(Role::Response, chunk, range.start, range.end, out);
                message::fill_response(&mut message, &line, head, kind, out);
                message
            }
        };
        message.is_partial = true;
        message.note(&note);
        body::emit(message, out);
    }

    fn cut_body(&mut self, direction: Direction, by: &str, out: &mut Out<'_>) {
        if let Some(mut body) = self.side(direction).body.take() {
            body.cut(by);
            body.finish(out);
        }
    }

    /// Emits whatever is under way in a direction, with what can be read of bytes that were not consumed.
    fn cut(&mut self, pending: &Chunk<'_>, by: &str, out: &mut Out<'_>) {
        let at = self.feed_rest(pending, out);
        self.cut_body(pending.direction, by, out);
        let rest = pending.bytes.get(at..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if blank < rest.len() {
            self.cut_head(pending, at + blank..pending.bytes.len(), by, out);
        }
    }

    /// Gives a body what was not consumed of it: a part of a framing line, or the bytes that decide whether there is a
    /// body at all. Tells where the next message begins.
    fn feed_rest(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) -> usize {
        let direction = pending.direction;
        if let Some(body) = &mut self.side(direction).body {
            body.settle();
        }
        let stopped_at = match self.feed(pending, 0, out) {
            Step::Next(end) => return end,
            Step::Stop(Progress::Incomplete { consumed, .. }) => consumed,
            Step::Stop(_) => pending.bytes.len(),
        };
        if let Some(body) = &mut self.side(direction).body {
            body.count(pending, stopped_at..pending.bytes.len());
        }
        pending.bytes.len()
    }

    /// An interim response that no other follows stands for itself.
    fn emit_interim(&mut self, out: &mut Out<'_>) {
        if let Some(mut interim) = self.interim.take() {
            interim.is_partial = true;
            interim.note("no final response followed");
            body::emit(interim, out);
        }
    }
}

impl Dissector for Connection {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let mut at = 0;
        while at < chunk.bytes.len() {
            let step = match self.feed(chunk, at, out) {
                Step::Next(next) if next < chunk.bytes.len() => self.head(chunk, next, out),
                step => step,
            };
            match step {
                Step::Next(next) => at = next,
                Step::Stop(progress) => return progress,
            }
        }
        Progress::Done
    }

    fn gap(&mut self, pending: &Chunk<'_>, length: u64, out: &mut Out<'_>) -> GapVerdict {
        let direction = pending.direction;
        let can_skip =
            self.side(direction).body.as_ref().is_some_and(|body| body.can_skip(pending.bytes.len(), length));
        if !can_skip {
            self.cut(pending, "a gap", out);
            self.in_flight.lose_order();
            return GapVerdict::Lost;
        }
        self.feed_rest(pending, out);
        let side = self.side(direction);
        if let Some(body) = &mut side.body {
            body.skip(length);
        }
        if side.body.as_ref().is_some_and(Body::is_complete)
            && let Some(body) = side.body.take()
        {
            body.finish(out);
        }
        GapVerdict::Absorbed
    }

    fn resync(&mut self, direction: Direction, bytes: &[u8]) -> Option<usize> {
        let side = self.side(direction);
        side.scanned = 0;
        let is_rejected = std::mem::take(&mut side.is_rejected);
        resync::next_message(direction, bytes, is_rejected)
    }

    fn held_bytes(&self) -> usize {
        let mut bytes = self.interim.as_ref().map_or(0, |message| message.footprint_bytes());
        for body in self.sides.iter().filter_map(|side| side.body.as_ref()) {
            bytes = bytes.saturating_add(body.message.footprint_bytes());
        }
        bytes
    }

    fn shed(&mut self, out: &mut Out<'_>) {
        self.sides.iter_mut().filter_map(|side| side.body.as_mut()).for_each(|body| body.shed(out));
    }

    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        let direction = pending.direction;
        let side = self.side(direction);
        if side.body.as_ref().is_some_and(Body::ends_with_stream) {
            // RFC 9112 section 6.3 rule 8: closing is how such a body ends.
            if let Some(body) = side.body.take() {
                body.finish(out);
            }
        }
        self.cut(pending, "the end of the stream", out);
        if direction == Direction::ToClient {
            self.emit_interim(out);
        }
    }

    fn close(&mut self, pending: [&Chunk<'_>; 2], out: &mut Out<'_>) {
        for chunk in pending {
            self.cut(chunk, "the end of the connection", out);
        }
        self.emit_interim(out);
    }
}

fn note_version(message: &mut Message, line: &RequestLine<'_>) {
    if line.version.is_empty() {
        message.note("request line without a version that is understood");
    }
}

fn begin(role: Role, chunk: &Chunk<'_>, at: usize, end: usize, out: &mut Out<'_>) -> Box<Message> {
    let mut message = out.begin(role, chunk, at);
    chunk.cover(&mut message, at..end);
    message.wire_bytes = (end - at) as u64;
    message
}

fn more(chunk: &Chunk<'_>, consumed: usize) -> Progress {
    let held = chunk.bytes.len().saturating_sub(consumed);
    Progress::Incomplete { consumed, needed: held.saturating_add(1) }
}

const SWITCHING_PROTOCOLS: u16 = 101;
/// Bytes of another protocol that wait for the response which allows it.
const MAX_BYTES_BEFORE_SWITCH: usize = 4 << 10;
