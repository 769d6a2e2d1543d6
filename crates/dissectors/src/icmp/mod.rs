//! ICMP.

mod fields;

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Head, Out, Probe, Progress, Protocol, Transports};
use lanternfish_model::{ConnectionFacts, Direction, ProtocolSpec, Word, WordClass};

/// ICMP.
pub struct Icmp;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "icmp",
    title: "ICMP",
    doc: "",
    references: &[],
    words: &[Word { name: "icmp", class: WordClass::Any }],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Icmp {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::ICMP
    }

    fn probe(&self, _head: &Head<'_>) -> Probe {
        Probe::NoMatch
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(Stream)
    }
}

struct Stream;

impl Dissector for Stream {
    fn data(&mut self, _chunk: &Chunk<'_>, _out: &mut Out<'_>) -> Progress {
        Progress::Done
    }

    fn gap(&mut self, _pending: &Chunk<'_>, _length: u64, _out: &mut Out<'_>) -> GapVerdict {
        GapVerdict::Lost
    }

    fn resync(&mut self, _direction: Direction, _bytes: &[u8]) -> Option<usize> {
        None
    }

    fn end(&mut self, _pending: &Chunk<'_>, _out: &mut Out<'_>) {}

    fn close(&mut self, _pending: [&Chunk<'_>; 2], _out: &mut Out<'_>) {}
}
