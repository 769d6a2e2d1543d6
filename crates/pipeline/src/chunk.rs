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

    /// Gives the entries of several workers' chunks in the order of their ranks, together with their workers.
    pub fn merge(chunks: &[Chunk], mut each: impl FnMut(&[u8]) -> bool) -> bool {
        if let [only] = chunks
            && only.marks.is_sorted_by_key(|mark| mark.rank)
        {
            return (0..only.marks.len()).all(|position| each(only.entry(position)));
        }
        let mut queues: Vec<Queue<'_>> = chunks.iter().map(Queue::new).collect();
        loop {
            // There are few workers: looking at each one's next entry is cheaper than a heap.
            let next =
                queues.iter_mut().filter(|queue| queue.next_rank().is_some()).min_by_key(|queue| queue.next_rank());
            let Some(entry) = next.and_then(Queue::pop) else { return true };
            if !each(entry) {
                return false;
            }
        }
    }
}

/// The entries of a chunk that were not given yet, in the order of their ranks.
struct Queue<'a> {
    chunk: &'a Chunk,
    /// The order, where it is not that of the chunk.
    order: Option<Vec<usize>>,
    at: usize,
}

impl<'a> Queue<'a> {
    fn new(chunk: &'a Chunk) -> Self {
        let order = if chunk.marks.is_sorted_by_key(|mark| mark.rank) {
            None
        } else {
            let mut order: Vec<usize> = (0..chunk.marks.len()).collect();
            order.sort_by_key(|&position| (chunk.marks.get(position).map(|mark| mark.rank), position));
            Some(order)
        };
        Queue { chunk, order, at: 0 }
    }

    fn position(&self) -> Option<usize> {
        match &self.order {
            Some(order) => order.get(self.at).copied(),
            None => Some(self.at),
        }
    }

    fn next_rank(&self) -> Option<Rank> {
        self.chunk.marks.get(self.position()?).map(|mark| mark.rank)
    }

    fn pop(&mut self) -> Option<&'a [u8]> {
        let position = self.position()?;
        self.at += 1;
        Some(self.chunk.entry(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(entries: &[(u64, &str)]) -> Chunk {
        let mut chunk = Chunk::default();
        for (packet, text) in entries {
            chunk.bytes.extend_from_slice(text.as_bytes());
            let rank = Rank { packet: *packet, class: 1, connection: 0 };
            chunk.marks.push(Mark { rank, end: chunk.bytes.len() });
        }
        chunk
    }

    fn merged(chunks: &[Chunk], limit: usize) -> String {
        let (mut out, mut left) = (String::new(), limit);
        Chunk::merge(chunks, |entry| {
            if left == 0 {
                return false;
            }
            left -= 1;
            out.push_str(std::str::from_utf8(entry).unwrap());
            true
        });
        out
    }

    #[test]
    fn entries_come_in_the_order_of_their_packets() {
        let one = chunk(&[(1, "a"), (4, "d"), (4, "e"), (9, "i")]);
        let two = chunk(&[(2, "b"), (3, "c"), (7, "g")]);
        let unsorted = chunk(&[(8, "h"), (5, "f")]);
        assert_eq!(merged(&[one, two, Chunk::default(), unsorted], 99), "abcdefghi");
        assert_eq!(merged(&[chunk(&[(2, "b"), (1, "a")])], 99), "ab");
        assert_eq!(merged(&[chunk(&[(1, "a"), (2, "b")]), chunk(&[(3, "c")])], 2), "ab");
    }
}
