//! Tunnels over UDP on any port, told by their content alone: a well-formed tunnel header around an IP packet that fills
//! the rest of the datagram, and whose own header holds. VXLAN, GENEVE, GRE and GTP-U are found so.

use super::{Header, Inner, ethertype, geneve, gre_over_udp, gtp_u, vxlan};
use crate::Payload;

/// Whether a datagram may begin with a tunnel's header: what every datagram is asked, so it must be cheap.
#[inline]
pub(crate) fn may_begin(payload: Payload<'_>) -> bool {
    let Some(&[b0, b1, b2, b3, _, _, _, b7]) = payload.bytes.first_chunk::<8>() else { return false };
    match (b0, b1) {
        (0x08, 0) if b2 == 0 && b3 == 0 && b7 == 0 => true,
        (0x30..=0x37, 0xff) => true,
        // The protocol stands at the same place in GENEVE and GRE.
        _ => b0 & 0x40 == 0 && b1 & 0x3f == 0 && is_carried(u16::from_be_bytes([b2, b3])),
    }
}

/// The header of the tunnel that a datagram carries, on whatever port; none unless it is certain.
pub(super) fn find(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[first, second, ..] = payload.bytes.first_chunk::<8>()?;
    let header = match (first, second) {
        (0x08, 0) => vxlan(payload),
        (0x30..=0x37, 0xff) => gtp_u(payload),
        _ => None,
    };
    let certain = |header: &Header<'_>| is_certain(header);
    header.filter(certain).or_else(|| geneve(payload).filter(certain)).or_else(|| gre_over_udp(payload).filter(certain))
}

const fn is_carried(kind: u16) -> bool {
    matches!(kind, ethertype::IPV4 | ethertype::IPV6 | ethertype::TRANSPARENT_ETHERNET)
}

/// Whether the IP packet in a tunnel is beyond doubt.
fn is_certain(header: &Header<'_>) -> bool {
    match header.inner {
        Inner::Ip => is_ip(header.payload),
        Inner::EtherType(ethertype::IPV4 | ethertype::IPV6) => is_ip(header.payload),
        Inner::Ethernet | Inner::EtherType(ethertype::TRANSPARENT_ETHERNET) => is_frame(header.payload),
        Inner::EtherType(_) => false,
    }
}

fn is_frame(frame: Payload<'_>) -> bool {
    let kind = |at: usize| {
        frame.bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()).map(|kind| u16::from_be_bytes(*kind))
    };
    let at = if kind(12) == Some(ethertype::VLAN) { 16 } else { 12 };
    let is_ip_kind = matches!(kind(at), Some(ethertype::IPV4 | ethertype::IPV6));
    // A short frame is padded to the least length of Ethernet (IEEE 802.3 section 4A.2.3).
    is_ip_kind && frame.skip(at + 2).is_some_and(|packet| is_ip(packet) || is_padded(frame, packet))
}

fn is_padded(frame: Payload<'_>, packet: Payload<'_>) -> bool {
    let Some(&[_, _, l0, l1]) = packet.bytes.first_chunk::<4>() else { return false };
    let length = u32::from(u16::from_be_bytes([l0, l1]));
    frame.total_bytes() <= MIN_FRAME_BYTES && length < packet.total_bytes() && is_ip(packet.sized(length))
}

/// RFC 791 section 3.1 with its checksum, RFC 8200 section 3; the length must be that of what is there.
fn is_ip(packet: Payload<'_>) -> bool {
    match packet.first_nibble() {
        Some(4) => {
            let Some(&[first, _, l0, l1]) = packet.bytes.first_chunk::<4>() else { return false };
            let header_bytes = usize::from(first & 0x0f) * 4;
            let Some(header) = packet.bytes.get(..header_bytes) else { return false };
            let fills = u32::from(u16::from_be_bytes([l0, l1])) == packet.total_bytes();
            header_bytes >= 20 && fills && is_sum_right(header)
        }
        Some(6) => {
            let Some(&[_, _, _, _, l0, l1, next, _]) = packet.bytes.first_chunk::<8>() else { return false };
            let fills = u32::from(u16::from_be_bytes([l0, l1])).saturating_add(40) == packet.total_bytes();
            fills && packet.bytes.len() >= 40 && KNOWN_NEXT.contains(&next)
        }
        _ => false,
    }
}

fn is_sum_right(header: &[u8]) -> bool {
    let words = header.chunks_exact(2).map(|word| word.iter().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte)));
    let sum: u32 = words.sum();
    // At most 30 words: one fold leaves no carry but that of the last one.
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded & 0xffff) + (folded >> 16) == 0xffff
}

/// Without the checksum of the frame.
const MIN_FRAME_BYTES: u32 = 60;
/// Hop-by-hop options, TCP, UDP, fragment, ICMPv6, SCTP.
const KNOWN_NEXT: [u8; 6] = [0, 6, 17, 44, 58, 132];
