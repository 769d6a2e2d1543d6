//! Headers around payloads, from the inside out: `frame(&udp(source, destination, b"payload"))`.

use std::net::IpAddr;

use lanternfish_model::Endpoint;

/// An Ethernet frame around an IP packet, with the EtherType that its version asks for.
pub fn frame(packet: &[u8]) -> Vec<u8> {
    match packet.first().map(|byte| byte >> 4) {
        Some(6) => ethernet(0x86dd, packet),
        _ => ethernet(0x0800, packet),
    }
}

/// An Ethernet frame, from 02:00:00:00:00:01 to 02:00:00:00:00:02.
pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Puts a VLAN tag (0x8100, 0x88a8, …) into an Ethernet frame.
pub fn vlan(tag_type: u16, id: u16, frame: &[u8]) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    [addresses, &tag_type.to_be_bytes(), &id.to_be_bytes(), rest].concat()
}

/// An ARP request in an Ethernet frame.
pub fn arp() -> Vec<u8> {
    let mut payload = vec![0, 1, 8, 0, 6, 4, 0, 1];
    payload.resize(28, 0);
    ethernet(0x0806, &payload)
}

/// An IPv4 or IPv6 packet, as the addresses are.
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = u16::try_from(payload.len() + 20).expect("a packet of at most 65535 bytes");
            let mut packet = vec![0x45, 0];
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(&[0, 1, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
            let sum = checksum(&[&packet]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            packet.extend_from_slice(payload);
            packet
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let length = u16::try_from(payload.len()).expect("a packet of at most 65535 bytes");
            let mut packet = vec![0x60, 0, 0, 0];
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
            packet.extend_from_slice(payload);
            packet
        }
        _ => panic!("addresses of two families"),
    }
}

/// The packet in IPv4 fragments, each with at most `size` bytes (a multiple of 8) of its payload.
pub fn ipv4_fragments(packet: &[u8], identification: u16, size: usize) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(20);
    let mut offset = 0;
    let mut fragments = Vec::new();
    for part in payload.chunks(size) {
        let has_more = offset + part.len() < payload.len();
        let mut fragment = header.to_vec();
        fragment[2..4].copy_from_slice(&u16::try_from(part.len() + 20).unwrap().to_be_bytes());
        fragment[4..6].copy_from_slice(&identification.to_be_bytes());
        let field = u16::try_from(offset / 8).unwrap() | if has_more { 0x2000 } else { 0 };
        fragment[6..8].copy_from_slice(&field.to_be_bytes());
        fragment[10..12].fill(0);
        let sum = checksum(&[&fragment]);
        fragment[10..12].copy_from_slice(&sum.to_be_bytes());
        fragment.extend_from_slice(part);
        fragments.push(fragment);
        offset += part.len();
    }
    fragments
}

/// The packet in IPv6 fragments, each with at most `size` bytes (a multiple of 8) of its payload.
pub fn ipv6_fragments(packet: &[u8], identification: u32, size: usize) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(40);
    let (protocol, addresses) = (header[6], &header[8..]);
    let mut offset = 0;
    let mut fragments = Vec::new();
    for part in payload.chunks(size) {
        let has_more = offset + part.len() < payload.len();
        let mut fragment = vec![0x60, 0, 0, 0];
        fragment.extend_from_slice(&u16::try_from(part.len() + 8).unwrap().to_be_bytes());
        fragment.extend_from_slice(&[44, 64]);
        fragment.extend_from_slice(addresses);
        fragment.extend_from_slice(&[protocol, 0]);
        fragment.extend_from_slice(&(u16::try_from(offset).unwrap() | u16::from(has_more)).to_be_bytes());
        fragment.extend_from_slice(&identification.to_be_bytes());
        fragment.extend_from_slice(part);
        fragments.push(fragment);
        offset += part.len();
    }
    fragments
}

/// Puts an extension header of 8 bytes before the payload of an IPv6 packet.
pub fn ipv6_extension(packet: &[u8], protocol: u8) -> Vec<u8> {
    let (header, payload) = packet.split_at(40);
    let mut packet = header.to_vec();
    packet[4..6].copy_from_slice(&u16::try_from(payload.len() + 8).unwrap().to_be_bytes());
    let next = std::mem::replace(&mut packet[6], protocol);
    // A padding option fills it (RFC 8200 section 4.2).
    packet.extend_from_slice(&[next, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend_from_slice(payload);
    packet
}

/// An IP packet with a UDP datagram.
pub fn udp(source: Endpoint, destination: Endpoint, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).expect("a datagram of at most 65535 bytes");
    let mut datagram = [source.port, destination.port, length, 0].map(u16::to_be_bytes).concat();
    datagram.extend_from_slice(payload);
    let sum = match transport_checksum(source.ip, destination.ip, 17, &datagram) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    ip(source.ip, destination.ip, 17, &datagram)
}

/// What a TCP header says.
#[derive(Clone, Debug, Default)]
pub struct Segment<'a> {
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number.
    pub acknowledgement: u32,
    /// The flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
    pub flags: u8,
    /// The window.
    pub window: u16,
    /// The options, a multiple of 4 bytes.
    pub options: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

/// An IP packet with a TCP segment.
pub fn tcp(source: Endpoint, destination: Endpoint, segment: &Segment<'_>) -> Vec<u8> {
    let mut bytes = [source.port, destination.port].map(u16::to_be_bytes).concat();
    bytes.extend_from_slice(&segment.sequence.to_be_bytes());
    bytes.extend_from_slice(&segment.acknowledgement.to_be_bytes());
    let words = u8::try_from(segment.options.len() / 4 + 5).unwrap();
    bytes.extend_from_slice(&[words << 4, segment.flags]);
    bytes.extend_from_slice(&segment.window.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(segment.options);
    bytes.extend_from_slice(segment.payload);
    let sum = transport_checksum(source.ip, destination.ip, 6, &bytes);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    ip(source.ip, destination.ip, 6, &bytes)
}

/// An IP packet with an SCTP packet.
pub fn sctp(source: Endpoint, destination: Endpoint, verification_tag: u32, chunks: &[u8]) -> Vec<u8> {
    let mut packet = [source.port, destination.port].map(u16::to_be_bytes).concat();
    packet.extend_from_slice(&verification_tag.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(chunks);
    let sum = crc32c(&packet);
    packet[8..12].copy_from_slice(&sum.to_le_bytes());
    ip(source.ip, destination.ip, 132, &packet)
}

/// An IP packet with an ICMP or, between IPv6 addresses, an ICMPv6 message. `rest` are the four bytes behind the checksum.
pub fn icmp(source: IpAddr, destination: IpAddr, kind: u8, code: u8, rest: u32, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend_from_slice(&rest.to_be_bytes());
    message.extend_from_slice(body);
    let (protocol, sum) = match source {
        IpAddr::V4(_) => (1, checksum(&[&message])),
        IpAddr::V6(_) => (58, transport_checksum(source, destination, 58, &message)),
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ip(source, destination, protocol, &message)
}

/// An echo request.
pub fn icmp_echo(source: IpAddr, destination: IpAddr, identifier: u16, sequence: u16) -> Vec<u8> {
    let kind = if source.is_ipv4() { 8 } else { 128 };
    icmp(source, destination, kind, 0, u32::from(identifier) << 16 | u32::from(sequence), b"ping")
}

/// An error "port unreachable" about a packet, of which it quotes at most `quoted_bytes`.
pub fn icmp_error(source: IpAddr, destination: IpAddr, packet: &[u8], quoted_bytes: usize) -> Vec<u8> {
    let (kind, code) = if source.is_ipv4() { (3, 3) } else { (1, 4) };
    icmp(source, destination, kind, code, 0, &packet[..quoted_bytes.min(packet.len())])
}

/// A UDP datagram with a VXLAN header around an Ethernet frame.
pub fn vxlan(source: IpAddr, destination: IpAddr, id: u32, frame: &[u8]) -> Vec<u8> {
    let mut payload = vec![8, 0, 0, 0];
    payload.extend_from_slice(&(id << 8).to_be_bytes());
    payload.extend_from_slice(frame);
    udp(Endpoint::new(source, 50_000), Endpoint::new(destination, 4789), &payload)
}

/// A UDP datagram with a GENEVE header around an Ethernet frame; the options are a multiple of 4 bytes.
pub fn geneve(source: IpAddr, destination: IpAddr, id: u32, options: &[u8], frame: &[u8]) -> Vec<u8> {
    let mut payload = vec![u8::try_from(options.len() / 4).unwrap(), 0, 0x65, 0x58];
    payload.extend_from_slice(&(id << 8).to_be_bytes());
    payload.extend_from_slice(options);
    payload.extend_from_slice(frame);
    udp(Endpoint::new(source, 50_000), Endpoint::new(destination, 6081), &payload)
}

/// An IP packet with a GRE header, with a key where there is one, around what the EtherType says.
pub fn gre(source: IpAddr, destination: IpAddr, key: Option<u32>, ethertype: u16, inner: &[u8]) -> Vec<u8> {
    let mut payload = vec![if key.is_some() { 0x20 } else { 0 }, 0];
    payload.extend_from_slice(&ethertype.to_be_bytes());
    payload.extend(key.map(u32::to_be_bytes).into_iter().flatten());
    payload.extend_from_slice(inner);
    ip(source, destination, 47, &payload)
}

/// A UDP datagram with a GTP-U header around an IP packet.
pub fn gtp_u(source: IpAddr, destination: IpAddr, id: u32, packet: &[u8]) -> Vec<u8> {
    let mut payload = vec![0x30, 255];
    payload.extend_from_slice(&u16::try_from(packet.len()).unwrap().to_be_bytes());
    payload.extend_from_slice(&id.to_be_bytes());
    payload.extend_from_slice(packet);
    udp(Endpoint::new(source, 2152), Endpoint::new(destination, 2152), &payload)
}

/// RFC 9260 appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

/// RFC 1071.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// With the pseudo-header of RFC 9293 section 3.1 or RFC 8200 section 8.1.
fn transport_checksum(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    checksum(&[&octets(source), &octets(destination), &length, &[0, protocol], bytes])
}
