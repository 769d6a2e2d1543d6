//! IP fragments with any offsets, lengths, overlaps and times; the books of their packets must balance.
//!
//! Input: for each fragment the datagram (1 byte), the offset (2), flags (1), the time step (1), the length (1), bytes.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use lanternfish_fuzz::Choices;
use lanternfish_model::{Loss, PacketRef, Timestamp};
use lanternfish_reassembly::Defragmenter;
use lanternfish_wire::{Fragment, Payload};
use libfuzzer_sys::fuzz_target;
use smallvec::SmallVec;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let mut defragmenter = Defragmenter::default();
    let mut loss = Loss::default();
    let (mut number, mut whole) = (0u64, 0u64);
    let mut now = Timestamp::from_parts(1_700_000_000, 0);
    while !choices.is_empty() {
        let identification = u32::from(choices.byte() % 4);
        let offset = u32::from(choices.short()) & 0xfff8;
        let flags = choices.byte();
        let step_ms = i64::from(choices.byte() as i8);
        now = now + step_ms * step_ms * step_ms * 10_000;
        let length = usize::from(choices.byte());
        let fragment = Fragment {
            source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            destination: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
            protocol: 17,
            identification,
            offset,
            has_more: flags & 1 != 0,
            payload: Payload { bytes: choices.bytes(length), missing: u32::from(flags >> 2) },
            tunnels: SmallVec::new(),
        };
        number += 1;
        if let Some(datagram) = defragmenter.add(&fragment, PacketRef { number, time: now }, &mut loss) {
            whole += datagram.packets.len() as u64;
            assert!(datagram.bytes.len() <= 0xffff + 0xff);
        }
        if flags & 2 != 0 {
            defragmenter.advance(now, &mut loss);
        }
        check_partials(&mut defragmenter);
        assert_eq!(whole + loss.packets() + defragmenter.pending_packets(), number);
    }
    defragmenter.finish(&mut loss);
    check_partials(&mut defragmenter);
    assert_eq!(whole + loss.packets(), number);
});

fn check_partials(defragmenter: &mut Defragmenter) {
    while let Some(partial) = defragmenter.next_given_up() {
        assert!(partial.is_partial && !partial.packets.is_empty() && !partial.bytes.is_empty());
        assert!(partial.bytes.len() + partial.missing as usize <= 0xffff + 0xff);
    }
}
