//! Filters against what libpcap makes of them, and programs that must be refused.

use proptest::prelude::*;

use super::compile::libpcap_run;
use super::kernel::{Branch, LoopbackCopies, kernel_program};
use super::*;

/// Ethernet, IPv4, TCP from port 40000 to 80, with 20 bytes of payload.
fn tcp_packet() -> Vec<u8> {
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    packet.extend([0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    packet.extend(b"GET / HTTP/1.1\r\nHost");
    packet
}

/// Ethernet, IPv6, UDP from port 53.
fn udp6_packet() -> Vec<u8> {
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd];
    packet.extend([0x60, 0, 0, 0, 0, 12, 17, 64]);
    packet.extend([0x20; 32]);
    packet.extend([0, 53, 0x9c, 0x40, 0, 12, 0, 0, 1, 2, 3, 4]);
    packet
}

const EXPRESSIONS: [&str; 22] = [
    "tcp",
    "udp port 53",
    "tcp port 80 and host 10.0.0.1",
    "src net 10.0.0.0/8",
    "not arp",
    "ip6",
    "tcp[tcpflags] & (tcp-push|tcp-ack) != 0",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "greater 60",
    "less 60",
    "len % 7 = 3",
    "ip[2:2] / 2 = 30",
    "ip[8] * 2 + 1 - ip[0] > 5",
    "ip[len / 100] << 1 = 138",
    "ether host 02:00:00:00:00:01",
    "portrange 50-90",
    "vlan 7 and tcp",
    "icmp or icmp6",
    "ip proto 6 and ip[6:2] & 0x1fff = 0",
    "ether[0] ^ ether[1] = 2 and ether[len - 1] != 0",
    "mpls",
    "ip6 protochain 17",
];

#[test]
fn libpcap_agrees_on_packets_cut_everywhere() {
    let packets = [tcp_packet(), udp6_packet(), vec![0xff; 90], Vec::new()];
    for expression in EXPRESSIONS {
        let Ok(program) = compile(expression, 1, 65_535) else {
            // `protochain` loops backward, which neither the kernel nor we accept.
            assert_eq!(expression, "ip6 protochain 17");
            continue;
        };
        for packet in &packets {
            for length in 0..=packet.len() {
                let (bytes, wire) = (&packet[..length], packet.len() as u32);
                assert_eq!(Some(program.run(bytes, wire)), libpcap_run(&program, bytes, wire), "{expression} {length}");
            }
        }
    }
}

#[test]
fn expressions_find_what_they_say() {
    let cases = [
        ("tcp port 80", true, false),
        ("udp port 53", false, true),
        ("ip6 and src port 53", false, true),
        ("greater 1000", false, false),
        ("host 10.0.0.2", true, false),
        ("", true, true),
    ];
    for (expression, is_tcp, is_udp) in cases {
        let program = compile(expression, 1, 65_535).unwrap();
        assert_eq!(program.matches(&tcp_packet(), 74), is_tcp, "{expression}");
        assert_eq!(program.matches(&udp6_packet(), 66), is_udp, "{expression}");
        // The same packets without an Ethernet header.
        let raw = compile(expression, 101, 65_535).unwrap();
        assert_eq!(raw.matches(&tcp_packet()[14..], 60), is_tcp, "raw {expression}");
        assert_eq!(raw.matches(&udp6_packet()[14..], 52), is_udp, "raw {expression}");
    }
}

#[test]
fn libpcap_says_what_is_wrong() {
    let error = compile("tcp prt 80", 1, 65_535).unwrap_err();
    let crate::FilterError::Expression { message, .. } = error else { panic!("{error}") };
    assert!(message.contains("syntax error"), "{message}");
    assert!(compile("tcp\0", 1, 65_535).is_err());
}

#[test]
fn unsafe_programs_are_refused() {
    let end = Instruction::statement(0x06, 1);
    let cases = [
        vec![],
        vec![Instruction::statement(0x20, 0)],
        vec![Instruction::statement(0x05, 1), end],
        vec![Instruction::statement(0x05, u32::MAX), end],
        vec![Instruction::jump(0x15, 0, 1, 0), end],
        vec![Instruction::jump(0x15, 0, 0, 255), end],
        vec![Instruction::statement(0x34, 0), end],
        vec![Instruction::statement(0x94, 0), end],
        vec![Instruction::statement(0x64, 32), end],
        vec![Instruction::statement(0x60, 16), end],
        vec![Instruction::statement(0x02, 16), end],
        vec![Instruction::statement(0xffff, 0), end],
        vec![end; BpfProgram::MAX_INSTRUCTIONS + 1],
    ];
    for case in cases {
        assert!(BpfProgram::new(case.clone()).is_err(), "{case:?}");
    }
}

#[test]
fn the_kernel_program_leads_to_the_filter_of_the_link_type() {
    let tcp = compile("tcp", 1, 65_535).unwrap();
    let branches = [
        Branch { hardware_types: &[1, 772], program: Some(&tcp) },
        Branch { hardware_types: &[65_534], program: None },
    ];
    // The kernel's ancillary loads become loads of constants, so that the machine can run it.
    let run_as = |copies, way: u32, interface: u32, hardware: u32| {
        let built = kernel_program(copies, Some(&[3, 9]), &branches, 100).unwrap();
        let replace = |from: &Instruction| match (from.code, from.k) {
            (0x20, 0xffff_f004) => Instruction::statement(0x00, way),
            (0x20, 0xffff_f008) => Instruction::statement(0x00, interface),
            (0x20, 0xffff_f01c) => Instruction::statement(0x00, hardware),
            _ => *from,
        };
        BpfProgram::new(built.iter().map(replace).collect()).unwrap().run(&tcp_packet(), 74)
    };
    let run = |interface, hardware| run_as(LoopbackCopies::LeftOut, 0, interface, hardware);
    assert_eq!([run(3, 1), run(9, 1), run(3, 772), run(9, 772)], [65_535; 4]);
    assert_eq!([run(4, 1), run(3, 65_534), run(3, 2), run(0, 0)], [0; 4]);
    let (incoming, outgoing) = (0, 4);
    for (copies, expected) in [(LoopbackCopies::LeftOut, [1, 1, 1, 0, 0]), (LoopbackCopies::Alone, [0, 0, 0, 1, 0])] {
        let run = |way, interface, hardware| run_as(copies, way, interface, hardware).min(1);
        let taken = [
            run(incoming, 3, 1),
            run(outgoing, 3, 1),
            run(incoming, 9, 772),
            run(outgoing, 9, 772),
            run(outgoing, 4, 772),
        ];
        assert_eq!(taken, expected, "{copies:?}");
    }
    let program = kernel_program(LoopbackCopies::LeftOut, None, &[], 7).unwrap();
    assert_eq!(program.last(), Some(&Instruction::statement(0x06, 7)));
    let many: Vec<u32> = (0..3000).collect();
    assert!(kernel_program(LoopbackCopies::LeftOut, Some(&many), &[], 7).is_err());
}

fn instruction() -> impl Strategy<Value = Instruction> {
    let codes = prop::sample::select(vec![
        0x20u16, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x80, 0x60, 0x01, 0x81, 0x61, 0xb1, 0x02, 0x03, 0x04, 0x14, 0x24,
        0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94, 0xa4, 0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0x9c, 0xac,
        0x05, 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d, 0x06, 0x16, 0x07, 0x87,
    ]);
    (codes, 0u8..4, 0u8..4, prop_oneof![0u32..80, any::<u32>()]).prop_map(|(code, yes, no, k)| {
        let k = match code {
            0x60 | 0x61 | 0x02 | 0x03 => k % 16,
            0x64 | 0x74 => k % 32,
            0x05 => k % 4,
            0x34 | 0x94 => k.max(1),
            // libpcap's `k` of an absolute load is never near the end of the range.
            0x20 | 0x28 | 0x30 | 0xb1 => k % 100,
            _ => k,
        };
        Instruction::jump(code, k, yes, no)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_valid_program_runs_as_in_libpcap(
        tail in prop::collection::vec(instruction(), 0..40),
        packet in prop::collection::vec(any::<u8>(), 0..80),
        wire in 0u32..200,
    ) {
        // libpcap leaves its memory as it finds it, so that the test has to clear it.
        let mut body: Vec<Instruction> = (0..16).map(|word| Instruction::statement(0x02, word)).collect();
        body.extend(tail);
        body.push(Instruction::statement(0x16, 0));
        if let Ok(program) = BpfProgram::new(body) {
            prop_assert_eq!(Some(program.run(&packet, wire)), libpcap_run(&program, &packet, wire));
        }
    }

    #[test]
    fn any_program_ends(
        body in prop::collection::vec((any::<u16>(), any::<u8>(), any::<u8>(), any::<u32>()), 0..20),
        packet in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let body = body.into_iter().map(|(code, yes, no, k)| Instruction::jump(code & 0xff, k, yes, no)).collect();
        if let Ok(program) = BpfProgram::new(body) {
            program.run(&packet, 80);
        }
    }
}
