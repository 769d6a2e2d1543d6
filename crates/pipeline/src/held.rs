//! Entries that wait until the processes at their ends are known, or a short time has passed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanternfish_identity::Ticket;
use lanternfish_model::Entry;

/// An entry, and whether it is the last revision of what it stands for.
pub struct Row {
    /// The entry.
    pub entry: Entry,
    /// Whether no revision follows.
    pub is_last: bool,
}

/// Entries in the order they came.
pub struct Held {
    entries: VecDeque<Waiting>,
    /// Bytes of all entries, and how many there may be.
    bytes: usize,
    most_bytes: usize,
    /// How many came and went so far.
    pushed: u64,
    popped: u64,
}

/// The number of an entry that was held back; of none at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldNumber(u64);

struct Waiting {
    row: Row,
    ticket: Arc<Ticket>,
    /// Bytes of memory, as reckoned when it came.
    bytes: usize,
}

impl Held {
    /// The most entries that wait; past it the oldest goes on with what is known.
    pub const MAX_ENTRIES: usize = 4096;
    /// The longest that an entry waits from the question on.
    pub const LONGEST: Duration = Duration::from_millis(200);

    /// Nothing, with the most bytes that may wait; past it the oldest goes on with what is known.
    pub fn new(most_bytes: usize) -> Held {
        Held { entries: VecDeque::new(), bytes: 0, most_bytes, pushed: 0, popped: 0 }
    }

    /// Holds an entry back, and numbers it; then those must go on that [`Held::pop_excess`] gives.
    pub fn push(&mut self, row: Row, ticket: Arc<Ticket>) -> HeldNumber {
        let bytes = footprint_bytes(&row.entry);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.push_back(Waiting { row, ticket, bytes });
        self.pushed = self.pushed.wrapping_add(1);
        HeldNumber(self.pushed)
    }

    /// Whether an entry still waits.
    pub fn is_waiting(&self, number: HeldNumber) -> bool {
        number.0 > self.popped
    }

    /// The oldest entry, if too many wait or too many bytes.
    pub fn pop_excess(&mut self) -> Option<(Row, Arc<Ticket>)> {
        let is_excess = self.entries.len() > Self::MAX_ENTRIES || self.bytes > self.most_bytes;
        if is_excess { self.pop_oldest() } else { None }
    }

    /// The oldest entry, if it waits no longer at a time; without a time whatever is known.
    pub fn pop(&mut self, now: Option<Instant>) -> Option<(Row, Arc<Ticket>)> {
        let Waiting { ticket, .. } = self.entries.front()?;
        let is_over = |now: Instant| now.saturating_duration_since(ticket.asked_at()) >= Self::LONGEST;
        let is_due = ticket.is_settled() || now.is_none_or(is_over);
        if is_due { self.pop_oldest() } else { None }
    }

    fn pop_oldest(&mut self) -> Option<(Row, Arc<Ticket>)> {
        let Waiting { row, ticket, bytes } = self.entries.pop_front()?;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.popped = self.popped.wrapping_add(1);
        Some((row, ticket))
    }
}

/// Bytes of memory that an entry takes while it waits.
fn footprint_bytes(entry: &Entry) -> usize {
    let halves = [&entry.request, &entry.response].into_iter().flatten().map(|half| half.footprint_bytes());
    let beside = size_of::<Waiting>().saturating_add(entry.extra.footprint_bytes());
    halves.fold(beside, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use lanternfish_model::{
        Capture, ConnectionContext, ConnectionFacts, Direction, Endpoint, EntryClass, LocalSide, Message, Notes,
        Outcome, PacketRef, Party, ProtocolIndex, Role, Scope, Transport, Values,
    };

    use super::*;

    /// A call with a body of so many bytes.
    fn row(id: u64, body_bytes: usize) -> Row {
        let end = Endpoint::new([10, 0, 0, 1].into(), 80);
        let facts = ConnectionFacts {
            id: 1,
            transport: Transport::Tcp,
            client: end,
            server: end,
            scope: Scope(0),
            first: PacketRef::default(),
            is_midstream: false,
            tunnels: Vec::new(),
            interface: 0,
        };
        let connection = ConnectionContext {
            facts,
            flow_id: 1,
            local: LocalSide::Client,
            capture: Capture::File,
            has_pcap: true,
            node_name: Arc::from(""),
            values: Values::default(),
        };
        let protocol = ProtocolIndex(0);
        let mut request = Message::new(protocol, Role::Request, Direction::ToServer, PacketRef::default());
        request.body.bytes = vec![0; body_bytes];
        let entry = Entry {
            id,
            protocol,
            class: EntryClass::Call,
            connection: Arc::new(connection),
            src: Party::new(end),
            dst: Party::new(end),
            index: 0,
            timestamp: PacketRef::default().time,
            elapsed_ns: None,
            first_byte_ns: None,
            outcome: Outcome::Open,
            request: Some(Box::new(request)),
            response: None,
            notes: Notes::default(),
            extra: Values::default(),
        };
        Row { entry, is_last: true }
    }

    /// Holds entries back; gives those that went on early.
    fn push(held: &mut Held, ticket: &Arc<Ticket>, rows: impl IntoIterator<Item = Row>) -> Vec<u64> {
        let mut early = Vec::new();
        for row in rows {
            held.push(row, Arc::clone(ticket));
            early.extend(std::iter::from_fn(|| held.pop_excess()).map(|(row, _)| row.entry.id));
        }
        early
    }

    #[test]
    fn the_oldest_go_on_past_the_limit_of_bytes() {
        let ticket = Arc::new(Ticket::new(Instant::now()));
        let mut held = Held::new(100_000);
        assert_eq!(push(&mut held, &ticket, (0..3).map(|id| row(id, 30_000))), [0; 0]);
        assert_eq!(push(&mut held, &ticket, [row(3, 60_000)]), [0, 1]);
        // One that is too large by itself does not wait.
        assert_eq!(push(&mut held, &ticket, [row(4, 200_000)]), [2, 3, 4]);
        assert!(held.pop(None).is_none());
        assert_eq!(held.bytes, 0);
    }

    #[test]
    fn entries_are_known_to_wait_until_they_go_on() {
        let (known, unknown) = (Arc::new(Ticket::new(Instant::now())), Arc::new(Ticket::new(Instant::now())));
        let mut held = Held::new(usize::MAX);
        assert!(!held.is_waiting(HeldNumber::default()));
        let first = held.push(row(0, 0), Arc::clone(&unknown));
        let second = held.push(row(1, 0), Arc::clone(&known));
        assert!(held.is_waiting(first) && held.is_waiting(second));
        // Whatever is known of the second, it goes on behind the first.
        assert!(held.pop(Some(known.asked_at())).is_none());
        assert!(held.pop(None).is_some() && !held.is_waiting(first) && held.is_waiting(second));
        assert!(held.pop(None).is_some() && !held.is_waiting(second));
    }

    #[test]
    fn the_oldest_go_on_past_the_limit_of_entries() {
        let ticket = Arc::new(Ticket::new(Instant::now()));
        let mut held = Held::new(usize::MAX);
        let count = Held::MAX_ENTRIES as u64;
        assert_eq!(push(&mut held, &ticket, (0..count + 2).map(|id| row(id, 0))), [0, 1]);
        assert!(held.pop(Some(ticket.asked_at())).is_none());
        assert_eq!(held.pop(Some(ticket.asked_at() + Held::LONGEST)).map(|(row, _)| row.entry.id), Some(2));
    }
}
