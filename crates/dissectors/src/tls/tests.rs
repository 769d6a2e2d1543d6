//! Conversations recorded from a real client and server lie in `testdata/`, each beside what must come of it
//! (`UPDATE_EXPECT=1` rewrites that); what no server says is built here.

use lanternfish_dissect::{Head, Probe, Sender};
use lanternfish_model::{Direction, Direction::*, Outcome};

use super::Tls;
use super::certificate::serial;
use super::ciphers::{cipher_name, weaknesses};
use super::record::find;
use crate::driver::Driver;

const NAMES: &[&str] = &[
    "tls13",
    "tls13_retry",
    "tls13_resumed",
    "tls12",
    "tls12_mutual",
    "tls12_mutual_refused",
    "tls12_resumed",
    "tls12_null",
    "tls10_anonymous",
    "protocol_version_alert",
];

type Conversation = Vec<(Direction, Vec<u8>)>;

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tls/testdata")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn load(name: &str) -> Conversation {
    let text = std::fs::read_to_string(folder().join(format!("{name}.conversation"))).unwrap();
    let turn = |line: &str| {
        let direction = if line.starts_with('>') { ToServer } else { ToClient };
        (direction, unhex(&line[2..]))
    };
    text.lines().map(turn).collect()
}

fn run(conversation: &Conversation, segment: usize) -> Driver {
    let mut driver = Driver::new(&Tls);
    for (direction, bytes) in conversation {
        driver.feed_in(*direction, bytes, segment);
    }
    driver.close();
    driver
}

fn check(name: &str) {
    let conversation = load(name);
    let lines = run(&conversation, usize::MAX).lines();
    let path = folder().join(format!("{name}.expected"));
    let text = lines.join("\n") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}");
    for segment in [1, 2, 3, 7, 100] {
        assert_eq!(run(&conversation, segment).lines(), lines, "{name} in segments of {segment}");
    }
}

#[test]
fn recorded_conversations() {
    NAMES.iter().for_each(|name| check(name));
}

#[test]
fn only_a_client_hello_follows_another_protocol() {
    let conversation = load("tls12");
    let facts = crate::driver::facts(lanternfish_model::Transport::Tcp);
    let follows = |bytes: &[u8]| {
        let direction = ToServer;
        super::probe::follows(&Head {
            direction,
            bytes,
            other: &[],
            is_start: false,
            is_datagram: false,
            facts: &facts,
        })
    };
    let hello = &conversation[0].1;
    assert_eq!(follows(hello), Some(Sender::Client));
    assert_eq!(follows(&hello[1..]), None);
    assert_eq!(follows(&conversation[1].1), None);
    assert_eq!(follows(b"STARTTLS\r\n"), None);
    assert_eq!(follows(&[22, 3, 1, 0, 200, 20, 0, 0, 12]), None);
}

#[test]
fn cut_at_every_byte() {
    let conversation = load("tls12_mutual");
    let lines = run(&conversation, usize::MAX).lines();
    for (turn, (_, bytes)) in conversation.iter().enumerate() {
        for cut in 1..bytes.len() {
            let mut driver = Driver::new(&Tls);
            for (position, (direction, bytes)) in conversation.iter().enumerate() {
                let at = if position == turn { cut } else { bytes.len() };
                driver.feed(*direction, &bytes[..at]);
                if at < bytes.len() {
                    driver.feed(*direction, &bytes[at..]);
                }
            }
            assert_eq!(driver.lines(), lines, "turn {turn} cut at {cut}");
        }
    }
}

/// Puts each byte of the handshake records of a turn in a record of its own.
fn shred(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut shredded = Vec::new();
    while let [kind, major, minor, high, low, ..] = *rest {
        let end = 5 + usize::from(u16::from_be_bytes([high, low]));
        let body = &rest[5..end];
        match kind {
            22 => body.iter().for_each(|byte| shredded.extend_from_slice(&[22, major, minor, 0, 1, *byte])),
            _ => shredded.extend_from_slice(&rest[..end]),
        }
        rest = &rest[end..];
    }
    shredded
}

#[test]
fn records_of_a_byte_each() {
    let mut conversation = load("tls12_mutual");
    let whole = run(&conversation, usize::MAX);
    // Only the flights in clear: the last handshake record of each side is encrypted.
    for (_, bytes) in conversation.iter_mut().take(2) {
        *bytes = shred(bytes);
    }
    let shredded = run(&conversation, 50);
    for path in [
        "tls_server_name",
        "tls_ja3",
        "tls_ja3s",
        "tls_ja4",
        "tls_certificate_serials",
        "tlsx_info",
        "tls_client_spiffe_id",
    ] {
        assert_eq!(shredded.text(path), whole.text(path), "{path}");
    }
    assert_eq!(Driver::probe(&Tls, &conversation[0].1, true), Probe::Match(Sender::Client));
    assert_eq!(Driver::probe(&Tls, &conversation[0].1[..80], true), Probe::NeedMore);
}

#[test]
fn a_hello_with_a_large_key_share() {
    let hello = client_hello(&[extension(51, &vec![7; 16_000]), server_name("big.example.org")].concat());
    let mut driver = Driver::new(&Tls);
    driver.feed_in(ToServer, &records(&hello, 4096), 1400);
    driver.feed_in(ToServer, &[0x14, 3, 3, 0, 1, 1], 1400);
    driver.close();
    assert_eq!(driver.text("tls_server_name"), "big.example.org");
    assert_eq!(driver.text("tlsx_info"), "ClientHello");
    assert_eq!(driver.messages[0].outcome, Outcome::Open);
}

#[test]
fn the_server_alone_and_the_middle() {
    let conversation = load("tls12");
    let server = |from: usize| {
        conversation.iter().filter(|(way, _)| *way == ToClient).flat_map(|(_, bytes)| bytes.clone()).skip(from)
    };
    let mut driver = Driver::new(&Tls);
    driver.feed(ToClient, &server(0).collect::<Vec<_>>());
    driver.close();
    assert_eq!(driver.text("tlsx_info"), "ServerHello");
    assert!(driver.text("tls_certificate_serials").starts_with("0a1b2c3d|"));
    // The capture begins with the Certificate message.
    let hello = 5 + usize::from(u16::from_be_bytes([conversation[1].1[3], conversation[1].1[4]]));
    let rest: Vec<u8> = server(hello).collect();
    assert_eq!(Driver::probe(&Tls, &rest, false), Probe::Match(Sender::Unknown));
    let mut driver = Driver::new(&Tls);
    driver.feed(ToClient, &rest);
    driver.close();
    assert_eq!(driver.text("tls_certificate_subject"), "O=Example, CN=shop.example.org");
    assert_eq!(driver.text("tlsx_info"), "");
}

#[test]
fn gaps() {
    let conversation = load("tls12");
    let server = &conversation[1].1;
    // Within the certificate: its record is passed over, and what follows is read.
    let mut driver = Driver::new(&Tls);
    driver.feed(ToServer, &conversation[0].1);
    driver.feed(ToClient, &server[..150]);
    driver.gap(ToClient, 100);
    driver.feed(ToClient, &server[250..]);
    driver.feed(ToServer, &conversation[2].1);
    driver.close();
    assert_eq!(driver.lost, 0);
    assert!(driver.messages[1].is_partial);
    assert!(driver.text("tls_certificate_serials").starts_with("0a1b2c3d"));
    assert_eq!(driver.text("tls_group"), "x25519");
    // Over a record's end: framing is lost, and found again.
    let mut driver = Driver::new(&Tls);
    driver.feed(ToServer, &conversation[0].1);
    driver.feed(ToClient, &server[..60]);
    driver.gap(ToClient, 900);
    driver.feed(ToClient, &server[960..]);
    driver.close();
    assert!(driver.lost > 0 && driver.messages.len() >= 2);
    assert!(driver.messages.iter().any(|message| message.is_partial));
    // Within an encrypted record: nothing of it matters.
    let mut driver = run(&conversation, usize::MAX);
    driver.feed(ToClient, &[23, 3, 3, 0, 100, 1, 2, 3]);
    driver.gap(ToClient, 97);
    driver.feed(ToClient, &[23, 3, 3, 0, 0]);
    assert_eq!(driver.lost, 0);
}

#[test]
fn what_is_not_tls_after_a_hello_keeps_the_hello() {
    let conversation = load("tls13");
    let mut driver = Driver::new(&Tls);
    driver.feed(ToServer, &conversation[0].1);
    driver.feed(ToClient, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    driver.feed(ToClient, b"more of it");
    assert_eq!(driver.text("tlsx_info"), "ClientHello");
    driver.close();
    assert_eq!(driver.messages.len(), 1);
}

#[test]
fn a_cut_hello_is_shown() {
    let conversation = load("tls13");
    for cut in 6..conversation[0].1.len() {
        let mut driver = Driver::new(&Tls);
        driver.feed(ToServer, &conversation[0].1[..cut]);
        driver.end(ToServer);
        driver.close();
        assert!(cut < 9 || driver.messages.len() == 1, "cut at {cut}");
        assert!(driver.messages.iter().all(|message| message.is_partial));
        assert!(!driver.lines().iter().any(|line| line.starts_with("tls_ja3 ")));
    }
}

#[test]
fn over_the_limit() {
    let mut driver = Driver::new(&Tls);
    driver.limits.pending_bytes = 1000;
    driver.feed(ToServer, &records(&client_hello(&extension(51, &vec![7; 3000])), 512));
    driver.close();
    assert_eq!(driver.loss.count(lanternfish_model::Cause::LimitReached), 1);
    assert!(driver.messages[0].is_partial);
}

#[test]
fn a_message_is_passed_over_where_room_was_made_within_its_header() {
    // What the certificate holds looks like a handshake message of its own.
    let hidden = [&client_hello(&server_name("hidden.example.org"))[..], &[0; 300]].concat();
    let certificate = [&[11][..], &(hidden.len() as u32).to_be_bytes()[1..], &hidden].concat();
    let server_hello = [&[2, 0, 0, 40, 3, 3][..], &[5; 32], &[0, 0xc0, 0x2f, 0, 0, 0]].concat();
    let flight = records(&[&server_hello[..], &certificate].concat(), 16_000);
    for cut in 1..=4 {
        let mut driver = Driver::new(&Tls);
        driver.feed(ToServer, &records(&client_hello(&server_name("example.org")), 16_000));
        let (begin, rest) = flight.split_at(5 + server_hello.len() + cut);
        driver.feed(ToClient, begin);
        driver.shed();
        assert!(driver.held_bytes() < 4, "{}", driver.held_bytes());
        driver.feed(ToClient, rest);
        driver.close();
        assert_eq!((driver.messages.len(), driver.lost), (2, 0), "cut at {cut}: {:?}", driver.lines());
        assert_eq!(driver.text("tls_server_name"), "example.org");
    }
}

#[test]
fn sslv2() {
    let hello =
        [&[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10][..], &[7, 0, 0xc0, 0, 0, 4].repeat(3), &[1, 0, 0x80], &[9; 16]]
            .concat();
    assert_eq!(Driver::probe(&Tls, &hello, true), Probe::Match(Sender::Client));
    assert_eq!(Driver::probe(&Tls, &hello[..20], true), Probe::NeedMore);
    assert_eq!(Driver::probe(&Tls, &hello, false), Probe::NoMatch);
    let mut wrong = hello.clone();
    wrong[6] = 0x12;
    assert_eq!(Driver::probe(&Tls, &wrong, true), Probe::NoMatch);
    let mut driver = Driver::new(&Tls);
    driver.feed_in(ToServer, &hello, 3);
    let server = [&[0x80, 0x1e, 4, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0x10][..], &[1, 0, 0x80], &[9; 16]].concat();
    driver.feed_in(ToClient, &server, 4);
    driver.feed(ToServer, b"whatever SSL 2.0 has then");
    driver.close();
    assert_eq!((driver.text("tls_version"), driver.text("tlsx_info")), ("SSL 2.0".into(), "ServerHello".into()));
    assert_eq!(driver.text("tls_warnings"), "SSL 2.0");
    assert_eq!(driver.lost, 0);
}

#[test]
fn recognition() {
    let hello = &load("tls13")[0].1;
    assert_eq!(Driver::probe(&Tls, hello, true), Probe::Match(Sender::Client));
    assert_eq!(Driver::probe(&Tls, &load("tls13")[1].1, true), Probe::Match(Sender::Server));
    for length in 0..50 {
        assert_eq!(Driver::probe(&Tls, &hello[..length], true), Probe::NeedMore, "{length} bytes");
    }
    // Application data, where the beginning was not seen.
    let sealed = [&[23, 3, 3, 0, 30][..], &[0xaa; 30], &[23, 3, 3, 0, 9]].concat();
    assert_eq!(Driver::probe(&Tls, &sealed, false), Probe::Match(Sender::Unknown));
    assert_eq!(Driver::probe(&Tls, &sealed, true), Probe::NoMatch);
    let broken = [&[23, 3, 3, 0, 30][..], &[0xaa; 36]].concat();
    assert_eq!(Driver::probe(&Tls, &broken, false), Probe::NoMatch);
    assert_eq!(find(&[&[1, 3, 3, 23, 3, 9][..], &sealed].concat()), Some(6));
}

#[test]
fn application_data_from_the_middle_is_skipped() {
    let mut driver = Driver::new(&Tls);
    for _ in 0..100 {
        driver.feed(ToClient, &[&[23, 3, 3, 0, 30][..], &[0xaa; 30]].concat());
    }
    driver.close();
    assert_eq!((driver.messages.len(), driver.lost), (0, 0));
}

#[test]
fn mangled_conversations_do_no_harm() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % end.max(1) as u64) as usize
    };
    for round in 0..400 {
        let mut driver = Driver::new(&Tls);
        for (direction, mut bytes) in load(NAMES[round % NAMES.len()]) {
            for _ in 0..random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            let at = random(bytes.len());
            driver.feed_in(direction, &bytes[..at], 1 + random(200));
            if random(3) == 0 {
                driver.gap(direction, 1 + random(300) as u64);
            }
            driver.feed_in(direction, &bytes[at..], 1 + random(200));
        }
        driver.close();
        assert!(driver.messages.len() <= 16);
    }
}

/// The example of the JA4 specification.
#[test]
fn ja4_as_specified() {
    let ciphers = "1a1a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035";
    let algorithms = extension(13, &unhex("0010 0403 0804 0401 0503 0805 0501 0806 0601"));
    let protocols = extension(16, b"\0\x0c\x02h2\x08http/1.1");
    let versions = extension(43, &unhex("06 3a3a 0304 0303"));
    let others = [0x2a2a, 5, 10, 11, 0x12, 0x15, 0x17, 0x1b, 0x23, 0x2d, 0x33, 0x4469, 0xff01, 0x4a4a];
    let others = others.iter().flat_map(|number| extension(*number, b""));
    let extensions = [server_name("example.org"), algorithms, protocols, versions, others.collect()].concat();
    let mut driver = Driver::new(&Tls);
    driver.feed(ToServer, &records(&client_hello_with(&unhex(ciphers), &extensions), 16_000));
    driver.close();
    assert_eq!(driver.text("tls_ja4"), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

#[test]
fn ciphers_and_serials() {
    assert_eq!(cipher_name(0x1301), Some("TLS_AES_128_GCM_SHA256"));
    assert_eq!(cipher_name(0x0a0a), None);
    assert_eq!(weaknesses(0x0003).collect::<Vec<_>>(), ["EXPORT cipher", "RC4 cipher", "MD5 MAC"]);
    assert_eq!(weaknesses(0x0034).collect::<Vec<_>>(), ["anonymous key exchange"]);
    assert_eq!(weaknesses(0x1301).count(), 0);
    // The end of the certificate is missing.
    assert_eq!(serial(&unhex("308201e33082018a a003020102 02040a1b2c3d 300a")), Some(&unhex("0a1b2c3d")[..]));
    assert_eq!(serial(b"0"), None);
}

fn extension(number: u16, content: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

fn server_name(name: &str) -> Vec<u8> {
    let length = name.len() as u16;
    let entry = [&[0][..], &length.to_be_bytes(), name.as_bytes()].concat();
    extension(0, &[&(length + 3).to_be_bytes()[..], &entry].concat())
}

fn client_hello(extensions: &[u8]) -> Vec<u8> {
    client_hello_with(&[0x13, 1], extensions)
}

fn client_hello_with(ciphers: &[u8], extensions: &[u8]) -> Vec<u8> {
    let [ciphers, extensions] =
        [ciphers, extensions].map(|list| [&(list.len() as u16).to_be_bytes()[..], list].concat());
    let body = [&[3, 3][..], &[5; 32], &[0], &ciphers, &[1, 0], &extensions].concat();
    [&[1][..], &(body.len() as u32).to_be_bytes()[1..], &body].concat()
}

fn records(handshake: &[u8], length: usize) -> Vec<u8> {
    let parts = handshake.chunks(length);
    parts.flat_map(|part| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat()).collect()
}
