//! Which packets a question means: numbers of packets, connections and flows, found in what is stored.

use std::collections::HashMap;
use std::net::IpAddr;

use futures::StreamExt;
use lanternfish_api::{EngineError, PacketScope};
use lanternfish_filter::Filter;
use lanternfish_model::{
    ConnectionKey, Endpoint, Entry, EntryClass, LocalSide, Outcome, PacketRun, Scope, Timestamp, Transport, Value,
};
use lanternfish_query::{Order, Query, QueryError, Window};

/// What a question means.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Packets by number.
    pub(super) runs: Runs,
    /// Connections, by key in the order of their packets.
    pub(super) connections: HashMap<ConnectionKey, Vec<Span>>,
    /// Flows.
    pub(super) flows: HashMap<FlowKey, Vec<Span>>,
    /// The clients of connections, as far as they are kept.
    pub(super) clients: HashMap<ConnectionKey, Endpoint>,
    /// From the first to the last time of what is meant, as far as it is known.
    pub(super) window: Option<(Timestamp, Timestamp)>,
    /// The one connection that is meant, or that carried the one entry.
    pub(super) connection: Option<Connection>,
    spans: usize,
}

/// What is known of one connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// Its key.
    pub(super) key: ConnectionKey,
    /// Who opened it.
    pub(super) client: Endpoint,
    /// The other end.
    pub(super) server: Endpoint,
    /// The number of its first packet.
    pub(super) first: u64,
    /// What was counted of it, where its own entry is stored.
    pub(super) counted: Option<Counted>,
}

/// What the newest summary of a connection says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Packets, those included that were seen on several interfaces.
    pub(super) packets: u64,
    /// Bytes of payload to the server and to the client.
    pub(super) payload_bytes: [u64; 2],
    /// Bytes of both directions that never came.
    pub(super) gap_bytes: u64,
    /// The number of the last packet that it counts.
    pub(super) until: u64,
}

/// Transport, tunnel, the client's address and the server of a flow.
pub(super) type FlowKey = (Transport, Scope, IpAddr, Endpoint);

/// The packets of one connection or flow among those with its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The number of the first one.
    pub(super) first: u64,
    /// The number of the last one, where that is known.
    pub(super) last: Option<u64>,
    /// Whether more than a SYN was seen: the next SYN begins another connection.
    pub(super) is_under_way: bool,
    /// The time of the newest one.
    pub(super) newest: Option<Timestamp>,
}

impl Span {
    fn new(first: u64, last: Option<u64>) -> Span {
        Span { first, last, is_under_way: false, newest: None }
    }
}

/// Finds what a question means.
pub(super) async fn wanted(query: &Query, scope: &PacketScope) -> Result<Wanted, EngineError> {
    let mut wanted = Wanted::default();
    match scope {
        PacketScope::Entry { id, is_whole_connection } => {
            let entry = query.entry(*id).await?;
            let entry = entry.ok_or_else(|| EngineError::NotFound(format!("there is no entry {id}")))?;
            let facts = &entry.connection.facts;
            if entry.class == EntryClass::Flow {
                wanted.entry(&entry, false)?;
            } else if *is_whole_connection || entry.class == EntryClass::Connection {
                wanted.connection(&connection_entry(query, facts.id).await?.unwrap_or(entry))?;
            } else {
                wanted.entry(&entry, false)?;
                wanted.connection = Some(Connection::of(&entry));
            }
        }
        PacketScope::Connection(id) => {
            let entry = match connection_entry(query, *id).await? {
                Some(entry) => Some(entry),
                None => any_entry(query, *id).await?,
            };
            wanted.connection(&entry.ok_or_else(|| EngineError::NotFound(format!("there is no connection {id}")))?)?;
        }
        PacketScope::Matching { filter, window, is_whole_connection } => {
            let mut entries = Box::pin(query.stream(filter, *window, Order::Oldest, None));
            while let Some(portion) = entries.next().await {
                portion?.iter().try_for_each(|entry| wanted.entry(entry, *is_whole_connection))?;
            }
        }
    }
    Ok(wanted)
}

/// The newest summary of a connection.
async fn connection_entry(query: &Query, id: u64) -> Result<Option<Entry>, EngineError> {
    let is_it = |entry: &Entry| entry.class == EntryClass::Connection && entry.connection.facts.id == id;
    // Where connections are numbered by their first packets, that number tells the id of the entry.
    if let Some(guess) = id.checked_mul(ENTRIES_A_PACKET).and_then(|first| first.checked_add(ENTRIES_A_PACKET - 1))
        && let Some(entry) = query.entry(guess).await?.filter(is_it)
    {
        return Ok(Some(entry));
    }
    if id > MAX_ID {
        return Ok(None);
    }
    newest(query, &format!("conn and conn_id == {id}")).await
}

async fn any_entry(query: &Query, id: u64) -> Result<Option<Entry>, EngineError> {
    if id > MAX_ID {
        return Ok(None);
    }
    newest(query, &format!("conn_id == {id}")).await
}

async fn newest(query: &Query, text: &str) -> Result<Option<Entry>, EngineError> {
    let filter = Filter::compile(text, query.table(), Timestamp::default())?;
    let page = query.entries(&filter, Window::ALL, 1, None).await?;
    match page.entries.into_iter().next() {
        None if !page.cost.unreadable.is_empty() => Err(QueryError::Unreadable(page.cost.unreadable).into()),
        entry => Ok(entry),
    }
}

impl Wanted {
    /// Whether packets must be looked at to tell whether they are meant.
    pub(super) fn is_by_header(&self) -> bool {
        !self.connections.is_empty() || !self.flows.is_empty()
    }

    /// Connections and flows.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.connections.values().chain(self.flows.values()).flatten()
    }

    /// The number of the last packet that is known to be meant.
    pub(super) fn last(&self) -> Option<u64> {
        self.spans().filter_map(|span| span.last).chain(self.runs.last()).max()
    }

    /// Means the packets of an entry, or of its whole connection.
    fn entry(&mut self, entry: &Entry, is_whole_connection: bool) -> Result<(), EngineError> {
        let facts = &entry.connection.facts;
        self.take_in(entry);
        match entry.class {
            EntryClass::Flow => {
                let last = entry.request.as_ref().map(|summary| summary.last.number);
                let first = entry.request.as_ref().map_or(facts.first.number, |summary| summary.first.number);
                let key = (facts.transport, facts.scope, facts.client.ip, facts.server);
                let last = if entry.outcome == Outcome::Open { None } else { last };
                self.flows.entry(key).or_default().push(Span::new(first, last));
                self.count_span()
            }
            EntryClass::Connection => {
                let last = entry.request.as_ref().map(|summary| summary.last.number);
                self.span(entry, if entry.outcome == Outcome::Open { None } else { last })
            }
            EntryClass::Call if is_whole_connection => self.span(entry, None),
            EntryClass::Call => {
                for message in [&entry.request, &entry.response].into_iter().flatten() {
                    message.packets.runs().iter().try_for_each(|run| self.runs.add(*run))?;
                }
                Ok(())
            }
        }
    }

    /// Means one connection, of which the newest summary is given, or any other entry.
    fn connection(&mut self, entry: &Entry) -> Result<(), EngineError> {
        self.connection = Some(Connection::of(entry));
        self.entry(entry, true)
    }

    fn span(&mut self, entry: &Entry, last: Option<u64>) -> Result<(), EngineError> {
        let facts = &entry.connection.facts;
        let spans = self.connections.entry(facts.key()).or_default();
        let first = facts.first.number;
        match spans.iter_mut().find(|span| span.first == first) {
            // A summary knows more than a call does.
            Some(known) => known.last = known.last.or(last),
            None => {
                spans.push(Span::new(first, last));
                return self.count_span();
            }
        }
        Ok(())
    }

    fn count_span(&mut self) -> Result<(), EngineError> {
        self.spans += 1;
        if self.spans > MAX_SPANS {
            return Err(too_many(format!("more than {MAX_SPANS} connections match")));
        }
        Ok(())
    }

    fn take_in(&mut self, entry: &Entry) {
        let facts = &entry.connection.facts;
        if self.clients.len() < MAX_SPANS {
            self.clients.entry(facts.key()).or_insert(facts.client);
        }
        let ends = [&entry.request, &entry.response].into_iter().flatten().map(|message| message.last.time);
        let last = ends.fold(entry.timestamp, Timestamp::max);
        self.window = Some(match self.window {
            Some((from, to)) => (from.min(entry.timestamp), to.max(last)),
            None => (entry.timestamp, last),
        });
    }
}

impl Connection {
    fn of(entry: &Entry) -> Connection {
        let facts = &entry.connection.facts;
        Connection {
            key: facts.key(),
            client: facts.client,
            server: facts.server,
            first: facts.first.number,
            counted: Counted::of(entry),
        }
    }
}

impl Counted {
    fn of(entry: &Entry) -> Option<Counted> {
        let summary = entry.request.as_ref().filter(|_| entry.class == EntryClass::Connection)?;
        let field = |name: &str| {
            let table = crate::tables::field_table().ok()?;
            let index = table.local(entry.protocol, table.find(name)?)?;
            match summary.values.get(index) {
                Value::Int(number) => u64::try_from(number).ok(),
                _ => None,
            }
        };
        let both = |local: &str, remote: &str| Some([field(local)?, field(remote)?]);
        let packets = both("conn_local_pkts", "conn_remote_pkts")?;
        let mut payload_bytes = both("conn_local_payload_bytes", "conn_remote_payload_bytes")?;
        if entry.connection.local == LocalSide::Server {
            payload_bytes.reverse();
        }
        let copies = field("conn_duplicate_views").unwrap_or(0);
        Some(Counted {
            packets: packets.iter().fold(copies, |sum, count| sum.saturating_add(*count)),
            payload_bytes,
            gap_bytes: field("tcp_gap_bytes").unwrap_or(0),
            until: summary.last.number,
        })
    }
}

/// Numbers of packets, as runs that are put together now and then.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<PacketRun>,
    /// How many there may be before they are put together again, at most twice [`MAX_RUNS`].
    room: usize,
}

impl Runs {
    /// Adds a run.
    pub(super) fn add(&mut self, run: PacketRun) -> Result<(), EngineError> {
        if let Some(last) = self.runs.last_mut()
            && last.first.saturating_add(last.count) == run.first
        {
            last.count = last.count.saturating_add(run.count);
            return Ok(());
        }
        if self.runs.len() >= self.room.max(FIRST_ROOM) {
            merge(&mut self.runs);
            if self.runs.len() >= MAX_RUNS {
                return Err(too_many(format!("the packets that match lie in more than {MAX_RUNS} places")));
            }
            self.room = self.runs.len().saturating_mul(2);
        }
        self.runs.push(run);
        Ok(())
    }

    /// The largest number.
    fn last(&self) -> Option<u64> {
        self.runs.iter().map(|run| run.first.saturating_add(run.count).saturating_sub(1)).max()
    }

    /// The runs in their order, without overlaps.
    pub(super) fn sorted(mut self) -> Vec<PacketRun> {
        merge(&mut self.runs);
        self.runs
    }
}

/// Sorts runs and joins those that touch.
fn merge(runs: &mut Vec<PacketRun>) {
    runs.sort_unstable_by_key(|run| run.first);
    runs.dedup_by(|next, run| {
        let end = run.first.saturating_add(run.count);
        let touches = next.first <= end;
        if touches {
            run.count = end.max(next.first.saturating_add(next.count)).saturating_sub(run.first);
        }
        touches
    });
}

fn too_many(reason: String) -> EngineError {
    EngineError::Query(QueryError::TooLarge { reason: format!("{reason}: choose a narrower filter or a shorter time") })
}

/// The most connections and flows of one question.
const MAX_SPANS: usize = 262_144;
/// The most runs of packets of one question.
pub(super) const MAX_RUNS: usize = 2 << 20;
const FIRST_ROOM: usize = 4096;
/// No id is larger.
const MAX_ID: u64 = (1 << 53) - 1;
/// Entries that begin in one packet have so many numbers; the last of them is that of a connection.
const ENTRIES_A_PACKET: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_put_together() {
        let mut runs = Runs::default();
        for (first, count) in [(5, 2), (7, 1), (1, 1), (6, 9), (2, 1), (40, 1)] {
            runs.add(PacketRun { first, count }).unwrap();
        }
        let run = |first, count| PacketRun { first, count };
        assert_eq!(runs.sorted(), [run(1, 2), run(5, 10), run(40, 1)]);
    }

    #[test]
    fn runs_have_a_limit() {
        let mut runs = Runs::default();
        let all = (0..MAX_RUNS as u64 * 2 + 10).try_for_each(|at| runs.add(PacketRun { first: at * 2, count: 1 }));
        assert!(matches!(all, Err(EngineError::Query(QueryError::TooLarge { .. }))));
        let mut runs = Runs::default();
        // The same packets again and again are no more packets.
        let again = (0..MAX_RUNS as u64 * 2).try_for_each(|at| runs.add(PacketRun { first: at % 1000 * 2, count: 1 }));
        assert!(again.is_ok() && runs.sorted().len() == 1000);
    }
}
