//! Good calls before, across and behind hostile packets, and what was seen of all.

use std::io::{Cursor, Read};
use std::sync::OnceLock;

use lanternfish_model::{Cause, Timestamp};
use lanternfish_pipeline::Settings;
use lanternfish_pipeline::files::Report;
use lanternfish_testkit::{Capture, Segment, TcpConversation, endpoint, frame, tcp, udp};
use serde_json::Value;

use crate::bench;

/// An input of the pipeline.
pub type Input = Box<dyn Read + Send>;

/// When the good calls begin.
pub const BEGIN: Timestamp = Timestamp::from_parts(1_700_000_000, 0);
/// When the hostile packets begin.
pub const HOSTILE: Timestamp = Timestamp::from_parts(1_700_000_001, 0);
/// When the good calls go on, if the hostile packets take no longer.
pub const AFTER: Timestamp = Timestamp::from_parts(1_700_000_009, 0);

/// What was seen.
pub struct Seen {
    pub report: Report,
    /// The good calls.
    pub good: Vec<Value>,
    /// The first of the others.
    pub others: Vec<Value>,
    /// How many others there were.
    pub other_count: usize,
}

impl Seen {
    pub fn count(&self, cause: Cause) -> u64 {
        self.report.ledger.loss().count(cause)
    }

    /// The other calls of a protocol, as far as they were kept.
    pub fn of(&self, protocol: &str) -> Vec<&Value> {
        self.others.iter().filter(|entry| entry["protocol"] == protocol).collect()
    }

    /// All notes of the other calls that were kept.
    pub fn notes(&self) -> String {
        self.others.iter().map(|entry| entry["notes"].to_string()).collect()
    }

    /// Every good call is there as it should be.
    pub fn assert_good(&self) {
        let name = |entry: &Value| {
            let texts = [&entry["path"], &entry["dns_questions"][0], &entry["redis_command"]];
            let names = texts.map(|text| text.as_str().unwrap_or_default());
            let answer = if entry["elapsed_time"].is_null() { "unanswered" } else { "answered" };
            format!("{} {answer} {} {}", names.concat(), entry["outcome"].as_str().unwrap_or_default(), entry["notes"])
        };
        let mut names: Vec<String> = self.good.iter().map(name).collect();
        names.sort();
        let names_expected =
            ["/across", "/after", "/before", "GET across", "GET before", "a.example", "b.example", "c.example"];
        let expected = names_expected.map(|name| format!("{name} answered ok null"));
        assert_eq!(names, expected, "{}", self.report.ledger.stats());
    }
}

/// Runs an input with the default limits.
pub fn observe(input: Input, threads: u16) -> Seen {
    observe_with(bench::settings(), input, threads)
}

/// Runs an input. Connections and flows are counted only, so that the test itself needs little memory.
pub fn observe_with(settings: Settings, input: Input, threads: u16) -> Seen {
    let (mut good, mut others, mut other_count) = (Vec::new(), Vec::new(), 0);
    let report = bench::stream(settings, input, threads, &mut |lines| {
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && !is_transport(line)) {
            let is_good = line.windows(GOOD.len()).take(LOOKED_AT_BYTES).any(|part| part == GOOD);
            other_count += usize::from(!is_good);
            if is_good || others.len() < MAX_OTHERS {
                let entry = serde_json::from_slice(line).expect("a line is JSON");
                if is_good { good.push(entry) } else { others.push(entry) }
            }
        }
    });
    Seen { report: report.expect("a capture file"), good, others, other_count }
}

/// Runs hostile packets with good calls around them, on one thread and on several; the good ones must be there.
pub fn check(hostile: impl Fn() -> Input, expect: impl Fn(&Seen)) {
    check_with(bench::settings, hostile, expect);
}

/// As [`check`], with other limits.
pub fn check_with(settings: impl Fn() -> Settings, hostile: impl Fn() -> Input, expect: impl Fn(&Seen)) {
    for threads in [1, 3] {
        let seen = observe_with(settings(), around(hostile()), threads);
        seen.assert_good();
        expect(&seen);
    }
}

/// As [`check`], with few hostile packets.
pub fn check_capture(hostile: &Capture, expect: impl Fn(&Seen)) {
    check(|| Box::new(Cursor::new(records(hostile))), expect);
}

/// A pcap file of records with good calls around them.
pub fn around(records: Input) -> Input {
    Box::new(begin().chain(records).chain(end()))
}

type Part = Cursor<Vec<u8>>;

/// The file header, and the good calls at the beginning.
pub fn begin() -> Part {
    Cursor::new(good().0.to_pcap())
}

/// The records of the good calls at the end.
pub fn end() -> Part {
    Cursor::new(records(&good().1))
}

/// A capture in memory between good calls.
pub fn surrounded(hostile: Capture) -> Capture {
    let (before, after) = good().clone();
    Capture { packets: [before.packets, hostile.packets, after.packets].concat(), ..before }
}

/// The good calls as a whole file, in two parts.
pub fn good_files() -> (Capture, Capture) {
    good().clone()
}

/// The records of a capture, without the file header.
pub fn records(capture: &Capture) -> Vec<u8> {
    capture.to_pcap().split_off(HEADER_BYTES)
}

/// Records that are made as they are read.
pub struct Made<F> {
    make: F,
    ready: Vec<u8>,
    at: usize,
}

impl<F: FnMut() -> Option<Capture> + Send + 'static> Made<F> {
    /// `make` gives some packets more, none at the end.
    pub fn input(make: F) -> Input {
        Box::new(Made { make, ready: Vec::new(), at: 0 })
    }
}

impl<F: FnMut() -> Option<Capture>> Read for Made<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.ready.len() {
            let Some(capture) = (self.make)() else { return Ok(0) };
            self.ready = records(&capture);
            self.at = 0;
        }
        let count = buffer.len().min(self.ready.len() - self.at);
        buffer[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A hostile conversation, with times behind the good calls' beginning; few acknowledgements of its own.
pub fn hostile(number: u32) -> TcpConversation {
    let [_, a, b, c] = number.to_be_bytes();
    TcpConversation::new(&format!("10.{}.{b}.{c}:4000", a.wrapping_add(1)), "10.100.0.1:8000")
        .without_acks()
        .at(HOSTILE + i64::from(number) * 1000)
        .step(1000)
}

/// The good calls, in two parts: HTTP before, across and behind the hostile packets, Redis and DNS across them.
fn good() -> &'static (Capture, Capture) {
    static GOOD: OnceLock<(Capture, Capture)> = OnceLock::new();
    GOOD.get_or_init(|| {
        let http = TcpConversation::new("10.200.0.1:40000", "10.201.0.1:80")
            .handshake()
            .to_server(b"GET /before HTTP/1.1\r\nHost: a\r\n\r\n")
            .to_client(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .to_server(b"GET /across HTTP/1.1\r\nHost: a\r\n\r\n")
            .at(AFTER)
            .to_client(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
            .fin();
        let later = TcpConversation::new("10.200.0.2:40001", "10.201.0.1:80")
            .at(AFTER + 1_000_000)
            .handshake()
            .to_server(b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
            .to_client(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .fin();
        let redis = TcpConversation::new("10.200.0.3:40002", "10.201.0.2:6379")
            .handshake()
            .to_server(b"*2\r\n$3\r\nGET\r\n$6\r\nbefore\r\n*2\r\n$3\r\nGET\r\n$6\r\nacross\r\n")
            .to_client(b"$2\r\nhi\r\n")
            .at(AFTER)
            .to_client(b"$2\r\nhi\r\n")
            .fin();
        let mut dns = Capture::ethernet();
        let (client, server) = (endpoint("10.200.0.4:40003"), endpoint("10.201.0.3:53"));
        let times =
            [("a", BEGIN, BEGIN + 100_000), ("b", BEGIN + 200_000, AFTER), ("c", AFTER + 300_000, AFTER + 500_000)];
        for (name, asked, answered) in times {
            let question = [b"\x01", name.as_bytes(), b"\x07example\x00\x00\x01\x00\x01"].concat();
            let message = |flags: [u8; 2], answers: u8| {
                [&[0, name.as_bytes()[0]], &flags[..], &[0, 1, 0, answers, 0, 0, 0, 0], &question].concat()
            };
            dns.push(asked, frame(&udp(client, server, &message([1, 0], 0))));
            let answer = [message([0x81, 0x80], 1), b"\xc0\x0c\x00\x01\x00\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01".to_vec()];
            dns.push(answered, frame(&udp(server, client, &answer.concat())));
        }
        let all = http.capture().merge(later.capture()).merge(redis.capture()).merge(dns);
        let (before, after) = all.packets.into_iter().partition(|packet| packet.time < HOSTILE);
        (Capture { link: 1, packets: before }, Capture { link: 1, packets: after })
    })
}

/// A SYN of a flow of its own.
pub fn syn(number: u32, time: Timestamp) -> (Timestamp, Vec<u8>) {
    let [_, b, c, d] = number.to_be_bytes();
    let client = endpoint(&format!("10.{}.{c}.{d}:4000", b.wrapping_add(1)));
    let segment = Segment { sequence: number, flags: 2, window: 1024, ..Segment::default() };
    (time, frame(&tcp(client, endpoint("10.100.0.1:443"), &segment)))
}

fn is_transport(line: &[u8]) -> bool {
    let head = line.get(..LOOKED_AT_BYTES).unwrap_or(line);
    [&b"\"protocol\":\"tcp\""[..], b"\"protocol\":\"udp\"", b"\"protocol\":\"sctp\""]
        .iter()
        .any(|name| head.windows(name.len()).any(|part| part == *name))
}

/// What tells the good calls: the network of their clients.
const GOOD: &[u8] = b"\"10.200.0.";
/// Where it stands in a line.
const LOOKED_AT_BYTES: usize = 400;
/// So many other calls are kept.
const MAX_OTHERS: usize = 2000;
/// The header of a pcap file.
const HEADER_BYTES: usize = 24;
