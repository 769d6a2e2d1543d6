//! EDNS (RFC 6891): what the OPT record says beyond the header.

use std::net::IpAddr;

use super::frame::Record;
use super::text::{write_hex, write_int};
use super::types::extended_error_name;

/// The response code with the upper eight bits of EDNS, RFC 6891 section 6.1.3.
pub fn extended_rcode(low: u16, edns: &Record) -> u16 {
    ((edns.ttl >> 24) as u16) << 4 | low
}

/// The DO bit, RFC 6891 section 6.1.4.
pub fn is_dnssec_ok(edns: &Record) -> bool {
    edns.ttl & 0x8000 != 0
}

/// The options as pairs of code and data, as far as they fit.
pub fn options<'a>(message: &'a [u8], edns: &Record) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
    let mut rest = message.get(edns.data_at..edns.end).unwrap_or_default();
    std::iter::from_fn(move || {
        let ([a, b, c, d], behind) = rest.split_first_chunk::<4>()?;
        let (data, next) = behind.split_at_checked(usize::from(u16::from_be_bytes([*c, *d])))?;
        rest = next;
        Some((u16::from_be_bytes([*a, *b]), data))
    })
}

/// Writes an option as text.
pub fn write_option(code: u16, data: &[u8], text: &mut Vec<u8>) {
    let name = match code {
        CLIENT_SUBNET => {
            if write_subnet(data, text).is_some() {
                return;
            }
            "client subnet"
        }
        NSID => {
            text.extend_from_slice(b"server id ");
            match data.iter().all(|byte| (b' '..=b'~').contains(byte)) {
                true => text.extend_from_slice(data),
                false => write_hex(data, text),
            }
            return;
        }
        PADDING => {
            text.extend_from_slice(b"padding ");
            write_int(data.len() as u64, text);
            return;
        }
        EXTENDED_ERROR => {
            text.extend_from_slice(b"error ");
            write_extended_error(data, text);
            return;
        }
        1 => "long-lived query",
        2 => "update lease",
        5 => "DNSSEC algorithms",
        6 => "DS hashes",
        7 => "NSEC3 hashes",
        9 => "expire",
        COOKIE => "cookie",
        11 => "TCP keepalive",
        13 => "chain",
        14 => "key tags",
        18 => "report channel",
        _ => {
            text.extend_from_slice(b"option ");
            write_int(u64::from(code), text);
            ""
        }
    };
    text.extend_from_slice(name.as_bytes());
    if !data.is_empty() {
        text.push(b' ');
        write_hex(data, text);
    }
}

/// Writes an extended error: its name and what the server added (RFC 8914 section 2).
pub fn write_extended_error(data: &[u8], text: &mut Vec<u8>) {
    let Some(([a, b], extra)) = data.split_first_chunk::<2>() else { return };
    let code = u16::from_be_bytes([*a, *b]);
    match extended_error_name(code) {
        Some(name) => text.extend_from_slice(name.as_bytes()),
        None => {
            text.extend_from_slice(b"Error ");
            write_int(u64::from(code), text);
        }
    }
    let extra = extra.strip_suffix(&[0]).unwrap_or(extra);
    if !extra.is_empty() && std::str::from_utf8(extra).is_ok() {
        text.extend_from_slice(b": ");
        text.extend_from_slice(extra);
    }
}

/// RFC 7871 section 6.
fn write_subnet(data: &[u8], text: &mut Vec<u8>) -> Option<()> {
    let ([family_high, family_low, source, _scope], address) = data.split_first_chunk::<4>()?;
    let mut octets = [0u8; 16];
    for (to, from) in octets.iter_mut().zip(address) {
        *to = *from;
    }
    let ip = match u16::from_be_bytes([*family_high, *family_low]) {
        1 if address.len() <= 4 => IpAddr::from(*octets.first_chunk::<4>()?),
        2 if address.len() <= 16 => IpAddr::from(octets),
        _ => return None,
    };
    text.extend_from_slice(b"client subnet ");
    std::io::Write::write_fmt(text, format_args!("{ip}/{source}")).ok()
}

const NSID: u16 = 3;
const CLIENT_SUBNET: u16 = 8;
const COOKIE: u16 = 10;
const PADDING: u16 = 12;
/// The option that holds an extended error.
pub const EXTENDED_ERROR: u16 = 15;
