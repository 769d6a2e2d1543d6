//! Who talks to whom: endpoints, transports, directions and the key of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The network address; an IPv4 address is never stored in its IPv6-mapped form.
    pub ip: IpAddr,
    /// The port, 0 for transports that have none (ICMP).
    pub port: u16,
}

impl Endpoint {
    /// Makes an endpoint.
    pub const fn new(ip: IpAddr, port: u16) -> Self {
        Endpoint { ip, port }
    }

    /// The endpoint 0.0.0.0 port 0, as a placeholder.
    pub const UNSPECIFIED: Endpoint = Endpoint { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// The transport of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP, RFC 9293.
    Tcp,
    /// UDP, RFC 768.
    Udp,
    /// SCTP, RFC 9260.
    Sctp,
    /// ICMP (RFC 792) and ICMPv6 (RFC 4443); the address family tells which.
    Icmp,
}

impl Transport {
    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
            Transport::Icmp => "icmp",
        }
    }
}

/// The way that bytes go on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// The other way.
    pub const fn reverse(self) -> Self {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }

    /// 0 to the server, 1 to the client: an index for pairs of values.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What sets apart connections with the same addresses and ports: a tunnel or a network namespace; 0 is neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u32);

/// The key of a connection: the 5-tuple without a direction, with its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// The smaller endpoint.
    pub low: Endpoint,
    /// The larger endpoint.
    pub high: Endpoint,
    /// The transport.
    pub transport: Transport,
    /// The tunnel or network namespace.
    pub scope: Scope,
}

impl ConnectionKey {
    /// Makes the key of the connection that a packet from `source` to `destination` belongs to.
    #[inline]
    pub fn new(source: Endpoint, destination: Endpoint, transport: Transport, scope: Scope) -> Self {
        let is_ordered = match (source.ip, destination.ip) {
            // The same order, by one comparison.
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let word = |ip: Ipv4Addr, port: u16| u64::from(ip.to_bits()) << 16 | u64::from(port);
                word(a, source.port) <= word(b, destination.port)
            }
            _ => source <= destination,
        };
        let (low, high) = if is_ordered { (source, destination) } else { (destination, source) };
        ConnectionKey { low, high, transport, scope }
    }

    /// Hashes the key; both directions have the same hash. Different seeds give independent hashes.
    #[inline]
    pub fn hash64(&self, seed: u64) -> u64 {
        let ports = u64::from(self.low.port) << 48 | u64::from(self.high.port) << 32 | u64::from(self.scope.0);
        let mut h = fold(seed ^ ports, 0x9e37_79b9_7f4a_7c15 ^ (self.transport as u64));
        match (self.low.ip, self.high.ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                h = fold(h ^ (u64::from(a.to_bits()) << 32 | u64::from(b.to_bits())), 0xd6e8_feb8_6659_fd93);
            }
            (a, b) => {
                for bits in [ip_bits(a), ip_bits(b)] {
                    h = fold(h ^ (bits >> 64) as u64, 0xa076_1d64_78bd_642f);
                    h = fold(h ^ bits as u64, 0xe703_7ed1_a0b4_28db);
                }
            }
        }
        fold(h, 0x8ebc_6af0_9c88_c6e3)
    }
}

fn ip_bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Multiplies to 128 bits and folds both halves together.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_endpoint_is_low() {
        let ends = ["10.0.0.1", "10.0.0.2", "200.0.0.1", "::1", "2001:db8::1"];
        let ends = ends.map(|ip| [0, 80, 65_535].map(|port| Endpoint::new(ip.parse().unwrap(), port)));
        for &a in ends.as_flattened() {
            for &b in ends.as_flattened() {
                let key = ConnectionKey::new(a, b, Transport::Tcp, Scope(0));
                assert_eq!((key.low, key.high), (a.min(b), a.max(b)));
            }
        }
    }

    #[test]
    fn both_directions_have_one_key() {
        let a = Endpoint::new("10.0.0.1".parse().unwrap(), 4000);
        let b = Endpoint::new("10.0.0.2".parse().unwrap(), 80);
        let there = ConnectionKey::new(a, b, Transport::Tcp, Scope(0));
        let back = ConnectionKey::new(b, a, Transport::Tcp, Scope(0));
        assert_eq!(there, back);
        assert_eq!(there.hash64(7), back.hash64(7));
        assert_ne!(there.hash64(7), there.hash64(8));
        assert_ne!(there.hash64(7), ConnectionKey::new(a, b, Transport::Udp, Scope(0)).hash64(7));
    }
}
