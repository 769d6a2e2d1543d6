//! A small language for packets, and a sink that writes down what it is given.
//!
//! A line is one packet: `> SA 100 200 =text` goes from 10.0.0.1:40000 to 10.0.0.2:80 with these flags (`.` for none),
//! sequence and acknowledgement numbers and payload. Further words: `-5` bytes were cut off, `@2` the interface,
//! `+1500` ms have passed (1 otherwise), `w0` a closed window, `p7` the client's port. Other lines: `> udp =text`,
//! `advance +1500`.

use std::fmt::Write as _;

use lanternfish_model::{
    ConnectionFacts, ConnectionSummary, Direction, Endpoint, Loss, PacketRef, Timestamp, Transport,
};
use lanternfish_wire::{Datagram, Payload, TcpFlags, TcpHeader, TransportHeader};
use smallvec::SmallVec;

use crate::{Config, Fate, Moment, PacketMeta, Sink, StreamData, Tracker, Verdict};

/// A sink that writes everything down.
#[derive(Default)]
pub struct Notes {
    pub text: String,
    pub closed: Vec<ConnectionSummary>,
    /// What to answer to the next bytes, once.
    pub verdict: Option<Verdict>,
    pub opened: usize,
    /// How often something must be given up.
    pub held: usize,
    /// How many bytes a connection keeps nevertheless.
    pub left: usize,
    /// The connections that gave something up.
    pub relieved: Vec<u64>,
}

fn arrow(direction: Direction) -> char {
    match direction {
        Direction::ToServer => '>',
        Direction::ToClient => '<',
    }
}

impl Sink for Notes {
    type State = u64;

    fn open(&mut self, facts: &ConnectionFacts) -> u64 {
        self.opened += 1;
        let midstream = if facts.is_midstream { " midstream" } else { "" };
        writeln!(self.text, "{} open {}{midstream}", facts.id, facts.server.port).unwrap();
        facts.id
    }

    fn data(&mut self, state: &mut u64, facts: &ConnectionFacts, data: &StreamData<'_>) -> Verdict {
        assert_eq!(*state, facts.id);
        let start = if data.is_start { " start" } else { "" };
        let text = String::from_utf8_lossy(data.bytes);
        write!(self.text, "{state} {} {text}{start}", arrow(data.direction)).unwrap();
        if data.missing > 0 {
            write!(self.text, " missing {}", data.missing).unwrap();
        }
        if let Some(quoted) = data.quoted_connection {
            write!(self.text, " quotes {quoted}").unwrap();
        }
        for fragment in data.fragments {
            write!(self.text, " with {}", fragment.number).unwrap();
        }
        self.text.push('\n');
        self.verdict.take().unwrap_or(Verdict::Continue)
    }

    fn gap(
        &mut self,
        state: &mut u64,
        _: &ConnectionFacts,
        direction: Direction,
        length: u64,
        _: PacketRef,
    ) -> Verdict {
        writeln!(self.text, "{state} {} gap {length}", arrow(direction)).unwrap();
        Verdict::Continue
    }

    fn end(&mut self, state: &mut u64, _: &ConnectionFacts, direction: Direction) {
        writeln!(self.text, "{state} {} end", arrow(direction)).unwrap();
    }

    fn summary(&mut self, state: &mut u64, summary: &ConnectionSummary, moment: Moment) {
        writeln!(self.text, "{state} {moment:?} {}", summary.revision).unwrap();
    }

    fn is_holding_too_much(&self) -> bool {
        self.held > 0
    }

    fn relieve(&mut self, state: &mut u64, _: &ConnectionFacts) -> usize {
        self.held = self.held.saturating_sub(1);
        self.relieved.push(*state);
        self.left
    }

    fn close(&mut self, state: u64, summary: ConnectionSummary) {
        writeln!(self.text, "{state} close {:?}", summary.close).unwrap();
        self.closed.push(summary);
    }
}

/// A tracker with what surrounds it.
pub struct Bench {
    pub tracker: Tracker<Notes>,
    pub notes: Notes,
    pub loss: Loss,
    pub now: Timestamp,
    pub number: u64,
    pub duplicates: u64,
    seed: u64,
}

impl Bench {
    pub fn new(config: Config) -> Self {
        Bench {
            tracker: Tracker::new(config),
            notes: Notes::default(),
            loss: Loss::default(),
            now: Timestamp::from_parts(1_700_000_000, 0),
            number: 0,
            duplicates: 0,
            seed: config.seed,
        }
    }

    pub fn send(&mut self, datagram: &Datagram<'_>, interface: u32) -> Fate {
        self.number += 1;
        let packet = PacketRef { number: self.number, time: self.now };
        let meta = PacketMeta { packet, interface, fragments: &[] };
        let key = datagram.key();
        let fate = self.tracker.datagram(&mut self.notes, &meta, datagram, &key, key.hash64(self.seed), &mut self.loss);
        self.duplicates += u64::from(fate == Fate::DuplicateView);
        fate
    }

    pub fn run(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        let mut payload: &[u8] = &[];
        let (mut missing, mut interface, mut step_ms, mut window, mut port) = (0, 0, 1, 1000, 40_000);
        let mut plain = Vec::new();
        for word in line.split_whitespace() {
            match (word.as_bytes()[0], &word[1..]) {
                (b'=', text) => payload = text.as_bytes(),
                (b'-', count) => missing = count.parse().unwrap(),
                (b'@', count) => interface = count.parse().unwrap(),
                (b'+', count) => step_ms = count.parse().unwrap(),
                (b'w', count) => window = count.parse().unwrap(),
                (b'p', count) => port = count.parse().unwrap(),
                _ => plain.push(word),
            }
        }
        self.now = self.now + step_ms * 1_000_000;
        if plain[0] == "advance" {
            self.tracker.advance(&mut self.notes, self.now, &mut self.loss);
            return;
        }
        let (client, server) = (client(port), server());
        let (source, destination) = if plain[0] == ">" { (client, server) } else { (server, client) };
        let header = match plain[1] {
            "udp" => TransportHeader::Udp { checksum: 7 },
            flags => TransportHeader::Tcp(TcpHeader {
                sequence: plain[2].parse().unwrap(),
                acknowledgement: plain.get(3).map_or(0, |ack| ack.parse().unwrap()),
                flags: flags_of(flags),
                window,
                ..TcpHeader::default()
            }),
        };
        let datagram = datagram(source, destination, header, Payload { bytes: payload, missing });
        self.send(&datagram, interface);
    }

    pub fn finish(&mut self) {
        self.tracker.finish(&mut self.notes, &mut self.loss);
        assert_eq!(self.tracker.open_connections(), 0);
        assert_eq!(self.tracker.buffered_bytes(), 0);
        assert_eq!(self.notes.opened, self.notes.closed.len());
    }
}

pub fn client(port: u16) -> Endpoint {
    Endpoint::new("10.0.0.1".parse().unwrap(), port)
}

pub fn server() -> Endpoint {
    Endpoint::new("10.0.0.2".parse().unwrap(), 80)
}

pub fn datagram<'a>(
    source: Endpoint,
    destination: Endpoint,
    header: TransportHeader,
    payload: Payload<'a>,
) -> Datagram<'a> {
    let header_bytes = if header.transport() == Transport::Tcp { 20 } else { 8 };
    let transport_bytes = header_bytes + payload.bytes.len() as u32 + payload.missing;
    Datagram {
        source,
        destination,
        header,
        payload,
        network_bytes: transport_bytes + 20,
        transport_bytes,
        tunnels: SmallVec::new(),
    }
}

pub fn segment<'a>(
    is_to_server: bool,
    port: u16,
    sequence: u32,
    acknowledgement: u32,
    flags: &str,
    bytes: &'a [u8],
) -> Datagram<'a> {
    let header = TcpHeader { sequence, acknowledgement, flags: flags_of(flags), window: 1000, ..TcpHeader::default() };
    let (source, destination) = if is_to_server { (client(port), server()) } else { (server(), client(port)) };
    datagram(source, destination, TransportHeader::Tcp(header), Payload { bytes, missing: 0 })
}

pub fn flags_of(letters: &str) -> TcpFlags {
    TcpFlags(letters.bytes().fold(0, |flags, letter| {
        flags
            | match letter {
                b'F' => 1,
                b'S' => 2,
                b'R' => 4,
                b'P' => 8,
                b'A' => 16,
                _ => 0,
            }
    }))
}

/// Runs a script to the end of the capture and compares all that the sink was given.
pub fn check(script: &str, expected: &str) -> Bench {
    check_with(Config::default(), script, expected)
}

pub fn check_with(config: Config, script: &str, expected: &str) -> Bench {
    let mut bench = Bench::new(config);
    bench.run(script);
    bench.finish();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let seen: Vec<&str> = bench.notes.text.lines().collect();
    assert_eq!(seen, expected, "script:\n{script}");
    bench
}
