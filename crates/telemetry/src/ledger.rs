//! The ledger itself: counters that add up, and the balance of the packets.

use std::collections::BTreeMap;

use lanternfish_model::{Cause, Loss, Outcome, Timestamp};

use crate::{Unknown, UnknownCounts};

/// What became of a packet that was not lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Its connection took it.
    Dissected,
    /// A capture filter (`--bpf`) or a choice of interfaces left it out.
    FilteredOut,
    /// It belongs to a socket of our own API.
    OwnTraffic,
    /// It was seen before, on another interface.
    DuplicateView,
}

impl Fate {
    /// Every fate.
    pub const ALL: &'static [Fate] = &[Fate::Dissected, Fate::FilteredOut, Fate::OwnTraffic, Fate::DuplicateView];

    /// The fate in words.
    pub const fn name(self) -> &'static str {
        match self {
            Fate::Dissected => "dissected",
            Fate::FilteredOut => "filtered out",
            Fate::OwnTraffic => "filtered out: own traffic",
            Fate::DuplicateView => "duplicate view",
        }
    }
}

/// The entries of one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolCount {
    /// Entries, each once however often it is revised.
    pub entries: u64,
    /// Those whose outcome is `client_error`.
    pub client_errors: u64,
    /// Those whose outcome is `server_error` or `failed`.
    pub errors: u64,
}

/// Counters of a run, of a window or of a part of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    packets: u64,
    bytes: u64,
    fates: [u64; Fate::ALL.len()],
    loss: Loss,
    unknown: UnknownCounts,
    protocols: BTreeMap<&'static str, ProtocolCount>,
    notes: u64,
    shown: u64,
    connections: u64,
    window: Option<(Timestamp, Timestamp)>,
}

impl Ledger {
    /// Counts packets of the interface or file, with those that the kernel dropped, and their bytes on the wire.
    pub fn add_packets(&mut self, packets: u64, bytes: u64) {
        add(&mut self.packets, packets);
        add(&mut self.bytes, bytes);
    }

    /// Counts packets by what became of them.
    pub fn add_fate(&mut self, fate: Fate, packets: u64) {
        if let Some(count) = self.fates.get_mut(fate as usize) {
            add(count, packets);
        }
    }

    /// Counts one cause of loss.
    pub fn lose(&mut self, cause: Cause, amount: u64) {
        self.loss.add(cause, amount);
    }

    /// Adds the losses of a stage.
    pub fn add_loss(&mut self, loss: &Loss) {
        self.loss.merge(loss);
    }

    /// Counts packets of something that is not known; the loss itself is counted by its cause.
    pub fn add_unknown(&mut self, unknown: Unknown, packets: u64) {
        self.unknown.add(unknown, packets);
    }

    /// Counts an entry of a protocol, and whether it carries notes.
    pub fn add_entry(&mut self, protocol: &'static str, outcome: Outcome, notes: u64) {
        let count = self.protocols.entry(protocol).or_default();
        add(&mut count.entries, 1);
        match outcome {
            Outcome::ClientError => add(&mut count.client_errors, 1),
            Outcome::ServerError | Outcome::Failed => add(&mut count.errors, 1),
            Outcome::Open | Outcome::Ok => {}
        }
        add(&mut self.notes, notes);
    }

    /// Adds counts of entries of a protocol.
    pub fn add_protocol(&mut self, protocol: &'static str, count: ProtocolCount) {
        let mine = self.protocols.entry(protocol).or_default();
        add(&mut mine.entries, count.entries);
        add(&mut mine.client_errors, count.client_errors);
        add(&mut mine.errors, count.errors);
    }

    /// Counts notes on entries.
    pub fn add_notes(&mut self, notes: u64) {
        add(&mut self.notes, notes);
    }

    /// Counts entries that were written, where a filter leaves others out.
    pub fn add_shown(&mut self, entries: u64) {
        add(&mut self.shown, entries);
    }

    /// Counts connections.
    pub fn add_connections(&mut self, connections: u64) {
        add(&mut self.connections, connections);
    }

    /// Widens the window of time that the ledger is about.
    pub fn cover(&mut self, time: Timestamp) {
        let (first, last) = self.window.unwrap_or((time, time));
        self.window = Some((first.min(time), last.max(time)));
    }

    /// Adds all counters of another ledger.
    pub fn merge(&mut self, other: &Ledger) {
        self.add_packets(other.packets, other.bytes);
        for (&fate, &count) in Fate::ALL.iter().zip(&other.fates) {
            self.add_fate(fate, count);
        }
        self.loss.merge(&other.loss);
        self.unknown.merge(&other.unknown);
        for (&name, &theirs) in &other.protocols {
            self.add_protocol(name, theirs);
        }
        add(&mut self.notes, other.notes);
        add(&mut self.shown, other.shown);
        add(&mut self.connections, other.connections);
        if let Some((first, last)) = other.window {
            self.cover(first);
            self.cover(last);
        }
    }

    /// Packets of the interface or file.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of these packets.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packets of one fate.
    pub fn fate(&self, fate: Fate) -> u64 {
        self.fates.get(fate as usize).copied().unwrap_or(0)
    }

    /// The losses.
    pub fn loss(&self) -> &Loss {
        &self.loss
    }

    /// What was not known.
    pub fn unknown(&self) -> &UnknownCounts {
        &self.unknown
    }

    /// The protocols that gave entries, by name.
    pub fn protocols(&self) -> impl Iterator<Item = (&'static str, ProtocolCount)> {
        self.protocols.iter().map(|(name, count)| (*name, *count))
    }

    /// All entries.
    pub fn entries(&self) -> u64 {
        self.protocols.values().fold(0, |sum, count| sum.saturating_add(count.entries))
    }

    /// Notes on entries.
    pub fn notes(&self) -> u64 {
        self.notes
    }

    /// Entries that were written.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// Connections.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// The first and last time.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        self.window
    }

    /// Packets whose fate or loss is known.
    pub fn accounted(&self) -> u64 {
        self.fates.iter().fold(self.loss.packets(), |sum, count| sum.saturating_add(*count))
    }

    /// Whether every packet has exactly one fate.
    pub fn is_balanced(&self) -> bool {
        self.accounted() == self.packets
    }

    /// Whether nothing at all was lost.
    pub fn is_lossless(&self) -> bool {
        self.loss.iter().next().is_none()
    }
}

fn add(count: &mut u64, amount: u64) {
    *count = count.saturating_add(amount);
}
