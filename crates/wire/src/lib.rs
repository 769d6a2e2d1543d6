//! Views of link, network and transport headers and of tunnels: from a packet's bytes to the innermost datagram.
//!
//! Nothing is copied and nothing is kept; fragments are given back as such and put together by the reassembly crate.
//! Checksums are handed on, never verified. Link layers whose frames need a state or a key (802.11, Bluetooth) are
//! named and not read.

mod icmp;
mod link;
mod names;
mod network;
mod packet;
mod path;
mod payload;
mod transport;
mod tunnel;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use lanternfish_model::{ConnectionKey, Endpoint, Scope, Transport};

pub use names::link_name;
pub use packet::{
    Datagram, Fragment, IcmpHeader, LinkType, Payload, Quoted, SctpHeader, TcpFlags, TcpHeader, TransportHeader,
    Tunnel, TunnelKind, Unread, View,
};
pub use path::{MAX_HEADERS, MAX_TUNNELS};

/// Reads a captured packet down to its innermost datagram.
///
/// `bytes` are the captured bytes and `wire_len` the length that the packet had on the wire. The length fields of IP
/// leave out padding behind the packet, and bytes that the capture did not keep are counted in [`Payload::missing`].
/// An IP length of 0, as segmentation offload leaves it, means "to the end of the packet".
#[inline]
pub fn read(link: LinkType, bytes: &[u8], wire_len: u32) -> View<'_> {
    let packet = Payload::captured(bytes, wire_len);
    let mut path = path::Path::new();
    if link == LinkType::ETHERNET {
        return link::ethernet_inlined(&mut path, packet);
    }
    link::other(&mut path, link, packet)
}

/// The index of the interface that a link header names; only those of `tcpdump -i any` (LINKTYPE_LINUX_SLL2) do.
pub fn interface_of(link: LinkType, bytes: &[u8]) -> Option<u32> {
    match bytes.first_chunk::<8>() {
        Some(&[_, _, _, _, a, b, c, d]) if link == LinkType::LINUX_SLL2 => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

/// The key of a plain TCP segment, whole in Ethernet and IPv4 without options, which most packets are; it costs a
/// fraction of [`read`], which gives a datagram with the same key. None for all else.
#[inline]
pub fn plain_key(link: LinkType, bytes: &[u8]) -> Option<ConnectionKey> {
    let (_, packet) = bytes.split_first_chunk::<12>()?;
    let &[0x08, 0x00, 0x45, _, l0, l1, _, _, f0, f1, _, 6, _, _, ref rest @ ..] = packet.first_chunk::<36>()? else {
        return None;
    };
    let &[s0, s1, s2, s3, d0, d1, d2, d3, p0, p1, q0, q1, _, _, _, _, _, _, _, _, offset, _] = rest;
    let network_bytes = usize::from(u16::from_be_bytes([l0, l1]));
    let header_bytes = usize::from(offset >> 4) * 4;
    let is_whole = network_bytes.saturating_add(14) <= bytes.len();
    let is_fragment = u16::from_be_bytes([f0, f1]) & 0x3fff != 0;
    if link != LinkType::ETHERNET
        || !is_whole
        || is_fragment
        || !(20..=network_bytes.saturating_sub(20)).contains(&header_bytes)
    {
        return None;
    }
    let end = |address: [u8; 4], port: [u8; 2]| Endpoint::new(IpAddr::from(address), u16::from_be_bytes(port));
    let (source, destination) = (end([s0, s1, s2, s3], [p0, p1]), end([d0, d1, d2, d3], [q0, q1]));
    Some(ConnectionKey::new(source, destination, Transport::Tcp, Scope::default()))
}

/// Reads on in a datagram that was put together from fragments.
///
/// `protocol` is the number that the fragments carried; IPv6 extension headers and tunnels inside are followed.
/// `network_bytes` is the length that is reported for the datagram, `tunnels` are those around the fragments.
pub fn read_transport<'a>(
    protocol: u8,
    source: IpAddr,
    destination: IpAddr,
    payload: Payload<'a>,
    network_bytes: u32,
    tunnels: &[Tunnel],
) -> View<'a> {
    let mut path = path::Path::behind(tunnels);
    network::transport(&mut path, protocol, network::Ends { source, destination }, payload, network_bytes)
}
