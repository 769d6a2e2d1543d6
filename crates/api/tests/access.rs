//! Who is served: hosts, origins, users of this machine, tokens, sessions, rights; and TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::sync::Arc;

use axum::http::Method;
use lanternfish_api::{Access, Peer, Rights, Server, Token, TokenHash, new_token};
use serde_json::json;
use support::client::{Ask, World};
use support::engine::{Shared, TestEngine};

const STRANGER: Peer = Peer { uid: Some(1001), is_trusted: false };

async fn world(peer: Peer, tokens: Vec<Token>) -> World {
    let engine = TestEngine::new();
    engine.state.lock().unwrap().peer = peer;
    World::with(engine, Access::new(vec!["lantern.example.org".to_owned()], tokens), |server| server).await
}

fn token(rights: Rights) -> (String, Token) {
    let text = new_token().unwrap();
    let hash = TokenHash::of(&text);
    (text, Token { hash, rights })
}

fn with_token(ask: Ask, token: &str) -> Ask {
    ask.header("authorization", &format!("Bearer {token}"))
}

#[tokio::test]
async fn only_known_hosts_are_answered() {
    let world =
        World::with(TestEngine::new(), Access::new(vec!["lantern.example.org".to_owned()], Vec::new()), |server| {
            server
        })
        .await;
    for (host, status) in [
        ("localhost", 200),
        ("localhost:1", 200),
        ("127.0.0.1:9", 200),
        ("[::1]:8899", 200),
        ("lantern.example.org", 200),
        ("evil.example.org", 403),
        ("localhost.evil.example.org:8899", 403),
        ("10.9.8.7", 403),
        ("", 403),
    ] {
        for target in ["/api/v1/status", "/", "/metrics", "/login"] {
            let answer = world.request(Method::GET, target).header("host", host).send().await;
            assert_eq!(answer.status, status, "{host} {target}");
            if status == 403 {
                assert_eq!(answer.code(), "host_not_allowed");
                assert!(!answer.text().contains("--host"), "there is no such flag");
            }
        }
        // A probe calls by any name; the answer holds nothing.
        assert_eq!(world.request(Method::GET, "/healthz").header("host", host).send().await.status, 200);
    }
    assert_eq!(world.request(Method::GET, "/api/v1/status").without("host").send().await.status, 403);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let world = World::start().await;
    let here = format!("http://{}", world.address);
    let change = |origin: Option<&str>| {
        let ask = world.request(Method::PUT, "/api/v1/demo").json(&json!({"on": true}));
        match origin {
            Some(origin) => ask.header("origin", origin),
            None => ask,
        }
    };
    assert_eq!(change(None).send().await.status, 200, "programs send no origin");
    assert_eq!(change(Some(&here)).send().await.status, 200);
    for origin in ["http://evil.example.org", "null", "http://localhost:1", "https://127.0.0.1", "file://", ""] {
        let answer = change(Some(origin)).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "origin_not_allowed"), "{origin}");
        let read = world.request(Method::GET, "/api/v1/entries").header("origin", origin).send().await;
        assert_eq!(read.status, 403, "{origin}");
        assert_eq!(read.header("access-control-allow-origin"), "");
    }
    assert_eq!(change(None).header("sec-fetch-site", "cross-site").send().await.status, 403);
    assert_eq!(change(None).header("sec-fetch-site", "same-site").send().await.status, 403);
    assert_eq!(change(Some(&here)).header("sec-fetch-site", "same-origin").send().await.status, 200);
    let preflight = world.request(Method::OPTIONS, "/api/v1/demo").header("origin", &here).send().await;
    assert_eq!(preflight.status, 405);
    assert_eq!(preflight.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn other_users_of_this_machine_need_a_token() {
    let closed = world(STRANGER, Vec::new()).await;
    for target in ["/api/v1/entries", "/api/v1/status", "/metrics", "/", "/api/v1/openapi.json"] {
        let answer = closed.get(target).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{target}");
        assert!(answer.text().contains("user 1001"), "{}", answer.text());
    }
    assert_eq!(closed.get("/healthz").await.status, 200);
    let unknown = world(Peer::default(), Vec::new()).await;
    assert_eq!(unknown.get("/api/v1/entries").await.status, 403, "a user who can't be found out is not trusted");
    let (text, hash) = token(Rights::ALL);
    let open = world(STRANGER, vec![hash]).await;
    let refused = open.get("/api/v1/entries").await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "token_required"));
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let served = with_token(open.request(Method::GET, "/api/v1/status"), &text).send().await;
    assert_eq!(served.status, 200);
    assert_eq!(served.json()["viewer"], json!({"by": "token", "uid": 1001, "rights": ["read", "raw", "control"]}));
    let trusted = World::start().await;
    let viewer = trusted.get("/api/v1/status").await.json()["viewer"].clone();
    assert_eq!(viewer, json!({"by": "local user", "uid": 0, "rights": ["read", "raw", "control"]}));
}

#[tokio::test]
async fn wrong_tokens_are_refused_and_then_barred() {
    let (text, hash) = token(Rights::ALL);
    let world = world(STRANGER, vec![hash]).await;
    let ask = |token: &str| with_token(world.request(Method::GET, "/api/v1/status"), token);
    for wrong in ["", "x", &text[1..], &format!("{text}0")] {
        let answer = ask(wrong).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "token_wrong"), "{wrong}");
    }
    assert_eq!(ask(&text).send().await.status, 200);
    for _ in 4..lanternfish_api::limits::MAX_WRONG_TOKENS {
        assert_eq!(ask("wrong").send().await.status, 401);
    }
    let barred = ask(&text).send().await;
    assert_eq!((barred.status, barred.code().as_str()), (429, "too_many_attempts"));
}

#[tokio::test]
async fn rights_are_kept() {
    let (reader, reads) = token(Rights::READ);
    let (raw, sees) = token(Rights { raw: true, control: false });
    let (all, may) = token(Rights::ALL);
    let world = world(STRANGER, vec![reads, sees, may]).await;
    let id = world.engine.memory.entries[0].id;
    let connection = world.engine.memory.entries[0].connection.facts.id;
    let ask = |method: Method, target: &str, token: &str| with_token(world.request(method, target), token);
    for target in [
        format!("/api/v1/entries/{id}/packets"),
        format!("/api/v1/entries/{id}/pcap"),
        format!("/api/v1/connections/{connection}/packets"),
        format!("/api/v1/connections/{connection}/pcap"),
        format!("/api/v1/connections/{connection}/stream"),
        format!("/api/v1/connections/{connection}/bytes"),
        "/api/v1/pcap".to_owned(),
        "/api/v1/export?format=pcapng".to_owned(),
    ] {
        let answer = ask(Method::GET, &target, &reader).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "right_missing"), "{target}");
        assert_eq!(ask(Method::GET, &target, &raw).send().await.status, 200, "{target}");
    }
    for (method, target) in [
        (Method::PUT, "/api/v1/capture"),
        (Method::PUT, "/api/v1/filters"),
        (Method::PUT, "/api/v1/settings"),
        (Method::PUT, "/api/v1/demo"),
        (Method::POST, "/api/v1/snapshots"),
        (Method::DELETE, "/api/v1/snapshots/s1"),
        (Method::POST, "/api/v1/files?name=x"),
    ] {
        let answer = ask(method, target, &raw).json(&json!({})).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "right_missing"), "{target}");
    }
    assert_eq!(ask(Method::GET, &format!("/api/v1/entries/{id}"), &reader).send().await.status, 200);
    for (is_trial, value) in [(true, "3GiB"), (false, "2GiB")] {
        let change = json!({"settings": {"retention-bytes": value}, "is_trial": is_trial});
        assert_eq!(ask(Method::PUT, "/api/v1/settings", &all).json(&change).send().await.status, 200);
    }
    let audit = world.engine.state.lock().unwrap().audit.clone();
    assert!(audit.contains(&format!("token /api/v1/entries/{id} ")), "{audit:?}");
    assert!(audit.contains(&"token /api/v1/pcap ".to_owned()), "{audit:?}");
    let changed: Vec<&String> = audit.iter().filter(|line| line.contains("settings")).collect();
    assert_eq!(changed, ["token /api/v1/settings retention-bytes=2GiB"]);
}

#[tokio::test]
async fn browsers_log_in_by_a_form() {
    let (text, hash) = token(Rights::ALL);
    let world = world(STRANGER, vec![hash]).await;
    let page = world.request(Method::GET, "/stream?filter=a%26b").header("accept", "text/html,*/*").send().await;
    assert_eq!((page.status, page.header("location")), (303, "/login?next=%2Fstream%3Ffilter%3Da%2526b"));
    let form = world.get(page.header("location")).await;
    assert_eq!(form.status, 200);
    assert!(form.text().contains("value=\"/stream?filter=a%26b\""), "{}", form.text());
    let policy = form.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'sha256-"), "{policy}");
    let escaped = world.get("/login?next=/%22%3E%3Cscript%3E").await;
    assert!(!escaped.text().contains("<script>"), "{}", escaped.text());
    let login = |body: String| world.request(Method::POST, "/login").body("application/x-www-form-urlencoded", body);
    let wrong = login("token=wrong&next=/".to_owned()).send().await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("not a token"), "{}", wrong.text());
    let right = login(format!("token={text}&next=%2Fstream%3Ffilter%3Da%2526b")).send().await;
    assert_eq!((right.status, right.header("location")), (303, "/stream?filter=a%26b"));
    let cookie = right.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let with_cookie = |method: Method, target: &str| world.request(method, target).header("cookie", pair);
    let status = with_cookie(Method::GET, "/api/v1/status").send().await;
    assert_eq!(status.json()["viewer"]["by"], "session");
    assert_eq!(with_cookie(Method::GET, "/").send().await.status, 200);
    let elsewhere = login(format!("token={text}&next=//evil.example.org")).send().await;
    assert_eq!(elsewhere.header("location"), "/");
    let out = with_cookie(Method::POST, "/logout").send().await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(with_cookie(Method::GET, "/api/v1/status").send().await.status, 401);
}

#[tokio::test]
async fn every_answer_carries_the_headers_of_safety() {
    let world = World::start().await;
    for target in ["/", "/stream", "/api/v1/entries", "/api/v1/none", "/nowhere.js", "/login", "/healthz"] {
        let answer = world.get(target).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{target}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("http"), "nothing is loaded from elsewhere: {policy}");
    }
    assert_eq!(world.get("/api/v1/entries").await.header("cache-control"), "no-store");
    assert_eq!(world.get("/nowhere.js").await.status, 404);
    let page = world.get("/stream?filter=http").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn tls_is_spoken() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    assert!(lanternfish_api::tls_config(&key, &key).is_err());
    assert!(lanternfish_api::tls_config(&certificate, &certificate).is_err());
    assert!(lanternfish_api::tls_config(&folder.path().join("none"), &key).is_err());
    let tls = lanternfish_api::tls_config(&certificate, &key).unwrap();
    let engine = Arc::new(TestEngine::new());
    let server = Server::new(Arc::new(Shared(Arc::clone(&engine))), Access::default(), Some(tls));
    let world = World::run(engine, server).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
