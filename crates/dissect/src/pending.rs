//! Bytes of one direction that wait for more, with the packets they came from.

use lanternfish_model::Direction;

use crate::{Chunk, Source};

/// Bytes that were given but not consumed.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    sources: Vec<Source>,
    /// Bytes that must be there before the dissector is asked again.
    pub(crate) needed: usize,
}

impl Pending {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of memory that it takes.
    pub(crate) fn footprint_bytes(&self) -> usize {
        self.bytes.capacity().saturating_add(self.sources.capacity().saturating_mul(size_of::<Source>()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds the bytes of one packet, or of several with the sources given.
    pub(crate) fn add(&mut self, bytes: &[u8], sources: &[Source]) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.sources.extend(sources.iter().map(|source| Source { end: source.end + base, ..*source }));
    }

    /// Drops bytes from the front, with the packets that have no byte left.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        if count == self.bytes.len() {
            self.clear();
            return;
        }
        self.bytes.drain(..count);
        self.sources.retain(|source| source.end > count);
        for source in &mut self.sources {
            source.end -= count;
        }
        self.needed = 0;
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.sources.clear();
        self.needed = 0;
        if self.footprint_bytes() > KEPT_CAPACITY_BYTES {
            *self = Pending::default();
        }
    }

    pub(crate) fn chunk(&self, direction: Direction) -> Chunk<'_> {
        Chunk {
            direction,
            bytes: &self.bytes,
            is_datagram: false,
            missing: 0,
            quoted_connection: None,
            sources: &self.sources,
        }
    }
}

/// A buffer larger than this is given back once it is empty.
const KEPT_CAPACITY_BYTES: usize = 4 << 10;
