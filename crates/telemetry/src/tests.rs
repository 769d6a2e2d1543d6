//! The books balance, add up and are told in words.

use lanternfish_model::{Cause, Outcome, Timestamp};

use crate::{Fate, Ledger, Unknown, UnknownCounts, thousands};

const ARP: Unknown = Unknown { cause: Cause::NotIp, what: "ARP" };
const STP: Unknown = Unknown { cause: Cause::NotIp, what: "STP" };

fn sample() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add_packets(404_542, 122_000_000);
    ledger.add_fate(Fate::Dissected, 404_500);
    ledger.add_fate(Fate::OwnTraffic, 27);
    ledger.lose(Cause::NotIp, 15);
    ledger.add_unknown(ARP, 12);
    ledger.add_unknown(STP, 3);
    ledger.lose(Cause::StreamGap, 1460);
    ledger.add_entry("http", Outcome::Ok, 1);
    ledger.add_entry("http", Outcome::ServerError, 0);
    ledger.add_entry("dns", Outcome::ClientError, 0);
    ledger.add_shown(3);
    ledger.add_connections(2);
    ledger.cover(Timestamp::from_ns(5));
    ledger
}

#[test]
fn the_report_shows_what_is_not_zero() {
    assert_eq!(
        sample().stats(),
        "packets                      404,542  122.0 MB\n\
         \x20 dissected                  404,500\n\
         \x20 filtered out: own traffic       27\n\
         \x20 not IP                          15  ARP 12, STP 3\n\
         connections                        2\n\
         entries                            3\n\
         \x20 dns                              1  1 client error\n\
         \x20 http                             2  1 error\n\
         notes                              1\n\
         lost\n\
         \x20 wire: not IP                    15  packets  Frames of a network protocol that is not dissected (ARP, STP, LLDP).\n\
         \x20 reassembly: gap              1,460  bytes  Bytes of TCP streams that never came.\n"
    );
    assert_eq!(
        sample().summary().to_string(),
        "404,542 packets, 3 entries, 1 note; lost: 15 packets (not IP), 1,460 bytes (gap)"
    );
}

#[test]
fn nothing_lost_is_said() {
    let mut ledger = Ledger::default();
    ledger.add_packets(1, 60);
    ledger.add_fate(Fate::Dissected, 1);
    assert_eq!(ledger.summary().to_string(), "1 packet, 0 entries, 0 notes, nothing was lost");
    assert_eq!(ledger.stats(), "packets      1  60 bytes\n  dissected  1\nnothing was lost\n");
    ledger.add_entry("tcp", Outcome::Ok, 0);
    assert_eq!(ledger.summary().to_string(), "1 packet, 1 entry (0 shown), 0 notes, nothing was lost");
}

#[test]
fn the_books_balance_or_say_so() {
    let mut ledger = sample();
    assert!(ledger.is_balanced());
    ledger.lose(Cause::PairTimeout, 9);
    assert!(ledger.is_balanced(), "messages are no packets");
    ledger.add_packets(2, 0);
    assert!(!ledger.is_balanced());
    assert!(
        ledger.stats().contains("not accounted for                 2  the books do not balance"),
        "{}",
        ledger.stats()
    );
    ledger.add_fate(Fate::DuplicateView, 3);
    assert!(ledger.stats().contains("counted twice"));
}

#[test]
fn ledgers_add_up() {
    let mut ledger = sample();
    ledger.merge(&sample());
    assert!(ledger.is_balanced());
    assert_eq!((ledger.packets(), ledger.entries(), ledger.notes(), ledger.connections()), (809_084, 6, 2, 4));
    assert_eq!(ledger.fate(Fate::OwnTraffic), 54);
    assert_eq!(ledger.unknown().ranked()[0], (ARP, 24));
    ledger.add_packets(u64::MAX, u64::MAX);
    assert_eq!(ledger.packets(), u64::MAX);
}

#[test]
fn unknown_kinds_are_limited() {
    let mut counts = UnknownCounts::default();
    for number in 0..1000 {
        let what: &'static str = Box::leak(number.to_string().into_boxed_str());
        counts.add(Unknown { what, ..ARP }, 1);
    }
    assert_eq!(counts.ranked().len(), UnknownCounts::MAX_KINDS);
    assert_eq!(counts.others(), 1000 - UnknownCounts::MAX_KINDS as u64);
}

#[test]
fn numbers_have_commas() {
    for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(thousands(number), text);
    }
}
