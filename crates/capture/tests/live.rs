//! Live capture against the kernel's own counters, in a network namespace that each test makes for itself.
//!
//! Without the right to make one, a test prints why it was skipped.

#![allow(clippy::unwrap_used)]

mod namespace;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use lanternfish_capture::{
    FilterPlace, InterfaceNames, LiveConfig, LiveFilter, LiveSource, LiveStats, interface_counters,
};
use namespace::{Neighbour, in_namespace, run};

/// What a test keeps of a packet.
struct Seen {
    interface: u32,
    link: u16,
    bytes: Vec<u8>,
    is_outgoing: bool,
}

#[test]
fn loopback_packets_are_counted_once_and_none_is_lost() {
    in_namespace("loopback_packets_are_counted_once_and_none_is_lost", || {
        run("ip link set lo up");
        let mut source = LiveSource::open(patient()).unwrap();
        let before = counters("lo");
        echo_over_tcp(200);
        let (packets, stats) = drain(&mut source);
        let after = counters("lo");
        assert_eq!(stats.delivered, after.0 - before.0);
        assert_eq!(stats.loopback_copies, after.1 - before.1);
        assert_eq!((stats.dropped, stats.unread, stats.unreadable, stats.filtered), (0, 0, 0, 0));
        assert!(packets.len() > 400, "{}", packets.len());
        assert!(packets.iter().all(|packet| packet.link == 1 && !packet.is_outgoing));
        assert_eq!(&*InterfaceNames::default().name(packets[0].interface), "lo");
    });
}

#[test]
fn both_ways_of_an_interface_are_counted_exactly() {
    in_namespace("both_ways_of_an_interface_are_counted_exactly", || {
        let mut source = LiveSource::open(patient()).unwrap();
        let _peer = Neighbour::new("veth0");
        run("ping -q -c 30 -i 0.01 10.77.0.2");
        run("ip link set veth0 down");
        let (packets, stats) = drain(&mut source);
        let (received, sent) = counters("veth0");
        assert_eq!((stats.delivered, stats.dropped), (received + sent, 0));
        assert_eq!(packets.iter().filter(|packet| packet.is_outgoing).count() as u64, sent);
        assert!(received >= 30 && sent >= 30);
    });
}

#[test]
fn a_named_interface_is_captured_once_it_is_there() {
    in_namespace("a_named_interface_is_captured_once_it_is_there", || {
        run("ip link set lo up");
        let interfaces = vec!["absent0".to_owned(), "late0".to_owned()];
        let config = LiveConfig { interfaces, is_promiscuous: true, ..patient() };
        let mut source = LiveSource::open(config).unwrap();
        assert_eq!(source.missing_interfaces(), ["absent0", "late0"]);
        echo_over_tcp(3);
        let peer = Neighbour::new("late0");
        let mut packets = collect(&mut source, 100);
        assert_eq!(source.missing_interfaces(), ["absent0"]);
        run("ping -q -c 5 -i 0.01 10.77.0.2");
        drop(peer);
        let _again = Neighbour::new("late0");
        packets.extend(collect(&mut source, 100));
        run("ping -q -c 5 -i 0.01 10.77.0.2");
        packets.extend(drain(&mut source).0);
        let mut interfaces: Vec<u32> =
            packets.iter().filter(|packet| is_echo(&packet.bytes)).map(|packet| packet.interface).collect();
        assert_eq!(interfaces.len(), 20);
        interfaces.dedup();
        assert_eq!(interfaces.len(), 2, "the second interface has an index of its own");
        assert!(packets.iter().all(|packet| packet.interface != 1), "loopback was not asked for");
    });
}

#[test]
fn a_filter_finds_the_same_in_the_kernel_and_in_the_program() {
    in_namespace("a_filter_finds_the_same_in_the_kernel_and_in_the_program", || {
        run("ip link set lo up");
        let open = |place| {
            let filter = Some(LiveFilter { expression: "udp port 7777".to_owned(), place });
            LiveSource::open(LiveConfig { filter, ..patient() }).unwrap()
        };
        let (mut kernel, mut program) = (open(FilterPlace::Kernel), open(FilterPlace::Program));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for number in 0..50u8 {
            socket.send_to(&[number; 100], "127.0.0.1:7777").unwrap();
            socket.send_to(&[number; 100], "127.0.0.1:7778").unwrap();
        }
        let (in_kernel, kernel_stats) = drain(&mut kernel);
        let (in_program, program_stats) = drain(&mut program);
        let bytes = |packets: &[Seen]| packets.iter().map(|packet| packet.bytes.clone()).collect::<Vec<_>>();
        assert_eq!(bytes(&in_kernel), bytes(&in_program));
        assert_eq!(in_kernel.len(), 50);
        assert_eq!((kernel_stats.filtered, kernel_stats.received), (0, 100));
        let (received, sent) = counters("lo");
        assert_eq!(program_stats.received, received + sent);
        assert_eq!(program_stats.filtered + program_stats.delivered, received);
    });
}

#[test]
fn packets_without_an_ethernet_header_have_their_own_filter() {
    in_namespace("packets_without_an_ethernet_header_have_their_own_filter", || {
        let _tun = match namespace::Tun::new("tun9") {
            Ok(tun) => tun,
            Err(error) => {
                println!("skipped: no tun interface can be made: {error}");
                return;
            }
        };
        run("ip addr add 10.78.0.1/24 dev tun9");
        run("ip link set tun9 up");
        let filter = Some(LiveFilter { expression: "udp dst port 7777".to_owned(), place: FilterPlace::Kernel });
        let mut source = LiveSource::open(LiveConfig { filter, ..patient() }).unwrap();
        let socket = UdpSocket::bind("10.78.0.1:0").unwrap();
        for port in [7777, 7778, 7777] {
            socket.send_to(b"into the void", ("10.78.0.2", port)).unwrap();
        }
        let (packets, _) = drain(&mut source);
        assert_eq!(packets.len(), 2);
        assert!(packets.iter().all(|packet| packet.link == 101 && packet.bytes[0] == 0x45));
    });
}

#[test]
fn a_full_ring_drops_and_counts() {
    in_namespace("a_full_ring_drops_and_counts", || {
        run("ip link set lo up");
        let config = LiveConfig { ring_bytes: 256 << 10, block_bytes: 64 << 10, ..patient() };
        let mut source = LiveSource::open(config).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..2000 {
            socket.send_to(&[1; 1400], "127.0.0.1:7777").unwrap();
        }
        let (_, stats) = drain(&mut source);
        let (received, sent) = counters("lo");
        assert!(stats.dropped > 0);
        assert_eq!(stats.received, received + sent);
        assert_eq!(stats.received, stats.dropped + stats.taken());
    });
}

#[test]
fn a_short_snaplen_cuts_and_an_early_return_is_counted() {
    in_namespace("a_short_snaplen_cuts_and_an_early_return_is_counted", || {
        run("ip link set lo up");
        let mut source = LiveSource::open(LiveConfig { snaplen: 60, ..patient() }).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            socket.send_to(&[1; 1000], "127.0.0.1:7777").unwrap();
        }
        let mut block = source.poll(1000).unwrap().unwrap();
        let packet = block.packets().next().unwrap();
        assert_eq!((packet.bytes.len(), packet.wire_len), (60, 1042));
        drop(block);
        let (_, stats) = drain(&mut source);
        assert!(stats.unread > 0);
        assert_eq!(stats.received, stats.dropped + stats.taken());
    });
}

#[test]
fn unusable_settings_are_refused() {
    in_namespace("unusable_settings_are_refused", || {
        let refused = |config: LiveConfig| LiveSource::open(config).err().unwrap().to_string();
        let named = |name: &str| LiveConfig { interfaces: vec![name.to_owned()], ..patient() };
        assert!(refused(named("a/b")).starts_with("invalid interface name"));
        assert!(refused(named("sixteen-letters-")).starts_with("invalid interface name"));
        assert!(refused(LiveConfig { block_bytes: 1000, ..patient() }).starts_with("invalid ring"));
        let filtered = |expression: &str| {
            let filter = Some(LiveFilter { expression: expression.to_owned(), place: FilterPlace::Kernel });
            LiveConfig { filter, ..patient() }
        };
        assert!(refused(filtered("tcp prt 80")).contains("syntax error"));
        assert!(refused(filtered("not vlan")).contains("VLAN"));
        assert!(LiveSource::open(filtered("ether host 02:00:00:00:00:01")).is_ok());
        assert!(LiveSource::open(named("any")).is_ok());
    });
}

/// A ring with so many blocks that a test may be slow to poll it.
fn patient() -> LiveConfig {
    LiveConfig { ring_bytes: 32 << 20, ..LiveConfig::default() }
}

/// Takes no more packets in, and polls until all are taken.
fn drain(source: &mut LiveSource) -> (Vec<Seen>, LiveStats) {
    source.pause().unwrap();
    let mut packets = collect(source, 20);
    for _ in 0..200 {
        if source.is_drained().unwrap() {
            break;
        }
        packets.extend(collect(source, 20));
    }
    assert!(source.is_drained().unwrap());
    let stats = source.stats().unwrap();
    assert_eq!(stats.received, stats.dropped + stats.taken());
    (packets, stats)
}

/// Polls until nothing comes for a while.
fn collect(source: &mut LiveSource, timeout_ms: i32) -> Vec<Seen> {
    let mut packets = Vec::new();
    while let Some(mut block) = source.poll(timeout_ms).unwrap() {
        packets.extend(block.packets().map(|packet| Seen {
            interface: packet.interface,
            link: packet.link,
            bytes: packet.bytes.to_vec(),
            is_outgoing: packet.is_outgoing,
        }));
    }
    packets
}

/// Packets received and sent.
fn counters(name: &str) -> (u64, u64) {
    let all = interface_counters().unwrap();
    let one = all.iter().find(|counters| counters.name == name).unwrap();
    (one.received_packets, one.sent_packets)
}

fn echo_over_tcp(times: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut answer = [0; 4];
    for _ in 0..times {
        client.write_all(b"ping").unwrap();
        server.read_exact(&mut answer).unwrap();
        server.write_all(b"pong").unwrap();
        client.read_exact(&mut answer).unwrap();
    }
}

/// An ICMP echo request or reply in Ethernet and IPv4.
fn is_echo(bytes: &[u8]) -> bool {
    bytes.get(12..14) == Some(&[8, 0]) && bytes.get(23) == Some(&1) && matches!(bytes.get(34), Some(0 | 8))
}
