//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers, and the step to the transport.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::path::{Path, malformed, too_deep, unknown_transport};
use crate::{Fragment, Payload, TunnelKind, View, icmp, names, transport, tunnel};

/// The numbers of protocols in IP headers that are read on.
pub(crate) mod protocol {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const IPV4: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const GRE: u8 = 47;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMPV6: u8 = 58;
    pub const NO_NEXT: u8 = 59;
    pub const DESTINATION_OPTIONS: u8 = 60;
    pub const ETHER_IP: u8 = 97;
    pub const PIM: u8 = 103;
    pub const SCTP: u8 = 132;
    pub const MOBILITY: u8 = 135;
    pub const MPLS: u8 = 137;
    pub const HIP: u8 = 139;
    pub const SHIM6: u8 = 140;
    pub const ETHERNET: u8 = 143;
}

/// The addresses of an IP packet.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub source: IpAddr,
    pub destination: IpAddr,
}

/// Reads what the first four bits say is IPv4 or IPv6.
pub(crate) fn ip<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    match packet.first_nibble() {
        Some(4) => ipv4(path, packet),
        Some(6) => ipv6(path, packet),
        Some(_) => malformed("neither IPv4 nor IPv6"),
        None => malformed("IP header cut short"),
    }
}

/// RFC 791 section 3.1.
#[inline(never)]
pub(crate) fn ipv4<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    ipv4_inlined(path, packet)
}

/// The same for the way that most packets go, which is fastest as one function.
#[inline(always)]
pub(crate) fn ipv4_inlined<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    let Some(header) = packet.bytes.first_chunk::<20>() else {
        return malformed("IPv4 header cut short");
    };
    let [first, _, length_0, length_1, id_0, id_1, flags_0, flags_1, _, protocol, ..] = *header;
    let Some(ends) = ends_v4(header) else { return malformed("IPv4 header cut short") };
    let header_bytes = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_bytes < 20 {
        return match first >> 4 {
            // Some senders announce IPv6 with IPv4's numbers.
            6 => ipv6(path, packet),
            _ => malformed("bad IPv4 version or header length"),
        };
    }
    let network_bytes = match u16::from_be_bytes([length_0, length_1]) {
        0 => packet.total_bytes(),
        length => u32::from(length),
    };
    let Some(payload) = path.cut_to(packet, network_bytes).skip(header_bytes) else {
        return malformed("bad IPv4 total length");
    };
    let flags = u16::from_be_bytes([flags_0, flags_1]);
    if flags & (MORE_FRAGMENTS_V4 | OFFSET_MASK_V4) != 0 {
        return View::Fragment(Fragment {
            source: ends.source,
            destination: ends.destination,
            protocol,
            identification: u32::from(u16::from_be_bytes([id_0, id_1])),
            offset: u32::from(flags & OFFSET_MASK_V4) * 8,
            has_more: flags & MORE_FRAGMENTS_V4 != 0,
            payload,
            tunnels: std::mem::take(&mut path.tunnels),
        });
    }
    transport_inlined(path, protocol, ends, payload, network_bytes)
}

/// The addresses in an IPv4 header without its options.
#[inline(always)]
pub(crate) fn ends_v4(header: &[u8; 20]) -> Option<Ends> {
    let (_, addresses) = header.split_last_chunk::<8>()?;
    let (source, destination) = (addresses.first_chunk::<4>()?, addresses.last_chunk::<4>()?);
    Some(Ends { source: IpAddr::V4(Ipv4Addr::from(*source)), destination: IpAddr::V4(Ipv4Addr::from(*destination)) })
}

/// RFC 8200 section 3. A payload length of 0 belongs to a jumbogram (RFC 2675) or to segmentation offload.
#[inline(never)]
pub(crate) fn ipv6<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    let Some((header, _)) = packet.bytes.split_first_chunk::<40>() else {
        return malformed("IPv6 header cut short");
    };
    let [first, _, _, _, length_0, length_1, next, ..] = *header;
    if first >> 4 != 6 {
        return malformed("bad IPv6 version");
    }
    let network_bytes = match u16::from_be_bytes([length_0, length_1]) {
        0 => packet.total_bytes(),
        length => u32::from(length) + 40,
    };
    let Some(payload) = path.cut_to(packet, network_bytes).skip(40) else {
        return malformed("bad IPv6 payload length");
    };
    let Some(ends) = ends_v6(header) else {
        return malformed("IPv6 header cut short");
    };
    transport_inlined(path, next, ends, payload, network_bytes)
}

/// The addresses in an IPv6 header.
#[inline]
pub(crate) fn ends_v6(header: &[u8; 40]) -> Option<Ends> {
    let (_, addresses) = header.split_last_chunk::<32>()?;
    let (source, destination) = (addresses.first_chunk::<16>()?, addresses.last_chunk::<16>()?);
    Some(Ends { source: address_v6(*source), destination: address_v6(*destination) })
}

/// An IPv4-mapped address is never kept in its mapped form.
#[inline]
fn address_v6(octets: [u8; 16]) -> IpAddr {
    let address = Ipv6Addr::from(octets);
    match address.to_ipv4_mapped() {
        Some(v4) => IpAddr::V4(v4),
        None => IpAddr::V6(address),
    }
}

/// Reads the transport header, or what stands in its place.
pub(crate) fn transport<'a>(
    path: &mut Path,
    protocol: u8,
    ends: Ends,
    payload: Payload<'a>,
    network_bytes: u32,
) -> View<'a> {
    transport_inlined(path, protocol, ends, payload, network_bytes)
}

#[inline(always)]
fn transport_inlined<'a>(
    path: &mut Path,
    protocol: u8,
    ends: Ends,
    payload: Payload<'a>,
    network_bytes: u32,
) -> View<'a> {
    match protocol {
        protocol::TCP => transport::tcp(path, ends, payload, network_bytes),
        protocol::UDP => transport::udp(path, ends, payload, network_bytes),
        _ => other_protocol(path, protocol, ends, payload, network_bytes),
    }
}

#[inline(never)]
fn other_protocol<'a>(
    path: &mut Path,
    mut protocol: u8,
    ends: Ends,
    mut payload: Payload<'a>,
    network_bytes: u32,
) -> View<'a> {
    let is_v6 = ends.source.is_ipv6() || ends.destination.is_ipv6();
    loop {
        match protocol {
            protocol::TCP => return transport::tcp(path, ends, payload, network_bytes),
            protocol::UDP => return transport::udp(path, ends, payload, network_bytes),
            protocol::ICMP => return icmp::icmp(path, 4, ends, payload, network_bytes),
            protocol::ICMPV6 => return icmp::icmp(path, 6, ends, payload, network_bytes),
            protocol::SCTP => return transport::sctp(path, ends, payload, network_bytes),
            protocol::GRE => return tunnel::gre(path, ends, payload),
            protocol::PIM => return tunnel::pim(path, ends, payload),
            protocol::IPV4 | protocol::IPV6 => {
                return match path.enter_tunnel(tunnel::around(TunnelKind::IpInIp, 0, ends)) {
                    true if protocol == protocol::IPV4 => ipv4(path, payload),
                    true => ipv6(path, payload),
                    false => too_deep(),
                };
            }
            protocol::ETHERNET | protocol::ETHER_IP | protocol::MPLS => {
                return tunnel::link_in_ip(path, protocol, ends, payload);
            }
            protocol::FRAGMENT if is_v6 => {
                let Some(&[next, _, offset_0, offset_1, i0, i1, i2, i3]) = payload.bytes.first_chunk::<8>() else {
                    return malformed("IPv6 fragment header cut short");
                };
                let offset = u16::from_be_bytes([offset_0, offset_1]);
                let Some(rest) = payload.skip(8) else { return malformed("IPv6 fragment header cut short") };
                // A fragment that is the whole packet needs nothing put together (RFC 6946).
                if offset & (OFFSET_MASK_V6 | MORE_FRAGMENTS_V6) != 0 {
                    return View::Fragment(Fragment {
                        source: ends.source,
                        destination: ends.destination,
                        protocol: next,
                        identification: u32::from_be_bytes([i0, i1, i2, i3]),
                        offset: u32::from(offset & OFFSET_MASK_V6),
                        has_more: offset & MORE_FRAGMENTS_V6 != 0,
                        payload: rest,
                        tunnels: std::mem::take(&mut path.tunnels),
                    });
                }
                (protocol, payload) = (next, rest);
            }
            _ => {
                let Some((next, length)) = extension(protocol, is_v6, payload.bytes) else {
                    return match is_v6 && is_extension(protocol) {
                        true => malformed("IPv6 extension header cut short"),
                        false => unknown_transport(names::protocol_name(protocol)),
                    };
                };
                if next == protocol::NO_NEXT {
                    return unknown_transport(names::protocol_name(protocol));
                }
                let Some(rest) = payload.skip(length) else { return malformed("bad length of an extension header") };
                (protocol, payload) = (next, rest);
            }
        }
        if !path.enter() {
            return too_deep();
        }
    }
}

/// What follows an extension header, and its length in bytes; none for what is no such header or is cut short.
pub(crate) fn extension(protocol: u8, is_v6: bool, bytes: &[u8]) -> Option<(u8, usize)> {
    let &[next, length] = bytes.first_chunk::<2>()?;
    match protocol {
        // RFC 4302 section 2.2: counted in words of 4 bytes, minus 2.
        protocol::AUTHENTICATION => Some((next, (usize::from(length) + 2) * 4)),
        _ if is_v6 && is_extension(protocol) => Some((next, (usize::from(length) + 1) * 8)),
        _ => None,
    }
}

const fn is_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6
            | protocol::AUTHENTICATION
    )
}

const MORE_FRAGMENTS_V4: u16 = 0x2000;
/// The offset of an IPv4 fragment, in units of 8 bytes.
pub(crate) const OFFSET_MASK_V4: u16 = 0x1fff;
const MORE_FRAGMENTS_V6: u16 = 0x0001;
/// The offset of an IPv6 fragment, in bytes.
pub(crate) const OFFSET_MASK_V6: u16 = 0xfff8;
