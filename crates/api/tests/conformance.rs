//! Every route against the OpenAPI document: good answers and refusals alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use axum::http::Method;
use lanternfish_model::EntryClass;
use serde_json::{Value, json};
use support::client::{Answer, World};
use support::document::Document;

/// A request: the method, the path as it is documented, the target, the body, and the status that must come.
struct Case(&'static str, &'static str, String, Option<Value>, u16);

fn get(path: &'static str, query: &str, status: u16) -> Case {
    Case("get", path, format!("{path}{query}"), None, status)
}

fn get_of(path: &'static str, id: &str, query: &str, status: u16) -> Case {
    Case("get", path, format!("{}{query}", path.replace("{id}", id)), None, status)
}

fn sends(method: &'static str, path: &'static str, body: Value, status: u16) -> Case {
    Case(method, path, path.to_owned(), Some(body), status)
}

async fn run(world: &World, document: &mut Document, case: &Case) -> Answer {
    let Case(method, path, target, body, status) = case;
    let name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let ask = world.request(name, target);
    let answer = match body {
        Some(body) => ask.json(body).send().await,
        None => ask.send().await,
    };
    assert_eq!(answer.status, *status, "{method} {target}: {}", answer.text());
    document.judge(method, path, &answer);
    if answer.status >= 400 && answer.header("content-type") == "application/json" {
        document.check_named("ErrorAnswer", &answer.json());
    }
    answer
}

/// The cases of routes about entries, packets and connections.
fn of_entries(id: u64, connection: u64) -> Vec<Case> {
    let (id, connection) = (id.to_string(), connection.to_string());
    let mut cases = vec![
        get("/api/v1/entries", "", 200),
        get("/api/v1/entries", "?filter=http&limit=2&from=2026-03-14T22:00:00Z&to=now", 200),
        get("/api/v1/entries", "?bodies=false", 200),
        get("/api/v1/entries", "?filter=htp", 400),
        get("/api/v1/entries", "?limit=0", 400),
        get("/api/v1/entries", "?limit=10001", 400),
        get("/api/v1/entries", "?limit=many", 400),
        get("/api/v1/entries", "?from=yesterday", 400),
        get("/api/v1/entries", "?from=-1m&to=-2m", 400),
        get("/api/v1/entries", "?cursor=xyz", 400),
        get("/api/v1/entries", "?fields=nosuch", 400),
        get("/api/v1/entries", "?filtre=http", 400),
        get("/api/v1/entries", "?limit=1&limit=2", 400),
        get("/api/v1/entries", "?snapshot=none", 404),
        get_of("/api/v1/entries/{id}", &id, "", 200),
        get_of("/api/v1/entries/{id}", "987654321", "", 404),
        get_of("/api/v1/entries/{id}", "x", "", 400),
        get_of("/api/v1/entries/{id}", &id, "?x=1", 400),
        get_of("/api/v1/entries/{id}/detail", &id, "", 200),
        get_of("/api/v1/entries/{id}/detail", "987654321", "", 404),
        get_of("/api/v1/entries/{id}/packets", &id, "?limit=2", 200),
        get_of("/api/v1/entries/{id}/packets", &id, "?limit=100000", 400),
        get_of("/api/v1/entries/{id}/packets", "987654321", "", 404),
        get_of("/api/v1/entries/{id}/pcap", &id, "?whole_connection=true", 200),
        get_of("/api/v1/entries/{id}/pcap", "987654321", "", 404),
        get_of("/api/v1/entries/{id}/pcap", &id, "?whole_connection=perhaps", 400),
        get_of("/api/v1/connections/{id}/packets", &connection, "", 200),
        get_of("/api/v1/connections/{id}/packets", "987654321", "", 404),
        get_of("/api/v1/connections/{id}/pcap", &connection, "", 200),
        get_of("/api/v1/connections/{id}/pcap", "x", "", 400),
        get_of("/api/v1/connections/{id}/stream", &connection, "?limit=5", 200),
        get_of("/api/v1/connections/{id}/stream", &connection, "?direction=up", 400),
        get_of("/api/v1/connections/{id}/stream", "987654321", "", 404),
        get_of("/api/v1/connections/{id}/bytes", &connection, "?direction=to_server", 200),
        get_of("/api/v1/connections/{id}/bytes", "987654321", "", 404),
        get("/api/v1/pcap", "?filter=http", 200),
        get("/api/v1/pcap", "?filter=http%20and", 400),
        get("/api/v1/pcap", "?filter=redact(%22src.ip%22)", 400),
        get("/api/v1/export", "", 400),
        get("/api/v1/export", "?format=xlsx", 400),
        get("/api/v1/export", "?format=pcapng&fields=id", 400),
        get("/api/v1/export", "?format=csv&filter=redact(%22src.ip%22)", 400),
        get("/api/v1/export", "?format=jsonl&order=sideways", 400),
    ];
    for format in ["jsonl", "json", "csv", "parquet", "pcapng", "har"] {
        cases.push(Case("get", "/api/v1/export", format!("/api/v1/export?format={format}&filter=http"), None, 200));
    }
    for (side, status) in [("request", 200), ("response", 200), ("both", 400)] {
        let target = format!("/api/v1/entries/{id}/body/{side}");
        cases.push(Case("get", "/api/v1/entries/{id}/body/{side}", target, None, status));
    }
    cases
}

/// The cases of routes about figures and the language.
fn of_figures() -> Vec<Case> {
    vec![
        get("/api/v1/map", "?filter=http&group=ip", 200),
        get("/api/v1/map", "?group=colour", 400),
        get("/api/v1/stats", "?by=outcome,request.headers%5B%22host%22%5D&step=1s&filter=http", 200),
        get("/api/v1/stats", "", 200),
        get("/api/v1/stats", "?by=a", 400),
        get("/api/v1/stats", "?by=src.ip,dst.ip,outcome", 400),
        get("/api/v1/stats", "?by=request.headers", 400),
        get("/api/v1/stats", "?step=soon", 400),
        get("/api/v1/stats", "?step=1ms&from=-1d", 400),
        get("/api/v1/timeline", "", 200),
        get("/api/v1/timeline", "?steps=10&filter=http", 200),
        get("/api/v1/timeline", "?step=10s&from=-1m", 200),
        get("/api/v1/timeline", "?step=10s&steps=3", 400),
        get("/api/v1/timeline", "?steps=0", 400),
        get("/api/v1/fields", "", 200),
        get("/api/v1/fields", "?protocol=http", 400),
        get("/api/v1/values", "?field=method&prefix=G", 200),
        get("/api/v1/values", "", 400),
        get("/api/v1/values", "?field=nosuch", 400),
        get("/api/v1/values", "?field=method,path", 400),
        sends("post", "/api/v1/kfl/check", json!({"filter": "a and b or c"}), 400),
        sends("post", "/api/v1/kfl/check", json!({"filter": "http and dns or redis"}), 200),
        sends("post", "/api/v1/kfl/check", json!({"query": "http"}), 400),
        sends("post", "/api/v1/kfl/check", json!([1]), 400),
        get("/api/v1/explain", "?filter=http", 200),
        get("/api/v1/explain", "?filter=(", 400),
        get("/api/v1/loss", "", 200),
        get("/api/v1/loss", "?from=-1m", 200),
        get("/api/v1/loss", "?to=later", 400),
        get("/api/v1/status", "", 200),
        get("/api/v1/status", "?verbose", 400),
        get("/api/v1/openapi.json", "", 200),
        get("/api/v1/openapi.json", "?x=1", 400),
        get("/healthz", "", 200),
        get("/metrics", "", 200),
        get("/metrics", "?x", 400),
        get("/api/v1/live", "", 426),
        get("/api/v1/live", "?subscribe=everything", 400),
        get("/login", "?next=/x", 200),
    ]
}

/// The cases of routes that change something, in the order in which they depend on each other.
fn of_control() -> Vec<Case> {
    let target = |kind: &str, value: &str| json!({"targets": [{"kind": kind, "value": value}]});
    vec![
        get("/api/v1/filters", "", 200),
        get("/api/v1/filters", "?x=1", 400),
        sends("put", "/api/v1/filters", json!({"filters": [{"name": "a", "filter": "http"}]}), 200),
        sends("put", "/api/v1/filters", json!({"filters": [{"name": "a", "filter": "htp"}]}), 400),
        sends("put", "/api/v1/filters", json!({"filters": [{"name": "", "filter": "http"}]}), 400),
        sends(
            "put",
            "/api/v1/filters",
            json!({"filters": [{"name": "a", "filter": "http"}, {"name": "a", "filter": "dns"}]}),
            400,
        ),
        get("/api/v1/capture", "", 200),
        get("/api/v1/capture", "?x=1", 400),
        get("/api/v1/capture/choices", "", 200),
        get("/api/v1/capture/choices", "?x=1", 400),
        sends("put", "/api/v1/capture", json!({"on": false, "protocols": {"dns": false}}), 200),
        sends("put", "/api/v1/capture", target("port", "80"), 200),
        sends("put", "/api/v1/capture", target("port", "99999"), 400),
        sends("put", "/api/v1/capture", target("planet", "mars"), 400),
        sends("put", "/api/v1/capture", json!({"protocols": {"htp": true}}), 400),
        sends("put", "/api/v1/capture", json!({"bpf": "no such thing"}), 400),
        sends("put", "/api/v1/capture", json!({"onn": true}), 400),
        sends("put", "/api/v1/capture", json!([true]), 400),
        get("/api/v1/snapshots", "", 200),
        get("/api/v1/snapshots", "?x=1", 400),
        sends("post", "/api/v1/snapshots", json!({"name": "first", "from": "-5m", "filter": "http"}), 201),
        sends("post", "/api/v1/snapshots", json!({"from": "whenever"}), 400),
        sends("post", "/api/v1/snapshots", json!({"filter": "htp"}), 400),
        get("/api/v1/snapshots", "", 200),
        get("/api/v1/entries", "?snapshot=s1", 200),
        get_of("/api/v1/snapshots/{id}", "s1", "", 200),
        get_of("/api/v1/snapshots/{id}", "s9", "", 404),
        get_of("/api/v1/snapshots/{id}/export", "s1", "", 200),
        get_of("/api/v1/snapshots/{id}/export", "s1", "?format=zip", 400),
        get_of("/api/v1/snapshots/{id}/export", "s9", "", 404),
        Case("delete", "/api/v1/snapshots/{id}", "/api/v1/snapshots/s1".to_owned(), None, 204),
        Case("delete", "/api/v1/snapshots/{id}", "/api/v1/snapshots/s1".to_owned(), None, 404),
        get("/api/v1/settings", "", 200),
        get("/api/v1/settings", "?x=1", 400),
        get("/api/v1/watch", "?format=xml", 400),
        get("/api/v1/watch", "?format=har&fields=path", 400),
        sends("put", "/api/v1/settings", json!({"settings": {"retention-bytes": "1GiB"}}), 200),
        sends("put", "/api/v1/settings", json!({"settings": {"retention-bytes": "2GiB"}, "is_trial": true}), 200),
        sends("put", "/api/v1/settings", json!({"settings": {"listen": "0.0.0.0:1"}}), 400),
        sends("put", "/api/v1/settings", json!({"settings": {"retention-byte": "1"}}), 400),
        get("/api/v1/demo", "", 200),
        get("/api/v1/demo", "?x=1", 400),
        sends("put", "/api/v1/demo", json!({"on": true}), 200),
        sends("put", "/api/v1/demo", json!({}), 400),
        get("/api/v1/files", "", 200),
        get("/api/v1/files", "?x=1", 400),
    ]
}

#[tokio::test]
async fn answers_are_as_documented() {
    let world = World::start().await;
    let mut document = Document::new();
    let upload = world
        .engine
        .memory
        .entries
        .iter()
        .find(|entry| entry.request.as_ref().is_some_and(|request| request.body.is_present));
    let upload = upload.expect("a request with a body");
    let cases = of_entries(upload.id, upload.connection.facts.id).into_iter().chain(of_figures()).chain(of_control());
    for case in cases {
        run(&world, &mut document, &case).await;
    }
    let file = world.request(Method::POST, "/api/v1/files?name=a.pcap").body("application/octet-stream", "abc");
    let answer = file.send().await;
    document.judge("post", "/api/v1/files", &answer);
    let file = world.request(Method::POST, "/api/v1/files").body("application/octet-stream", "abc");
    document.judge("post", "/api/v1/files", &file.send().await);
    let plain =
        world.request(Method::POST, "/api/v1/kfl/check").body("text/plain", "{\"filter\":\"http\"}").send().await;
    assert_eq!(plain.status, 415);
    document.judge("post", "/api/v1/kfl/check", &plain);
    for (target, status) in [("/login", 401), ("/logout", 303)] {
        let form = world.request(Method::POST, target).body("application/x-www-form-urlencoded", "token=x");
        let answer = form.send().await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        document.judge("post", target, &answer);
    }
    every_operation_was_judged(&document);
}

/// Each operation answered well, and refused at least once where it documents how.
fn every_operation_was_judged(document: &Document) {
    let mut missing = Vec::new();
    for (path, method) in document.operations() {
        let statuses = document.statuses(&path, &method);
        let seen = |is_wanted: &dyn Fn(&str) -> bool| {
            let wanted: Vec<&String> = statuses.iter().filter(|status| is_wanted(status)).collect();
            wanted.is_empty() || wanted.iter().any(|status| document.has_seen(&path, &method, status))
        };
        // Sockets and logins have tests of their own.
        let is_elsewhere = ["/api/v1/live", "/api/v1/watch", "/login"].contains(&path.as_str());
        if !is_elsewhere && !seen(&|status| status.starts_with('2') || status.starts_with('3')) {
            missing.push(format!("{method} {path} did not succeed"));
        }
        if !seen(&|status| matches!(status, "400" | "404" | "426")) {
            missing.push(format!("{method} {path} was not refused"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = World::start().await;
    let all = world.get("/api/v1/entries").await.json();
    let unreadable = &all["cost"]["unreadable"][0];
    assert_eq!((&unreadable["name"], &unreadable["rows"]), (&json!("1.parquet"), &json!(3)));
    let all: Vec<u64> = all["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_u64().unwrap()).collect();
    assert!(all.len() > 8);
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("/api/v1/entries?limit=3&cursor={cursor}")).await.json();
        paged.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let limited = world.get("/api/v1/entries?filter=limit(2)").await.json();
    assert_eq!(limited["entries"].as_array().unwrap().len(), 2);
    assert_eq!(limited["next"], Value::Null);
    assert_eq!(limited["loss"]["total"], 7);
}

#[tokio::test]
async fn entries_are_what_the_json_writer_prints() {
    let world = World::start().await;
    let found = world.get("/api/v1/entries?filter=path%20==%20%22/upload%22").await.json();
    let entry = &found["entries"][0];
    let one = world.get(&format!("/api/v1/entries/{}", entry["id"])).await.json();
    assert_eq!(&one, entry);
    assert_eq!(one["request"]["body_b64"], "/wAB/g==");
    assert_eq!(one["response"]["body"], "<script>alert(\"orders\");</script>");
    let detail = world.get(&format!("/api/v1/entries/{}/detail", entry["id"])).await.json();
    assert_eq!(&detail["entry"], entry);
    assert_eq!(detail["summary"], "POST /upload");
    assert_eq!(detail["request"]["body"], json!({"kept_bytes": 4, "wire_bytes": 4, "is_cut": false, "is_text": false}));
    assert_eq!(detail["response"]["first_time"].as_str().unwrap().len(), "2026-03-14T22:00:00.000000000Z".len());
    assert_eq!(detail["connection"]["client"], "10.0.0.1:40001");
    let body = world.get(&format!("/api/v1/entries/{}/body/response", entry["id"])).await;
    assert_eq!(body.text(), "<script>alert(\"orders\");</script>");
    assert_eq!(body.header("content-type"), "application/octet-stream");
    assert!(body.header("content-disposition").starts_with("attachment"));
    assert_eq!(body.header("x-content-type-options"), "nosniff");
    let none = world.get("/api/v1/entries?bodies=false&filter=path%20==%20%22/upload%22").await.json();
    let mut members = support::document::members(&none["entries"][0]);
    assert!(!members.iter().any(|name| name.contains(".body")), "{members:?}");
    members.extend(["request.body_b64".to_owned(), "response.body".to_owned()]);
    let mut whole = support::document::members(entry);
    whole.sort();
    members.sort();
    assert_eq!(members, whole, "only bodies are left out");
    let few = world.get("/api/v1/entries?fields=path,request.headers%5B%22host%22%5D&filter=http").await.json();
    assert_eq!(few["entries"][0], json!({"path": "/missing", "request": {"headers": {"host": "shop"}}}));
}

#[tokio::test]
async fn redaction_of_the_filter_holds_in_every_answer() {
    let world = World::start().await;
    let filter = "http%20and%20redact(%22request.headers%22)";
    for target in [
        format!("/api/v1/entries?filter={filter}"),
        format!("/api/v1/export?format=jsonl&filter={filter}"),
        format!("/api/v1/export?format=json&filter={filter}"),
    ] {
        let answer = world.get(&target).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("[REDACTED]"), "{}", answer.text());
        assert!(!answer.text().contains("Token abc"));
    }
    let answer = world.get(&format!("/api/v1/entries?fields=request.headers&filter={filter}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad_parameter"));
}

#[tokio::test]
async fn exports_hold_every_entry_in_order() {
    let world = World::start().await;
    let ids = |text: &str| -> Vec<u64> {
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (last, entries) = lines.split_last().unwrap();
        assert_eq!(last["error"]["code"], "unreadable", "the last line tells what the others lack");
        entries.iter().map(|entry| entry["id"].as_u64().unwrap()).collect()
    };
    let newest = ids(&world.get("/api/v1/export?format=jsonl").await.text());
    let mut oldest = ids(&world.get("/api/v1/export?format=jsonl&order=oldest").await.text());
    assert_eq!(oldest.len(), world.engine.memory.entries.len());
    oldest.reverse();
    assert_eq!(newest, oldest);
    let json = world.get("/api/v1/export?format=json&limit=4").await;
    assert_eq!(json.json().as_array().unwrap().len(), 4);
    let none = world.get("/api/v1/export?format=json&filter=redis%20and%20redis_type%20==%20%22NONE%22").await;
    assert_eq!(none.json(), json!([]));
    let csv = world.get("/api/v1/export?format=csv&fields=method,path&filter=http&order=oldest").await;
    assert_eq!(csv.text().lines().next(), Some("method,path"));
    assert_eq!(csv.text().lines().count(), 5, "the names, three calls, and what is missing");
    assert!(csv.text().lines().skip(1).take(3).all(|line| line.starts_with("GET,") || line.starts_with("POST,")));
    assert!(csv.header("content-disposition").contains("entries.csv"));
}

#[tokio::test]
async fn an_export_tells_what_it_lacks() {
    let world = World::start().await;
    let message = "1.parquet can't be read";
    for order in ["newest", "oldest"] {
        let jsonl = world.get(&format!("/api/v1/export?format=jsonl&filter=http&order={order}")).await;
        let lines: Vec<Value> = jsonl.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4, "three calls, and what is missing");
        assert_eq!(lines[3]["error"]["code"], "unreadable");
        assert!(lines[3]["error"]["message"].as_str().unwrap().starts_with(message), "{}", lines[3]);
        assert!(lines[..3].iter().all(|line| line["error"].is_null()));
    }
    let json = world.get("/api/v1/export?format=json&filter=http").await.json();
    assert_eq!((json.as_array().unwrap().len(), &json[3]["error"]["code"]), (4, &json!("unreadable")));
    let none = world.get("/api/v1/export?format=json&filter=path%20==%20%22/none%22").await.json();
    assert_eq!((none.as_array().unwrap().len(), &none[0]["error"]["code"]), (1, &json!("unreadable")));
    let csv = world.get("/api/v1/export?format=csv&fields=method,path,status_code&filter=http").await.text();
    let last = csv.lines().last().unwrap();
    assert!(last.starts_with(&format!("\"error: {message}")) && last.ends_with("\",,"), "{last}");
    assert_eq!(csv.lines().count(), 5);
    // The oldest entry lies behind what can't be read.
    let first = world.get("/api/v1/export?format=jsonl&filter=http&order=oldest&limit=1").await.text();
    assert!(first.lines().count() == 2 && first.contains("unreadable"), "{first}");
    let whole = world.get("/api/v1/export?format=jsonl&filter=dns").await.text();
    assert!(!whole.contains("unreadable"), "{whole}");
}

#[tokio::test]
async fn errors_tell_where_and_what_to_do() {
    let world = World::start().await;
    let error = world.get("/api/v1/entries?filter=http%20and%20respnse.status%20==%20200").await.json();
    assert_eq!(error["error"]["code"], "bad_filter");
    assert_eq!(error["error"]["column"], 10);
    assert!(error["error"]["hint"].as_str().unwrap().contains("response.status"), "{error}");
    let checked = world.send(Method::POST, "/api/v1/kfl/check", &json!({"filter": "http and dns or redis"})).await;
    let warning = &checked.json()["warnings"][0]["message"];
    assert!(warning.as_str().unwrap().contains("http and (dns or redis)"), "{warning}");
    let unknown = world.get("/api/v1/entries?limt=5").await.json();
    assert_eq!(unknown["error"]["hint"], "did you mean limit?");
    assert_eq!(unknown["error"]["parameter"], "limt");
    for (value, message) in [
        ("limit=abc", "\"abc\" is no number"),
        ("limit=-1", "\"-1\" is no number"),
        ("limit=", "\"\" is no number"),
        ("limit=99999999999", "\"99999999999\" is too large"),
        ("bodies=perhaps", "\"perhaps\" is neither true nor false"),
    ] {
        let answer = world.get(&format!("/api/v1/entries?{value}")).await;
        let error = answer.json();
        assert_eq!((answer.status, error["error"]["message"].as_str()), (400, Some(message)), "{value}");
        assert!(error["error"]["expected"].is_string(), "{error}");
    }
    let wrong = world.send(Method::DELETE, "/api/v1/entries", &json!({})).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(wrong.header("allow"), "GET,HEAD");
    let nowhere = world.get("/api/v2/entries").await;
    assert_eq!((nowhere.status, nowhere.code().as_str()), (404, "not_found"));
    assert_eq!(world.get("/api").await.status, 404);
}

#[tokio::test]
async fn figures_and_control_do_what_they_say() {
    let world = World::start().await;
    let stats = world.get("/api/v1/stats?by=status_code&filter=http").await.json();
    let of = |code: u64| stats["rows"].as_array().unwrap().iter().find(|row| row["by"]["status_code"] == code).unwrap();
    assert_eq!((of(503)["errors"].as_u64(), of(404)["client_errors"].as_u64()), (Some(1), Some(1)));
    let timeline = world.get("/api/v1/timeline?step=1s").await.json();
    let steps = timeline["steps"].as_array().unwrap();
    let calls: u64 = steps.iter().map(|step| step["calls"].as_u64().unwrap()).sum();
    let entries = world.engine.memory.entries.iter();
    assert_eq!(calls, entries.filter(|entry| entry.class == EntryClass::Call).count() as u64);
    let lossy: Vec<&Value> = steps.iter().filter(|step| step["loss"].is_object()).collect();
    assert_eq!(lossy.len(), 1);
    assert_eq!((&lossy[0]["time"], &lossy[0]["calls"]), (&json!("2026-03-14T22:00:02.000000000Z"), &json!(0)));
    assert_eq!(steps[0]["outcomes"]["server_error"], 1);
    assert_eq!(timeline["from"].as_str().map(|from| &from[..19]), Some("2026-03-14T22:00:00"));
    let explained = world.get("/api/v1/explain?filter=http%20%26%26%20status_code%20%3E=%20500").await.json();
    assert_eq!((&explained["clauses"][1]["left_so_far"], &explained["matched"]), (&json!(1), &json!(1)));
    let map = world.get("/api/v1/map?group=ip&filter=http").await.json();
    assert_eq!(map["edges"][0]["calls"], 3);
    assert_eq!((&map["edges"][0]["src"], &map["nodes"][0]["field"]), (&json!("ip:10.0.0.1"), &json!("ip")));
    let follow = world.get(&connection(&world, "/stream?limit=6")).await.json();
    assert_eq!(follow["chunks"][0]["text"], "GET /");
    assert_eq!(follow["chunks"][1]["kind"], "gap");
    let next = follow["next"].as_u64().unwrap();
    assert_eq!(next, 5);
    let follow = world.get(&connection(&world, &format!("/stream?limit=6&offset={next}"))).await.json();
    assert_eq!((&follow["chunks"][0]["text_b64"], &follow["next"]), (&json!("//4="), &Value::Null));
    let bytes = world.get(&connection(&world, "/bytes")).await;
    assert_eq!(&bytes.body[..], b"GET /\xff\xfebye");
    let before = world.get("/api/v1/capture").await.json();
    let after = world.send(Method::PUT, "/api/v1/capture", &json!({"protocols": {"dns": false}})).await.json();
    assert_eq!((&after["on"], &after["protocols"]["dns"]), (&json!(true), &json!(false)));
    let restored = world.send(Method::PUT, "/api/v1/capture", &before).await.json();
    assert_eq!(restored, before, "what was read can be sent back");
    let metrics = world.get("/metrics").await;
    for line in [
        "lanternfish_packets_total 20",
        "lanternfish_packet_fates_total{fate=\"dissected\"} 13",
        "lanternfish_lost_total{stage=\"capture\",cause=\"kernel drop\",unit=\"packets\"} 7",
        "lanternfish_entries_total{protocol=\"http\"} 1",
        "lanternfish_errors_total{protocol=\"http\",outcome=\"error\"} 1",
        "# EOF",
    ] {
        assert!(metrics.text().lines().any(|known| known == line), "{line} is missing:\n{}", metrics.text());
    }
}

fn connection(world: &World, rest: &str) -> String {
    format!("/api/v1/connections/{}{rest}", world.engine.memory.entries[0].connection.facts.id)
}
