//! Out-of-order bytes of one direction, sorted, without overlaps: of bytes that came twice the first are kept.

use std::collections::VecDeque;

use lanternfish_model::PacketRef;
use smallvec::SmallVec;

/// Bytes that wait for earlier ones.
pub(crate) struct Chunk {
    /// The number of the first byte.
    pub(crate) sequence: u32,
    /// The acknowledgement number that came with it.
    pub(crate) acknowledgement: u32,
    /// How many bytes were captured.
    pub(crate) length: u32,
    /// How many behind them were not.
    pub(crate) missing: u32,
    /// The captured bytes; empty where nobody wants them.
    pub(crate) bytes: Vec<u8>,
    /// The packet that they came in.
    pub(crate) packet: PacketRef,
    /// Further packets that they came in.
    pub(crate) fragments: SmallVec<[PacketRef; 1]>,
}

impl Chunk {
    fn extent(&self) -> u32 {
        self.length.saturating_add(self.missing)
    }

    /// What it counts for the budget.
    pub(crate) fn cost_bytes(&self) -> usize {
        cost_of(self.bytes.len())
    }
}

/// A segment to be kept.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// The number of the first byte.
    pub(crate) sequence: u32,
    /// The acknowledgement number that came with it.
    pub(crate) acknowledgement: u32,
    /// The captured bytes.
    pub(crate) bytes: &'a [u8],
    /// How many behind them were not captured.
    pub(crate) missing: u32,
    /// The packet that they came in.
    pub(crate) packet: PacketRef,
    /// Further packets that they came in.
    pub(crate) fragments: &'a [PacketRef],
}

/// What became of a segment that was put in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// What the budget is charged with.
    pub(crate) cost_bytes: usize,
    /// Whether any byte of it was new.
    pub(crate) has_new: bool,
    /// Bytes that differ from those that are there.
    pub(crate) conflict_bytes: u64,
    /// Bytes that could not be compared.
    pub(crate) unchecked_bytes: u64,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
}

impl Queue {
    /// The first chunk.
    pub(crate) fn first(&self) -> Option<&Chunk> {
        self.chunks.front()
    }

    /// Takes the first chunk.
    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front();
        if self.chunks.is_empty() && self.chunks.capacity() > KEPT_CHUNKS {
            self.chunks = VecDeque::new();
        }
        chunk
    }

    /// The number behind the last byte.
    pub(crate) fn end(&self) -> Option<u32> {
        self.chunks.back().map(|chunk| chunk.sequence.wrapping_add(chunk.extent()))
    }

    /// Puts in those bytes of a segment that are not there yet, and compares the others. `base` is a number before all
    /// of them, `room_bytes` what the budget has left; what finds no room stays a hole.
    pub(crate) fn insert(&mut self, base: u32, piece: &Piece<'_>, is_kept: bool, room_bytes: usize) -> Inserted {
        let mut done = Inserted::default();
        let begin = piece.sequence.wrapping_sub(base);
        let end = begin.saturating_add(piece.bytes.len() as u32).saturating_add(piece.missing);
        let mut at = self
            .chunks
            .partition_point(|chunk| chunk.sequence.wrapping_sub(base).saturating_add(chunk.extent()) <= begin);
        let mut cursor = begin;
        while cursor < end {
            let there = self.chunks.get(at).map(|chunk| (chunk.sequence.wrapping_sub(base), chunk));
            let next = match there {
                Some((start, chunk)) if start <= cursor => {
                    let stop = start.saturating_add(chunk.extent()).min(end);
                    compare(piece, begin, chunk, start, cursor, stop, &mut done);
                    cursor = stop;
                    at += 1;
                    continue;
                }
                Some((start, _)) => start.min(end),
                None => end,
            };
            let chunk = cut(piece, cursor - begin, next - begin, is_kept);
            let cost_bytes = done.cost_bytes.saturating_add(chunk.cost_bytes());
            if cost_bytes > room_bytes {
                return done;
            }
            done.cost_bytes = cost_bytes;
            done.has_new = true;
            self.chunks.insert(at, chunk);
            at += 1;
            cursor = next;
        }
        done
    }
}

/// What bytes of this length count for the budget.
pub(crate) const fn cost_of(length: usize) -> usize {
    length.saturating_add(CHUNK_COST_BYTES)
}

/// The bytes of a segment from one offset to another.
fn cut(piece: &Piece<'_>, from: u32, to: u32, is_kept: bool) -> Chunk {
    let captured = piece.bytes.len() as u32;
    let (start, stop) = (from.min(captured), to.min(captured));
    let bytes = piece.bytes.get(start as usize..stop as usize).unwrap_or_default();
    Chunk {
        sequence: piece.sequence.wrapping_add(from),
        acknowledgement: piece.acknowledgement,
        length: stop - start,
        missing: to.saturating_sub(from) - (stop - start),
        bytes: if is_kept { bytes.to_vec() } else { Vec::new() },
        packet: piece.packet,
        fragments: SmallVec::from_slice(piece.fragments),
    }
}

/// Compares the bytes of a segment with those of a chunk, between two offsets from the base.
fn compare(piece: &Piece<'_>, begin: u32, chunk: &Chunk, start: u32, from: u32, to: u32, done: &mut Inserted) {
    let part = |bytes: &'_ [u8], origin: u32| {
        let from = (from.saturating_sub(origin) as usize).min(bytes.len());
        let to = (to.saturating_sub(origin) as usize).min(bytes.len());
        from..to
    };
    let new = piece.bytes.get(part(piece.bytes, begin)).unwrap_or_default();
    let old = chunk.bytes.get(part(&chunk.bytes, start)).unwrap_or_default();
    let common = new.len().min(old.len());
    done.unchecked_bytes = done.unchecked_bytes.saturating_add((new.len() - common) as u64);
    if new.get(..common) != old.get(..common) {
        let differing = new.iter().zip(old).filter(|(a, b)| a != b).count();
        done.conflict_bytes = done.conflict_bytes.saturating_add(differing as u64);
    }
}

/// What a chunk counts beside its bytes: its record and the allocator's.
const CHUNK_COST_BYTES: usize = size_of::<Chunk>() + 16;
/// An empty queue with room for more is given back.
const KEPT_CHUNKS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn put(queue: &mut Queue, sequence: u32, bytes: &[u8]) -> Inserted {
        let packet = PacketRef::default();
        let piece = Piece { sequence, acknowledgement: 0, bytes, missing: 0, packet, fragments: &[] };
        queue.insert(u32::MAX - 10, &piece, true, usize::MAX)
    }

    fn all(queue: &mut Queue) -> Vec<(u32, Vec<u8>)> {
        std::iter::from_fn(|| queue.pop()).map(|chunk| (chunk.sequence, chunk.bytes)).collect()
    }

    #[test]
    fn the_first_bytes_win() {
        let mut queue = Queue::default();
        assert!(put(&mut queue, u32::MAX, b"abc").has_new);
        assert!(put(&mut queue, 8, b"xyz").has_new);
        let over_both = put(&mut queue, u32::MAX - 1, b"1aBc567890xyZ0");
        assert_eq!((over_both.conflict_bytes, over_both.unchecked_bytes), (2, 0));
        let again = put(&mut queue, 0, b"bc");
        assert_eq!((again.has_new, again.conflict_bytes, again.cost_bytes), (false, 0, 0));
        assert_eq!(queue.end(), Some(12));
        let expected: [(u32, &[u8]); 5] =
            [(u32::MAX - 1, b"1"), (u32::MAX, b"abc"), (2, b"567890"), (8, b"xyz"), (11, b"0")];
        assert_eq!(all(&mut queue), expected.map(|(sequence, bytes)| (sequence, bytes.to_vec())));
    }

    #[test]
    fn what_finds_no_room_stays_a_hole() {
        let mut queue = Queue::default();
        put(&mut queue, 5, b"x");
        let (bytes, packet) = (&[1; 20], PacketRef::default());
        let piece = Piece { sequence: 0, acknowledgement: 0, bytes, missing: 0, packet, fragments: &[] };
        let done = queue.insert(0, &piece, true, cost_of(5));
        assert_eq!((done.cost_bytes, done.has_new), (cost_of(5), true));
        assert_eq!(queue.end(), Some(6));
    }
}
