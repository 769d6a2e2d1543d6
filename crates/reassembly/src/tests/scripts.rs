//! TCP, one conversation a test.

use lanternfish_model::{Cause, Side};

use super::harness::{Bench, check, check_with};
use crate::{Config, Ids, Verdict};

const HANDSHAKE: &str = "
    > S 100
    < SA 500 101
    > A 101 501
";

fn sides(bench: &Bench) -> (Side, Side) {
    let summary = &bench.notes.closed[0];
    (summary.to_server, summary.to_client)
}

fn after_handshake(script: &str, expected: &str) -> Bench {
    check(&format!("{HANDSHAKE}{script}"), &format!("1 open 80\n{expected}"))
}

#[test]
fn a_whole_conversation() {
    let bench = after_handshake(
        "> PA 101 501 =hello
         < A 501 106 +3
         < PA 501 106 =world
         > FA 106 506
         < FA 506 107
         > A 107 507",
        "1 > hello start
         1 < world start
         1 > end
         1 < end
         1 close Finished",
    );
    let (to_server, to_client) = sides(&bench);
    assert_eq!((to_server.packets, to_server.bytes, to_server.payload_bytes), (5, 205, 5));
    assert_eq!((to_client.packets, to_client.payload_bytes, to_client.has_fin), (4, 5, true));
    let summary = &bench.notes.closed[0];
    assert_eq!(summary.head, b"hello");
    assert_eq!(summary.health.handshake_rtt_ns, 2_000_000);
    assert_eq!((summary.health.smoothed_rtt_ns, summary.health.jitter_ns), (3_000_000, 1_500_000));
    assert_eq!((summary.first_checksum, summary.first_length, summary.last.number), (-1, 0, 9));
    assert_eq!(bench.loss.iter().count(), 0);
}

#[test]
fn reordered_segments_wait() {
    let bench = after_handshake(
        "> A 111 501 =ccccc
         > A 106 501 =bbbbb
         > A 101 501 =aaaaa
         > A 116 501 =ddddd",
        "1 > aaaaa start
         1 > bbbbb with 6
         1 > ccccc with 6
         1 > ddddd
         1 close Open",
    );
    assert_eq!(sides(&bench).0.out_of_order, 2);
    assert_eq!(bench.loss.iter().count(), 0);
}

#[test]
fn retransmissions_are_counted() {
    let bench = after_handshake(
        "> A 101 501 =abcde
         > A 101 501 =abcde
         > A 103 501 =cdefg
         > A 110 501 =x
         > A 110 501 =x",
        "1 > abcde start
         1 > fg
         1 > gap 2
         1 > x
         1 close Open",
    );
    let side = sides(&bench).0;
    assert_eq!((side.retransmissions, side.payload_bytes, side.gap_bytes), (2, 8, 2));
    assert_eq!(bench.loss.count(Cause::OverlapUnchecked), 8);
}

#[test]
fn the_first_of_overlapping_bytes_win() {
    let bench = after_handshake(
        "> A 104 501 =DEF
         > A 101 501 =abcdefghi",
        "1 > abc start
         1 > DEF with 5
         1 > ghi
         1 close Open",
    );
    assert_eq!(sides(&bench).0.overlap_conflict_bytes, 3);
    assert_eq!(bench.loss.count(Cause::OverlapConflict), 3);
}

#[test]
fn sequence_numbers_wrap() {
    check(
        "> S 4294967290
         < SA 4294967295 4294967291
         > A 4294967291 0
         > A 4294967291 0 =abc
         > A 3 0 =ijk
         > A 4294967294 0 =defgh
         < A 0 6 =xyz",
        "1 open 80
         1 > abc start
         1 > defgh
         1 > ijk with 6
         1 < xyz start
         1 close Open",
    );
}

#[test]
fn a_hole_that_is_acknowledged_is_a_gap_at_once() {
    let bench = after_handshake(
        "> A 101 501 =abc
         > A 109 501 =ghi
         < A 501 104
         < A 501 112
         < A 501 120
         > A 120 501 =xyz",
        "1 > abc start
         1 > gap 5
         1 > ghi
         1 > gap 8
         1 > xyz
         1 close Open",
    );
    assert_eq!(sides(&bench).0.gap_bytes, 13);
    assert_eq!(bench.loss.count(Cause::StreamGap), 13);
}

#[test]
fn a_tail_that_is_acknowledged_is_a_gap_at_the_end() {
    after_handshake("< A 501 111", "1 > gap 10\n1 close Open");
    // One number may have been a FIN.
    after_handshake("< A 501 102", "1 close Open");
}

#[test]
fn a_fin_waits_for_the_bytes_before_it() {
    after_handshake(
        "> FA 104 501 =def
         > A 101 501 =abc
         > A 109 501 =late
         < FA 501 108",
        "1 > abc start
         1 > def with 5
         1 > end
         1 < end
         1 close Finished",
    );
    after_handshake("> FA 104 501", "1 > gap 3\n1 > end\n1 close Open");
    after_handshake("> FA 104 501\n< A 501 105", "1 > gap 3\n1 > end\n1 close Open");
}

#[test]
fn cut_payloads_are_followed_by_a_gap() {
    let bench = after_handshake(
        "> A 101 501 =ab -8
         > A 121 501 =ef -8
         > A 111 501 =cd -8
         > A 131 501 -5",
        "1 > ab start
         1 > gap 8
         1 > cd
         1 > gap 8
         1 > ef with 6
         1 > gap 8
         1 > gap 5
         1 close Open",
    );
    let side = sides(&bench).0;
    assert_eq!((side.payload_bytes, side.gap_bytes), (35, 0));
    assert_eq!(bench.loss.iter().count(), 0);
}

#[test]
fn joined_in_the_middle() {
    check(
        "< A 5000 900
         < PA 5000 900 =answer
         > PA 900 5006 =question
         > A 900 5006 =question",
        "1 open 80 midstream
         1 < answer
         1 > question
         1 close Open",
    );
}

#[test]
fn one_direction_is_enough() {
    let bench = check(
        "> S 100
         > A 101 501
         > A 101 501 =abc
         > A 107 501 =ghi
         > A 110 501 =jkl +11000
         > FA 113 501
         > A 114 600",
        "1 open 80
         1 > abc start
         1 > gap 3
         1 > ghi
         1 > jkl
         1 > end
         1 close Finished",
    );
    assert_eq!(bench.notes.closed[0].last.number, 7);
}

#[test]
fn keep_alives_are_no_retransmissions() {
    let bench = after_handshake(
        "> A 101 501 =abc
         < A 501 104
         > A 103 501
         > A 103 501 =c
         < A 501 104
         > A 104 501 =def",
        "1 > abc start
         1 > def
         1 close Open",
    );
    let side = sides(&bench).0;
    assert_eq!((side.keep_alives, side.retransmissions), (2, 0));
}

#[test]
fn zero_windows_are_counted() {
    let bench = after_handshake("< A 501 101 w0\n< A 501 101 w0", "1 close Open");
    assert_eq!(sides(&bench).1.zero_windows, 2);
}

#[test]
fn a_refused_connection() {
    let bench = check("> S 100\n< RA 0 101", "1 open 80\n1 close Refused");
    assert!(sides(&bench).1.has_rst);
    check("> S 100\n< RA 0 999999999", "1 open 80\n1 close Open");
}

#[test]
fn a_reset() {
    after_handshake("> A 101 501 =abc\n< R 501\n> A 104 501 =def", "1 > abc start\n1 > def\n1 close Reset");
    after_handshake("< R 90000000\n> A 101 501 =abc", "1 > abc start\n1 close Open");
    check("< R 7", "1 open 80 midstream\n1 close Reset");
}

#[test]
fn trailing_packets_open_nothing() {
    after_handshake(
        "> FA 101 501
         < FA 501 102
         > A 102 502
         < FA 501 102 +4000
         > A 102 502
         > A 102 502 +6000",
        "1 > end
         1 < end
         1 close Finished
         9 open 80 midstream
         9 close Open",
    );
}

#[test]
fn a_port_is_used_again() {
    after_handshake(
        "> S 9000
         < SA 300 9001
         > A 9001 301 =new",
        "1 close Reset
         4 open 80
         4 > new start
         4 close Open",
    );
    after_handshake(
        "> FA 101 501
         < FA 501 102
         > S 9000",
        "1 > end
         1 < end
         1 close Finished
         6 open 80
         6 close Open",
    );
}

#[test]
fn a_repeated_syn_is_the_same_connection() {
    let bench = check(
        "> S 100
         > S 100 +1000
         < SA 500 101
         > A 101 501
         < SA 500 101",
        "1 open 80
         1 close Open",
    );
    assert_eq!((sides(&bench).0.retransmissions, sides(&bench).1.retransmissions), (1, 1));
    assert_eq!(bench.notes.closed[0].health.handshake_rtt_ns, 0);
}

#[test]
fn a_syn_may_come_late_or_with_data() {
    check(
        "< SA 500 101
         > S 100
         > A 101 501 =abc",
        "1 open 80
         1 > abc start
         1 close Open",
    );
    check(
        "> S 100 0 =early
         < SA 500 106
         > A 106 501 =more",
        "1 open 80
         1 > early start
         1 > more
         1 close Open",
    );
    check(
        "> A 101 501 =abc
         > S 100
         > A 104 501 =def",
        "1 open 80 midstream
         1 > abc
         1 > def
         1 close Open",
    );
}

#[test]
fn both_may_open_at_the_same_time() {
    check(
        "> S 100
         < S 500
         > SA 100 501
         < SA 500 101
         < A 501 101 =abc",
        "1 open 80
         1 < abc start
         1 close Open",
    );
}

#[test]
fn silence_ends_a_connection() {
    check(
        "> S 100
         > S 200 p41000
         advance +29000
         advance +2000
         > S 100 +1000",
        "1 open 80
         2 open 80
         1 close Timeout
         2 close Timeout
         3 open 80
         3 close Open",
    );
    after_handshake(
        "> A 101 501 =abc +500000
         advance +599000
         advance +2000",
        "1 > abc start\n1 close Timeout",
    );
    // The packets alone decide, not when the table is looked through.
    after_handshake("> A 101 501 =abc +601000", "1 close Timeout\n4 open 80 midstream\n4 > abc\n4 close Open");
}

#[test]
fn time_may_run_backwards() {
    after_handshake(
        "advance +100
         > A 101 501 =abc +-100000
         advance +-5000000
         > A 104 501 =def +1
         advance +7000000",
        "1 > abc start\n1 > def\n1 close Timeout",
    );
}

#[test]
fn roles_can_be_turned() {
    let mut bench = Bench::new(Config::default());
    bench.notes.verdict = Some(Verdict::Turn);
    bench.run(
        "> A 100 500 =abc
         > A 106 500 =ghi
         > A 103 500 =def
         < A 500 109 =xyz",
    );
    bench.finish();
    assert_eq!(
        bench.notes.text.lines().collect::<Vec<_>>(),
        ["1 open 80 midstream", "1 > abc", "1 < def", "1 < ghi with 3", "1 > xyz", "1 close Open"]
    );
    let summary = &bench.notes.closed[0];
    assert_eq!((summary.facts.server.port, summary.to_client.packets, summary.to_server.packets), (40_000, 3, 1));
}

#[test]
fn an_ignored_connection_is_still_counted() {
    let mut bench = Bench::new(Config::default());
    bench.notes.verdict = Some(Verdict::Ignore);
    bench.run(
        "> A 100 500 =abc
         > A 106 500 =ghi
         > A 103 500 =def
         > A 119 500 =ghi
         < A 500 122
         > FA 122 500",
    );
    bench.finish();
    assert_eq!(
        bench.notes.text.lines().collect::<Vec<_>>(),
        ["1 open 80 midstream", "1 > abc", "1 > end", "1 close Open"]
    );
    let side = sides(&bench).0;
    assert_eq!((side.payload_bytes, side.gap_bytes, side.out_of_order), (12, 10, 1));
}

#[test]
fn summaries_come_at_intervals() {
    let config = Config {
        report_interval_ns: Some(10_000_000_000),
        ids: Ids::Running { next: 70, step: 4 },
        ..Config::default()
    };
    check_with(
        config,
        "> S 100
         > S 100 p41000
         < SA 500 101
         > A 101 501 =abc +9000
         advance +500
         advance +1000
         advance +11000
         > A 104 501 =def
         advance +10500",
        "70 open 80
         70 Opened 0
         74 open 80
         74 Opened 0
         70 > abc start
         70 Active 1
         70 > def
         74 close Timeout
         70 Active 2
         70 close Open",
    );
}

#[test]
fn a_jump_is_believed_in_the_end() {
    let bench = after_handshake(
        "> A 101 501 =abc
         > A 3000000000 501 =w
         > A 104 501 =def
         > A 3000000000 501 =wxy
         > A 3000000003 501 =z12
         > A 3000000006 501 =345",
        "1 > abc start
         1 > def
         1 > gap 2999999899
         1 > 345
         1 close Open",
    );
    assert_eq!(bench.loss.count(Cause::OverlapUnchecked), 7);
}
