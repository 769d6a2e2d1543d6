//! Queries on a small store: order, cursors, revisions, counts, what is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use lanternfish_model::*;
use lanternfish_query::*;
use lanternfish_servicemap::{Counted, Facts, MapBuilder, Tally};
use support::synthetic::Synthetic;
use support::*;

const TOTAL: u64 = 6_000;

/// Six thousand entries: three segments a protocol, and a tail.
fn store() -> (Small, Vec<Entry>) {
    let small = Small::new(500);
    let entries: Vec<Entry> = Synthetic::new(table(), 7, TOTAL).collect();
    for part in entries[..4500].chunks(1500) {
        small.seal(part);
    }
    for part in entries[4500..].chunks(100) {
        small.append(part);
    }
    (small, entries)
}

fn ids(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let (small, entries) = store();
    let query = small.query();
    for text in [
        "",
        "http",
        "http && status_code >= 400",
        "tcp_conn && conn_state == \"closed\"",
        "redis_error != \"\"",
        "url.contains(\"/orders\")",
        "request.headers[\"accept\"] == r\"json\" && path[1] == \"v1\"",
        "false",
    ] {
        let filter = filter(text);
        let expected = live(&entries, &filter);
        let (mut got, mut cursor) = (Vec::new(), None);
        loop {
            let page = query.entries(&filter, Window::ALL, 700, cursor).await.unwrap();
            assert!(page.cost.unreadable.is_empty(), "{:?}", page.cost.unreadable);
            assert_eq!(page.loss.count(Cause::KernelDrop), 7);
            got.extend(ids(&page.entries));
            cursor = page.next;
            let Some(next) = cursor else { break };
            assert_eq!(next.to_string().parse::<Cursor>().unwrap(), next);
            assert_eq!(page.entries.len(), 700, "{text}");
        }
        assert_eq!(got.len(), expected.len(), "{text}");
        assert_eq!(got, expected, "{text}");
        let streamed: Vec<Vec<Entry>> =
            query.stream(&filter, Window::ALL, Order::Oldest, None).try_collect().await.unwrap();
        let mut reversed = ids(&streamed.concat());
        reversed.reverse();
        assert_eq!(reversed, expected, "{text}");
    }
}

#[tokio::test]
async fn entries_come_back_as_they_were() {
    let (small, entries) = store();
    let query = small.query();
    let page = query.entries(&filter("http && method == \"POST\""), Window::ALL, 50, None).await.unwrap();
    let by_id: BTreeMap<u64, &Entry> = entries.iter().map(|entry| (entry.id, entry)).collect();
    assert_eq!(page.entries.len(), 50);
    for entry in &page.entries {
        let original = by_id[&entry.id];
        for (id, spec, _) in table().iter() {
            assert_eq!(
                format!("{:?}", entry.value(table(), id)),
                format!("{:?}", original.value(table(), id)),
                "{} of {}",
                spec.path,
                entry.id
            );
        }
        let again = query.entry(entry.id).await.unwrap().unwrap();
        assert_eq!(again.request.unwrap().body.bytes, original.request.as_ref().unwrap().body.bytes);
    }
    assert!(query.entry(3).await.unwrap().is_none());
    assert!(query.entry(u64::MAX).await.unwrap().is_none());
}

#[tokio::test]
async fn cursors_stay_right_while_entries_come() {
    let (small, _) = store();
    let query = small.query();
    let filter = filter("http");
    let before: Vec<u64> = {
        let all: Vec<Vec<Entry>> = query.stream(&filter, Window::ALL, Order::Newest, None).try_collect().await.unwrap();
        ids(&all.concat())
    };
    let first = query.entries(&filter, Window::ALL, 100, None).await.unwrap();
    // Newer entries come, and one that is late.
    let mut late = first.entries[50].clone();
    late.id += 1;
    let mut new = first.entries[0].clone();
    (new.id, new.timestamp) = (new.id + 1, new.timestamp + 1);
    small.append(&[new, late]);
    let second = query.entries(&filter, Window::ALL, 100, first.next).await.unwrap();
    assert_eq!(ids(&first.entries), before[..100]);
    assert_eq!(ids(&second.entries), before[100..200]);
}

#[tokio::test]
async fn a_filter_may_limit_its_answer() {
    let (small, _) = store();
    let query = small.query();
    let filter = filter("http and limit(130)");
    let first = query.entries(&filter, Window::ALL, 100, None).await.unwrap();
    let second = query.entries(&filter, Window::ALL, 100, first.next).await.unwrap();
    assert_eq!((first.entries.len(), second.entries.len(), second.next), (100, 30, None));
    let all: Vec<Vec<Entry>> = query.stream(&filter, Window::ALL, Order::Newest, None).try_collect().await.unwrap();
    assert_eq!(all.concat().len(), 130);
}

#[tokio::test]
async fn windows_cut_exactly() {
    let (small, entries) = store();
    let query = small.query();
    let (from, to) = (entries[1000].timestamp, entries[2000].timestamp);
    let window = Window { from: Some(from), to: Some(to) };
    let page = query.entries(&filter("http"), window, 5000, None).await.unwrap();
    let expected: Vec<u64> = newest(&entries)
        .into_iter()
        .filter(|entry| window.contains(entry.timestamp) && filter("http").matches(table(), entry))
        .map(|entry| entry.id)
        .collect();
    assert_eq!(ids(&page.entries), expected);
    assert!(page.cost.segments_skipped > 0);
    let none = Window { from: Some(to), to: Some(from) };
    assert!(query.entries(&filter(""), none, 10, None).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn only_the_newest_revision_is_met() {
    let (small, entries) = store();
    let query = small.query();
    let connections: Vec<&Entry> =
        newest(&entries).into_iter().filter(|entry| entry.class == EntryClass::Connection).collect();
    let written = entries.iter().filter(|entry| entry.class == EntryClass::Connection).count();
    assert!(written > connections.len(), "no connection has two revisions");
    let found = query.entries(&filter("conn"), Window::ALL, 5000, None).await.unwrap();
    assert_eq!(ids(&found.entries), connections.iter().map(|entry| entry.id).collect::<Vec<_>>());
    // An older revision is open, the newest is closed.
    let open = filter("conn && conn_state == \"open\"");
    let found = query.entries(&open, Window::ALL, 5000, None).await.unwrap();
    assert_eq!(ids(&found.entries), live(&entries, &open));
    let closed = connections.iter().find(|entry| filter("conn_state == \"closed\"").matches(table(), entry)).unwrap();
    let entry = query.entry(closed.id).await.unwrap().unwrap();
    assert!(filter("conn_state == \"closed\"").matches(table(), &entry));
}

#[tokio::test]
async fn stats_count_as_the_entries_say() {
    let (small, entries) = store();
    let query = small.query();
    let group = |text: &str| Group::parse(text, table()).unwrap();
    let step = 60_000_000_000;
    let by = [group("status_code"), group("request.headers[\"Host\"]")];
    let stats = query.stats(&filter("http"), Window::ALL, &by, Some(step), 10_000).await.unwrap();
    type Key = (i64, String, i64);
    let mut expected: BTreeMap<Key, ([u64; 4], Vec<u64>)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| filter("http").matches(table(), entry)) {
        let host = match entry.value(table(), table().find("request.headers").unwrap()) {
            Value::Map(map) => String::from_utf8(map.find(b"host", true).unwrap().to_vec()).unwrap(),
            other => panic!("{other:?}"),
        };
        let key = (entry.status_code().unwrap(), host, entry.timestamp.ns().div_euclid(step));
        let (figures, latencies) = expected.entry(key).or_default();
        figures[0] += 1;
        figures[1] += u64::from(matches!(entry.outcome, Outcome::ServerError | Outcome::Failed));
        figures[2] += u64::from(entry.outcome == Outcome::ClientError);
        figures[3] += entry.request.as_ref().unwrap().wire_bytes + entry.response.as_ref().unwrap().wire_bytes;
        latencies.push((entry.elapsed_ns.unwrap() / 1000) as u64);
    }
    assert_eq!(stats.rows.len(), expected.len());
    for row in &stats.rows {
        let [(status_name, Cell::Int(status)), (host_name, Cell::Text(host))] = row.by.as_slice() else {
            panic!("{:?}", row.by)
        };
        assert_eq!((status_name.as_str(), host_name.as_str()), ("status_code", "request.headers[\"Host\"]"));
        let key = (*status, host.clone(), row.time.unwrap().ns() / step);
        let (figures, latencies) = expected.get_mut(&key).unwrap();
        assert_eq!([row.figures.calls, row.figures.errors, row.figures.client_errors, row.figures.bytes], *figures);
        latencies.sort_unstable();
        let median = latencies[(latencies.len() - 1) / 2];
        assert!(row.figures.p50_us.unwrap().abs_diff(median) as f64 <= median as f64 * 0.04 + 1.0);
        assert_eq!(row.figures.answered, figures[0]);
    }
    let calls: Vec<u64> = {
        let plain = query.stats(&filter("http"), Window::ALL, &by[..1], None, 3).await.unwrap();
        assert_eq!(plain.rows.len(), 3);
        assert!(plain.omitted_groups > 0);
        plain.rows.iter().map(|row| row.figures.calls).collect()
    };
    assert!(calls.is_sorted_by(|a, b| a >= b));
}

#[tokio::test]
async fn connections_are_counted_only_beside_no_messages() {
    let (small, entries) = store();
    let query = small.query();
    let by = [Group::parse("protocol", table()).unwrap()];
    let rows = |stats: &Stats| -> BTreeMap<String, u64> {
        stats.rows.iter().map(|row| (format!("{:?}", row.by[0].1), row.figures.calls)).collect()
    };
    let all = query.stats(&filter(""), Window::ALL, &by, None, 100).await.unwrap();
    let calls = entries.iter().filter(|entry| entry.class == EntryClass::Call).count() as u64;
    let bare = newest(&entries)
        .into_iter()
        .filter(|entry| entry.class == EntryClass::Connection)
        .filter(|entry| filter("size(conn_l7_detected) == 0").matches(table(), entry))
        .count() as u64;
    assert_eq!(rows(&all).values().sum::<u64>(), calls + bare);
    // Asked for alone, connections are counted, each once.
    let alone = query.stats(&filter("conn"), Window::ALL, &by, None, 100).await.unwrap();
    let connections = newest(&entries).into_iter().filter(|entry| entry.class == EntryClass::Connection).count() as u64;
    assert_eq!(rows(&alone).values().sum::<u64>(), connections);
}

/// The map of entries, one by one.
fn map_of(entries: &[&Entry], group: GroupBy) -> ServiceMap {
    let mut builder = MapBuilder::new(group);
    for entry in entries {
        let counted = Counted::of(table(), entry);
        let halves = [&entry.request, &entry.response].into_iter().flatten();
        let elapsed = entry.elapsed_ns.filter(|_| counted == Counted::Call);
        let mut tally = Tally::default();
        tally.of(counted).add(
            entry.outcome,
            halves.map(|half| half.wire_bytes).sum(),
            elapsed.map(|ns| (ns / 1000).cast_unsigned()),
            Some(entry.timestamp),
        );
        let (src, dst) = (builder.node(&Facts::of(&entry.src)), builder.node(&Facts::of(&entry.dst)));
        builder.add(src, dst, table().protocol_name(entry.protocol), &tally);
    }
    builder.finish()
}

type Figures = BTreeMap<(String, String, String), [u64; 5]>;

/// The figures of all edges.
fn edges(map: &ServiceMap) -> Figures {
    let of_edge = |edge: &Edge| {
        let f = &edge.figures;
        let key = (edge.src.clone(), edge.dst.clone(), edge.protocol.clone());
        (key, [f.calls, f.errors, f.client_errors, f.bytes, f.answered])
    };
    map.edges.iter().map(of_edge).collect()
}

#[tokio::test]
async fn the_stored_map_is_that_of_its_entries() {
    let (small, entries) = store();
    let query = small.query();
    for (text, group) in [("", GroupBy::Auto), ("http && status_code >= 400", GroupBy::Ip), ("!dns", GroupBy::Host)] {
        let filter = filter(text);
        let stored = query.map(&filter, Window::ALL, group).await.unwrap();
        let met: Vec<&Entry> = newest(&entries).into_iter().filter(|entry| filter.matches(table(), entry)).collect();
        assert_eq!(edges(&stored.map), edges(&map_of(&met, group)), "{text}");
        assert!(!stored.map.nodes.is_empty());
        for edge in &stored.map.edges {
            assert!(edge.figures.p50_us <= edge.figures.p95_us && edge.figures.p95_us <= edge.figures.p99_us);
            assert!(stored.map.nodes.iter().any(|node| node.id == edge.src));
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answered_is_told_with_its_port() {
    let (_, entries) = store();
    let bare = filter("conn and size(conn_l7_detected) == 0");
    let connections = newest(&entries).into_iter().filter(|entry| entry.class == EntryClass::Connection);
    let mut refused = connections.clone().find(|entry| bare.matches(table(), entry)).unwrap().clone();
    refused.outcome = Outcome::Failed;
    refused.dst = Party::new(Endpoint::new("10.9.9.9".parse().unwrap(), 9899));
    let mut other = refused.clone();
    (other.id, other.dst.endpoint.port) = (refused.id + (1 << 40), 9898);
    let small = Small::new(500);
    small.append(&[refused.clone(), other]);
    let servers = async |group| {
        let map = small.query().map(&filter(""), Window::ALL, group).await.unwrap().map;
        map.nodes.into_iter().filter(|node| node.calls_in > 0).map(|node| node.label()).collect::<Vec<_>>()
    };
    assert_eq!(servers(GroupBy::Auto).await, ["10.9.9.9:9898", "10.9.9.9:9899"]);
    assert_eq!(servers(GroupBy::Ip).await, ["10.9.9.9"]);
    // One that answered is one node, and so is one that was scanned.
    let mut answered = refused.clone();
    (answered.id, answered.outcome) = (refused.id + (2 << 40), Outcome::Ok);
    small.append(&[answered]);
    assert_eq!(servers(GroupBy::Auto).await, ["10.9.9.9"]);
    let scanned = Small::new(500);
    let tries = (1..100u16).map(|port| {
        let mut entry = refused.clone();
        (entry.id, entry.dst.endpoint.port) = (refused.id + (u64::from(port) << 40), port);
        entry
    });
    scanned.append(&tries.collect::<Vec<_>>());
    let map = scanned.query().map(&filter(""), Window::ALL, GroupBy::Auto).await.unwrap().map;
    assert_eq!(map.nodes.iter().filter(|node| node.calls_in > 0).count(), 1);
}

/// A live page asks the same again and again, while rows come, are sealed and leave the window.
#[tokio::test]
async fn what_is_asked_again_is_answered_as_if_anew() {
    let small = Small::new(500);
    let entries: Vec<Entry> = Synthetic::new(table(), 11, TOTAL).collect();
    let query = small.query();
    let by = [Group { field: table().find("outcome").unwrap(), key: None, name: "outcome".to_owned() }];
    let step = Some(60_000_000_000);
    for text in ["", "http && status_code >= 400", "!dns", "conn"] {
        let live = filter(text);
        let (mut anew_rows, mut again_rows) = (0, 0);
        for (number, part) in entries.chunks(1000).enumerate() {
            if text.is_empty() {
                if number % 3 == 2 { small.append(part) } else { small.seal(part) }
            }
            // The first window is open, later ones begin within a row group.
            let from = number.checked_sub(2).and_then(|back| entries.get(back * 1000 + 300)).map(|e| e.timestamp);
            let window = Window { from, to: None };
            for group in [GroupBy::Auto, GroupBy::Ip] {
                let again = query.map(&live, window, group).await.unwrap();
                let anew = query.map(&filter(text), window, group).await.unwrap();
                assert_eq!((&again.map.nodes, &again.map.edges), (&anew.map.nodes, &anew.map.edges), "{text} {number}");
                again_rows += again.cost.scanned_rows;
                anew_rows += anew.cost.scanned_rows;
            }
            let again = query.stats(&live, window, &by, step, 100).await.unwrap();
            let anew = query.stats(&filter(text), window, &by, step, 100).await.unwrap();
            assert_eq!(format!("{:?}", again.rows), format!("{:?}", anew.rows), "{text} {number}");
            assert!(text == "conn" || !again.rows.is_empty());
        }
        assert!(again_rows < anew_rows || text == "conn", "{text}: {again_rows} of {anew_rows} rows were read again");
    }
}

#[tokio::test]
async fn values_complete_a_prefix() {
    let (small, _) = store();
    let query = small.query();
    let values = |field: &str, prefix: &str| {
        let (query, group) = (&query, Group { field: table().find(field).unwrap(), key: None, name: field.to_owned() });
        let prefix = prefix.to_owned();
        async move { query.values(&group, &prefix, 20, Window::ALL).await.unwrap().values }
    };
    let methods = values("method", "").await;
    assert_eq!(
        methods.iter().map(|(value, _)| value.as_str()).collect::<std::collections::BTreeSet<_>>(),
        ["DELETE", "GET", "POST", "PUT"].into()
    );
    assert!(methods.is_sorted_by(|a, b| a.1 >= b.1));
    assert!(values("dns_questions", "CART").await.iter().all(|(value, _)| value.starts_with("cart")));
    assert!(values("request.headers", "x-").await.iter().any(|(value, _)| value == "x-request-id"));
    assert!(values("status_code", "50").await.iter().all(|(value, _)| value.starts_with("50")));
}

#[tokio::test]
async fn clauses_are_counted() {
    let (small, entries) = store();
    let query = small.query();
    let text = "http && status_code >= 400 && (method == \"GET\" || url.contains(\"?\")) && path[0] == \"api\"";
    let whole = filter(text);
    let explain = query.explain(&whole, NOW, Window::ALL).await.unwrap();
    assert_eq!(explain.total, newest(&entries).len() as u64);
    assert_eq!(explain.matched, live(&entries, &whole).len() as u64);
    assert_eq!(explain.clauses.len(), 4);
    let mut before = String::from("true");
    for clause in &explain.clauses {
        assert_eq!(&text[clause.start..clause.end].trim_matches(['(', ')']), &clause.text.trim_matches(['(', ')']));
        assert_eq!(clause.left, live(&entries, &filter(&clause.text)).len() as u64, "{}", clause.text);
        before = format!("{before} && ({})", clause.text);
        assert_eq!(clause.left_so_far, live(&entries, &filter(&before)).len() as u64, "{before}");
    }
    assert!(explain.text.starts_with("it is HTTP and status_code is at least 400"), "{}", explain.text);
}

#[tokio::test]
async fn records_have_one_schema() {
    let (small, entries) = store();
    let query = small.query();
    for text in ["http && status_code == 404", "tcp_conn", ""] {
        let filter = filter(text);
        let records = query.records(&filter, Window::ALL).await.unwrap();
        let schema = records.schema.clone();
        assert!(schema.fields().iter().all(|field| !field.name().starts_with('_')));
        let batches: Vec<_> = records.into_stream().try_collect().await.unwrap();
        assert!(batches.iter().all(|batch| batch.schema() == schema));
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(rows, live(&entries, &filter).len(), "{text}");
    }
}

#[tokio::test]
async fn an_unreadable_segment_is_said_and_survived() {
    let (small, entries) = store();
    let broken = {
        let content = small.content.lock().unwrap();
        let http = table().find_protocol("http").unwrap();
        content.segments.iter().find(|segment| segment.protocol == http).unwrap().clone()
    };
    let whole = std::fs::read(&broken.path).unwrap();
    for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&broken.path, &whole[..cut]).unwrap();
        let query = small.query();
        let page = query.entries(&filter("http"), Window::ALL, 10_000, None).await.unwrap();
        let [unreadable] = page.cost.unreadable.as_slice() else { panic!("{:?}", page.cost.unreadable) };
        assert_eq!(
            (unreadable.rows, unreadable.name.as_str()),
            (broken.rows, broken.path.file_name().unwrap().to_str().unwrap())
        );
        assert_eq!(page.entries.len() as u64 + broken.rows, live(&entries, &filter("http")).len() as u64);
        let stats = query.stats(&filter("http"), Window::ALL, &[], None, 10).await.unwrap();
        assert_eq!(stats.cost.unreadable.len(), 1);
        // An entry that is not found may lie in what can't be read.
        let missing = query.entry(broken.min_id).await.unwrap_err();
        assert_eq!(missing.to_string(), page.cost.unreadable[0].to_string());
        let mut told = 0;
        for order in [Order::Oldest, Order::Newest] {
            let portions: Vec<_> = query.stream(&filter("http"), Window::ALL, order, None).collect().await;
            let given: usize = portions.iter().flatten().map(Vec::len).sum();
            assert_eq!(given, page.entries.len());
            let Some(Err(QueryError::Unreadable(parts))) = portions.last() else { panic!("{:?}", portions.len()) };
            assert_eq!(parts.as_slice(), page.cost.unreadable.as_slice());
            let first: Vec<_> = query.stream(&filter("http"), Window::ALL, order, Some(3)).collect().await;
            assert_eq!(first.iter().flatten().map(Vec::len).sum::<usize>(), 3);
            let is_told = matches!(first.last(), Some(Err(QueryError::Unreadable(told))) if told == parts);
            let is_before = match order {
                Order::Newest => page.entries[2].timestamp < broken.to,
                Order::Oldest => page.entries[page.entries.len() - 3].timestamp > broken.from,
            };
            assert!(is_told || !is_before, "what lies on the way to the last one is told");
            told += usize::from(is_told);
        }
        assert!(told > 0);
    }
    // Pages damaged in the middle: an error, not a panic, and the rest is there.
    let mut damaged = whole.clone();
    let middle = damaged.len() / 3;
    damaged[middle..middle + 2000].fill(0xaa);
    std::fs::write(&broken.path, &damaged).unwrap();
    let page = small.query().entries(&filter("http"), Window::ALL, 10_000, None).await.unwrap();
    assert!(!page.entries.is_empty());
    std::fs::remove_file(&broken.path).unwrap();
    assert_eq!(
        small.query().entries(&filter("http"), Window::ALL, 10_000, None).await.unwrap().cost.unreadable.len(),
        1
    );
}

#[tokio::test]
async fn queries_can_be_cancelled() {
    let (small, _) = store();
    let query = small.query();
    let cancel = Cancel::new();
    cancel.cancel();
    let whole = filter("http");
    let answer = cancel.run(query.entries(&whole, Window::ALL, 10, None)).await;
    assert!(matches!(answer, Err(QueryError::Cancelled)));
    let cancel = Cancel::new();
    let trigger = cancel.clone();
    let slow = filter("request.headers[\"x\"] == r\"(a|b)+c\" || path.* == \"q\"");
    let running = cancel.run(query.stats(&slow, Window::ALL, &[], None, 10));
    let (answer, ()) = tokio::join!(running, async move { trigger.cancel() });
    assert!(matches!(answer, Err(QueryError::Cancelled)));
    // A stream that is dropped stops, and others go on.
    drop(query.stream(&whole, Window::ALL, Order::Newest, None));
    let mut stream = std::pin::pin!(query.stream(&whole, Window::ALL, Order::Newest, None));
    assert!(stream.next().await.unwrap().is_ok());
    for _ in 0..10 {
        assert!(query.entries(&whole, Window::ALL, 10, None).await.is_ok());
    }
}

#[tokio::test]
async fn bad_parameters_are_said() {
    let (small, _) = store();
    let query = small.query();
    for (text, reason) in [
        ("nonsense", "no such field"),
        ("request.headers", "needs a name"),
        ("request.headers[host]", "not in quotes"),
        ("request.headers[\"host\"", "no ]"),
        ("method[\"x\"]", "not a map"),
    ] {
        let error = Group::parse(text, table()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let group = Group::parse("method", table()).unwrap();
    let three = [group.clone(), group.clone(), group];
    assert!(query.stats(&filter(""), Window::ALL, &three, None, 10).await.is_err());
    assert!(query.stats(&filter(""), Window::ALL, &[], Some(0), 10).await.is_err());
    for text in ["", "1", "x-y-z", "1-2", "1-2-3-4", "fffffffffffffffff-1-1"] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
}
