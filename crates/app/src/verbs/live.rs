//! `lanternfish live` and `demo`: the traffic of this machine as it happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use lanternfish_api::{Engine, LiveEntries};
use lanternfish_capture::background::Background;
use lanternfish_capture::{CaptureError, LiveSource, privileges};
use lanternfish_identity::{Names, NodeFacts, Resolver, ResolverConfig};
use lanternfish_model::{Capture, Wants};
use lanternfish_output::Format;
use lanternfish_pipeline::live::{self, Start};
use lanternfish_pipeline::{EntrySink, Revisions, Scope, Settings};

use crate::cli::{CaptureArgs, Cli, DemoArgs, EntryArgs, LimitArgs, LiveArgs, ServeArgs, StoreArgs};
use crate::config::Invocation;
use crate::demo::{Options, Shop};
use crate::exit::Failure;
use crate::instance::{Books, Companion, Control, Instance, Listening, Place, Recorder, Source, live_config, show};
use crate::output::Output;
use crate::terminal::tell;
use crate::verbs::capture::{Prepared, workers};

/// `lanternfish live`
pub(super) fn live(invocation: &Invocation, arguments: &LiveArgs) -> Result<(), Failure> {
    let LiveArgs { filter, output, entries, capture, serve, store, limits } = arguments;
    let query = filter.as_deref();
    let is_printed = output.is_some() || query.is_some() || entries.fields.is_some();
    if is_printed {
        let format = output.map_or(Format::Table, |output| output.format());
        return observe(&invocation.cli, query, format, entries, capture, limits, None);
    }
    dashboard(invocation, &Watched { entries, capture, serve, store, limits }, None)
}

/// `lanternfish demo`
pub(super) fn demo(invocation: &Invocation, arguments: &DemoArgs) -> Result<(), Failure> {
    let DemoArgs { rate, entries, output, capture, serve, store, limits } = arguments;
    let options = Options { rounds_per_second: *rate, ..Options::default() };
    if output.is_some() || entries.fields.is_some() {
        let format = output.map_or(Format::Table, |output| output.format());
        return observe(&invocation.cli, Some(DEMO_QUERY), format, entries, capture, limits, Some(options));
    }
    dashboard(invocation, &Watched { entries, capture, serve, store, limits }, Some(options))
}

/// The arguments of a verb that serves the dashboard of this machine.
struct Watched<'a> {
    entries: &'a EntryArgs,
    capture: &'a CaptureArgs,
    serve: &'a ServeArgs,
    store: &'a StoreArgs,
    limits: &'a LimitArgs,
}

/// Observes, stores and serves the dashboard until a signal comes.
fn dashboard(invocation: &Invocation, watched: &Watched<'_>, demo: Option<Options>) -> Result<(), Failure> {
    let prepared = Prepared::new(&invocation.cli, None, watched.entries)?;
    let wants = Wants::everything(prepared.table);
    let mut settings = prepared.settings(wants, watched.entries, watched.limits)?;
    settings.revisions = Revisions::All;
    let scope = Arc::new(Scope::default());
    settings.scope = Some(Arc::clone(&scope));
    let (source, background) = open(watched.capture, &mut settings)?;
    let ring_bytes = source.ring_bytes();
    let stop = stop_on_signals()?;
    let place = Place::open(watched.store, invocation, prepared.table)?;
    settings.redaction = place.redaction(watched.store.no_redact)?;
    let settings = Arc::new(settings);
    let listening = Listening::open(watched.serve, place.store.path(), &settings.node_name)?;
    let config = live_config(&watched.capture.interface, watched.capture.bpf.as_deref().unwrap_or_default());
    let control = Arc::new(Control::new(&config, Arc::clone(&settings), scope));
    let (live, books) = (LiveEntries::new(prepared.table), Arc::new(Books::default()));
    books.set_ring_bytes(ring_bytes);
    let about = place.about(invocation, watched.limits, &settings.node_name, settings.redaction.is_some());
    let own = listening.addresses.clone();
    let (store, recorded) = (Arc::clone(&place.store), Arc::clone(&books.recorded));
    let instance =
        Instance::new(Source::Live(Arc::clone(&control)), Arc::clone(&store), live.clone(), Arc::clone(&books), about);
    let instance = Arc::new(instance.map_err(anyhow::Error::from)?);
    if let Some(options) = demo {
        instance.start_demo(options)?;
    }
    let url = place.announce(&listening)?;
    let engine: Arc<dyn Engine> = Arc::clone(&instance) as Arc<dyn Engine>;
    let serving = listening.serve(engine)?;
    show(&url, watched.serve.no_open);
    let mut companion = Companion::new(Arc::clone(&store), books, control, own);
    let mut sink =
        || -> Box<dyn EntrySink> { Box::new(Recorder::new(Arc::clone(&store), &live, Arc::clone(&recorded), None)) };
    let start = Start {
        threads: workers(watched.capture.threads.get()),
        number: store.next_packet_number().saturating_sub(1),
        observer: &mut companion,
        sink: &mut sink,
        output: &mut |_| true,
        stop: &stop,
    };
    let ran = live::run(Arc::clone(&settings), source, start);
    drop(background);
    drop(companion);
    drop(serving);
    place.close();
    let ledger = ran.map_err(anyhow::Error::from)?;
    tell(ledger.stats().trim_end());
    Ok(())
}

/// Observes until a signal comes or nobody reads any more.
pub(super) fn observe(
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
    let (source, background) = open(capture, &mut settings)?;
    let stop = stop_on_signals()?;
    // The shop comes after the rights are given up, so that its processes never have them.
    let shop = demo.map(Shop::start).transpose()?;
    if let Some(shop) = &shop {
        tell(&format!("A shop of services on the loopback talks until you press Ctrl-C:\n{}", shop.describe()));
    }
    let mut output = Output::begin(&mut writer)?;
    let start = Start {
        threads: workers(capture.threads.get()),
        number: 0,
        observer: &mut (),
        sink: &mut sink,
        output: &mut |bytes| output.write(bytes),
        stop: &stop,
    };
    let ledger = live::run(Arc::new(settings), source, start).map_err(anyhow::Error::from)?;
    drop(background);
    output.end(&mut writer)?;
    tell(ledger.stats().trim_end());
    Ok(())
}

/// Opens the packet sockets, gives up the rights that are not needed any more, and begins to look for processes.
fn open(capture: &CaptureArgs, settings: &mut Settings) -> Result<(LiveSource, Option<Background>), Failure> {
    let config = live_config(&capture.interface, capture.bpf.as_deref().unwrap_or_default());
    let source = LiveSource::open(config).map_err(cannot_capture)?;
    let missing = source.missing_interfaces();
    if !missing.is_empty() {
        tell(&format!("lanternfish: waiting for {} to appear", missing.join(", ")));
    }
    privileges::keep_for_capture().context("cannot give up rights")?;
    let background = Background::begin(GIVE_WAY);
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
    Ok((source, background))
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
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    stop.store(false, Ordering::Relaxed);
    Ok(stop)
}

/// The threads that give way to the observed while there is CPU time to spare, besides the one that takes in packets and its
/// workers. Those that answer people do not.
const GIVE_WAY: &[&str] = &["lf-identity", "ring", "seal", "store"];
/// The shop's own addresses.
const DEMO_QUERY: &str = "src.ip.startsWith(\"127.0.1.\") || dst.ip.startsWith(\"127.0.1.\")";
/// How often connections under way are summed up.
pub(super) const REPORT_INTERVAL_NS: i64 = 10_000_000_000;
/// How long a request waits for its answer.
const ANSWER_NS: i64 = 30_000_000_000;
