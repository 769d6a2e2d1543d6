//! Clients that are too slow, too large or too many are cut off and counted; those that go away stop what they asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use lanternfish_api::Access;
use lanternfish_api::limits;
use support::client::{PATIENCE, World};
use support::engine::TestEngine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what} did not come about"));
}

async fn clients(world: &World, name: &str) -> u64 {
    world.get("/api/v1/status").await.json()["clients"][name].as_u64().unwrap()
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let engine = TestEngine::new();
    engine.state.lock().unwrap().endless_pcap = true;
    let stall_time = Duration::from_millis(300);
    let world = World::with(engine, Access::default(), |server| server.with_stall_time(stall_time)).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /api/v1/pcap HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    until("the end of the stream", async || world.engine.state.lock().unwrap().is_stream_dropped).await;
    assert_eq!(clients(&world, "cut_off_slow").await, 1);
    drop(stream);
}

#[tokio::test]
async fn a_client_that_reads_is_not_cut_off() {
    let engine = TestEngine::new();
    engine.state.lock().unwrap().endless_pcap = true;
    let stall_time = Duration::from_secs(1);
    let world = World::with(engine, Access::default(), |server| server.with_stall_time(stall_time)).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /api/v1/pcap HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // The kernel takes new bytes only when a good part of its buffer is free again.
    let mut buffer = vec![0; 512 << 10];
    for _ in 0..120 {
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(clients(&world, "cut_off_slow").await, 0);
    drop(stream);
    until("the end of the stream", async || world.engine.state.lock().unwrap().is_stream_dropped).await;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off_and_an_idle_connection_is_closed() {
    let stall_time = Duration::from_millis(300);
    let world = World::with(TestEngine::new(), Access::default(), |server| server.with_stall_time(stall_time)).await;
    let mut idle = TcpStream::connect(world.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut silent = TcpStream::connect(world.address).await.unwrap();
    let mut slow = TcpStream::connect(world.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
    for stream in [&mut idle, &mut silent, &mut slow] {
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "it is closed");
    }
    assert_eq!(clients(&world, "cut_off_slow").await, 1);
}

#[tokio::test]
async fn a_query_stops_when_its_client_goes() {
    let engine = TestEngine::with_delay(Duration::from_secs(3600));
    let world = World::with(engine, Access::default(), |server| server).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /api/v1/entries HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let begun = || world.engine.memory.begun.load(Ordering::SeqCst);
    until("the query", async || begun() == 1).await;
    assert_eq!(clients(&world, "connections").await, 2);
    drop(stream);
    until("the end of the connection", async || clients(&world, "connections").await == 1).await;
    assert_eq!(world.engine.memory.ended.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn queries_wait_for_their_turn() {
    let engine = TestEngine::with_delay(Duration::from_millis(200));
    let world = World::with(engine, Access::default(), |server| server).await;
    let asks: Vec<_> = (0..limits::MAX_QUERIES * 2).map(|_| world.get("/api/v1/entries")).collect();
    let all = futures::future::join_all(asks);
    tokio::pin!(all);
    let mut most = 0;
    let answers = loop {
        tokio::select! {
            answers = &mut all => break answers,
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                let memory = &world.engine.memory;
                most = most.max(memory.begun.load(Ordering::SeqCst) - memory.ended.load(Ordering::SeqCst));
            }
        }
    };
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!((2..=limits::MAX_QUERIES).contains(&most), "{most}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_counted() {
    let world = World::with(TestEngine::new(), Access::default(), |server| server.with_upload_bytes(1000)).await;
    let json = format!("{{\"filter\":\"{}\"}}", "x".repeat(limits::MAX_BODY_BYTES));
    let large = world.request(Method::POST, "/api/v1/kfl/check").body("application/json", json).send().await;
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
    let long = world.get(&format!("/api/v1/entries?filter={}", "x".repeat(limits::MAX_URI_BYTES))).await;
    assert_eq!((long.status, long.code().as_str()), (414, "too_large"));
    let upload = |bytes: usize| {
        let ask = world.request(Method::POST, "/api/v1/files?name=a.pcap");
        ask.body("application/octet-stream", vec![0; bytes]).send()
    };
    assert_eq!(upload(1000).await.status, 201);
    let refused = upload(1001).await;
    assert_eq!((refused.status, refused.code().as_str()), (413, "too_large"));
    let mut chunked = TcpStream::connect(world.address).await.unwrap();
    let head = "POST /api/v1/files?name=b.pcap HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    chunked.write_all(format!("{head}7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000)).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    chunked.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(clients(&world, "cut_off_large").await, 4);
    assert_eq!(world.engine.state.lock().unwrap().uploads, [("a.pcap".to_owned(), 1000)]);
}

#[tokio::test]
async fn too_many_connections_are_refused() {
    let world = World::start().await;
    let mut open = Vec::new();
    for _ in 0..limits::MAX_CONNECTIONS {
        open.push(TcpStream::connect(world.address).await.unwrap());
    }
    let mut more = TcpStream::connect(world.address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, more.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "it is closed at once");
    drop(open);
    until("room", async || {
        let Ok(stream) = TcpStream::connect(world.address).await else { return false };
        let mut stream = stream;
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        matches!(stream.read(&mut [0; 12]).await, Ok(12))
    })
    .await;
    assert!(clients(&world, "refused").await >= 1);
}

#[tokio::test]
async fn hostile_requests_do_no_harm() {
    let world = World::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /api/v1/entries HTTP/1.1\r\nhost: localhost\r\nhost: evil.example.org\r\n\r\n",
        b"GET http://evil.example.org/api/v1/entries HTTP/1.1\r\nhost: evil.example.org\r\n\r\n",
        b"POST /api/v1/kfl/check HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    for target in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fCargo.toml",
        "/.env",
        "/.gitkeep",
        "/index.html.gz",
    ] {
        let answer = world.get(target).await;
        assert!(!answer.text().contains("root:") && !answer.text().contains("[package]"), "{target}");
    }
    let nested = format!("/api/v1/entries?filter={}", "(".repeat(30_000));
    assert_eq!(world.get(&nested).await.status, 400);
    assert_eq!(world.get("/api/v1/status").await.status, 200);
}
