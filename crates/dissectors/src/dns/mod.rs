//! DNS: queries and responses in datagrams and streams, multicast DNS and LLMNR among them.
//!
//! Follows RFC 1035, with RFC 3596 (AAAA), RFC 6891 (EDNS), RFC 7766 (TCP), RFC 6762 (multicast DNS), RFC 4795 (LLMNR)
//! and those of the record types. Signatures are not verified; the NetBIOS name service, which has the same frame, is
//! left out.

mod edns;
pub mod fields;
mod frame;
#[cfg(test)]
pub(crate) mod harness;
mod learn;
mod message;
mod name;
mod probe;
mod rdata;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod waiting;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Transports};
use lanternfish_model::{ConnectionFacts, ProtocolSpec, Transport, Word, WordClass};

pub use learn::learn;

/// DNS.
pub struct Dns;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "dns",
    title: "DNS",
    doc: "Domain name queries and their responses, over UDP and TCP; multicast DNS and LLMNR too. `status_code` is the \
          response code; NXDOMAIN and FORMERR are outcome `client_error`, other codes but NOERROR `server_error`.",
    references: &["RFC 1035", "RFC 3596", "RFC 4795", "RFC 6762", "RFC 6891", "RFC 7766", "RFC 8914", "RFC 9460"],
    words: &[Word { name: "dns", class: WordClass::Any }],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Dns {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::UDP.and(Transports::TCP)
    }

    fn probe(&self, head: &Head<'_>) -> Probe {
        probe::probe(head)
    }

    fn open(&self, facts: &ConnectionFacts) -> Box<dyn Dissector> {
        match facts.transport {
            Transport::Tcp => Box::new(stream::Stream::default()),
            _ => Box::new(stream::Datagrams::default()),
        }
    }
}
