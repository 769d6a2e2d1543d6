//! The older form on JSON records: what `kfl eval` answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use lanternfish_filter::{RecordVerdict, eval_record};
use serde_json::{Value as Json, json};
use support::NOW;

fn eval(query: &str, record: &Json) -> (bool, u64, Json) {
    let mut record = record.clone();
    let RecordVerdict { matches, limit } =
        eval_record(&mut record, query, NOW).unwrap_or_else(|e| panic!("{query}: {e}"));
    (matches, limit, record)
}

fn check(record: Json, cases: &[(&str, bool)]) {
    for (query, expected) in cases {
        let (matches, _, after) = eval(query, &record);
        assert_eq!(matches, *expected, "{query}");
        assert_eq!(after, record, "{query}");
    }
}

#[test]
fn conformance_cases_hold() {
    let Some(text) = support::shared("v1_cases.tsv") else { return };
    let mut count = 0;
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [query, record, matches, limit, after] = columns.as_slice() else { panic!("{line}") };
        let record: Json = serde_json::from_str(record).unwrap();
        let expected = (*matches == "true", limit.parse().unwrap(), serde_json::from_str(after).unwrap());
        assert_eq!(eval(query, &record), expected, "{query} on {record}");
        count += 1;
    }
    assert!(count > 80);
}

#[test]
fn logic_groups_from_the_right() {
    check(
        json!({}),
        &[
            ("false and false or true", false),
            ("(false and false) or true", true),
            ("true or false and false", true),
            ("false && false || true", true),
            ("!true or true", true),
            ("!(true or true)", false),
            ("5", true),
            ("0", false),
            ("-1 and 0.5", true),
            ("nil or \"\"", false),
            ("", true),
            ("  # nothing but a comment", true),
            ("true // the rest is a comment\n and false", false),
        ],
    );
}

#[test]
fn comparisons_are_loose() {
    check(
        json!({"n": 42, "t": "42", "f": 3.5, "b": true, "z": null, "s": "x", "big": 9007199254740993u64}),
        &[
            ("n == t", true),
            ("n == \"42\"", true),
            ("t > 41", true),
            ("t < \"5\"", true),
            ("n != \"41\"", true),
            ("n == \"x\"", false),
            ("n != \"x\"", true),
            ("n > \"x\"", false),
            ("f > 3", true),
            ("f == 3.50", true),
            ("n == 42.0", true),
            ("b == true", true),
            ("b == \"true\"", true),
            ("z == nil", true),
            ("z != nil", false),
            ("s != nil", true),
            ("gone == nil", false),
            ("gone != nil", false),
            ("!(gone != nil)", true),
            ("-n == -42", true),
            ("n == -(-42)", true),
            ("big == 9007199254740993", true),
            ("big == 9007199254740992", false),
            ("n + 1 == 43 and n * 2 == 84 and n % 5 == 2 and n / 4 == 10", true),
            ("n / 0 == 1", false),
            ("!(n / 0 == 1)", true),
            ("n / 0 != 1", false),
            ("n in [1, 42]", true),
            ("s in {\"x\": 1}", true),
            ("n > 1 ? s == \"x\" : false", true),
            ("s == \"\\x78\"", true),
        ],
    );
}

#[test]
fn regular_expressions_search_text_and_match_whole_numbers() {
    check(
        json!({"status": 404, "ok": 204, "name": "Chevrolet", "quote": "say \"hi\"", "half": 4.5, "list": ["ab", "cd"]}),
        &[
            ("status == r\"4.*\"", true),
            ("ok == r\"4.*\"", false),
            ("ok != r\"4.*\"", true),
            ("half == r\"4\\.5\"", true),
            ("name == r\"evr\"", true),
            ("r\"^Chev\" == name", true),
            ("name != r\"evr\"", false),
            ("gone == r\".*\"", false),
            ("gone != r\".*\"", false),
            ("quote == r\"\\\"hi\\\"\"", true),
            ("name.matches(\"^C.*t$\")", true),
            ("name.startsWith(r\"Chev\")", true),
            ("list.* == r\"^c\"", true),
            ("list.* != r\"^c\"", false),
            ("list.* != r\"^x\"", true),
        ],
    );
}

#[test]
fn selectors_reach_anywhere() {
    check(
        json!({
            "a": {"b": [{"c": 1}, {"c": 2, "d": {"c": 3}}], "k-k": "v", "and": 1},
            "empty": [], "path": "/api/v1/x?y=1", "request": {"headers": {"content-type": "json", "Cookie": "c"}},
            "nested": [[1, 2], [3]],
        }),
        &[
            ("a.b[1].c == 2", true),
            ("a.b[-1].c == 2", true),
            ("a.b[2].c == 2", false),
            ("a[\"k-k\"] == \"v\"", true),
            ("a['k-k'] == 'v'", true),
            ("a.and == 1", true),
            ("a.b.*.c == 2", true),
            ("a.b[*].c == 2", true),
            ("a.b.*.c != 3", true),
            ("a.b.*.c == 3", false),
            ("a..c == 3", true),
            ("..c == 3", true),
            ("..c > 2", true),
            ("..c > 3", false),
            ("a..x == 1", false),
            ("a..x != 1", false),
            ("a.*.* == \"v\"", false),
            ("a.* == \"v\"", true),
            ("empty.* != 1", false),
            ("empty.* == empty.*", false),
            ("nested.*.* == 3", true),
            ("nested[0].* == nested[0].*", true),
            ("nested[0].* == nested[1].*", false),
            ("path[1] == \"v1\"", true),
            ("path[9] == \"v1\"", false),
            ("path.* == \"x\"", true),
            ("request.headers[\"Content-Type\"] == \"json\"", true),
            ("request.headers[\"cookie\"].contains(\"c\")", true),
            ("\"content-type\" in request.headers", true),
            ("has(a.b) and !has(a.x)", true),
            ("size(a.b) == 2", true),
            ("a.b.exists(x, x.c == 2)", true),
            ("a.b.all(x, x.c > 0)", true),
            ("a.b.filter(x, x.c > 1).size() == 1", true),
            ("a.b.map(x, x.c) == [1, 2]", true),
            ("a.b.exists_one(x, has(x.d))", true),
            ("map_get(a, \"k-k\", \"\") == \"v\" and map_get(a, \"no\", \"d\") == \"d\"", true),
            ("a.b[a.and].c == 2", true),
        ],
    );
}

#[test]
fn two_wildcards_compare_whole_lists_or_every_pair() {
    check(
        json!({"a": [1, 2, 3], "b": [4, 5], "c": [3, 4], "none": []}),
        &[
            ("a.* < a.* or a.* <= a.* or a.* > a.* or a.* >= a.*", false),
            ("a.* < b.*", true),
            ("a.* <= c.*", true),
            ("a.* < c.*", false),
            ("b.* > a.*", true),
            ("a.* == [1, 2, 3]", true),
            ("a.* < none.*", false),
            ("a.* != b.*", true),
        ],
    );
}

#[test]
fn text_helpers_chain_and_tolerate() {
    check(
        json!({"name": "Chevrolet", "year": 2021, "list": ["ab", "cd"], "deep": {"x": 1}}),
        &[
            ("name.contains(\"evr\") and name.endsWith(\"et\")", true),
            ("year.startsWith(\"20\")", true),
            ("list.*.startsWith(\"c\")", true),
            ("name.startsWith()", false),
            ("name.startsWith(\"C\", \"h\")", false),
            ("!name.nonsense(1)", true),
            ("nonsense(1) or true", true),
            ("deep.contains(\"x\")", false),
            ("gone.contains(\"x\")", false),
            ("size(name) == 9 and size(\"ü\") == 1", true),
            ("name + \"!\" == \"Chevrolet!\"", true),
            ("string(year) == \"2021\" and int(\"7\") == 7 and double(\"1.5\") == 1.5", true),
            ("int(\"x\") == 0", false),
        ],
    );
}

#[test]
fn bodies_are_decoded() {
    let json_text = r#"{"id":1,"tags":[{"name":"a"},{"name":"b"}],"inner":"{\"x\":[7]}"}"#;
    let xml = "<?xml version=\"1.0\"?><shop><book lang=\"en\"><title>One</title><price>7.5</price></book><book><title>Two</title></book><note kind=\"x\">hi</note></shop>";
    // The same XML in base64.
    let coded = "PGE+PGI+MTwvYj48Yj4yPC9iPjwvYT4=";
    check(
        json!({"body": json_text, "page": xml, "coded": coded, "plain": "hello", "n": 5}),
        &[
            ("body.json().tags[0].name == \"a\"", true),
            ("body.json().tags.*.name == \"b\"", true),
            ("body.json()..name == \"b\"", true),
            ("body.json().inner.json().x[0] == 7", true),
            ("body.json().inner.json().y != 7", false),
            ("plain.json() == \"hello\"", false),
            ("plain.json().a != 1", false),
            ("n.json() == 5", false),
            ("page.xml().shop.book[1].title == \"Two\"", true),
            ("page.xml().shop.book.*.title == \"One\"", true),
            ("page.xml().shop.book[0][\"-lang\"] == \"en\"", true),
            ("page.xml().shop.book[0][\"@lang\"] == \"en\"", true),
            ("page.xml().shop.note == \"hi\"", true),
            ("page.xml().shop.note[\"#text\"] == r\"^h\"", true),
            ("page.xml()..price > 7", true),
            ("page.xml().shop.nothing == \"\"", false),
            ("plain.xml().a == \"\"", false),
            ("coded.xml().a.b[0] == 1", true),
            ("coded.xml().a.b.* == \"2\"", true),
        ],
    );
}

#[test]
fn times_are_milliseconds_in_records() {
    // 2026-03-14T22:29:00Z, a minute before now.
    check(
        json!({"timestamp": 1773527340000i64, "when": "2026-03-14T22:29:00Z"}),
        &[
            ("timestamp < now()", true),
            ("timestamp > minutes(-2) and timestamp < seconds(-30)", true),
            ("timestamp == datetime(\"3/14/2026, 10:29:00.000 PM\")", true),
            ("timestamp >= datetime(\"3/14/2026, 10:29:00.001 PM\")", false),
            (
                "timestamp > hours(-1) and timestamp > days(-1) and timestamp > weeks(-1) and timestamp > months(-1) and timestamp > years(-1)",
                true,
            ),
            ("timestamp < days(1)", true),
            ("when == timestamp", false),
            ("when > minutes(-2) and when < now()", true),
            ("timestamp > now() - duration(\"5m\")", true),
            ("timestamp > timestamp(\"2026-03-14T22:00:00Z\")", true),
            ("timestamp < datetime(\"yesterday\")", false),
            ("timestamp(\"2026-03-14T22:00:00Z\").getHours() == 22", true),
        ],
    );
}

#[test]
fn lines_of_entries_know_their_protocol() {
    let line = json!({"protocol": "tcp", "conn": true, "conn_l7_detected": ["http"], "timestamp": "2026-03-14T22:29:00.000000001Z"});
    check(
        line,
        &[
            ("tcp", true),
            ("http", false),
            ("!http", true),
            ("tcp_conn && conn", true),
            ("tcp_flow", false),
            ("protocol == \"TCP\"", true),
            ("\"HTTP\" in conn_l7_detected", true),
            ("timestamp > minutes(-5)", true),
            ("tcp == 1", false),
        ],
    );
}

#[test]
fn limits_are_told() {
    assert_eq!(eval("true and limit(100)", &json!({})).1, 100);
    assert_eq!(eval("limit(7) and limit(5)", &json!({})).1, 5);
    assert_eq!(eval("false and limit(3)", &json!({})), (false, 3, json!({})));
    assert_eq!(eval("limit(\"x\")", &json!({})), (false, 0, json!({})));
}

#[test]
fn redaction_acts_in_written_order() {
    let record = json!({"id": 5, "a": {"name": "x", "list": [{"name": 1}, {"name": 2}]}, "h": {"K": "v"}});
    let hidden = "[REDACTED]";
    let cases = [
        ("redact(\"id\") and id == 5", false, json!({"id": hidden, "a": record["a"], "h": record["h"]})),
        (
            "id == 5 and redact(\"id\") and id == \"[REDACTED]\"",
            true,
            json!({"id": hidden, "a": record["a"], "h": record["h"]}),
        ),
        ("id == 6 and redact(\"id\")", false, record.clone()),
        ("id == 5 or redact(\"id\")", true, record.clone()),
        ("true or redact(\"id\")", true, record.clone()),
        (
            "redact(\"a.list.*.name\", \"h['K']\")",
            true,
            json!({"id": 5, "a": {"name": "x", "list": [{"name": hidden}, {"name": hidden}]}, "h": {"K": hidden}}),
        ),
        (
            "redact(\"a.list[0]\")",
            true,
            json!({"id": 5, "a": {"name": "x", "list": [hidden, {"name": 2}]}, "h": {"K": "v"}}),
        ),
        (
            "redact(\"..name\") == true",
            true,
            json!({"id": 5, "a": {"name": hidden, "list": [{"name": hidden}, {"name": hidden}]}, "h": {"K": "v"}}),
        ),
        ("!redact(\"h\")", false, json!({"id": 5, "a": record["a"], "h": hidden})),
        ("redact(\"gone.x\", \"(((\")", true, record.clone()),
    ];
    for (query, matches, after) in cases {
        assert_eq!(eval(query, &record), (matches, 0, after), "{query}");
    }
}

#[test]
fn redaction_reaches_into_bodies() {
    let hidden = "[REDACTED]";
    let after = |query: &str, body: &str| eval(query, &json!({"body": body})).2["body"].as_str().unwrap().to_owned();
    assert_eq!(
        after("redact(\"body.json().b.c\")", "{\"a\": 1, \"b\": {\"c\": 2}}"),
        format!("{{\"a\":1,\"b\":{{\"c\":\"{hidden}\"}}}}")
    );
    assert_eq!(after("redact(\"body.json()..c\")", "no json"), "no json");
    // {"c":2} in base64, and {"c":"[REDACTED]"}.
    assert_eq!(after("redact(\"body.json().c\")", "eyJjIjoyfQ=="), "eyJjIjoiW1JFREFDVEVEXSJ9");
    assert!(!eval("redact(\"body.json().c\") and body.json().c == 2", &json!({"body": "eyJjIjoyfQ=="})).0);
    let xml = "<?xml version=\"1.0\"?>\n<a k=\"1\"><!-- keep --><b>x</b><b y='2'>z<c/></b></a>";
    assert_eq!(
        after("redact(\"body.xml().a.b\")", xml),
        "<?xml version=\"1.0\"?>\n<a k=\"1\"><!-- keep --><b>x</b><b y='2'>z<c/></b></a>"
            .replace("x</b>", "[REDACTED]</b>")
            .replace("'2'>z<c/>", "'[REDACTED]'>[REDACTED]")
    );
    assert_eq!(after("redact(\"body.xml().a.b[0]\")", xml), xml.replace("<b>x</b>", "<b>[REDACTED]</b>"));
    assert_eq!(after("redact(\"body.xml().a.-k\")", xml), xml.replace("k=\"1\"", "k=\"[REDACTED]\""));
    assert_eq!(after("redact(\"body.xml()..c\")", xml), xml);
}

#[test]
fn syntax_errors_are_told_with_their_column() {
    let cases = [
        ("a ==", 5),
        ("a = 1", 3),
        ("(a == 1", 8),
        ("a == \"x", 6),
        ("a and b && c", 9),
        ("a & b", 3),
        ("1a", 1),
        ("a == 1 b", 8),
        ("a[", 3),
        ("a.", 3),
        ("ü", 1),
        ("a == r\"(\"", 6),
        ("and", 1),
        ("f(1", 4),
        ("99999999999999999999", 1),
    ];
    for (query, column) in cases {
        let error = eval_record(&mut json!({}), query, NOW).expect_err(query);
        assert_eq!(error.column, column, "{query}: {error}");
        assert!(error.render(query).contains('^'));
    }
}
