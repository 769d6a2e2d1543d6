//! TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260) headers.

use lanternfish_model::Endpoint;

use crate::network::Ends;
use crate::path::{Path, malformed};
use crate::{Datagram, Payload, SctpHeader, TcpFlags, TcpHeader, TransportHeader, View, tunnel};

/// RFC 9293 section 3.1.
#[inline(always)]
pub(crate) fn tcp<'a>(path: &mut Path, ends: Ends, segment: Payload<'a>, network_bytes: u32) -> View<'a> {
    let Some(header) = segment.bytes.first_chunk::<20>() else {
        return tcp_cut(path, ends, segment, network_bytes);
    };
    tcp_with(path, ends, segment, network_bytes, header)
}

#[inline(always)]
fn tcp_with<'a>(path: &mut Path, ends: Ends, segment: Payload<'a>, network_bytes: u32, header: &[u8; 20]) -> View<'a> {
    let [sp0, sp1, dp0, dp1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, c0, c1, _, _] = *header;
    let header_bytes = usize::from(offset >> 4) * 4;
    if header_bytes < 20 {
        return malformed("bad TCP data offset");
    }
    let Some(payload) = segment.skip(header_bytes) else {
        return malformed("bad TCP data offset");
    };
    let flags = TcpFlags(flags);
    let (max_segment_size, window_scale) = match flags.syn() {
        true => tcp_options(segment.bytes, header_bytes),
        false => (0, None),
    };
    let tcp = TcpHeader {
        sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        acknowledgement: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        window: u16::from_be_bytes([w0, w1]),
        checksum: u16::from_be_bytes([c0, c1]),
        window_scale,
        max_segment_size,
    };
    View::Datagram(Datagram {
        source: Endpoint::new(ends.source, u16::from_be_bytes([sp0, sp1])),
        destination: Endpoint::new(ends.destination, u16::from_be_bytes([dp0, dp1])),
        header: TransportHeader::Tcp(tcp),
        payload,
        network_bytes,
        transport_bytes: segment.total_bytes(),
        tunnels: std::mem::take(&mut path.tunnels),
    })
}

/// A header that the capture cut: ports, sequence numbers and flags are enough to follow the stream; window and
/// checksum read as 0.
#[cold]
fn tcp_cut<'a>(path: &mut Path, ends: Ends, segment: Payload<'a>, network_bytes: u32) -> View<'a> {
    if segment.bytes.len() < TCP_NEEDED_BYTES || segment.missing == 0 {
        return malformed("TCP header cut short");
    }
    let mut header = [0; 20];
    for (to, from) in header.iter_mut().zip(segment.bytes) {
        *to = *from;
    }
    tcp_with(path, ends, segment, network_bytes, &header)
}

/// RFC 9293 section 3.2, RFC 7323 section 2.2: only the two options that a stream cannot be followed without.
#[inline(never)]
fn tcp_options(segment: &[u8], header_bytes: usize) -> (u16, Option<u8>) {
    let (mut max_segment_size, mut window_scale) = (0, None);
    let header = segment.get(..header_bytes).unwrap_or(segment);
    let mut options = header.get(20..).unwrap_or_default();
    while let Some((&kind, rest)) = options.split_first() {
        match kind {
            0 => break,
            1 => options = rest,
            _ => {
                let Some((option, rest)) = options
                    .get(1)
                    .map(|&length| usize::from(length))
                    .filter(|&length| length >= 2)
                    .and_then(|length| options.split_at_checked(length))
                else {
                    break;
                };
                match *option {
                    [2, 4, m0, m1] => max_segment_size = u16::from_be_bytes([m0, m1]),
                    [3, 3, shift] => window_scale = Some(shift.min(MAX_WINDOW_SCALE)),
                    _ => {}
                }
                options = rest;
            }
        }
    }
    (max_segment_size, window_scale)
}

/// RFC 768. A length of 0 belongs to a jumbogram (RFC 2675 section 4) or to segmentation offload.
#[inline]
pub(crate) fn udp<'a>(path: &mut Path, ends: Ends, datagram: Payload<'a>, network_bytes: u32) -> View<'a> {
    let Some(&[sp0, sp1, dp0, dp1, l0, l1, c0, c1]) = datagram.bytes.first_chunk::<8>() else {
        return udp_cut(path, ends, datagram, network_bytes);
    };
    let transport = match u16::from_be_bytes([l0, l1]) {
        0 => datagram,
        length => datagram.shortened(u32::from(length)),
    };
    let Some(payload) = transport.skip(8) else {
        return malformed("bad UDP length");
    };
    let source = Endpoint::new(ends.source, u16::from_be_bytes([sp0, sp1]));
    let destination = Endpoint::new(ends.destination, u16::from_be_bytes([dp0, dp1]));
    if tunnel::is_udp_port(source.port, destination.port)
        && let Some(inner) = tunnel::over_udp(path, source, destination, payload)
    {
        return inner;
    }
    View::Datagram(Datagram {
        source,
        destination,
        header: TransportHeader::Udp { checksum: u16::from_be_bytes([c0, c1]) },
        payload,
        network_bytes,
        transport_bytes: transport.total_bytes(),
        tunnels: std::mem::take(&mut path.tunnels),
    })
}

/// A header that the capture cut behind the ports.
#[cold]
fn udp_cut<'a>(path: &mut Path, ends: Ends, datagram: Payload<'a>, network_bytes: u32) -> View<'a> {
    let (Some(&[sp0, sp1, dp0, dp1]), Some(payload)) = (datagram.bytes.first_chunk::<4>(), datagram.skip(8)) else {
        return malformed("UDP header cut short");
    };
    View::Datagram(Datagram {
        source: Endpoint::new(ends.source, u16::from_be_bytes([sp0, sp1])),
        destination: Endpoint::new(ends.destination, u16::from_be_bytes([dp0, dp1])),
        header: TransportHeader::Udp { checksum: 0 },
        payload,
        network_bytes,
        transport_bytes: datagram.total_bytes(),
        tunnels: std::mem::take(&mut path.tunnels),
    })
}

/// RFC 9260 section 3.1.
pub(crate) fn sctp<'a>(path: &mut Path, ends: Ends, packet: Payload<'a>, network_bytes: u32) -> View<'a> {
    let (Some(header), Some(payload)) = (packet.bytes.first_chunk::<12>(), packet.skip(12)) else {
        return malformed("SCTP header cut short");
    };
    let [sp0, sp1, dp0, dp1, v0, v1, v2, v3, c0, c1, c2, c3] = *header;
    View::Datagram(Datagram {
        source: Endpoint::new(ends.source, u16::from_be_bytes([sp0, sp1])),
        destination: Endpoint::new(ends.destination, u16::from_be_bytes([dp0, dp1])),
        header: TransportHeader::Sctp(SctpHeader {
            verification_tag: u32::from_be_bytes([v0, v1, v2, v3]),
            checksum: u32::from_be_bytes([c0, c1, c2, c3]),
        }),
        payload,
        network_bytes,
        transport_bytes: packet.total_bytes(),
        tunnels: std::mem::take(&mut path.tunnels),
    })
}

/// A TCP header is of use from here on: ports, sequence numbers, data offset and flags.
const TCP_NEEDED_BYTES: usize = 14;
/// RFC 7323 section 2.3: a larger shift counts as this.
const MAX_WINDOW_SCALE: u8 = 14;
