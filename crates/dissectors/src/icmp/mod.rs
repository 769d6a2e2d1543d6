//! ICMP (RFC 792, RFC 950, RFC 8335) and ICMPv6 (RFC 4443, RFC 4861, RFC 3810).
//!
//! Requests and replies are paired by identifier and sequence number; all else stands alone, router and neighbour
//! messages too. Checksums are shown, not verified; the data of echoes and extensions of errors (RFC 4884) are left out.

pub mod fields;
mod message;
mod neighbor;
mod quoted;
#[cfg(test)]
mod tests;
mod types;

use lanternfish_dissect::{Chunk, Dissector, GapVerdict, Head, Out, Probe, Progress, Protocol, Sender, Transports};
use lanternfish_model::{ConnectionFacts, Direction, ProtocolSpec, Transport, Word, WordClass};

use types::{Class, class};

/// ICMP.
pub struct Icmp;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "icmp",
    title: "ICMP",
    doc: "ICMP and ICMPv6: echoes and other exchanges as pairs; errors, router and neighbour messages one by one. An \
          error that says that a packet could not be delivered has the outcome `failed`. `status_code` is not set.",
    references: &["RFC 792", "RFC 4443", "RFC 4861", "RFC 3810"],
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

    fn probe(&self, head: &Head<'_>) -> Probe {
        if head.facts.transport != Transport::Icmp {
            return Probe::NoMatch;
        }
        let version = if head.facts.client.ip.is_ipv4() { 4 } else { 6 };
        Probe::Match(match head.bytes.first().map(|kind| class(version, *kind)) {
            Some(Class::Request) => Sender::Client,
            Some(Class::Reply) => Sender::Server,
            _ => Sender::Unknown,
        })
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(Datagrams)
    }
}

/// One message a datagram; nothing is kept between them.
struct Datagrams;

impl Dissector for Datagrams {
    fn data(&mut self, chunk: &Chunk<'_>, out: &mut Out<'_>) -> Progress {
        message::emit(chunk, out);
        Progress::Done
    }

    fn gap(&mut self, _pending: &Chunk<'_>, _length: u64, _out: &mut Out<'_>) -> GapVerdict {
        // Each datagram stands for itself: a lost one breaks no framing.
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
