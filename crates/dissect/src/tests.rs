//! The engine with a toy protocol: lines, `>` from the client and `<` from the server; `>up` hands off, `>hold` is held.

use lanternfish_model::{
    Cause, ConnectionFacts, Direction, Endpoint, FieldTable, Loss, Message, PacketRef, PairKey, ProtocolSpec, Role,
    Scope, Timestamp, Transport, Wants,
};

use super::*;

struct Lines;

static SPEC: ProtocolSpec =
    ProtocolSpec { name: "lines", title: "Lines", doc: "", references: &[], words: &[], fields: &[], pending: "" };

impl Protocol for Lines {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }
    fn transports(&self) -> Transports {
        Transports::TCP.and(Transports::UDP)
    }
    fn probe(&self, head: &Head<'_>) -> Probe {
        match head.bytes {
            [b'>', ..] => Probe::Match(Sender::Client),
            [b'<', ..] => Probe::Match(Sender::Server),
            [b' '] => Probe::NeedMore,
            [b' ', b'>', ..] => Probe::Match(Sender::Client),
            _ => Probe::NoMatch,
        }
    }
    fn probe_late(&self, head: &Head<'_>) -> Option<Sender> {
        head.bytes.starts_with(b">late").then_some(Sender::Client)
    }
    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(Reader::default())
    }
}

#[derive(Default)]
struct Reader {
    /// What `>hold` said, which goes out with what is given up.
    held: Option<Box<Message>>,
}

impl Dissector for Reader {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        let mut at = 0;
        while let Some(length) = chunk.bytes[at..].iter().position(|&byte| byte == b'\n') {
            let line = &chunk.bytes[at..at + length];
            let role = match line.trim_ascii_start().first() {
                Some(b'>') => Role::Request,
                Some(b'<') => Role::Response,
                _ => return Progress::Desync { consumed: at },
            };
            let mut message = out.begin(role, chunk, at);
            chunk.cover(&mut message, at..at + length + 1);
            message.body.bytes.extend_from_slice(line);
            at += length + 1;
            if line == b">hold" {
                self.held = Some(message);
                continue;
            }
            out.emit(message);
            if line == b">up" {
                return Progress::Handoff { consumed: at, to: Handoff::Probe };
            }
        }
        if at == chunk.bytes.len() {
            return Progress::Done;
        }
        Progress::Incomplete { consumed: at, needed: chunk.bytes.len() - at + 1 }
    }
    fn gap(&mut self, pending: &Chunk<'_>, _length: u64, out: &mut Out<'_>) -> GapVerdict {
        self.end(pending, out);
        GapVerdict::Lost
    }
    fn held_bytes(&self) -> usize {
        0
    }
    fn shed(&mut self, out: &mut Out<'_>) {
        if let Some(message) = self.held.take() {
            out.emit(message);
        }
    }
    fn resync(&mut self, _direction: Direction, bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|&byte| byte == b'>' || byte == b'<')
    }
    fn end(&mut self, pending: &Chunk<'_>, out: &mut Out<'_>) {
        if pending.bytes.is_empty() {
            return;
        }
        let mut message = out.begin(Role::Request, pending, 0);
        message.is_partial = true;
        message.body.bytes.extend_from_slice(pending.bytes);
        out.emit(message);
    }
    fn close(&mut self, pending: [&Chunk<'_>; 2], out: &mut Out<'_>) {
        for chunk in pending {
            self.end(chunk, out);
        }
    }
}

static TABLE: &[&dyn Protocol] = &[&Lines];

struct Bench {
    conversation: Conversation,
    facts: ConnectionFacts,
    registry: Registry,
    limits: Limits,
    wants: Wants,
    pool: MessagePool,
    messages: Vec<Box<Message>>,
    loss: Loss,
    number: u64,
}

impl Bench {
    fn new(is_midstream: bool) -> Bench {
        let end = |port| Endpoint::new("10.0.0.1".parse().unwrap(), port);
        let facts = ConnectionFacts {
            id: 1,
            transport: Transport::Tcp,
            client: end(1000),
            server: end(2000),
            scope: Scope(0),
            first: PacketRef::default(),
            is_midstream,
            tunnels: Vec::new(),
            interface: 0,
        };
        let registry = Registry::new(TABLE);
        Bench {
            conversation: Conversation::new(&facts, &registry),
            facts,
            registry,
            limits: Limits { pending_bytes: 64, ..Limits::default() },
            wants: Wants::everything(&FieldTable::join(&[&SPEC]).unwrap()),
            pool: MessagePool::default(),
            messages: Vec::new(),
            loss: Loss::default(),
            number: 0,
        }
    }

    fn with<R>(&mut self, step: impl FnOnce(&mut Conversation, &mut Desk<'_>, &ConnectionFacts) -> R) -> R {
        let mut desk = Desk {
            registry: &self.registry,
            limits: &self.limits,
            wants: &self.wants,
            pool: &mut self.pool,
            messages: &mut self.messages,
            loss: &mut self.loss,
        };
        step(&mut self.conversation, &mut desk, &self.facts)
    }

    fn data(&mut self, direction: Direction, bytes: &[u8], is_datagram: bool) -> Answer {
        self.number += 1;
        let packet = PacketRef { number: self.number, time: Timestamp::from_ns(self.number as i64) };
        let is_start = !self.facts.is_midstream;
        let arrival = Arrival {
            direction,
            bytes,
            packet,
            fragments: &[],
            position: None,
            is_datagram,
            is_start,
            missing: 0,
            quoted_connection: None,
        };
        self.with(|conversation, desk, facts| conversation.data(desk, facts, &arrival))
    }

    fn texts(&self) -> Vec<String> {
        self.messages.iter().map(|m| String::from_utf8_lossy(&m.body.bytes).into_owned()).collect()
    }
}

use Direction::{ToClient, ToServer};

#[test]
fn lines_over_packets_know_their_packets() {
    let mut bench = Bench::new(false);
    for part in [&b">a"[..], b"b", b"c\n>d\n>e", b"\n"] {
        assert_eq!(bench.data(ToServer, part, false), Answer::Continue);
    }
    assert_eq!(bench.texts(), [">abc", ">d", ">e"]);
    let packets: Vec<(u64, u64, u16)> =
        bench.messages.iter().map(|m| (m.first.number, m.last.number, m.ordinal)).collect();
    assert_eq!(packets, [(1, 3, 0), (3, 3, 0), (3, 4, 1)]);
}

#[test]
fn unknown_bytes_are_ignored_at_the_start_and_tried_again_in_the_middle() {
    let mut bench = Bench::new(false);
    for _ in 0..48 {
        assert_eq!(bench.data(ToServer, b"zzz", false), Answer::Continue);
    }
    assert_eq!(bench.data(ToServer, b"zzz", false), Answer::Ignore);
    assert_eq!(bench.data(ToServer, b">late\n", false), Answer::Ignore);
    let mut bench = Bench::new(true);
    assert_eq!(bench.data(ToServer, b"zzz", false), Answer::Continue);
    assert_eq!(bench.data(ToServer, b">a\n", false), Answer::Continue);
    assert_eq!(bench.texts(), [">a"]);
}

#[test]
fn in_the_middle_a_message_is_found_behind_the_rest_of_something_else() {
    let mut bench = Bench::new(true);
    // A byte that may become a message waits, and does not spoil the next segment.
    bench.data(ToServer, b" ", false);
    bench.data(ToServer, b"x>", false);
    bench.data(ToServer, b" ", false);
    bench.data(ToServer, b"<a\n", false);
    assert_eq!(bench.texts(), ["<a"]);
}

#[test]
fn bytes_held_before_a_gap_are_given_once_they_are_certain() {
    let gap = |bench: &mut Bench| bench.with(|conversation, desk, facts| conversation.gap(desk, facts, ToServer, 100));
    // The answer makes them certain.
    let mut bench = Bench::new(false);
    bench.data(ToServer, b" ", false);
    gap(&mut bench);
    bench.data(ToServer, b"xyz", false);
    bench.data(ToClient, b"<b\n", false);
    assert_eq!(bench.texts(), [" ", "<b"]);
    assert!(bench.messages[0].is_partial);
    assert_eq!(bench.loss.count(Cause::UnknownProtocol), 3);
    bench.data(ToServer, b"rest\n>c\n", false);
    assert_eq!(bench.texts(), [" ", "<b", ">c"]);
    // Later bytes of the same direction do.
    let mut bench = Bench::new(false);
    bench.data(ToServer, b" ", false);
    gap(&mut bench);
    bench.data(ToServer, b">c\n", false);
    assert_eq!(bench.texts(), [" ", ">c"]);
}

#[test]
fn a_stream_begins_behind_a_preamble() {
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n";
    for parts in [vec![&line[..], b">a\n"], vec![&line[..9], &line[9..], b">a\n"], vec![b"PROXY UNKNOWN\r\n>a\n"]] {
        let mut bench = Bench::new(false);
        for part in parts {
            assert_eq!(bench.data(ToServer, part, false), Answer::Continue);
        }
        bench.data(ToClient, b"<b\n", false);
        assert_eq!(bench.texts(), [">a", "<b"]);
    }
    // A chain of them has an end.
    let mut bench = Bench::new(false);
    bench.data(ToServer, &line.repeat(20), false);
    assert!(bench.texts().is_empty());
}

#[test]
fn a_protocol_may_follow_bytes_that_are_not_known() {
    let mut bench = Bench::new(false);
    for (direction, bytes) in
        [(ToClient, &b"hello"[..]), (ToServer, b">start"), (ToClient, b"go"), (ToServer, b">late\n>b")]
    {
        assert_eq!(bench.data(direction, bytes, false), Answer::Continue);
    }
    bench.data(ToClient, b"<c\n", false);
    bench.data(ToServer, b"\n", false);
    assert_eq!(bench.texts(), [">late", "<c", ">b"]);
    assert_eq!(bench.loss.count(Cause::UnknownProtocol), 13);
    assert!(!bench.conversation.is_flipped());
}

#[test]
fn roles_turn_in_the_middle_and_flip_at_the_start() {
    let mut bench = Bench::new(true);
    assert_eq!(bench.data(ToClient, b">a\n", false), Answer::Turn);
    assert_eq!(bench.messages[0].direction, ToServer);
    let mut bench = Bench::new(false);
    assert_eq!(bench.data(ToClient, b">a\n", false), Answer::Continue);
    assert!(bench.conversation.is_flipped());
    bench.data(ToServer, b"<b\n", false);
    assert_eq!(bench.texts(), [">a", "<b"]);
    assert_eq!(bench.messages[1].direction, ToClient);
}

#[test]
fn a_gap_loses_what_was_cut_and_no_more() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">a\n>b", false);
    bench.with(|conversation, desk, facts| conversation.gap(desk, facts, ToServer, 100));
    bench.data(ToServer, b"rest\n>c\n", false);
    assert_eq!(bench.texts(), [">a", ">b", ">c"]);
    bench.data(ToClient, b"<d\n", false);
    bench.with(|conversation, desk, facts| conversation.gap(desk, facts, ToClient, 100));
    bench.data(ToClient, b"<e\n<f\n", false);
    let keys: Vec<PairKey> = bench.messages.iter().skip(3).map(|message| message.pairing).collect();
    assert_eq!(keys, [PairKey::InOrder, PairKey::AfterLoss, PairKey::InOrder]);
    assert!(bench.messages[1].is_partial);
    assert_eq!(bench.loss.count(Cause::Resync), 5);
}

#[test]
fn a_line_that_never_ends_is_given_up_at_the_limit() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">a\n>", false);
    for _ in 0..20 {
        bench.data(ToServer, &[b'x'; 10], false);
    }
    assert!(bench.conversation.pending_bytes() <= 64);
    bench.data(ToServer, b"\n>c\n", false);
    assert_eq!(bench.texts().last().map(String::as_str), Some(">c"));
    assert_eq!(bench.loss.count(Cause::LimitReached), 1);
}

#[test]
fn a_wrong_match_is_taken_back() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b" ", false);
    bench.data(ToServer, b">", false);
    let answer = bench.data(ToServer, b"\n", false);
    assert_eq!(answer, Answer::Continue);
    assert_eq!(bench.loss.count(Cause::Retracted), 0);
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">", false);
    bench.data(ToClient, b"nonsense\n", false);
    assert_eq!(bench.loss.count(Cause::Retracted), 1);
    assert!(bench.conversation.detected().is_empty());
}

#[test]
fn a_hand_off_probes_what_follows_in_both_directions() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">a\n>up\n>b\n", false);
    bench.data(ToClient, b"<c\n", false);
    assert_eq!(bench.texts(), [">a", ">up", ">b", "<c"]);
}

#[test]
fn the_end_and_the_close_show_what_was_half_read() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">a\n>b", false);
    bench.with(|conversation, desk, facts| conversation.end(desk, facts, ToServer));
    assert_eq!(bench.texts(), [">a", ">b"]);
    bench.data(ToClient, b"<c", false);
    bench.with(|conversation, desk, facts| conversation.close(desk, facts));
    assert_eq!(bench.texts(), [">a", ">b", "<c"]);
}

#[test]
fn what_is_held_is_given_up_and_the_next_message_is_found() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">one\n>half of", false);
    let held = bench.conversation.held_bytes();
    assert!(held >= 8, "{held}");
    bench.with(|conversation, desk, facts| conversation.relieve(desk, facts));
    assert_eq!(bench.conversation.held_bytes(), 0);
    assert_eq!(bench.texts(), [">one", ">half of"]);
    assert!(bench.messages[1].is_partial && !bench.messages[1].notes.is_empty());
    assert_eq!(bench.loss.count(Cause::HeldBytesFull), 1);
    bench.data(ToServer, b" another\n>two\n", false);
    assert_eq!(bench.texts(), [">one", ">half of", ">two"]);
    // Bytes whose protocol is not known yet are given up too.
    let mut bench = Bench::new(false);
    bench.data(ToServer, b" ", false);
    bench.with(|conversation, desk, facts| conversation.relieve(desk, facts));
    assert_eq!((bench.conversation.held_bytes(), bench.messages.len()), (0, 0));
    bench.data(ToServer, b">two\n", false);
    assert_eq!((bench.texts(), bench.loss.count(Cause::UnknownProtocol)), (vec![">two".to_owned()], 1));
}

#[test]
fn a_message_that_is_given_up_counts_as_one() {
    let mut bench = Bench::new(false);
    bench.data(ToServer, b">hold\n", false);
    bench.with(|conversation, desk, facts| conversation.relieve(desk, facts));
    assert_eq!(bench.texts(), [">hold"]);
    bench.data(ToServer, b"nonsense\n>b\n", false);
    assert_eq!(bench.texts(), [">hold", ">b"]);
    assert_eq!((bench.loss.count(Cause::Retracted), bench.conversation.detected().len()), (0, 1));
    // The first behind a loss is not matched by counting.
    bench.data(ToServer, b"nonsense\n>hold\n", false);
    bench.with(|conversation, desk, facts| conversation.relieve(desk, facts));
    bench.data(ToServer, b">c\n", false);
    let pairings: Vec<_> = bench.messages.iter().map(|message| message.pairing).collect();
    assert_eq!(pairings, [PairKey::InOrder, PairKey::AfterLoss, PairKey::AfterLoss, PairKey::InOrder]);
}
