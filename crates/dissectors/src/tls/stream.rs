//! A connection: records, the handshake messages within them, and when both hellos may go.
//!
//! Past the handshake a record costs no more than its header. Encrypted handshakes, tickets and alerts are skipped alike.

use std::ops::Range;

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Out, Progress};
use lanternfish_model::{Cause, Direction, Role};

use super::handshake::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_STATUS, CLIENT_HELLO, DRAFT_RETRY, MAX_HANDSHAKE_BYTES,
    MESSAGE_HEADER_BYTES, SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, message_length,
};
use super::hello::{ClientHello, ServerHello};
use super::message::Exchange;
use super::names::is_tls13;
use super::probe::{begins_client_hello, begins_handshake};
use super::record::{ContentType, HEADER_BYTES, Header, find};
use super::sslv2::Frame;

/// The state of a connection.
pub struct Stream {
    to_server: Half,
    to_client: Half,
    /// The way that the client's bytes go, as the hellos tell.
    client: Direction,
    exchange: Option<Box<Exchange>>,
    /// Whether a HelloRetryRequest was the last that the server said.
    is_retrying: bool,
    /// Whether the final ServerHello was seen.
    is_answered: bool,
    /// Whether the rest is framed as SSL 2.0 does, which is not followed.
    is_opaque: bool,
}

impl Default for Stream {
    fn default() -> Self {
        Stream {
            to_server: Half::default(),
            to_client: Half::default(),
            client: Direction::ToServer,
            exchange: None,
            is_retrying: false,
            is_answered: false,
            is_opaque: false,
        }
    }
}

/// The state of one direction.
#[derive(Default)]
struct Half {
    /// Bytes of the current record that have not come yet.
    left: usize,
    /// Whether the current record holds handshake messages in clear.
    is_handshake: bool,
    /// A handshake message that is not whole yet.
    buffer: Vec<u8>,
    /// Bytes of the current handshake message that are passed over.
    skip: usize,
    /// Whether records are encrypted from here on.
    is_sealed: bool,
    /// Encrypted bytes so far.
    sealed_bytes: u64,
    /// Whether a record was seen.
    is_begun: bool,
    /// Whether its end was seen.
    is_ended: bool,
}

/// What became of the bytes at a record's beginning.
enum Step {
    Consumed(usize),
    Needs(usize),
    Stray,
}

impl Stream {
    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Reads the beginning of a record.
    fn record(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Step {
        let rest = chunk.bytes.get(at..).unwrap_or_default();
        if let [first, ..] = rest
            && first & 0x80 != 0
            && !self.half(chunk.direction).is_begun
        {
            return self.sslv2(chunk, at, out);
        }
        if rest.len() < HEADER_BYTES {
            return if Header::may_begin(rest) { Step::Needs(HEADER_BYTES) } else { Step::Stray };
        }
        let Some(header) = Header::read(rest) else { return Step::Stray };
        let direction = chunk.direction;
        match header.content {
            ContentType::Handshake => return self.handshake(chunk, at, header.length, out),
            ContentType::Alert if header.length == ALERT_BYTES && !self.half(direction).is_sealed => {
                let Some(&[level, number]) =
                    rest.get(HEADER_BYTES..).and_then(|body| body.first_chunk::<ALERT_BYTES>())
                else {
                    return Step::Needs(HEADER_BYTES + ALERT_BYTES);
                };
                self.half(direction).is_begun = true;
                self.alert(chunk, at..at + HEADER_BYTES + ALERT_BYTES, level, number, out);
                return Step::Consumed(HEADER_BYTES + ALERT_BYTES);
            }
            // After a HelloRetryRequest it is there only for the sake of middleboxes, RFC 8446 appendix D.4.
            ContentType::ChangeCipherSpec if self.is_retrying => self.pass(direction, header.length),
            ContentType::ChangeCipherSpec | ContentType::ApplicationData => self.seal(direction, header.length, out),
            ContentType::Alert | ContentType::Heartbeat => self.pass(direction, header.length),
        }
        Step::Consumed(HEADER_BYTES)
    }

    /// Passes over a record.
    fn pass(&mut self, direction: Direction, length: usize) {
        let half = self.half(direction);
        half.is_begun = true;
        half.is_handshake = false;
        half.left = length;
    }

    /// Passes over a record, from which on the direction is encrypted.
    fn seal(&mut self, direction: Direction, length: usize, out: &mut Out<'_>) {
        self.pass(direction, length);
        let half = self.half(direction);
        half.sealed_bytes = half.sealed_bytes.saturating_add(length as u64);
        let is_first = !half.is_sealed;
        half.is_sealed = true;
        if is_first || self.exchange.is_some() {
            self.emit_if_complete(out);
        }
    }

    /// Reads the beginning of a handshake record.
    fn handshake(&mut self, chunk: &Chunk<'_>, at: usize, length: usize, out: &mut Out<'_>) -> Step {
        let direction = chunk.direction;
        let is_answered = self.is_answered;
        let half = self.half(direction);
        let start = at.saturating_add(HEADER_BYTES);
        let body = chunk.bytes.get(start..).unwrap_or_default();
        let body = body.get(..length).unwrap_or(body);
        let is_boundary = half.buffer.is_empty() && half.skip == 0;
        let looked_at = length.min(if half.is_sealed { SEALED_LOOK_BYTES } else { MESSAGE_HEADER_BYTES });
        if is_boundary && body.len() < looked_at {
            return Step::Needs(HEADER_BYTES + looked_at);
        }
        let is_clear = if half.is_sealed {
            // A second ClientHello may follow early data or a ChangeCipherSpec, RFC 8446 sections 4.2.10 and D.4.
            is_boundary && !is_answered && begins_client_hello(body)
        } else {
            !is_boundary || begins_handshake(body)
        };
        if !is_clear {
            self.seal(direction, length, out);
            return Step::Consumed(HEADER_BYTES);
        }
        half.is_sealed = false;
        half.is_begun = true;
        half.is_handshake = true;
        half.left = length.saturating_sub(body.len());
        let end = start.saturating_add(body.len());
        self.fragment(chunk, at..end, start, out);
        Step::Consumed(end.saturating_sub(at))
    }

    /// Takes the bytes of handshake messages from `start` on; the range is what they take on the wire.
    fn fragment(&mut self, chunk: &Chunk<'_>, range: Range<usize>, start: usize, out: &mut Out<'_>) {
        let direction = chunk.direction;
        let most = MAX_HANDSHAKE_BYTES.min(out.limits.pending_bytes);
        let mut data = chunk.bytes.get(start..range.end).unwrap_or_default();
        while !data.is_empty() {
            let half = self.half(direction);
            if half.skip > 0 {
                let count = half.skip.min(data.len());
                half.skip -= count;
                data = data.get(count..).unwrap_or_default();
                continue;
            }
            if half.buffer.is_empty()
                && let Some(length) = message_length(data)
                && let Some((message, behind)) = data.split_at_checked(length)
                && length <= most
            {
                data = behind;
                self.begin(message, chunk, range.start, out);
                self.message(message, direction, false, out);
                continue;
            }
            if half.buffer.is_empty() {
                self.begin(data, chunk, range.start, out);
            }
            let half = self.half(direction);
            let wanted = message_length(&half.buffer).unwrap_or(MESSAGE_HEADER_BYTES);
            if wanted > most {
                half.skip = wanted.saturating_sub(half.buffer.len());
                half.buffer.clear();
                self.over_limit(direction, out);
                continue;
            }
            let count = wanted.saturating_sub(half.buffer.len()).min(data.len());
            let (taken, behind) = data.split_at_checked(count).unwrap_or((data, &[]));
            half.buffer.extend_from_slice(taken);
            data = behind;
            if message_length(&half.buffer) == Some(half.buffer.len()) {
                let mut message = std::mem::take(&mut half.buffer);
                self.message(&message, direction, false, out);
                message.clear();
                self.half(direction).buffer = message;
            }
        }
        self.cover(chunk, range);
        self.emit_if_complete(out);
    }

    /// Makes room for what a handshake message says, when its first byte is seen.
    fn begin(&mut self, message: &[u8], chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) {
        let kind = message.first().copied();
        let is_repeated = self.exchange.as_ref().is_some_and(|exchange| match kind {
            Some(CLIENT_HELLO) => exchange.request.is_some(),
            Some(SERVER_HELLO) => exchange.has_server_hello,
            _ => false,
        });
        if is_repeated {
            self.emit(out);
        }
        match kind {
            Some(CLIENT_HELLO) => self.client = chunk.direction,
            Some(SERVER_HELLO | DRAFT_RETRY) => self.client = chunk.direction.reverse(),
            Some(CERTIFICATE) => {}
            _ => return,
        }
        let is_client = chunk.direction == self.client;
        let exchange = self.exchange.get_or_insert_default();
        if is_client && exchange.request.is_none() {
            exchange.request = Some(out.begin(Role::Request, chunk, at));
        }
        if !is_client && exchange.response.is_none() {
            exchange.response = Some(out.begin(Role::Response, chunk, at));
        }
    }

    /// Takes a handshake message, header included.
    fn message(&mut self, message: &[u8], direction: Direction, is_cut: bool, out: &mut Out<'_>) {
        let Some((&[kind, ..], body)) = message.split_first_chunk::<MESSAGE_HEADER_BYTES>() else { return };
        let is_client = direction == self.client;
        let Some(exchange) = &mut self.exchange else { return };
        match kind {
            CLIENT_HELLO => exchange.client_hello(&ClientHello::read(body, is_cut), out),
            SERVER_HELLO => {
                let hello = ServerHello::read(body, is_cut);
                exchange.server_hello(&hello, out);
                self.is_retrying = hello.is_retry;
                self.is_answered = !hello.is_retry;
                if !hello.is_retry && is_tls13(hello.chosen_version()) {
                    self.half(direction).is_sealed = true;
                }
            }
            DRAFT_RETRY if !is_client => {
                exchange.draft_retry(body);
                self.is_retrying = true;
            }
            CERTIFICATE => exchange.certificates(is_client, body, out),
            CERTIFICATE_STATUS => exchange.certificate_status(body),
            SERVER_KEY_EXCHANGE => exchange.server_key_exchange(body),
            CERTIFICATE_REQUEST => exchange.is_certificate_requested = true,
            SERVER_HELLO_DONE => exchange.is_full = true,
            _ => {}
        }
    }

    fn alert(&mut self, chunk: &Chunk<'_>, range: Range<usize>, level: u8, number: u8, out: &mut Out<'_>) {
        let is_client = chunk.direction == self.client;
        let Some(exchange) = &mut self.exchange else { return };
        if !is_client && exchange.response.is_none() {
            exchange.response = Some(out.begin(Role::Response, chunk, range.start));
        }
        let is_end = exchange.alert(level, number);
        self.cover(chunk, range);
        if is_end {
            self.emit(out);
        }
    }

    /// Reads the hello of SSL 2.0 that a direction begins with.
    fn sslv2(&mut self, chunk: &Chunk<'_>, at: usize, out: &mut Out<'_>) -> Step {
        let length = match Frame::read(chunk.bytes.get(at..).unwrap_or_default()) {
            Frame::Client(hello, length) => {
                self.begin(&[CLIENT_HELLO], chunk, at, out);
                if let Some(exchange) = &mut self.exchange {
                    exchange.client_hello(&hello, out);
                }
                length
            }
            Frame::Server(certificate, length) => {
                self.begin(&[SERVER_HELLO], chunk, at, out);
                if let Some(exchange) = &mut self.exchange {
                    exchange.sslv2_server_hello(certificate, out);
                }
                self.is_opaque = true;
                length
            }
            Frame::Needs(needed) => return Step::Needs(needed),
            Frame::Other => return Step::Stray,
        };
        self.half(chunk.direction).is_begun = true;
        self.cover(chunk, at..at.saturating_add(length));
        self.emit_if_complete(out);
        Step::Consumed(length)
    }

    /// Counts bytes and their packets to the message of their direction.
    fn cover(&mut self, chunk: &Chunk<'_>, range: Range<usize>) {
        let is_client = chunk.direction == self.client;
        let Some(exchange) = &mut self.exchange else { return };
        let message = if is_client { &mut exchange.request } else { &mut exchange.response };
        if let Some(message) = message {
            message.wire_bytes = message.wire_bytes.saturating_add(range.len() as u64);
            chunk.cover(message, range);
        }
    }

    fn over_limit(&mut self, direction: Direction, out: &mut Out<'_>) {
        out.count(Cause::LimitReached, 1);
        self.mark_partial(direction, "a handshake message over the limit was not read");
    }

    fn mark_partial(&mut self, direction: Direction, note: &str) {
        let is_client = direction == self.client;
        let Some(exchange) = &mut self.exchange else { return };
        let (first, second) = (&mut exchange.request, &mut exchange.response);
        let message = if is_client { first.as_mut().or(second.as_mut()) } else { second.as_mut().or(first.as_mut()) };
        if let Some(message) = message {
            message.is_partial = true;
            message.note(note);
        }
    }

    /// Hands the hellos over once nothing more of the handshake can be read.
    fn emit_if_complete(&mut self, out: &mut Out<'_>) {
        let Some(exchange) = &self.exchange else { return };
        let are_both_sealed = self.to_server.is_sealed && self.to_client.is_sealed && exchange.response.is_some();
        // One direction alone goes on for long: the other one is not seen.
        let is_one_sided = self.to_server.sealed_bytes.max(self.to_client.sealed_bytes) > MAX_HELD_BYTES;
        if exchange.is_complete || are_both_sealed || is_one_sided {
            self.emit(out);
        }
    }

    fn emit(&mut self, out: &mut Out<'_>) {
        let Some(exchange) = self.exchange.take() else { return };
        let is_server_sealed = match self.client {
            Direction::ToServer => self.to_client.is_sealed,
            Direction::ToClient => self.to_server.is_sealed,
        };
        exchange.emit(is_server_sealed, out);
        for half in [&mut self.to_server, &mut self.to_client] {
            if half.buffer.is_empty() {
                half.buffer = Vec::new();
            }
        }
    }

    /// Reads what there is of a handshake message whose rest will not come.
    fn cut(&mut self, direction: Direction, note: &str, out: &mut Out<'_>) {
        let half = self.half(direction);
        let is_within = half.skip > 0 || !half.buffer.is_empty() || (half.is_handshake && half.left > 0);
        let message = std::mem::take(&mut half.buffer);
        half.skip = 0;
        if !message.is_empty() {
            self.message(&message, direction, true, out);
        }
        if is_within {
            self.mark_partial(direction, note);
        }
    }

    /// Ends a direction.
    fn finish(&mut self, direction: Direction, out: &mut Out<'_>) {
        self.cut(direction, "the end of a handshake message is missing", out);
        let half = self.half(direction);
        half.is_ended = true;
        half.left = 0;
    }

    /// Forgets where records begin.
    fn lose(&mut self, direction: Direction, out: &mut Out<'_>) {
        self.cut(direction, "a part of the handshake is missing", out);
        self.mark_partial(direction, "a part of the handshake is missing");
        let half = self.half(direction);
        half.left = 0;
        half.is_handshake = false;
        self.emit(out);
    }
}

impl Dissector for Stream {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let mut at = 0;
        while !self.is_opaque {
            let available = chunk.bytes.len().saturating_sub(at);
            if available == 0 {
                break;
            }
            let half = self.half(chunk.direction);
            if half.left > 0 {
                let count = half.left.min(available);
                half.left -= count;
                let is_handshake = half.is_handshake;
                let start = at;
                at = at.saturating_add(count);
                if is_handshake {
                    self.fragment(chunk, start..at, start, out);
                }
                continue;
            }
            match self.record(chunk, at, out) {
                Step::Consumed(count) => at = at.saturating_add(count),
                Step::Needs(needed) => return Progress::Incomplete { consumed: at, needed },
                Step::Stray => {
                    // Something was said in TLS: the match stands, whatever this is.
                    if self.exchange.is_some() {
                        self.mark_partial(chunk.direction, "what follows is not TLS");
                        self.emit(out);
                    }
                    return Progress::Desync { consumed: at };
                }
            }
        }
        Progress::Done
    }

    fn gap(&mut self, pending: &Chunk<'_>, length: u64, out: &mut Out<'_>) -> GapVerdict {
        if self.is_opaque {
            return GapVerdict::Absorbed;
        }
        let direction = pending.direction;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let half = self.half(direction);
        if !pending.bytes.is_empty() || half.left < length {
            self.lose(direction, out);
            return GapVerdict::Lost;
        }
        half.left -= length;
        if half.is_handshake {
            let unread = message_length(&half.buffer).map(|whole| whole.saturating_sub(half.buffer.len()));
            let unread = unread.unwrap_or(half.skip);
            self.cut(direction, "a part of the handshake is missing", out);
            let half = self.half(direction);
            match unread.checked_sub(length) {
                Some(rest) => half.skip = rest,
                // Where the next message begins within the record is not known.
                None => half.is_handshake = false,
            }
        }
        GapVerdict::Absorbed
    }

    fn resync(&mut self, direction: Direction, bytes: &[u8]) -> Option<usize> {
        let half = self.half(direction);
        half.left = 0;
        half.skip = 0;
        half.buffer.clear();
        half.is_begun = true;
        find(bytes)
    }

    fn held_bytes(&self) -> usize {
        let buffers = self.to_server.buffer.capacity().saturating_add(self.to_client.buffer.capacity());
        self.exchange.as_ref().map_or(buffers, |exchange| exchange.footprint_bytes().saturating_add(buffers))
    }

    fn shed(&mut self, out: &mut Out<'_>) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let half = self.half(direction);
            if let Some(wanted) = message_length(&half.buffer) {
                half.skip = wanted.saturating_sub(half.buffer.len());
                half.buffer.clear();
            }
            // What is left of a header tells where the message ends, once the rest has come.
            half.buffer.shrink_to_fit();
        }
        if self.exchange.is_some() {
            out.count(Cause::HeldBytesFull, 1);
            self.mark_partial(
                self.client,
                "the handshake was given up because too much was held of messages under way",
            );
            self.emit(out);
        }
    }

    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        self.finish(pending.direction, out);
        let is_server = pending.direction != self.client;
        if is_server || (self.to_server.is_ended && self.to_client.is_ended) {
            // What the server has not waited for will not come either.
            self.cut(self.client, "a part of the handshake is missing", out);
            self.emit(out);
        }
    }

    fn close(&mut self, _pending: [&Chunk<'_>; 2], out: &mut Out<'_>) {
        self.finish(Direction::ToServer, out);
        self.finish(Direction::ToClient, out);
        self.emit(out);
    }
}

/// The body of an alert in clear.
const ALERT_BYTES: usize = 2;
/// Bytes looked at to tell a ClientHello in clear from an encrypted record.
const SEALED_LOOK_BYTES: usize = 48;
/// Encrypted bytes of one direction after which the hellos are not held any longer.
const MAX_HELD_BYTES: u64 = 64 << 10;
