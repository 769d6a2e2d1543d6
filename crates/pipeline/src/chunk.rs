//! What a worker gives for one batch of packets: entries as bytes, each with its place in the order of all.

use lanternfish_model::{ConnectionSummary, ProtocolSet};

/// The place of an entry: by the packet that completed it; entries that time or the end of the input completed stand
/// before the batch that brought the time, in the order of their connections' packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The packet that completed the entry, or the first one of the batch.
    pub packet: u64,
    /// 0 for entries that time completed, 1 for those that a packet did.
    pub class: u8,
    /// For entries that time completed: the last packet of their connection; at the end of the input the first one.
    pub connection: u64,
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
    /// How the connection stands.
    pub summary: Box<ConnectionSummary>,
    /// The protocols found inside.
    pub detected: ProtocolSet,
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

    /// Gives the entries of several workers' chunks in the order of their ranks, together with their workers.
    pub fn merge(chunks: &[Chunk], mut each: impl FnMut(&[u8]) -> bool) -> bool {
        if let [only] = chunks
            && only.marks.is_sorted_by_key(|mark| mark.rank)
        {
            return (0..only.marks.len()).all(|position| each(only.entry(position)));
        }
        let mut order: Vec<(Rank, usize, usize)> = Vec::new();
        for (worker, chunk) in chunks.iter().enumerate() {
            order.extend(chunk.marks.iter().enumerate().map(|(position, mark)| (mark.rank, worker, position)));
        }
        order.sort_by_key(|&(rank, _, position)| (rank, position));
        order
            .into_iter()
            .all(|(_, worker, position)| chunks.get(worker).is_none_or(|chunk| each(chunk.entry(position))))
    }
}
