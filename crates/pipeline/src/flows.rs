//! Flows: all connections between a client and a server's port, folded from what the connections tell.
//!
//! Connections of one flow may be dissected by different workers, so flows are folded where the workers' chunks are
//! merged. A flow makes an entry when it is opened, once in a while as long as its connections bring packets, and when it
//! is over.

mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use lanternfish_dissectors::flow::FlowSummary;
use lanternfish_dissectors::rate::{RateWindow, second};
use lanternfish_identity::Ticket;
use lanternfish_model::{Cause, ConnectionFacts, ConnectionSummary, Identity, LocalSide, ProtocolSet, Side, Timestamp};
use lanternfish_reassembly::next_report;
use lanternfish_telemetry::Ledger;

use crate::chunk::{Border, FlowEvent, Opening, Told};
use crate::held::Held;
use crate::settings::KnownScope;
use crate::{Budget, Chunk, EntrySink, Rank, Revisions, Settings};

/// A flow under way.
struct Flow {
    summary: FlowSummary,
    /// Those of its first connection.
    facts: ConnectionFacts,
    local: LocalSide,
    worker: u16,
    window: RateWindow,
    detected: ProtocolSet,
    /// Who is at the ends, as far as earlier connections told.
    ends: [Option<Arc<Identity>>; 2],
    /// Who is at the ends of its newest connection.
    ticket: Option<Arc<Ticket>>,
    /// Tells it apart from an earlier flow with the same id.
    number: u64,
    /// The second of its last packets, by which the table drops what was not in use for longest.
    used: i64,
    /// When its next entry is due, where something has changed.
    due: Option<Timestamp>,
    reported_at: Timestamp,
    /// Whether an entry was made of it.
    is_shown: bool,
    /// Whether packets of the clients and of the server passed.
    is_seen: [bool; 2],
}

/// What must be known of a connection that stands.
struct Known {
    flow: u64,
    flow_number: u64,
    /// Its sides as last told.
    sides: Option<Box<[Side; 2]>>,
    has_rtt: bool,
}

/// What the table writes entries with.
pub struct Writer<'a> {
    /// Makes them bytes.
    pub sink: &'a mut dyn EntrySink,
    /// Takes them.
    pub out: &'a mut Chunk,
    /// Counts them.
    pub ledger: &'a mut Ledger,
}

/// The flows of a run.
pub struct FlowTable {
    settings: Arc<Settings>,
    /// In boxes, as a table keeps room for twice as many.
    flows: HashMap<u64, Box<Flow>>,
    connections: HashMap<u64, Known>,
    /// The flows by when they were used last.
    by_use: BTreeSet<(i64, u64)>,
    /// Those of them of which nobody answered so far.
    unanswered: BTreeSet<(i64, u64)>,
    /// The flows that have changed by when they are due.
    due: BTreeSet<(Timestamp, u64)>,
    /// The flows that were opened and not shown yet.
    opened: Vec<u64>,
    events: Vec<FlowEvent>,
    held: Held,
    scope: KnownScope,
    /// How many flows there were.
    count: u64,
    /// The flows by their first packets, the last one first, once the run is over.
    ending: Option<Vec<(u64, u64)>>,
}

impl FlowTable {
    /// Begins a run.
    pub fn new(settings: Arc<Settings>) -> FlowTable {
        FlowTable {
            held: Held::new(settings.budget.unidentified_bytes),
            settings,
            flows: HashMap::new(),
            connections: HashMap::new(),
            by_use: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            due: BTreeSet::new(),
            opened: Vec::new(),
            events: Vec::new(),
            scope: KnownScope::default(),
            count: 0,
            ending: None,
        }
    }

    /// Takes what connections of a batch told.
    pub fn collect(&mut self, events: &mut Vec<FlowEvent>) {
        self.events.append(events);
    }

    /// As [`FlowTable::collect`], for one of them.
    pub fn collect_one(&mut self, event: FlowEvent) {
        self.events.push(event);
    }

    /// Folds what was collected in a batch, in the order of packets, and makes the entries that are due; `border` is that
    /// before the batch.
    pub fn fold_batch(&mut self, border: Option<Border>, writer: &mut Writer<'_>) {
        let mut border = border;
        self.fold(&mut border, writer);
        if let Some(border) = border {
            self.write_due(border.time, writer);
        }
        self.write_opened(writer);
    }

    /// Folds what was collected so far in a batch that goes on; `border` is taken once its time has passed.
    pub fn fold(&mut self, border: &mut Option<Border>, writer: &mut Writer<'_>) {
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|event| event.rank);
        for event in events.drain(..) {
            let Rank { packet, class, .. } = event.rank;
            let is_behind = |border: &mut Border| (packet, class) > (border.next_packet, Rank::BY_TIME);
            if let Some(border) = border.take_if(is_behind) {
                self.write_due(border.time, writer);
            }
            self.take(event, writer);
            let Budget { flows, unanswered_flows, .. } = self.settings.budget;
            while self.flows.len() > flows {
                self.drop_oldest(writer);
            }
            while self.unanswered.len() > unanswered_flows
                && let Some(&(_, id)) = self.unanswered.first()
            {
                self.drop_flow(id, writer);
            }
        }
        self.events = events;
    }

    /// Makes the first entries of flows, as soon as a connection has told what passed.
    fn write_opened(&mut self, writer: &mut Writer<'_>) {
        let mut opened = std::mem::take(&mut self.opened);
        if self.settings.revisions == Revisions::Last {
            opened.clear();
        }
        opened.retain(|id| {
            let Some(flow) = self.flows.get(id).filter(|flow| !flow.is_shown) else { return false };
            let is_untold = flow.summary.to_server.packets == 0 && flow.summary.to_client.packets == 0;
            if !is_untold {
                self.write(*id, writer);
            }
            is_untold
        });
        self.opened = opened;
    }

    /// Live: lets entries go on whose processes are known by now, or that have waited for them long enough.
    pub fn release(&mut self, now: Option<Instant>, writer: &mut Writer<'_>) {
        while let Some((row, ticket)) = self.held.pop(now) {
            self.identify(row, &ticket, writer);
        }
    }

    /// Live: ends the flows that have had no open connection for [`IDLE_NS`] at a time, the first used first.
    pub fn close_idle(&mut self, now: Timestamp, writer: &mut Writer<'_>) {
        let is_idle = |flow: &Flow| flow.summary.open_connections == 0 && now.since(flow.summary.last.time) > IDLE_NS;
        let by_use = self.by_use.iter().map(|(_, id)| *id);
        let idle: Vec<u64> = by_use.filter(|id| self.flows.get(id).is_some_and(|flow| is_idle(flow))).collect();
        for id in idle {
            self.end(id, writer);
        }
    }

    /// The run is over: ends all flows by their first packets. Tells whether there are more: then the entries so far are
    /// to be taken, and it is to be called again.
    pub fn finish(&mut self, writer: &mut Writer<'_>) -> bool {
        let mut ending = match self.ending.take() {
            Some(ending) => ending,
            None => {
                self.fold_batch(None, writer);
                self.release(None, writer);
                let by_first = self.flows.iter().map(|(id, flow)| (flow.summary.first.number, *id));
                let mut ending: Vec<(u64, u64)> = by_first.collect();
                ending.sort_unstable_by(|one, other| other.cmp(one));
                ending
            }
        };
        while let Some((_, id)) = ending.pop() {
            self.end(id, writer);
            if writer.out.is_full() && !ending.is_empty() {
                self.ending = Some(ending);
                return true;
            }
        }
        false
    }

    fn take(&mut self, event: FlowEvent, writer: &mut Writer<'_>) {
        match event.told {
            Told::Opened(opening) => self.open(event.connection, *opening),
            Told::Turned(opening) => {
                if let Some(known) = self.connections.remove(&event.connection) {
                    self.withdraw(&known, writer);
                }
                self.open(event.connection, *opening);
            }
            Told::Passed { last, sides } => {
                let Some(known) = self.connections.get(&event.connection) else { return };
                let Some(flow) = flow_of(&mut self.flows, known) else { return };
                flow.window.add(last, &sides);
                let id = known.flow;
                if !flow.is_answered() {
                    for (is_seen, side) in flow.is_seen.iter_mut().zip(&sides) {
                        *is_seen |= side.packets > 0;
                    }
                    if flow.is_answered() {
                        self.unanswered.remove(&(flow.used, id));
                    }
                }
                let second = second(last);
                if second > flow.used {
                    self.by_use.remove(&(flow.used, id));
                    self.by_use.insert((second, id));
                    if !flow.is_answered() {
                        self.unanswered.remove(&(flow.used, id));
                        self.unanswered.insert((second, id));
                    }
                    flow.used = second;
                }
            }
            Told::Stands(summary, detected) => {
                let Some(known) = self.connections.get_mut(&event.connection) else { return };
                let Some(flow) = flow_of(&mut self.flows, known) else { return };
                flow.absorb(known, &summary, detected);
                match &mut known.sides {
                    Some(sides) => **sides = [summary.to_server, summary.to_client],
                    none => *none = Some(Box::new([summary.to_server, summary.to_client])),
                }
                let id = known.flow;
                self.schedule(id);
            }
            Told::Ended(summary, detected) => {
                let Some(mut known) = self.connections.remove(&event.connection) else { return };
                let Some(flow) = flow_of(&mut self.flows, &known) else { return };
                flow.absorb(&mut known, &summary, detected);
                flow.summary.close(&summary);
                self.schedule(known.flow);
            }
        }
    }

    fn open(&mut self, connection: u64, opening: Opening) {
        let Opening { facts, local, worker, ticket } = opening;
        let id = facts.flow_id();
        let flow = match self.flows.entry(id) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                self.count = self.count.saturating_add(1);
                let used = second(facts.first.time);
                self.by_use.insert((used, id));
                self.unanswered.insert((used, id));
                self.opened.push(id);
                place.insert(Box::new(Flow {
                    summary: FlowSummary::new(id, facts.transport, facts.first),
                    local,
                    worker,
                    window: RateWindow::default(),
                    detected: ProtocolSet::default(),
                    ends: [None, None],
                    ticket: None,
                    number: self.count,
                    used,
                    due: None,
                    reported_at: facts.first.time,
                    is_shown: false,
                    is_seen: [false, false],
                    facts,
                }))
            }
        };
        flow.summary.open();
        flow.learn_ends();
        if ticket.is_some() {
            flow.ticket = ticket;
        }
        let known = Known { flow: id, flow_number: flow.number, sides: None, has_rtt: false };
        self.connections.insert(connection, known);
        self.schedule(id);
    }

    /// Takes a connection away from the flow that it was counted to; one that is left without any ends, and is forgotten
    /// if nobody has seen it.
    fn withdraw(&mut self, known: &Known, writer: &mut Writer<'_>) {
        let Some(flow) = flow_of(&mut self.flows, known) else { return };
        flow.summary.withdraw(&known.sides.as_deref().copied().unwrap_or_default());
        match (flow.summary.connections, flow.is_shown) {
            (0, true) => self.end(known.flow, writer),
            (0, false) => drop(self.remove(known.flow)),
            _ => {}
        }
    }

    /// Something has changed: the next entry of the flow is due when its time comes.
    fn schedule(&mut self, id: u64) {
        if self.settings.revisions != Revisions::All {
            return;
        }
        let Some(interval_ns) = self.settings.reassembly.report_interval_ns else { return };
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.due.is_none() {
            let due = next_report(id, flow.reported_at, interval_ns);
            flow.due = Some(due);
            self.due.insert((due, id));
        }
    }

    fn write_due(&mut self, now: Timestamp, writer: &mut Writer<'_>) {
        while let Some(&(due, id)) = self.due.first() {
            if due > now {
                break;
            }
            self.due.pop_first();
            if let Some(flow) = self.flows.get_mut(&id) {
                flow.due = None;
                flow.reported_at = now;
                self.write(id, writer);
            }
        }
    }

    /// Makes room: the flow that was not in use for longest goes.
    fn drop_oldest(&mut self, writer: &mut Writer<'_>) {
        if let Some(&(_, id)) = self.by_use.first() {
            self.drop_flow(id, writer);
        }
    }

    fn drop_flow(&mut self, id: u64, writer: &mut Writer<'_>) {
        writer.ledger.lose(Cause::FlowTableFull, 1);
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.summary.is_dropped = true;
        }
        self.end(id, writer);
    }

    /// Makes the last entry of a flow.
    fn end(&mut self, id: u64, writer: &mut Writer<'_>) {
        let Some(mut flow) = self.remove(id) else { return };
        flow.summary.is_over = flow.summary.open_connections == 0;
        self.write_last(flow, writer);
    }

    fn remove(&mut self, id: u64) -> Option<Box<Flow>> {
        let flow = self.flows.remove(&id)?;
        self.by_use.remove(&(flow.used, id));
        self.unanswered.remove(&(flow.used, id));
        if let Some(due) = flow.due {
            self.due.remove(&(due, id));
        }
        Some(flow)
    }
}

impl Flow {
    fn is_answered(&self) -> bool {
        self.is_seen == [true, true]
    }

    fn absorb(&mut self, known: &mut Known, summary: &ConnectionSummary, detected: ProtocolSet) {
        self.summary.absorb(&known.sides.as_deref().copied().unwrap_or_default(), summary);
        self.detected.merge(detected);
        let rtt_ns = summary.health.handshake_rtt_ns;
        if rtt_ns > 0 && !known.has_rtt {
            known.has_rtt = true;
            self.summary.handshake_rtt.add(rtt_ns);
        }
    }
}

/// The flow that a connection was counted to, unless that was dropped from the table since.
fn flow_of<'a>(flows: &'a mut HashMap<u64, Box<Flow>>, known: &Known) -> Option<&'a mut Flow> {
    flows.get_mut(&known.flow).map(|flow| &mut **flow).filter(|flow| flow.number == known.flow_number)
}

/// After this long without an open connection a flow is over.
const IDLE_NS: i64 = 60_000_000_000;
