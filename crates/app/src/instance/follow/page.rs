//! One page of a connection's bytes: what lies before and behind it is counted and not kept.

use lanternfish_api::dto::{StreamDirection, StreamEnd};
use lanternfish_api::{ChunkContent, FollowPart, FollowRequest, StreamChunk};
use lanternfish_model::{ConnectionFacts, ConnectionSummary, Direction, Endpoint, PacketRef};
use lanternfish_reassembly::{Moment, Sink, StreamData, Verdict};

use crate::instance::packets::direction;
use crate::instance::scope::{Connection, Counted};

/// A page under way.
pub(super) struct Page {
    client: Endpoint,
    server: Endpoint,
    wanted: Option<StreamDirection>,
    offset: u64,
    limit: usize,
    /// The last packet that the connection's own entry counts.
    until: u64,
    /// Bytes of the wanted directions so far.
    seen: u64,
    chunks: Vec<Chunk>,
    /// Bytes of the page.
    bytes: usize,
    is_full: bool,
    has_more: bool,
    /// To the server, to the client.
    ends: [End; 2],
}

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    bytes: u64,
    gap_bytes: u64,
    /// Bytes up to the last packet that the connection's entry counts.
    counted_bytes: u64,
    counted_gap_bytes: u64,
}

/// A part of the page.
struct Chunk {
    direction: StreamDirection,
    offset: u64,
    packet: PacketRef,
    content: Content,
}

enum Content {
    Stream(Vec<u8>),
    Datagram(Vec<u8>),
    Gap(u64),
}

impl Page {
    pub(super) fn new(connection: &Connection, request: &FollowRequest) -> Page {
        Page {
            client: connection.client,
            server: connection.server,
            wanted: request.direction,
            offset: request.offset,
            limit: request.limit.max(1),
            until: connection.counted.map_or(0, |counted| counted.until),
            seen: 0,
            chunks: Vec::new(),
            bytes: 0,
            is_full: false,
            has_more: false,
            ends: [End::default(); 2],
        }
    }

    /// The page; `counted` is what is known of a connection whose first packets are not in the ring any more.
    pub(super) fn finish(mut self, counted: Option<Counted>) -> FollowPart {
        let before = self.before(counted);
        let first = self.chunks.first().map(|chunk| chunk.packet).unwrap_or_default();
        let mut chunks = Vec::with_capacity(self.chunks.len().saturating_add(2));
        let mut ends = Vec::new();
        for (way, gap_bytes) in [StreamDirection::ToServer, StreamDirection::ToClient].into_iter().zip(before) {
            let Some(end) = self.ends.get(index(way)) else { continue };
            ends.push(StreamEnd {
                direction: way,
                bytes: end.bytes,
                gap_bytes: end.gap_bytes.saturating_add(gap_bytes),
            });
            if gap_bytes > 0 && self.offset == 0 && self.is_wanted(way) {
                let content = ChunkContent::Gap(gap_bytes);
                let (time, packet) = (first.time, first.number);
                chunks.push(StreamChunk { direction: way, offset: 0, time, packet, content });
            }
        }
        for chunk in self.chunks.drain(..) {
            let gap_bytes = before.get(index(chunk.direction)).copied().unwrap_or(0);
            chunks.push(StreamChunk {
                direction: chunk.direction,
                offset: chunk.offset.saturating_add(gap_bytes),
                time: chunk.packet.time,
                packet: chunk.packet.number,
                content: match chunk.content {
                    Content::Stream(bytes) | Content::Datagram(bytes) => ChunkContent::Data(bytes.into()),
                    Content::Gap(length) => ChunkContent::Gap(length),
                },
            });
        }
        FollowPart {
            client: self.client.to_string(),
            server: self.server.to_string(),
            chunks,
            has_more: self.has_more,
            ends,
            ..FollowPart::default()
        }
    }

    /// The bytes of both directions that went with the packets that are not in the ring any more.
    fn before(&self, counted: Option<Counted>) -> [u64; 2] {
        let Some(counted) = counted else { return [0; 2] };
        let gaps = self.ends.iter().fold(0u64, |sum, end| sum.saturating_add(end.counted_gap_bytes));
        // Gaps that the entry does not know are packets that the ring never had, and lie where they were found.
        let mut new_gaps = gaps.saturating_sub(counted.gap_bytes);
        let mut before = [0; 2];
        for ((before, end), payload) in before.iter_mut().zip(self.ends).zip(counted.payload_bytes) {
            let unseen = payload.saturating_sub(end.counted_bytes);
            let explained = unseen.min(end.counted_gap_bytes).min(new_gaps);
            new_gaps -= explained;
            *before = unseen - explained;
        }
        before
    }

    fn is_wanted(&self, way: StreamDirection) -> bool {
        self.wanted.is_none_or(|wanted| wanted == way)
    }

    fn way(&self, facts: &ConnectionFacts, direction_of: Direction) -> StreamDirection {
        direction((direction_of == Direction::ToServer) == (facts.client == self.client))
    }

    /// Takes bytes of a direction; gives those that belong to the page, where they begin in the direction, and those that
    /// do not fit.
    fn take<'a>(
        &mut self,
        way: StreamDirection,
        bytes: &'a [u8],
        packet: PacketRef,
    ) -> Option<(&'a [u8], u64, &'a [u8])> {
        let length = bytes.len() as u64;
        let is_counted = packet.number <= self.until;
        let end = self.ends.get_mut(index(way))?;
        let begin = end.bytes.saturating_add(end.gap_bytes);
        end.bytes = end.bytes.saturating_add(length);
        end.counted_bytes = end.counted_bytes.saturating_add(if is_counted { length } else { 0 });
        if !self.is_wanted(way) || bytes.is_empty() {
            return None;
        }
        let skipped = usize::try_from(self.offset.saturating_sub(self.seen)).unwrap_or(usize::MAX);
        self.seen = self.seen.saturating_add(length);
        let rest = bytes.get(skipped..).filter(|rest| !rest.is_empty())?;
        if self.is_full {
            self.end_before(way, rest.first());
            return None;
        }
        let room = self.limit.saturating_sub(self.bytes).min(rest.len());
        let kept = rest.get(..room)?;
        self.bytes = self.bytes.saturating_add(room);
        self.is_full = self.bytes >= self.limit;
        Some((kept, begin.saturating_add(skipped as u64), rest.get(room..)?))
    }

    /// The page ends here, before bytes that do not fit; a character that would be cut goes with them.
    fn end_before(&mut self, way: StreamDirection, next: Option<&u8>) {
        if std::mem::replace(&mut self.has_more, true) {
            return;
        }
        let is_cut = next.is_some_and(|byte| is_inner(*byte));
        let Some(Chunk { direction, content: Content::Stream(bytes), .. }) = self.chunks.last_mut() else { return };
        if !is_cut || *direction != way {
            return;
        }
        let inner = bytes.iter().rev().take(MAX_CHARACTER_BYTES - 1).take_while(|byte| is_inner(**byte)).count();
        let begin = bytes.len().saturating_sub(inner + 1);
        let is_character = bytes.get(begin).is_some_and(|byte| *byte >= 0xc0);
        // A page has some bytes at least, so that the next one begins behind it.
        if is_character && self.bytes > inner + 1 {
            self.bytes -= inner + 1;
            bytes.truncate(begin);
            if bytes.is_empty() {
                self.chunks.pop();
            }
        }
    }

    fn push(&mut self, chunk: Chunk) {
        self.chunks.push(chunk);
        self.is_full |= self.chunks.len() >= MAX_CHUNKS;
    }
}

impl Sink for Page {
    type State = ();

    fn open(&mut self, _: &ConnectionFacts) {}

    fn data(&mut self, (): &mut (), facts: &ConnectionFacts, data: &StreamData<'_>) -> Verdict {
        let way = self.way(facts, data.direction);
        if let Some((bytes, offset, rest)) = self.take(way, data.bytes, data.packet) {
            match self.chunks.last_mut() {
                Some(Chunk { direction, content: Content::Stream(known), .. })
                    if *direction == way && !data.is_datagram =>
                {
                    known.extend_from_slice(bytes);
                }
                _ => {
                    let bytes = bytes.to_vec();
                    let content = if data.is_datagram { Content::Datagram(bytes) } else { Content::Stream(bytes) };
                    self.push(Chunk { direction: way, offset, packet: data.packet, content });
                }
            }
            if !rest.is_empty() {
                self.end_before(way, rest.first());
            }
        }
        // What the capture did not keep of a datagram can't be had.
        if data.missing > 0 {
            self.gap(&mut (), facts, data.direction, u64::from(data.missing), data.packet);
        }
        Verdict::Continue
    }

    fn gap(
        &mut self,
        (): &mut (),
        facts: &ConnectionFacts,
        direction: Direction,
        length: u64,
        packet: PacketRef,
    ) -> Verdict {
        let way = self.way(facts, direction);
        let is_counted = packet.number <= self.until;
        let Some(end) = self.ends.get_mut(index(way)) else { return Verdict::Continue };
        let offset = end.bytes.saturating_add(end.gap_bytes);
        end.gap_bytes = end.gap_bytes.saturating_add(length);
        end.counted_gap_bytes = end.counted_gap_bytes.saturating_add(if is_counted { length } else { 0 });
        // A gap behind the last byte of a page belongs to that page.
        let is_in = self.offset == 0 || self.seen > self.offset;
        if is_in && !self.has_more && self.is_wanted(way) {
            self.push(Chunk { direction: way, offset, packet, content: Content::Gap(length) });
        }
        Verdict::Continue
    }

    fn end(&mut self, (): &mut (), _: &ConnectionFacts, _: Direction) {}

    fn summary(&mut self, (): &mut (), _: &ConnectionSummary, _: Moment) {}

    fn close(&mut self, (): (), _: ConnectionSummary) {}
}

/// Whether a byte is not the first of a character of UTF-8 (RFC 3629 section 3).
const fn is_inner(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

const fn index(way: StreamDirection) -> usize {
    match way {
        StreamDirection::ToServer => 0,
        StreamDirection::ToClient => 1,
    }
}

/// The most chunks of a page; the directions may take turns with every byte.
const MAX_CHUNKS: usize = 65_536;
const MAX_CHARACTER_BYTES: usize = 4;
