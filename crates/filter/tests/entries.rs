//! Filters on entries: names, types, defaults, aliases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use lanternfish_filter::{Filter, FilterError};
use lanternfish_model::{Entry, FieldTable};
use serde_json::json;
use support::*;

fn compile(table: &FieldTable, query: &str) -> Filter {
    Filter::compile(query, table, NOW).unwrap_or_else(|error| panic!("{query}\n{}", error.render(query)))
}

fn refused(query: &str) -> FilterError {
    match Filter::compile(query, &table(), NOW) {
        Ok(_) => panic!("{query} compiles"),
        Err(error) => error,
    }
}

fn check(entry: &Entry, cases: &[(&str, bool)]) {
    let table = table();
    for (query, expected) in cases {
        let filter = compile(&table, query);
        assert_eq!(filter.matches(&table, entry), *expected, "{query}");
    }
}

#[test]
fn examples_compile_and_run() {
    let Some(text) = support::shared("v2_examples.txt") else { return };
    let table = table();
    let entries = [http_entry(404, b"{}"), dns_entry(), redis_entry(), tls_entry(), conn_entry(), flow_entry()];
    let mut matched = 0;
    for query in text.lines().filter(|line| !line.is_empty()) {
        let filter = compile(&table, query);
        matched += usize::from(entries.iter().any(|entry| filter.matches(&table, entry)));
    }
    assert!(matched > 25, "{matched}");
}

#[test]
fn every_variable_is_known_with_its_type() {
    let Some(text) = support::shared("variables.tsv") else { return };
    let table = table();
    for line in text.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(name), Some(kind)) = (columns.next(), columns.next()) else { panic!("{line}") };
        let id = table.find(name).unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!(table.spec(id).kind.name(), kind, "{name}");
        let query = match kind {
            "bool" => format!("{name} || !{name}"),
            "int" => format!("{name} >= 0 || {name} < 0"),
            "timestamp" => format!("{name} <= now() || {name} > now()"),
            _ => format!("size({name}) >= 0"),
        };
        assert!(compile(&table, &query).matches(&table, &redis_entry()), "{query}");
    }
}

#[test]
fn http_entries_are_tested() {
    let body = br#"{"items":[{"id":7,"name":"pen"},{"id":9,"name":"cup"}],"total":2}"#;
    check(
        &http_entry(404, body),
        &[
            ("", true),
            ("http", true),
            ("dns", false),
            ("!http", false),
            ("http and response.status == r\"4.*\"", true),
            ("response.status == r\"2.*\"", false),
            ("response.status == \"404\"", true),
            ("response.status >= 400 && response.status < \"500\"", true),
            ("status_code == 404 && status_code != 200 && status_code in [200, 404]", true),
            ("404 == status_code && 400 < status_code", true),
            ("status_code == 404.0 && status_code < 404.5", true),
            ("request.headers[\"Authorization\"] == r\"Token.*\"", true),
            ("request.headers[\"AUTHORIZATION\"] == r\"Basic.*\"", false),
            ("request.headers.authorization.startsWith(\"Token\")", true),
            ("request.headers[\"none\"] != \"x\"", false),
            ("!(request.headers[\"none\"] != \"x\")", true),
            ("request.headers[\"e\"].x != \"y\"", false),
            ("request.headers[\"x-trace\"] == \"2\"", true),
            ("request.headers.* == \"shop\"", true),
            ("request.headers..host == \"shop\"", true),
            ("request.headers.exists(name, name == \"host\")", true),
            ("\"authorization\" in request.headers && \"Authorization\" in request.headers", true),
            ("response.headers[\"content-length\"] > 300", true),
            ("has(request.headers.host) && !has(request.headers.nope) && has(status_code)", true),
            ("map_get(request.headers, \"HOST\", \"\") == \"shop\"", true),
            ("map_get(request.headers, \"nope\", \"dflt\") == \"dflt\"", true),
            ("request.path[1] == \"v1\"", true),
            ("path[1] == \"v1\" && path[-1] == \"items\"", true),
            ("request.path[7] == \"v1\"", false),
            ("request.path.* == \"v1\"", true),
            ("request.path == \"/api/v1/items\"", true),
            ("request.url.contains(\"page=2\") && url.matches(\"page=[0-9]$|name$\")", true),
            ("request.query.page == 2 and request.query.sort == \"name\"", true),
            ("query_string[\"page\"] == \"2\"", true),
            ("query_string == {\"sort\": \"name\", \"page\": \"2\"} && query_string != {}", true),
            ("response.headers == {\"Content-Type\": \"application/json\", \"content-length\": \"311\"}", true),
            ("response.headers == {\"content-type\": \"application/json\"}", false),
            ("path[0 + 1] == \"v1\" && path[size(method) - 2] == \"v1\"", true),
            ("request.headers.exists(h, request.headers[h] == \"shop\")", true),
            ("src.ip == \"192.168.001.7\" || src.ip == \"::ffff:192.168.1.7\"", false),
            ("src.ip in [\"::ffff:192.168.1.7\"]", false),
            ("timestamp.getHours(\"+02:00\") == 0", true),
            ("request.cookies[\"session\"] == \"s3\"", true),
            ("protocol == \"HTTP\" && protocol.name == \"Http\" && protocol in [\"DNS\", \"HTTP\"]", true),
            ("protocol != \"HTTP\"", false),
            ("src.ip == \"192.168.1.7\" && src.ip.startsWith(\"192.168.\") && src.ip != \"192.168.1.8\"", true),
            ("src.ip in [\"10.0.0.1\", \"192.168.1.7\"] and src.ip == r\"^192\"", true),
            ("src.ip + \":\" + string(src.port) == \"192.168.1.7:50123\"", true),
            ("dst.name == \"shop.example.com\" and src.name != \"x\"", false),
            ("src.name == \"\"", false),
            ("src.dns == \"\"", true),
            ("(dst.name == \"a\" or dst.name == \"shop.example.com\") or src.name == \"c\"", true),
            ("node.name == \"worker-3\" and node_name == \"worker-3\"", true),
            ("timestamp > now() - duration(\"5m\")", true),
            ("timestamp > minutes(-5) and timestamp < seconds(-10)", true),
            ("timestamp >= datetime(\"3/14/2026, 10:29:00.000 PM\")", true),
            ("timestamp - duration(\"1m\") < now() && now() - timestamp < duration(\"2m\")", true),
            ("elapsed_time > 1500 && elapsedTime < 2000", true),
            ("outgoing or true", true),
            ("response.body.json().total == 2", true),
            ("response.body.json().items[1].name == \"cup\"", true),
            ("response.body.json().items[*].id == 9", true),
            ("response.body.json()..name == r\"^p\"", true),
            ("response.body.json().items.exists(i, i.id > 8 && i.name == \"cup\")", true),
            ("response.body.json().nope == 2", false),
            ("response.body.xml().a == 2", false),
            ("response.body.contains(\"pen\")", true),
            ("request.body.contains(\"pen\")", false),
            ("request.body != \"x\"", false),
            ("method in [\"GET\", \"POST\"] ? status_code > 400 : false", true),
            ("size(method) == 3 && size(request.headers) == 5", true),
            ("method == \"\\x47ET\"", true),
            ("method == 'GET' && method == '''GET'''", true),
        ],
    );
}

#[test]
fn absent_fields_take_their_default() {
    check(
        &redis_entry(),
        &[
            ("status_code != 200", true),
            ("status_code == 0", true),
            ("response.status != 200", false),
            ("!(response.status != 200)", true),
            ("method == \"\" && size(dns_answers) == 0 && !dns_request && size(request.headers) == 0", true),
            ("request.method == \"\"", false),
            ("dns_answers == [] && !(\"x\" in dns_answers)", true),
            ("dns_answers.all(a, a == \"x\") && !dns_answers.exists(a, a == \"x\")", true),
            ("dns_answers[0] != \"x\"", false),
            ("request.headers[\"a\"] == \"\"", false),
            ("map_get(local_labels, \"app\", \"\") == \"\"", true),
            ("has(method)", false),
            ("redis && redis_type == \"GET\" && redis_key.startsWith(\"session:\")", true),
            ("src.namespace != \"x\"", false),
            ("src.pod.namespace != \"x\"", true),
            ("tcp_payload == b\"\"", true),
            ("tcp_payload.contains(\"SSH\")", false),
            ("tlsx_sni != \"x\" && tls_server_name != \"x\" && tlsx_sni == \"\"", true),
            ("request.headers == {} && request.headers != {\"a\": \"b\"}", true),
            ("100 / status_code > 1", false),
            ("!(100 / status_code > 1)", true),
            ("9223372036854775807 + dst.port > 0", false),
        ],
    );
}

#[test]
fn lists_and_words_are_tested() {
    check(
        &dns_entry(),
        &[
            ("dns && \"google.com\" in dns_questions", true),
            ("\"10.1.2.3\" in dns_answers", true),
            ("dns_answers[0] == \"10.1.2.3\" && dns_answers.* == r\"mx\"", true),
            ("dns_answers.filter(a, a.startsWith(\"10.\")).size() == 1", true),
            ("dns_answers.map(a, a + \".\") == [\"10.1.2.3.\", \"10 mx.example.org.\"]", true),
            ("dns_answers.exists_one(a, a.contains(\"mx\"))", true),
            ("dns_answers.exists(a, dns_questions.exists(q, q == \"google.com\" && a.contains(\"mx\")))", true),
            ("dns_answers + dns_questions == [\"10.1.2.3\", \"10 mx.example.org\", \"google.com\"]", true),
            ("status_code == 0 && dns_response", true),
            ("tcp || udp", false),
        ],
    );
    check(
        &conn_entry(),
        &[
            ("conn && tcp_conn && !tcp_flow && !flow && tcp", true),
            ("\"HTTP\" in conn_l7_detected && \"http\" in conn_l7_detected", true),
            ("conn_l7_detected.exists(p, p == \"TLS\")", true),
            ("\"DNS\" in conn_l7_detected", false),
        ],
    );
    check(&tls_entry(), &[("tlsx_cipher_suites.exists(s, s.contains(\"RC4\")) && tls_server_name == tlsx_sni", true)]);
}

#[test]
fn redactions_are_seen_by_what_follows() {
    let table = table();
    let entry = http_entry(404, br#"{"password":"x","n":1}"#);
    let cases = [
        ("status_code == 404 and redact(\"status_code\")", true, 1),
        ("redact(\"status_code\") and status_code == 404", false, 1),
        ("redact(\"response.status\") and status_code == 404", false, 1),
        ("status_code == 200 and redact(\"status_code\")", false, 0),
        ("redact(\"request.headers.Authorization\") and request.headers[\"authorization\"] == \"[REDACTED]\"", true, 1),
        ("redact(\"request.headers\") and request.headers[\"host\"] == \"shop\"", false, 1),
        ("redact(\"request.headers.Authorization\") and \"AUTHORIZATION\" in request.headers", true, 1),
        ("redact(\"request.headers.Authorization\") and map_get(request.headers, \"HOST\", \"\") == \"shop\"", true, 1),
        ("redact(\"request.headers.Authorization\") and request.headers[\"Ho\" + \"st\"] == \"shop\"", true, 1),
        ("redact(\"response.body.json().password\") and response.body.json().password == \"x\"", false, 1),
        ("redact(\"response.body.json().password\") and response.body.json().n == 1", true, 1),
        ("redact(\"..password\") or true", true, 1),
        ("redact(\"method\", \"url\") and path == \"/api/v1/items\"", true, 2),
    ];
    for (query, matches, applied) in cases {
        let filter = compile(&table, query);
        let verdict = filter.judge(&table, &entry);
        assert_eq!(verdict.matches, matches, "{query}");
        assert_eq!(filter.matches(&table, &entry), matches, "{query}");
        let count = (0..filter.redactions().len()).filter(|number| verdict.redactions.contains(*number)).count();
        assert_eq!(count, applied, "{query}");
    }
    let filter = compile(&table, "redact(\"response.status\", \"request.headers.HOST\")");
    let mut record = json!({"status_code": 404, "request": {"headers": {"host": "shop"}}});
    filter.redact(&filter.judge(&table, &entry), &mut record);
    assert_eq!(record, json!({"status_code": "[REDACTED]", "request": {"headers": {"host": "[REDACTED]"}}}));
}

#[test]
fn selectors_may_cross_fields() {
    let entry = http_entry(404, b"{}");
    check(
        &entry,
        &[
            ("request..host == \"shop\"", true),
            ("..authorization == r\"Token\"", true),
            ("request.*.* == \"shop\"", true),
            ("..nope == 1", false),
        ],
    );
    let table = table();
    assert!(compile(&table, "request..host == \"x\"").fields().any(|id| table.spec(id).path == "request.headers"));
}

#[test]
fn queries_tell_what_they_need() {
    let table = table();
    let filter = compile(&table, "http and kafka_api_key_name == \"x\" or limit(5)");
    assert_eq!(filter.limit(), Some(5));
    let messages: Vec<String> = filter.warnings().iter().map(ToString::to_string).collect();
    assert!(
        messages.iter().any(|m| m.contains("this is read as http and (kafka_api_key_name == \"x\" or limit(5))")),
        "{messages:?}"
    );
    assert!(messages.iter().any(|m| m.contains("needs Kafka")), "{messages:?}");
    let names: Vec<&str> = filter.fields().map(|id| table.spec(id).path).collect();
    assert!(names.contains(&"http") && names.contains(&"kafka_api_key_name"));
    assert!(compile(&table, "http && dns || redis").warnings().is_empty());
    assert!(compile(&table, "http and dns and redis").warnings().is_empty());
}

#[test]
fn a_network_is_no_address() {
    let table = table();
    let told =
        |text: &str| compile(&table, text).warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    assert!(told("src.ip == \"10.0.0.0/8\"").contains("write src.ip.startsWith(\"10.\")"));
    assert!(told("http && \"192.168.7.0/24\" != dst.ip").contains("write dst.ip.startsWith(\"192.168.7.\")"));
    assert!(told("src.ip == \"fd00::/8\"").contains("no address equals the network fd00::/8"));
    for text in
        ["src.ip == \"10.0.0.8\"", "path == \"/8\"", "url == \"a/8\"", "request.headers[\"accept\"] == \"text/html\""]
    {
        assert_eq!(told(text), "", "{text}");
    }
}

#[test]
fn mistakes_are_explained() {
    let cases = [
        ("status_code == \"200\"", 1, "status_code is int, \"200\" is string", "status_code == 200"),
        ("htp && status_code > 1", 1, "unknown name htp", "http"),
        ("http && statuscode > 1", 9, "unknown name statuscode", "status_code"),
        ("src.pod.nam == \"x\"", 1, "unknown name src.pod.nam", "src.pod.name"),
        ("url.contains(5)", 14, "contains takes a string, 5 is int", ""),
        ("url.contain(\"x\")", 5, "unknown helper contain", "contains"),
        ("url.contains()", 5, "contains has 0 arguments", "expected 1 argument"),
        ("nwo() > timestamp", 1, "unknown helper nwo", "now"),
        ("status_code == r\"4.*\"", 1, "status_code is int", "response.status"),
        ("method", 1, "method is string", "method != \"\""),
        ("http && status_code", 9, "status_code is int", "a bool"),
        ("\"x\" in method", 1, "method is string", "contains"),
        ("5 in dns_answers", 1, "5 is int, dns_answers is []string", ""),
        ("dns_answers == \"x\"", 1, "dns_answers is []string", "\"x\" in dns_answers"),
        ("dns_answers.contains(\"x\")", 1, "contains takes a string", "in dns_answers"),
        ("timestamp > \"2026-03-14T22:00:00Z\"", 1, "timestamp is timestamp", "timestamp(\"2026-03-14T22:00:00Z\")"),
        ("timestamp > timestamp(\"yesterday\")", 23, "timestamp of \"yesterday\" fails", "RFC 3339"),
        ("timestamp > now() - duration(\"5 minutes\")", 30, "duration of \"5 minutes\" fails", "5m"),
        ("method + 1 == \"x\"", 1, "method + 1: string and int do not go together", ""),
        ("request == 1", 1, "unknown name request", "request.body"),
        ("http and dns && redis", 14, "mixed without parentheses", "parentheses"),
        ("redact(\"nosuch\")", 8, "unknown name nosuch", ""),
        ("limit(method)", 7, "limit takes a fixed number", ""),
        ("method == GET", 11, "unknown name GET", ""),
        ("method == nil", 1, "method is string, nil is nil", "default"),
        ("method.exists(x, x == \"a\")", 1, "method is string", "list or map"),
        ("(http && dns", 13, "ends too early", ")"),
        ("http = true", 6, "unexpected character '='", "=="),
        ("url.matches(\"(\")", 13, "invalid regular expression", ""),
        ("status_code[0] == 1", 1, "takes no index", ""),
        ("status_code > \"200\"", 1, "\"200\" is string", "write status_code > 200"),
        ("\"200\" > status_code", 1, "\"200\" is string", "write status_code < 200"),
        ("method != 5", 1, "method is string, 5 is int", "write method != \"5\""),
        ("src.port == src.ip", 1, "src.port is int, src.ip is string", "expected int on both sides"),
        ("dns_answers[\"a\"] == \"x\"", 1, "[]string has no names below it", ""),
        ("dns_answers.exists()", 13, "exists takes a name and an expression", "exists(x, x =="),
        ("dns_answers.all(1, true)", 13, "all takes a name and an expression", ""),
        ("not http", 5, "unexpected http", "write ! for not"),
        ("http AND dns", 6, "unexpected AND", "and"),
        ("timestamp.getHours(\"Moon/Base\") == 1", 20, "unknown zone \"Moon/Base\"", "+02:00"),
        ("tlsx_sni == 5", 1, "tlsx_sni is string, 5 is int", ""),
        ("\"é\" == method && statuscode > 1", 18, "unknown name statuscode", "status_code"),
    ];
    for (query, column, message, more) in cases {
        let error = refused(query);
        let text = error.to_string();
        assert_eq!(error.column, column, "{query}: {text}");
        assert!(error.message.contains(message), "{query}: {text}");
        assert!(text.contains(more), "{query}: {text}");
        assert!(!text.contains('\n'));
        assert!(error.render(query).contains(&format!("{}^ ", " ".repeat(column - 1))), "{}", error.render(query));
    }
}

#[test]
fn hostile_queries_are_refused() {
    let table = table();
    let queries = [
        "(".repeat(100_000),
        format!("{}http{}", "(".repeat(60), ")".repeat(60)),
        "!".repeat(60_000),
        "-".repeat(60_000),
        format!("http{}", ".a".repeat(30_000)),
        "http && ".repeat(130_000),
        format!("1{} > 0", " + 1".repeat(10_000)),
        format!("http{}", " and dns or http".repeat(3_000)),
        "a[".repeat(30_000),
        "x ? ".repeat(10_000),
        "[".repeat(60_000),
        "{1:".repeat(20_000),
        "url.matches(\"(a{1000}){1000}\")".to_owned(),
        format!("url.matches(\"{}\")", "(".repeat(60_000)),
        vec!["url.matches(\"a\")"; 65].join(" && "),
        "\"".to_owned(),
        "url == '''x".to_owned(),
    ];
    for query in &queries {
        let error = Filter::compile(query, &table, NOW).expect_err(&query[..query.len().min(40)]);
        assert!(error.render(query).len() < 2_000);
        assert!(
            lanternfish_filter::eval_record(&mut json!({}), query, NOW).is_err(),
            "{}",
            &query[..query.len().min(40)]
        );
    }
    for (query, expected) in [
        (format!("status_code{} > 0", " + 1".repeat(125)), true),
        (format!("{}http{}", "!(".repeat(22), ")".repeat(22)), true),
        (format!("{}http", "http and dns or ".repeat(60)), true),
        (format!("response.body.json(){} == 1", ".a".repeat(120)), false),
    ] {
        assert_eq!(compile(&table, &query).matches(&table, &http_entry(200, b"{}")), expected, "{query}");
    }
    let long = vec!["http"; 8_000].join(" && ");
    assert!(compile(&table, &long).matches(&table, &http_entry(200, b"")));
    let long = vec!["dns"; 8_000].join(" or ");
    assert!(!compile(&table, &long).matches(&table, &http_entry(200, b"")));
}

#[test]
fn hostile_bodies_are_survived() {
    let table = table();
    let deep = "[".repeat(60_000);
    let wide = format!("[{}1]", "1,".repeat(30_000));
    for (body, query, expected) in [
        (deep.as_str(), "response.body.json()..x == 1", false),
        (wide.as_str(), "response.body.json().exists(a, response.body.json().exists(b, a != b))", false),
        ("\u{0}\u{1}", "response.body.xml()..x == 1", false),
    ] {
        let filter = compile(&table, query);
        assert_eq!(filter.matches(&table, &http_entry(200, body.as_bytes())), expected, "{query}");
    }
    let filter = compile(&table, "response.body.contains(\"b\") && !response.body.json().exists(x, x == 1)");
    assert!(filter.matches(&table, &http_entry(200, b"\xff\xfeb")));
}
