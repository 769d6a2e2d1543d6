//! Capture files through the pipeline to standard output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::{Context, Result};
use lanternfish_dissect::{Limits, Registry};
use lanternfish_dissectors::PROTOCOLS;
use lanternfish_filter::Filter;
use lanternfish_model::{Capture, Entry, FieldTable, Wants};
use lanternfish_output::EntryWriter;
use lanternfish_pipeline::files::{self, Start};
use lanternfish_pipeline::{EntrySink, Settings};

/// Formats entries on a worker's thread.
pub struct FormatSink {
    writer: EntryWriter<'static>,
}

impl FormatSink {
    /// A sink with a writer of its own.
    pub fn new(writer: &EntryWriter<'static>) -> FormatSink {
        FormatSink { writer: writer.clone() }
    }
}

impl EntrySink for FormatSink {
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        self.writer.write(entry, out);
    }
}

/// The settings of a run over files.
pub fn settings(table: Arc<FieldTable>, filter: Option<Filter>, writer: &EntryWriter<'static>) -> Settings {
    let ids = writer.fields().into_iter().chain(filter.iter().flat_map(|filter| filter.fields().collect::<Vec<_>>()));
    let wants = Wants::only(&table, ids.collect::<Vec<_>>());
    Settings {
        table,
        registry: Registry::new(PROTOCOLS),
        limits: Limits::default(),
        pairing: lanternfish_pairing::Limits::default(),
        reassembly: lanternfish_reassembly::Config::default(),
        wants,
        filter,
        capture: Capture::File,
        all_revisions: false,
        calls: true,
        connections: true,
        flows: true,
        max_flows: 65_536,
        names: Arc::default(),
        resolver: None,
        node_name: Arc::from(""),
        node_id: Arc::from(""),
        node_ip: Arc::from(""),
    }
}

/// Opens an input; `-` is standard input.
pub fn open(path: &str) -> Result<Box<dyn Read + Send>> {
    if path == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("cannot open {path}"))?;
    Ok(Box::new(file))
}

/// Reads one file.
pub fn run(settings: Arc<Settings>, writer: &EntryWriter<'static>, path: &str, threads: u16) -> Result<files::Report> {
    let input = open(path)?;
    // Entries come in whole batches: the line buffer of the standard library would only copy them again.
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned().context("standard output is closed")?);
    let mut output = |bytes: &[u8]| stdout.write_all(bytes).is_ok();
    let mut sink = || Box::new(FormatSink::new(writer)) as Box<dyn EntrySink>;
    let start = Start { threads, sink: &mut sink, packet_filter: None, output: &mut output, progress: &mut |_| {} };
    files::run(settings, input, start).with_context(|| format!("cannot read {path}"))
}
