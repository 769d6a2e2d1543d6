//! HTTP/1.0 and HTTP/1.1: RFC 9110 (semantics) and RFC 9112 (syntax), with cookies (RFC 6265) and forms.
//!
//! Left out: responses of HTTP/0.9, HTTP over UDP, and what follows a change of protocol (`Upgrade`, `CONNECT`), which is handed over.

mod body;
mod connection;
mod fields;
mod head;
mod in_flight;
mod message;
mod resync;
mod start;
#[cfg(test)]
mod tests;
mod values;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Sender, Transports};
use lanternfish_model::{ConnectionFacts, ProtocolSpec, Word, WordClass};

use start::Begins;

/// HTTP.
pub struct Http;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "http",
    title: "HTTP",
    doc: "Requests and responses of HTTP/1.0 and HTTP/1.1 on any TCP port. Interim responses (1xx) become notes on the final one.",
    references: &["RFC 9110", "RFC 9112", "RFC 6265", "RFC 7578"],
    words: &[Word { name: "http", class: WordClass::Any }],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Http {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::TCP
    }

    fn probe(&self, head: &Head<'_>) -> Probe {
        match recognise(head.bytes) {
            Probe::NoMatch if !head.is_start => match recognise(head.other) {
                // The middle of a body: the other direction tells what it is the other half of.
                Probe::Match(Sender::Client) => Probe::Match(Sender::Server),
                Probe::Match(_) => Probe::Match(Sender::Client),
                _ => Probe::NoMatch,
            },
            verdict => verdict,
        }
    }

    fn probe_late(&self, head: &Head<'_>) -> Option<Sender> {
        // Behind a proxy's handshake (SOCKS), or behind a request that was none.
        match (start::begins_request(head.bytes), start::begins_response(head.bytes)) {
            (Begins::Yes, _) => Some(Sender::Client),
            (_, Begins::Yes) => Some(Sender::Server),
            _ => None,
        }
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(connection::Connection::default())
    }
}

fn recognise(bytes: &[u8]) -> Probe {
    // RFC 9112 section 2.2: a client may send an empty line before its request.
    let blank = bytes.iter().take(MAX_BLANK_BYTES).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let bytes = bytes.get(blank..).unwrap_or_default();
    match (start::begins_request(bytes), start::begins_response(bytes)) {
        (Begins::Yes, _) => Probe::Match(Sender::Client),
        (_, Begins::Yes) => Probe::Match(Sender::Server),
        // The answer tells whether it was meant as a request.
        (Begins::No, Begins::No) if !start::begins_loosely(bytes) => Probe::NoMatch,
        _ => Probe::NeedMore,
    }
}

/// Bytes of empty lines that may stand before a message.
const MAX_BLANK_BYTES: usize = 4;
