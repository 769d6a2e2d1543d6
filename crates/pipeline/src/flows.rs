//! Flows: all connections between a client and a server's port, folded from the summaries of connections.
//!
//! Connections of one flow may be dissected by different workers, so flows are folded where the workers' chunks are merged.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lanternfish_dissectors::flow::{self, FlowSummary};
use lanternfish_model::{
    Cause, CloseReason, ConnectionContext, ConnectionFacts, ConnectionKey, ConnectionSummary, Direction, Endpoint,
    Entry, EntryClass, LocalSide, Message, Party, ProtocolIndex, ProtocolSet, Role, Side, Timestamp, Values,
};
use lanternfish_telemetry::Ledger;

use crate::chunk::FlowEvent;
use crate::{Chunk, EntrySink, Mark, Rank, Settings};

/// The id of the flow that a connection belongs to: a hash of its transport, scope, client address and server, so that
/// it does not depend on what else was seen; below 2^53.
pub fn flow_id(facts: &ConnectionFacts) -> u64 {
    let client = Endpoint::new(facts.client.ip, 0);
    let key = ConnectionKey::new(client, facts.server, facts.transport, facts.scope);
    let is_turned = u64::from(key.low != client);
    key.hash64(FLOW_SEED ^ is_turned) >> 11
}

/// A flow under way.
struct Flow {
    summary: FlowSummary,
    facts: ConnectionFacts,
    /// The sides of its open connections as they stood in their last summaries.
    open: HashMap<u64, [Side; 2]>,
    detected: ProtocolSet,
}

/// The flows of a run.
pub struct FlowTable {
    settings: Arc<Settings>,
    flows: HashMap<u64, Flow>,
    /// The flows by the number of their first packet.
    by_age: BTreeMap<(u64, u64), u64>,
    events: Vec<FlowEvent>,
}

impl FlowTable {
    /// Begins a run.
    pub fn new(settings: Arc<Settings>) -> FlowTable {
        FlowTable { settings, flows: HashMap::new(), by_age: BTreeMap::new(), events: Vec::new() }
    }

    /// Takes what connections of a batch told.
    pub fn collect(&mut self, events: &mut Vec<FlowEvent>) {
        self.events.append(events);
    }

    /// Folds what was collected, in the order of packets; flows over the limit are written early, the oldest first.
    pub fn fold(&mut self, sink: &mut dyn EntrySink, out: &mut Chunk, ledger: &mut Ledger) {
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|event| (event.rank, event.summary.facts.id));
        for event in events.drain(..) {
            self.absorb(&event.summary, event.detected);
            while self.flows.len() > self.settings.max_flows {
                let Some((_, id)) = self.by_age.pop_first() else { break };
                if let Some(flow) = self.flows.remove(&id) {
                    ledger.lose(Cause::FlowTableFull, 1);
                    self.write(flow, sink, out, ledger);
                }
            }
        }
        self.events = events;
    }

    /// Writes flows that have had no open connection for [`IDLE_NS`] at a time, the oldest first.
    pub fn close_idle(&mut self, now: Timestamp, sink: &mut dyn EntrySink, out: &mut Chunk, ledger: &mut Ledger) {
        let is_idle = |flow: &Flow| flow.open.is_empty() && now.since(flow.summary.last.time) > IDLE_NS;
        let idle: Vec<(u64, u64)> =
            self.by_age.iter().filter(|(_, id)| self.flows.get(id).is_some_and(is_idle)).map(|(age, _)| *age).collect();
        for age in idle {
            let Some(id) = self.by_age.remove(&age) else { continue };
            if let Some(flow) = self.flows.remove(&id) {
                self.write(flow, sink, out, ledger);
            }
        }
    }

    /// The run is over: writes all flows by their first packets.
    pub fn finish(&mut self, sink: &mut dyn EntrySink, out: &mut Chunk, ledger: &mut Ledger) {
        self.fold(sink, out, ledger);
        while let Some((_, id)) = self.by_age.pop_first() {
            if let Some(flow) = self.flows.remove(&id) {
                self.write(flow, sink, out, ledger);
            }
        }
    }

    fn absorb(&mut self, summary: &ConnectionSummary, detected: ProtocolSet) {
        let facts = &summary.facts;
        let id = flow_id(facts);
        let by_age = &mut self.by_age;
        let flow = self.flows.entry(id).or_insert_with(|| {
            by_age.insert((facts.first.number, id), id);
            Flow {
                summary: FlowSummary::new(id, facts.transport, facts.first),
                facts: facts.clone(),
                open: HashMap::new(),
                detected: ProtocolSet::default(),
            }
        });
        flow.detected.merge(detected);
        if facts.first.number < flow.summary.first.number {
            by_age.remove(&(flow.summary.first.number, id));
            by_age.insert((facts.first.number, id), id);
            flow.summary.first = facts.first;
            flow.facts = facts.clone();
        }
        let before = flow.open.remove(&facts.id);
        let before = before.as_ref().map(|[to_server, to_client]| [to_server, to_client]);
        flow.summary.absorb(before, summary);
        if summary.close == CloseReason::Open {
            flow.open.insert(facts.id, [summary.to_server, summary.to_client]);
        }
    }

    fn write(&self, flow: Flow, sink: &mut dyn EntrySink, out: &mut Chunk, ledger: &mut Ledger) {
        let settings = &self.settings;
        let Some(protocol) = settings.transport_protocol(flow.facts.transport) else { return };
        let mut message = Message::new(protocol, Role::OneWay, Direction::ToServer, flow.summary.first);
        let protocols = settings.table.protocols().iter().enumerate();
        let titles: Vec<String> = protocols
            .filter(|(position, _)| flow.detected.contains(ProtocolIndex(*position as u8)))
            .map(|(_, spec)| spec.name.to_ascii_uppercase())
            .collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        flow::flow(&flow.summary, LocalSide::Client, &titles, &settings.wants, protocol, &mut message);
        let summary = &flow.summary;
        let context = ConnectionContext {
            flow_id: summary.id,
            local: LocalSide::Client,
            capture: settings.capture,
            has_pcap: true,
            node_name: Arc::clone(&settings.node_name),
            values: Values::default(),
            facts: flow.facts.clone(),
        };
        let entry = Entry {
            id: crate::stage::entry_id(summary.first, FLOW_ORDINAL),
            protocol,
            class: EntryClass::Flow,
            connection: Arc::new(context),
            src: Party::new(Endpoint::new(flow.facts.client.ip, 0)),
            dst: Party::new(flow.facts.server),
            index: 0,
            timestamp: summary.first.time,
            elapsed_ns: Some(summary.last.time.since(summary.first.time)),
            first_byte_ns: None,
            outcome: message.outcome,
            notes: std::mem::take(&mut message.notes),
            request: Some(Box::new(message)),
            response: None,
            extra: Values::default(),
        };
        ledger.add_entry(settings.table.protocol_name(protocol), entry.outcome, 0);
        if settings.filter.as_ref().is_some_and(|filter| !filter.matches(settings.table, &entry)) {
            return;
        }
        ledger.add_shown(1);
        sink.entry(&entry, &mut out.bytes);
        out.marks.push(Mark { rank: Rank::default(), end: out.bytes.len() });
    }
}

/// After this long without an open connection a flow is over.
const IDLE_NS: i64 = 60_000_000_000;
const FLOW_SEED: u64 = 0x6c61_6e74_6572_6e66;
/// The place that a flow takes among the ids of its first packet.
const FLOW_ORDINAL: u16 = u16::MAX - 1;
