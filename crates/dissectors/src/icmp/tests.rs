//! Tests of ICMP.

use lanternfish_dissect::{Probe, Sender};
use lanternfish_model::{ConnectionFacts, Outcome, PairKey, Role, Transport};

use super::Icmp;
use crate::dns::harness::{Run, ToClient, ToServer, facts, probe};

fn v4() -> ConnectionFacts {
    facts(Transport::Icmp, "10.0.0.7", "10.0.0.9")
}

fn v6() -> ConnectionFacts {
    facts(Transport::Icmp, "fe80::7", "fe80::9")
}

/// An IPv4 packet with a UDP header, as errors quote it.
fn quoted_v4() -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 7, 10, 0, 0, 9];
    bytes.extend_from_slice(&[0xc3, 0xcb, 0, 53, 0, 40, 0, 0]);
    bytes
}

#[test]
fn an_echo_and_its_reply() {
    let mut run = Run::new(&Icmp, v4());
    run.feed(ToServer, &[8, 0, 0x12, 0x34, 0, 7, 0, 3, 1, 2]);
    run.feed(ToClient, &[0, 0, 0x1a, 0x34, 0, 7, 0, 3, 1, 2]);
    assert_eq!(
        run.text(),
        "Request Id(34360197123) Open 10 bytes icmp_version=4 icmp_length=10 icmp_type=\"echo request\" \
         icmp_type_number=8 icmp_code_number=0 icmp_checksum=4660 icmp_id=7 icmp_sequence=3\n\
         Response Id(34360197123) Ok 10 bytes icmp_version=4 icmp_length=10 icmp_type=\"echo reply\" \
         icmp_type_number=0 icmp_code_number=0 icmp_checksum=6708 icmp_id=7 icmp_sequence=3\n"
    );
}

#[test]
fn exchanges_pair_by_their_kind() {
    for (facts, request, reply) in [(v4(), 13, 14), (v4(), 17, 18), (v4(), 42, 43), (v6(), 128, 129), (v6(), 160, 161)]
    {
        let mut run = Run::new(&Icmp, facts);
        run.feed(ToServer, &[request, 0, 0, 0, 0, 7, 0, 3]);
        run.feed(ToClient, &[reply, 0, 0, 0, 0, 7, 0, 3]);
        assert_eq!(run.messages[0].pairing, run.messages[1].pairing);
        assert_eq!((run.messages[0].role, run.messages[1].role), (Role::Request, Role::Response));
        run.feed(ToServer, &[8, 0, 0, 0, 0, 7, 0, 3]);
        assert_ne!(run.messages[0].pairing, run.messages[2].pairing);
    }
}

#[test]
fn errors_name_the_packet_that_they_speak_of() {
    let mut run = Run::new(&Icmp, v4());
    run.feed(ToClient, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted_v4()].concat());
    run.feed(ToClient, &[&[3, 4, 0, 0, 0, 0, 5, 0x78][..], &quoted_v4()].concat());
    run.feed(ToClient, &[&[5, 1, 0, 0, 10, 0, 0, 254][..], &quoted_v4()].concat());
    assert_eq!((run.messages[0].role, run.messages[0].pairing), (Role::OneWay, PairKey::Alone));
    assert_eq!(run.messages[0].outcome, Outcome::Failed);
    for (field, value) in [
        ("icmp_type", "\"destination unreachable\""),
        ("icmp_code", "\"port unreachable\""),
        ("icmp_quoted_src", "\"10.0.0.7:50123\""),
        ("icmp_quoted_dst", "\"10.0.0.9:53\""),
        ("icmp_quoted_protocol", "\"udp\""),
    ] {
        assert_eq!(run.value(0, field), value);
    }
    assert_eq!(run.value(1, "icmp_mtu"), "1400");
    assert_eq!(run.value(2, "icmp_gateway"), "10.0.0.254");
    assert_eq!(run.messages[2].outcome, Outcome::Ok);
}

#[test]
fn errors_of_version_6() {
    let mut quoted = vec![0x60, 0, 0, 0, 0, 24, 0, 64];
    quoted.extend_from_slice(&[0xfd; 16]);
    quoted.extend_from_slice(&[0xfc; 16]);
    quoted.extend_from_slice(&[6, 0, 1, 4, 0, 0, 0, 0]);
    quoted.extend_from_slice(&[0x1f, 0x90, 0, 80]);
    let mut run = Run::new(&Icmp, v6());
    run.feed(ToClient, &[&[2, 0, 0, 0, 0, 0, 5, 0][..], &quoted].concat());
    assert_eq!(run.value(0, "icmp_type"), "\"packet too big\"");
    assert_eq!(run.value(0, "icmp_mtu"), "1280");
    assert_eq!(run.value(0, "icmp_quoted_src"), "\"[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:8080\"");
    assert_eq!(run.value(0, "icmp_quoted_protocol"), "\"tcp\"");
}

#[test]
fn neighbours_and_routers() {
    let target = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let solicitation = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target, &[1, 1, 2, 0, 0, 0, 0, 9]].concat();
    let prefix = [&[3, 4, 64, 0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8][..], &[0; 12]].concat();
    let advertisement =
        [&[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0][..], &prefix, &[5, 1, 0, 0, 0, 0, 5, 0xdc]].concat();
    let report = [&[143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0xff, 2][..], &[0; 13], &[0xfb]].concat();
    let mut run = Run::new(&Icmp, v6());
    for message in [&solicitation, &advertisement, &report] {
        run.feed(ToServer, message);
    }
    assert_eq!(run.value(0, "icmp_target"), "fe80::1");
    assert_eq!(run.value(0, "icmp_options"), "[\"source link-layer address 02:00:00:00:00:09\"]");
    assert_eq!(run.value(1, "icmp_options"), "[\"prefix 2001:db8::/64\", \"MTU 1500\"]");
    assert_eq!(run.value(1, "icmp_router_lifetime"), "1800");
    assert_eq!(run.value(2, "icmp_groups"), "[\"ff02::fb\"]");
    assert!(run.messages.iter().all(|message| message.role == Role::OneWay && message.outcome == Outcome::Ok));
}

#[test]
fn short_cut_and_unknown_messages_are_shown() {
    let mut run = Run::new(&Icmp, v4());
    run.feed(ToServer, &[8, 0]);
    run.feed(ToServer, &[99, 1, 0, 0, 0, 0, 0, 0]);
    run.feed(ToServer, &[135, 0, 0, 0, 0, 0, 0, 0]);
    run.missing = 20;
    run.feed(ToServer, &[8, 0, 0, 0]);
    run.feed(ToServer, &[]);
    assert_eq!(run.messages.len(), 5);
    assert_eq!(run.messages[0].role, Role::OneWay);
    assert_eq!(run.value(1, "icmp_type"), "\"type 99\"");
    assert_eq!(run.value(3, "icmp_length"), "24");
    assert!(run.messages[3].is_partial);
}

#[test]
fn it_is_always_recognised() {
    assert_eq!(probe(&Icmp, &v4(), &[8, 0], b""), Probe::Match(Sender::Client));
    assert_eq!(probe(&Icmp, &v6(), &[129, 0], b""), Probe::Match(Sender::Server));
    assert_eq!(probe(&Icmp, &v4(), &[3, 3], b""), Probe::Match(Sender::Unknown));
    let udp = facts(Transport::Udp, "10.0.0.7#1", "10.0.0.9#2");
    assert_eq!(probe(&Icmp, &udp, &[8, 0], b""), Probe::NoMatch);
}

mod random {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 0u8..170) {
            for facts in [v4(), v6()] {
                let mut run = Run::new(&Icmp, facts);
                run.feed(ToServer, &[&[kind][..], &bytes].concat());
                run.feed(ToServer, &bytes);
                prop_assert_eq!(run.messages.len(), 2);
            }
        }
    }
}
