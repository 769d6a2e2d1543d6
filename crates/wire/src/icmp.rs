//! ICMP (RFC 792) and ICMPv6 (RFC 4443) messages, and the packets that their errors quote.

use lanternfish_model::{Endpoint, Transport};

use crate::network::{Ends, OFFSET_MASK_V4, OFFSET_MASK_V6, ends_v4, ends_v6, extension, protocol};
use crate::path::{MAX_HEADERS, Path, malformed};
use crate::{Datagram, IcmpHeader, Payload, Quoted, TransportHeader, View};

/// Reads a message; `version` is 4 for ICMP and 6 for ICMPv6.
pub(crate) fn icmp<'a>(path: &mut Path, version: u8, ends: Ends, message: Payload<'a>, network_bytes: u32) -> View<'a> {
    let Some(&[kind, code, c0, c1]) = message.bytes.first_chunk::<4>() else {
        return malformed("ICMP header cut short");
    };
    let behind = message.bytes.get(4..).unwrap_or_default();
    let rest = behind.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let quote = behind.get(4..).unwrap_or_default();
    let quoted = match (version, kind) {
        (4, 3 | 4 | 5 | 11 | 12) => quoted_v4(quote),
        (6, 1..=4) => quoted_v6(quote),
        _ => None,
    };
    View::Datagram(Datagram {
        source: Endpoint::new(ends.source, 0),
        destination: Endpoint::new(ends.destination, 0),
        header: TransportHeader::Icmp(IcmpHeader {
            version,
            kind,
            code,
            checksum: u16::from_be_bytes([c0, c1]),
            rest,
            quoted,
        }),
        payload: message,
        network_bytes,
        transport_bytes: message.total_bytes(),
        tunnels: std::mem::take(&mut path.tunnels),
    })
}

fn quoted_v4(bytes: &[u8]) -> Option<Quoted> {
    let header = bytes.first_chunk::<20>()?;
    let [first, _, _, _, _, _, flags_0, flags_1, _, protocol, ..] = *header;
    let header_bytes = usize::from(first & 0x0f) * 4;
    let is_later_fragment = u16::from_be_bytes([flags_0, flags_1]) & OFFSET_MASK_V4 != 0;
    if first >> 4 != 4 || header_bytes < 20 || is_later_fragment {
        return None;
    }
    quoted_transport(protocol, ends_v4(header)?, bytes.get(header_bytes..)?)
}

fn quoted_v6(bytes: &[u8]) -> Option<Quoted> {
    let (header, mut rest) = bytes.split_first_chunk::<40>()?;
    let [first, _, _, _, _, _, mut next, ..] = *header;
    if first >> 4 != 6 {
        return None;
    }
    let ends = ends_v6(header)?;
    for _ in 0..MAX_HEADERS {
        if next == protocol::FRAGMENT {
            let (&[after, _, offset_0, offset_1, ..], behind) = rest.split_first_chunk::<8>()?;
            if u16::from_be_bytes([offset_0, offset_1]) & OFFSET_MASK_V6 != 0 {
                return None;
            }
            (next, rest) = (after, behind);
            continue;
        }
        let Some((after, length)) = extension(next, true, rest) else {
            return quoted_transport(next, ends, rest);
        };
        (next, rest) = (after, rest.get(length..)?);
    }
    None
}

/// RFC 792 guarantees eight bytes behind the IP header; the ports are the first four of them.
fn quoted_transport(protocol: u8, ends: Ends, bytes: &[u8]) -> Option<Quoted> {
    let transport = match protocol {
        protocol::TCP => Transport::Tcp,
        protocol::UDP => Transport::Udp,
        protocol::SCTP => Transport::Sctp,
        protocol::ICMP | protocol::ICMPV6 => Transport::Icmp,
        _ => return None,
    };
    let (source_port, destination_port) = match transport {
        Transport::Icmp => (0, 0),
        _ => {
            let &[s0, s1, d0, d1] = bytes.first_chunk::<4>()?;
            (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))
        }
    };
    Some(Quoted {
        source: Endpoint::new(ends.source, source_port),
        destination: Endpoint::new(ends.destination, destination_port),
        transport,
    })
}
