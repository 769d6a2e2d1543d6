//! From an ICMP message to its fields.

use lanternfish_dissect::{Chunk, Out};
use lanternfish_model::{Message, Outcome, PairKey, Role};

use super::fields as f;
use super::neighbor;
use super::quoted::Quoted;
use super::types::{Class, class, code_name, request_of, type_name};

/// Reads the message of a datagram and hands it over.
pub fn emit(chunk: &Chunk<'_>, out: &mut Out<'_>) {
    let bytes = chunk.bytes;
    let version = if out.facts.client.ip.is_ipv4() { 4 } else { 6 };
    let length = bytes.len().saturating_add(chunk.missing as usize);
    let header = bytes.first_chunk::<8>();
    let kind = bytes.first().copied();
    let class = kind.map_or(Class::Notice, |kind| class(version, kind));
    let role = match (class, header) {
        (Class::Request, Some(_)) => Role::Request,
        (Class::Reply, Some(_)) => Role::Response,
        _ => Role::OneWay,
    };
    let mut message = out.begin(role, chunk, 0);
    message.wire_bytes = length as u64;
    chunk.cover(&mut message, 0..bytes.len());
    message.pairing = PairKey::Alone;
    message.outcome = match class {
        Class::Request => Outcome::Open,
        Class::Reply | Class::Notice => Outcome::Ok,
        Class::Error => Outcome::Failed,
    };
    if chunk.missing > 0 {
        message.is_partial = true;
        message.note("message cut by the capture");
    }
    if out.wants(f::VERSION) {
        message.values.int(f::VERSION, i64::from(version));
    }
    if out.wants(f::LENGTH) {
        message.values.int(f::LENGTH, length as i64);
    }
    let Some(kind) = kind else {
        message.note("empty message");
        out.emit(message);
        return;
    };
    write_type(&mut message, version, kind, bytes, out);
    match header {
        Some([_, _, _, _, a, b, c, d]) => {
            let rest = [*a, *b, *c, *d];
            match class {
                Class::Request | Class::Reply => exchange(&mut message, version, kind, rest, bytes, out),
                Class::Error => error(&mut message, version, kind, rest, chunk, out),
                Class::Notice => notice(&mut message, version, kind, rest, bytes, out),
            }
        }
        None if chunk.missing == 0 => message.note("message shorter than its header"),
        None => {}
    }
    out.emit(message);
}

fn write_type(message: &mut Message, version: u8, kind: u8, bytes: &[u8], out: &Out<'_>) {
    if out.wants(f::TYPE) {
        match type_name(version, kind) {
            Some(name) => message.values.name(f::TYPE, name),
            None => message.values.text_fmt(f::TYPE, format_args!("type {kind}")),
        }
    }
    if out.wants(f::TYPE_NUMBER) {
        message.values.int(f::TYPE_NUMBER, i64::from(kind));
    }
    let Some([_, code, high, low]) = bytes.first_chunk::<4>() else { return };
    if out.wants(f::CODE_NUMBER) {
        message.values.int(f::CODE_NUMBER, i64::from(*code));
    }
    if out.wants(f::CODE)
        && let Some(name) = code_name(version, kind, *code)
    {
        message.values.name(f::CODE, name);
    }
    if out.wants(f::CHECKSUM) {
        message.values.int(f::CHECKSUM, i64::from(u16::from_be_bytes([*high, *low])));
    }
}

/// Requests and replies: both halves carry the same identifier and sequence number.
fn exchange(message: &mut Message, version: u8, kind: u8, rest: [u8; 4], bytes: &[u8], out: &Out<'_>) {
    let [a, b, c, d] = rest;
    let id = u16::from_be_bytes([a, b]);
    // The sequence number of an extended echo has one byte, RFC 8335 section 2.
    let is_extended = matches!((version, kind), (4, 42 | 43) | (6, 160 | 161));
    let sequence = if is_extended { u16::from(c) } else { u16::from_be_bytes([c, d]) };
    let request = u64::from(request_of(version, kind));
    let key = match (version, kind, bytes.get(8..).and_then(|bytes| bytes.first_chunk::<8>())) {
        // Node information messages are told apart by a nonce, RFC 4620 section 4.
        (6, 139 | 140, Some(nonce)) => u64::from_be_bytes(*nonce),
        _ => request << 32 | u64::from(id) << 16 | u64::from(sequence),
    };
    message.pairing = PairKey::Id(key);
    if matches!((version, kind), (6, 139 | 140)) {
        return;
    }
    if out.wants(f::ID) {
        message.values.int(f::ID, i64::from(id));
    }
    if out.wants(f::SEQUENCE) {
        message.values.int(f::SEQUENCE, i64::from(sequence));
    }
}

/// Errors: what they say of the packet that they quote.
fn error(message: &mut Message, version: u8, kind: u8, rest: [u8; 4], chunk: &Chunk<'_>, out: &Out<'_>) {
    let [a, _, c, d] = rest;
    let code = chunk.bytes.get(1).copied();
    if out.wants(f::MTU) {
        match (version, kind, code) {
            // RFC 1191 section 4.
            (4, 3, Some(4)) => message.values.int(f::MTU, i64::from(u16::from_be_bytes([c, d]))),
            // RFC 4443 section 3.2.
            (6, 2, _) => message.values.int(f::MTU, i64::from(u32::from_be_bytes(rest))),
            _ => {}
        }
    }
    if out.wants(f::POINTER) {
        match (version, kind) {
            (4, 12) => message.values.int(f::POINTER, i64::from(a)),
            (6, 4) => message.values.int(f::POINTER, i64::from(u32::from_be_bytes(rest))),
            _ => {}
        }
    }
    quoted(message, chunk.bytes.get(8..).unwrap_or_default(), out);
    if out.wants(f::QUOTED_CONN_ID)
        && let Some(id) = chunk.quoted_connection
    {
        message.values.int(f::QUOTED_CONN_ID, id.cast_signed());
    }
}

fn quoted(message: &mut Message, bytes: &[u8], out: &Out<'_>) {
    let Some(quoted) = Quoted::read(bytes) else { return };
    for (field, endpoint) in [(f::QUOTED_SRC, quoted.source), (f::QUOTED_DST, quoted.destination)] {
        if !out.wants(field) {
            continue;
        }
        match endpoint.port {
            0 => message.values.ip(field, endpoint.ip),
            _ => message.values.text_fmt(field, format_args!("{endpoint}")),
        }
    }
    if out.wants(f::QUOTED_PROTOCOL) {
        match quoted.protocol_name() {
            Some(name) => message.values.name(f::QUOTED_PROTOCOL, name),
            None => message.values.text_fmt(f::QUOTED_PROTOCOL, format_args!("protocol {}", quoted.protocol)),
        }
    }
}

/// Redirects, router and neighbour messages, multicast listeners.
fn notice(message: &mut Message, version: u8, kind: u8, rest: [u8; 4], bytes: &[u8], out: &Out<'_>) {
    let limit = out.limits.items;
    if (version, kind) == (4, 5) {
        if out.wants(f::GATEWAY) {
            message.values.ip(f::GATEWAY, rest.into());
        }
        quoted(message, bytes.get(8..).unwrap_or_default(), out);
    }
    if version != 6 {
        return;
    }
    if matches!(kind, 135..=137) && out.wants(f::TARGET) {
        // A redirect names the better router first, then the destination, RFC 4861 section 4.5.
        let at = if kind == 137 { 24 } else { 8 };
        if let Some(target) = neighbor::address(bytes, at) {
            message.values.ip(f::TARGET, target.into());
        }
    }
    if kind == 137
        && out.wants(f::GATEWAY)
        && let Some(gateway) = neighbor::address(bytes, 8)
    {
        message.values.ip(f::GATEWAY, gateway.into());
    }
    if kind == 134 && out.wants(f::ROUTER_LIFETIME) {
        let [_, _, high, low] = rest;
        message.values.int(f::ROUTER_LIFETIME, i64::from(u16::from_be_bytes([high, low])));
    }
    if out.wants(f::OPTIONS)
        && let Some(options) = neighbor::options(kind, bytes)
    {
        let mut list = message.values.list(f::OPTIONS);
        neighbor::write_options(options, limit, &mut list);
        list.finish();
    }
    if matches!(kind, 130..=132 | 143) && out.wants(f::GROUPS) {
        let mut list = message.values.list(f::GROUPS);
        neighbor::groups(kind, bytes, limit, |group| list.push_fmt(format_args!("{group}")));
        list.finish();
    }
}
