//! What a run is asked to do, fixed before its first packet.

use std::sync::Arc;

use lanternfish_dissect::{Limits, Registry};
use lanternfish_filter::Filter;
use lanternfish_identity::{Names, Resolver};
use lanternfish_model::{Capture, Entry, FieldTable, ProtocolIndex, Transport, Wants};

use crate::Fingerprint;

/// Where entries go: it turns one into bytes, which keep their order. One for each worker.
pub trait EntrySink: Send {
    /// Appends an entry to a buffer.
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>);
}

/// What a run is asked to do.
pub struct Settings {
    /// The joined field table.
    pub table: &'static FieldTable,
    /// The protocols to look for.
    pub registry: Registry,
    /// The limits of dissection.
    pub limits: Limits,
    /// The limits of pairing.
    pub pairing: lanternfish_pairing::Limits,
    /// The limits of the connection table, for all workers together.
    pub reassembly: lanternfish_reassembly::Config,
    /// Which fields somebody will read.
    pub wants: Wants,
    /// Under which key secrets are redacted before anything else sees an entry; none where they stay.
    pub redaction: Option<Fingerprint>,
    /// Which entries go on.
    pub filter: Option<Filter>,
    /// How the packets are captured.
    pub capture: Capture,
    /// Whether every revision of connections goes on, or the last one only.
    pub all_revisions: bool,
    /// Whether calls are made into entries.
    pub calls: bool,
    /// Whether connections are made into entries.
    pub connections: bool,
    /// Whether flows are made into entries.
    pub flows: bool,
    /// The most flows that are kept open.
    pub max_flows: usize,
    /// The DNS names of addresses.
    pub names: Arc<Names>,
    /// Finds the processes behind connections; none for files.
    pub resolver: Option<Arc<Resolver>>,
    /// The name of the capturing node; empty in files.
    pub node_name: Arc<str>,
    /// The stable id of the capturing node; empty in files.
    pub node_id: Arc<str>,
    /// The address of the capturing node; empty in files.
    pub node_ip: Arc<str>,
}

impl Settings {
    /// The index of the protocol that connections and flows of a transport are entries of; ICMP has neither.
    pub fn transport_protocol(&self, transport: Transport) -> Option<ProtocolIndex> {
        match transport {
            Transport::Icmp => None,
            other => self.registry.find(other.name()),
        }
    }
}
