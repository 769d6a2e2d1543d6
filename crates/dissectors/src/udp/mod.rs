//! UDP (RFC 768): the entries of its connections and flows.

pub mod fields;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Transports};
use lanternfish_model::{ConnectionFacts, ConnectionSummary, ProtocolSpec, Values, Word, WordClass};

use crate::silent::Silent;

/// UDP.
pub struct Udp;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "udp",
    title: "UDP",
    doc: "Connections and flows over UDP: who talked to whom, and how much.",
    references: &["RFC 768"],
    words: &[
        Word { name: "udp", class: WordClass::Any },
        Word { name: "udp_conn", class: WordClass::Connection },
        Word { name: "udp_flow", class: WordClass::Flow },
    ],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Udp {
    fn spec(&self) -> &'static ProtocolSpec {
        &SPEC
    }

    fn transports(&self) -> Transports {
        Transports::NONE
    }

    fn probe(&self, _head: &Head<'_>) -> Probe {
        Probe::NoMatch
    }

    fn open(&self, _facts: &ConnectionFacts) -> Box<dyn Dissector> {
        Box::new(Silent)
    }
}

/// The values that only UDP connections have.
pub(crate) fn fill(summary: &ConnectionSummary, has_payload: bool, values: &mut Values) {
    values.int(fields::LENGTH, i64::from(summary.first_length));
    if summary.first_checksum >= 0 {
        values.int(fields::CHECKSUM, summary.first_checksum);
    }
    if has_payload {
        values.bytes(fields::PAYLOAD, &summary.head);
    }
}
