//! A small field table and entries of it, for tests and benchmarks.

#![allow(missing_docs, dead_code, clippy::unwrap_used)]

use std::net::IpAddr;
use std::sync::Arc;

use lanternfish_model::{
    Capture, ConnectionContext, ConnectionFacts, Direction, Endpoint, Entry, EntryClass, FieldTable, Identity,
    LocalSide, Message, Outcome, PacketRef, Party, ProtocolIndex, ProtocolSpec, ResolutionStatus, Role, Scope,
    Timestamp, Transport, Values, Word, WordClass, fields,
};

fields! {
    METHOD = text("method").summary().doc("The method.").example("GET");
    URL = text("url").summary().doc("The URL.").example("/cart?id=1");
    PATH = text("path").alias(&["request.path"]).doc("The path.").example("/cart");
    VERSION = text("http_version").doc("The version.").example("1.1");
    QUERY = map("query_string").doc("The query.").example("id: 1");
    REQUEST_HEADERS = map("request.headers").caseless().doc("The headers.").example("host: example.org");
    RESPONSE_HEADERS = map("response.headers").caseless().doc("The headers.").example("server: nginx");
    REQUEST_COOKIES = map("request.cookies").doc("The cookies.").example("a: b");
    QUESTIONS = list("questions").doc("The questions.").example("example.org");
    PAYLOAD = bytes("payload").doc("The payload.").example("abc");
    IS_ODD = bool("is_odd").doc("Whether it is odd.").example("true");
    RATIO = double("ratio").doc("The ratio.").example("0.5");
    SEEN_AT = time("seen_at").doc("The time.").example("2026-03-14T22:00:00Z");
    PEER = text("peer.ip").doc("The peer.").example("10.0.0.1");
    PEER_NAME = text("peer.ip.name").doc("A name below a name that has a value.").example("a");
    REQUEST_HEADERS_SIZE = int("request_headers_size").doc("Bytes.").example("1");
    REQUEST_BODY_SIZE = int("request_body_size").doc("Bytes.").example("1");
    RESPONSE_HEADERS_SIZE = int("response_headers_size").doc("Bytes.").example("1");
    RESPONSE_BODY_SIZE = int("response_body_size").doc("Bytes.").example("1");
}

pub static HTTP: ProtocolSpec = ProtocolSpec {
    name: "http",
    title: "HTTP",
    doc: "",
    references: &[],
    words: &[Word { name: "http", class: WordClass::Any }],
    fields: FIELDS,
    pending: "",
};

pub const PROTOCOL: ProtocolIndex = ProtocolIndex(0);

pub fn table() -> FieldTable {
    FieldTable::join(&[&HTTP]).unwrap()
}

pub fn endpoint(ip: &str, port: u16) -> Endpoint {
    Endpoint::new(ip.parse::<IpAddr>().unwrap(), port)
}

pub fn message(role: Role) -> Message {
    let direction = if role == Role::Response { Direction::ToClient } else { Direction::ToServer };
    Message::new(PROTOCOL, role, direction, PacketRef { time: TIME, number: 1 })
}

pub const TIME: Timestamp = Timestamp::from_ns(1_773_525_600_000_123_456);

/// An entry with nothing but its addresses.
pub fn bare() -> Entry {
    let (client, server) = (endpoint("10.0.0.7", 50123), endpoint("10.0.0.9", 80));
    let facts = ConnectionFacts {
        id: 26,
        transport: Transport::Tcp,
        client,
        server,
        scope: Scope(0),
        first: PacketRef { time: TIME, number: 26 },
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    };
    let mut values = Values::default();
    values.text(lanternfish_model::fields::STREAM, b"1a");
    let connection = ConnectionContext {
        facts,
        flow_id: 4611,
        local: LocalSide::Client,
        capture: Capture::File,
        has_pcap: true,
        node_name: Arc::from(""),
        values,
    };
    Entry {
        id: 65537,
        protocol: PROTOCOL,
        class: EntryClass::Call,
        connection: Arc::new(connection),
        src: Party::new(client),
        dst: Party::new(server),
        index: 0,
        timestamp: TIME,
        elapsed_ns: Some(1_532_999),
        first_byte_ns: None,
        outcome: Outcome::Ok,
        request: None,
        response: None,
        notes: lanternfish_model::Notes::default(),
        extra: Values::default(),
    }
}

/// A call with eight headers on each side and a body of 500 bytes.
pub fn call() -> Entry {
    let mut entry = bare();
    entry.first_byte_ns = Some(1_204_000);
    let identity = Identity {
        status: ResolutionStatus::Resolved,
        process_name: "curl".into(),
        executable: "/usr/bin/curl".into(),
        pid: 4711,
        user: "www-data".into(),
        ..Identity::default()
    };
    entry.src.identity = Some(Arc::new(identity));
    entry.dst.dns = Some(Arc::from("shop.example.org"));
    let mut request = message(Role::Request);
    request.values.text(METHOD, b"GET");
    request.values.text(URL, b"/cart/items?id=17&sort=price");
    request.values.text(PATH, b"/cart/items");
    request.values.name(VERSION, "1.1");
    let mut query = request.values.map(QUERY);
    query.push(b"id", b"17");
    query.push(b"sort", b"price");
    query.finish();
    let mut headers = request.values.map(REQUEST_HEADERS);
    for (name, value) in [
        ("host", "shop.example.org"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br"),
        ("connection", "keep-alive"),
        ("authorization", "Token 3f9a1c0de5aa"),
        ("x-request-id", "9f1c7a3e-5b1d-4a4f-8a51-2f7d2a6b9c11"),
    ] {
        headers.push(name.as_bytes(), value.as_bytes());
    }
    headers.finish();
    request.values.int(REQUEST_HEADERS_SIZE, 431);
    request.values.int(REQUEST_BODY_SIZE, 0);
    let mut response = message(Role::Response);
    response.status_code = Some(200);
    let mut headers = response.values.map(RESPONSE_HEADERS);
    for (name, value) in [
        ("server", "nginx/1.22.1"),
        ("date", "Sat, 14 Mar 2026 22:00:00 GMT"),
        ("content-type", "application/json"),
        ("content-length", "500"),
        ("connection", "keep-alive"),
        ("etag", "\"67d4a5a0-1f4\""),
        ("cache-control", "no-store"),
        ("vary", "Accept-Encoding"),
    ] {
        headers.push(name.as_bytes(), value.as_bytes());
    }
    headers.finish();
    response.values.int(RESPONSE_HEADERS_SIZE, 238);
    response.values.int(RESPONSE_BODY_SIZE, 500);
    response.body.is_present = true;
    while response.body.bytes.len() < 500 {
        response.body.bytes.extend_from_slice(b"{\"id\":17,\"name\":\"A lantern of brass\",\"price\":4200},\n");
    }
    response.body.bytes.truncate(500);
    entry.request = Some(Box::new(request));
    entry.response = Some(Box::new(response));
    entry
}
