//! Conversations as an engine would feed them, and what must come of them.

use std::collections::VecDeque;
use std::fmt::Write as _;

use lanternfish_dissect::{
    Chunk, Dissector, GapVerdict, Handoff, Head, Limits, MessagePool, Out, Probe, Progress, Protocol, Sender, Session,
    Source,
};
use lanternfish_model::{
    Cause, ConnectionFacts, Direction, Endpoint, FieldTable, Loss, Message, PacketRef, ProtocolIndex, Role, Scope,
    Timestamp, Transport, Value, Wants,
};
use proptest::prelude::*;

use super::{Http, SPEC};
use Direction::{ToClient, ToServer};

/// One thing that happens on a connection.
#[derive(Clone, Debug)]
enum Event {
    Bytes(Direction, Vec<u8>),
    Gap(Direction, u64),
    End(Direction),
}

fn request(bytes: &[u8]) -> Event {
    Event::Bytes(ToServer, bytes.to_vec())
}

fn response(bytes: &[u8]) -> Event {
    Event::Bytes(ToClient, bytes.to_vec())
}

/// An engine in small: keeps what was not consumed, asks for resync, hands over.
struct Driver {
    dissector: Box<dyn Dissector>,
    facts: ConnectionFacts,
    limits: Limits,
    wants: Wants,
    pool: MessagePool,
    session: Session,
    messages: Vec<Box<Message>>,
    loss: Loss,
    pending: [Vec<u8>; 2],
    sources: [VecDeque<(PacketRef, usize)>; 2],
    needed: [usize; 2],
    is_lost: [bool; 2],
    handed_over: [Option<Vec<u8>>; 2],
    desyncs: usize,
    number: u64,
}

impl Driver {
    fn new() -> Driver {
        let table = FieldTable::join(&[&SPEC]).unwrap();
        let end = Endpoint::UNSPECIFIED;
        let facts = ConnectionFacts {
            id: 1,
            transport: Transport::Tcp,
            client: end,
            server: end,
            scope: Scope(0),
            first: PacketRef::default(),
            is_midstream: false,
            tunnels: Vec::new(),
            interface: 0,
        };
        Driver {
            dissector: Http.open(&facts),
            facts,
            limits: Limits::default(),
            wants: Wants::everything(&table),
            pool: MessagePool::default(),
            session: Session::default(),
            messages: Vec::new(),
            loss: Loss::default(),
            pending: Default::default(),
            sources: Default::default(),
            needed: [1; 2],
            is_lost: [false; 2],
            handed_over: [None, None],
            desyncs: 0,
            number: 0,
        }
    }

    fn with_wants(mut self, names: &[&str]) -> Driver {
        let table = FieldTable::join(&[&SPEC]).unwrap();
        self.wants = Wants::only(&table, names.iter().map(|name| table.find(name).unwrap()));
        self
    }

    fn ask<T>(
        &mut self,
        direction: Direction,
        ask: impl FnOnce(&mut dyn Dissector, &Chunk<'_>, &mut Out<'_>) -> T,
    ) -> T {
        let side = direction.index();
        let mut end = 0;
        let sources: Vec<Source> = self.sources[side]
            .iter()
            .map(|&(packet, length)| {
                end += length;
                Source { end, packet, position: None }
            })
            .collect();
        let chunk = Chunk {
            direction,
            bytes: &self.pending[side],
            is_datagram: false,
            missing: 0,
            quoted_connection: None,
            sources: &sources,
        };
        let mut out = Out {
            protocol: ProtocolIndex(0),
            facts: &self.facts,
            limits: &self.limits,
            wants: &self.wants,
            pool: &mut self.pool,
            session: &mut self.session,
            messages: &mut self.messages,
            loss: &mut self.loss,
        };
        ask(self.dissector.as_mut(), &chunk, &mut out)
    }

    fn consume(&mut self, side: usize, mut count: usize) {
        assert!(count <= self.pending[side].len());
        self.pending[side].drain(..count);
        while let Some((_, length)) = self.sources[side].front_mut() {
            if *length > count {
                *length -= count;
                break;
            }
            count -= *length;
            self.sources[side].pop_front();
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Bytes(direction, bytes) => {
                self.number += 1;
                let packet = PacketRef { time: Timestamp::from_ns(self.number as i64 * 1000), number: self.number };
                self.bytes(*direction, bytes, packet);
            }
            Event::Gap(direction, length) => {
                let side = direction.index();
                if self.handed_over[side].is_some() {
                    return;
                }
                let verdict = self.ask(*direction, |dissector, chunk, out| dissector.gap(chunk, *length, out));
                self.consume(side, self.pending[side].len());
                self.is_lost[side] |= verdict == GapVerdict::Lost;
                self.needed[side] = 1;
            }
            Event::End(direction) => {
                self.ask(*direction, |dissector, chunk, out| dissector.end(chunk, out));
                self.consume(direction.index(), self.pending[direction.index()].len());
            }
        }
    }

    fn bytes(&mut self, direction: Direction, bytes: &[u8], packet: PacketRef) {
        let side = direction.index();
        if let Some(over) = &mut self.handed_over[side] {
            over.extend_from_slice(bytes);
            return;
        }
        self.pending[side].extend_from_slice(bytes);
        self.sources[side].push_back((packet, bytes.len()));
        for turn in 0.. {
            assert!(turn <= bytes.len() + 2, "no progress");
            if self.is_lost[side] {
                match self.dissector.resync(direction, &self.pending[side]) {
                    Some(at) => self.consume(side, at),
                    None => return self.consume(side, self.pending[side].len()),
                }
                self.is_lost[side] = false;
                self.needed[side] = 1;
            }
            if self.pending[side].len() < self.needed[side] {
                return;
            }
            match self.ask(direction, |dissector, chunk, out| dissector.data(chunk, out)) {
                Progress::Done => {
                    self.needed[side] = 1;
                    return self.consume(side, self.pending[side].len());
                }
                Progress::Incomplete { consumed, needed } => {
                    self.consume(side, consumed);
                    assert!(needed > self.pending[side].len(), "needs no more");
                    self.needed[side] = needed;
                    return;
                }
                Progress::Desync { consumed } => {
                    self.consume(side, consumed);
                    self.desyncs += 1;
                    self.is_lost[side] = true;
                }
                Progress::Handoff { consumed, to } => {
                    assert_eq!(to, Handoff::Probe);
                    self.consume(side, consumed);
                    self.handed_over = std::mem::take(&mut self.pending).map(Some);
                    return;
                }
            }
        }
    }

    fn close(mut self) -> Driver {
        if self.handed_over[0].is_none() {
            let chunk = |direction, bytes| Chunk {
                direction,
                bytes,
                is_datagram: false,
                missing: 0,
                quoted_connection: None,
                sources: &[],
            };
            let mut out = Out {
                protocol: ProtocolIndex(0),
                facts: &self.facts,
                limits: &self.limits,
                wants: &self.wants,
                pool: &mut self.pool,
                session: &mut self.session,
                messages: &mut self.messages,
                loss: &mut self.loss,
            };
            let [to_server, to_client] = &self.pending;
            self.dissector.close([&chunk(ToServer, to_server), &chunk(ToClient, to_client)], &mut out);
        }
        self
    }

    fn run(mut self, events: &[Event]) -> Driver {
        events.iter().for_each(|event| self.event(event));
        self.close()
    }

    /// The messages in words, one block each.
    fn text(&self) -> String {
        self.messages.iter().map(|message| describe(message)).collect()
    }
}

fn show(value: Value<'_>) -> String {
    let pair = |(name, value): (&[u8], &[u8])| {
        format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
    };
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Map(map) => map.iter_bytes().map(pair).collect::<Vec<_>>().join(" | "),
        Value::List(list) => {
            list.iter_bytes().map(|item| String::from_utf8_lossy(item).into_owned()).collect::<Vec<_>>().join(" | ")
        }
        other => format!("{other:?}"),
    }
}

fn describe(message: &Message) -> String {
    let mut text = String::new();
    let partial = if message.is_partial { " partial" } else { "" };
    let status = message.status_code.map(|status| format!(" {status}")).unwrap_or_default();
    writeln!(text, "{:?}{status} {} bytes{partial}", message.role, message.wire_bytes).unwrap();
    for (index, value) in message.values.iter() {
        writeln!(text, "  {}={}", SPEC.fields[usize::from(index.0)].path, show(value)).unwrap();
    }
    if message.body.is_present {
        let cut = if message.body.is_cut { " cut" } else { "" };
        let body = String::from_utf8_lossy(&message.body.bytes);
        writeln!(text, "  body({}{cut})={body}", message.body.wire_bytes).unwrap();
    }
    message.notes.iter().for_each(|note| writeln!(text, "  note: {note}").unwrap());
    text
}

fn field(message: &Message, path: &str) -> String {
    let index = SPEC.fields.iter().position(|spec| spec.path == path).unwrap();
    show(message.values.get(lanternfish_model::FieldIndex(index as u16)))
}

fn check(events: &[Event], expected: &str) {
    let expected: String =
        expected.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n")).collect();
    let text = Driver::new().run(events).text();
    assert!(text == expected, "got:\n{text}\nwanted:\n{expected}");
}

const GET: &[u8] = b"GET /cart?id=7&q=a%20b+c HTTP/1.1\r\nHost: shop.example.org\r\nCookie: s=1; t=2\r\n\r\n";
const OK: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: s=3; Path=/\r\nContent-Length: 5\r\n\r\nhello";
const POST: &[u8] = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 18\r\n\r\nuser=ada&pass=%2b1";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;ext=\"a\"\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 9\r\n\r\n";
const NOT_FOUND: &[u8] = b"HTTP/1.0 404 Not Found\r\nContent-Type: text/html\r\n\r\nnothing here";

/// A conversation with most of what there is.
fn conversation() -> Vec<Event> {
    vec![
        request(GET),
        response(OK),
        request(POST),
        response(b"HTTP/1.1 100 Continue\r\n\r\n"),
        response(CHUNKED),
        request(b"HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"),
        response(
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        ),
        request(b"\r\nPUT /x HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n0\r\n\r\n"),
        response(NOT_FOUND),
        Event::End(ToClient),
        Event::End(ToServer),
    ]
}

#[test]
fn whole() {
    check(
        &[request(GET), response(OK)],
        "
Request 79 bytes
  method=GET
  http_version=1.1
  url=/cart?id=7&q=a%20b+c
  path=/cart
  query_string=id: 7 | q: a b c
  http_target=/cart?id=7&q=a%20b+c
  request.headers=host: shop.example.org | cookie: s=1; t=2
  request.cookies=s: 1 | t: 2
  request_headers_size=79
  http_host=shop.example.org
  request_body_size=0
Response 200 94 bytes
  http_version=1.1
  http_reason=OK
  response.headers=content-type: text/plain | set-cookie: s=3; Path=/ | content-length: 5
  response.cookies=s: 3
  response_content_type=text/plain
  response_headers_size=89
  response_body_size=5
  body(5)=hello
",
    );
}

#[test]
fn forms_chunks_trailers_and_interim_responses() {
    check(
        &[request(POST), response(b"HTTP/1.1 100 Continue\r\n\r\n"), response(CHUNKED)],
        "
Request 120 bytes
  method=POST
  http_version=1.1
  url=/login
  path=/login
  http_target=/login
  request.headers=host: a | content-type: application/x-www-form-urlencoded | content-length: 18
  request_content_type=application/x-www-form-urlencoded
  request_headers_size=102
  http_host=a
  request.form=user: ada | pass: +1
  request_body_size=18
  body(18)=user=ada&pass=%2b1
Response 200 132 bytes
  http_version=1.1
  http_reason=OK
  response.headers=transfer-encoding: chunked | trailer: X-Sum
  response_headers_size=63
  http_trailers=x-sum: 9
  response_body_size=44
  body(44)=hello world
  note: interim response 100
",
    );
}

/// Cuts the bytes of every event into pieces, each a packet of its own.
fn cut(events: &[Event], mut pieces: impl FnMut(usize) -> usize) -> Vec<Event> {
    let mut cut = Vec::new();
    for event in events {
        let Event::Bytes(direction, bytes) = event else {
            cut.push(event.clone());
            continue;
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(pieces(rest.len()).clamp(1, rest.len()));
            cut.push(Event::Bytes(*direction, piece.to_vec()));
            rest = behind;
        }
    }
    cut
}

#[test]
fn one_byte_at_a_time_is_the_same() {
    let whole = Driver::new().run(&conversation()).text();
    assert_eq!(whole.matches("\nRe").count() + 1, 10, "{whole}");
    assert!(!whole.contains("note: body") && !whole.contains("partial"), "{whole}");
    assert_eq!(Driver::new().run(&cut(&conversation(), |_| 1)).text(), whole);
}

#[test]
fn cut_at_every_byte() {
    let whole = Driver::new().run(&conversation()).text();
    for (index, event) in conversation().into_iter().enumerate() {
        let Event::Bytes(direction, bytes) = event else { continue };
        for at in 1..bytes.len() {
            let mut events = conversation();
            events[index] = Event::Bytes(direction, bytes[at..].to_vec());
            events.insert(index, Event::Bytes(direction, bytes[..at].to_vec()));
            assert_eq!(Driver::new().run(&events).text(), whole, "cut at {at} of event {index}");
        }
    }
}

#[test]
fn ends_at_every_byte() {
    for (bytes, direction) in [(GET, ToServer), (POST, ToServer), (OK, ToClient), (CHUNKED, ToClient)] {
        for at in 1..bytes.len() {
            let driver = Driver::new().run(&[Event::Bytes(direction, bytes[..at].to_vec())]);
            assert!(driver.messages.len() <= 1);
            for message in &driver.messages {
                assert!(message.is_partial && !message.notes.is_empty(), "{} at {at}", driver.text());
                assert_eq!(message.wire_bytes, at as u64);
            }
            // A request shows with its method, a response with its status.
            assert_eq!(
                driver.messages.len(),
                usize::from(
                    at > if direction == ToServer { bytes.iter().position(|&b| b == b' ').unwrap() } else { 11 }
                ),
                "{at}"
            );
        }
    }
}

#[test]
fn gaps() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234";
    let missing =
        |length| [request(GET), response(head), Event::Gap(ToClient, length), response(b"abcde"), response(OK)];
    // Within the body: framing goes on behind it.
    let driver = Driver::new().run(&missing(10));
    assert_eq!(driver.messages.len(), 3, "{}", driver.text());
    assert_eq!(driver.messages[1].body.bytes, b"01234abcde");
    assert_eq!(driver.messages[1].body.wire_bytes, 20);
    assert!(driver.messages[1].is_partial && driver.messages[1].body.is_cut);
    assert_eq!(driver.messages[2].body.bytes, b"hello");
    // To the very end of the body.
    let driver =
        Driver::new().run(&[request(GET), response(head), Event::Gap(ToClient, 15), request(GET), response(OK)]);
    assert_eq!(driver.messages.len(), 4, "{}", driver.text());
    assert!(driver.messages[1].is_partial && !driver.messages[3].is_partial);
    // Past the end of the body: the next message is found again.
    let driver = Driver::new().run(&missing(16));
    assert_eq!(driver.messages.len(), 3, "{}", driver.text());
    assert!(driver.text().contains("note: body cut by a gap: 15 of 20 bytes missing"));
    assert_eq!(driver.messages[2].body.bytes, b"hello");
    // Within a head.
    let driver =
        Driver::new().run(&[request(&GET[..40]), Event::Gap(ToServer, 10), request(b"x: y\r\n\r\n"), request(GET)]);
    assert_eq!(driver.messages.len(), 2, "{}", driver.text());
    assert!(driver.text().contains("note: head cut by a gap after 40 bytes"));
    assert_eq!(field(&driver.messages[0], "path"), "/cart");
    assert!(!driver.messages[1].is_partial);
    // Within a chunk, and over its end.
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nab";
    for (length, rest, is_lost) in
        [(6, &b"\r\n0\r\n\r\n"[..], false), (3, b"fgh\r\n0\r\n\r\n", false), (7, b"\n0\r\n\r\n", true)]
    {
        let driver =
            Driver::new().run(&[response(chunked), Event::Gap(ToClient, length), response(rest), response(OK)]);
        assert_eq!(driver.messages.len(), 2, "{}", driver.text());
        assert!(driver.messages[0].is_partial);
        assert_eq!(driver.text().contains("cut by a gap"), is_lost);
    }
    // A body that lasts until the end takes any gap.
    let driver =
        Driver::new().run(&[response(NOT_FOUND), Event::Gap(ToClient, 1 << 40), response(b"!"), Event::End(ToClient)]);
    assert_eq!(driver.messages[0].body.bytes, b"nothing here!");
    assert_eq!(driver.messages[0].body.wire_bytes, (1 << 40) + 13);
}

#[test]
fn start_in_the_middle() {
    let mut driver = Driver::new();
    driver.facts.is_midstream = true;
    let driver =
        driver.run(&[response(b"the end of a body"), response(b" here\r\n"), response(OK), request(GET), response(OK)]);
    assert_eq!(driver.desyncs, 0);
    assert_eq!(driver.messages.len(), 3, "{}", driver.text());
    assert_eq!(driver.loss.count(Cause::Resync), 24);
    // Without the request, an answer to HEAD is known by what follows it.
    let mut driver = Driver::new();
    driver.facts.is_midstream = true;
    let driver = driver.run(&cut(&[response(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), response(OK)], |_| 1));
    assert_eq!(driver.messages.len(), 2, "{}", driver.text());
    assert!(!driver.messages[0].body.is_present && driver.messages[1].body.bytes == b"hello");
}

#[test]
fn server_first() {
    let head = request(b"HEAD / HTTP/1.1\r\n\r\n");
    let answer = response(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    let driver = Driver::new().run(&[response(OK), request(GET), head, answer, request(GET), response(OK)]);
    assert_eq!(driver.messages.len(), 6, "{}", driver.text());
    assert!(driver.messages.iter().all(|message| !message.is_partial));
}

#[test]
fn pipelined_in_one_packet() {
    let requests: Vec<u8> = [GET, POST, GET].concat();
    let responses: Vec<u8> = [OK, CHUNKED, OK].concat();
    let driver = Driver::new().run(&[request(&requests), response(&responses)]);
    let shown: Vec<_> = driver.messages.iter().map(|m| (m.role, m.first.number, m.ordinal, m.last.number)).collect();
    let row = |role, packet| (0..3).map(move |ordinal| (role, packet, ordinal, packet));
    assert_eq!(shown, row(Role::Request, 1).chain(row(Role::Response, 2)).collect::<Vec<_>>());
}

#[test]
fn early_and_missing_halves() {
    // The response is there before the body of the request is.
    let post = b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc";
    let driver = Driver::new().run(&[request(post), response(OK), request(b"defghij"), request(GET)]);
    assert_eq!(
        driver.messages.iter().map(|m| m.role).collect::<Vec<_>>(),
        [Role::Response, Role::Request, Role::Request]
    );
    assert_eq!(driver.messages[1].body.bytes, b"abcdefghij");
    // An interim response alone.
    let driver = Driver::new().run(&[request(post), response(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")]);
    assert_eq!(driver.messages.len(), 2);
    assert_eq!(driver.messages[1].status_code, Some(103));
    assert!(driver.text().contains("note: no final response followed"));
    assert!(driver.text().contains("note: body cut by the end of the connection: 7 of 10 bytes missing"));
}

#[test]
fn the_protocol_changes() {
    let connect = request(b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
    let established = response(b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03");
    let driver = Driver::new().run(&[connect.clone(), established.clone(), request(b"\x16\x03\x01")]);
    assert_eq!(driver.handed_over, [Some(b"\x16\x03\x01".to_vec()), Some(b"\x16\x03".to_vec())]);
    assert_eq!(
        (field(&driver.messages[0], "path"), field(&driver.messages[0], "url")),
        ("db:5432".into(), "db:5432".into())
    );
    // The client's first bytes are captured before the response.
    let driver = Driver::new().run(&[connect.clone(), request(b"\x16\x03\x01"), established]);
    assert_eq!(driver.handed_over[0], Some(b"\x16\x03\x01".to_vec()));
    // The response is never captured.
    let driver = Driver::new().run(&[connect.clone(), request(&[0x16; 5000])]);
    assert_eq!(driver.handed_over[0].as_ref().map(Vec::len), Some(5000));
    // The proxy refuses, and the client asks again.
    let driver = Driver::new().run(&[
        connect,
        response(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
        request(GET),
        response(OK),
    ]);
    assert_eq!(driver.messages.len(), 4, "{}", driver.text());
    let upgrade = request(b"GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let driver = Driver::new()
        .run(&[upgrade, response(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00")]);
    assert_eq!(driver.handed_over[1], Some(b"\x81\x00".to_vec()));
    assert_eq!(driver.messages.len(), 2);
}

#[test]
fn targets() {
    for (target, url, path, host) in [
        ("/a/b?c=d", "/a/b?c=d", "/a/b", "h"),
        ("http://other:81/a?b", "/a?b", "/a", "other:81"),
        ("http://other", "/", "/", "other"),
        ("http://other?x", "/?x", "/", "other"),
        ("*", "*", "*", "h"),
        ("/with space?x y", "/with space?x y", "/with space", "h"),
        ("/go?to=http://x/", "/go?to=http://x/", "/go", "h"),
    ] {
        let driver = Driver::new().run(&[request(format!("OPTIONS {target} HTTP/1.0\r\nHost: h\r\n\r\n").as_bytes())]);
        let message = &driver.messages[0];
        let shown = ["url", "path", "http_host", "http_target", "http_version"].map(|path| field(message, path));
        assert_eq!(shown, [url, path, host, target, "1.0"]);
    }
}

#[test]
fn odd_but_readable() {
    let answer = |headers: &str, body: &[u8]| {
        [response(&[format!("HTTP/1.1 200\r\n{headers}\r\n\r\n").as_bytes(), body].concat()), Event::End(ToClient)]
    };
    for (headers, body, kept, note) in [
        ("X: a\r\n  b\r\nContent-Length: 2", &b"ab"[..], &b"ab"[..], "obsolete line folding in a header"),
        ("Content-Length : 2", b"ab", b"ab", "whitespace between header name and colon"),
        ("no colon here\r\nContent-Length: 2", b"ab", b"ab", "header line without a name"),
        ("Content-Length: 2, 2\r\nContent-Length: 2", b"ab", b"ab", ""),
        ("Content-Length: 2\r\nContent-Length: 3", b"abc", b"abc", "content-length values that differ"),
        ("Content-Length: 99999999999999999999", b"abc", b"abc", "content-length is no number"),
        (
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            b"1\r\na\r\n0\r\n\r\n",
            b"a",
            "both transfer-encoding and content-length",
        ),
        ("Transfer-Encoding: , identity, Chunked ;q=1", b"001\na\n0\n\n", b"a", ""),
        ("Transfer-Encoding: x-chunked", b"1\r\na", b"1\r\na", "transfer-encoding does not end with chunked"),
        ("Transfer-Encoding: chunked", b"1\r\nab", b"a", "chunk longer than its size"),
        ("Transfer-Encoding: chunked", b"zz\r\nab", b"", "chunk size is no number"),
        ("Transfer-Encoding: chunked", b"8\r\nab", b"ab", "body cut by the end of the stream"),
        ("Transfer-Encoding: chunked", b"fffffffffffffffff\r\nab", b"", "chunk size is no number"),
        ("Content-Encoding: gzip", b"plain", b"plain", "body is not gzip as announced"),
        ("Content-Encoding: deflate, gzip", b"\xcb\x48\xcd\xc9\xc9\x07\0", b"hello", "body is not gzip as announced"),
        ("Content-Encoding: pack200-gzip", b"plain", b"plain", "body kept encoded: its coding is not known"),
    ] {
        let driver = Driver::new().run(&answer(headers, body));
        assert_eq!(driver.messages.len(), 1, "{headers}: {}", driver.text());
        assert_eq!(driver.messages[0].body.bytes, kept, "{headers}");
        let notes: Vec<_> = driver.messages[0].notes.iter().collect();
        assert!(
            notes.is_empty() == note.is_empty() && (note.is_empty() || notes.contains(&note)),
            "{headers}: {notes:?}"
        );
    }
}

#[test]
fn encoded_bodies_are_decoded() {
    // "hello hello hello hello" by gzip -n, zlib and raw deflate.
    let raw = b"\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01";
    let gzip = [b"\x1f\x8b\x08\0\0\0\0\0\x02\x03", &raw[..], b"\xe3\x51\x3d\x8d\x17\x00\x00\x00"].concat();
    for (coding, body) in [("gzip", &gzip[..]), ("X-GZIP", &gzip), ("deflate", raw)] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
        let driver = Driver::new().run(&[response(&[head.as_bytes(), body].concat())]);
        assert_eq!(driver.messages[0].body.bytes, b"hello hello hello hello", "{}", driver.text());
        assert_eq!(driver.messages[0].body.wire_bytes, body.len() as u64);
        assert!(!driver.messages[0].body.is_cut);
        // Cut by the end: what there is.
        let driver = Driver::new().run(&[response(&[head.as_bytes(), &body[..body.len() - 1]].concat())]);
        assert!(driver.messages[0].is_partial && driver.messages[0].body.is_cut, "{}", driver.text());
    }
}

#[test]
fn multipart_names() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nada\r\n--b\r\ncontent-disposition: form-data; filename=\"x;y.png\"; name=avatar\r\n\r\n--not\r\n--b--\r\n";
    let head = format!(
        "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=\"b\"\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let driver = Driver::new().run(&[request(head.as_bytes()), request(body.as_bytes())]);
    assert_eq!(field(&driver.messages[0], "request.parts"), "user | avatar");
}

#[test]
fn over_the_limits() {
    let mut driver = Driver::new();
    driver.limits.body_bytes = 4;
    let driver = driver.run(&[response(OK), response(CHUNKED)]);
    for message in &driver.messages {
        assert_eq!(message.body.bytes, b"hell");
        assert!(message.body.is_cut && !message.is_partial);
        assert!(message.notes.iter().any(|note| note == "body cut after 4 bytes"));
    }
    assert_eq!(driver.loss.count(Cause::LimitReached), 2);
    // A head without end.
    let mut driver = Driver::new();
    driver.limits.head_bytes = 64;
    let endless = [b"GET / HTTP/1.1\r\n", &b"a: b\r\n".repeat(20)[..], b"\r\n"].concat();
    for events in [vec![request(&endless), request(GET)], cut(&[request(&endless), request(GET)], |_| 1)] {
        let mut driver = Driver::new();
        driver.limits.head_bytes = 100;
        let driver = driver.run(&events);
        assert_eq!(driver.messages.len(), 2, "{}", driver.text());
        assert!(driver.messages[0].notes.iter().any(|note| note == "head cut by the limit after 100 bytes"));
        assert_eq!(field(&driver.messages[1], "path"), "/cart");
    }
    // More headers than the limit.
    driver.limits.items = 2;
    driver.limits.head_bytes = 1 << 10;
    let driver = driver.run(&[request(&endless)]);
    assert_eq!(field(&driver.messages[0], "request.headers"), "a: b | a: b");
    assert_eq!(driver.loss.count(Cause::LimitReached), 1);
    // Requests that nobody answers.
    let heads = b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n".repeat(500);
    assert_eq!(Driver::new().run(&[request(&heads)]).messages.len(), 1000);
}

#[test]
fn only_what_is_wanted() {
    let driver = Driver::new().with_wants(&["method", "status_code"]).run(&[request(POST), response(CHUNKED)]);
    assert_eq!(driver.text(), "Request 120 bytes\n  method=POST\n  body(18)=\nResponse 200 107 bytes\n  body(44)=\n");
    let driver = Driver::new().with_wants(&["request.form"]).run(&[request(POST)]);
    assert_eq!(field(&driver.messages[0], "request.form"), "user: ada | pass: +1");
}

#[test]
fn malformed() {
    for bytes in [&b"GET / RTSP/1.0\r\n\r\n"[..], b"hello\r\n\r\n", b"GET  \r\n\r\n", b"\0\0\0\0", b"GET x\r\n\r\n"] {
        let driver = Driver::new().run(&[request(bytes)]);
        assert!(driver.messages.is_empty() && driver.desyncs == 1, "{}", driver.text());
        let driver = Driver::new().run(&[request(bytes), request(b"\n"), request(GET)]);
        assert_eq!(driver.messages.len(), 1, "{}", driver.text());
    }
    let driver =
        Driver::new().run(&[request(GET), response(b"ICY 200 OK\r\n\r\n\xff\xfb"), request(GET), response(OK)]);
    assert_eq!(driver.messages.len(), 3, "{}", driver.text());
}

#[test]
fn requests_that_are_not_well_formed() {
    for (line, path) in [
        ("GET /HTTP/1.1", "/HTTP/1.1"),
        ("GET /a HTTP/1.", "/a"),
        ("GET /a HTTP/2.0", "/a"),
        ("GET /a", "/a"),
        ("POST /a HTTP", "/a"),
    ] {
        let bytes = format!("{line}\r\nHost: a\r\n\r\n");
        let driver = Driver::new().run(&[request(bytes.as_bytes()), response(OK), request(GET), response(OK)]);
        assert_eq!(driver.messages.len(), 4, "{line}: {}", driver.text());
        assert_eq!(field(&driver.messages[0], "path"), path);
        assert_eq!(driver.messages[0].notes.iter().next(), Some("request line without a version that is understood"));
    }
    // HTTP/0.9 has nothing but the line.
    let driver = Driver::new().run(&[request(b"GET /a\r\n"), Event::End(ToServer)]);
    assert_eq!(field(&driver.messages[0], "path"), "/a");
    assert!(driver.messages[0].is_partial);
}

#[test]
fn responses_that_are_not_well_formed() {
    for (line, status) in [
        ("HTTP/1.00 200 ok", 200),
        ("HTTP/2.0 200 ok", 200),
        ("HTTP/0.9 404", 404),
        ("HTTP/1.1\t200 ok", 200),
        ("HTTP/1.1 2040", 204),
        ("HTTP/1.1 2xx ok", 2),
    ] {
        let bytes = format!("{line}\r\nContent-Length: 2\r\n\r\nab");
        let events = [request(GET), response(bytes.as_bytes()), request(GET), response(OK)];
        let driver = Driver::new().run(&events);
        assert_eq!(driver.messages.len(), 4, "{line}: {}", driver.text());
        assert_eq!(driver.messages[1].status_code, Some(status), "{line}");
        assert_eq!(Driver::new().run(&cut(&events, |_| 1)).text(), driver.text());
        // Nobody asked: it may be anything.
        assert!(Driver::new().run(&[response(bytes.as_bytes())]).messages.is_empty());
    }
    for line in ["HTTP/ 200", "HTTP/1.1 ok", "HTTP/1.1", "http/1.1 200", "HTTPS/1.1 200"] {
        let bytes = format!("{line}\r\n\r\n");
        assert_eq!(Driver::new().run(&[request(GET), response(bytes.as_bytes())]).messages.len(), 1, "{line}");
    }
}

#[test]
fn lengths_that_are_odd() {
    for (headers, note) in [
        ("Content-Length: 0000000000000000000000000000005", ""),
        ("Content-Length: 2\r\nContent-Length: 5", "content-length values that differ"),
        ("Content-Length: 2, 5", "content-length values that differ"),
    ] {
        let bytes = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n");
        let driver = Driver::new().run(&[request(bytes.as_bytes())]);
        assert_eq!(driver.messages.len(), 2, "{headers}: {}", driver.text());
        assert_eq!(driver.messages[0].body.bytes, b"hello");
        assert_eq!(driver.messages[0].notes.iter().next().unwrap_or_default(), note);
    }
}

#[test]
fn found_late() {
    let facts = Driver::new().facts;
    let late = |bytes| {
        Http.probe_late(&Head {
            direction: ToServer,
            bytes,
            other: b"",
            is_start: false,
            is_datagram: false,
            facts: &facts,
        })
    };
    assert_eq!(late(GET), Some(Sender::Client));
    assert_eq!(late(OK), Some(Sender::Server));
    for bytes in [&b"GET /a HTTP/1.1"[..], b"GET /a\r\n", b"\x05\x01\x00", b"HTTP/1.1", b"220 HTTP/1.1 200 OK\r\n"] {
        assert_eq!(late(bytes), None);
    }
}

fn probe(bytes: &[u8], other: &[u8], is_start: bool) -> Probe {
    let facts = Driver::new().facts;
    Http.probe(&Head { direction: ToServer, bytes, other, is_start, is_datagram: false, facts: &facts })
}

#[test]
fn recognised_by_content() {
    let client = Probe::Match(Sender::Client);
    let server = Probe::Match(Sender::Server);
    let long = format!("GET /{}", "a".repeat(2000));
    for (bytes, verdict) in [
        (&b"GET / HTTP/1.1\r\n"[..], client),
        (b"\r\nGET / HTTP/1.0\n", client),
        (b"M-SEARCH * HTTP/1.1\r\n", client),
        (b"SUBSCRIBE /upnp HTTP/1.1\r\n", client),
        (b"BREW /pot HTTP/1.1\r\n", client),
        (b"CONNECT a:443 HTTP/1.1\r\n", client),
        (b"GET http://a/ HTTP/1.1\r\n", client),
        (b"GET /a b HTTP/1.1\r\n", client),
        (b"GET   /   HTTP/1.1\r\n", client),
        (long.as_bytes(), client),
        (b"HTTP/1.1 200 OK\r\n", server),
        (b"HTTP/1.0 404\r\n", server),
        (b"GE", Probe::NeedMore),
        (b"GET /index", Probe::NeedMore),
        (b"HTTP/1.1 2", Probe::NeedMore),
        (b"", Probe::NeedMore),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Probe::NoMatch),
        (b"INVITE sip:a@b SIP/2.0\r\n", Probe::NoMatch),
        (b"OPTIONS rtsp://a/b RTSP/1.0\r\n", Probe::NoMatch),
        (b"RTSP/1.0 200 OK\r\n", Probe::NoMatch),
        (b"SIP/2.0 200 OK\r\n", Probe::NoMatch),
        // The answer tells whether it was meant as a request.
        (b"GET /key\r\n", Probe::NeedMore),
        (b"GET /key HTTP/1.\r\n", Probe::NeedMore),
        (b"GET /key SIP/2.0\r\n", Probe::NoMatch),
        (b"get some more of this", Probe::NoMatch),
        (b"The protocol of the web is HTTP/1.1\r\n", Probe::NoMatch),
        (b"HTTP/1.1 is a protocol", Probe::NoMatch),
        (b"HTTP/2 200\r\n", Probe::NoMatch),
        (b"220 mail.example.org ESMTP\r\n", Probe::NoMatch),
        (b"EHLO there\r\n", Probe::NoMatch),
        (b"\x16\x03\x01", Probe::NoMatch),
    ] {
        assert_eq!(probe(bytes, b"", true), verdict, "{}", String::from_utf8_lossy(bytes));
        // What is recognised at last is never refused before.
        for at in 0..bytes.len() {
            let early = probe(&bytes[..at], b"", true);
            assert!(early == Probe::NeedMore || early == verdict, "{} at {at}", String::from_utf8_lossy(bytes));
        }
    }
    assert_eq!(probe(b"of a body</p>", GET, false), server);
    assert_eq!(probe(b"of a body</p>", OK, false), client);
    assert_eq!(probe(b"of a body</p>", b"", false), Probe::NoMatch);
    assert_eq!(probe(b"of a body</p>", GET, true), Probe::NoMatch);
}

/// Pieces of HTTP, whole and broken, to be strung together.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<Vec<u8>> = [
        GET,
        POST,
        OK,
        CHUNKED,
        NOT_FOUND,
        b"\r\n",
        b"HTTP/1.1 ",
        b"GET ",
        b"0\r\n\r\n",
        b"HTTP/1.1 101 S\r\n\r\n",
        b"Content-Length: 7\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/1.1\r\n\r\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    prop_oneof![4 => proptest::sample::select(known), 1 => proptest::collection::vec(any::<u8>(), 0..40)]
}

fn event() -> impl Strategy<Value = Event> {
    let direction = || prop_oneof![Just(ToServer), Just(ToClient)];
    prop_oneof![
        12 => (direction(), piece()).prop_map(|(direction, bytes)| Event::Bytes(direction, bytes)),
        2 => (direction(), prop_oneof![1u64..30, any::<u64>()]).prop_map(|(direction, length)| Event::Gap(direction, length)),
        1 => direction().prop_map(Event::End),
    ]
}

proptest! {
    #[test]
    fn any_events_are_survived(events in proptest::collection::vec(event(), 0..24), is_midstream: bool) {
        let mut driver = Driver::new();
        driver.facts.is_midstream = is_midstream;
        driver.run(&events);
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>, to_server: bool) {
        let direction = if to_server { ToServer } else { ToClient };
        probe(&bytes, &bytes, false);
        Driver::new().run(&[Event::Bytes(direction, bytes)]);
    }

    #[test]
    fn segmentation_does_not_matter(sizes in proptest::collection::vec(1usize..60, 1..40)) {
        let mut sizes = sizes.iter().cycle();
        let events = cut(&conversation(), |_| *sizes.next().unwrap());
        prop_assert_eq!(Driver::new().run(&events).text(), Driver::new().run(&conversation()).text());
    }

    #[test]
    fn random_bytes_do_not_match(bytes: Vec<u8>) {
        prop_assert!(!matches!(probe(&bytes, b"", true), Probe::Match(_)));
    }
}

proptest! {
    #[test]
    fn a_start_line_is_judged_the_same_in_parts(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "GET", "X", "HTTP/1.1", "HTTP/1.", "HTTP/2.0", "SIP/2.0", " ", " ", "/", "a", "\r", "\t", "http://h", "200", "2", "9", "x", "\u{e9}",
            ]),
            0..7,
        ),
    ) {
        let line = parts.concat();
        let whole = [line.as_bytes(), b"\r\n"].concat();
        for direction in [ToServer, ToClient] {
            let verdict = super::start::begins(direction, &whole);
            prop_assert_ne!(verdict, super::start::Begins::Maybe);
            for at in 0..whole.len() {
                let early = super::start::begins(direction, &whole[..at]);
                prop_assert!(early == verdict || early == super::start::Begins::Maybe, "{:?} at {}", line, at);
            }
        }
        let is_request = super::start::request_line(line.as_bytes()).is_some();
        prop_assert_eq!(is_request, super::start::begins_request(&whole) == super::start::Begins::Yes);
        let is_response = super::start::status_line(line.as_bytes()).is_some();
        prop_assert_eq!(is_response, super::start::begins_response(&whole) == super::start::Begins::Yes);
    }
}
