//! The entries of connections themselves.

use lanternfish_dissectors::transport;
use lanternfish_model::{ConnectionSummary, Direction, Entry, EntryClass, PairKey, Party, Role};

use super::{Connection, Stage, entry_id};
use crate::held::Row;

impl Stage {
    /// Makes the entry of a connection, the last one or one before it.
    pub(super) fn connection_entry(&mut self, connection: &mut Connection, summary: &ConnectionSummary, is_last: bool) {
        if !self.settings.connections {
            return;
        }
        let transport = summary.facts.transport;
        let Some(protocol) = self.transports.get(transport as usize).copied().flatten() else { return };
        let mut message = self.pool.take(protocol, Role::OneWay, Direction::ToServer, summary.facts.first);
        message.pairing = PairKey::Alone;
        message.last = summary.last;
        let context = self.context(connection, &summary.facts);
        let titles = self.titles(connection);
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        transport::connection(summary, context.local, &titles, &self.settings.wants, protocol, &mut message);
        let entry = Entry {
            id: entry_id(summary.facts.first, u16::MAX),
            protocol,
            class: EntryClass::Connection,
            connection: context,
            src: Party::new(summary.facts.client),
            dst: Party::new(summary.facts.server),
            index: connection.next_index,
            timestamp: summary.facts.first.time,
            elapsed_ns: Some(summary.duration_ns()),
            first_byte_ns: None,
            outcome: message.outcome,
            notes: std::mem::take(&mut message.notes),
            request: Some(message),
            response: None,
            extra: std::mem::take(&mut self.extra),
        };
        self.hold_or_emit(Row { entry, is_last }, connection);
    }

    /// The protocols found inside a connection, in upper case.
    fn titles(&self, connection: &Connection) -> Vec<String> {
        let detected = connection.conversation.detected().iter();
        detected.map(|&index| self.settings.table.protocol_name(index).to_ascii_uppercase()).collect()
    }
}
