//! SCTP (RFC 9260): the entries of its associations and flows, and the names of chunk types.

pub mod fields;

use lanternfish_dissect::{Dissector, Head, Probe, Protocol, Transports};
use lanternfish_model::{ConnectionFacts, ConnectionSummary, ProtocolSpec, Values, Word, WordClass};

use crate::silent::Silent;

/// SCTP.
pub struct Sctp;

static SPEC: ProtocolSpec = ProtocolSpec {
    name: "sctp",
    title: "SCTP",
    doc: "Associations and flows over SCTP: who talked to whom, how much, and with which chunks.",
    references: &["RFC 9260"],
    words: &[
        Word { name: "sctp", class: WordClass::Any },
        Word { name: "sctp_conn", class: WordClass::Connection },
        Word { name: "sctp_flow", class: WordClass::Flow },
    ],
    fields: fields::FIELDS,
    pending: "",
};

impl Protocol for Sctp {
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

/// The values that only SCTP associations have.
pub(crate) fn fill(summary: &ConnectionSummary, values: &mut Values) {
    if summary.first_checksum >= 0 {
        values.int(fields::CHECKSUM, summary.first_checksum);
    }
    values.int(fields::LENGTH, i64::from(summary.first_length));
    if summary.sctp_chunk_types.is_empty() {
        return;
    }
    if let Some(&first) = summary.head.first() {
        match chunk_name(first) {
            Some(name) => values.name(fields::CHUNK_TYPE, name),
            None => values.text_fmt(fields::CHUNK_TYPE, format_args!("{first}")),
        }
    }
    let mut list = values.list(fields::CHUNK_TYPES);
    for &number in &summary.sctp_chunk_types {
        match chunk_name(number) {
            Some(name) => list.push(name.as_bytes()),
            None => list.push_fmt(format_args!("{number}")),
        }
    }
    list.finish();
    let mut list = values.list(fields::CHUNK_TYPE_NUMBER);
    summary.sctp_chunk_types.iter().for_each(|number| list.push_fmt(format_args!("{number}")));
    list.finish();
}

/// The name of a chunk type, by the IANA registry "SCTP Chunk Types".
pub const fn chunk_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "DATA",
        1 => "INIT",
        2 => "INIT ACK",
        3 => "SACK",
        4 => "HEARTBEAT",
        5 => "HEARTBEAT ACK",
        6 => "ABORT",
        7 => "SHUTDOWN",
        8 => "SHUTDOWN ACK",
        9 => "ERROR",
        10 => "COOKIE ECHO",
        11 => "COOKIE ACK",
        12 => "ECNE",
        13 => "CWR",
        14 => "SHUTDOWN COMPLETE",
        15 => "AUTH",
        64 => "I-DATA",
        128 => "ASCONF-ACK",
        130 => "RE-CONFIG",
        132 => "PAD",
        192 => "FORWARD-TSN",
        193 => "ASCONF",
        194 => "I-FORWARD-TSN",
        _ => return None,
    })
}
