//! From flows to entries.

use std::sync::Arc;

use lanternfish_dissectors::flow;
use lanternfish_filter::Filter;
use lanternfish_identity::Ticket;
use lanternfish_model::{
    ConnectionContext, ConnectionFacts, Direction, Endpoint, Entry, EntryClass, Identity, Message, Party,
    ProtocolIndex, ResolutionStatus, Role, Values,
};

use super::{Flow, FlowTable, Writer};
use crate::held::Row;
use crate::stage::entry_id;
use crate::{Mark, Rank, Settings};

impl FlowTable {
    /// Makes an entry of a flow as it stands.
    pub(super) fn write(&mut self, id: u64, writer: &mut Writer<'_>) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let row = flow.row(&self.settings, false);
        flow.is_shown = true;
        flow.summary.revision = flow.summary.revision.saturating_add(1);
        let ticket = flow.ticket.clone();
        self.hold_or_emit(row, ticket, writer);
    }

    /// Makes the last entry of a flow.
    pub(super) fn write_last(&mut self, mut flow: Box<Flow>, writer: &mut Writer<'_>) {
        let row = flow.row(&self.settings, true);
        self.hold_or_emit(row, flow.ticket, writer);
    }

    /// Gives an entry on; live, it may have to wait for the processes at its ends.
    fn hold_or_emit(&mut self, row: Option<Row>, ticket: Option<Arc<Ticket>>, writer: &mut Writer<'_>) {
        let Some(row) = row else { return };
        let Some(ticket) = ticket else { return self.emit(row, writer) };
        if ticket.is_settled() {
            return self.emit(row, writer);
        }
        self.held.push(row, ticket);
        while let Some((row, ticket)) = self.held.pop_excess() {
            self.identify(row, &ticket, writer);
        }
    }

    /// Gives an entry on that has waited for the processes at its ends.
    pub(super) fn identify(&mut self, mut row: Row, ticket: &Ticket, writer: &mut Writer<'_>) {
        let found = [ticket.client(), ticket.server()];
        for (party, found) in [&mut row.entry.src, &mut row.entry.dst].into_iter().zip(found) {
            learn(&mut party.identity, found);
            if party.identity.is_none() {
                let status = ResolutionStatus::Unavailable;
                party.identity = Some(Arc::new(Identity { status, ..Identity::default() }));
            }
        }
        self.emit(row, writer);
    }

    fn emit(&mut self, row: Row, writer: &mut Writer<'_>) {
        let Row { mut entry, is_last } = row;
        let settings = Arc::clone(&self.settings);
        let last = entry.request.as_ref().map_or(0, |message| message.last.number);
        settings.name_ends(&mut entry, |ip| settings.names.lookup(ip, last));
        if is_last {
            let notes = entry.notes.iter().count() as u64;
            writer.ledger.add_entry(settings.table.protocol_name(entry.protocol), entry.outcome, notes);
        }
        let is_out = |filter: &Filter| !filter.matches(settings.table, &entry);
        if !settings.registry.is_on(entry.protocol)
            || settings.filter.as_ref().is_some_and(is_out)
            || !self.scope.takes(&settings, &entry)
        {
            return;
        }
        writer.ledger.add_shown(u64::from(is_last));
        writer.sink.entry(&entry, &mut writer.out.bytes);
        writer.out.marks.push(Mark { rank: Rank::default(), end: writer.out.bytes.len() });
    }
}

impl Flow {
    /// Takes over what is known of the ends of the newest connection.
    pub(super) fn learn_ends(&mut self) {
        let Some(ticket) = &self.ticket else { return };
        for (end, found) in self.ends.iter_mut().zip([ticket.client(), ticket.server()]) {
            learn(end, found);
        }
    }

    fn row(&mut self, settings: &Settings, is_last: bool) -> Option<Row> {
        let protocol = settings.transport_protocol(self.facts.transport)?;
        self.learn_ends();
        self.summary.rates = self.window.rates();
        let mut message = Message::new(protocol, Role::OneWay, Direction::ToServer, self.summary.first);
        let protocols = settings.table.protocols().iter().enumerate();
        let titles: Vec<String> = protocols
            .filter(|(position, _)| self.detected.contains(ProtocolIndex(*position as u8)))
            .map(|(_, spec)| spec.name.to_ascii_uppercase())
            .collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        flow::flow(&self.summary, self.local, &titles, &settings.wants, protocol, &mut message);
        let mut values = Values::default();
        settings.place_values(&self.facts, self.worker, &mut values);
        let context = ConnectionContext {
            flow_id: self.summary.id,
            local: self.local,
            capture: settings.capture,
            has_pcap: true,
            node_name: Arc::clone(&settings.node_name),
            values,
            facts: self.facts.clone(),
        };
        let summary = &self.summary;
        let [client, server] = &self.ends;
        let entry = Entry {
            id: entry_id(summary.first, ordinal(&self.facts)),
            protocol,
            class: EntryClass::Flow,
            connection: Arc::new(context),
            src: Party { identity: client.clone(), ..Party::new(Endpoint::new(self.facts.client.ip, 0)) },
            dst: Party { identity: server.clone(), ..Party::new(self.facts.server) },
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
        Some(Row { entry, is_last })
    }
}

/// A process that was found stands for the end from there on; why none was found, until one is.
fn learn(end: &mut Option<Arc<Identity>>, found: Option<&Arc<Identity>>) {
    let Some(found) = found else { return };
    let is_resolved = |identity: &Arc<Identity>| identity.status == ResolutionStatus::Resolved;
    if is_resolved(found) || !end.as_ref().is_some_and(is_resolved) {
        *end = Some(Arc::clone(found));
    }
}

/// The place that a flow takes among the ids of its first packet: where a connection turns, that is the first one of two
/// flows, one each way.
fn ordinal(facts: &ConnectionFacts) -> u16 {
    FLOW_ORDINAL - u16::from(facts.client > facts.server)
}

const FLOW_ORDINAL: u16 = u16::MAX - 1;
