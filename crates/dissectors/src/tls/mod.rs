//! TLS: the handshake of RFC 8446 (1.3), RFC 5246 (1.2) and its forerunners down to SSL 2.0, over TCP.
//!
//! An entry is a ClientHello with the ServerHello that answers it, and what of certificates and alerts is in clear.
//! Encrypted records are skipped. Decryption, DTLS and QUIC are not here.

mod certificate;
mod ciphers;
mod fields;
mod fingerprint;
mod handshake;
mod hello;
mod message;
mod names;
mod probe;
mod reader;
mod record;
mod sslv2;
mod stream;
#[cfg(test)]
mod tests;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Sender, Transports};
use lanternfish_model::{ConnectionFacts, ProtocolSpec, Word, WordClass};

/// TLS.
pub struct Tls;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "tls",
    title: "TLS",
    doc: "The handshakes of TLS and SSL: who asked for which server, what was agreed, who showed which certificate, and what is weak about it.",
    references: &["RFC 8446", "RFC 5246", "RFC 6066", "RFC 7301", "RFC 8701", "RFC 5280"],
    words: &[Word { name: "tls", class: WordClass::Any }, Word { name: "tlsx", class: WordClass::Any }],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Tls {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::TCP
    }

    fn probe(&self, head: &Head<'_>) -> Probe {
        probe::probe(head)
    }

    fn probe_late(&self, head: &Head<'_>) -> Option<Sender> {
        probe::follows(head)
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(stream::Stream::default())
    }
}
