//! The addresses that a response gives for a name, for those who want to know the names of addresses.

use std::net::IpAddr;

use super::frame::{ANSWERS, Header, Record, Sections};
use super::name;
use super::types::rtype;

/// Reads a datagram and, where it is a DNS response without an error, calls `each` with the name that was asked for (in
/// lower case) and each address of the answer section. Aliases are followed: an address at the end of a chain of them
/// counts for the name at its beginning. Answers that repeat no question (multicast DNS, RFC 6762 section 6) count for
/// the names of their records. Anything else calls nothing.
pub fn learn(payload: &[u8], mut each: impl FnMut(&str, IpAddr)) {
    let Some(header) = Header::read(payload) else { return };
    let [questions, answers, ..] = header.counts;
    if !header.is_response() || header.rcode() != 0 || header.opcode() != 0 || answers == 0 || questions > 1 {
        return;
    }
    if !header.has_known_opcode()
        || !header.is_plausible(payload.len())
        || (questions == 0 && !(header.id == 0 && header.is_authoritative()))
    {
        return;
    }
    let sections = Sections::find(payload, &header);
    if !sections.is_whole || !sections.is_known || sections.end != payload.len() || sections.is_netbios(payload) {
        return;
    }
    let question = sections.question(payload);
    let mut text = Vec::new();
    let mut written_at = None;
    for record in sections.records(payload, ANSWERS).take(MAX_ANSWERS) {
        let Some(address) = address_of(payload, &record) else { continue };
        let name_at = match question {
            Some(question) if is_alias_of(payload, &sections, question.name_at, record.name_at) => question.name_at,
            Some(_) => continue,
            None => record.name_at,
        };
        if written_at != Some(name_at) {
            text.clear();
            if name::write(payload, name_at, &mut text).is_none() {
                continue;
            }
            text.make_ascii_lowercase();
            written_at = Some(name_at);
        }
        if let Ok(name) = std::str::from_utf8(&text) {
            each(name, address);
        }
    }
}

fn address_of(payload: &[u8], record: &Record) -> Option<IpAddr> {
    let data = payload.get(record.data_at..record.end)?;
    match record.rtype {
        rtype::A => Some(IpAddr::from(<[u8; 4]>::try_from(data).ok()?)),
        rtype::AAAA => Some(IpAddr::from(<[u8; 16]>::try_from(data).ok()?)),
        _ => None,
    }
}

/// Whether a name is the one asked for, or is reached from it by aliases.
fn is_alias_of(payload: &[u8], sections: &Sections, mut asked_at: usize, owner_at: usize) -> bool {
    if name::is_same(payload, asked_at, owner_at) {
        return true;
    }
    // Servers write the chain in order, so that one pass follows it (RFC 1034 section 4.3.2).
    for record in sections.records(payload, ANSWERS).take(MAX_ALIASES) {
        if record.rtype == rtype::CNAME && name::is_same(payload, asked_at, record.name_at) {
            asked_at = record.data_at;
            if name::is_same(payload, asked_at, owner_at) {
                return true;
            }
        }
    }
    false
}

/// The most records that are looked at for addresses.
const MAX_ANSWERS: usize = 64;
/// The most records that are looked at for aliases.
const MAX_ALIASES: usize = 32;
