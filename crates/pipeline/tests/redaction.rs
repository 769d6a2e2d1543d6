//! A login as it would be stored: nothing secret is left in the entry, and filters still find it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod bench;

use std::io::{Cursor, Write};

use bench::{settings, stream, table};
use lanternfish_filter::Filter;
use lanternfish_model::Timestamp;
use lanternfish_pipeline::Fingerprint;
use lanternfish_testkit::{Capture, TcpConversation};

const SECRETS: &[&str] = &[
    "hunter2",
    "tok-abc",
    "sess-1",
    "sess-2",
    "key-9",
    "4111111111111111",
    "4111 1111",
    "jwtpart",
    "acc-77",
    "redis-pw",
];

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A login with a form, an answer with a token in a compressed body, a payment, and an encoding that nobody knows.
fn login() -> Capture {
    let form = "user=ada&password=hunter2&next=/home";
    let body = gzip(r#"{"access_token":"acc-77","jwt":"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.jwtpart0"}"#);
    let payment = r#"{"card":"4111 1111 1111 1111","number":4111111111111111,"amount":12}"#;
    TcpConversation::new("10.0.0.1:50000", "10.0.0.2:8080")
        .handshake()
        .to_server(
            format!(
                "POST /login?api_key=key-9 HTTP/1.1\r\nHost: a\r\nAuthorization: Token tok-abc\r\nCookie: session=sess-1; theme=dark\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            )
            .as_bytes(),
        )
        .to_client(
            &[
                format!(
                    "HTTP/1.1 200 OK\r\nSet-Cookie: session=sess-2; Path=/\r\nContent-Encoding: gzip\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                )
                .as_bytes(),
                &body,
            ]
            .concat(),
        )
        .to_server(format!("POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{payment}", payment.len()).as_bytes())
        .to_client(b"HTTP/1.1 200 OK\r\nContent-Encoding: secret-coding\r\nContent-Length: 16\r\n\r\npassword=hunter2")
        .fin()
        .capture()
}

fn redis() -> Capture {
    TcpConversation::new("10.0.0.1:50001", "10.0.0.2:6379")
        .handshake()
        .to_server(b"*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$8\r\nredis-pw\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
        .to_client(b"+OK\r\n$27\r\n{\"password\":\"hunter2\",\"a\":1}\r\n".replace_length().as_slice())
        .fin()
        .capture()
}

trait ReplaceLength {
    fn replace_length(&self) -> Vec<u8>;
}

impl ReplaceLength for [u8] {
    /// The bulk string's length is that of its text.
    fn replace_length(&self) -> Vec<u8> {
        let text = String::from_utf8(self.to_vec()).unwrap();
        let length = text.split("\r\n").nth(2).unwrap().len();
        text.replace("$27", &format!("${length}")).into_bytes()
    }
}

fn redacted(capture: &Capture, query: &str) -> Vec<String> {
    let mut settings = settings();
    settings.redaction = Some(Fingerprint::new([7; 16]));
    settings.filter = Some(Filter::compile(query, table(), Timestamp::from_ns(0)).unwrap());
    let mut bytes = Vec::new();
    stream(settings, Box::new(Cursor::new(capture.to_pcap())), 1, &mut |lines| bytes.extend_from_slice(lines)).unwrap();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn no_secret_of_a_login_is_left() {
    for (capture, calls) in [(login(), 2), (redis(), 2)] {
        let whole = redacted(&capture, "").join("\n");
        for secret in SECRETS {
            assert!(!whole.contains(secret), "{secret} in {whole}");
        }
        assert_eq!(redacted(&capture, "!conn && !flow").len(), calls);
    }
}

#[test]
fn filters_find_what_was_redacted() {
    let capture = login();
    for query in [
        r#"request.headers["Authorization"] == r"Token.*""#,
        r#"request.headers["authorization"].startsWith("Token [REDACTED ")"#,
        r#"request.cookies["theme"] != "" && "session" in request.cookies"#,
        r#"url.startsWith("/login?api_key=[REDACTED ")"#,
        r#"request.form["user"] == "ada" && request.form["password"].startsWith("[REDACTED ")"#,
        r#"response.headers["set-cookie"].endsWith("; Path=/")"#,
        r#"response.body.json().access_token == r"\[REDACTED .*""#,
        r#"request.body.json().amount == 12"#,
        r#"notes.exists(note, note.contains("body not kept"))"#,
    ] {
        assert_eq!(redacted(&capture, query).len(), 1, "{query}");
    }
    assert_eq!(redacted(&capture, r#"request.headers["authorization"].contains("tok-abc")"#).len(), 0);
}
