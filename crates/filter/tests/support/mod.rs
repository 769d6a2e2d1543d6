//! A field table like the joined one, and entries built by hand.

#![allow(dead_code)]

pub mod queries;

use std::path::PathBuf;
use std::sync::Arc;

use lanternfish_model::*;

pub mod http {
    lanternfish_model::fields! {
        METHOD = text("method").alias(&["request.method"]);
        URL = text("url").alias(&["request.url"]);
        PATH = text("path").alias(&["request.path"]);
        VERSION = text("http_version");
        QUERY = map("query_string").alias(&["request.query"]);
        REQUEST_HEADERS = map("request.headers").caseless();
        RESPONSE_HEADERS = map("response.headers").caseless();
        REQUEST_COOKIES = map("request.cookies");
        RESPONSE_COOKIES = map("response.cookies");
        REQUEST_HEADERS_SIZE = int("request_headers_size");
        REQUEST_BODY_SIZE = int("request_body_size");
        RESPONSE_HEADERS_SIZE = int("response_headers_size");
        RESPONSE_BODY_SIZE = int("response_body_size");
        GRPC_METHOD = text("grpc_method");
        GRPC_STATUS = int("grpc_status");
    }
}

pub mod dns {
    lanternfish_model::fields! {
        QUESTIONS = list("dns_questions");
        ANSWERS = list("dns_answers");
        TYPES = list("dns_question_types");
        REQUEST = bool("dns_request");
        RESPONSE = bool("dns_response");
        REQUEST_LENGTH = int("dns_request_length");
        RESPONSE_LENGTH = int("dns_response_length");
        TOTAL_SIZE = int("dns_total_size");
    }
}

pub mod redis {
    lanternfish_model::fields! {
        TYPE = text("redis_type");
        COMMAND = text("redis_command");
        KEY = text("redis_key");
        REQUEST_SIZE = int("redis_request_size");
        RESPONSE_SIZE = int("redis_response_size");
        TOTAL_SIZE = int("redis_total_size");
    }
}

pub mod tcp {
    lanternfish_model::fields! {
        METHOD = text("tcp_method");
        PAYLOAD = bytes("tcp_payload");
        ERROR_TYPE = text("tcp_error_type");
        ERROR_MESSAGE = text("tcp_error_message");
        STATE = text("conn_state");
        LOCAL_PKTS = int("conn_local_pkts");
        LOCAL_BYTES = int("conn_local_bytes");
        REMOTE_PKTS = int("conn_remote_pkts");
        REMOTE_BYTES = int("conn_remote_bytes");
        GROUP = int("conn_group_id");
        L7 = list("conn_l7_detected").caseless();
        FLOW_STATE = text("flow_state");
        FLOW_LOCAL_PKTS = int("flow_local_pkts");
        FLOW_LOCAL_BYTES = int("flow_local_bytes");
        FLOW_REMOTE_PKTS = int("flow_remote_pkts");
        FLOW_REMOTE_BYTES = int("flow_remote_bytes");
        FLOW_LOCAL_PPS = int("flow_local_pps");
        FLOW_LOCAL_BPS = int("flow_local_bps");
        FLOW_REMOTE_PPS = int("flow_remote_pps");
        FLOW_REMOTE_BPS = int("flow_remote_bps");
        FLOW_GROUP = int("flow_group_id");
        FLOW_L7 = list("flow_l7_detected").caseless();
    }
}

pub mod tls {
    lanternfish_model::fields! {
        SUMMARY = text("tls_summary");
        INFO = text("tls_info");
        REQUEST_SIZE = int("tls_request_size");
        RESPONSE_SIZE = int("tls_response_size");
        TOTAL_SIZE = int("tls_total_size");
        SNI = text("tls_server_name").synonym(&["tlsx_sni"]);
        SUITE = int("tlsx_cipher_suite");
        SUITES = list("tlsx_cipher_suites");
        ALPN = text("tlsx_alpn");
        VERSION = int("tlsx_version");
        TLSX_SUMMARY = text("tlsx_summary");
        TLSX_INFO = text("tlsx_info");
    }
}

pub mod other {
    lanternfish_model::fields! {
        UDP_LENGTH = int("udp_length");
        UDP_CHECKSUM = int("udp_checksum");
        UDP_PAYLOAD = bytes("udp_payload");
        SCTP_CHECKSUM = int("sctp_checksum");
        SCTP_CHUNK_TYPE = text("sctp_chunk_type");
        SCTP_LENGTH = int("sctp_length");
        ICMP_TYPE = text("icmp_type");
        ICMP_VERSION = int("icmp_version");
        ICMP_LENGTH = int("icmp_length");
        WS_OPCODE = text("ws_opcode");
        WS_REQUEST = bool("ws_request");
        WS_RESPONSE = bool("ws_response");
        WS_DATA = text("ws_request_payload_data");
        WS_REQUEST_LENGTH = int("ws_request_payload_length");
        WS_RESPONSE_LENGTH = int("ws_response_payload_length");
        KAFKA_API_KEY = int("kafka_api_key");
        KAFKA_API_KEY_NAME = text("kafka_api_key_name").pending("needs Kafka, which is not built yet");
        KAFKA_CLIENT = text("kafka_client_id");
        KAFKA_SIZE = int("kafka_size");
        KAFKA_REQUEST = bool("kafka_request");
        KAFKA_RESPONSE = bool("kafka_response");
        KAFKA_SUMMARY = text("kafka_request_summary");
        KAFKA_REQUEST_SIZE = int("kafka_request_size");
        KAFKA_RESPONSE_SIZE = int("kafka_response_size");
        AMQP_METHOD = text("amqp_method");
        AMQP_SUMMARY = text("amqp_summary");
        AMQP_REQUEST = bool("amqp_request");
        AMQP_RESPONSE = bool("amqp_response");
        AMQP_REQUEST_LENGTH = int("amqp_request_length");
        AMQP_RESPONSE_LENGTH = int("amqp_response_length");
        AMQP_TOTAL = int("amqp_total_size");
        LDAP_TYPE = text("ldap_type");
        LDAP_SUMMARY = text("ldap_summary");
        LDAP_REQUEST = bool("ldap_request");
        LDAP_RESPONSE = bool("ldap_response");
        LDAP_REQUEST_LENGTH = int("ldap_request_length");
        LDAP_RESPONSE_LENGTH = int("ldap_response_length");
        LDAP_TOTAL = int("ldap_total_size");
        RADIUS_CODE = int("radius_code");
        RADIUS_CODE_NAME = text("radius_code_name");
        RADIUS_REQUEST = bool("radius_request");
        RADIUS_RESPONSE = bool("radius_response");
        RADIUS_AUTHENTICATOR = text("radius_request_authenticator");
        RADIUS_REQUEST_LENGTH = int("radius_request_length");
        RADIUS_RESPONSE_LENGTH = int("radius_response_length");
        RADIUS_TOTAL = int("radius_total_size");
        DIAMETER_METHOD = text("diameter_method");
        DIAMETER_SUMMARY = text("diameter_summary");
        DIAMETER_REQUEST = bool("diameter_request");
        DIAMETER_RESPONSE = bool("diameter_response");
        DIAMETER_REQUEST_LENGTH = int("diameter_request_length");
        DIAMETER_RESPONSE_LENGTH = int("diameter_response_length");
        DIAMETER_TOTAL = int("diameter_total_size");
    }
}

const fn any(name: &'static str) -> Word {
    Word { name, class: WordClass::Any }
}

const fn protocol(name: &'static str, words: &'static [Word], fields: &'static [FieldSpec]) -> ProtocolSpec {
    ProtocolSpec { name, title: name, doc: "", references: &[], words, fields, pending: "" }
}

static HTTP_WORDS: &[Word] = &[any("http"), any("grpc"), any("gql"), any("gqlv1"), any("gqlv2")];
static TCP_WORDS: &[Word] = &[
    Word { name: "tcp", class: WordClass::Any },
    Word { name: "tcp_conn", class: WordClass::Connection },
    Word { name: "tcp_flow", class: WordClass::Flow },
];
static OTHER_WORDS: &[Word] = &[
    any("udp"),
    Word { name: "udp_conn", class: WordClass::Connection },
    Word { name: "udp_flow", class: WordClass::Flow },
    any("sctp"),
    any("icmp"),
    any("radius"),
    any("diameter"),
    any("kafka"),
    any("amqp"),
    any("ldap"),
    any("ws"),
];

pub static PROTOCOLS: [&ProtocolSpec; 6] = {
    static HTTP: ProtocolSpec = protocol("http", HTTP_WORDS, http::FIELDS);
    static DNS: ProtocolSpec = protocol("dns", &[any("dns")], dns::FIELDS);
    static REDIS: ProtocolSpec = protocol("redis", &[any("redis")], redis::FIELDS);
    static TCP: ProtocolSpec = protocol("tcp", TCP_WORDS, tcp::FIELDS);
    static TLS: ProtocolSpec = protocol("tls", &[any("tls"), any("tlsx")], tls::FIELDS);
    static OTHER: ProtocolSpec = protocol("other", OTHER_WORDS, other::FIELDS);
    [&HTTP, &DNS, &REDIS, &TCP, &TLS, &OTHER]
};

pub const HTTP: ProtocolIndex = ProtocolIndex(0);
pub const DNS: ProtocolIndex = ProtocolIndex(1);
pub const REDIS: ProtocolIndex = ProtocolIndex(2);
pub const TCP: ProtocolIndex = ProtocolIndex(3);
pub const TLS: ProtocolIndex = ProtocolIndex(4);

pub fn table() -> FieldTable {
    FieldTable::join(&PROTOCOLS).unwrap()
}

/// 2026-03-14T22:30:00Z.
pub const NOW: Timestamp = Timestamp::from_ns(1_773_527_400_000_000_000);

pub fn entry(protocol: ProtocolIndex, class: EntryClass) -> Entry {
    let client = Endpoint::new("192.168.1.7".parse().unwrap(), 50_123);
    let server = Endpoint::new("10.0.0.9".parse().unwrap(), 80);
    let first = PacketRef { number: 1, time: NOW - 60_000_000_000 };
    let facts = ConnectionFacts {
        id: 26,
        transport: Transport::Tcp,
        client,
        server,
        scope: Scope(0),
        first,
        is_midstream: false,
        tunnels: Vec::new(),
        interface: 0,
    };
    let context = ConnectionContext {
        facts,
        flow_id: 11,
        local: LocalSide::Server,
        capture: Capture::File,
        has_pcap: true,
        node_name: Arc::from("worker-3"),
        values: Values::default(),
    };
    Entry {
        id: 7,
        protocol,
        class,
        connection: Arc::new(context),
        src: Party::new(client),
        dst: Party { dns: Some(Arc::from("shop.example.com")), ..Party::new(server) },
        index: 0,
        timestamp: first.time,
        elapsed_ns: Some(1_532_000),
        first_byte_ns: Some(1_204_000),
        outcome: Outcome::Ok,
        request: None,
        response: None,
        notes: Notes::default(),
        extra: Values::default(),
    }
}

pub fn message(protocol: ProtocolIndex, role: Role) -> Box<Message> {
    let direction = if role == Role::Response { Direction::ToClient } else { Direction::ToServer };
    Box::new(Message::new(protocol, role, direction, PacketRef { number: 1, time: NOW }))
}

fn pairs(values: &mut Values, field: FieldIndex, pairs: &[(&str, &str)]) {
    let mut map = values.map(field);
    for (name, value) in pairs {
        map.push_lower(name.as_bytes(), value.as_bytes());
    }
    map.finish();
}

fn items(values: &mut Values, field: FieldIndex, items: &[&str]) {
    let mut list = values.list(field);
    for item in items {
        list.push(item.as_bytes());
    }
    list.finish();
}

pub fn http_entry(status: i64, body: &[u8]) -> Entry {
    let mut request = message(HTTP, Role::Request);
    let values = &mut request.values;
    values.name(http::METHOD, "GET");
    values.text(http::URL, b"/api/v1/items?page=2&sort=name");
    values.text(http::PATH, b"/api/v1/items");
    values.name(http::VERSION, "1.1");
    pairs(values, http::QUERY, &[("page", "2"), ("sort", "name")]);
    pairs(
        values,
        http::REQUEST_HEADERS,
        &[("Host", "shop"), ("Authorization", "Token abc"), ("Accept", "*/*"), ("X-Trace", "1"), ("X-Trace", "2")],
    );
    pairs(values, http::REQUEST_COOKIES, &[("session", "s3")]);
    values.int(http::REQUEST_HEADERS_SIZE, 120);
    let mut response = message(HTTP, Role::Response);
    response.status_code = Some(status);
    pairs(
        &mut response.values,
        http::RESPONSE_HEADERS,
        &[("Content-Type", "application/json"), ("Content-Length", "311")],
    );
    response.values.int(http::RESPONSE_BODY_SIZE, body.len() as i64);
    response.body.bytes = body.to_vec();
    response.body.is_present = true;
    let mut entry = entry(HTTP, EntryClass::Call);
    (entry.request, entry.response) = (Some(request), Some(response));
    entry
}

pub fn dns_entry() -> Entry {
    let mut request = message(DNS, Role::Request);
    items(&mut request.values, dns::QUESTIONS, &["google.com"]);
    items(&mut request.values, dns::TYPES, &["A"]);
    request.values.bool(dns::REQUEST, true);
    let mut response = message(DNS, Role::Response);
    response.values.bool(dns::RESPONSE, true);
    items(&mut response.values, dns::ANSWERS, &["10.1.2.3", "10 mx.example.org"]);
    response.status_code = Some(0);
    let mut entry = entry(DNS, EntryClass::Call);
    (entry.request, entry.response) = (Some(request), Some(response));
    entry
}

pub fn redis_entry() -> Entry {
    let mut request = message(REDIS, Role::Request);
    request.values.name(redis::TYPE, "GET");
    request.values.text(redis::COMMAND, b"GET session:12");
    request.values.text(redis::KEY, b"session:12");
    request.values.int(redis::TOTAL_SIZE, 99);
    let mut entry = entry(REDIS, EntryClass::Call);
    entry.request = Some(request);
    entry
}

pub fn tls_entry() -> Entry {
    let mut request = message(TLS, Role::Request);
    request.values.text(tls::SNI, b"s3.amazonaws.com");
    request.values.int(tls::VERSION, 771);
    items(&mut request.values, tls::SUITES, &["TLS_RSA_WITH_RC4_128_MD5", "TLS_AES_128_GCM_SHA256"]);
    let mut entry = entry(TLS, EntryClass::Call);
    entry.request = Some(request);
    entry
}

pub fn conn_entry() -> Entry {
    let mut request = message(TCP, Role::OneWay);
    request.values.name(tcp::STATE, "open");
    request.values.int(tcp::LOCAL_BYTES, 2_000_000);
    items(&mut request.values, tcp::L7, &["http", "tls"]);
    let mut entry = entry(TCP, EntryClass::Connection);
    entry.request = Some(request);
    entry
}

pub fn flow_entry() -> Entry {
    let mut request = message(TCP, Role::OneWay);
    request.values.int(tcp::FLOW_LOCAL_PPS, 2000);
    request.values.int(tcp::FLOW_LOCAL_BPS, 9_000_000);
    let mut entry = entry(TCP, EntryClass::Flow);
    entry.request = Some(request);
    entry
}

/// A file of the language's facts that are kept beside the project; `None` where they are not at hand.
pub fn shared(name: &str) -> Option<String> {
    let root = std::env::var_os("LANTERNFISH_SHARED").map(PathBuf::from).or_else(|| {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared")).find(|folder| folder.join("kfl").is_dir())
    });
    let text = root.and_then(|root| std::fs::read_to_string(root.join("kfl").join(name)).ok());
    if text.is_none() {
        println!("skipped: kfl/{name} is not at hand (set LANTERNFISH_SHARED)");
    }
    text
}
