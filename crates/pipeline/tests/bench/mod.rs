//! What the tests of the pipeline share: runs over captures in memory, with everything wanted, and their output.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

use std::io::{Cursor, Read};
use std::sync::{Arc, LazyLock};

use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_model::{Capture, Entry, FieldTable, Wants};
use lanternfish_output::{EntryWriter, Format, Options};
use lanternfish_pipeline::files::{self, Report, Start};
use lanternfish_pipeline::{Budget, EntrySink, Revisions, Settings};

/// The fields of all protocols.
pub fn table() -> &'static FieldTable {
    static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
        FieldTable::join(&specs).expect("the tables of the protocols fit together")
    });
    &TABLE
}

/// The settings of a run in which everything is wanted.
pub fn settings() -> Settings {
    Settings {
        table: table(),
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: Budget::default().reassembly(),
        wants: Wants::everything(table()),
        scope: None,
        redaction: None,
        filter: None,
        capture: Capture::File,
        revisions: Revisions::Last,
        calls: true,
        connections: true,
        flows: true,
        budget: Budget::default(),
        names: Arc::default(),
        resolver: None,
        node_name: Arc::from(""),
        node_id: Arc::from(""),
        node_ip: Arc::from(""),
    }
}

struct Lines(EntryWriter<'static>);

impl EntrySink for Lines {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        self.0.write(entry, out);
    }
}

/// Runs an input through the pipeline and gives each batch of JSON lines to `output`; the books must balance. None where
/// it is no capture file.
pub fn stream(
    settings: Settings,
    input: Box<dyn Read + Send>,
    threads: u16,
    output: &mut dyn FnMut(&[u8]),
) -> Option<Report> {
    let writer = EntryWriter::new(Format::Jsonl, table(), Options::default());
    let start = Start {
        threads,
        sink: &mut || Box::new(Lines(writer.clone())),
        first_packet: 0,
        packet_filter: None,
        output: &mut |bytes| {
            output(bytes);
            true
        },
        progress: &mut |_| {},
    };
    let report = files::run(Arc::new(settings), input, start).ok()?;
    assert!(report.ledger.is_balanced(), "{}", report.ledger.stats());
    Some(report)
}

/// Runs a capture file in memory; gives the JSON lines.
pub fn run(file: &[u8], threads: u16) -> (Report, Vec<u8>) {
    try_run(file, threads).expect("a capture file")
}

/// Runs what may be no capture file.
pub fn try_run(file: &[u8], threads: u16) -> Option<(Report, Vec<u8>)> {
    let mut lines = Vec::new();
    let input = Box::new(Cursor::new(file.to_vec()));
    let report = stream(settings(), input, threads, &mut |bytes| lines.extend_from_slice(bytes));
    Some((report?, lines))
}

/// The JSON lines as values.
pub fn values(lines: &[u8]) -> Vec<serde_json::Value> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a line is JSON")).collect()
}
