//! The dissector of protocols whose entries are built elsewhere: it is never opened by a probe and says nothing.

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Out, Progress};
use lanternfish_model::Direction;

/// Takes everything and makes nothing of it.
pub(crate) struct Silent;

impl Dissector for Silent {
    fn data(&mut self, _chunk: &Chunk<'_>, _out: &mut Out<'_>) -> Progress {
        Progress::Done
    }

    fn gap(&mut self, _pending: &Chunk<'_>, _length: u64, _out: &mut Out<'_>) -> GapVerdict {
        GapVerdict::Absorbed
    }

    fn resync(&mut self, _direction: Direction, _bytes: &[u8]) -> Option<usize> {
        Some(0)
    }

    fn held_bytes(&self) -> usize {
        0
    }

    fn shed(&mut self, _out: &mut Out<'_>) {}

    fn end(&mut self, _pending: &Chunk<'_>, _out: &mut Out<'_>) {}

    fn close(&mut self, _pending: [&Chunk<'_>; 2], _out: &mut Out<'_>) {}
}
