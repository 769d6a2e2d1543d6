//! Redis: commands and replies in RESP2 and RESP3, pipelined, with published messages, monitoring and replication.
//!
//! Follows the specifications of the protocol and of client replies that Redis publishes. What a snapshot holds, cluster
//! bus messages and the meaning of replies are left out.

mod commands;
mod exchange;
pub mod fields;
mod line;
mod probe;
mod render;
mod replies;
mod reply;
mod short;
mod snapshot;
mod stream;
#[cfg(test)]
mod tests;
mod token;
mod verbs;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Transports};
use lanternfish_model::{ConnectionFacts, ProtocolSpec, Word, WordClass};

/// Redis.
pub struct Redis;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "redis",
    title: "Redis",
    doc: "Redis commands and their replies, and messages of channels that were subscribed to. An error reply is outcome \
          `server_error`, a wrong password `client_error`. A reply with one value is its body as it is, nested ones \
          are shown as JSON. `status_code` is not set.",
    references: &["Redis serialization protocol specification", "RESP3 specification"],
    words: &[Word { name: "redis", class: WordClass::Any }],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Redis {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::TCP
    }

    fn probe(&self, head: &Head<'_>) -> Probe {
        probe::probe(head)
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(stream::Stream::default())
    }
}
