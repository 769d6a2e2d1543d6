//! Link layers: Ethernet II, IEEE 802.3 with LLC and SNAP, VLAN tags, PPPoE (RFC 2516), PPP (RFC 1661), MPLS (RFC 3032)
//! with pseudowires (RFC 4448), Linux cooked captures, BSD loopback and raw IP.

use lanternfish_model::Cause;

use crate::names::{self, link_name};
use crate::network::{ip, ipv4, ipv4_inlined, ipv6};
use crate::path::{Path, malformed, not_ip, too_deep};
use crate::{LinkType, Payload, Unread, View};

/// The EtherTypes that are read on.
pub(crate) mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_UPSTREAM: u16 = 0x8848;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const QINQ: u16 = 0x88a8;
    pub const PROVIDER_BACKBONE: u16 = 0x88e7;
    pub const CISCO_METADATA: u16 = 0x8909;
    pub const VN_TAG: u16 = 0x8926;
    pub const E_TAG: u16 = 0x893f;
    pub const QINQ_OLD: u16 = 0x9100;
    pub const QINQ_OLD_2: u16 = 0x9200;
    /// Up to here it is the length of an 802.3 frame.
    pub const MAX_LENGTH: u16 = 1500;
}

/// Ethernet II and 802.3.
#[inline(never)]
pub(crate) fn ethernet<'a>(path: &mut Path, frame: Payload<'a>) -> View<'a> {
    ethernet_inlined(path, frame)
}

/// The same for the way that most packets go.
#[inline(always)]
pub(crate) fn ethernet_inlined<'a>(path: &mut Path, frame: Payload<'a>) -> View<'a> {
    let Some((&[.., t0, t1], rest)) = frame.bytes.split_first_chunk::<14>() else {
        return malformed("Ethernet header cut short");
    };
    let payload = Payload { bytes: rest, missing: frame.missing };
    match u16::from_be_bytes([t0, t1]) {
        ethertype::IPV4 => ipv4_inlined(path, payload),
        kind => by_ethertype(path, kind, payload),
    }
}

/// What an EtherType announces, through tags.
#[inline(never)]
pub(crate) fn by_ethertype<'a>(path: &mut Path, mut kind: u16, mut payload: Payload<'a>) -> View<'a> {
    loop {
        match kind {
            ethertype::IPV4 => return ipv4(path, payload),
            ethertype::IPV6 => return ipv6(path, payload),
            ethertype::VLAN | ethertype::QINQ | ethertype::QINQ_OLD | ethertype::QINQ_OLD_2 => {
                let (Some(&[_, _, t0, t1]), Some(rest)) = (payload.bytes.first_chunk::<4>(), payload.skip(4)) else {
                    return malformed("VLAN tag cut short");
                };
                (kind, payload) = (u16::from_be_bytes([t0, t1]), rest);
            }
            ethertype::VN_TAG => {
                let (Some(&[.., t0, t1]), Some(rest)) = (payload.bytes.first_chunk::<6>(), payload.skip(6)) else {
                    return malformed("VN-Tag cut short");
                };
                (kind, payload) = (u16::from_be_bytes([t0, t1]), rest);
            }
            // IEEE 802.1BR, and Cisco's security group tags.
            ethertype::E_TAG | ethertype::CISCO_METADATA => {
                let (Some(&[.., t0, t1]), Some(rest)) = (payload.bytes.first_chunk::<8>(), payload.skip(8)) else {
                    return malformed("tag cut short");
                };
                (kind, payload) = (u16::from_be_bytes([t0, t1]), rest);
            }
            ethertype::MPLS | ethertype::MPLS_UPSTREAM => return mpls(path, payload),
            ethertype::PPPOE_SESSION => return pppoe(path, payload),
            ethertype::TRANSPARENT_ETHERNET => return within(path, payload, 0),
            ethertype::PROVIDER_BACKBONE => return within(path, payload, 4),
            0..=ethertype::MAX_LENGTH => return llc(path, payload.shortened(u32::from(kind))),
            _ => return not_ip(names::ethertype_name(kind)),
        }
        if !path.enter() {
            return too_deep();
        }
    }
}

/// An Ethernet frame `skipped` bytes into the payload of another.
fn within<'a>(path: &mut Path, payload: Payload<'a>, skipped: usize) -> View<'a> {
    match payload.skip(skipped) {
        Some(_) if !path.enter() => too_deep(),
        Some(frame) => ethernet(path, frame),
        None => malformed("Ethernet header cut short"),
    }
}

/// IEEE 802.2, and SNAP by RFC 1042.
fn llc<'a>(path: &mut Path, payload: Payload<'a>) -> View<'a> {
    let Some(&[destination, source, control]) = payload.bytes.first_chunk::<3>() else {
        return malformed("LLC header cut short");
    };
    match (destination, source, control) {
        (0xaa, 0xaa, 0x03) => {
            let (Some(&[_, _, _, o0, o1, o2, t0, t1]), Some(rest)) =
                (payload.bytes.first_chunk::<8>(), payload.skip(8))
            else {
                return malformed("SNAP header cut short");
            };
            match (u32::from_be_bytes([0, o0, o1, o2]), u16::from_be_bytes([t0, t1])) {
                // Bridged Ethernet (RFC 2684) and plain EtherTypes; a length has no place here.
                (0x00_0000 | 0x00_00f8, kind) if kind > ethertype::MAX_LENGTH => match path.enter() {
                    true => by_ethertype(path, kind, rest),
                    false => too_deep(),
                },
                (0x00_000c, 0x2000) => not_ip("CDP"),
                (0x00_000c, 0x2003) => not_ip("VTP"),
                (0x00_000c, 0x2004) => not_ip("DTP"),
                (0x00_000c, 0x010b) => not_ip("STP"),
                (0x00_000c, 0x0111) => not_ip("UDLD"),
                (0x08_0007, 0x809b) => not_ip("AppleTalk"),
                _ => not_ip("SNAP"),
            }
        }
        (0x06, 0x06, 0x03) => match payload.skip(3) {
            Some(packet) => ipv4(path, packet),
            None => malformed("LLC header cut short"),
        },
        (0x42, 0x42, _) => not_ip("STP"),
        (0xe0, 0xe0, _) | (0xff, 0xff, _) => not_ip("IPX"),
        (0xf0, 0xf0 | 0xf1, _) => not_ip("NetBIOS"),
        (0xfe, 0xfe, _) => not_ip("IS-IS"),
        _ => not_ip("LLC"),
    }
}

/// RFC 2516 section 4.
fn pppoe<'a>(path: &mut Path, payload: Payload<'a>) -> View<'a> {
    let (Some(&[0x11, 0, _, _, l0, l1]), Some(rest)) = (payload.bytes.first_chunk::<6>(), payload.skip(6)) else {
        return malformed("bad PPPoE header");
    };
    ppp(path, rest.shortened(u32::from(u16::from_be_bytes([l0, l1]))))
}

/// RFC 1661 section 2, with HDLC's address and control bytes (RFC 1662 section 3.1) where they are kept. A protocol
/// below 0x100 may be one byte long (RFC 1661 section 6.5); protocols are odd, first bytes of two are even.
fn ppp<'a>(path: &mut Path, frame: Payload<'a>) -> View<'a> {
    let frame = match frame.bytes {
        [0xff, 0x03, ..] => frame.skip(2),
        _ => Some(frame),
    };
    let Some(frame) = frame else { return malformed("PPP header cut short") };
    let (protocol, length) = match *frame.bytes {
        [first, ..] if first & 1 == 1 => (u16::from(first), 1),
        [first, second, ..] => (u16::from_be_bytes([first, second]), 2),
        _ => return malformed("PPP header cut short"),
    };
    let Some(payload) = frame.skip(length) else { return malformed("PPP header cut short") };
    match protocol {
        0x0021 => ipv4(path, payload),
        0x0057 => ipv6(path, payload),
        0x0281 | 0x0283 => mpls(path, payload),
        _ => not_ip("PPP"),
    }
}

/// RFC 3032. What the labels carry is not said; the first four bits of it tell IP and a control word (RFC 4385)
/// apart, and an Ethernet frame without one is known by its EtherType.
pub(crate) fn mpls<'a>(path: &mut Path, mut payload: Payload<'a>) -> View<'a> {
    loop {
        if !path.enter() {
            return too_deep();
        }
        let (Some(&[_, _, bottom, _]), Some(rest)) = (payload.bytes.first_chunk::<4>(), payload.skip(4)) else {
            return malformed("MPLS label cut short");
        };
        payload = rest;
        if bottom & 1 == 1 {
            break;
        }
    }
    let Some(nibble) = payload.first_nibble() else { return malformed("MPLS payload cut short") };
    let behind_word = payload.skip(4).filter(|_| nibble == 0);
    match behind_word {
        Some(frame) if is_ethernet(frame) => ethernet(path, frame),
        _ if is_ip(payload) => ip(path, payload),
        _ if is_ethernet(payload) => ethernet(path, payload),
        _ => not_ip("MPLS"),
    }
}

fn is_ip(packet: Payload<'_>) -> bool {
    match packet.first_nibble() {
        Some(4) => packet.bytes.first().is_some_and(|first| first & 0x0f >= 5),
        Some(6) => packet.total_bytes() >= 40,
        _ => false,
    }
}

fn is_ethernet(frame: Payload<'_>) -> bool {
    let Some(&[.., t0, t1]) = frame.bytes.first_chunk::<14>() else { return false };
    let payload = frame.skip(14);
    match u16::from_be_bytes([t0, t1]) {
        ethertype::IPV4 => payload.and_then(Payload::first_nibble) == Some(4),
        ethertype::IPV6 => payload.and_then(Payload::first_nibble) == Some(6),
        length @ 3..=ethertype::MAX_LENGTH => payload.is_some_and(|payload| payload.total_bytes() >= u32::from(length)),
        ethertype::VLAN | ethertype::QINQ | ethertype::QINQ_OLD | ethertype::MPLS | ethertype::PPPOE_SESSION => true,
        kind => kind > ethertype::MAX_LENGTH && names::ethertype_name(kind) != names::UNKNOWN_ETHERTYPE,
    }
}

/// Every link type but Ethernet.
#[inline(never)]
pub(crate) fn other<'a>(path: &mut Path, link: LinkType, packet: Payload<'a>) -> View<'a> {
    match link {
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => ip(path, packet),
        LinkType::LINUX_SLL => cooked(path, packet),
        LinkType::LINUX_SLL2 => cooked_v2(path, packet),
        LinkType::NULL | LinkType::LOOP => loopback(path, packet),
        LinkType(9 | 50) => ppp(path, packet),
        LinkType(51) => pppoe(path, packet),
        LinkType(104) => cisco_hdlc(path, packet),
        LinkType(239) => nflog(path, packet),
        LinkType(242) => infiniband(path, packet),
        _ => View::Unread(Unread { cause: Cause::UnknownLinkType, what: link_name(link) }),
    }
}

/// LINKTYPE_LINUX_SLL: packet type, ARPHRD type, address length, address, protocol.
fn cooked<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    let (Some(&[_, _, h0, h1, .., p0, p1]), Some(payload)) = (packet.bytes.first_chunk::<16>(), packet.skip(16)) else {
        return malformed("Linux cooked header cut short");
    };
    cooked_payload(path, u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]), payload)
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface, ARPHRD type, packet type, address length, address.
fn cooked_v2<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    let Some((&[p0, p1, _, _, _, _, _, _, h0, h1, ..], rest)) = packet.bytes.split_first_chunk::<20>() else {
        return malformed("Linux cooked header cut short");
    };
    let payload = Payload { bytes: rest, missing: packet.missing };
    cooked_payload(path, u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]), payload)
}

fn cooked_payload<'a>(path: &mut Path, hardware: u16, protocol: u16, payload: Payload<'a>) -> View<'a> {
    match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => not_ip("netlink"),
        (ARPHRD_CAN, _) => not_ip("CAN"),
        (_, ETH_P_802_2) => llc(path, payload),
        (_, 0..=ethertype::MAX_LENGTH) => not_ip("Linux cooked frame of no EtherType"),
        _ => by_ethertype(path, protocol, payload),
    }
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: the address family in four bytes, in the byte order of whoever captured it.
fn loopback<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    let (Some(family), Some(payload)) = (packet.bytes.first_chunk::<4>(), packet.skip(4)) else {
        return malformed("loopback header cut short");
    };
    let family = match u32::from_le_bytes(*family) {
        swapped if swapped > 0xffff => swapped.swap_bytes(),
        family => family,
    };
    match family {
        2 => ipv4(path, payload),
        // Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 23 | 24 | 28 | 30 => ipv6(path, payload),
        // Some write an EtherType in its place.
        _ => match u16::try_from(family) {
            Ok(kind) if kind > ethertype::MAX_LENGTH => by_ethertype(path, kind, payload),
            // The number depends on the system; a header that fits is IP under any number.
            _ if is_ip(payload) => ip(path, payload),
            _ => not_ip("address family that is not IP"),
        },
    }
}

/// RFC 1547 section 4.3.1: address, control, EtherType.
fn cisco_hdlc<'a>(path: &mut Path, frame: Payload<'a>) -> View<'a> {
    let (Some(&[_, _, t0, t1]), Some(payload)) = (frame.bytes.first_chunk::<4>(), frame.skip(4)) else {
        return malformed("HDLC header cut short");
    };
    match u16::from_be_bytes([t0, t1]) {
        0x8035 => not_ip("SLARP"),
        kind if kind > ethertype::MAX_LENGTH => by_ethertype(path, kind, payload),
        _ => not_ip("Cisco HDLC"),
    }
}

/// LINKTYPE_NFLOG: address family, version, resource, then values with length and type in the byte order of whoever
/// captured it; version and resource are 0 in practice, so the length of the first value tells the order.
fn nflog<'a>(path: &mut Path, packet: Payload<'a>) -> View<'a> {
    let (Some(&[_, 0, _, _]), Some(mut values)) = (packet.bytes.first_chunk::<4>(), packet.skip(4)) else {
        return malformed("NFLOG header cut short");
    };
    for _ in 0..MAX_NFLOG_VALUES {
        let Some(&[l0, l1, t0, t1]) = values.bytes.first_chunk::<4>() else { break };
        let (length, kind) = match u16::from_le_bytes([t0, t1]) {
            // The types go up to a few dozens.
            kind if kind <= 0xff => (u16::from_le_bytes([l0, l1]), kind),
            kind => (u16::from_be_bytes([l0, l1]), kind.swap_bytes()),
        };
        if length < 4 {
            return malformed("bad NFLOG value");
        }
        if kind == NFLOG_PAYLOAD {
            return match values.shortened(u32::from(length)).skip(4) {
                Some(payload) => ip(path, payload),
                None => malformed("bad NFLOG value"),
            };
        }
        match values.skip(usize::from(length).next_multiple_of(4)) {
            Some(rest) => values = rest,
            None => return malformed("NFLOG value cut short"),
        }
    }
    not_ip("NFLOG without a packet")
}

/// LINKTYPE_IPOIB: two hardware addresses of 20 bytes, then RFC 4391 section 6.
fn infiniband<'a>(path: &mut Path, frame: Payload<'a>) -> View<'a> {
    let (Some(&[.., t0, t1, _, _]), Some(payload)) = (frame.bytes.first_chunk::<44>(), frame.skip(44)) else {
        return malformed("InfiniBand header cut short");
    };
    by_ethertype(path, u16::from_be_bytes([t0, t1]), payload)
}

const ARPHRD_CAN: u16 = 280;
const ARPHRD_NETLINK: u16 = 824;
const NFLOG_PAYLOAD: u16 = 9;
/// The most values before the packet of an NFLOG message.
const MAX_NFLOG_VALUES: usize = 64;
/// Linux's number for a frame that begins with an LLC header.
const ETH_P_802_2: u16 = 0x0004;
