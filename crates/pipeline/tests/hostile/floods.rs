//! More of everything than anybody answers: scans, floods, slow clients.

use lanternfish_model::Timestamp;
use lanternfish_testkit::Capture;

use crate::world::{AFTER, HOSTILE, Input, Made, check, syn};

/// Packets of a flood, numbered from 0, in parts; all between the good calls.
fn flood(count: u32, packet: impl Fn(u32, Timestamp) -> (Timestamp, Vec<u8>) + Send + Copy + 'static) -> Input {
    let mut number = 0;
    let step_ns = AFTER.since(HOSTILE) / i64::from(count) - 1;
    Made::input(move || {
        let end = count.min(number + PART);
        let mut part = Capture::ethernet();
        for number in number..end {
            let (time, bytes) = packet(number, HOSTILE + i64::from(number) * step_ns);
            part.push(time, bytes);
        }
        number = end;
        (!part.packets.is_empty()).then_some(part)
    })
}

const PART: u32 = 512;

alone! {
    /// The same two ends over and over: a SYN with another sequence number takes the place of the one before.
    fn a_flood_of_syns_from_one_end() {
        let one = |number: u32, time| (time, syn(number & 7, time).1).clone();
        let renumbered = move |number: u32, time| {
            let (time, mut bytes) = one(number, time);
            bytes[38..42].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            (time, bytes)
        };
        check(|| flood(100_000, renumbered), |seen| {
            assert_eq!(seen.other_count, 0);
            assert!(seen.report.ledger.entries() > 10_000);
        });
    }
}
