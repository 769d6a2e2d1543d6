//! What a packet turns out to be once its headers are read.

use std::net::IpAddr;

use lanternfish_model::{Cause, ConnectionKey, Endpoint, Scope, Transport};
use smallvec::SmallVec;

/// A link type as capture files number them (LINKTYPE_…).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, host byte order.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Raw IPv4 or IPv6.
    pub const RAW: LinkType = LinkType(101);
    /// OpenBSD loopback, network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// The kind of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// RFC 2784, RFC 2890.
    Gre,
    /// Encapsulated remote SPAN, types I to III.
    Erspan,
    /// IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// 3GPP TS 29.281.
    GtpU,
}

impl TunnelKind {
    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            TunnelKind::Vxlan => "vxlan",
            TunnelKind::Geneve => "geneve",
            TunnelKind::Gre => "gre",
            TunnelKind::Erspan => "erspan",
            TunnelKind::IpInIp => "ipip",
            TunnelKind::GtpU => "gtp",
        }
    }
}

/// One tunnel around a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The kind.
    pub kind: TunnelKind,
    /// The network identifier, key, session or tunnel endpoint id; 0 where there is none.
    pub id: u32,
    /// The outer source.
    pub source: IpAddr,
    /// The outer destination.
    pub destination: IpAddr,
}

/// The flags of a TCP header, RFC 9293 section 3.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// FIN.
    pub const fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }
    /// SYN.
    pub const fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }
    /// RST.
    pub const fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }
    /// PSH.
    pub const fn psh(self) -> bool {
        self.0 & 0x08 != 0
    }
    /// ACK.
    pub const fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// A TCP header, RFC 9293 section 3.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpHeader {
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number.
    pub acknowledgement: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window, unscaled.
    pub window: u16,
    /// The checksum as it stands there; never verified.
    pub checksum: u16,
    /// The window scale option of a SYN (RFC 7323 section 2.2).
    pub window_scale: Option<u8>,
    /// The maximum segment size option of a SYN, 0 where absent.
    pub max_segment_size: u16,
}

/// An SCTP common header, RFC 9260 section 3.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SctpHeader {
    /// The verification tag.
    pub verification_tag: u32,
    /// The checksum as it stands there.
    pub checksum: u32,
}

/// The packet that an ICMP error speaks of, as far as it was quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Its source.
    pub source: Endpoint,
    /// Its destination.
    pub destination: Endpoint,
    /// Its transport.
    pub transport: Transport,
}

/// An ICMP (RFC 792) or ICMPv6 (RFC 4443) header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpHeader {
    /// 4 or 6.
    pub version: u8,
    /// The type.
    pub kind: u8,
    /// The code.
    pub code: u8,
    /// The checksum as it stands there.
    pub checksum: u16,
    /// The four bytes behind the checksum: identifier and sequence number of an echo.
    pub rest: u32,
    /// The packet that an error quotes.
    pub quoted: Option<Quoted>,
}

/// The transport header of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportHeader {
    /// TCP.
    Tcp(TcpHeader),
    /// UDP, with its checksum as it stands there.
    Udp {
        /// The checksum, 0 where the sender made none.
        checksum: u16,
    },
    /// SCTP.
    Sctp(SctpHeader),
    /// ICMP or ICMPv6.
    Icmp(IcmpHeader),
}

impl TransportHeader {
    /// The transport.
    pub const fn transport(&self) -> Transport {
        match self {
            TransportHeader::Tcp(_) => Transport::Tcp,
            TransportHeader::Udp { .. } => Transport::Udp,
            TransportHeader::Sctp(_) => Transport::Sctp,
            TransportHeader::Icmp(_) => Transport::Icmp,
        }
    }
}

/// A payload that may have been cut by the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Bytes that were on the wire behind them but not captured.
    pub missing: u32,
}

/// The innermost datagram or segment of a packet.
///
/// The payload begins behind the transport header; for ICMP it is the whole message, header included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The source; port 0 for ICMP.
    pub source: Endpoint,
    /// The destination; port 0 for ICMP.
    pub destination: Endpoint,
    /// The transport header.
    pub header: TransportHeader,
    /// The payload.
    pub payload: Payload<'a>,
    /// The length of the innermost IP packet in bytes, from the network header on, as its header says.
    pub network_bytes: u32,
    /// The length of the transport header and payload in bytes on the wire.
    pub transport_bytes: u32,
    /// The tunnels around it, outermost first.
    pub tunnels: SmallVec<[Tunnel; 1]>,
}

impl Datagram<'_> {
    /// The scope: a hash of the tunnels that is the same in both directions; 0 where there is none.
    #[inline]
    pub fn scope(&self) -> Scope {
        if self.tunnels.is_empty() { Scope::default() } else { Tunnel::scope(&self.tunnels) }
    }

    /// The key of the connection that it belongs to; ICMP errors about one connection have a key of their own.
    #[inline]
    pub fn key(&self) -> ConnectionKey {
        let scope = match self.quoted_key() {
            Some(quoted) => Scope(quoted.hash64(0) as u32),
            None => self.scope(),
        };
        ConnectionKey::new(self.source, self.destination, self.header.transport(), scope)
    }

    /// The key of the connection that an ICMP error speaks of.
    #[inline]
    pub fn quoted_key(&self) -> Option<ConnectionKey> {
        match &self.header {
            TransportHeader::Icmp(IcmpHeader { quoted: Some(quoted), .. }) => {
                Some(ConnectionKey::new(quoted.source, quoted.destination, quoted.transport, self.scope()))
            }
            _ => None,
        }
    }
}

impl Tunnel {
    /// The scope of a stack of tunnels: 0 for none, else a hash of kinds and ids (for kinds without an id, of the
    /// outer addresses without a direction). Numbers that may differ by direction are left out: the endpoint ids of
    /// GTP-U, and the keys of GRE, which name a flow in NVGRE (RFC 7637 section 3.2) and a side in mirrored traffic.
    pub fn scope(tunnels: &[Tunnel]) -> Scope {
        let mut hash: u64 = 0;
        for tunnel in tunnels {
            let id = match tunnel.kind {
                TunnelKind::GtpU | TunnelKind::Gre => 0,
                _ => u64::from(tunnel.id),
            };
            let low = Endpoint::new(tunnel.source, 0);
            let high = Endpoint::new(tunnel.destination, 0);
            let outer = match tunnel.kind {
                TunnelKind::IpInIp => ConnectionKey::new(low, high, Transport::Icmp, Scope(0)).hash64(0),
                _ => 0,
            };
            let step = hash ^ outer ^ (id << 8) ^ (tunnel.kind as u64 + 1);
            hash = step.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        Scope(((hash >> 32) ^ hash) as u32)
    }
}

/// A fragment of an IP packet (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The number of the transport protocol (of the first header behind the fragment header).
    pub protocol: u8,
    /// The identification.
    pub identification: u32,
    /// Where its bytes belong, in bytes.
    pub offset: u32,
    /// Whether more follow.
    pub has_more: bool,
    /// Its bytes.
    pub payload: Payload<'a>,
    /// The tunnels around it, outermost first.
    pub tunnels: SmallVec<[Tunnel; 1]>,
}

/// Why a packet holds nothing to dissect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The cause to count it under: [`Cause::UnknownLinkType`], [`Cause::NotIp`], [`Cause::UnknownTransport`],
    /// [`Cause::MalformedHeader`] or [`Cause::TunnelTooDeep`].
    pub cause: Cause,
    /// What it was, named as users know it (`ARP`, `802.11`, `OSPF`), or what was wrong with it.
    pub what: &'static str,
}

/// What a packet turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View<'a> {
    /// A datagram or segment.
    Datagram(Datagram<'a>),
    /// A fragment of one.
    Fragment(Fragment<'a>),
    /// Nothing that is dissected.
    Unread(Unread),
}
