//! Metrics of ourselves for Prometheus: made when they are asked for, from the books and counters that are kept anyway.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::state::Shared;
use lanternfish_telemetry::Fate;

type Labels = Vec<(&'static str, String)>;

/// The text of all metrics.
pub(crate) fn text(app: &Shared) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("lanternfish");
    let report = app.engine.report();
    let build = Family::<Labels, Gauge>::default();
    build.get_or_create(&vec![("version", report.version.clone())]).set(1);
    registry.register("build", "The version that runs", build);
    books(app, &mut registry);
    let gauges = [
        ("memory_used_bytes", "Anonymous and shared memory with capture rings", report.memory.used_bytes),
        ("memory_resident_bytes", "All resident memory", report.memory.resident_bytes),
        ("stored_entries", "Entries that are stored", report.recording.entries),
        ("stored_bytes", "Bytes of entries on disk", report.recording.bytes),
        ("ring_bytes", "Bytes of raw packets on disk", report.recording.ring_bytes),
        ("capturing", "Whether packets are captured", u64::from(report.watching.is_on)),
        ("recording", "Whether entries are stored", u64::from(report.recording.is_on)),
        ("recording_trouble", "Whether less is stored than should be", u64::from(!report.recording.trouble.is_empty())),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, gauge(value));
    }
    clients(app, &mut registry);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// What became of packets, entries and losses.
fn books(app: &Shared, registry: &mut Registry) {
    let ledger = app.engine.ledger();
    let counters = [
        ("packets", "Packets of the interfaces or files", ledger.packets()),
        ("packet_bytes", "Bytes of these packets", ledger.bytes()),
        ("connections", "Connections", ledger.connections()),
        ("notes", "Notes on entries", ledger.notes()),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, counter(value));
    }
    let fates = Family::<Labels, Counter>::default();
    for &fate in Fate::ALL {
        fates.get_or_create(&vec![("fate", fate.name().to_owned())]).inc_by(ledger.fate(fate));
    }
    registry.register("packet_fates", "Packets by what became of them, losses apart", fates);
    let lost = Family::<Labels, Counter>::default();
    for (cause, count) in ledger.loss().iter() {
        let labels = vec![
            ("stage", cause.stage().name().to_owned()),
            ("cause", cause.name().to_owned()),
            ("unit", cause.unit().to_owned()),
        ];
        lost.get_or_create(&labels).inc_by(count);
    }
    registry.register("lost", "What was not seen or kept, by stage and cause", lost);
    let entries = Family::<Labels, Counter>::default();
    let errors = Family::<Labels, Counter>::default();
    for (protocol, count) in ledger.protocols() {
        entries.get_or_create(&vec![("protocol", protocol.to_owned())]).inc_by(count.entries);
        let outcomes = [("error", count.errors), ("client_error", count.client_errors)];
        for (outcome, number) in outcomes {
            let labels = vec![("protocol", protocol.to_owned()), ("outcome", outcome.to_owned())];
            errors.get_or_create(&labels).inc_by(number);
        }
    }
    registry.register("entries", "Entries by protocol", entries);
    registry.register("errors", "Entries that went wrong, by protocol", errors);
}

/// Clients of this interface.
fn clients(app: &Shared, registry: &mut Registry) {
    let clients = app.counters.status();
    registry.register("api_connections_open", "Connections that are open", gauge(clients.connections));
    registry.register("api_subscribers", "Live subscriptions", gauge(clients.subscribers));
    let counters = [
        ("api_dropped_entries", "Entries not sent to subscribers that were too slow", clients.dropped_entries),
        ("api_slow_clients", "Clients cut off because they read or wrote too slowly", clients.cut_off_slow),
        ("api_large_requests", "Requests refused for their size", clients.cut_off_large),
        ("api_refused_connections", "Connections refused because too many were open", clients.refused),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, counter(value));
    }
    let answers = Family::<Labels, Counter>::default();
    for (hundreds, count) in app.counters.answers() {
        answers.get_or_create(&vec![("status", format!("{hundreds}xx"))]).inc_by(count);
    }
    registry.register("api_answers", "Answers by the hundreds of their status", answers);
}

fn counter(value: u64) -> Counter {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    counter
}

fn gauge(value: u64) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}

/// The type of the text.
pub(crate) const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
