//! The packet that an error quotes: an IP header and the first bytes behind it (RFC 792, RFC 4443 section 3).

use std::net::IpAddr;

use lanternfish_model::Endpoint;

/// Who sent the quoted packet to whom.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// The source; port 0 where it has none or it was not quoted.
    pub source: Endpoint,
    /// The destination.
    pub destination: Endpoint,
    /// The number of the transport.
    pub protocol: u8,
}

impl Quoted {
    /// Reads a quoted packet.
    pub fn read(bytes: &[u8]) -> Option<Quoted> {
        let (source, destination, protocol, payload) = match bytes.first()? >> 4 {
            4 => ipv4(bytes)?,
            6 => ipv6(bytes)?,
            _ => return None,
        };
        let ports = match (protocol, payload.first_chunk::<4>()) {
            (TCP | UDP | SCTP, Some([a, b, c, d])) => [u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])],
            _ => [0, 0],
        };
        let [from, to] = ports;
        Some(Quoted { source: Endpoint::new(source, from), destination: Endpoint::new(destination, to), protocol })
    }

    /// The name of the transport.
    pub fn protocol_name(&self) -> Option<&'static str> {
        Some(match self.protocol {
            TCP => "tcp",
            UDP => "udp",
            SCTP => "sctp",
            1 | 58 => "icmp",
            2 => "igmp",
            47 => "gre",
            50 => "esp",
            _ => return None,
        })
    }
}

type Parts<'a> = (IpAddr, IpAddr, u8, &'a [u8]);

fn ipv4(bytes: &[u8]) -> Option<Parts<'_>> {
    let head = bytes.first_chunk::<20>()?;
    let length = usize::from(head.first()? & 0xf).saturating_mul(4).max(20);
    let is_first = u16::from_be_bytes(*head.get(6..)?.first_chunk()?) & 0x1fff == 0;
    let payload = if is_first { bytes.get(length..).unwrap_or_default() } else { &[] };
    let address = |at: usize| head.get(at..)?.first_chunk::<4>().map(|octets| IpAddr::from(*octets));
    Some((address(12)?, address(16)?, *head.get(9)?, payload))
}

fn ipv6(bytes: &[u8]) -> Option<Parts<'_>> {
    let head = bytes.first_chunk::<40>()?;
    let address = |at: usize| head.get(at..)?.first_chunk::<16>().map(|octets| IpAddr::from(*octets));
    let (mut next, mut at) = (*head.get(6)?, 40usize);
    for _ in 0..MAX_EXTENSIONS {
        let length = match (next, bytes.get(at.saturating_add(1))) {
            (HOP_BY_HOP | ROUTING | DESTINATION, Some(length)) => {
                usize::from(*length).saturating_add(1).saturating_mul(8)
            }
            (FRAGMENT, Some(_)) => 8,
            _ => break,
        };
        next = *bytes.get(at)?;
        at = at.saturating_add(length);
    }
    Some((address(8)?, address(24)?, next, bytes.get(at..).unwrap_or_default()))
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
/// The most extension headers that are stepped over, RFC 8200 section 4.1.
const MAX_EXTENSIONS: usize = 8;
