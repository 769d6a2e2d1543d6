//! Summaries in between: when they are due, and that the connections of a flow give theirs together.

use lanternfish_model::Timestamp;

use super::harness::Bench;
use crate::{Config, next_report};

const INTERVAL_NS: i64 = 10_000_000_000;
/// What the timers can tell apart.
const TICK_NS: i64 = 1 << 28;

#[test]
fn the_points_of_a_flow_do_not_depend_on_where_it_is_looked_from() {
    for flow in [0, 1, 77, 123_456_789_012, (1 << 53) - 1] {
        let mut at = Timestamp::from_parts(1_700_000_000, 5);
        for _ in 0..50 {
            let next = next_report(flow, at, INTERVAL_NS);
            let after = next_report(flow, next, INTERVAL_NS);
            assert!(next > at && next.since(at) <= INTERVAL_NS + TICK_NS, "{flow}");
            assert!((INTERVAL_NS - TICK_NS..=INTERVAL_NS + TICK_NS).contains(&after.since(next)), "{flow}");
            assert_eq!(next_report(flow, next - 1, INTERVAL_NS), next);
            at = at + 700_000_000;
        }
    }
}

#[test]
fn flows_are_spread_over_the_interval() {
    let begin = Timestamp::from_parts(1_700_000_000, 0);
    let mut by_second = [0; 11];
    for flow in 0..1000u64 {
        let due = next_report(flow.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11, begin, INTERVAL_NS);
        by_second[(due.since(begin) / 1_000_000_000) as usize] += 1;
    }
    assert!(by_second[..10].iter().all(|&count| count > 50), "{by_second:?}");
}

/// A bench whose connections give summaries.
fn bench() -> Bench {
    Bench::new(Config { report_interval_ns: Some(INTERVAL_NS), ..Config::default() })
}

/// Lets time pass in small steps until lines with this word come; gives them.
fn until(bench: &mut Bench, word: &str) -> Vec<String> {
    for _ in 0..120 {
        let seen = bench.notes.text.len();
        bench.run("advance +100");
        let lines: Vec<String> = bench.notes.text[seen..].lines().map(str::to_owned).collect();
        if !lines.is_empty() {
            assert!(lines.iter().all(|line| line.contains(word)), "{lines:?}");
            return lines;
        }
    }
    panic!("nothing came");
}

#[test]
fn the_connections_of_a_flow_report_together() {
    let mut bench = bench();
    bench.run(
        "> S 100
         < SA 500 101
         > S 100 p41000 +1300
         < SA 500 101 p41000
         > S 100 p42000 +1100",
    );
    assert_eq!(until(&mut bench, "Active"), ["1 Active 1", "3 Active 1"]);
    bench.run(
        "> A 101 501 p41000 +3000
         > A 101 501 +2000
         < SA 500 101 p42000",
    );
    let begin = bench.now;
    assert_eq!(until(&mut bench, "Active"), ["3 Active 2", "1 Active 2", "5 Active 1"]);
    assert!(bench.now.since(begin) <= INTERVAL_NS);
}

#[test]
fn what_is_over_is_no_revision() {
    let mut bench = bench();
    // Ends shortly before the summary is due.
    let due = next_report(facts_flow_id(), bench.now + 1_000_000, INTERVAL_NS);
    let wait_ms = due.since(bench.now) / 1_000_000 - 500;
    bench.run(&format!(
        "> S 100
         < SA 500 101
         > FA 101 501 +{wait_ms}
         < FA 501 102",
    ));
    let seen = bench.notes.text.len();
    bench.run("advance +1000");
    assert_eq!(bench.notes.text[seen..].lines().collect::<Vec<_>>(), ["1 Over 1"]);
    bench.finish();
    assert_eq!(bench.notes.closed[0].revision, 1);
}

fn facts_flow_id() -> u64 {
    let mut bench = Bench::new(Config::default());
    bench.run("> S 100");
    bench.finish();
    bench.notes.closed[0].facts.flow_id()
}
