//! Tunnels: VXLAN (RFC 7348), GENEVE (RFC 8926), GTP-U (3GPP TS 29.281; version 0: GSM 09.60), GRE (RFC 2784, RFC 2890,
//! RFC 8086), ERSPAN, Teredo (RFC 4380), PIM Register (RFC 7761), and Ethernet and MPLS in IP.
//!
//! A port is a hint: what stands behind a UDP header is a tunnel only if the tunnel's header is well formed and the
//! packet inside can be read, and on other ports only if both are certain (`content`); otherwise it is a UDP datagram as
//! any other. PPTP's GRE (RFC 2637) is not read.

pub(crate) mod content;

use lanternfish_model::{Cause, Endpoint};

use crate::link::{self, ethertype};
use crate::network::{self, Ends, protocol};
use crate::path::{Path, malformed, too_deep};
use crate::{Payload, Tunnel, TunnelKind, Unread, View, names};

/// The tunnel that a header between these addresses makes.
pub(crate) const fn around(kind: TunnelKind, id: u32, ends: Ends) -> Tunnel {
    Tunnel { kind, id, source: ends.source, destination: ends.destination }
}

/// What a tunnel carries.
#[derive(Clone, Copy)]
enum Inner {
    Ethernet,
    Ip,
    EtherType(u16),
}

/// A tunnel header that was read.
struct Header<'a> {
    kind: TunnelKind,
    id: u32,
    inner: Inner,
    payload: Payload<'a>,
}

/// Whether a tunnel may run between these ports.
#[inline]
pub(crate) const fn is_udp_port(source: u16, destination: u16) -> bool {
    is_port(destination) || is_port(source)
}

#[inline]
const fn is_port(port: u16) -> bool {
    matches!(port, VXLAN_PORT | VXLAN_LINUX_PORT | VXLAN_GPE_PORT | GENEVE_PORT)
        || matches!(port, GTP_U_PORT | GTP_0_PORT | TEREDO_PORT | GRE_PORT)
}

/// The packet inside a tunnel over UDP; none where it is no tunnel, or nothing in it can be read.
#[inline(never)]
pub(crate) fn over_udp<'a>(
    path: &mut Path,
    source: Endpoint,
    destination: Endpoint,
    payload: Payload<'a>,
) -> Option<View<'a>> {
    let port = if is_port(destination.port) { destination.port } else { source.port };
    let header = match port {
        VXLAN_PORT | VXLAN_LINUX_PORT => vxlan(payload)?,
        VXLAN_GPE_PORT => vxlan_gpe(payload)?,
        GENEVE_PORT => geneve(payload)?,
        GRE_PORT => gre_over_udp(payload)?,
        TEREDO_PORT => teredo(payload)?,
        GTP_0_PORT => gtp_0(payload)?,
        GTP_U_PORT => gtp_u(payload)?,
        _ => content::find(payload)?,
    };
    let ends = Ends { source: source.ip, destination: destination.ip };
    let mark = path.mark();
    match enter(path, ends, header) {
        View::Unread(Unread { cause: Cause::MalformedHeader, .. })
        | View::Unread(Unread { cause: Cause::NotIp, what: names::UNKNOWN_ETHERTYPE }) => {
            path.back_to(mark);
            None
        }
        view => Some(view),
    }
}

fn enter<'a>(path: &mut Path, ends: Ends, header: Header<'a>) -> View<'a> {
    if !path.enter_tunnel(around(header.kind, header.id, ends)) {
        return too_deep();
    }
    match header.inner {
        Inner::Ethernet => link::ethernet(path, header.payload),
        Inner::Ip => network::ip(path, header.payload),
        Inner::EtherType(kind) => link::by_ethertype(path, kind, header.payload),
    }
}

/// RFC 7348 section 5: reserved bits are ignored.
fn vxlan(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[flags, _, _, _, v0, v1, v2, _] = payload.bytes.first_chunk::<8>()?;
    if flags & VXLAN_HAS_ID == 0 {
        return None;
    }
    Some(Header {
        kind: TunnelKind::Vxlan,
        id: u32::from_be_bytes([0, v0, v1, v2]),
        inner: Inner::Ethernet,
        payload: payload.skip(8)?,
    })
}

/// draft-ietf-nvo3-vxlan-gpe section 3.1: the last byte of the first word names what follows. A flag says that it does,
/// but it is named without that flag too.
fn vxlan_gpe(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[flags, _, _, next, v0, v1, v2, _] = payload.bytes.first_chunk::<8>()?;
    let inner = match next {
        1 => Inner::EtherType(ethertype::IPV4),
        2 => Inner::EtherType(ethertype::IPV6),
        3 => Inner::Ethernet,
        0 if flags & VXLAN_HAS_NEXT == 0 => Inner::Ethernet,
        _ => return None,
    };
    if flags & VXLAN_HAS_ID == 0 {
        return None;
    }
    let id = u32::from_be_bytes([0, v0, v1, v2]);
    Some(Header { kind: TunnelKind::Vxlan, id, inner, payload: payload.skip(8)? })
}

/// RFC 8926 section 3.4.
fn geneve(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[first, flags, p0, p1, v0, v1, v2, _] = payload.bytes.first_chunk::<8>()?;
    let inner = match u16::from_be_bytes([p0, p1]) {
        ethertype::TRANSPARENT_ETHERNET => Inner::Ethernet,
        kind @ (ethertype::IPV4 | ethertype::IPV6 | ethertype::MPLS) => Inner::EtherType(kind),
        _ => return None,
    };
    if first >> 6 != 0 || flags & 0x3f != 0 {
        return None;
    }
    Some(Header {
        kind: TunnelKind::Geneve,
        id: u32::from_be_bytes([0, v0, v1, v2]),
        inner,
        payload: payload.skip(8 + usize::from(first & 0x3f) * 4)?,
    })
}

/// 3GPP TS 29.281 section 5: version 1, protocol type GTP, message type G-PDU.
fn gtp_u(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[flags, kind, l0, l1, t0, t1, t2, t3] = payload.bytes.first_chunk::<8>()?;
    if flags & 0xf0 != 0x30 || kind != GTP_G_PDU {
        return None;
    }
    let length = u16::from_be_bytes([l0, l1]);
    let mut inner = payload.skip(8)?;
    if length != 0 {
        inner = inner.shortened(u32::from(length));
    }
    if flags & 0x07 != 0 {
        let &[_, _, _, mut next] = inner.bytes.first_chunk::<4>()?;
        inner = inner.skip(4)?;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if flags & 0x04 == 0 || next == 0 {
                break;
            }
            let length = usize::from(*inner.bytes.first()?) * 4;
            next = *inner.bytes.get(length.checked_sub(1)?)?;
            inner = inner.skip(length)?;
        }
    }
    let id = u32::from_be_bytes([t0, t1, t2, t3]);
    Some(Header { kind: TunnelKind::GtpU, id, inner: Inner::Ip, payload: inner })
}

/// GSM 09.60 section 6: version 0, protocol type GTP, message type T-PDU; the header always has 20 bytes.
fn gtp_0(payload: Payload<'_>) -> Option<Header<'_>> {
    let (header, _) = payload.bytes.split_first_chunk::<20>()?;
    let &[flags, kind, l0, l1, _, _, f0, f1, ..] = header;
    if flags & 0xf0 != 0x10 || kind != GTP_G_PDU {
        return None;
    }
    let inner = payload.skip(20)?.shortened(u32::from(u16::from_be_bytes([l0, l1])));
    let id = u32::from(u16::from_be_bytes([f0, f1]));
    Some(Header { kind: TunnelKind::GtpU, id, inner: Inner::Ip, payload: inner })
}

/// RFC 7761 section 4.9.3: a Register message carries a multicast packet to the rendezvous point.
pub(crate) fn pim<'a>(path: &mut Path, ends: Ends, payload: Payload<'a>) -> View<'a> {
    match (payload.bytes.first(), payload.skip(8)) {
        (Some(&PIM_REGISTER), Some(payload)) if !payload.bytes.is_empty() => {
            enter(path, ends, Header { kind: TunnelKind::IpInIp, id: 0, inner: Inner::Ip, payload })
        }
        _ => View::Unread(Unread { cause: Cause::UnknownTransport, what: names::protocol_name(protocol::PIM) }),
    }
}

/// RFC 4380 section 5.1.1: authentication and origin may stand before the IPv6 packet, which fills the datagram.
fn teredo(mut payload: Payload<'_>) -> Option<Header<'_>> {
    if let Some(&[0, 1, client, authentication, ..]) = payload.bytes.first_chunk::<4>() {
        payload = payload.skip(13 + usize::from(client) + usize::from(authentication))?;
    }
    if let Some([0, 0]) = payload.bytes.first_chunk::<2>() {
        payload = payload.skip(8)?;
    }
    let &[first, _, _, _, l0, l1] = payload.bytes.first_chunk::<6>()?;
    if first >> 4 != 6 || u32::from(u16::from_be_bytes([l0, l1])) + 40 != payload.total_bytes() {
        return None;
    }
    Some(Header { kind: TunnelKind::IpInIp, id: 0, inner: Inner::Ip, payload })
}

/// RFC 8086.
fn gre_over_udp(payload: Payload<'_>) -> Option<Header<'_>> {
    gre_header(payload).ok()
}

/// RFC 2784 section 2, RFC 2890 section 2.
pub(crate) fn gre<'a>(path: &mut Path, ends: Ends, payload: Payload<'a>) -> View<'a> {
    match gre_header(payload) {
        Ok(header) => enter(path, ends, header),
        Err(unread) => View::Unread(unread),
    }
}

fn gre_header(payload: Payload<'_>) -> Result<Header<'_>, Unread> {
    const MALFORMED: Unread = Unread { cause: Cause::MalformedHeader, what: "GRE header cut short" };
    let &[f0, f1, p0, p1] = payload.bytes.first_chunk::<4>().ok_or(MALFORMED)?;
    let flags = u16::from_be_bytes([f0, f1]);
    match flags & 0x07 {
        0 => {}
        1 => return Err(Unread { cause: Cause::UnknownTransport, what: "PPTP" }),
        _ => return Err(Unread { what: "bad GRE version", ..MALFORMED }),
    }
    if flags & GRE_HAS_ROUTING != 0 {
        return Err(Unread { cause: Cause::UnknownTransport, what: "GRE with source routes" });
    }
    let key_at = if flags & GRE_HAS_CHECKSUM != 0 { 8 } else { 4 };
    let sequence_at = if flags & GRE_HAS_KEY != 0 { key_at + 4 } else { key_at };
    let end = if flags & GRE_HAS_SEQUENCE != 0 { sequence_at + 4 } else { sequence_at };
    let inner = payload.skip(end).ok_or(MALFORMED)?;
    let key = match payload.bytes.get(key_at..sequence_at).and_then(|bytes| bytes.first_chunk::<4>()) {
        Some(key) => u32::from_be_bytes(*key),
        None => 0,
    };
    let header = match u16::from_be_bytes([p0, p1]) {
        GRE_KEEP_ALIVE => return Err(Unread { cause: Cause::NotIp, what: "GRE keep-alive" }),
        GRE_ERSPAN if flags & GRE_HAS_SEQUENCE == 0 => Some(erspan_i(inner)),
        GRE_ERSPAN => erspan_ii(inner),
        GRE_ERSPAN_III => erspan_iii(inner),
        GRE_WCCP => wccp(key, inner),
        ethertype::CISCO_METADATA => metadata(key, inner),
        kind => Some(Header { kind: TunnelKind::Gre, id: key, inner: Inner::EtherType(kind), payload: inner }),
    };
    header.ok_or(Unread { what: "bad header inside GRE", ..MALFORMED })
}

/// Ethernet (RFC 8986 section 9), EtherIP (RFC 3378) and MPLS (RFC 4023) directly in IP.
pub(crate) fn link_in_ip<'a>(path: &mut Path, protocol: u8, ends: Ends, payload: Payload<'a>) -> View<'a> {
    let (inner, skipped) = match protocol {
        protocol::ETHER_IP => (Inner::Ethernet, 2),
        protocol::MPLS => (Inner::EtherType(ethertype::MPLS), 0),
        _ => (Inner::Ethernet, 0),
    };
    match payload.skip(skipped) {
        Some(payload) => enter(path, ends, Header { kind: TunnelKind::IpInIp, id: 0, inner, payload }),
        None => malformed("EtherIP header cut short"),
    }
}

/// Type I has no header of its own.
fn erspan_i(payload: Payload<'_>) -> Header<'_> {
    Header { kind: TunnelKind::Erspan, id: 0, inner: Inner::Ethernet, payload }
}

/// Type II: version, VLAN, class, truncation, session, reserved, index.
fn erspan_ii(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[_, _, s0, s1, ..] = payload.bytes.first_chunk::<8>()?;
    let id = u32::from(u16::from_be_bytes([s0, s1]) & ERSPAN_SESSION);
    Some(Header { kind: TunnelKind::Erspan, id, inner: Inner::Ethernet, payload: payload.skip(8)? })
}

/// Type III: a time stamp and a frame type more, and an optional sub-header.
fn erspan_iii(payload: Payload<'_>) -> Option<Header<'_>> {
    let &[_, _, s0, s1, _, _, _, _, _, _, frame, flags] = payload.bytes.first_chunk::<12>()?;
    let id = u32::from(u16::from_be_bytes([s0, s1]) & ERSPAN_SESSION);
    let length = if flags & 0x01 != 0 { 20 } else { 12 };
    let inner = match frame >> 2 & 0x1f {
        0 => Inner::Ethernet,
        2 => Inner::Ip,
        _ => return None,
    };
    Some(Header { kind: TunnelKind::Erspan, id, inner, payload: payload.skip(length)? })
}

/// WCCP version 2 puts a redirect header of four bytes before the IPv4 packet, version 1 does not.
fn wccp(key: u32, payload: Payload<'_>) -> Option<Header<'_>> {
    let payload = if payload.first_nibble()? == 4 { payload } else { payload.skip(4)? };
    Some(Header { kind: TunnelKind::Gre, id: key, inner: Inner::Ip, payload })
}

/// Cisco's security group tags stand behind the EtherType of what they tag here, not before it as on Ethernet.
fn metadata(key: u32, payload: Payload<'_>) -> Option<Header<'_>> {
    let &[k0, k1, ..] = payload.bytes.first_chunk::<8>()?;
    let inner = Inner::EtherType(u16::from_be_bytes([k0, k1]));
    Some(Header { kind: TunnelKind::Gre, id: key, inner, payload: payload.skip(8)? })
}

const VXLAN_PORT: u16 = 4789;
/// What Linux took before a port was assigned, and flannel and Cilium still take.
const VXLAN_LINUX_PORT: u16 = 8472;
const VXLAN_HAS_ID: u8 = 0x08;
const GENEVE_PORT: u16 = 6081;
const VXLAN_GPE_PORT: u16 = 4790;
const VXLAN_HAS_NEXT: u8 = 0x04;
const TEREDO_PORT: u16 = 3544;
const GRE_PORT: u16 = 4754;
const GTP_U_PORT: u16 = 2152;
const GTP_0_PORT: u16 = 3386;
const GTP_G_PDU: u8 = 255;
/// The most extension headers of one GTP-U packet; what stands behind more of them is not taken for IP.
const MAX_GTP_EXTENSIONS: usize = 8;
const GRE_HAS_CHECKSUM: u16 = 0x8000;
const GRE_HAS_ROUTING: u16 = 0x4000;
const GRE_HAS_KEY: u16 = 0x2000;
const GRE_HAS_SEQUENCE: u16 = 0x1000;
const GRE_KEEP_ALIVE: u16 = 0;
const GRE_ERSPAN: u16 = 0x88be;
const GRE_ERSPAN_III: u16 = 0x22eb;
const GRE_WCCP: u16 = 0x883e;
const ERSPAN_SESSION: u16 = 0x03ff;
/// Version 2, type Register.
const PIM_REGISTER: u8 = 0x21;
