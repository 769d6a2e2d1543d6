//! Entries of every kind, made from packets by the pipeline itself.

use std::sync::{Arc, Mutex, OnceLock};

use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_dissectors::pending::PENDING;
use lanternfish_model::{Capture, Entry, FieldTable, ProtocolSpec, Timestamp, Wants};
use lanternfish_pipeline::files::{self, Start};
use lanternfish_pipeline::{EntrySink, Revisions, Settings};
use lanternfish_testkit::{TcpConversation, endpoint, frame, udp};

/// All fields, as the program joins them.
pub fn table() -> &'static FieldTable {
    static TABLE: OnceLock<FieldTable> = OnceLock::new();
    TABLE.get_or_init(|| {
        let dissected = PROTOCOLS.iter().map(|protocol| protocol.spec());
        let specs: Vec<&'static ProtocolSpec> = dissected.chain(PENDING.iter().copied()).collect();
        FieldTable::join(&specs).unwrap()
    })
}

/// The time of the first packet.
pub const START: Timestamp = Timestamp::from_parts(1_773_525_600, 0);

/// HTTP with good and bad answers, a body that is no text and one with a script, Redis, DNS, and what lies under them.
pub fn entries() -> Vec<Entry> {
    let web = TcpConversation::new("10.0.0.1:40001", "10.0.0.9:80")
        .at(START)
        .handshake()
        .to_server(b"GET /api/orders/17?x=1 HTTP/1.1\r\nHost: shop\r\nAuthorization: Token abc\r\n\r\n")
        .to_client(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"status\":\"paid\"}",
        )
        .to_server(b"POST /upload HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\n\xff\x00\x01\xfe")
        .to_client(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 33\r\n\r\n<script>alert(\"orders\");</script>\n",
        )
        .to_server(b"GET /missing HTTP/1.1\r\nHost: shop\r\n\r\n")
        .to_client(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        .fin()
        .capture();
    let cache = TcpConversation::new("10.0.0.9:50000", "10.0.0.20:6379")
        .at(START + 5_000_000_000)
        .handshake()
        .to_server(b"*2\r\n$3\r\nGET\r\n$5\r\ncart1\r\n")
        .to_client(b"$2\r\nhi\r\n")
        .to_server(b"*2\r\n$4\r\nINCR\r\n$5\r\ncart1\r\n")
        .to_client(b"-ERR value is not an integer or out of range\r\n")
        .fin()
        .capture();
    let mut capture = web.merge(cache);
    let (client, server) = (endpoint("10.0.0.1:5353"), endpoint("10.0.0.53:53"));
    let question = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x07example\x00\x00\x01\x00\x01";
    let mut answer = question.to_vec();
    answer[2..4].copy_from_slice(b"\x81\x83");
    capture.push(START + 8_000_000_000, frame(&udp(client, server, question)));
    capture.push(START + 8_002_000_000, frame(&udp(server, client, &answer)));
    run(&capture.to_pcapng())
}

struct Collect(Arc<Mutex<Vec<Entry>>>);

impl EntrySink for Collect {
    fn entry(&mut self, entry: &Entry, _: &mut Vec<u8>) {
        self.0.lock().unwrap().push(entry.clone());
    }
}

fn run(file: &[u8]) -> Vec<Entry> {
    let table = table();
    let settings = Settings {
        table,
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: lanternfish_reassembly::Config::default(),
        wants: Wants::everything(table),
        scope: None,
        redaction: None,
        filter: None,
        capture: Capture::File,
        revisions: Revisions::Last,
        calls: true,
        connections: true,
        flows: true,
        budget: lanternfish_pipeline::Budget { flows: 100, ..lanternfish_pipeline::Budget::default() },
        names: Arc::default(),
        resolver: None,
        node_name: Arc::from(""),
        node_id: Arc::from(""),
        node_ip: Arc::from(""),
    };
    let found = Arc::new(Mutex::new(Vec::new()));
    let start = Start {
        threads: 1,
        sink: &mut || Box::new(Collect(Arc::clone(&found))),
        first_packet: 0,
        packet_filter: None,
        output: &mut |_| true,
        progress: &mut |_| {},
    };
    files::run(Arc::new(settings), Box::new(std::io::Cursor::new(file.to_vec())), start).unwrap();
    let mut entries = std::mem::take(&mut *found.lock().unwrap());
    entries.sort_by_key(|entry| (entry.timestamp, entry.id));
    entries
}
