//! A made-up system of 200 services, always the same from the same seed: the entries of `make_store` and of tests.
//!
//! Paths, hosts and keys follow Zipf's law; ids and bodies are unique.

#![allow(dead_code)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lanternfish_model::*;
use lanternfish_testkit::Random;

/// The services of the system.
pub const SERVICES: usize = 200;
/// The different paths.
pub const PATHS: usize = 50_000;
/// 2026-03-14T22:00:00Z.
pub const START_NS: i64 = 1_773_525_600_000_000_000;
/// The entries with the path `/rare/oldest` lie in the first hundredth, those with `/rare/newest` in the last one.
pub const RARE_ONCE_IN: u64 = 100_000;

/// Makes entries.
pub struct Synthetic {
    table: &'static FieldTable,
    random: Random,
    services: Zipf,
    paths: Zipf,
    connections: Vec<Live>,
    waiting: Vec<Entry>,
    fields: Fields,
    made: u64,
    total: u64,
    step_ns: i64,
}

/// A connection under way.
struct Live {
    context: Arc<ConnectionContext>,
    client: usize,
    server: usize,
    src: Party,
    dst: Party,
    calls: u64,
    bytes: u64,
    kind: Call,
    revision: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Http,
    Redis,
    Dns,
}

/// The fields that are set, by protocol.
struct Fields {
    http: ProtocolIndex,
    redis: ProtocolIndex,
    dns: ProtocolIndex,
    tls: ProtocolIndex,
    tcp: ProtocolIndex,
    udp: ProtocolIndex,
}

impl Synthetic {
    /// A system that makes so many entries in an hour.
    pub fn new(table: &'static FieldTable, seed: u64, total: u64) -> Synthetic {
        let protocol = |name: &str| table.find_protocol(name).expect("a protocol");
        let fields = Fields {
            http: protocol("http"),
            redis: protocol("redis"),
            dns: protocol("dns"),
            tls: protocol("tls"),
            tcp: protocol("tcp"),
            udp: protocol("udp"),
        };
        Synthetic {
            table,
            random: Random::new(seed),
            services: Zipf::new(SERVICES),
            paths: Zipf::new(PATHS),
            connections: Vec::new(),
            waiting: Vec::new(),
            fields,
            made: 0,
            total,
            step_ns: 3_600_000_000_000 / (total.max(1) as i64),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_ns(START_NS + self.made as i64 * self.step_ns)
    }

    fn next_id(&mut self) -> u64 {
        self.made += 1;
        self.made << 16
    }

    fn index(&self, protocol: ProtocolIndex, path: &str) -> FieldIndex {
        let field = self.table.find(path).expect("a field");
        self.table.local(protocol, field).expect("a field of the protocol")
    }

    fn text(&self, message: &mut Message, path: &str, value: &str) {
        let index = self.index(message.protocol, path);
        message.values.text(index, value.as_bytes());
    }

    fn int(&self, message: &mut Message, path: &str, value: i64) {
        let index = self.index(message.protocol, path);
        message.values.int(index, value);
    }

    fn list(&self, message: &mut Message, path: &str, items: &[&str]) {
        let index = self.index(message.protocol, path);
        let mut list = message.values.list(index);
        items.iter().for_each(|item| list.push(item.as_bytes()));
        list.finish();
    }

    fn pairs(&self, message: &mut Message, path: &str, pairs: &[(&str, &str)]) {
        let index = self.index(message.protocol, path);
        let mut map = message.values.map(index);
        pairs.iter().for_each(|(name, value)| map.push(name.as_bytes(), value.as_bytes()));
        map.finish();
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.random.number(), self.random.number());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }

    fn party(&mut self, service: usize, port: u16) -> Party {
        let instance = self.random.below(3) as u32;
        let ip = IpAddr::V4(Ipv4Addr::from_bits(0x0a01_0000 + (service as u32) * 4 + instance));
        let name = service_name(service);
        let identity = Identity {
            status: ResolutionStatus::Resolved,
            process_name: name.clone(),
            executable: format!("/usr/bin/{name}"),
            pid: 1000 + service as u32 * 4 + instance,
            user: "app".to_owned(),
            ..Identity::default()
        };
        Party {
            endpoint: Endpoint::new(ip, port),
            identity: Some(Arc::new(identity)),
            dns: Some(Arc::from(format!("{name}.shop.internal"))),
        }
    }

    fn open(&mut self) -> Live {
        let kind = match self.random.below(10) {
            0..=5 => Call::Http,
            6..=8 => Call::Redis,
            _ => Call::Dns,
        };
        let (transport, port) = match kind {
            Call::Http => (Transport::Tcp, 8080),
            Call::Redis => (Transport::Tcp, 6379),
            Call::Dns => (Transport::Udp, 53),
        };
        let client = self.services.pick(&mut self.random);
        let server = (client * 7 + 1 + self.random.below(5)) % SERVICES;
        let client_port = 32_768 + self.random.below(28_000) as u16;
        let (src, dst) = (self.party(client, client_port), self.party(server, port));
        let id = self.made + 1;
        let facts = ConnectionFacts {
            id,
            transport,
            client: src.endpoint,
            server: dst.endpoint,
            scope: Scope(0),
            first: PacketRef { number: id, time: self.now() },
            is_midstream: false,
            tunnels: Vec::new(),
            interface: 1,
        };
        let mut values = Values::default();
        values.text_fmt(lanternfish_model::fields::STREAM, format_args!("{id:x}"));
        let context = ConnectionContext {
            facts,
            flow_id: (client * SERVICES + server) as u64 + 1,
            local: LocalSide::Server,
            capture: Capture::AfPacket,
            has_pcap: true,
            node_name: Arc::from("node-1"),
            values,
        };
        let context = Arc::new(context);
        Live { context, client, server, src, dst, calls: 0, bytes: 0, kind, revision: 0 }
    }

    fn connection_entry(&mut self, live: &mut Live, is_closed: bool) -> Entry {
        let protocol = if live.kind == Call::Dns { self.fields.udp } else { self.fields.tcp };
        let first = live.context.facts.first;
        let mut message = Message::new(protocol, Role::OneWay, Direction::ToServer, first);
        message.pairing = PairKey::Alone;
        message.last = PacketRef { number: self.made + 1, time: self.now() };
        message.wire_bytes = 200 + live.bytes;
        message.outcome = if is_closed { Outcome::Ok } else { Outcome::Open };
        self.text(&mut message, "conn_state", if is_closed { "closed" } else { "open" });
        self.int(&mut message, "conn_local_pkts", 4 + live.calls as i64);
        self.int(&mut message, "conn_local_bytes", 100 + live.bytes as i64 / 2);
        self.int(&mut message, "conn_remote_pkts", 4 + live.calls as i64);
        self.int(&mut message, "conn_remote_bytes", 100 + live.bytes as i64 / 2);
        self.int(&mut message, "conn_revision", live.revision);
        if live.calls > 0 {
            let title = match live.kind {
                Call::Http => "HTTP",
                Call::Redis => "REDIS",
                Call::Dns => "DNS",
            };
            self.list(&mut message, "conn_l7_detected", &[title]);
        }
        live.revision += 1;
        let id = (first.number << 16) | u64::from(u16::MAX);
        self.made += 1;
        Entry {
            id,
            protocol,
            class: EntryClass::Connection,
            connection: Arc::clone(&live.context),
            src: live.src.clone(),
            dst: live.dst.clone(),
            index: live.calls,
            timestamp: first.time,
            elapsed_ns: Some(message.last.time.since(first.time)),
            first_byte_ns: None,
            outcome: message.outcome,
            request: Some(Box::new(message)),
            response: None,
            notes: Notes::default(),
            extra: Values::default(),
        }
    }

    /// The shell of a call on a connection.
    fn call(
        &mut self,
        live: &mut Live,
        protocol: ProtocolIndex,
        median_us: f64,
    ) -> (Entry, Box<Message>, Box<Message>) {
        let id = self.next_id();
        let time = self.now();
        let spread = self.random.below(1000) as f64 / 1000.0;
        let elapsed_ns = (median_us * 1000.0 * (0.4 + spread * spread * spread * 6.0)) as i64;
        let first = PacketRef { number: self.made, time };
        let answered = PacketRef { number: self.made + 1, time: time + elapsed_ns };
        let mut request = Box::new(Message::new(protocol, Role::Request, Direction::ToServer, first));
        let mut response = Box::new(Message::new(protocol, Role::Response, Direction::ToClient, answered));
        request.packets.add(first.number);
        response.packets.add(answered.number);
        let index = live.calls;
        live.calls += 1;
        let entry = Entry {
            id,
            protocol,
            class: EntryClass::Call,
            connection: Arc::clone(&live.context),
            src: live.src.clone(),
            dst: live.dst.clone(),
            index,
            timestamp: time,
            elapsed_ns: Some(elapsed_ns),
            first_byte_ns: Some(elapsed_ns * 9 / 10),
            outcome: Outcome::Ok,
            request: None,
            response: None,
            notes: Notes::default(),
            extra: Values::default(),
        };
        (entry, request, response)
    }

    fn http(&mut self, live: &mut Live) -> Entry {
        let place = self.made;
        let number = self.paths.pick(&mut self.random);
        let (mut entry, mut request, mut response) =
            self.call(live, self.fields.http, 900.0 + (number % 97) as f64 * 150.0);
        let part = (self.total / RARE_ONCE_IN).max(1);
        let is_rare = self.random.once_in(((self.total / 100 / part).max(1)) as usize);
        let path = match (place < self.total / 100, place >= self.total - self.total / 100) {
            (true, _) if is_rare => "/rare/oldest".to_owned(),
            (_, true) if is_rare => "/rare/newest".to_owned(),
            _ => path(number),
        };
        let (request_id, trace) = (self.uuid(), self.uuid());
        let method = ["GET", "GET", "GET", "POST", "PUT", "DELETE"][number % 6];
        let url = if number.is_multiple_of(3) {
            format!("{path}?page={}&token={}", number % 50, &trace[..8])
        } else {
            path.clone()
        };
        let status = match self.random.below(1000) {
            0..=899 => 200,
            900..=929 => 201,
            930..=949 => 304,
            950..=979 => 404,
            980..=989 => 400,
            990..=996 => 500,
            _ => 503,
        };
        let host = format!("{}.shop.internal", service_name(live.server));
        let agent = format!("{}/1.{} (linux)", service_name(live.client), live.client % 20);
        self.text(&mut request, "method", method);
        self.text(&mut request, "url", &url);
        self.text(&mut request, "path", &path);
        self.text(&mut request, "http_version", "1.1");
        self.text(&mut request, "http_host", &host);
        let bearer = format!("Bearer [REDACTED {:06x}]", live.client * 77_777 % 0xff_ffff);
        let headers: &[(&str, &str)] = &[
            ("host", &host),
            ("user-agent", &agent),
            ("accept", "application/json"),
            ("authorization", &bearer),
            ("x-request-id", &request_id),
            ("traceparent", &trace),
        ];
        self.pairs(&mut request, "request.headers", headers);
        if url.len() > path.len() {
            let page = (number % 50).to_string();
            self.pairs(&mut request, "query_string", &[("page", page.as_str()), ("token", &trace[..8])]);
        }
        if matches!(method, "POST" | "PUT") {
            request.body.bytes = format!(
                "{{\"order\":\"{request_id}\",\"customer\":{},\"items\":[{{\"sku\":\"{}\",\"count\":{}}}]}}",
                self.random.below(1_000_000),
                SKUS[number % SKUS.len()],
                1 + number % 9
            )
            .into_bytes();
            request.body.is_present = true;
            request.body.wire_bytes = request.body.bytes.len() as u64;
            self.text(&mut request, "request_content_type", "application/json");
        }
        self.int(&mut request, "request_headers_size", 220 + url.len() as i64);
        let body_size = request.body.bytes.len() as i64;
        self.int(&mut request, "request_body_size", body_size);
        response.status_code = Some(status);
        response.outcome = match status {
            500.. => Outcome::ServerError,
            400.. => Outcome::ClientError,
            _ => Outcome::Ok,
        };
        entry.outcome = response.outcome;
        self.text(&mut response, "http_reason", if status < 300 { "OK" } else { "Not OK" });
        if status != 304 {
            response.body.bytes = format!(
                "{{\"id\":\"{}\",\"status\":{status},\"total\":{}.{:02},\"next\":\"/api/{}\"}}",
                self.uuid(),
                self.random.below(10_000),
                self.random.below(100),
                number % 100
            )
            .into_bytes();
            response.body.is_present = true;
            response.body.wire_bytes = response.body.bytes.len() as u64;
        }
        let length = response.body.bytes.len().to_string();
        self.pairs(
            &mut response,
            "response.headers",
            &[("content-type", "application/json"), ("content-length", &length), ("server", &host)],
        );
        self.int(&mut response, "response_headers_size", 150);
        self.int(&mut response, "response_body_size", length.parse().unwrap_or(0));
        request.wire_bytes = 220 + url.len() as u64 + body_size as u64;
        response.wire_bytes = 150 + response.body.wire_bytes;
        live.bytes += request.wire_bytes + response.wire_bytes;
        (entry.request, entry.response) = (Some(request), Some(response));
        entry
    }

    fn redis(&mut self, live: &mut Live) -> Entry {
        let number = self.paths.pick(&mut self.random);
        let (mut entry, mut request, mut response) = self.call(live, self.fields.redis, 120.0);
        let verb = ["GET", "GET", "SET", "HGET", "INCR", "EXPIRE"][number % 6];
        let key = if number.is_multiple_of(2) { format!("session:{}", self.uuid()) } else { format!("cart:{number}") };
        self.text(&mut request, "redis_type", verb);
        self.text(&mut request, "redis_command", &format!("{verb} {key}"));
        self.text(&mut request, "redis_key", &key);
        self.int(&mut request, "redis_request_size", 20 + key.len() as i64);
        self.int(&mut response, "redis_response_size", 30);
        self.int(&mut response, "redis_total_size", 50 + key.len() as i64);
        self.text(&mut response, "redis_response_type", "bulk string");
        if self.random.once_in(500) {
            self.text(
                &mut response,
                "redis_error",
                "WRONGTYPE Operation against a key holding the wrong kind of value",
            );
            entry.outcome = Outcome::ServerError;
        }
        request.wire_bytes = 20 + key.len() as u64;
        response.wire_bytes = 30;
        live.bytes += request.wire_bytes + response.wire_bytes;
        (entry.request, entry.response) = (Some(request), Some(response));
        entry
    }

    fn dns(&mut self, live: &mut Live) -> Entry {
        let (mut entry, mut request, mut response) = self.call(live, self.fields.dns, 400.0);
        let service = self.services.pick(&mut self.random);
        let name = format!("{}.shop.internal", service_name(service));
        self.list(&mut request, "dns_questions", &[&name]);
        self.list(&mut request, "dns_question_types", &[if service.is_multiple_of(3) { "AAAA" } else { "A" }]);
        let index = self.index(self.fields.dns, "dns_request");
        request.values.bool(index, true);
        self.int(&mut request, "dns_request_length", 30 + name.len() as i64);
        let is_missing = self.random.once_in(40);
        response.status_code = Some(if is_missing { 3 } else { 0 });
        self.text(&mut response, "dns_response_code", if is_missing { "NXDOMAIN" } else { "NOERROR" });
        let index = self.index(self.fields.dns, "dns_response");
        response.values.bool(index, true);
        if !is_missing {
            let answer = format!("10.1.{}.{}", service / 64, service % 64 * 4);
            self.list(&mut response, "dns_answers", &[&answer]);
        }
        entry.outcome = if is_missing { Outcome::ClientError } else { Outcome::Ok };
        (request.wire_bytes, response.wire_bytes) = (30 + name.len() as u64, 60 + name.len() as u64);
        live.bytes += request.wire_bytes + response.wire_bytes;
        (entry.request, entry.response) = (Some(request), Some(response));
        entry
    }

    fn tls(&mut self, live: &mut Live) -> Entry {
        let (mut entry, mut request, mut response) = self.call(live, self.fields.tls, 2500.0);
        let name = format!("{}.shop.internal", service_name(live.server));
        self.text(&mut request, "tls_server_name", &name);
        self.text(&mut request, "tls_summary", &name);
        self.list(&mut request, "tlsx_cipher_suites", &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]);
        self.int(&mut response, "tlsx_version", 772);
        self.text(&mut response, "tls_info", "TLS 1.3, TLS_AES_128_GCM_SHA256");
        (request.wire_bytes, response.wire_bytes) = (517, 2800);
        live.bytes += 3317;
        (entry.request, entry.response) = (Some(request), Some(response));
        entry
    }
}

impl Iterator for Synthetic {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if let Some(entry) = self.waiting.pop() {
            return Some(entry);
        }
        if self.made >= self.total {
            return None;
        }
        if self.connections.len() < LIVE_CONNECTIONS.min(self.total as usize / 20 + 1) {
            let mut live = self.open();
            let entry = self.connection_entry(&mut live, false);
            self.connections.push(live);
            return Some(entry);
        }
        let place = self.random.below(self.connections.len());
        let mut live = self.connections.swap_remove(place);
        if live.calls >= 20 && self.random.once_in(4) {
            return Some(self.connection_entry(&mut live, true));
        }
        let entry = match live.kind {
            Call::Http if live.calls == 0 && live.client.is_multiple_of(2) => self.tls(&mut live),
            Call::Http => self.http(&mut live),
            Call::Redis => self.redis(&mut live),
            Call::Dns => self.dns(&mut live),
        };
        self.connections.push(live);
        Some(entry)
    }
}

/// Numbers from 0 by Zipf's law with the exponent 1.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(count: usize) -> Zipf {
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Zipf(sums.into_iter().map(|part| part / sum).collect())
    }

    fn pick(&self, random: &mut Random) -> usize {
        let at = (random.number() >> 11) as f64 / (1u64 << 53) as f64;
        self.0.partition_point(|sum| *sum < at).min(self.0.len() - 1)
    }
}

/// The name of a service.
pub fn service_name(number: usize) -> String {
    format!("{}-{number}", NAMES[number % NAMES.len()])
}

/// A path by its rank.
fn path(number: usize) -> String {
    let noun = NAMES[number % NAMES.len()];
    match number % 4 {
        0 => format!("/api/v{}/{noun}", number % 3),
        1 => format!("/api/v1/{noun}/{}", number * 37 % 100_000),
        2 => format!("/api/v2/{noun}/{}/{}", number * 13 % 10_000, NAMES[number / 7 % NAMES.len()]),
        _ => format!("/static/{noun}/{number}.js"),
    }
}

const NAMES: [&str; 20] = [
    "cart", "checkout", "orders", "payments", "users", "search", "stock", "prices", "mail", "reviews", "images",
    "login", "sessions", "shipping", "invoices", "coupons", "events", "reports", "gateway", "catalog",
];
const SKUS: [&str; 6] = ["A-100", "B-220", "C-305", "D-411", "E-512", "F-699"];
const LIVE_CONNECTIONS: usize = 2_000;
