//! Entries of whole captures, to columns and back: the rebuilt entry must give the line of the live one, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod bench;

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bench::{settings, table};
use lanternfish_columns::{Builders, Rows, Tables};
use lanternfish_model::{Entry, ProtocolIndex, Timestamp};
use lanternfish_output::{EntryWriter, Format, Options};
use lanternfish_pipeline::files::{self, Start};
use lanternfish_pipeline::{EntrySink, Revisions, Settings};
use lanternfish_testkit::{Capture, TcpConversation, endpoint, frame, udp};

/// What the sinks of a run collect.
struct Collected {
    builders: Builders,
    lines: Vec<(ProtocolIndex, Vec<u8>)>,
}

struct Sink {
    writer: EntryWriter<'static>,
    collected: Arc<Mutex<Collected>>,
}

impl EntrySink for Sink {
    fn entry(&mut self, entry: &Entry, _out: &mut Vec<u8>) {
        let mut line = Vec::new();
        self.writer.write(entry, &mut line);
        let mut collected = self.collected.lock().unwrap();
        assert!(collected.builders.push(entry));
        collected.lines.push((entry.protocol, line));
    }
}

/// Runs a capture and compares every entry; gives how many there were, none where it is no capture file.
fn compare(settings: Settings, input: Box<dyn Read + Send>) -> Option<usize> {
    let tables = Arc::new(Tables::new(table()));
    let collected = Arc::new(Mutex::new(Collected { builders: Builders::new(Arc::clone(&tables)), lines: Vec::new() }));
    let mut writer = EntryWriter::new(Format::Jsonl, table(), Options::default());
    let start = Start {
        threads: 1,
        sink: &mut || Box::new(Sink { writer: writer.clone(), collected: Arc::clone(&collected) }),
        first_packet: 0,
        packet_filter: None,
        output: &mut |_| true,
        progress: &mut |_| {},
    };
    files::run(Arc::new(settings), input, start).ok()?;
    let mut collected = collected.lock().unwrap();
    let mut count = 0;
    for (protocol, batch) in collected.builders.finish().unwrap() {
        let rows = Rows::new(&tables, protocol, &batch).unwrap();
        let lines = collected.lines.iter().filter(|(of, _)| *of == protocol);
        for (row, (_, line)) in lines.enumerate() {
            let mut stored = Vec::new();
            writer.write(&rows.entry(row), &mut stored);
            assert_eq!(String::from_utf8_lossy(&stored), String::from_utf8_lossy(line));
            count += 1;
        }
        assert_eq!(batch.num_rows(), collected.lines.iter().filter(|(of, _)| *of == protocol).count());
    }
    assert_eq!(count, collected.lines.len());
    Some(count)
}

fn all_revisions() -> Settings {
    Settings { revisions: Revisions::All, ..settings() }
}

fn dns() -> Capture {
    let (client, server) = (endpoint("10.0.0.1:5353"), endpoint("[2001:db8::2]:53"));
    let question = [b"\x03www\x07example\x03org\x00".as_slice(), &[0, 1, 0, 1]].concat();
    let query = [&[7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], question.as_slice()].concat();
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
    let answer = [&[7, 9, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], question.as_slice(), &record].concat();
    let server = lanternfish_model::Endpoint { ip: "10.0.0.2".parse().unwrap(), ..server };
    let mut capture = Capture::ethernet();
    let start = Timestamp::from_parts(1_700_000_000, 17);
    capture.push(start, frame(&udp(client, server, &query)));
    capture.push(start + 1_234_567, frame(&udp(server, client, &answer)));
    capture
}

#[test]
fn entries_of_made_conversations_come_back() {
    let odd = b"POST /a%20b?x=1&x=2&y HTTP/1.1\r\nHost: h\r\nX-Bytes: \xff\xfe\r\nCookie: a=1; b=\xe9\r\nX-Bytes: again\r\nContent-Length: 4\r\n\r\n\x00\xff\x00b";
    let answer = b"HTTP/1.1 404 Nicht gefunden \xfc\r\nSet-Cookie: a=1; Path=/\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
    let http = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80")
        .handshake()
        .to_server(odd)
        .to_client(answer)
        .to_server(b"GET /no-answer HTTP/1.1\r\n\r\n")
        .fin()
        .capture();
    assert!(compare(all_revisions(), Box::new(Cursor::new(http.to_pcap()))).unwrap() >= 4);
    assert!(compare(all_revisions(), Box::new(Cursor::new(dns().to_pcapng()))).unwrap() >= 3);
}

#[test]
fn entries_of_recorded_conversations_come_back() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("LANTERNFISH_SHARED").map_or(beside, PathBuf::from);
    let Ok(found) = std::fs::read_dir(shared.join("captures/files")) else {
        eprintln!("skipped: no captures in {}", shared.display());
        return;
    };
    let (mut files, mut entries) = (0, 0);
    for file in found.flatten() {
        let input = Box::new(std::fs::File::open(file.path()).unwrap());
        files += 1;
        entries += compare(all_revisions(), input).unwrap_or(0);
    }
    assert!(entries > files, "{entries} entries in {files} files");
    eprintln!("{entries} entries in {files} files");
}
