//! This machine through the pipeline to standard output.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use lanternfish_capture::{LiveConfig, LiveSource, privileges};
use lanternfish_identity::{Names, NodeFacts, Resolver, ResolverConfig};
use lanternfish_model::Capture;
use lanternfish_output::EntryWriter;
use lanternfish_pipeline::live::{self, Start};
use lanternfish_pipeline::{EntrySink, Settings};
use lanternfish_telemetry::Ledger;

use crate::read::FormatSink;

/// Opens the packet sockets, gives up the rights that are not needed any more, and begins to look for processes.
pub fn open(config: LiveConfig, settings: &mut Settings) -> Result<LiveSource> {
    let source = LiveSource::open(config).context("cannot capture")?;
    privileges::keep_for_capture().context("cannot give up rights")?;
    let node = NodeFacts::read();
    settings.capture = Capture::AfPacket;
    settings.node_id = Arc::from(format!("{:x}", node.id));
    settings.node_ip = Arc::from(node.primary_ip.map(|ip| ip.to_string()).unwrap_or_default());
    settings.node_name = Arc::from(node.name);
    settings.reassembly.report_interval_ns = Some(REPORT_INTERVAL_NS);
    settings.pairing.answer_ns = ANSWER_NS;
    let names = Names::default();
    names.learn_hosts_file();
    settings.names = Arc::new(names);
    settings.resolver = Some(Arc::new(Resolver::start(ResolverConfig::default()).context("cannot start the resolver")?));
    Ok(source)
}

/// Observes until `stop` is set or nobody reads any more.
pub fn run(
    settings: Arc<Settings>,
    source: LiveSource,
    writer: &EntryWriter<'static>,
    output: &mut dyn FnMut(&[u8]) -> bool,
    stop: &AtomicBool,
) -> Result<Ledger> {
    let mut sink = || Box::new(FormatSink::new(writer)) as Box<dyn EntrySink>;
    let ledger = live::run(settings, source, Start { sink: &mut sink, output, stop })?;
    Ok(ledger)
}

/// How often connections under way are summed up.
const REPORT_INTERVAL_NS: i64 = 10_000_000_000;
/// How long a request waits for its answer.
const ANSWER_NS: i64 = 30_000_000_000;
