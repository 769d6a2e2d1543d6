//! What the fuzz targets share: reading choices from the front of an input, and a pipeline that keeps its output.

pub mod seeds;

use std::io::Cursor;
use std::sync::{Arc, LazyLock, Mutex};

use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_filter::Filter;
use lanternfish_model::{Capture, Entry, FieldTable, Wants};
use lanternfish_output::{EntryWriter, Format, Options};
use lanternfish_pipeline::files::{self, Report, Start};
use lanternfish_pipeline::{Budget, EntrySink, Revisions, Settings};

/// An input that is taken apart from its front; it gives zeros where it is used up.
pub struct Choices<'a>(pub &'a [u8]);

impl<'a> Choices<'a> {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// The next four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from(self.short()) | u32::from(self.short()) << 16
    }

    /// The next bytes, fewer where there are no more.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// The fields of all protocols.
pub fn table() -> &'static FieldTable {
    static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
        let specs: Vec<_> = PROTOCOLS.iter().map(|protocol| protocol.spec()).collect();
        FieldTable::join(&specs).expect("the tables of the protocols fit together")
    });
    &TABLE
}

/// The settings of a run in which everything is wanted.
pub fn settings(filter: Option<Filter>) -> Settings {
    Settings {
        table: table(),
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: lanternfish_reassembly::Config::default(),
        wants: Wants::everything(table()),
        scope: None,
        redaction: None,
        filter,
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

/// Writes entries in one format.
pub struct Formatted(pub EntryWriter<'static>);

impl EntrySink for Formatted {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        self.0.write(entry, out);
    }
}

/// Runs a capture file through the pipeline; gives the report, if it is one at all, and the output.
pub fn run(settings: Settings, file: &[u8], format: Format, threads: u16) -> (Option<Report>, Vec<u8>) {
    let writer = EntryWriter::new(format, table(), Options::default());
    let mut written = Vec::new();
    let report = files::run(
        Arc::new(settings),
        Box::new(Cursor::new(file.to_vec())),
        Start {
            threads,
            sink: &mut || Box::new(Formatted(writer.clone())),
            first_packet: 0,
            packet_filter: None,
            output: &mut |bytes| {
                written.extend_from_slice(bytes);
                true
            },
            progress: &mut |_| {},
        },
    );
    (report.ok(), written)
}

/// The entries of a capture file.
pub fn entries(file: &[u8]) -> Vec<Entry> {
    struct Kept(Arc<Mutex<Vec<Entry>>>);
    impl EntrySink for Kept {
        fn entry(&mut self, entry: &Entry, _: &mut Vec<u8>) {
            self.0.lock().expect("one thread").push(entry.clone());
        }
    }
    let kept = Arc::new(Mutex::new(Vec::new()));
    let start = Start {
        threads: 1,
        sink: &mut || Box::new(Kept(Arc::clone(&kept))),
        first_packet: 0,
        packet_filter: None,
        output: &mut |_| true,
        progress: &mut |_| {},
    };
    files::run(Arc::new(settings(None)), Box::new(Cursor::new(file.to_vec())), start).expect("a capture file");
    let mut entries = kept.lock().expect("one thread");
    std::mem::take(&mut *entries)
}
