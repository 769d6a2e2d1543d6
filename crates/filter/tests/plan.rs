//! The plan for stored data says what the filter says: exactly where it is exact, and never no where the filter says yes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use lanternfish_filter::{Filter, Plan};
use lanternfish_model::{Entry, EntryClass, FieldTable, Role, Value};
use proptest::prelude::*;
use support::queries::{Words, query};
use support::*;

fn entries() -> Vec<Entry> {
    let mut all = vec![
        http_entry(200, br#"{"items":[{"id":7},{"id":9}],"name":"x"}"#),
        http_entry(503, b"oops \xff"),
        http_entry(404, b""),
        dns_entry(),
        redis_entry(),
        tls_entry(),
        conn_entry(),
        flow_entry(),
        entry(HTTP, EntryClass::Call),
    ];
    // A text that is not UTF-8, and one that is an address in a long form.
    let mut odd = message(HTTP, Role::Request);
    odd.values.text(http::URL, b"/a\xff/b");
    odd.values.text(http::METHOD, b"0:0:0:0:0:0:0:1");
    let mut with_odd = entry(HTTP, EntryClass::Call);
    with_odd.request = Some(odd);
    with_odd.src.endpoint.ip = "::1".parse().unwrap();
    all.push(with_odd);
    all
}

fn check(table: &FieldTable, query: &str) -> Result<(), TestCaseError> {
    let filter = Filter::compile(query, table, NOW).map_err(|e| TestCaseError::fail(format!("{query}: {e}")))?;
    let plan = filter.plan(table);
    for entry in entries() {
        let meets = filter.matches(table, &entry);
        for plan in [plan.clone(), plan.for_protocol(table, entry.protocol)] {
            let holds = plan.holds(table, &entry);
            prop_assert!(holds || !meets, "no to an entry that it meets: {} {:?} {:?}", query, plan, entry.id);
            if plan.is_exact() {
                prop_assert_eq!(holds, meets, "{} {:?}", query, plan);
            }
        }
    }
    Ok(())
}

#[test]
fn examples_agree() {
    let table = table();
    let examples = shared("v2_examples.txt").unwrap_or_default();
    for query in examples.lines().chain(OWN).filter(|line| !line.trim().is_empty()) {
        check(&table, query).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn common_filters_are_exact() {
    let table = table();
    for query in EXACT {
        let plan = Filter::compile(query, &table, NOW).unwrap().plan(&table);
        assert!(plan.is_exact(), "{query}: {plan:?}");
    }
    for query in OPAQUE {
        let plan = Filter::compile(query, &table, NOW).unwrap().plan(&table);
        assert!(!plan.is_exact(), "{query}: {plan:?}");
    }
}

#[test]
fn a_protocol_decides_what_it_can() {
    let table = table();
    let plan = |query: &str, protocol| {
        Filter::compile(query, &table, NOW).unwrap().plan(&table).for_protocol(&table, protocol)
    };
    assert!(matches!(plan("http && method == \"GET\"", DNS), Plan::Const(false)));
    assert!(matches!(plan("redis_key == \"\"", DNS), Plan::Const(true)));
    assert!(matches!(plan("protocol == \"HTTP\"", HTTP), Plan::Const(true)));
    assert!(matches!(plan("tcp_conn", HTTP), Plan::Const(false)));
    assert!(matches!(plan("tcp_conn", TCP), Plan::Word { .. }));
    assert!(matches!(plan("!http && size(dns_answers) > 0", HTTP), Plan::Const(false)));
}

#[test]
fn every_value_has_an_answer() {
    let table = table();
    let filter = Filter::compile("status_code != 200", &table, NOW).unwrap();
    let Plan::Field(plan) = filter.plan(&table) else { panic!("no test of a field") };
    assert!(plan.if_absent && plan.holds(Value::Absent) && plan.holds(Value::Int(404)) && !plan.holds(Value::Int(200)));
}

#[test]
fn filters_are_said_in_words() {
    let table = table();
    let words = |query: &str| Filter::compile(query, &table, NOW).unwrap().words(&table);
    assert_eq!(words(""), "everything");
    assert_eq!(words("http && status_code >= 400"), "it is http and status_code is at least 400");
    assert_eq!(words("400 <= status_code"), "status_code is at least 400");
    assert_eq!(
        words("!dns && (tcp_conn || method in [\"GET\", \"PUT\"])"),
        "it is not dns and (it is a tcp connection or method is one of \"GET\", \"PUT\")"
    );
    assert_eq!(words("request.headers[\"a\"] == r\"T.*\""), "request.headers[\"a\"] matches r\"T.*\"");
    assert_eq!(words("\"host\" in request.headers"), "request.headers has \"host\"");
    let filter = Filter::compile("http && (status_code >= 500 || dns) && url.contains(\"x\")", &table, NOW).unwrap();
    let clauses = filter.clauses(&table).unwrap();
    let texts: Vec<&str> = clauses.iter().map(|clause| clause.text.as_str()).collect();
    assert_eq!(texts.len(), 3);
    for (clause, text) in clauses.iter().zip(texts) {
        assert_eq!(filter.query()[clause.start..clause.end].trim(), text);
        Filter::compile(text, &table, NOW).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plans_agree_with_filters(query in query(&WORDS)) {
        check(&table(), &query)?;
    }
}

/// What generated queries are made of.
static WORDS: Words = Words {
    numbers: &[
        "status_code",
        "dst.port",
        "response.status",
        "elapsed_time",
        "dns_total_size",
        "size(dns_answers)",
        "conn_local_bytes",
        "timestamp",
    ],
    values: &["0", "1", "80", "200", "503", "199.5", "-1", "9007199254740993"],
    texts: &[
        "method",
        "request.method",
        "url",
        "src.ip",
        "src.name",
        "dst.dns",
        "protocol",
        "redis_key",
        "request.body",
        "response.body",
        "request.headers[\"host\"]",
        "request.headers[\"X-Trace\"]",
        "map_get(request.headers, \"none\", \"d\")",
        "path[1]",
        "outcome",
        "dns_answers.*",
    ],
    literals: &[
        "\"GET\"",
        "\"HTTP\"",
        "\"\"",
        "\"2\"",
        "\"192.168.1.7\"",
        "\"0:0:0:0:0:0:0:1\"",
        "\"::1\"",
        "\"shop\"",
        "\"a\\\\b\"",
    ],
    patterns: &["r\"^1\"", "r\"\"", "r\"o+\""],
    sets: &["[\"GET\", \"shop\"]", "[\"::1\", \"0:0:0:0:0:0:0:1\"]"],
    lists: &["dns_answers", "conn_l7_detected", "request.headers"],
    tests: &[
        "http",
        "tcp_conn",
        "flow",
        "conn",
        "dns_request",
        "has_pcap",
        "outgoing",
        "tcp_flow",
        "true",
        "response.body != nil",
        "response.status == r\"4.*\"",
        "response.status != r\"4.*\"",
        "status_code in [0, 200]",
        "dns_request == false",
        "response.status == \"200\"",
        "src.dns < dst.dns",
        "has(url)",
        "redact(\"id\")",
        "redact(\"method\")",
        "redact(\"request.headers\")",
        "has_pcap != true",
        "conn_l7_detected.exists(x, x == \"HTTP\")",
    ],
};

/// Queries of the older form.
const OWN: [&str; 6] = [
    "request.headers[\"Authorization\"] == r\"Token.*\"",
    "http and response.status == r\"5.*\"",
    "(dst.name == \"a\" or dst.name == \"b\") or src.name == \"c\"",
    "http and redact(\"request.headers\") and request.headers[\"host\"] == \"shop\"",
    "timestamp > minutes(-5) and limit(3)",
    "request.path[1] == \"v1\"",
];

const EXACT: [&str; 13] = [
    "",
    "!(src.ip == \"0:0:0:0:0:0:0:1\")",
    "http && method == \"GET\" && status_code >= 400",
    "http and response.status == r\"4.*\"",
    "request.headers[\"Authorization\"] == r\"Token.*\"",
    "timestamp > now() - duration(\"5m\")",
    "map_get(local_labels, \"app\", \"\") == \"checkout\"",
    "!(src.ip.startsWith(\"192.168.\") || \"google.com\" in dns_questions)",
    "dns && size(dns_answers) > 0",
    "status_code > 399.5",
    "src.dns != dst.dns",
    "dns_request == true",
    "http and redact(\"request.headers\")",
];

const OPAQUE: [&str; 3] = [
    "response.body.json().items[*].id == 9",
    "http and redact(\"request.headers\") and method == \"GET\"",
    "path[1] == \"v1\"",
];
