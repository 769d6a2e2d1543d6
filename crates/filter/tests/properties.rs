//! What holds for any query: no panic, the grouping, and one meaning on entries and records.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use lanternfish_filter::{Filter, eval_record};
use lanternfish_model::{Entry, FieldTable, Kind, Place, Value};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use support::*;

/// The entry as a record in which fields that it lacks have their defaults.
fn record_of(table: &FieldTable, entry: &Entry) -> Json {
    let mut record = json!({});
    for (id, spec, place) in table.iter() {
        if matches!(place, Place::Word { .. }) {
            continue;
        }
        let value = match entry.value(table, id) {
            Value::Absent => match spec.kind {
                Kind::Bool => json!(false),
                Kind::Int => json!(0),
                Kind::Double => json!(0.0),
                Kind::Text | Kind::Bytes => json!(""),
                Kind::Time => json!(0),
                Kind::TextList => json!([]),
                Kind::Map => json!({}),
            },
            Value::Bool(value) => json!(value),
            Value::Int(value) => json!(value),
            Value::Double(value) => json!(value),
            Value::Text(value) => json!(value),
            Value::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
            Value::Ip(ip) => json!(ip.to_string()),
            Value::Time(time) => json!(time.ns() / 1_000_000),
            Value::List(list) => list.iter_bytes().map(|item| String::from_utf8_lossy(item).into_owned()).collect(),
            Value::Map(map) => {
                let mut object = Map::new();
                for (name, value) in map.iter_bytes() {
                    let (name, value) =
                        (String::from_utf8_lossy(name).into_owned(), json!(String::from_utf8_lossy(value)));
                    match object.get_mut(&name) {
                        Some(Json::Array(items)) => items.push(value),
                        Some(first) => *first = json!([first.take(), value]),
                        None => {
                            object.insert(name, value);
                        }
                    }
                }
                Json::Object(object)
            }
        };
        let mut at = &mut record;
        for part in spec.path.split('.') {
            at = at.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
        }
        *at = value;
    }
    record
}

fn entries() -> Vec<Entry> {
    let body = br#"{"items":[{"id":7},{"id":9}],"name":"x"}"#;
    vec![
        http_entry(200, body),
        http_entry(503, b"oops"),
        dns_entry(),
        redis_entry(),
        tls_entry(),
        conn_entry(),
        flow_entry(),
    ]
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop::sample::select(values).prop_map(str::to_owned)
}

/// Comparisons that mean the same on an entry and on its record.
fn leaf() -> impl Strategy<Value = String> {
    let word =
        one_of(&["http", "dns", "redis", "conn", "flow", "tcp_conn", "dns_request", "has_pcap", "true", "false"]);
    let number = one_of(&[
        "status_code",
        "dst.port",
        "index",
        "response_body_size",
        "conn_local_bytes",
        "elapsed_time",
        "size(dns_answers)",
        "size(method)",
    ]);
    let value = one_of(&[
        "0",
        "1",
        "80",
        "200",
        "503",
        "199.5",
        "2000000",
        "-1",
        "status_code + 1",
        "100 / status_code",
        "0x50",
    ]);
    let order = one_of(&["==", "!=", "<", "<=", ">", ">="]);
    let text = one_of(&[
        "method",
        "url",
        "path",
        "src.ip",
        "dst.dns",
        "redis_key",
        "redis_type",
        "conn_state",
        "protocol",
        "request.headers[\"host\"]",
        "request.headers[\"X-Trace\"]",
        "request.headers.none",
        "map_get(request.headers, \"accept\", \"d\")",
        "path[1]",
        "dns_answers[0]",
        "dns_answers.*",
        "response.headers[\"Content-Length\"]",
    ]);
    let literal = one_of(&[
        "\"GET\"",
        "\"HTTP\"",
        "\"/api/v1/items\"",
        "\"shop\"",
        "\"\"",
        "\"2\"",
        "\"v1\"",
        "\"192.168.1.7\"",
        "\"session:12\"",
        "\"10.1.2.3\"",
    ]);
    let equality = one_of(&["==", "!="]);
    let pattern = one_of(&["r\"^1\"", "r\"a.i\"", "r\"\"", "r\"s+\"", "r\"^(GET|shop)$\""]);
    let test = one_of(&["contains", "startsWith", "endsWith", "matches"]);
    let list = one_of(&["dns_answers", "dns_questions", "tlsx_cipher_suites", "conn_l7_detected", "request.headers"]);
    let item = one_of(&["\"10.1.2.3\"", "\"HTTP\"", "\"host\"", "\"google.com\"", "\"Host\"", "method"]);
    prop_oneof![
        word,
        (number.clone(), order.clone(), value.clone()).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        (value, order.clone(), number.clone()).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        (number, one_of(&["[0, 80]", "[200, 503, 7]", "[]"])).prop_map(|(a, b)| format!("{a} in {b}")),
        (text.clone(), order, literal.clone()).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        (text.clone(), equality, pattern).prop_map(|(a, b, c)| format!("{a} {b} {c}")),
        (text.clone(), test, literal.clone()).prop_map(|(a, b, c)| format!("{a}.{b}({c})")),
        (text, one_of(&["[\"GET\", \"http\", \"shop\"]", "[\"192.168.1.7\"]"]))
            .prop_map(|(a, b)| format!("{a} in {b}")),
        (item, list.clone()).prop_map(|(a, b)| format!("{a} in {b}")),
        (
            list,
            one_of(&["exists", "all", "exists_one"]),
            one_of(&["x.contains(\"o\")", "x == \"HTTP\"", "x != method"])
        )
            .prop_map(|(a, b, c)| format!("{a}.{b}(x, {c})")),
        one_of(&[
            "timestamp > now() - duration(\"5m\")",
            "timestamp < minutes(-1)",
            "timestamp >= timestamp(\"2026-03-14T22:29:00Z\")",
            "src.service.namespace != dst.service.namespace",
            "method + \"x\" == \"GETx\"",
            "has_pcap == true",
            "response.body.json().items[*].id == 9",
            "response.body.json()..name == \"x\"",
            "path.* == \"v1\"",
        ]),
    ]
}

fn query() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} || {b} && {c})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} and {b} or {c})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

fn no_panic(query: &str) {
    let table = table();
    if let Err(error) = Filter::compile(query, &table, NOW) {
        assert!(error.column <= query.chars().count() + 1);
        let _ = (error.to_string(), error.render(query));
    }
    let mut record = json!({"a": [1, {"b": "x"}], "b": "{\"a\": 1}"});
    let _ = eval_record(&mut record, query, NOW);
}

/// The v1 name of a field, where it has one.
const ALIASES: &[(&str, &str)] = &[
    ("status_code", "response.status"),
    ("method", "request.method"),
    ("url", "request.url"),
    ("protocol", "protocol.name"),
    ("path[", "request.path["),
    ("dst.dns", "dst.name"),
    ("redis_key", "request.body"),
    ("redis_type", "src.name"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(query in ".{0,80}") {
        no_panic(&query);
    }

    #[test]
    fn any_tokens_are_survived(parts in prop::collection::vec(prop::sample::select(TOKENS), 0..24)) {
        no_panic(&parts.concat());
        no_panic(&parts.join(" "));
    }

    #[test]
    fn any_mutation_is_survived(query in query(), at in 0usize..200, with in ".{0,3}") {
        let mut chars: Vec<char> = query.chars().collect();
        let at = at.min(chars.len());
        chars.splice(at..(at + 2).min(chars.len()), with.chars());
        no_panic(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn entries_and_records_agree(query in query()) {
        let table = table();
        let filter = Filter::compile(&query, &table, NOW).map_err(|e| TestCaseError::fail(format!("{query}: {e}")))?;
        // A redaction that is never evaluated keeps the filter off its fast path.
        let general = Filter::compile(&format!("({query}) and (true or redact(\"id\"))"), &table, NOW).unwrap();
        for entry in entries() {
            let fast = filter.matches(&table, &entry);
            prop_assert_eq!(fast, general.matches(&table, &entry), "fast and general: {}", query);
            let mut record = record_of(&table, &entry);
            let verdict = eval_record(&mut record, &query, NOW).unwrap();
            prop_assert_eq!(fast, verdict.matches, "entry and record: {} on {}", query, record);
        }
    }

    #[test]
    fn the_fast_path_agrees_on_older_names(query in query()) {
        let query = ALIASES.iter().fold(query, |query, (name, alias)| query.replace(name, alias));
        let table = table();
        let filter = Filter::compile(&query, &table, NOW).map_err(|e| TestCaseError::fail(format!("{query}: {e}")))?;
        let general = Filter::compile(&format!("({query}) and (true or redact(\"id\"))"), &table, NOW).unwrap();
        for entry in entries() {
            prop_assert_eq!(filter.matches(&table, &entry), general.matches(&table, &entry), "{}", query);
        }
    }

    #[test]
    fn words_group_from_the_right(values in prop::collection::vec(any::<bool>(), 2..9), ands in prop::collection::vec(any::<bool>(), 8)) {
        let mut query = String::new();
        for (position, value) in values.iter().enumerate() {
            let word = if position == 0 { "" } else if ands[position - 1] { " and " } else { " or " };
            query.push_str(&format!("{word}x.{value}"));
        }
        let mut expected = values[values.len() - 1];
        for position in (0..values.len() - 1).rev() {
            expected = if ands[position] { values[position] && expected } else { values[position] || expected };
        }
        let mut record = json!({"x": {"true": true, "false": false}});
        prop_assert_eq!(eval_record(&mut record, &query, NOW).unwrap().matches, expected, "{}", query);
        let signs = query.replace("and", "&&").replace("or", "||");
        let expected = signs.split(" || ").any(|part| part.split(" && ").all(|value| value == "x.true"));
        prop_assert_eq!(eval_record(&mut record, &signs, NOW).unwrap().matches, expected, "{}", signs);
    }
}

static TOKENS: &[&str] = &[
    "a",
    "b",
    "http",
    "request",
    ".",
    "..",
    "*",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"x\"",
    "r\"y\"",
    "'z",
    "1",
    "-",
    "+",
    "2.5",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "and",
    "or",
    "in",
    "!",
    "?",
    ":",
    ",",
    "json()",
    "xml()",
    "exists(",
    "has(",
    "redact(",
    "\"..a\"",
    "limit(",
    "now()",
    "seconds(",
    "size(",
    "matches(",
    "nil",
    "true",
    "#",
    "//",
    "\\",
    "method",
    "status_code",
    "map(",
    "é",
    "b\"\\xff\"",
    "0x",
    "1e9",
    "%",
];
