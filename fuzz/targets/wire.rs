//! Link, network and transport headers and tunnels: every link type, captured whole or cut.
//!
//! Input: the link type (2 bytes), bytes cut by the capture (1), then the packet.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use lanternfish_fuzz::Choices;
use lanternfish_wire::{LinkType, Payload, View, link_name, read, read_transport};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let link = LinkType(choices.short());
    let cut = u32::from(choices.byte());
    let bytes = choices.rest();
    let _ = link_name(link);
    check(read(link, bytes, (bytes.len() as u32).saturating_add(cut * cut * cut * cut)), bytes);
    // A wire length below the captured one is a lie.
    check(read(link, bytes, cut), bytes);
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let payload = Payload { bytes, missing: cut };
    check(read_transport(link.0 as u8, ip, ip, payload, cut, &[]), bytes);
});

fn check(view: View<'_>, bytes: &[u8]) {
    match view {
        View::Datagram(datagram) => {
            let _ = (datagram.key(), datagram.quoted_key(), datagram.scope());
            assert!(datagram.payload.bytes.len() <= bytes.len());
        }
        View::Fragment(fragment) => assert!(fragment.payload.bytes.len() <= bytes.len()),
        View::Unread(unread) => assert!(!unread.what.is_empty()),
    }
}
