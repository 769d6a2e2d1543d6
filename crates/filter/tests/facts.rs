//! The facts of the language one by one, on JSON records: what `kfl eval` answers where the forms meet, at their edges.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use lanternfish_filter::eval_record;
use serde_json::{Value as Json, json};
use support::NOW;

fn check(record: Json, cases: &[(&str, bool)]) {
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        let mut after = record.clone();
        match eval_record(&mut after, query, NOW) {
            Ok(verdict) if verdict.matches == *expected => {}
            Ok(_) => wrong.push(format!("{query} is not {expected}")),
            Err(error) => wrong.push(format!("{query}: {error}")),
        }
        assert_eq!(after, record, "{query}");
    }
    assert!(wrong.is_empty(), "{}\non {record}", wrong.join("\n"));
}

#[test]
fn literals_are_those_of_both_forms() {
    check(
        json!({"n": 42, "s": "x"}),
        &[
            ("nil == nil and null == nil", true),
            ("true and !false", true),
            ("n == 42 and n == 42u and n == 0x2A and n == 4.2e1 and n == 420E-1", true),
            ("0.5 == .5", true),
            ("-n == -42 and - n < 0 and -(n) == -42 and !-0", true),
            ("n - 2 == 40 and n-2 == 40 and n -2 == 40", true),
            ("s == \"x\" and s == 'x' and s == \"\"\"x\"\"\" and s == '''x'''", true),
            ("\"\"\"say \"x\" now\"\"\" == 'say \"x\" now'", true),
            ("\"\\u00e9\" == \"é\" and '\\x41\\102\\U00000043' == 'ABC'", true),
            ("\"a\\tb\\nc\" == \"\"\"a\tb\nc\"\"\"", true),
            ("\"a\\qb\" == r\"a\\\\qb\"", true),
            ("b\"\\xff\\x00\" == b'\\377\\000' and b\"abc\" == bytes(\"abc\")", true),
            ("-9223372036854775808 < 9223372036854775807", true),
            ("[1, 2.0, \"a\"][2] == \"a\" and [] == []", true),
            ("{\"a\": 1, 2: \"b\"}[\"a\"] == 1 and {2: \"b\"}[2] == \"b\" and {\"a\": 1}.a == 1", true),
            ("{\"a\": 1}[\"b\"] == 1", false),
        ],
    );
}

#[test]
fn words_group_from_the_right_and_signs_by_precedence() {
    check(
        json!({"f": false, "t": true}),
        &[
            ("f and t or t", false),
            ("t or f and f", true),
            ("f or t and f or t", true),
            ("t and f or f", false),
            ("f and f or t and t", false),
            ("f && f || t && t", true),
            ("t || f && f", true),
            ("(f and f) or t", true),
            ("(f && f) or t", true),
            ("f and (f || t)", false),
            ("!(f and t) || f", true),
            ("!f and !f", true),
            ("! ! t", true),
            ("!t == f", true),
            ("t == !f", true),
            ("(((t)))", true),
            ("t ? f : t", false),
            ("f ? f : t ? t : f", true),
            ("f ? t and f : t and t", true),
            ("[1].exists(x, x == 1 and t) || f", true),
            ("t\nand\n# a remark and false\nt // and false", true),
            ("t or \"# no remark\" == \"// none\"", true),
        ],
    );
}

#[test]
fn numbers_and_what_is_not_empty_count_as_true() {
    check(
        json!({"n": 5, "zero": 0, "d": 0.0, "s": "x", "e": "", "z": null, "l": [], "o": {}, "b": false, "items": [0, 3], "none": [0, ""]}),
        &[
            ("n", true),
            ("zero or d", false),
            ("true and -1", true),
            ("true and 5 and 0.1", true),
            ("s and !e and !z", true),
            ("l or o or b", false),
            ("items.*", true),
            ("none.*", false),
            ("l.* or false", false),
            ("gone or false", false),
            ("!gone", true),
            ("!!gone", false),
            ("gone and true", false),
            ("true and r\"x\"", true),
        ],
    );
}

#[test]
fn what_is_missing_makes_its_comparison_false() {
    check(
        json!({"a": {"b": 1, "z": null}, "l": [1], "s": "x"}),
        &[
            ("a.gone == 1", false),
            ("a.gone != 1", false),
            ("!(a.gone != 1)", true),
            ("a.gone == nil", false),
            ("a.gone != nil", false),
            ("a.z == nil", true),
            ("a.gone == a.gone", false),
            ("a.gone > 0 or a.gone <= 0", false),
            ("a.gone == r\".*\"", false),
            ("a.gone != r\".*\"", false),
            ("l[1] != 1", false),
            ("l[-2] != 1", false),
            ("a.b.c.d != 1", false),
            ("s.x != 1", false),
            ("s[0] != \"x\"", false),
            ("a.gone in [1]", false),
            ("!(a.gone in [1])", true),
            ("1 in a.gone", false),
            ("a.gone.contains(\"\")", false),
            ("size(a.gone) == 0", false),
            ("!(size(a.gone) == 0)", true),
            ("a.gone + 1 == 1", false),
            ("(a.gone == 1) == false", true),
            ("a.gone ? true : a.b == 1", true),
            ("a.gone.exists(x, true)", false),
            ("a.gone.all(x, true)", false),
            ("!a.gone.all(x, true)", true),
            ("[1, a.gone] == [1]", false),
            ("has(a.b) and has(a.z) and !has(a.gone) and !has(gone.x.y) and !has(l[1])", true),
            ("nonsense(1) == 1", false),
            ("nonsense(1) != 1", false),
            ("!nonsense(1) and !a.b.nonsense()", true),
            ("nonsense(1) or a.b == 1", true),
            ("s.startsWith() or s.endsWith(1, 2) or s.contains(5)", false),
            ("!s.contains(5)", true),
            ("now(1) == now(1)", false),
            ("limit(\"x\") or redact() or redact(5)", false),
            ("has(5)", false),
            ("has(gone())", false),
            ("s.json() != 1", false),
            ("s.xml().a != 1", false),
            ("a.json().b == 1", false),
            ("1 / 0 == 1 or 1 % 0 == 1", false),
            ("!(1 / 0 != 1)", true),
            ("9223372036854775807 + 1 > 0 or 9223372036854775807 * 2 > 0", false),
            ("-(-9223372036854775807 - 1) > 0", false),
            ("int(\"x\") != 0", false),
            ("int(1e30) != 0", false),
            ("timestamp(\"x\") != now()", false),
            ("duration(\"5 minutes\") != duration(\"5m\")", false),
            ("s + 1 != 2", false),
            ("-s != 1", false),
        ],
    );
}

#[test]
fn numbers_compare_by_value() {
    check(
        json!({"i": 5, "d": 5.0, "t": "5", "half": 4.5, "big": 9223372036854775807i64, "huge": 1e300, "b": true}),
        &[
            ("i == d and d == i and i == t and d == t", true),
            ("i in [5.0] and d in [5] and 5.0 in [5]", true),
            ("half < i and i > half and half < 5", true),
            ("i != 5.0", false),
            ("big == 9223372036854775807", true),
            ("big > 9223372036854775806", true),
            ("big < 9223372036854775808.0", true),
            ("big == 9223372036854775808.0", false),
            ("huge > big", true),
            ("7 / 2 == 3 and -7 / 2 == -3 and 7 % 3 == 1 and -7 % 3 == -1", true),
            ("7.0 / 2.0 == 3.5 and i / 2 == 2 and d / 2 == 2.5", true),
            ("1 + 2 * 3 == 7 and (1 + 2) * 3 == 9 and 10 - 3 - 2 == 5", true),
            ("t > 4 and t < \"6\" and i < \"6\"", true),
            ("i == \"5 \"", false),
            ("i == \"five\"", false),
            ("i != \"five\"", true),
            ("i < \"five\" or i > \"five\"", false),
            ("b == true and b == \"true\" and b != 1", true),
            ("true > false", true),
        ],
    );
}

#[test]
fn a_literal_equals_as_written_or_unescaped() {
    check(
        json!({"written": "a\\nb", "unescaped": "a\nb", "quoted": "\\\"x\\\"", "plain": "\"x\""}),
        &[
            ("written == \"a\\nb\"", true),
            ("unescaped == \"a\\nb\"", true),
            ("written != \"a\\nb\"", false),
            ("unescaped != \"a\\nb\"", false),
            ("quoted == \"\\\"x\\\"\" and plain == \"\\\"x\\\"\"", true),
            ("\"a\\nb\" == written", true),
            ("written == \"a\\\\nb\"", true),
            ("written in [\"a\\nb\"]", false),
            ("unescaped in [\"a\\nb\"]", true),
            ("written.contains(\"\\n\")", false),
            ("unescaped.contains(\"\\n\")", true),
        ],
    );
}

#[test]
fn patterns_are_searched_in_texts_and_match_whole_numbers() {
    check(
        json!({"s": "hello \"w\"", "status": 404, "text": "404", "d": 4.25, "re": "a.b", "l": ["4", "40", "404"], "n": [4, 40], "z": null, "b": true, "win": "C:\\dir"}),
        &[
            ("s == r\"lo\" and s == r\"^hel+o\" and s != r\"^w\"", true),
            ("s == r\"LO\"", false),
            ("s == r\"(?i)LO\"", true),
            ("s == r'\"w\"$' and s == r\"\\\"w\\\"\"", true),
            ("status == r\"4.*\" and status == r\"4..\" and status == r\"5|404\"", true),
            ("status == r\"4\" or status == r\"0\" or status == r\"44|4\"", false),
            ("status != r\"4\"", true),
            ("text == r\"4\" and text != r\"^4$\"", true),
            ("d == r\"4\\.25\" and d != r\"4\\.2\"", true),
            ("l.* == r\"^40$\"", true),
            ("l.* != r\"^40$\"", false),
            ("l.* != r\"^5\"", true),
            ("n.* == r\"4\"", true),
            ("n.* == r\"0\"", false),
            ("z == r\".*\"", false),
            ("b == r\"^tr\"", true),
            ("win == r\"C:\\\\d\"", true),
            // Anywhere else it is a raw text.
            ("re.contains(r\"a.b\") and !\"axb\".contains(r\"a.b\")", true),
            ("win.contains(r\"\\d\")", true),
            ("re in [r\"a.b\"] and !(\"axb\" in [r\"a.b\"])", true),
            ("re < r\"b\" and r\"a.b\" + \"c\" == \"a.bc\"", true),
            ("r\"a.b\" == r\"a.b\" and r\"a.b\" != r\"axb\"", true),
            ("s == (true ? r\"lo\" : \"\")", false),
            ("s.matches(\"lo\") and s.matches(r\"^h\\w+\") and matches(s, \"w\")", true),
            ("status.matches(\"0\")", true),
        ],
    );
}

#[test]
fn wildcards_ask_any_element_or_none() {
    check(
        json!({"x": [1, 2, 3], "y": [1, 2, 3], "w": [3, 4], "one": [7], "k": 7, "m": {"a": 1, "b": 2}, "none": [], "deep": [[1], [2, 3]],
               "objects": [{"v": 1, "t": ["p"]}, {"v": 2, "t": ["q", "r"]}, {"u": 9}]}),
        &[
            ("x.* == 2 and x[*] == 2 and x.* != 4", true),
            ("x.* != 2", false),
            ("x.* > 2 and x.* >= 3 and x.* < 2 and x.* <= 1", true),
            ("x.* > 3 or x.* < 1", false),
            ("2 < x.* and 3 <= x.*", true),
            ("3 < x.*", false),
            ("k == one.* and one.* == k", true),
            ("k > x.* and !(k < x.*)", true),
            ("x.* == y.* and x.* == [1, 2, 3] and [1, 2, 3] == x.*", true),
            ("x.* != y.*", false),
            ("x.* == w.*", false),
            ("x.* != w.*", true),
            ("x.* < y.* or x.* <= y.* or x.* > y.* or x.* >= y.*", false),
            ("x.* <= w.*", true),
            ("w.* >= x.*", true),
            ("x.* < w.*", false),
            ("none.* == 1 or none.* != 1 or none.* == none.* or none.* < 1", false),
            ("!(none.* != 1)", true),
            ("x.* < none.*", false),
            ("m.* == 2 and m.* != 3", true),
            ("objects.*.v == 2 and objects[*].v > 1", true),
            ("objects.*.v != 2", false),
            ("objects.*.u == 9", true),
            ("objects.*.t.* == \"r\"", true),
            ("objects.*.t[0] == \"q\"", true),
            ("objects.*.gone != 1", false),
            ("deep.*.* == 3 and deep[1].* == 2", true),
            ("x.* and true", true),
            ("2 in x and 2 in x.*", true),
            ("x == y and x != w", true),
            ("x.exists(i, i == 2) and x.all(i, i < 4)", true),
        ],
    );
}

#[test]
fn descent_finds_a_name_at_any_depth() {
    check(
        json!({"id": 1, "a": {"id": 2, "b": [{"id": 3}, [{"id": 4, "name": "x"}]]}, "name": "top", "list": {"id": ["p", "q"]}}),
        &[
            ("..id == 1 and ..id == 2 and ..id == 3 and ..id == 4", true),
            ("..id != 5", true),
            ("..id != 3", false),
            ("a..id == 1", false),
            ("a.b..id > 3", true),
            ("a..id > 4", false),
            ("..id == \"p\"", true),
            ("..name == \"x\" and ..name == \"top\"", true),
            ("..gone == 1 or ..gone != 1", false),
            ("a.b..name.startsWith(\"x\")", true),
            ("..b[0].id == 3", true),
            ("..* == 4", true),
            ("a..* == \"x\"", true),
            ("a..id == a..id", true),
        ],
    );
}

#[test]
fn selectors_name_index_and_compute() {
    check(
        json!({"a": {"b": [{"c": 1}, {"c": 2}], "k-1": {"x y": "v"}, "in": 1, "or": {"and": 2}, "true": 3}, "at": 1, "key": "b",
               "request": {"path": "/api/v1/items?x=/y/z", "headers": {"Content-Type": "json", "X-Multi": ["p", "q"]}},
               "year": 2021, "salesYear": 2021}),
        &[
            ("year == salesYear", true),
            ("a.b[1].c == 2 and a[\"b\"][0][\"c\"] == 1 and a['b'][-1].c == 2", true),
            ("a.b[at].c == 2 and a.b[at - 1].c == 1 and a[key][0].c == 1", true),
            ("a.b[size(a.b) - 1].c == 2", true),
            ("a[\"k-1\"][\"x y\"] == \"v\"", true),
            ("a.in == 1 and a.or.and == 2 and a.true == 3", true),
            ("request.path[1] == \"v1\" and request.path[-1] == \"items\" and request.path[0 + 1] == \"v1\"", true),
            ("request.path[3] == \"y\"", false),
            ("request.path.* == \"items\" and request.path.* != \"y\"", true),
            ("request.headers[\"content-type\"] == \"json\" and request.headers[\"CONTENT-TYPE\"] == \"json\"", true),
            ("\"content-type\" in request.headers and !(\"none\" in request.headers)", true),
            ("request.headers.exists(h, request.headers[h] == \"json\")", true),
            ("map_get(request.headers, \"content-type\", \"\") == \"json\"", true),
            ("map_get(request.headers, \"none\", \"d\") == \"d\" and map_get(gone, \"none\", \"d\") == \"d\"", true),
            ("request.headers[\"x-multi\"] == \"q\"", true),
            ("request.headers[\"x-multi\"] != \"q\"", false),
            ("request.headers[\"x-multi\"] != \"z\"", true),
            ("request.headers[\"x-multi\"][1] == \"q\"", true),
            ("has(request.headers[\"content-type\"])", true),
            ("a.b[\"c\"] == 1", false),
            ("a[0] == 1", false),
        ],
    );
}

#[test]
fn maps_compare_as_documents() {
    check(
        json!({"o": {}, "a": {"x": 1, "y": [1, {"z": null}]}, "same": {"y": [1.0, {"z": null}], "x": 1.0}, "l": [{"x": 1}], "body": "{\"x\": 1}"}),
        &[
            ("o == {} and !(o != {})", true),
            ("a != {} and a == {\"x\": 1, \"y\": [1, {\"z\": nil}]}", true),
            ("a == same", true),
            ("{\"x\": 1} == l[0] and {\"x\": 1} in l and l == [{\"x\": 1}]", true),
            ("l[0] == {\"x\": 2}", false),
            ("l[0] == {\"x\": 1, \"y\": 2}", false),
            ("body.json() == {\"x\": 1}", true),
            ("{\"x\": 1, \"y\": 2} == {\"y\": 2, \"x\": 1}", true),
            ("a == 1 or a == \"x\" or a < a", false),
        ],
    );
}

#[test]
fn bodies_are_decoded_along_the_way() {
    // {"a":{"b":1}} with and without padding, and <r><k>1</k></r>, in base64.
    check(
        json!({
            "body": "{\"a\":[{\"n\":\"x\"},{\"n\":\"y\"}],\"s\":\"{\\\"deep\\\":[1,2]}\",\"x\":\"<r><k>1</k></r>\",\"c\":\"eyJhIjp7ImIiOjF9fQ==\"}",
            "xml": "<?xml version='1.0'?><s:r xmlns:s='urn:x' a=\"1\"><k>v</k><k>w</k><j>{\"q\":5}</j><e/></s:r>",
            "coded": "eyJhIjp7ImIiOjF9fQ==", "unpadded": "eyJhIjp7ImIiOjF9fQ", "coded_xml": "PHI+PGs+MTwvaz48L3I+",
            "list": "[1,2,3]", "number": "5", "text": "\"q\"", "empty": "null", "bad": "{", "n": 5
        }),
        &[
            ("body.json().a[1].n == \"y\" and body.json()[\"a\"][0][\"n\"] == \"x\"", true),
            ("body.json().a.*.n == \"y\" and body.json()..n == \"x\" and body.json().a[*].n != \"z\"", true),
            ("body.json().s.json().deep[1] == 2 and body.json().s.json().deep.* > 1", true),
            ("body.json().x.xml().r.k == 1 and body.json().c.json().a.b == 1", true),
            ("xml.xml().r.k == \"w\" and xml.xml().r.k[0] == \"v\" and xml.xml()..k == \"v\"", true),
            ("xml.xml().r.j.json().q == 5 and xml.xml().r.e == \"\" and xml.xml().r[\"-a\"] == 1", true),
            ("coded.json().a.b == 1 and unpadded.json().a.b == 1 and coded_xml.xml().r.k == 1", true),
            ("list.json()[1] == 2 and list.json().* == 3 and list.json() == [1, 2, 3]", true),
            ("number.json() == 5 and text.json() == \"q\" and empty.json() == nil", true),
            ("bad.json().a == 1 or bad.json().a != 1 or bad.json() != 1 or n.json() == 5", false),
            ("!(bad.json().a != 1)", true),
            ("coded.xml().a == 1 or xml.json().r == 1", false),
            ("body.json(1).a == 1 or body.yaml().a == 1", false),
            ("body.json().a.size() == 2 and size(body.json().a) == 2", true),
            ("has(body.json().a) and !has(body.json().gone) and \"a\" in body.json()", true),
            ("body.json().a[0].n.startsWith(\"x\") and body.json().a.*.n.contains(\"y\")", true),
            ("body.json().a.exists(i, i.n == \"y\") and body.json().a.map(i, i.n) == [\"x\", \"y\"]", true),
            ("body.json().a[0].n == xml.xml().r.k or body.json() == body.json()", true),
        ],
    );
}

#[test]
fn moments_are_computed_with() {
    // NOW is 2026-03-14T22:30:00Z; the timestamps are a minute earlier.
    for timestamp in [json!(1773527340000i64), json!("2026-03-14T22:29:00Z"), json!(1773527340000.0)] {
        check(
            json!({"timestamp": timestamp}),
            &[
                ("timestamp == datetime(\"3/14/2026, 10:29:00.000 PM\")", true),
                ("timestamp == datetime(\"03/14/2026, 10:29:00 pm\")", true),
                ("timestamp == timestamp(\"2026-03-14T22:29:00Z\")", true),
                ("timestamp == timestamp(\"2026-03-15T00:29:00+02:00\")", true),
                ("timestamp < datetime(\"3/14/2026, 10:29:00.001 PM\")", true),
                ("timestamp > datetime(\"12/31/2025, 12:00:00.000 AM\")", true),
                ("timestamp > datetime(\"13/14/2026, 10:29:00.000 PM\") or timestamp > datetime(\"x\")", false),
                ("timestamp > datetime() or timestamp < datetime()", false),
                ("timestamp < now() and now() == now()", true),
                ("timestamp >= seconds(-60) and timestamp < seconds(-59) and timestamp == minutes(-1)", true),
                ("timestamp > hours(-1) and timestamp > days(-1) and timestamp > weeks(-1)", true),
                ("timestamp > months(-1) and timestamp > years(-1) and timestamp < days(1)", true),
                ("seconds(1) > now() and seconds(0) == now() and months(1) > weeks(4)", true),
                ("seconds(\"x\") > now() or seconds() > now() or seconds(1, 2) > now()", false),
                ("timestamp + duration(\"1m\") == now() and duration(\"1m\") + timestamp == now()", true),
                ("now() - timestamp == duration(\"60s\") and now() - duration(\"1m\") == timestamp", true),
                ("now() - timestamp < duration(\"5m\") and timestamp - duration(\"1h\") < hours(-1)", true),
                ("timestamp.getHours() == 22 and timestamp.getMinutes() == 29", true),
                ("timestamp.getHours(\"+02:00\") == 0 and timestamp.getDate(\"+02:00\") == 15", true),
                ("timestamp.getHours(\"UTC\") == 22 and timestamp.getHours(\"Moon/Base\") == 22", false),
            ],
        );
    }
    check(
        json!({}),
        &[
            ("duration(\"1.5h\") == duration(\"90m\") and duration(\"1h30m\") == duration(\"5400s\")", true),
            ("-duration(\"1s\") < duration(\"0s\") and duration(\"-1s\") == -duration(\"1000ms\")", true),
            ("duration(\"1us\") > duration(\"999ns\") and duration(\"1ms\") == duration(\"1000us\")", true),
            ("duration(\"90m\").getHours() == 1 and duration(\"90m\").getMinutes() == 90", true),
            ("duration(\"1s\") + duration(\"1s\") - duration(\"500ms\") == duration(\"1500ms\")", true),
            ("timestamp(\"2024-02-29T00:00:00Z\").getDayOfYear() == 59", true),
            ("timestamp(\"2026-03-14T22:05:06.789Z\").getMilliseconds() == 789", true),
            ("timestamp(\"2026-03-14T22:05:06Z\").getDayOfWeek() == 6", true),
            ("timestamp(\"2026-03-14T22:05:06Z\").getMonth() == 2", true),
            (
                "int(timestamp(\"1970-01-01T00:01:00Z\")) == 60 and timestamp(60) == timestamp(\"1970-01-01T00:01:00Z\")",
                true,
            ),
            ("string(timestamp(\"2026-03-14T22:05:06Z\")) == \"2026-03-14T22:05:06Z\"", true),
            ("string(timestamp(\"2026-03-14T22:05:06.5Z\")) == \"2026-03-14T22:05:06.5Z\"", true),
            ("string(duration(\"90s\")) == \"90s\"", true),
        ],
    );
}

#[test]
fn macros_go_over_lists_and_names_of_maps() {
    check(
        json!({"l": [1, 2, 3], "m": {"a": 1, "b": 2}, "o": [{"n": "x", "t": ["p"]}, {"n": "y", "t": []}], "none": []}),
        &[
            ("l.exists(x, x > 2) and l.all(x, x > 0) and l.exists_one(x, x == 2)", true),
            ("l.exists_one(x, x > 1)", false),
            ("l.filter(x, x > 1) == [2, 3] and l.map(x, x * 2) == [2, 4, 6]", true),
            ("l.map(x, x > 1, x * 2) == [4, 6] and l.filter(x, x > 1).map(x, x + 1)[0] == 3", true),
            ("none.all(x, false) and !none.exists(x, true)", true),
            ("m.exists(k, k == \"b\") and m.all(k, m[k] > 0) and m.exists_one(k, m[k] == 2)", true),
            ("m.map(k, m[k]) == [1, 2] and m.filter(k, m[k] > 1) == [\"b\"]", true),
            ("{\"a\": 1, \"b\": 2}.all(k, k in [\"a\", \"b\"]) and size({\"a\": 1}) == 1", true),
            ("o.exists(i, i.t.exists(t, t == \"p\" && i.n == \"x\"))", true),
            ("o.exists(i, i.t.exists(t, t == \"p\" && i.n == \"y\"))", false),
            ("l.exists(x, l.exists(y, y == x + 2))", true),
            ("l.all(x, [7].exists(x, x == 7))", true),
            ("l.exists(m, m == 2) and m.a == 1", true),
            ("o.all(i, has(i.n)) and !o.exists(i, has(i.gone)) and !o.all(i, i.gone != 1)", true),
            ("o.map(i, i.gone) == []", false),
            ("[[1, 2], [3]].exists(x, size(x) == 1) and [1, 2].map(x, [x]) == [[1], [2]]", true),
            ("\"abc\".exists(x, true) or l.exists(x) or l.exists() or l.exists(1, true)", false),
            ("o.*.t.exists(x, x == [\"p\"])", true),
        ],
    );
}

#[test]
fn texts_have_their_helpers() {
    check(
        json!({"s": "Chevrolet", "e": "", "u": "héé", "n": 2021, "l": ["ab", "cd"], "p": "evr"}),
        &[
            ("s.contains(\"evr\") and s.startsWith(\"Chev\") and s.endsWith(\"let\")", true),
            ("s.contains(p) and !s.startsWith(p)", true),
            ("s.contains(\"\") and s.startsWith(\"\") and e.endsWith(\"\")", true),
            ("s.contains(\"CHEV\")", false),
            ("!s.contains(\"x\") and !e.contains(\"x\")", true),
            ("n.contains(\"02\") and n.startsWith(\"20\")", true),
            ("l.*.startsWith(\"c\") and !l.*.endsWith(\"z\")", true),
            ("size(s) == 9 and s.size() == 9 and size(u) == 3 and size(b\"\\xff\\x00\") == 2 and size(l) == 2", true),
            ("s + \"!\" == \"Chevrolet!\" and [1] + [2] == [1, 2] and b\"a\" + b\"b\" == b\"ab\"", true),
            ("\"abc\" < \"abd\" and \"B\" < \"a\" and \"a\" < \"aa\"", true),
            (
                "string(n) == \"2021\" and string(3.5) == \"3.5\" and string(true) == \"true\" and string(b\"ab\") == \"ab\"",
                true,
            ),
            ("int(\"7\") + 1 == 8 and int(3.9) == 3 and int(-3.9) == -3 and uint(5) == 5", true),
            ("double(\"1.5\") == 1.5 and double(3) == 3.0 and bool(\"true\") and !bool(\"false\")", true),
            ("dyn(n) == 2021 and b\"ab\".contains(\"b\")", true),
        ],
    );
}

#[test]
fn words_of_protocols_are_told_by_the_record() {
    for protocol in [json!("http"), json!({"name": "http", "abbr": "HTTP"}), json!({"abbr": "HTTP"})] {
        check(
            json!({"protocol": protocol}),
            &[("http", true), ("http and true", true), ("!dns", true), ("dns or redis", false), ("http == true", true)],
        );
    }
    check(
        json!({"protocol": {"name": "http", "abbr": "HTTP"}}),
        &[("protocol.name == \"HTTP\" and protocol.abbr == \"http\" and protocol.name != \"dns\"", true)],
    );
    check(json!({"http": false, "protocol": "http"}), &[("http", false), ("protocol == \"HTTP\"", true)]);
    check(json!({}), &[("http", false), ("!http", true), ("protocol != \"http\"", false)]);
}
