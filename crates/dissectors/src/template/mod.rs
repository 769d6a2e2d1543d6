//! A toy protocol that builds and is tested: the folder to copy for a new one. It is not in the table.
//!
//! `docs/adding-a-protocol.md` walks through it.

mod fields;
mod frame;
mod message;
#[cfg(test)]
mod tests;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Sender, Transports};
use lanternfish_model::{ConnectionFacts, ProtocolSpec, Word, WordClass};

use frame::{HEADER_BYTES, Header};

/// The toy protocol: questions and answers with a length and a number.
pub struct Toy;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "toy",
    title: "Toy",
    doc: "Questions and answers, for learning how a protocol is added.",
    references: &["docs/adding-a-protocol.md"],
    words: &[Word { name: "toy", class: WordClass::Any }],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Toy {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::TCP
    }

    fn probe(&self, head: &Head<'_>) -> Probe {
        match Header::read(head.bytes) {
            Some(header) if header.is_question => Probe::Match(Sender::Client),
            Some(_) => Probe::Match(Sender::Server),
            None if head.bytes.len() < HEADER_BYTES && Header::may_begin(head.bytes) => Probe::NeedMore,
            None => Probe::NoMatch,
        }
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(message::Stream::default())
    }
}
