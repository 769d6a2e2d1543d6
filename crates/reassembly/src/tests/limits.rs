//! Budgets hold, and what they cost is counted.

use lanternfish_model::{Cause, CloseReason};

use super::harness::{Bench, check_with, segment};
use crate::tracker::CONNECTION_COST_BYTES;
use crate::{Config, Tracker};

#[test]
fn a_record_is_small() {
    assert!(
        Tracker::<super::harness::Notes>::record_bytes() <= 448,
        "{}",
        Tracker::<super::harness::Notes>::record_bytes()
    );
}

#[test]
fn a_flood_evicts_itself() {
    let config = Config { max_connections: 100, ..Config::default() };
    let mut bench = Bench::new(config);
    bench.run("> S 100\n< SA 500 101\n> A 101 501\n> A 101 501 =abc");
    for port in 0..30_000 {
        bench.send(&segment(true, port, 100, 0, "S", b""), 0);
        assert!(bench.tracker.open_connections() <= 100);
    }
    bench.run("> A 104 501 =def");
    assert_eq!(bench.tracker.evicted(), 29_901);
    assert_eq!(bench.loss.count(Cause::ConnectionTableFull), 29_901);
    bench.finish();
    let first = bench.notes.closed.iter().find(|summary| summary.facts.id == 1).unwrap();
    assert_eq!((first.close, first.to_server.payload_bytes), (CloseReason::Open, 6));
    let order: Vec<u64> = bench.notes.closed.iter().rev().take(99).map(|summary| summary.facts.id).collect();
    assert!(order.is_sorted_by(|later, earlier| later > earlier));
}

#[test]
fn what_is_over_or_idle_goes_before_what_is_busy() {
    let config = Config { max_connections: 3, ..Config::default() };
    let mut bench = Bench::new(config);
    bench.run(
        "> A 100 500 =a p1
         > A 100 500 =b p2
         > A 100 500 =c p3
         < R 500 101 p2
         > A 100 500 =d p4
         > A 100 500 =e p5
         > A 101 500 =f p4
         > A 100 500 =g p6",
    );
    // The one that is over goes first, without loss; then one of those that are all busy; then one that is not.
    let closed: Vec<_> = bench.notes.closed.iter().map(|summary| (summary.facts.id, summary.close)).collect();
    assert_eq!(closed, [(2, CloseReason::Reset), (1, CloseReason::Evicted), (3, CloseReason::Evicted)]);
    assert_eq!((bench.tracker.evicted(), bench.tracker.open_connections()), (2, 3));
    bench.finish();
}

#[test]
fn connections_that_never_came_to_life_have_a_limit_of_their_own() {
    let mut bench = Bench::new(Config { max_embryonic: 3, ..Config::default() });
    bench.run("> S 100\n< SA 500 101\n> A 101 501");
    for port in 1..=10 {
        bench.send(&segment(true, port, 100, 0, "S", b""), 0);
        assert!(bench.tracker.open_connections() <= 4);
    }
    let closed: Vec<_> = bench.notes.closed.iter().map(|summary| (summary.facts.client.port, summary.close)).collect();
    assert_eq!(closed, (1..=7).map(|port| (port, CloseReason::Evicted)).collect::<Vec<_>>());
    assert_eq!((bench.tracker.evicted(), bench.loss.count(Cause::ConnectionTableFull)), (7, 7));
    // One that is answered makes room for another.
    bench.run("< SA 500 101 p8\n> A 101 501 p8\n> S 100 p99");
    assert_eq!((bench.tracker.evicted(), bench.tracker.open_connections()), (7, 5));
}

#[test]
fn each_connection_in_turn_gives_up_what_is_held_for_it() {
    let mut bench = Bench::new(Config::default());
    for port in 1..=3 {
        bench.send(&segment(true, port, 100, 500, "A", b"a"), 0);
    }
    bench.notes.held = 5;
    bench.send(&segment(true, 1, 101, 500, "A", b"b"), 0);
    // A packet costs one turn at most, and its own connection is spared.
    assert_eq!((bench.notes.relieved.as_slice(), bench.notes.held), (&[2, 3][..], 3));
    bench.send(&segment(true, 2, 101, 500, "A", b"b"), 0);
    bench.send(&segment(true, 3, 101, 500, "A", b"b"), 0);
    assert_eq!((bench.notes.relieved.as_slice(), bench.notes.held), (&[2, 3, 1, 3, 1][..], 0));
    bench.send(&segment(true, 2, 102, 500, "A", b"b"), 0);
    assert_eq!(bench.notes.relieved.len(), 5);
}

#[test]
fn a_connection_that_cannot_give_up_enough_is_dropped() {
    let mut bench = Bench::new(Config::default());
    for port in 1..=3 {
        bench.send(&segment(true, port, 100, 500, "A", b"a"), 0);
    }
    (bench.notes.held, bench.notes.left) = (1000, 7);
    bench.send(&segment(true, 3, 101, 500, "A", b"b"), 0);
    let closed: Vec<_> = bench.notes.closed.iter().map(|summary| (summary.facts.client.port, summary.close)).collect();
    assert_eq!(closed, [(1, CloseReason::Evicted)]);
    assert_eq!((bench.loss.count(Cause::ConnectionTableFull), bench.tracker.open_connections()), (1, 2));
    // Its next packet begins it anew.
    bench.notes.held = 0;
    bench.send(&segment(true, 1, 102, 500, "A", b"c"), 0);
    assert_eq!((bench.notes.closed.len(), bench.notes.opened, bench.tracker.open_connections()), (1, 4, 3));
}

#[test]
fn what_is_done_in_parts_is_the_same() {
    let bench = |is_in_parts: bool| {
        let mut bench = Bench::new(Config::default());
        for port in [5, 3, 9, 1, 7] {
            bench.send(&segment(true, port, 100, 0, "S", b""), 0);
        }
        bench.run("> A 101 501 p3 =abc +100\n> udp p4 =x +60000");
        let now = bench.now;
        let mut steps = 0;
        while bench.tracker.advance_some(&mut bench.notes, now, &mut bench.loss, |_| is_in_parts) {
            steps += 1;
        }
        while bench.tracker.finish_some(&mut bench.notes, &mut bench.loss, |_| is_in_parts) {
            steps += 1;
        }
        (steps, bench.notes.text, bench.tracker.open_connections())
    };
    let (whole, parts) = (bench(false), bench(true));
    assert_eq!((whole.0, whole.2, parts.2), (0, 0, 0));
    assert!(parts.0 >= 3, "{}", parts.0);
    assert_eq!(whole.1, parts.1);
}

#[test]
fn the_table_is_bounded_by_bytes_too() {
    let record = Tracker::<super::harness::Notes>::record_bytes();
    let tracker = Tracker::<super::harness::Notes>::new(Config {
        max_table_bytes: 10 * (record + CONNECTION_COST_BYTES),
        ..Config::default()
    });
    assert_eq!(tracker.max_connections(), 10);
    let tracker = Tracker::<super::harness::Notes>::new(Config { max_table_bytes: 0, ..Config::default() });
    assert_eq!(tracker.max_connections(), 1);
}

#[test]
fn a_full_buffer_gives_up_the_hole() {
    let config = Config { max_connection_buffered_bytes: 600, ..Config::default() };
    let bench = check_with(
        config,
        "> A 100 500 =a
         > A 103 500 =d
         > A 106 500 =g
         > A 109 500 =j
         > A 112 500 =m
         > A 101 500 =bc",
        "1 open 80 midstream
         1 > a
         1 > gap 2
         1 > d
         1 > gap 2
         1 > g
         1 > gap 2
         1 > j
         1 > gap 2
         1 > m
         1 close Open",
    );
    let lost = bench.loss.count(Cause::StreamBufferFull) + bench.loss.count(Cause::StreamGap);
    assert_eq!((lost, bench.notes.closed[0].to_server.gap_bytes), (8, 8));
    assert!(bench.loss.count(Cause::StreamBufferFull) > 0);
}

#[test]
fn the_buffer_of_all_connections_is_bounded() {
    let config = Config { max_buffered_bytes: 4000, ..Config::default() };
    let mut bench = Bench::new(config);
    for round in 0..50u32 {
        for port in 1..20 {
            bench.send(&segment(true, port, 100 + round * 20, 500, "A", b"0123456789"), 0);
            assert!(bench.tracker.buffered_bytes() <= 4000);
        }
    }
    bench.finish();
    let received: u64 = bench.notes.closed.iter().map(|summary| summary.to_server.payload_bytes).sum();
    assert_eq!(received, 50 * 19 * 10);
}
