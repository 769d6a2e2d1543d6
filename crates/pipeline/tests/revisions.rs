//! Connections and flows while they stand: each revision of their entries, at its time, with the counters of that time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod bench;

use std::collections::BTreeMap;
use std::io::Cursor;

use bench::{settings, stream, values};
use lanternfish_model::Timestamp;
use lanternfish_pipeline::files::Report;
use lanternfish_pipeline::{Budget, Revisions, Settings};
use lanternfish_testkit::{Capture, Side, TcpConversation, endpoint, frame, udp};
use serde_json::Value;

const SECOND_NS: i64 = 1_000_000_000;

/// Settings under which every revision is shown, as live.
fn all() -> Settings {
    let mut settings = Settings { revisions: Revisions::All, calls: false, ..settings() };
    settings.reassembly.report_interval_ns = Some(10 * SECOND_NS);
    settings
}

/// Runs a capture; gives the entries in their order.
fn run(settings: Settings, capture: &Capture, threads: u16) -> (Report, Vec<Value>, Vec<u8>) {
    let mut lines = Vec::new();
    let file = Box::new(Cursor::new(capture.to_pcap()));
    let report = stream(settings, file, threads, &mut |bytes| lines.extend_from_slice(bytes)).expect("a capture file");
    (report, values(&lines), lines)
}

/// The revisions of each connection or flow, by id.
fn by_id<'a>(entries: &'a [Value], word: &str) -> BTreeMap<u64, Vec<&'a Value>> {
    let mut rows: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry[word] == true) {
        rows.entry(entry["id"].as_u64().expect("an id")).or_default().push(entry);
    }
    rows
}

/// The revisions of the only one there is.
fn only<'a>(entries: &'a [Value], word: &str) -> Vec<&'a Value> {
    let mut rows = by_id(entries, word);
    assert_eq!(rows.len(), 1, "{word}");
    rows.pop_first().expect("one").1
}

fn numbers(rows: &[&Value], name: &str) -> Vec<u64> {
    rows.iter().map(|row| row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {row}"))).collect()
}

fn begin() -> Timestamp {
    Timestamp::from_parts(1_700_000_000, 0)
}

/// Ten calls a second for some seconds, each of two packets with payload and two without.
fn steady(client: &str, server: &str, seconds: u32) -> TcpConversation {
    let mut conversation = TcpConversation::new(client, server).step(1_000_000).handshake();
    for call in 0..seconds * 10 {
        let at = begin() + i64::from(call) * SECOND_NS / 10 + 50_000_000;
        conversation = conversation.at(at).to_server(&[b'a'; 60]).to_client(&[b'b'; 160]);
    }
    conversation
}

#[test]
fn a_connection_and_its_flow_are_told_of_while_they_stand() {
    let capture = steady("10.0.0.1:4000", "10.0.0.2:8000", 60).fin().capture();
    let (report, entries, _) = run(all(), &capture, 1);
    for (word, prefix) in [("conn", "conn"), ("flow", "flow")] {
        let rows = only(&entries, word);
        let state = |row: &&Value| row[format!("{prefix}_state")].as_str().expect("a state").to_owned();
        let states: Vec<String> = rows.iter().map(state).collect();
        assert_eq!(states.first().map(String::as_str), Some("open"), "{word}");
        assert_eq!(states.last().map(String::as_str), Some("closed"), "{word}");
        assert!(states[1..states.len() - 1].iter().all(|state| state == "in_progress"), "{word} {states:?}");
        // The opening, one each 10 s for 60 s, and the end.
        assert!((7..=8).contains(&rows.len()), "{word} {}", rows.len());
        let revisions: Vec<u64> = (0..rows.len() as u64).collect();
        assert_eq!(numbers(&rows, &format!("{prefix}_revision")), revisions);
        for name in ["local_pkts", "local_bytes", "remote_pkts", "remote_bytes"] {
            let counts = numbers(&rows, &format!("{prefix}_{name}"));
            assert!(counts.is_sorted_by(|a, b| a < b), "{word} {name} {counts:?}");
        }
        assert_eq!(numbers(&rows, &format!("{prefix}_local_pkts")).first(), Some(&1));
        // 600 calls with one packet of data and one ACK a side, the handshake and the end.
        assert_eq!(numbers(&rows, &format!("{prefix}_local_pkts")).last(), Some(&(1200 + 2 + 2)));
        assert_eq!(numbers(&rows, &format!("{prefix}_remote_pkts")).last(), Some(&(1200 + 1 + 1)));
        let times = numbers(&rows[1..rows.len() - 1], "elapsed_time");
        for pair in times.windows(2) {
            assert!((pair[1] - pair[0]).abs_diff(10_000_000) < 1_500_000, "{word} {times:?}");
        }
    }
    // Each is counted once, however often it was told of.
    assert_eq!(report.ledger.entries(), 2);
    assert_eq!(report.ledger.shown(), 2);
}

#[test]
fn the_rates_of_a_flow_are_those_of_its_last_ten_seconds() {
    let capture = steady("10.0.0.1:4000", "10.0.0.2:8000", 60).capture();
    for revisions in [Revisions::Last, Revisions::All] {
        let (_, entries, _) = run(Settings { revisions, ..all() }, &capture, 1);
        let rows = only(&entries, "flow");
        for row in &rows {
            // In the first ten seconds the window is not full.
            if row["elapsed_time"].as_u64() < Some(10_100_000) {
                continue;
            }
            // A side sends 10 segments with data and 10 ACKs a second, with 40 bytes of headers each.
            let near = |name: &str, expected: u64, most: u64| {
                let rate = row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {row}"));
                assert!(rate.abs_diff(expected) <= most, "{name} {rate}");
            };
            near("flow_local_pps", 20, 1);
            near("flow_remote_pps", 20, 1);
            near("flow_local_bps", 10 * (100 + 40), 140);
            near("flow_remote_bps", 10 * (200 + 40), 240);
        }
        assert!(rows.last().expect("a row")["elapsed_time"].as_u64() > Some(59_000_000));
    }
    // A flow of a moment: its packets are spread over ten seconds all the same.
    let short = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:8000").without_acks().to_server(&[7; 60 * 1460]);
    let (_, entries, _) = run(settings(), &short.capture(), 1);
    let rows = only(&entries, "flow");
    assert_eq!([rows[0]["flow_local_pps"].as_u64(), rows[0]["flow_local_bps"].as_u64()], [Some(6), Some(9000)]);
}

/// Connections that come and go, of a few flows; some of many packets.
fn busy() -> Capture {
    let mut capture = Capture::ethernet();
    for number in 0..24u16 {
        let (client, server) =
            (format!("10.0.{}.1:{}", number % 3, 4000 + number), format!("10.0.9.{}:80", number % 2));
        let seconds = u32::from(number % 5) * 9 + 1;
        let conversation = steady(&client, &server, seconds);
        let conversation = if number % 7 == 0 { conversation.rst(Side::Server) } else { conversation.fin() };
        capture = capture.merge(conversation.capture());
    }
    for number in 0..200u16 {
        let (client, server) = (endpoint(&format!("10.1.0.1:{}", 5000 + number)), endpoint("10.1.0.2:9999"));
        let time = begin() + i64::from(number) * SECOND_NS / 3;
        let mut datagrams = Capture::ethernet();
        datagrams.push(time, frame(&udp(client, server, b"one")));
        datagrams.push(time + 1_000_000, frame(&udp(server, client, b"two")));
        capture = capture.merge(datagrams);
    }
    capture
}

#[test]
fn any_number_of_threads_gives_the_same_revisions() {
    let capture = busy();
    let (report, entries, lines) = run(all(), &capture, 1);
    assert!(entries.len() > 400);
    for threads in [2, 3, 5] {
        let (other, _, others) = run(all(), &capture, threads);
        assert!(lines == others, "{threads} threads");
        assert_eq!(report.ledger, other.ledger, "{threads} threads");
    }
}

#[test]
fn the_newest_revision_is_what_is_shown_otherwise() {
    let capture = busy();
    let (all_report, every, _) = run(all(), &capture, 1);
    let newest = Settings { revisions: Revisions::Last, calls: false, ..settings() };
    let (report, last, _) = run(newest, &capture, 1);
    assert_eq!(
        (report.ledger.entries(), report.ledger.shown()),
        (all_report.ledger.entries(), all_report.ledger.shown())
    );
    for word in ["conn", "flow"] {
        let (every, last) = (by_id(&every, word), by_id(&last, word));
        assert_eq!(every.keys().collect::<Vec<_>>(), last.keys().collect::<Vec<_>>());
        for (id, rows) in every {
            assert!(rows.len() >= 2, "{word} {id}");
            let [only] = last[&id][..] else { panic!("{word} {id} is shown twice") };
            let strip = |row: &Value| {
                let mut row = row.clone();
                row.as_object_mut().expect("an object").retain(|name, _| !name.ends_with("_revision"));
                row
            };
            assert_eq!(strip(rows[rows.len() - 1]), strip(only), "{word} {id}");
        }
    }
}

#[test]
fn the_opening_and_the_end_alone() {
    let capture = steady("10.0.0.1:4000", "10.0.0.2:8000", 60).fin().capture();
    let (_, entries, _) = run(Settings { revisions: Revisions::Ends, ..all() }, &capture, 1);
    for (word, name) in [("conn", "conn_state"), ("flow", "flow_state")] {
        let rows = only(&entries, word);
        assert_eq!(rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>(), ["open", "closed"]);
    }
}

#[test]
fn flows_over_the_limit_are_told_of_and_counted() {
    let mut capture = Capture::ethernet();
    for number in 0..50u8 {
        let conversation = TcpConversation::new(&format!("10.0.0.{number}:4000"), "10.0.9.9:80")
            .at(begin() + i64::from(number) * SECOND_NS)
            .handshake();
        capture = capture.merge(conversation.capture());
    }
    // It is in use all the time, so it stays.
    capture = capture.merge(steady("10.0.1.1:4000", "10.0.9.9:80", 60).fin().capture());
    for settings in [all(), Settings { calls: false, ..settings() }] {
        let settings = Settings { budget: Budget { flows: 8, ..settings.budget }, ..settings };
        let (report, entries, _) = run(settings, &capture, 1);
        assert_eq!(report.ledger.loss().count(lanternfish_model::Cause::FlowTableFull), 51 - 8);
        let flows = by_id(&entries, "flow");
        assert_eq!(flows.len(), 51);
        let dropped = |rows: &&Vec<&Value>| rows.last().is_some_and(|row| row["notes"].is_array());
        assert_eq!(flows.values().filter(dropped).count(), 51 - 8);
        let steady = flows.values().find(|rows| rows[0]["src"]["ip"] == "10.0.1.1").expect("the steady one");
        assert_eq!(steady.last().expect("a row")["flow_state"], "closed");
    }
}

/// Joined in the middle: the first sender is taken for the client until its bytes tell otherwise.
#[test]
fn a_connection_that_turns_later_is_counted_to_its_right_flow() {
    let mut capture = Capture::ethernet();
    let calls = TcpConversation::new("10.0.0.1:50001", "10.0.0.2:50002").step(3 * SECOND_NS);
    let packets = calls
        .without_acks()
        .lost(Side::Client, 1)
        .to_server(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        .to_client(b"HTTP/1.1 204 No Content\r\n\r\n")
        .capture();
    let ack = TcpConversation::new("10.0.0.1:50001", "10.0.0.2:50002").data(Side::Client, b"").capture();
    let [request, answer] = &packets.packets[..] else { panic!("two packets") };
    let [ack] = &ack.packets[..] else { panic!("one packet") };
    capture.push(begin(), ack.bytes.clone());
    capture.push(begin() + 3 * SECOND_NS, request.bytes.clone());
    capture.push(begin() + 6 * SECOND_NS, answer.bytes.clone());
    for settings in [all(), Settings { calls: false, ..settings() }] {
        let is_brief = settings.revisions == Revisions::Last;
        let (_, entries, lines) = run(settings, &capture, 1);
        assert!(
            lines == run(if is_brief { Settings { calls: false, ..bench::settings() } } else { all() }, &capture, 3).2
        );
        let flows = by_id(&entries, "flow");
        let last: Vec<_> = flows.values().filter_map(|rows| rows.last()).collect();
        let right = last
            .iter()
            .find(|row| row["src"]["ip"] == "10.0.0.1")
            .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&lines)));
        assert_eq!([&right["flow_local_pkts"], &right["flow_remote_pkts"]], [1, 2]);
        assert_eq!(last.len(), if is_brief { 1 } else { 2 });
    }
}
