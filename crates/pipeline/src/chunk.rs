//! What a worker gives for one batch of packets: entries as bytes, each with its place in the order of all.

use std::sync::Arc;

use lanternfish_dissectors::rate::Sides;
use lanternfish_identity::Ticket;
use lanternfish_model::{ConnectionFacts, ConnectionSummary, LocalSide, ProtocolSet, Timestamp};

/// The place of an entry: by the packet that completed it; entries that time or the end of the input completed stand
/// before the batch that brought the time, in the order of their connections' packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The packet that completed the entry, or the first one of the batch.
    pub packet: u64,
    /// One of [`Rank::BY_TIME`], [`Rank::BY_PARTS`] and [`Rank::BY_PACKET`].
    pub class: u8,
    /// For entries that time completed: the last packet of their connection; at the end of the input the first one. For
    /// those of datagrams that were given up: the first packet of the datagram.
    pub connection: u64,
}

impl Rank {
    /// Time completed it.
    pub const BY_TIME: u8 = 0;
    /// It was in a datagram of which fragments never came.
    pub const BY_PARTS: u8 = 1;
    /// A packet completed it.
    pub const BY_PACKET: u8 = 2;
}

/// What passes between two batches, for all workers alike.
#[derive(Clone, Copy, Debug)]
pub struct Border {
    /// The time that it is now.
    pub time: Timestamp,
    /// The number of the packet before which that time has passed.
    pub next_packet: u64,
    /// Live: whether what has been idle for too long is looked for: requests without an answer, flows without a connection.
    pub is_looking: bool,
}

/// An entry within the bytes of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Its place.
    pub rank: Rank,
    /// The offset behind its last byte.
    pub end: usize,
}

/// What a connection tells the flow that it belongs to.
#[derive(Debug)]
pub struct FlowEvent {
    /// When it was told.
    pub rank: Rank,
    /// The id of the connection.
    pub connection: u64,
    /// What it tells.
    pub told: Told,
}

/// What connections tell their flows.
#[derive(Debug)]
pub enum Told {
    /// It was opened.
    Opened(Box<Opening>),
    /// Its client is its server: it belongs to another flow.
    Turned(Box<Opening>),
    /// Packets passed, all within one second.
    Passed {
        /// When the last one passed.
        last: Timestamp,
        /// What the client and what the server sent.
        sides: Sides,
    },
    /// It still stands.
    Stands(Box<ConnectionSummary>, ProtocolSet),
    /// It has ended.
    Ended(Box<ConnectionSummary>, ProtocolSet),
}

/// What a flow must know of a connection from its opening on.
#[derive(Debug)]
pub struct Opening {
    /// Its facts.
    pub facts: ConnectionFacts,
    /// Which end is the local one.
    pub local: LocalSide,
    /// The worker that dissects it.
    pub worker: u16,
    /// Who is at its ends; none in files.
    pub ticket: Option<Arc<Ticket>>,
}

/// Entries of one batch.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The entries, one after the other.
    pub bytes: Vec<u8>,
    /// Where each one ends.
    pub marks: Vec<Mark>,
    /// Connections that changed, for the flows.
    pub flows: Vec<FlowEvent>,
}

impl Chunk {
    /// Forgets the entries and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.flows.clear();
    }

    /// The bytes of the entry at a position.
    pub fn entry(&self, position: usize) -> &[u8] {
        let end = self.marks.get(position).map_or(0, |mark| mark.end);
        let start = position.checked_sub(1).and_then(|before| self.marks.get(before)).map_or(0, |mark| mark.end);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Whether the entries are in the order of their ranks.
    pub fn is_sorted(&self) -> bool {
        self.marks.is_sorted_by_key(|mark| mark.rank)
    }

    /// Whether it holds so much that it should go on before more is made.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= Self::FULL_BYTES || self.marks.len().saturating_add(self.flows.len()) >= Self::FULL_ENTRIES
    }

    /// As [`Chunk::is_full`], by the entries alone.
    pub fn is_full_of_entries(&self) -> bool {
        self.bytes.len() >= Self::FULL_BYTES || self.marks.len() >= Self::FULL_ENTRIES
    }

    /// Bytes of entries from which on a chunk is full.
    pub const FULL_BYTES: usize = 1 << 20;
    /// Entries, and what connections told their flows, from which on a chunk is full.
    pub const FULL_ENTRIES: usize = 4096;
}
