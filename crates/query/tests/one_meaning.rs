//! One meaning everywhere: a filter meets the same entries live and stored, whatever they hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../filter/tests/support/queries.rs"]
mod queries;
mod support;

use std::sync::OnceLock;

use futures::TryStreamExt;
use lanternfish_filter::Filter;
use lanternfish_model::*;
use lanternfish_query::*;
use proptest::prelude::*;
use queries::{Words, query};
use support::synthetic::Synthetic;
use support::*;

struct World {
    entries: Vec<Entry>,
    query: Query,
    _small: Small,
}

/// Entries of every kind, odd ones among them, half in segments of several row groups and half in the tail.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut entries: Vec<Entry> = Synthetic::new(table(), 3, 1_200).collect();
        let odd: Vec<Entry> = (0..40).flat_map(odd_entries).collect();
        for (number, entry) in odd.into_iter().enumerate() {
            entries.insert((number * 25 + 3).min(entries.len()), entry);
        }
        let small = Small::new(64);
        let half = entries.len() / 2;
        for part in entries[..half].chunks(200) {
            small.seal(part);
        }
        for part in entries[half..].chunks(50) {
            small.append(part);
        }
        World { query: small.query(), entries, _small: small }
    })
}

/// Entries with values that columns hold badly, and with hardly any values.
fn odd_entries(number: u64) -> Vec<Entry> {
    let http = table().find_protocol("http").unwrap();
    let index = |path: &str| table().local(http, table().find(path).unwrap()).unwrap();
    let mut base: Entry = Synthetic::new(table(), number, 2_000)
        .find(|entry| entry.protocol == http && entry.request.as_ref().is_some_and(|m| m.body.is_present))
        .unwrap();
    let unique = |entry: &mut Entry, slot: u64| {
        entry.id = (1 << 40) + number * 16 + slot;
        entry.timestamp = NOW - (number as i64 * 1_000_000_007);
    };
    unique(&mut base, 0);
    let mut all = Vec::new();
    let request = |change: &dyn Fn(&mut Message)| {
        let mut entry = base.clone();
        let mut message =
            Box::new(Message::new(http, Role::Request, Direction::ToServer, base.request.as_ref().unwrap().first));
        change(&mut message);
        entry.request = Some(message);
        entry
    };
    // Texts that are not UTF-8, in a text, a map and a list.
    all.push(request(&|m| {
        m.values.text(index("url"), b"/a\xff/b?x=\xfe");
        m.values.text(index("path"), b"/a\xff/b");
        m.values.text(index("method"), b"GET");
        let mut map = m.values.map(index("request.headers"));
        map.push(b"host", b"sh\xffop");
        map.push(b"x-\xff", b"1");
        map.finish();
    }));
    // Repeated names, empty values, names in upper case.
    all.push(request(&|m| {
        m.values.text(index("method"), b"");
        let mut map = m.values.map(index("request.headers"));
        for (name, value) in [("X-Trace", "1"), ("x-trace", "2"), ("accept", ""), ("HOST", "cart-0.shop.internal")] {
            map.push(name.as_bytes(), value.as_bytes());
        }
        map.finish();
        let map = m.values.map(index("query_string"));
        map.finish();
    }));
    // No values at all.
    let mut bare = request(&|_| {});
    (bare.response, bare.elapsed_ns, bare.first_byte_ns) = (None, None, None);
    (bare.src.identity, bare.src.dns, bare.dst.identity, bare.dst.dns) = (None, None, None, None);
    bare.outcome = Outcome::Open;
    all.push(bare);
    // Neither half, other addresses, a note.
    let mut empty = base.clone();
    (empty.request, empty.response) = (None, None);
    empty.src.endpoint.ip = "::1".parse().unwrap();
    empty.dst.endpoint.ip = "2001:db8::7".parse().unwrap();
    empty.notes.add("cut by the end of the capture");
    all.push(empty);
    // A body that is not text, one that is empty, numbers at the ends of their range.
    let mut binary = base.clone();
    let body = &mut binary.request.as_mut().unwrap().body;
    body.bytes = b"\xff\x00{\"id\":7}".to_vec();
    let response = binary.response.as_mut().unwrap();
    response.body.bytes.clear();
    response.status_code = Some(i64::MAX);
    response.values.int(index("response_body_size"), i64::MIN);
    all.push(binary);
    for (slot, entry) in all.iter_mut().enumerate() {
        unique(entry, slot as u64 + 1);
    }
    all
}

async fn stored(filter: &Filter) -> Vec<u64> {
    let world = world();
    let all: Vec<Vec<Entry>> =
        world.query.stream(filter, Window::ALL, Order::Newest, None).try_collect().await.unwrap();
    all.concat().into_iter().map(|entry| entry.id).collect()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let filter = Filter::compile(text, table(), NOW).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
    let (expected, got) = (live(&world().entries, &filter), run(stored(&filter)));
    prop_assert_eq!(got.len(), expected.len(), "{} {:?}", text, filter.plan(table()));
    prop_assert_eq!(got, expected, "{}", text);
    Ok(())
}

#[test]
fn examples_meet_the_same_entries() {
    let examples = shared("v2_examples.txt").unwrap_or_default();
    for text in examples.lines().chain(OWN).filter(|line| !line.trim().is_empty()) {
        check(text).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn an_entry_is_found_by_its_own_id_alone() {
    run(async {
        let world = world();
        let newest = newest(&world.entries);
        let largest = newest.iter().map(|entry| entry.id).max().unwrap();
        for entry in newest.iter().rev().take(60).chain(newest.iter().step_by(29)) {
            let found = world.query.entry(entry.id).await.unwrap().unwrap();
            assert_eq!((found.id, found.protocol), (entry.id, entry.protocol));
        }
        for id in largest + 1..largest + 20 {
            assert!(world.query.entry(id).await.unwrap().is_none(), "{id}");
        }
    });
}

#[test]
fn stored_counts_are_those_of_the_entries() {
    run(async {
        let world = world();
        for text in OWN {
            let filter = filter(text);
            let expected = live(&world.entries, &filter).len() as u64;
            let explain = world.query.explain(&filter, NOW, Window::ALL).await.unwrap();
            assert_eq!(explain.matched, expected, "{text}");
            assert_eq!(explain.total, newest(&world.entries).len() as u64);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_filters_meet_the_same_entries(query in query(&WORDS)) {
        check(&query)?;
    }
}

/// What generated queries are made of.
static WORDS: Words = Words {
    numbers: &[
        "status_code",
        "dst.port",
        "response.status",
        "elapsed_time",
        "time_to_first_byte",
        "size(dns_answers)",
        "response_body_size",
        "conn_local_bytes",
        "conn_revision",
        "index",
        "size(notes)",
        "src.process.pid",
    ],
    values: &["0", "1", "53", "200", "404", "199.5", "-1", "9223372036854775807", "1000", "2500"],
    texts: &[
        "method",
        "request.method",
        "url",
        "path",
        "src.ip",
        "src.name",
        "dst.name",
        "dst.dns",
        "protocol",
        "redis_key",
        "redis_type",
        "redis_error",
        "request.body",
        "response.body",
        "request.headers[\"host\"]",
        "request.headers[\"X-Trace\"]",
        "map_get(request.headers, \"accept\", \"d\")",
        "path[1]",
        "outcome",
        "dns_answers.*",
        "conn_state",
        "src.process.name",
        "local_process_name",
        "stream",
        "node_name",
        "capture_source",
        "query_string[\"page\"]",
        "tls_server_name",
    ],
    literals: &[
        "\"GET\"",
        "\"HTTP\"",
        "\"\"",
        "\"2\"",
        "\"::1\"",
        "\"0:0:0:0:0:0:0:1\"",
        "\"cart-0\"",
        "\"cart-0.shop.internal\"",
        "\"ok\"",
        "\"application/json\"",
        "\"/api/v1/checkout/37\"",
        "\"api\"",
        "\"open\"",
        "\"\\u00ff\"",
        "\"10.1.0.0\"",
    ],
    patterns: &["r\"^1\"", "r\"\"", "r\"o+\"", "r\"^(GET|PUT)$\"", "r\"\\\\.internal$\""],
    sets: &["[\"GET\", \"ok\", \"open\"]", "[\"::1\", \"10.1.0.0\"]"],
    lists: &["dns_answers", "conn_l7_detected", "request.headers", "dns_questions", "tlsx_cipher_suites", "notes"],
    tests: &[
        "http",
        "dns",
        "redis",
        "tlsx",
        "conn",
        "flow",
        "tcp_conn",
        "udp_conn",
        "tcp",
        "dns_request",
        "has_pcap",
        "outgoing",
        "true",
        "response.status == r\"4.*\"",
        "response.status != r\"4.*\"",
        "status_code in [0, 200]",
        "dns_request == false",
        "has(url)",
        "timestamp > now() - duration(\"5m\")",
        "timestamp <= timestamp(\"2026-03-14T22:20:00Z\")",
        "src.dns < dst.dns",
        "src.name != dst.name",
        "request.body.json().items[0].count > 3",
        "response.body.json()..status == 404",
        "redact(\"method\")",
        "redact(\"request.headers.host\")",
        "path.* == \"cart\"",
        "\"REDIS\" in conn_l7_detected",
        "dns_questions.exists(q, q.startsWith(\"c\"))",
        "size(request.headers) > 3",
        "src..name == \"cart-0\"",
        "(status_code >= 400 ? http : dns)",
        "id % 2 == 0",
        "elapsed_time / 1000 > 1",
    ],
};

/// Queries of both forms.
const OWN: [&str; 22] = [
    "",
    "http",
    "!http",
    "request.headers[\"Authorization\"] == r\"Bearer.*\"",
    "http and response.status == r\"4.*\"",
    "(dst.name == \"cart-0\" or dst.name == \"orders-2\") or src.name == \"cart-0\"",
    "http and redact(\"request.headers\") and request.headers[\"host\"] == \"shop\"",
    "request.path[1] == \"v1\"",
    "status_code != 200",
    "url.contains(\"\\u00ff\")",
    "method == \"\"",
    "request.headers[\"x-trace\"] != \"1\"",
    "request.headers[\"x-trace\"] == \"2\"",
    "src.ip == \"::1\"",
    "src.ip == \"0:0:0:0:0:0:0:1\"",
    "src.ip != \"0:0:0:0:0:0:0:1\"",
    "request.body.contains(\"id\")",
    "response.body == \"\"",
    "status_code == 9223372036854775807",
    "response_body_size < 0",
    "conn && conn_state == \"open\"",
    "size(notes) > 0",
];
