//! Recognises DNS by its structure: every name, count and length of a message must fit.

use lanternfish_dissect::{Head, Probe, Sender};

use super::frame::{Header, Sections};
use super::message::{DNS_PORT, LLMNR_PORT, MDNS_PORT};

/// Whether bytes are DNS.
pub fn probe(head: &Head<'_>) -> Probe {
    if head.is_datagram { probe_datagram(head) } else { probe_stream(head.bytes, head) }
}

/// Whether a message may begin here as far as the bytes go; `Some(true)` where it is there whole.
pub fn framed(bytes: &[u8]) -> Option<bool> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<2>() else { return Some(false) };
    let length = usize::from(u16::from_be_bytes(*prefix));
    if length < Header::LENGTH {
        return None;
    }
    let message = rest.get(..length).unwrap_or(rest);
    let Some(header) = Header::read(message) else {
        // Of a short head what is there must fit, with one question in place of counts that are not.
        let mut padded = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for (to, from) in padded.iter_mut().zip(message) {
            *to = *from;
        }
        return if Header::read(&padded).is_some_and(|header| is_certain(&header, length)) {
            Some(false)
        } else {
            None
        };
    };
    if !is_certain(&header, length) {
        return None;
    }
    let sections = Sections::find(message, &header);
    if !sections.is_known || sections.is_netbios(message) {
        return None;
    }
    match (message.len() == length, sections.is_whole) {
        (true, true) if is_end(message.get(sections.end..).unwrap_or_default()) => Some(true),
        (true, _) => None,
        (false, true) => None,
        (false, false) => Some(false),
    }
}

fn is_certain(header: &Header, length: usize) -> bool {
    header.has_known_opcode() && header.is_plausible(length)
}

/// Whether nothing is left of a message; Windows marks its zone transfers by two letters behind the question.
fn is_end(rest: &[u8]) -> bool {
    rest.is_empty() || rest == b"MS"
}

fn probe_stream(bytes: &[u8], head: &Head<'_>) -> Probe {
    match framed(bytes) {
        None => Probe::NoMatch,
        Some(true) => Probe::Match(sender(bytes.get(2..).unwrap_or_default(), head)),
        // A long transfer is certain once a question and many records of it fit.
        Some(false) => {
            let message = bytes.get(2..).unwrap_or_default();
            let records = Header::read(message).map(|header| {
                let sections = Sections::find(message, &header);
                if sections.counts.first() == Some(&0) { 0 } else { sections.counts.iter().skip(1).sum::<u16>() }
            });
            if records.is_some_and(|records| records >= CERTAIN_RECORDS) {
                Probe::Match(sender(message, head))
            } else {
                Probe::NeedMore
            }
        }
    }
}

fn probe_datagram(head: &Head<'_>) -> Probe {
    let Some(header) = Header::read(head.bytes) else { return Probe::NoMatch };
    let ports = [head.facts.client.port, head.facts.server.port];
    let is_known_port = ports.iter().any(|port| matches!(*port, DNS_PORT | MDNS_PORT | LLMNR_PORT));
    let is_plausible = if is_known_port { header.is_plausible(0) } else { is_certain(&header, head.bytes.len()) };
    if !is_plausible {
        return Probe::NoMatch;
    }
    let sections = Sections::find(head.bytes, &header);
    // A name of NetBIOS that is asked for at a port of DNS is a question of DNS.
    if !is_known_port && sections.is_netbios(head.bytes) {
        return Probe::NoMatch;
    }
    let read = sections.counts.iter().map(|count| u32::from(*count)).sum::<u32>();
    let is_whole = sections.is_whole && sections.end == head.bytes.len();
    let is_match = if is_known_port {
        // On a port of DNS a broken or cut message is taken too, once its first question or record fits.
        (read > 0 && sections.is_known && (header.has_known_opcode() || is_whole)) || (is_whole && header.is_response())
    } else {
        read > 0 && is_whole && sections.is_known
    };
    if is_match { Probe::Match(sender(head.bytes, head)) } else { Probe::NoMatch }
}

/// Who sent a message; among multicast peers there is neither client nor server.
fn sender(message: &[u8], head: &Head<'_>) -> Sender {
    let (client, server) = (head.facts.client, head.facts.server);
    let is_among_peers = client.port == server.port && matches!(server.port, MDNS_PORT | DNS_PORT);
    if is_among_peers || server.ip.is_multicast() || client.ip.is_multicast() {
        return Sender::Unknown;
    }
    match Header::read(message) {
        Some(header) if header.is_response() => Sender::Server,
        Some(_) => Sender::Client,
        None => Sender::Unknown,
    }
}

/// So many records behind a question make a message certain before it is whole.
const CERTAIN_RECORDS: u16 = 4;
