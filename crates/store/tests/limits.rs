//! Limits that become narrower while a store is open: what goes is what was said before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::time::Duration;

use lanternfish_store::{Config, Going, Limits};
use support::*;

#[test]
fn narrower_limits_hold_at_once_and_say_before_what_goes() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Config { ring_bytes: 64 << 20, ..config() });
    let mut ring = opened.take_ring_writer().unwrap();
    ring.name_interface(1, 1, "eth0");
    let mut push = |numbers: std::ops::Range<u64>| {
        let last = numbers.end - 1;
        for number in numbers {
            ring.push(number, entry(number).timestamp, 1, 1, 1000, &[7; 1000]);
            // The disk keeps up, so that no packet is lost.
            if number % 1000 == 0 {
                ring.flush();
                assert!(opened.ring().wait_for(number, PATIENCE));
            }
        }
        ring.flush();
        assert!(opened.ring().wait_for(last, PATIENCE));
    };
    // Every file holds at most 8 MiB of these 12.
    push(1..12_000);
    for part in [1..100, 100..200, 200..300] {
        store(&opened, part);
        assert!(opened.seal(PATIENCE));
    }
    let wide = opened.limits();
    assert_eq!(opened.going(&wide), Going::default());
    let status = opened.status();
    let narrow = Limits { retention_bytes: status.segment_bytes / 2, ring_bytes: 4 << 20, ..wide };
    let going = opened.going(&narrow);
    assert!(going.entries > 90 && going.entries < 300 && going.bytes >= status.segment_bytes / 2, "{going:?}");
    assert!(going.packet_bytes >= 6 << 20 && going.packet_bytes < opened.ring().bytes(), "{going:?}");
    let before = opened.ring().bytes();
    opened.set_limits(narrow);
    let after = opened.status();
    assert_eq!((after.rows, after.segment_bytes), (status.rows - going.entries, status.segment_bytes - going.bytes));
    assert_eq!(opened.ring().bytes(), before - going.packet_bytes);
    assert_eq!(opened.limits(), narrow);
    // The file under way goes when new packets have begun another.
    push(12_000..20_000);
    assert!(opened.ring().bytes() <= 4 << 20, "{}", opened.ring().bytes());
    assert_eq!(opened.ring().lost(), 0);
    let old = Limits { retention_age: Duration::from_secs(3600), ..narrow };
    assert_eq!(opened.going(&old).entries, after.rows);
    opened.set_limits(old);
    assert_eq!(opened.status().rows, 0);
}
