//! What is counted of entries, and which of them count as calls.
//!
//! Calls are messages of the protocols above. A connection counts only where no message was found in it, and never beside
//! the calls that it carries; an answer that holds no message at all counts its connections, and one that holds neither
//! counts its flows.

use lanternfish_model::{Entry, EntryClass, FieldTable, Outcome, Timestamp, Value};

use crate::Latencies;

/// What an entry counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// A message: a pair, a half pair or a one-way message.
    Call,
    /// A connection in which no message was found.
    BareConnection,
    /// A connection that carried messages.
    CarryingConnection,
    /// A flow.
    Flow,
}

impl Counted {
    /// What an entry counts as.
    pub fn of(table: &FieldTable, entry: &Entry) -> Counted {
        Counted::of_class(entry.class, || match table.find(DETECTED) {
            Some(field) => matches!(entry.value(table, field), Value::List(list) if !list.is_empty()),
            None => false,
        })
    }

    /// What an entry of a class counts as; the closure says whether messages were found in a connection.
    pub fn of_class(class: EntryClass, carries_messages: impl FnOnce() -> bool) -> Counted {
        match class {
            EntryClass::Call => Counted::Call,
            EntryClass::Connection if carries_messages() => Counted::CarryingConnection,
            EntryClass::Connection => Counted::BareConnection,
            EntryClass::Flow => Counted::Flow,
        }
    }
}

/// The field that names the protocols found in a connection.
pub const DETECTED: &str = "conn_l7_detected";

/// Counters of entries of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many.
    pub calls: u64,
    /// Outcomes `server_error` and `failed`.
    pub errors: u64,
    /// Outcomes `client_error`.
    pub client_errors: u64,
    /// Bytes on the wire of both directions.
    pub bytes: u64,
    /// From request to response, of answered pairs only.
    pub latencies: Latencies,
    /// The time of the newest.
    pub last_seen: Option<Timestamp>,
}

impl Counts {
    /// Counts an entry, and what is measured of it; its time is of use where the newest is asked for.
    pub fn add(&mut self, outcome: Outcome, bytes: u64, elapsed_us: Option<u64>, time: Option<Timestamp>) {
        self.count(time);
        self.measure(outcome, bytes, elapsed_us);
    }

    /// Counts an entry.
    pub fn count(&mut self, time: Option<Timestamp>) {
        self.calls = self.calls.saturating_add(1);
        self.last_seen = self.last_seen.max(time);
    }

    /// Adds what is measured of an entry that was counted.
    pub fn measure(&mut self, outcome: Outcome, bytes: u64, elapsed_us: Option<u64>) {
        match outcome {
            Outcome::ServerError | Outcome::Failed => self.errors = self.errors.saturating_add(1),
            Outcome::ClientError => self.client_errors = self.client_errors.saturating_add(1),
            Outcome::Open | Outcome::Ok => {}
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(us) = elapsed_us {
            self.latencies.add(us);
        }
    }

    /// The figures of all that was counted.
    pub fn figures(&self) -> Figures {
        Figures {
            calls: self.calls,
            errors: self.errors,
            client_errors: self.client_errors,
            bytes: self.bytes,
            answered: self.latencies.count(),
            p50_us: self.latencies.percentile(0.5),
            p95_us: self.latencies.percentile(0.95),
            p99_us: self.latencies.percentile(0.99),
        }
    }

    /// Adds other counters.
    pub fn merge(&mut self, other: &Counts) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.client_errors = self.client_errors.saturating_add(other.client_errors);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.latencies.merge(&other.latencies);
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

/// The figures of calls as they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls.
    pub calls: u64,
    /// Outcomes `server_error` and `failed`.
    pub errors: u64,
    /// Outcomes `client_error`.
    pub client_errors: u64,
    /// Bytes on the wire of both directions.
    pub bytes: u64,
    /// Answered pairs: what the percentiles are of.
    pub answered: u64,
    /// The median latency in µs.
    pub p50_us: Option<u64>,
    /// The 95th percentile of the latency in µs.
    pub p95_us: Option<u64>,
    /// The 99th percentile of the latency in µs.
    pub p99_us: Option<u64>,
}

/// Counters by what the entries count as, until it is known which of them are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    calls: Counts,
    bare_connections: Option<Box<Counts>>,
    carrying_connections: Option<Box<Counts>>,
    flows: Option<Box<Counts>>,
}

impl Tally {
    /// The counters of one kind.
    pub fn of(&mut self, counted: Counted) -> &mut Counts {
        match counted {
            Counted::Call => &mut self.calls,
            Counted::BareConnection => self.bare_connections.get_or_insert_default(),
            Counted::CarryingConnection => self.carrying_connections.get_or_insert_default(),
            Counted::Flow => self.flows.get_or_insert_default(),
        }
    }

    /// Adds other counters.
    pub fn merge(&mut self, other: &Tally) {
        for (counted, counts) in other.iter() {
            self.of(counted).merge(counts);
        }
    }

    /// Bytes of memory.
    pub fn footprint_bytes(&self) -> usize {
        let more = [&self.bare_connections, &self.carrying_connections, &self.flows].into_iter().flatten();
        let all = more.map(|counts| size_of_val(&**counts) + counts.latencies.footprint_bytes());
        all.fold(size_of_val(self) + self.calls.latencies.footprint_bytes(), usize::saturating_add)
    }

    /// The kinds of which there is one.
    pub fn iter(&self) -> impl Iterator<Item = (Counted, &Counts)> {
        [
            (Counted::Call, Some(&self.calls)),
            (Counted::BareConnection, self.bare_connections.as_deref()),
            (Counted::CarryingConnection, self.carrying_connections.as_deref()),
            (Counted::Flow, self.flows.as_deref()),
        ]
        .into_iter()
        .filter_map(|(counted, counts)| Some((counted, counts?)))
        .filter(|(_, counts)| counts.calls > 0)
    }

    /// How many of the kinds that are shown.
    pub fn calls(&self, shown: Shown) -> u64 {
        let counts = self.iter().filter(|(counted, _)| shown.has(*counted));
        counts.map(|(_, counts)| counts.calls).fold(0, u64::saturating_add)
    }

    /// The counters of the kinds that are shown.
    pub fn shown(&self, shown: Shown) -> Option<Counts> {
        let mut sum: Option<Counts> = None;
        for (_, counts) in self.iter().filter(|(counted, _)| shown.has(*counted)) {
            sum.get_or_insert_default().merge(counts);
        }
        sum
    }
}

/// Which kinds of entries an answer counts; see the rule at the top of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    has_calls: bool,
    has_connections: bool,
}

impl Shown {
    /// Takes notice of what an answer holds.
    pub fn notice(&mut self, counted: Counted) {
        match counted {
            Counted::Call => self.has_calls = true,
            Counted::BareConnection | Counted::CarryingConnection => self.has_connections = true,
            Counted::Flow => {}
        }
    }

    /// Takes notice of all that was tallied.
    pub fn notice_all(&mut self, tally: &Tally) {
        tally.iter().for_each(|(counted, _)| self.notice(counted));
    }

    /// Whether entries of a kind are counted.
    pub fn has(self, counted: Counted) -> bool {
        match counted {
            Counted::Call | Counted::BareConnection => true,
            Counted::CarryingConnection => !self.has_calls,
            Counted::Flow => !self.has_calls && !self.has_connections,
        }
    }
}
