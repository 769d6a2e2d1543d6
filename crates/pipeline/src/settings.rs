//! What a run is asked to do, fixed before its first packet.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use lanternfish_dissect::{Limits, Registry};
use lanternfish_filter::Filter;
use lanternfish_identity::{Names, Resolver};
use lanternfish_model::{
    Capture, ConnectionFacts, Entry, FieldTable, LocalSide, ProtocolIndex, Transport, Values, Wants, fields,
};

use crate::{Budget, Fingerprint};

/// Where entries go: it turns one into bytes, which keep their order. One for each worker.
pub trait EntrySink: Send {
    /// Appends an entry to a buffer.
    fn entry(&mut self, entry: &Entry, out: &mut Vec<u8>);

    /// Told often, and behind the entries of each batch, so that what is kept back does not wait for the next entry.
    fn flush(&mut self) {}
}

/// Which revisions of connections and flows go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revisions {
    /// The last one.
    Last,
    /// The first and the last one.
    Ends,
    /// Every one.
    All,
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
    /// Whose traffic is looked at, where that can change; it narrows `filter`.
    pub scope: Option<Arc<Scope>>,
    /// How the packets are captured.
    pub capture: Capture,
    /// Which revisions of connections and flows go on.
    pub revisions: Revisions,
    /// Whether calls are made into entries.
    pub calls: bool,
    /// Whether connections are made into entries.
    pub connections: bool,
    /// Whether flows are made into entries.
    pub flows: bool,
    /// The limits that follow from the memory of the run, for all workers together.
    pub budget: Budget,
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

/// Whose traffic is looked at: a filter that can change while packets pass.
#[derive(Debug, Default)]
pub struct Scope {
    /// Rises with each change.
    version: AtomicU64,
    filter: RwLock<Option<Arc<Filter>>>,
}

impl Scope {
    /// Looks at the traffic that a filter meets from now on; at all of it without one.
    pub fn set(&self, filter: Option<Filter>) {
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = filter.map(Arc::new);
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// A [`Scope`] as one thread knows it.
#[derive(Debug, Default)]
pub(crate) struct KnownScope {
    version: u64,
    filter: Option<Arc<Filter>>,
}

impl KnownScope {
    /// Whether an entry is of the traffic that is looked at.
    #[inline]
    pub(crate) fn takes(&mut self, settings: &Settings, entry: &Entry) -> bool {
        let Some(scope) = &settings.scope else { return true };
        let version = scope.version.load(Ordering::Acquire);
        if version != self.version {
            self.version = version;
            self.filter.clone_from(&scope.filter.read().unwrap_or_else(PoisonError::into_inner));
        }
        self.filter.as_ref().is_none_or(|filter| filter.matches(settings.table, entry))
    }
}

impl Settings {
    /// The index of the protocol that connections and flows of a transport are entries of; ICMP has neither.
    pub fn transport_protocol(&self, transport: Transport) -> Option<ProtocolIndex> {
        match transport {
            Transport::Icmp => None,
            other => self.registry.find(other.name()),
        }
    }

    /// In files the client is the local end; live the one that is on this machine, and the server where both are.
    pub(crate) fn local_side(&self, facts: &ConnectionFacts) -> LocalSide {
        match &self.resolver {
            Some(resolver) if resolver.is_local(facts.server.ip) => LocalSide::Server,
            _ => LocalSide::Client,
        }
    }

    /// Appends the facts of the capturing node and the tunnels that all entries of a connection or flow have.
    pub(crate) fn place_values(&self, facts: &ConnectionFacts, worker: u16, values: &mut Values) {
        if !facts.tunnels.is_empty() {
            let mut list = values.list(fields::TUNNELS);
            for tunnel in &facts.tunnels {
                list.push(tunnel.as_bytes());
            }
            list.finish();
        }
        if !self.node_name.is_empty() {
            values.text_fmt(fields::WORKER, format_args!("{worker}"));
            values.text(fields::NODE_ID, self.node_id.as_bytes());
            values.text(fields::NODE_IP, self.node_ip.as_bytes());
            values.text(fields::LOCAL_NODE_NAME, self.node_name.as_bytes());
            let is_here = |ip| self.resolver.as_ref().is_some_and(|resolver| resolver.is_local(ip));
            if is_here(facts.client.ip) && is_here(facts.server.ip) {
                values.text(fields::REMOTE_NODE_NAME, self.node_name.as_bytes());
            }
        }
    }

    /// Gives the ends of an entry the DNS names that `lookup` finds for their addresses.
    #[inline]
    pub(crate) fn name_ends(&self, entry: &mut Entry, mut lookup: impl FnMut(IpAddr) -> Option<Arc<str>>) {
        if self.names.generation() == 0 {
            return;
        }
        entry.src.dns = lookup(entry.src.endpoint.ip);
        entry.dst.dns = lookup(entry.dst.endpoint.ip);
        if entry.src.dns.is_none() && entry.dst.dns.is_none() {
            return;
        }
        let mut list = entry.extra.list(fields::DNS_RESOLUTIONS);
        let (src, dst) = (&entry.src.dns, &entry.dst.dns);
        for name in [src, if src == dst { &None } else { dst }].into_iter().flatten() {
            list.push(name.as_bytes());
        }
        list.finish();
    }
}
