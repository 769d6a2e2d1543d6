//! Bytes of one direction of a connection, with the packets that they came from.

use std::ops::Range;

use lanternfish_model::{Direction, Message, PacketRef, StreamPosition};

/// A packet and where its bytes end within a chunk.
///
/// A source with no bytes (its end is the end of the one before) is a further packet of the bytes that follow: an IP
/// fragment, or a segment that the bytes had to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The offset behind its last byte.
    pub end: usize,
    /// The packet.
    pub packet: PacketRef,
    /// Where the byte behind its last one stands in the connection, where that is known.
    pub position: Option<StreamPosition>,
}

/// Bytes of one direction, contiguous on the wire; or one whole datagram.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The way they went.
    pub direction: Direction,
    /// The bytes: what was left over by the last call, and what came since.
    pub bytes: &'a [u8],
    /// Whether this is one whole datagram (UDP, ICMP): nothing more of it will come.
    pub is_datagram: bool,
    /// Bytes of the datagram that the capture did not keep.
    pub missing: u32,
    /// For an ICMP error, the id of the connection that it speaks of, where known.
    pub quoted_connection: Option<u64>,
    /// The packets of the bytes, in the order of the bytes.
    pub sources: &'a [Source],
}

impl Chunk<'_> {
    /// The packet that holds the byte at an offset; past the end, the last one.
    pub fn packet_at(&self, offset: usize) -> PacketRef {
        let found = self.sources.iter().find(|source| offset < source.end).or(self.sources.last());
        found.map(|source| source.packet).unwrap_or_default()
    }

    /// Where the byte at an offset stands in the connection, where that is known.
    pub fn position_at(&self, offset: usize) -> Option<StreamPosition> {
        let source = self.sources.iter().find(|source| offset < source.end)?;
        let behind = source.position?;
        let sequence = behind.sequence.wrapping_sub((source.end - offset) as u32);
        Some(StreamPosition { sequence, ..behind })
    }

    /// Counts the packets of a range of bytes as packets of a message, and sets its last packet.
    pub fn cover(&self, message: &mut Message, range: Range<usize>) {
        let mut start = 0;
        for source in self.sources {
            let is_within = source.end > range.start && start < range.end;
            let is_part_of_next = source.end == start && start >= range.start && start < range.end.max(1);
            if is_within || is_part_of_next {
                message.covers(source.packet);
            }
            start = source.end;
        }
    }
}
