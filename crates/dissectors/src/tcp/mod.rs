//! TCP (RFC 9293): the entries of its connections and flows.
//!
//! Reassembly watches the connections; what it counted becomes values here.

pub mod fields;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Transports};
use lanternfish_model::{CloseReason, ConnectionFacts, ConnectionSummary, ProtocolSpec, Values, Word, WordClass};

use crate::flow::FlowSummary;
use crate::silent::Silent;
use crate::transport::{int, is_late_reset, is_unanswered};

/// TCP.
pub struct Tcp;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "tcp",
    title: "TCP",
    doc: "Connections and flows over TCP: who talked to whom, how much, how well, and how it ended.",
    references: &["RFC 9293", "RFC 6298"],
    words: &[
        Word { name: "tcp", class: WordClass::Any },
        Word { name: "tcp_conn", class: WordClass::Connection },
        Word { name: "tcp_flow", class: WordClass::Flow },
    ],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Tcp {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::NONE
    }

    fn probe(&self, _head: &Head<'_>) -> Probe {
        Probe::NoMatch
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(Silent)
    }
}

/// The values that only TCP connections have.
pub(crate) fn fill(summary: &ConnectionSummary, has_payload: bool, values: &mut Values) {
    values.name(fields::METHOD, method(summary.close));
    if let Some((kind, words)) = error(summary) {
        values.name(fields::ERROR_TYPE, kind);
        values.name(fields::ERROR_MESSAGE, words);
    }
    if has_payload {
        values.bytes(fields::PAYLOAD, &summary.head);
    }
    let (a, b) = (&summary.to_server, &summary.to_client);
    values.int(fields::RETRANSMISSIONS, int(a.retransmissions.saturating_add(b.retransmissions)));
    values.int(fields::OUT_OF_ORDER, int(a.out_of_order.saturating_add(b.out_of_order)));
    values.int(fields::ZERO_WINDOWS, int(a.zero_windows.saturating_add(b.zero_windows)));
    values.int(fields::KEEP_ALIVES, int(a.keep_alives.saturating_add(b.keep_alives)));
    values.int(fields::GAP_BYTES, int(a.gap_bytes.saturating_add(b.gap_bytes)));
    let conflicts = a.overlap_conflict_bytes.saturating_add(b.overlap_conflict_bytes);
    values.int(fields::OVERLAP_CONFLICT_BYTES, int(conflicts));
    let health = summary.health;
    if health.handshake_rtt_ns > 0 {
        values.int(fields::HANDSHAKE_RTT, health.handshake_rtt_ns / NS_PER_US);
    }
    if health.smoothed_rtt_ns > 0 {
        values.int(fields::RTT, health.smoothed_rtt_ns / NS_PER_US);
        values.int(fields::JITTER, health.jitter_ns / NS_PER_US);
    }
}

/// The values that only TCP flows have.
pub(crate) fn fill_flow(summary: &FlowSummary, values: &mut Values) {
    let (a, b) = (&summary.to_server, &summary.to_client);
    values.int(fields::FLOW_RETRANSMISSIONS, int(a.retransmissions.saturating_add(b.retransmissions)));
    values.int(fields::FLOW_ZERO_WINDOWS, int(a.zero_windows.saturating_add(b.zero_windows)));
    values.int(fields::FLOW_RESETS, int(summary.resets));
    values.int(fields::FLOW_REFUSED, int(summary.refused));
    values.int(fields::FLOW_UNANSWERED, int(summary.unanswered));
    if summary.handshake_rtt.count > 0 {
        values.int(fields::FLOW_RTT_MIN, summary.handshake_rtt.least_ns / NS_PER_US);
        values.int(fields::FLOW_RTT_MEAN, summary.handshake_rtt.mean_ns() / NS_PER_US);
        values.int(fields::FLOW_RTT_MAX, summary.handshake_rtt.greatest_ns / NS_PER_US);
    }
}

const fn method(close: CloseReason) -> &'static str {
    match close {
        CloseReason::Open | CloseReason::Evicted => "open",
        CloseReason::Finished => "fin",
        CloseReason::Reset => "rst",
        CloseReason::Timeout => "timeout",
        CloseReason::Refused | CloseReason::Unreachable => "refused",
    }
}

fn error(summary: &ConnectionSummary) -> Option<(&'static str, &'static str)> {
    match summary.close {
        CloseReason::Refused => Some(("refused", "the server refused the connection")),
        CloseReason::Unreachable => Some(("unreachable", "an ICMP error said that the server could not be reached")),
        CloseReason::Reset if !is_late_reset(summary) => {
            Some(("reset", "the connection was reset before data went both ways"))
        }
        CloseReason::Reset if !(summary.to_server.has_fin || summary.to_client.has_fin) => {
            Some(("reset", "the connection was reset before either side had finished"))
        }
        CloseReason::Timeout if is_unanswered(summary) => Some(("timeout", "nobody answered")),
        _ => None,
    }
}

const NS_PER_US: i64 = 1000;
