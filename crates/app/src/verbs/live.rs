//! `lanternfish live`, `watch` and `demo`: the traffic of this machine as it happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use lanternfish_capture::{CaptureError, FilterPlace, LiveConfig, LiveFilter, LiveSource, privileges};
use lanternfish_identity::{Names, NodeFacts, Resolver, ResolverConfig};
use lanternfish_model::Capture;
use lanternfish_output::Format;
use lanternfish_pipeline::live::{self, Start};
use lanternfish_pipeline::{Revisions, Settings};

use crate::cli::{CaptureArgs, Cli, DemoArgs, EntryArgs, LimitArgs, LiveArgs, WatchArgs};
use crate::demo::{Options, Shop};
use crate::exit::Failure;
use crate::output::Output;
use crate::terminal::tell;
use crate::verbs::capture::Prepared;

/// `lanternfish live`
pub(super) fn live(cli: &Cli, arguments: &LiveArgs) -> Result<(), Failure> {
    let query = arguments.filter.as_deref();
    let format = arguments.output.format();
    observe(cli, query, format, &arguments.entries, &arguments.capture, &arguments.limits, None)
}

/// `lanternfish watch`
pub(super) fn watch(cli: &Cli, arguments: &WatchArgs) -> Result<(), Failure> {
    let query = arguments.query.as_deref();
    let format = arguments.output.format();
    observe(cli, query, format, &arguments.entries, &arguments.capture, &arguments.limits, None)
}

/// `lanternfish demo`
pub(super) fn demo(cli: &Cli, arguments: &DemoArgs) -> Result<(), Failure> {
    let format = arguments.output.format();
    let options = Options { rounds_per_second: arguments.rate, ..Options::default() };
    observe(cli, Some(DEMO_QUERY), format, &arguments.entries, &arguments.capture, &arguments.limits, Some(options))
}

/// Observes until a signal comes or nobody reads any more.
fn observe(
    cli: &Cli,
    query: Option<&str>,
    format: Format,
    entries: &EntryArgs,
    capture: &CaptureArgs,
    limits: &LimitArgs,
    demo: Option<Options>,
) -> Result<(), Failure> {
    let prepared = Prepared::new(cli, query, entries)?;
    let mut writer = prepared.writer(format);
    let mut settings = prepared.settings(prepared.wants(writer.fields()), entries, limits)?;
    // A line for each connection every few seconds would bury the calls.
    let is_brief = format == Format::Table && !entries.all_revisions;
    settings.revisions = if is_brief { Revisions::Ends } else { Revisions::All };
    let mut sink = prepared.sink(&writer)?;
    let source = open(capture, &mut settings)?;
    let missing = source.missing_interfaces();
    if !missing.is_empty() {
        tell(&format!("lanternfish: waiting for {} to appear", missing.join(", ")));
    }
    let stop = stop_on_signals()?;
    // The shop has threads, and rights can only be given up before there are any.
    let shop = demo.map(Shop::start).transpose()?;
    if let Some(shop) = &shop {
        tell(&format!("A shop of services on the loopback talks until you press Ctrl-C:\n{}", shop.describe()));
    }
    let mut output = Output::begin(&mut writer)?;
    let start =
        Start { number: 0, observer: &mut (), sink: &mut sink, output: &mut |bytes| output.write(bytes), stop: &stop };
    let ledger = live::run(Arc::new(settings), source, start).map_err(anyhow::Error::from)?;
    output.end(&mut writer)?;
    tell(ledger.stats().trim_end());
    Ok(())
}

/// Opens the packet sockets, gives up the rights that are not needed any more, and begins to look for processes.
fn open(capture: &CaptureArgs, settings: &mut Settings) -> Result<LiveSource, Failure> {
    let filter = capture.bpf.clone().map(|expression| LiveFilter { expression, place: FilterPlace::Program });
    let config = LiveConfig { interfaces: capture.interface.clone(), filter, ..LiveConfig::default() };
    let source = LiveSource::open(config).map_err(cannot_capture)?;
    privileges::keep_for_capture().context("cannot give up rights")?;
    let node = NodeFacts::read();
    let names = Names::default();
    names.learn_hosts_file();
    settings.capture = Capture::AfPacket;
    settings.node_id = Arc::from(format!("{:x}", node.id));
    settings.node_ip = Arc::from(node.primary_ip.map(|ip| ip.to_string()).unwrap_or_default());
    settings.node_name = Arc::from(node.name);
    settings.reassembly.report_interval_ns = Some(REPORT_INTERVAL_NS);
    settings.pairing.answer_ns = ANSWER_NS;
    settings.names = Arc::new(names);
    settings.resolver =
        Some(Arc::new(Resolver::start(ResolverConfig::default()).context("cannot start the resolver")?));
    Ok(source)
}

fn cannot_capture(error: CaptureError) -> Failure {
    let program = std::env::current_exe().unwrap_or_default();
    let missing = privileges::missing_rights(&program).unwrap_or_default();
    let mut text = error.to_string();
    for right in missing {
        text.push_str(&format!("\n  {} is missing: {}; {}", right.capability.name(), right.effect, right.remedy));
    }
    match error {
        CaptureError::Filter(_) => Failure::usage(format_args!("--bpf: {text}")),
        _ => Failure::Work(anyhow::anyhow!("{text}")),
    }
}

/// Set by the first SIGINT or SIGTERM; the second one ends the program at once.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    stop.store(false, Ordering::Relaxed);
    Ok(stop)
}

/// The shop's own addresses.
const DEMO_QUERY: &str = "src.ip.startsWith(\"127.0.1.\") || dst.ip.startsWith(\"127.0.1.\")";
/// How often connections under way are summed up.
pub(super) const REPORT_INTERVAL_NS: i64 = 10_000_000_000;
/// How long a request waits for its answer.
const ANSWER_NS: i64 = 30_000_000_000;
