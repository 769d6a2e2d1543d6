//! The WebSocket: what a client hears, what it may say, and what becomes of one that reads slowly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use lanternfish_api::Publisher;
use lanternfish_model::Cause;
use serde_json::{Value, json};
use support::client::{PATIENCE, World};
use support::document::Document;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A client that reads JSON.
struct Listener(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Listener {
    async fn connect(world: &World, query: &str) -> Listener {
        let url = format!("ws://{}/api/v1/live{query}", world.address);
        Listener(connect_async(url).await.unwrap().0)
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message with a member of this name; others are checked and left.
    async fn hear(&mut self, member: &str) -> Value {
        let found = async {
            loop {
                match self.0.next().await.expect("the server goes on").unwrap() {
                    Message::Text(text) => {
                        let value: Value = serde_json::from_str(&text).unwrap();
                        if value.get(member).is_some() {
                            return value;
                        }
                    }
                    Message::Ping(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {member} came"))
    }

    /// Entries until there are so many.
    async fn entries(&mut self, count: usize) -> Vec<Value> {
        let mut entries = Vec::new();
        while entries.len() < count {
            let message = self.hear("entries").await;
            entries.extend(message["entries"].as_array().unwrap().iter().cloned());
        }
        entries
    }
}

/// Publishes all entries, once the subscription is there.
async fn publish(world: &World, publisher: &mut Publisher) {
    for _ in 0..200 {
        if publisher.has_listeners() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for entry in &world.engine.memory.entries {
        publisher.publish(entry);
    }
}

fn ids(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["id"].as_u64().unwrap()).collect()
}

/// The text of what is watched, until something stands in it.
async fn watched(stream: &mut TcpStream, until: &str) -> String {
    let (mut heard, mut text) = (Vec::new(), String::new());
    let found = async {
        while !text.contains(until) {
            let mut part = [0; 4096];
            let length = stream.read(&mut part).await.unwrap();
            assert!(length > 0, "it ended: {}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&part[..length]);
            let lines = heard.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"text\""));
            let parts = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
            text = parts.map(|part| part["text"].as_str().unwrap().to_owned()).collect();
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {until} came"));
    text
}

#[tokio::test]
async fn what_is_watched_comes_as_text() {
    let world = World::start().await;
    let mut publisher = world.engine.live.publisher();
    let watch = async |query: &str| {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let request = format!("GET /api/v1/watch?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    };
    let mut csv = watch("format=csv&fields=id,protocol&filter=http").await;
    let mut json = watch("format=json&fields=protocol&filter=dns").await;
    let mut table = watch("format=table&width=60&filter=http").await;
    for _ in 0..200 {
        if world.get("/api/v1/status").await.json()["clients"]["subscribers"] == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    publish(&world, &mut publisher).await;
    let http: Vec<String> = world.get("/api/v1/entries?filter=http&fields=id").await.json()["entries"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|entry| format!("{},http\n", entry["id"]))
        .collect();
    assert_eq!(watched(&mut csv, http.last().unwrap()).await, http.concat());
    assert_eq!(watched(&mut json, "}").await.trim_start_matches([',', '\n']), "{\"protocol\":\"dns\"}");
    let lines = watched(&mut table, "\n").await;
    assert!(lines.lines().all(|line| line.chars().count() <= 60), "{lines}");
    let mut limited = watch("format=csv&fields=protocol&filter=http%20%26%26%20limit(1)").await;
    for _ in 0..200 {
        if world.get("/api/v1/status").await.json()["clients"]["subscribers"] == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    publish(&world, &mut publisher).await;
    let (mut heard, mut part) = (Vec::new(), [0; 4096]);
    let to_the_end = async {
        // The last chunk of HTTP/1.1 ends the answer; the connection stays.
        while !heard.ends_with(b"0\r\n\r\n") {
            let length = limited.read(&mut part).await.unwrap();
            assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&part[..length]);
        }
    };
    tokio::time::timeout(PATIENCE, to_the_end).await.expect("it ends at its limit");
    let heard = String::from_utf8(heard).unwrap();
    assert_eq!(heard.matches("http\\n").count(), 1, "{heard}");
    assert!(heard.contains("\"is_last\":true"), "{heard}");
    drop((csv, json, table, limited));
    publish(&world, &mut publisher).await;
    for _ in 0..200 {
        publish(&world, &mut publisher).await;
        if !publisher.has_listeners() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("subscriptions end with their readers");
}

#[tokio::test]
async fn entries_come_as_they_are_made() {
    let world = World::start().await;
    let mut publisher = world.engine.live.publisher();
    assert!(!publisher.has_listeners());
    let mut all = Listener::connect(&world, "").await;
    let mut some = Listener::connect(&world, "?filter=http&bodies=false").await;
    let mut few = Listener::connect(&world, "?filter=dns&fields=id,protocol").await;
    for _ in 0..200 {
        if world.get("/api/v1/status").await.json()["clients"]["subscribers"] == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    publish(&world, &mut publisher).await;
    let heard = all.entries(world.engine.memory.entries.len()).await;
    let expected: Vec<u64> = world.engine.memory.entries.iter().map(|entry| entry.id).collect();
    assert_eq!(ids(&heard), expected);
    let stored = world.get("/api/v1/entries").await.json();
    let mut stored: Vec<Value> = stored["entries"].as_array().unwrap().clone();
    stored.reverse();
    assert_eq!(heard, stored, "live and stored entries are the same JSON");
    let http = some.entries(3).await;
    assert!(http.iter().all(|entry| entry["protocol"] == "http" && entry["request"].get("body_b64").is_none()));
    let dns = few.entries(1).await;
    assert_eq!(dns[0]["protocol"], "dns");
    assert_eq!(dns[0].as_object().unwrap().len(), 2);
    drop((all, some, few));
    for _ in 0..200 {
        if !publisher.has_listeners() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("subscriptions end with their sockets");
}

#[tokio::test]
async fn a_client_changes_what_it_hears() {
    let world = World::start().await;
    let document = Document::new();
    let mut publisher = world.engine.live.publisher();
    let mut client = Listener::connect(&world, "?filter=dns").await;
    publish(&world, &mut publisher).await;
    assert_eq!(client.entries(1).await[0]["protocol"], "dns");
    client.say(&json!({"filter": "redis"})).await;
    let first = client.hear("filter").await;
    assert_eq!(first, json!({"entries": [], "dropped": 0, "filter": "redis"}));
    document.check_named("LiveMessage", &first);
    publish(&world, &mut publisher).await;
    assert!(client.entries(2).await.iter().all(|entry| entry["protocol"] == "redis"));
    client.say(&json!({"filter": "redis and respnse"})).await;
    let error = client.hear("error").await;
    assert_eq!((&error["error"]["code"], &error["error"]["column"]), (&json!("bad_filter"), &json!(11)));
    document.check_named("LiveMessage", &error);
    publish(&world, &mut publisher).await;
    assert_eq!(client.entries(2).await.len(), 2, "the filter before still holds");
    for (change, code) in [
        (json!({"filtre": "http"}), "bad_body"),
        (json!({"pause": "yes"}), "bad_body"),
        (json!([]), "bad_body"),
        (json!({"subscribe": ["everything"]}), "bad_body"),
        (json!({"group": "colour"}), "bad_parameter"),
        (json!({"last": "soon"}), "bad_parameter"),
        (json!({"max_rate": 0}), "bad_parameter"),
    ] {
        client.say(&change).await;
        assert_eq!(client.hear("error").await["error"]["code"], code, "{change}");
    }
    client.0.send(Message::text("not json")).await.unwrap();
    assert_eq!(client.hear("error").await["error"]["code"], "bad_body");
    client.say(&json!({"subscribe": ["map", "stats"], "group": "ip", "last": "1h"})).await;
    let map = client.hear("map").await;
    document.check_named("LiveMessage", &map);
    assert_eq!(map["map"]["edges"][0]["protocol"], "redis");
    let stats = client.hear("stats").await;
    document.check_named("LiveMessage", &stats);
    assert!(!stats["stats"]["rows"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_pause_is_told_by_a_count() {
    let world = World::start().await;
    let mut publisher = world.engine.live.publisher();
    let mut client = Listener::connect(&world, "?filter=http").await;
    publish(&world, &mut publisher).await;
    client.entries(3).await;
    client.say(&json!({"pause": true})).await;
    client.say(&json!({"max_rate": 0})).await;
    client.hear("error").await;
    publish(&world, &mut publisher).await;
    client.say(&json!({"pause": false})).await;
    let after = client.hear("entries").await;
    assert_eq!(after, json!({"entries": [], "dropped": 3}));
    publish(&world, &mut publisher).await;
    assert_eq!(client.entries(3).await.len(), 3);
}

#[tokio::test]
async fn a_filter_that_can_not_be_used_is_told_over_the_socket() {
    let world = World::start().await;
    let mut publisher = world.engine.live.publisher();
    let mut client = Listener::connect(&world, "?filter=htp").await;
    let error = client.hear("error").await;
    assert_eq!(
        (&error["error"]["code"], &error["error"]["hint"]),
        (&json!("bad_filter"), &json!("did you mean http?"))
    );
    assert!(!publisher.has_listeners());
    client.say(&json!({"filter": "http"})).await;
    client.hear("filter").await;
    publish(&world, &mut publisher).await;
    client.entries(3).await;
}

#[tokio::test]
async fn losses_are_told_when_they_change() {
    let world = World::start().await;
    let mut client = Listener::connect(&world, "").await;
    assert_eq!(client.hear("loss").await["loss"]["total"], 7);
    world.engine.state.lock().unwrap().loss.add(Cause::KernelDrop, 5);
    let loss = client.hear("loss").await;
    assert_eq!(loss["loss"]["total"], 12);
    Document::new().check_named("LiveMessage", &loss);
}

#[tokio::test]
async fn a_slow_client_loses_entries_and_is_told_how_many() {
    let world = World::start().await;
    let mut publisher = world.engine.live.publisher();
    let mut client = Listener::connect(&world, "?filter=http").await;
    let rounds = 20_000;
    publish(&world, &mut publisher).await;
    for round in 1..rounds {
        publish(&world, &mut publisher).await;
        if round % 500 == 0 {
            // The server has its turn; the client reads nothing.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let (mut entries, mut dropped) = (0, 0);
    while entries + dropped < rounds * 3 {
        let message = client.hear("entries").await;
        entries += message["entries"].as_array().unwrap().len();
        dropped += message["dropped"].as_u64().unwrap() as usize;
    }
    assert_eq!(entries + dropped, rounds * 3, "each is sent or counted, none twice");
    assert!(dropped > 0 && entries > 0, "{entries} {dropped}");
    let status = world.get("/api/v1/status").await.json();
    assert_eq!(status["clients"]["dropped_entries"], dropped);
}

#[tokio::test]
async fn a_rate_bounds_what_is_sent() {
    let world = World::start().await;
    let mut publisher = world.engine.live.publisher();
    let mut client = Listener::connect(&world, "?filter=http&max_rate=10").await;
    for _ in 0..100 {
        publish(&world, &mut publisher).await;
    }
    let message = client.hear("entries").await;
    assert_eq!(message["entries"].as_array().unwrap().len(), 10);
    assert_eq!(message["dropped"], 290);
}

#[tokio::test]
async fn other_origins_and_hosts_get_no_socket() {
    let world = World::start().await;
    let url = format!("ws://{}/api/v1/live", world.address);
    for (header, value, is_served) in [
        ("origin", format!("http://{}", world.address), true),
        ("origin", "http://evil.example.org".to_owned(), false),
        ("origin", "null".to_owned(), false),
        ("host", "evil.example.org".to_owned(), false),
        ("sec-fetch-site", "cross-site".to_owned(), false),
    ] {
        let mut request = url.clone().into_client_request().unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        match connect_async(request).await {
            Ok(_) => assert!(is_served, "{header}: {value}"),
            Err(Error::Http(answer)) => {
                assert!(!is_served, "{header}: {value}");
                assert_eq!(answer.status().as_u16(), 403);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_is_too_much_ends_the_socket() {
    let world = World::start().await;
    let mut client = Listener::connect(&world, "").await;
    let large = json!({"filter": "x".repeat(lanternfish_api::limits::MAX_LIVE_MESSAGE_BYTES)});
    client.say(&large).await;
    assert!(ended(&mut client).await);
    let mut client = Listener::connect(&world, "").await;
    for _ in 0..=lanternfish_api::limits::MAX_LIVE_CHANGES {
        let _ = client.0.send(Message::text("{}")).await;
    }
    assert!(ended(&mut client).await);
    let mut client = Listener::connect(&world, "").await;
    client.0.send(Message::binary(vec![1, 2])).await.unwrap();
    assert!(ended(&mut client).await);
}

#[tokio::test]
async fn sockets_end_when_the_server_stops() {
    let mut world = World::start().await;
    let mut client = Listener::connect(&world, "").await;
    client.hear("loss").await;
    world.stop();
    loop {
        match tokio::time::timeout(PATIENCE, client.0.next()).await.unwrap().unwrap().unwrap() {
            Message::Close(Some(frame)) => {
                assert_eq!(frame.reason.as_str(), "the server stops");
                return;
            }
            Message::Close(None) => panic!("no reason is given"),
            _ => {}
        }
    }
}

async fn ended(client: &mut Listener) -> bool {
    let end = async {
        while let Some(Ok(message)) = client.0.next().await {
            if matches!(message, Message::Close(_)) {
                return true;
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, end).await.unwrap_or(false)
}
