//! Every kind of header by a packet, read whole, cut at every byte, and damaged.

use std::net::IpAddr;

use lanternfish_model::{Cause, Endpoint};
use lanternfish_testkit as kit;

use crate::{
    LinkType, MAX_TUNNELS, Payload, TransportHeader, Tunnel, TunnelKind, View, link_name, plain_key, read,
    read_transport,
};

fn a() -> Endpoint {
    kit::endpoint("10.0.0.1:4000")
}
fn b() -> Endpoint {
    kit::endpoint("10.0.0.2:80")
}
fn a6() -> Endpoint {
    kit::endpoint("[2001:db8::1]:4000")
}
fn b6() -> Endpoint {
    kit::endpoint("[2001:db8::2]:80")
}
fn outer(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}
fn tcp4() -> Vec<u8> {
    let options = [2, 4, 0x05, 0xb4, 1, 3, 3, 7];
    let segment = kit::Segment {
        sequence: 7,
        acknowledgement: 9,
        flags: 0x12,
        window: 512,
        options: &options,
        payload: b"hello",
    };
    kit::tcp(a(), b(), &segment)
}
fn udp4() -> Vec<u8> {
    kit::udp(a(), b(), b"hello")
}
fn udp6() -> Vec<u8> {
    kit::udp(a6(), b6(), b"hello")
}
/// The frame around some bytes that are not Ethernet's.
fn with(header: &[u8], rest: &[u8]) -> Vec<u8> {
    [header, rest].concat()
}

/// A view in words.
fn words(view: &View<'_>) -> String {
    let tunnels = |tunnels: &[Tunnel]| -> String {
        tunnels.iter().map(|tunnel| format!("{} {} ", tunnel.kind.name(), tunnel.id)).collect()
    };
    match view {
        View::Datagram(datagram) => {
            let header = match datagram.header {
                TransportHeader::Tcp(tcp) => {
                    format!("tcp {} {} {:02x}", tcp.sequence, tcp.acknowledgement, tcp.flags.0)
                }
                TransportHeader::Udp { .. } => "udp".to_owned(),
                TransportHeader::Sctp(sctp) => format!("sctp {}", sctp.verification_tag),
                TransportHeader::Icmp(icmp) => match icmp.quoted {
                    Some(quoted) => {
                        format!(
                            "icmp {} {} ({} {} > {})",
                            icmp.kind,
                            icmp.code,
                            quoted.transport.name(),
                            quoted.source,
                            quoted.destination
                        )
                    }
                    None => format!("icmp {} {} {:08x}", icmp.kind, icmp.code, icmp.rest),
                },
            };
            format!(
                "{}{header} {} > {} payload {}+{} transport {} network {}",
                tunnels(&datagram.tunnels),
                datagram.source,
                datagram.destination,
                datagram.payload.bytes.len(),
                datagram.payload.missing,
                datagram.transport_bytes,
                datagram.network_bytes
            )
        }
        View::Fragment(fragment) => format!(
            "{}fragment {} of {} at {} more {} {} > {} payload {}",
            tunnels(&fragment.tunnels),
            fragment.identification,
            fragment.protocol,
            fragment.offset,
            fragment.has_more,
            fragment.source,
            fragment.destination,
            fragment.payload.bytes.len()
        ),
        View::Unread(unread) => format!("{:?}: {}", unread.cause, unread.what),
    }
}

const TCP4: &str = "tcp 7 9 12 10.0.0.1:4000 > 10.0.0.2:80 payload 5+0 transport 33 network 53";
const UDP4: &str = "udp 10.0.0.1:4000 > 10.0.0.2:80 payload 5+0 transport 13 network 33";
const UDP6: &str = "udp [2001:db8::1]:4000 > [2001:db8::2]:80 payload 5+0 transport 13 network 53";

/// Every kind of packet: link type, bytes, and what is read.
fn packets() -> Vec<(LinkType, Vec<u8>, String)> {
    let (left, right) = (outer(1), outer(2));
    let frame = kit::frame(&udp4());
    let ether = LinkType::ETHERNET;
    let mut list: Vec<(LinkType, Vec<u8>, String)> = Vec::new();
    let mut add = |link: LinkType, bytes: Vec<u8>, expected: &str| list.push((link, bytes, expected.to_owned()));

    add(ether, kit::frame(&tcp4()), TCP4);
    add(ether, frame.clone(), UDP4);
    add(ether, kit::frame(&udp6()), UDP6);
    add(ether, with(&frame, &[0; 20]), UDP4);
    add(ether, kit::vlan(0x8100, 5, &frame), UDP4);
    add(ether, kit::vlan(0x88a8, 6, &kit::vlan(0x8100, 5, &frame)), UDP4);
    add(ether, kit::vlan(0x9100, 6, &kit::vlan(0x8100, 5, &frame)), UDP4);
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &udp4()].concat();
    add(ether, kit::ethernet(snap.len() as u16, &snap), UDP4);
    add(ether, kit::ethernet(0x8864, &with(&[0x11, 0, 0, 9, 0, 35, 0, 0x21], &udp4())), UDP4);
    add(ether, kit::ethernet(0x8864, &with(&[0x11, 0, 0, 9, 0, 55, 0, 0x57], &udp6())), UDP6);
    add(ether, kit::ethernet(0x8864, &[0x11, 0, 0, 9, 0, 6, 0xc0, 0x21, 1, 1, 0, 4]), "NotIp: PPP");
    add(ether, kit::ethernet(0x8847, &with(&[0, 1, 0, 64, 0, 2, 1, 64], &udp4())), UDP4);
    add(ether, kit::ethernet(0x8847, &with(&[0, 2, 1, 64], &udp6())), UDP6);
    add(ether, kit::ethernet(0x8847, &with(&[0, 2, 1, 64, 0, 0, 0, 0], &frame)), UDP4);
    add(ether, kit::ethernet(0x8847, &with(&[0, 2, 1, 64], &frame)), UDP4);
    add(ether, kit::arp(), "NotIp: ARP");
    add(ether, kit::ethernet(0x88cc, &[2, 7]), "NotIp: LLDP");
    add(ether, kit::ethernet(38, &[0x42, 0x42, 3, 0, 0]), "NotIp: STP");
    add(ether, kit::ethernet(0x1234, &[0; 8]), "NotIp: unknown EtherType");

    let cooked = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    add(LinkType::LINUX_SLL, [&cooked[..], &[8, 0], &udp4()].concat(), UDP4);
    add(LinkType::LINUX_SLL, [&cooked[..], &[0x81, 0, 0, 5, 8, 0], &udp4()].concat(), UDP4);
    let cooked = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    assert_eq!(crate::interface_of(LinkType::LINUX_SLL2, &[&[0x86, 0xdd][..], &cooked].concat()), Some(3));
    assert_eq!(crate::interface_of(LinkType::LINUX_SLL, &[&[0x86, 0xdd][..], &cooked].concat()), None);
    assert_eq!(crate::interface_of(LinkType::LINUX_SLL2, &[0x86, 0xdd, 0, 0, 0, 0, 0]), None);
    add(LinkType::LINUX_SLL2, [&[0x86, 0xdd][..], &cooked, &udp6()].concat(), UDP6);
    add(LinkType::RAW, tcp4(), TCP4);
    add(LinkType::RAW, udp6(), UDP6);
    add(LinkType(12), tcp4(), TCP4);
    add(LinkType::IPV4, tcp4(), TCP4);
    add(LinkType::IPV6, udp6(), UDP6);
    add(LinkType::NULL, with(&[2, 0, 0, 0], &udp4()), UDP4);
    add(LinkType::NULL, with(&[0, 0, 0, 30], &udp6()), UDP6);
    add(LinkType::LOOP, with(&[0, 0, 0, 2], &udp4()), UDP4);
    add(LinkType::NULL, with(&[15, 0, 8, 0], &udp4()), UDP4);
    add(LinkType::NULL, [99, 0, 0, 0, 1].to_vec(), "NotIp: address family that is not IP");
    add(LinkType(9), with(&[0xff, 3, 0, 0x21], &udp4()), UDP4);
    add(LinkType(9), with(&[0x21], &udp4()), UDP4);
    add(LinkType(104), with(&[0x0f, 0, 8, 0], &udp4()), UDP4);
    let values = [2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 37, 0, 9, 0];
    add(LinkType(239), with(&values, &udp4()), UDP4);
    add(LinkType(105), vec![0x80, 0, 0, 0], "UnknownLinkType: 802.11");
    add(LinkType(187), vec![1], "UnknownLinkType: Bluetooth");

    let options = [&[0x46, 0][..], &37u16.to_be_bytes(), &udp4()[4..20], &[1, 1, 1, 0], &udp4()[20..]].concat();
    add(ether, kit::frame(&options), &UDP4.replace("network 33", "network 37"));
    let mut offloaded = udp4();
    offloaded[2..4].fill(0);
    add(ether, kit::frame(&offloaded), UDP4);
    let mut authenticated = vec![17, 4, 0, 0];
    authenticated.resize(24, 0);
    authenticated.extend_from_slice(&udp4()[20..]);
    add(ether, kit::frame(&kit::ip(a().ip, b().ip, 51, &authenticated)), &UDP4.replace("network 33", "network 57"));
    for extension in [0, 43, 60, 135] {
        let packet = kit::ipv6_extension(&udp6(), extension);
        add(ether, kit::frame(&packet), &UDP6.replace("network 53", "network 61"));
    }
    let packet = kit::ipv6_extension(&kit::ipv6_extension(&udp6(), 60), 0);
    add(ether, kit::frame(&packet), &UDP6.replace("network 53", "network 69"));
    add(
        ether,
        kit::frame(&kit::ip(a6().ip, b6().ip, 135, &[59, 0, 0, 0, 0, 0, 0, 0])),
        "UnknownTransport: Mobile IPv6",
    );
    for (protocol, name) in [(2, "IGMP"), (50, "ESP"), (89, "OSPF"), (112, "VRRP"), (200, "unknown IP protocol")] {
        add(ether, kit::frame(&kit::ip(a().ip, b().ip, protocol, &[0; 8])), &format!("UnknownTransport: {name}"));
    }
    let mapped = kit::udp(kit::endpoint("[::ffff:10.0.0.1]:4000"), kit::endpoint("[::ffff:10.0.0.2]:80"), b"hello");
    add(ether, kit::frame(&mapped), &UDP4.replace("network 33", "network 53"));

    let fragments = kit::ipv4_fragments(&udp4(), 77, 8);
    add(ether, kit::frame(&fragments[0]), "fragment 77 of 17 at 0 more true 10.0.0.1 > 10.0.0.2 payload 8");
    add(ether, kit::frame(&fragments[1]), "fragment 77 of 17 at 8 more false 10.0.0.1 > 10.0.0.2 payload 5");
    let fragments = kit::ipv6_fragments(&udp6(), 78, 8);
    add(ether, kit::frame(&fragments[0]), "fragment 78 of 17 at 0 more true 2001:db8::1 > 2001:db8::2 payload 8");
    add(ether, kit::frame(&fragments[1]), "fragment 78 of 17 at 8 more false 2001:db8::1 > 2001:db8::2 payload 5");
    let whole = kit::ipv6_fragments(&udp6(), 79, 64);
    add(ether, kit::frame(&whole[0]), &UDP6.replace("network 53", "network 61"));

    add(
        ether,
        kit::frame(&kit::sctp(a(), b(), 3, &[0; 4])),
        "sctp 3 10.0.0.1:4000 > 10.0.0.2:80 payload 4+0 transport 16 network 36",
    );
    let echo = "icmp 8 0 00050006 10.0.0.1:0 > 10.0.0.2:0 payload 12+0 transport 12 network 32";
    add(ether, kit::frame(&kit::icmp_echo(a().ip, b().ip, 5, 6)), echo);
    let echo = "icmp 128 0 00050006 [2001:db8::1]:0 > [2001:db8::2]:0 payload 12+0 transport 12 network 52";
    add(ether, kit::frame(&kit::icmp_echo(a6().ip, b6().ip, 5, 6)), echo);
    let error =
        "icmp 3 3 (udp 10.0.0.1:4000 > 10.0.0.2:80) 192.0.2.1:0 > 10.0.0.1:0 payload 36+0 transport 36 network 56";
    add(ether, kit::frame(&kit::icmp_error(left, a().ip, &udp4(), 28)), error);
    let error =
        "icmp 3 3 (tcp 10.0.0.1:4000 > 10.0.0.2:80) 192.0.2.1:0 > 10.0.0.1:0 payload 32+0 transport 32 network 52";
    add(ether, kit::frame(&kit::icmp_error(left, a().ip, &tcp4(), 24)), error);
    let error = "icmp 3 3 00000000 192.0.2.1:0 > 10.0.0.1:0 payload 31+0 transport 31 network 51";
    add(ether, kit::frame(&kit::icmp_error(left, a().ip, &tcp4(), 23)), error);
    let quoted = kit::ipv6_extension(&udp6(), 0);
    let error = "icmp 1 4 (udp [2001:db8::1]:4000 > [2001:db8::2]:80) [2001:db8::2]:0 > [2001:db8::1]:0 payload 69+0 transport 69 network 109";
    add(ether, kit::frame(&kit::icmp_error(b6().ip, a6().ip, &quoted, 200)), error);

    let through = |tunnel: &str| format!("{tunnel} {UDP4}");
    let vxlan = kit::vxlan(left, right, 42, &frame);
    add(ether, kit::frame(&vxlan), &through("vxlan 42"));
    let mut linux = vxlan.clone();
    linux[22..24].copy_from_slice(&8472u16.to_be_bytes());
    add(ether, kit::frame(&linux), &through("vxlan 42"));
    add(ether, kit::frame(&kit::vxlan(left, right, 42, &kit::arp())), "NotIp: ARP");
    let plain = |port: u16| format!("udp 192.0.2.1:50000 > 192.0.2.2:{port} payload 8+0 transport 16 network 36");
    for port in [4789, 8472, 6081] {
        let packet = kit::udp(Endpoint::new(left, 50_000), Endpoint::new(right, port), &[8, 0, 1, 2, 3, 4, 5, 6]);
        add(ether, kit::frame(&packet), &plain(port));
    }
    add(ether, kit::frame(&kit::geneve(left, right, 43, &[1; 8], &frame)), &through("geneve 43"));
    add(ether, kit::frame(&kit::gre(left, right, None, 0x0800, &udp4())), &through("gre 0"));
    add(ether, kit::frame(&kit::gre(left, right, Some(44), 0x86dd, &udp6())), &format!("gre 44 {UDP6}"));
    add(ether, kit::frame(&kit::gre(left, right, Some(45), 0x6558, &frame)), &through("gre 45"));
    let tagged = with(&[8, 0, 1, 1, 0, 1, 0, 0], &udp4());
    add(ether, kit::frame(&kit::gre(left, right, Some(44), 0x8909, &tagged)), &through("gre 44"));
    let full = with(&[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 46, 0, 0, 0, 1], &udp4());
    add(ether, kit::frame(&kit::ip(left, right, 47, &full)), &through("gre 46"));
    add(ether, kit::frame(&kit::ip(left, right, 47, &[0x30, 0x81, 0x88, 0x0b, 0, 4, 0, 1])), "UnknownTransport: PPTP");
    add(ether, kit::frame(&kit::gre(left, right, None, 0x88be, &frame)), &through("erspan 0"));
    let second = with(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 47, 0, 0, 0, 0], &frame);
    add(ether, kit::frame(&kit::ip(left, right, 47, &second)), &through("erspan 47"));
    let third = with(
        &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 48, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &frame,
    );
    add(ether, kit::frame(&kit::ip(left, right, 47, &third)), &through("erspan 48"));
    add(ether, kit::frame(&kit::ip(left, right, 4, &udp4())), &through("ipip 0"));
    add(ether, kit::frame(&kit::ip(left, right, 41, &udp6())), &format!("ipip 0 {UDP6}"));
    add(ether, kit::frame(&kit::ip(a6().ip, b6().ip, 4, &udp4())), &through("ipip 0"));
    add(ether, kit::frame(&kit::ip(a6().ip, b6().ip, 41, &udp6())), &format!("ipip 0 {UDP6}"));
    add(ether, kit::frame(&kit::gtp_u(left, right, 49, &udp4())), &through("gtp 49"));
    let user = |payload: &[u8]| kit::udp(Endpoint::new(left, 2152), Endpoint::new(right, 2152), payload);
    let extended = with(&[0x34, 255, 0, 41, 0, 0, 0, 50, 0, 0, 0, 0x85, 1, 16, 0, 0], &udp4());
    add(ether, kit::frame(&user(&extended)), &through("gtp 50"));
    let unflagged = with(&[8, 0, 0, 1, 0, 0, 44, 0], &udp4());
    let port_4790 = Endpoint::new(right, 4790);
    add(ether, kit::frame(&kit::udp(Endpoint::new(left, 5), port_4790, &unflagged)), &through("vxlan 44"));
    let unflagged = with(&[8, 0, 0, 0, 0, 0, 45, 0], &frame);
    add(ether, kit::frame(&kit::udp(Endpoint::new(left, 5), port_4790, &unflagged)), &through("vxlan 45"));
    let old = [&[0x1e, 255, 0, 33, 0, 0, 0, 51, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &udp4()].concat();
    let port_3386 = |last| kit::endpoint(&format!("192.0.2.{last}:3386"));
    add(ether, kit::frame(&kit::udp(port_3386(1), port_3386(2), &old)), &through("gtp 51"));
    let register = with(&[0x21, 0, 0xde, 0xff, 0, 0, 0, 0], &udp4());
    add(ether, kit::frame(&kit::ip(left, right, 103, &register)), &through("ipip 0"));
    add(ether, kit::frame(&kit::ip(left, right, 103, &[0x22, 0, 0, 0, 0, 0, 0, 0])), "UnknownTransport: PIM");
    let echo = "udp 192.0.2.1:2152 > 192.0.2.2:2152 payload 12+0 transport 20 network 40";
    add(ether, kit::frame(&user(&[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0])), echo);
    let both = kit::vxlan(left, right, 42, &kit::frame(&kit::gre(left, right, Some(5), 0x0800, &udp4())));
    add(ether, kit::frame(&both), &through("vxlan 42 gre 5"));
    let piece = kit::frame(&kit::ipv4_fragments(&udp4(), 77, 8)[0]);
    let expected = "vxlan 42 fragment 77 of 17 at 0 more true 10.0.0.1 > 10.0.0.2 payload 8";
    add(ether, kit::frame(&kit::vxlan(left, right, 42, &piece)), expected);
    list
}

#[test]
fn each_kind_of_packet_is_read() {
    for (link, bytes, expected) in packets() {
        let view = read(link, &bytes, bytes.len() as u32);
        assert_eq!(words(&view), expected, "{bytes:02x?}");
    }
}

#[test]
fn a_packet_cut_anywhere_is_the_same_packet_with_bytes_missing() {
    for (link, bytes, expected) in packets() {
        let whole = read(link, &bytes, bytes.len() as u32);
        for cut in 0..bytes.len() {
            let view = read(link, &bytes[..cut], bytes.len() as u32);
            if let (View::Datagram(whole), View::Datagram(part)) = (&whole, &view)
                && whole.tunnels == part.tunnels
            {
                assert_eq!(part.source, whole.source, "{expected} cut at {cut}");
                assert_eq!(part.payload.total_bytes(), whole.payload.total_bytes(), "{expected} cut at {cut}");
                assert_eq!(part.transport_bytes, whole.transport_bytes, "{expected} cut at {cut}");
            }
            // A file that does not tell what was cut.
            let _ = read(link, &bytes[..cut], cut as u32);
        }
    }
}

#[test]
fn the_key_of_a_plain_segment_is_that_of_its_datagram() {
    let agree = |link: LinkType, bytes: &[u8]| {
        let Some(key) = plain_key(link, bytes) else { return false };
        let View::Datagram(datagram) = read(link, bytes, bytes.len() as u32) else {
            panic!("no datagram: {bytes:02x?}")
        };
        assert_eq!(datagram.key(), key, "{bytes:02x?}");
        assert!(datagram.tunnels.is_empty() && datagram.quoted_key().is_none());
        true
    };
    let plain = kit::frame(&tcp4());
    assert!(agree(LinkType::ETHERNET, &plain));
    for (link, bytes, _) in packets() {
        agree(link, &bytes);
        for cut in 0..bytes.len() {
            agree(link, &bytes[..cut]);
        }
    }
    for at in 0..plain.len() {
        for value in 0..=255 {
            let mut changed = plain.clone();
            changed[at] = value;
            agree(LinkType::ETHERNET, &changed);
        }
    }
}

#[test]
fn headers_cut_by_the_capture_still_tell_the_ports() {
    let tcp = kit::frame(&tcp4());
    let view = read(LinkType::ETHERNET, &tcp[..14 + 20 + 14], tcp.len() as u32);
    assert_eq!(words(&view), TCP4.replace("payload 5+0", "payload 0+5"));
    let udp = kit::frame(&udp4());
    let view = read(LinkType::ETHERNET, &udp[..14 + 20 + 4], udp.len() as u32);
    assert_eq!(words(&view), UDP4.replace("payload 5+0", "payload 0+5"));
    let view = read(LinkType::ETHERNET, &udp[..udp.len() - 2], udp.len() as u32);
    assert_eq!(words(&view), UDP4.replace("payload 5+0", "payload 3+2"));
}

#[test]
fn the_options_of_a_syn_are_read() {
    let packet = tcp4();
    let View::Datagram(datagram) = read(LinkType::RAW, &packet, packet.len() as u32) else { panic!("no datagram") };
    let TransportHeader::Tcp(tcp) = datagram.header else { panic!("no TCP") };
    assert_eq!((tcp.max_segment_size, tcp.window_scale, tcp.window), (1460, Some(7), 512));
    assert!(tcp.flags.syn() && tcp.flags.ack());
}

#[test]
fn a_tunnel_whose_inner_packet_is_unreadable_is_a_udp_datagram() {
    let mut inner = kit::frame(&udp4());
    inner[14] = 0x15;
    let packet = kit::vxlan(outer(1), outer(2), 42, &inner);
    let view = read(LinkType::RAW, &packet, packet.len() as u32);
    let expected = "udp 192.0.2.1:50000 > 192.0.2.2:4789 payload 55+0 transport 63 network 83";
    assert_eq!(words(&view), expected);
}

#[test]
fn a_mirrored_packet_cut_within_its_tunnel_misses_bytes() {
    let inner = kit::frame(&udp4());
    let packet = kit::vxlan(outer(1), outer(2), 42, &inner[..inner.len() - 2]);
    let view = read(LinkType::RAW, &packet, packet.len() as u32);
    assert_eq!(words(&view), format!("vxlan 42 {}", UDP4.replace("5+0", "3+2")));
}

#[test]
fn nesting_has_a_limit() {
    let mut packet = udp4();
    for _ in 0..MAX_TUNNELS {
        packet = kit::ip(outer(1), outer(2), 4, &packet);
    }
    let View::Datagram(datagram) = read(LinkType::RAW, &packet, packet.len() as u32) else { panic!("no datagram") };
    assert_eq!(datagram.tunnels.len(), MAX_TUNNELS);
    packet = kit::ip(outer(1), outer(2), 4, &packet);
    let View::Unread(unread) = read(LinkType::RAW, &packet, packet.len() as u32) else { panic!("read") };
    assert_eq!(unread.cause, Cause::TunnelTooDeep);

    let tags = std::iter::repeat_n([0, 1, 0x81, 0], 10_000).flatten().collect::<Vec<u8>>();
    let View::Unread(unread) = read(LinkType::ETHERNET, &kit::ethernet(0x8100, &tags), 40_014) else { panic!("read") };
    assert_eq!(unread.cause, Cause::TunnelTooDeep);
    let labels = vec![0; 40_000];
    let View::Unread(unread) = read(LinkType::ETHERNET, &kit::ethernet(0x8847, &labels), 40_014) else {
        panic!("read")
    };
    assert_eq!(unread.cause, Cause::TunnelTooDeep);
    let mut extensions = udp6();
    for _ in 0..100 {
        extensions = kit::ipv6_extension(&extensions, 60);
    }
    let View::Unread(unread) = read(LinkType::RAW, &extensions, extensions.len() as u32) else { panic!("read") };
    assert_eq!(unread.cause, Cause::TunnelTooDeep);
}

#[test]
fn lengths_that_contradict_each_other_are_malformed() {
    let change = |at: usize, value: u8| {
        let mut packet = tcp4();
        packet[at] = value;
        let length = packet.len() as u32;
        words(&read(LinkType::RAW, &packet, length))
    };
    assert_eq!(change(0, 0x44), "MalformedHeader: bad IPv4 version or header length");
    assert_eq!(change(0, 0x55), "MalformedHeader: neither IPv4 nor IPv6");
    assert_eq!(change(3, 19), "MalformedHeader: bad IPv4 total length");
    assert_eq!(change(32, 0x40), "MalformedHeader: bad TCP data offset");
    assert_eq!(change(32, 0xf0), "MalformedHeader: bad TCP data offset");
    // A total length beyond the frame is damage; the frame is believed.
    assert_eq!(change(2, 0x7f), TCP4.replace("network 53", "network 32565"));
    let mut packet = udp4();
    packet[25] = 7;
    assert_eq!(words(&read(LinkType::RAW, &packet, packet.len() as u32)), "MalformedHeader: bad UDP length");
    packet[25] = 0;
    assert_eq!(words(&read(LinkType::RAW, &packet, packet.len() as u32)), UDP4);
    packet[25] = 10;
    let shorter = UDP4.replace("payload 5+0 transport 13", "payload 2+0 transport 10");
    assert_eq!(words(&read(LinkType::RAW, &packet, packet.len() as u32)), shorter);
}

#[test]
fn a_defragmented_datagram_is_read_on() {
    let tunnel = Tunnel { kind: TunnelKind::Vxlan, id: 42, source: outer(1), destination: outer(2) };
    let payload = |bytes| Payload { bytes, missing: 0 };
    let udp = udp4();
    let view = read_transport(17, a().ip, b().ip, payload(&udp[20..]), 33, &[tunnel]);
    assert_eq!(words(&view), format!("vxlan 42 {UDP4}"));
    let extended = kit::ipv6_extension(&udp6(), 60);
    let view = read_transport(60, a6().ip, b6().ip, payload(&extended[40..]), 53, &[]);
    assert_eq!(words(&view), UDP6);
    let inner = kit::gre(outer(1), outer(2), Some(5), 0x0800, &udp4());
    let view = read_transport(47, outer(1), outer(2), payload(&inner[20..]), 99, &[tunnel]);
    assert_eq!(words(&view), format!("vxlan 42 gre 5 {UDP4}"));
}

#[test]
fn damaged_packets_never_panic_and_never_grow() {
    let mut random = kit::Random::new(1);
    for (link, bytes, _) in packets() {
        for _ in 0..2000 {
            let mut damaged = bytes.clone();
            let times = random.below(6) + 1;
            random.damage(&mut damaged, times);
            let wire_len = if random.once_in(2) { damaged.len() as u32 } else { random.number() as u32 };
            match read(link, &damaged, wire_len) {
                View::Datagram(datagram) => {
                    assert!(datagram.payload.bytes.len() <= damaged.len());
                    assert!(datagram.tunnels.len() <= MAX_TUNNELS);
                }
                View::Fragment(fragment) => assert!(fragment.payload.bytes.len() <= damaged.len()),
                View::Unread(_) => {}
            }
        }
    }
}

#[test]
fn every_link_type_can_be_tried() {
    let bytes = kit::frame(&udp4());
    for number in 0..=u16::MAX {
        let _ = read(LinkType(number), &bytes, bytes.len() as u32);
    }
    assert_eq!(link_name(LinkType::ETHERNET), "Ethernet");
    assert_eq!(link_name(LinkType(127)), "802.11");
    assert_eq!(link_name(LinkType(60_000)), "unknown link type");
}

#[test]
fn tunnels_are_found_on_any_port_where_they_are_certain() {
    let (left, right) = (outer(1), outer(2));
    let frame = kit::frame(&udp4());
    let elsewhere = |datagram: Vec<u8>| {
        let moved = kit::udp(Endpoint::new(left, 30_001), Endpoint::new(right, 30_002), &datagram[28..]);
        words(&read(LinkType::IPV4, &moved, moved.len() as u32))
    };
    let gre = |rest: &[u8]| elsewhere(kit::udp(a(), b(), rest));
    assert_eq!(elsewhere(kit::vxlan(left, right, 42, &frame)), format!("vxlan 42 {UDP4}"));
    assert_eq!(elsewhere(kit::vxlan(left, right, 42, &kit::vlan(0x8100, 5, &frame))), format!("vxlan 42 {UDP4}"));
    assert_eq!(elsewhere(kit::vxlan(left, right, 42, &with(&frame, &[0; 13]))), format!("vxlan 42 {UDP4}"));
    assert_eq!(elsewhere(kit::vxlan(left, right, 42, &kit::frame(&udp6()))), format!("vxlan 42 {UDP6}"));
    assert_eq!(elsewhere(kit::geneve(left, right, 43, &[0, 1, 2, 0], &frame)), format!("geneve 43 {UDP4}"));
    assert_eq!(elsewhere(kit::gtp_u(left, right, 49, &udp4())), format!("gtp 49 {UDP4}"));
    assert_eq!(gre(&with(&[0, 0, 8, 0], &udp4())), format!("gre 0 {UDP4}"));
    assert_eq!(gre(&with(&[0x20, 0, 0x86, 0xdd, 0, 0, 0, 7], &udp6())), format!("gre 7 {UDP6}"));

    // A wrong checksum, a length that does not fit, another protocol in the frame, nothing behind the header.
    let plain = |words: String| assert!(words.starts_with("udp 192.0.2.1:30001 > 192.0.2.2:30002"), "{words}");
    for (at, byte) in [(10, 0xff), (3, 1), (0, 0x20)] {
        let mut damaged = udp4();
        damaged[at] ^= byte;
        plain(elsewhere(kit::vxlan(left, right, 42, &kit::frame(&damaged))));
        plain(elsewhere(kit::gtp_u(left, right, 42, &damaged)));
        plain(gre(&with(&[0, 0, 8, 0], &damaged)));
    }
    plain(elsewhere(kit::vxlan(left, right, 42, &kit::arp())));
    plain(gre(&[8, 0, 0, 0, 0, 0, 1, 0]));
    plain(gre(&[0, 0, 8, 0, 0x45]));
}
