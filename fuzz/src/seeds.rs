//! The first inputs of each target, made in code; the fuzzer goes on from there.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lanternfish_model::Timestamp;
use lanternfish_testkit::{
    Capture, TcpConversation, arp, endpoint, frame, geneve, gre, gtp_u, icmp_echo, icmp_error, ip, ipv4_fragments,
    ipv6_extension, ipv6_fragments, sctp, udp, vlan, vxlan,
};

/// The seeds of all targets: the target, the number of the seed, and its bytes. The target of a protocol is named
/// `dissector-<protocol>`.
pub fn all() -> Vec<(String, usize, Vec<u8>)> {
    let groups: [(&str, Vec<Vec<u8>>); 10] = [
        ("wire", wire()),
        ("pcapfile", files()),
        ("pipeline", files()),
        ("defragment", vec![vec![0, 0, 0, 1, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 8, 0, 0, 1, 4, 1, 2, 3, 4]]),
        ("tracker", tracker()),
        ("datagrams", dns_messages().into_iter().map(|message| [&[0, 0][..], &message].concat()).collect()),
        ("kfl", QUERIES.iter().map(|query| query.as_bytes().to_vec()).collect()),
        ("record", QUERIES.iter().map(|query| format!("{query}\n{RECORD}").into_bytes()).collect()),
        ("decompress", compressed()),
        ("dissector", Vec::new()),
    ];
    let mut seeds = Vec::new();
    for (target, inputs) in groups {
        seeds.extend(inputs.into_iter().enumerate().map(|(number, bytes)| (target.to_owned(), number, bytes)));
    }
    for (protocol, exchanges) in EXCHANGES {
        for (number, exchange) in exchanges.iter().enumerate() {
            seeds.push((format!("dissector-{protocol}"), number, chunks(exchange)));
        }
    }
    for (number, message) in dns_messages().into_iter().enumerate() {
        let exchange = chunks(&[&message]);
        // Datagrams, then the same over TCP with its two bytes of length.
        seeds.push(("dissector-dns".to_owned(), number * 2, [&[1][..], &exchange[1..]].concat()));
        let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
        seeds.push(("dissector-dns".to_owned(), number * 2 + 1, chunks(&[&framed])));
    }
    seeds
}

/// A capture with calls of several protocols.
pub fn conversations() -> Capture {
    let mut capture = Capture::ethernet();
    for (position, (_, exchanges)) in EXCHANGES.iter().enumerate() {
        for (number, exchange) in exchanges.iter().enumerate() {
            let client = format!("10.0.{position}.{}:4000", number + 1);
            let mut conversation = TcpConversation::new(&client, "10.0.9.9:9000").handshake();
            for (turn, part) in exchange.iter().enumerate() {
                conversation = if turn % 2 == 0 { conversation.to_server(part) } else { conversation.to_client(part) };
            }
            capture = capture.merge(conversation.fin().capture());
        }
    }
    let (client, server) = (endpoint("10.0.0.1:5353"), endpoint("10.0.0.2:53"));
    let time = Timestamp::from_parts(1_700_000_001, 0);
    for (number, message) in dns_messages().iter().enumerate() {
        let (from, to) = if number % 2 == 0 { (client, server) } else { (server, client) };
        capture.push(time + number as i64 * 1000, frame(&udp(from, to, message)));
    }
    let (a, b) = addresses();
    capture.push(time + 10_000, frame(&icmp_echo(a, b, 1, 2)));
    capture.push(time + 11_000, frame(&icmp_error(b, a, &udp(client, server, b"nothing there"), 64)));
    capture
}

fn addresses() -> (IpAddr, IpAddr) {
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)))
}

fn files() -> Vec<Vec<u8>> {
    let mut capture = conversations();
    for packet in packets() {
        capture.push(Timestamp::from_parts(1_700_000_002, 0), packet);
    }
    let small = Capture { packets: capture.packets.iter().take(12).cloned().collect(), ..capture.clone() };
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(&small.to_pcap()).expect("writing to memory");
    let mut files = vec![small.to_pcap(), small.to_pcapng(), zipped.finish().expect("writing to memory")];
    files.push(capture.to_pcap());
    files.push(capture.to_pcapng());
    for (_, exchanges) in EXCHANGES {
        for exchange in *exchanges {
            let mut conversation = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80").without_acks().handshake();
            for (turn, part) in exchange.iter().enumerate() {
                conversation = if turn % 2 == 0 { conversation.to_server(part) } else { conversation.to_client(part) };
            }
            files.push(conversation.fin().capture().to_pcap());
        }
    }
    files
}

/// Ethernet frames with every kind of header.
fn packets() -> Vec<Vec<u8>> {
    let (a, b) = addresses();
    let (c, d) = (endpoint("10.0.0.1:4000"), endpoint("10.0.0.2:53"));
    let (e, f) = (endpoint("[2001:db8::1]:4000"), endpoint("[2001:db8::2]:53"));
    let inner = udp(c, d, b"0123456789abcdef0123456789abcdef");
    let sixth = udp(e, f, b"0123456789abcdef0123456789abcdef");
    let mut packets = vec![
        arp(),
        frame(&inner),
        frame(&sixth),
        vlan(0x8100, 7, &vlan(0x88a8, 8, &frame(&inner))),
        frame(&vxlan(a, b, 42, &frame(&inner))),
        frame(&geneve(a, b, 42, &[0, 0, 0, 0], &frame(&inner))),
        frame(&gre(a, b, Some(7), 0x0800, &inner)),
        frame(&gre(a, b, None, 0x6558, &frame(&inner))),
        frame(&gtp_u(a, b, 9, &inner)),
        frame(&ip(a, b, 4, &inner)),
        frame(&ip(a, b, 41, &sixth)),
        frame(&ipv6_extension(&sixth, 60)),
        frame(&sctp(c, d, 1, &[1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1])),
        frame(&icmp_echo(e.ip, f.ip, 1, 2)),
        frame(&icmp_error(e.ip, f.ip, &sixth, 48)),
    ];
    packets.extend(ipv4_fragments(&inner, 7, 16).iter().map(|fragment| frame(fragment)));
    packets.extend(ipv6_fragments(&sixth, 7, 16).iter().map(|fragment| frame(fragment)));
    packets
}

fn wire() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let with = |link: u16, packet: &[u8]| [&link.to_le_bytes()[..], &[0], packet].concat();
    for packet in packets() {
        seeds.push(with(1, &packet));
        let network = packet.get(14..).unwrap_or_default();
        seeds.push(with(101, network));
        seeds.push(with(228, network));
        seeds.push(with(229, network));
        seeds.push(with(0, &[&[2, 0, 0, 0][..], network].concat()));
        seeds.push(with(108, &[&[0, 0, 0, 2][..], network].concat()));
        seeds.push(with(113, &[&[0; 14][..], &[8, 0], network].concat()));
        seeds.push(with(276, &[&[8, 0][..], &[0; 18], network].concat()));
        // PPP, Cisco HDLC, PPPoE, FDDI, Token Ring, 802.11, MPLS and others, with whatever stands behind.
        for link in [6, 9, 10, 12, 14, 50, 51, 104, 105, 107, 109, 119, 127, 141, 143, 166, 192, 219, 253] {
            if seeds.len() % 7 == 0 {
                seeds.push(with(link, &[&[0xff, 3, 0, 0x21][..], network].concat()));
            }
        }
    }
    seeds
}

/// Handshake, data in both directions, a hole, and the end, as the target reads them.
fn tracker() -> Vec<Vec<u8>> {
    let line = |kind: u8, flags: u8, sequence: i8, acknowledgement: i8, length: u8| {
        vec![kind, flags, sequence as u8, acknowledgement as u8, 1, 0, length]
    };
    vec![
        [
            line(0, 2, 0, 0, 0),
            line(1, 18, 0, 0, 0),
            line(0, 16, 0, 0, 0),
            line(0, 24, 0, 0, 9),
            line(1, 24, 0, 0, 30),
            line(0, 24, 20, 0, 9),
            line(0, 24, -10, 0, 9),
            line(0, 17, 0, 0, 0),
            line(1, 17, 0, 0, 0),
        ]
        .concat(),
    ]
}

/// Turns of client and server, as the target of a dissector reads them: transport and way of probing, then for each
/// chunk its direction, its length (2 bytes) and its bytes.
fn chunks(exchange: &[&[u8]]) -> Vec<u8> {
    let mut seed = vec![0];
    for (turn, part) in exchange.iter().enumerate() {
        seed.push((turn % 2) as u8);
        seed.extend_from_slice(&(part.len() as u16).to_le_bytes());
        seed.extend_from_slice(part);
    }
    seed
}

fn dns_messages() -> Vec<Vec<u8>> {
    let name = b"\x03www\x07example\x03com\x00";
    let question = [&name[..], &[0, 1, 0, 1]].concat();
    let query = [&[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
    let head = |answers: u8| [&[0x12, 0x34, 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0][..], &question].concat();
    let record = |kind: u8, data: &[u8]| {
        [&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60][..], &(data.len() as u16).to_be_bytes(), data].concat()
    };
    let mut messages = vec![query.clone(), [head(1), record(1, &[10, 0, 0, 9])].concat()];
    let kinds: [(u8, &[u8]); 14] = [
        (2, b"\x02ns\xc0\x10"),
        (5, b"\x05other\xc0\x10"),
        (6, b"\x02ns\xc0\x10\x04root\xc0\x10\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05"),
        (12, b"\x04host\xc0\x10"),
        (15, b"\0\x0a\x04mail\xc0\x10"),
        (16, b"\x05hello\x05world"),
        (28, &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (33, b"\0\x01\0\x02\x01\xbb\x04host\xc0\x10"),
        (35, b"\0\x01\0\x02\x01u\x03sip\x08!^.*$!x!\0"),
        (43, &[1, 2, 8, 2, 1, 2, 3, 4]),
        (46, &[0, 1, 8, 2, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 0, 9, 9]),
        (47, &[0, 0, 2, 0x40, 1]),
        (64, b"\0\x01\0\0\x01\0\x03\x02h2"),
        (65, b"\0\x01\0\0\x01\0\x03\x02h2\0\x03\0\x02\x01\xbb"),
    ];
    messages.extend(kinds.iter().map(|(kind, data)| [head(1), record(*kind, data)].concat()));
    // EDNS (RFC 6891) with a client subnet and a cookie.
    let mut edns = query;
    edns[11] = 1;
    edns.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 19, 0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 0]);
    edns.extend_from_slice(&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    messages.push(edns);
    messages
}

fn compressed() -> Vec<Vec<u8>> {
    let text = b"the same words again and again, the same words again and again";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text).and(zlib.write_all(text)).and(raw.write_all(text)).expect("writing to memory");
    let finished = "writing to memory";
    vec![
        [&[0, 255, 255][..], &gzip.finish().expect(finished)].concat(),
        [&[1, 255, 255][..], &zlib.finish().expect(finished)].concat(),
        [&[1, 20, 0][..], &raw.finish().expect(finished)].concat(),
        // RFC 7932: an uncompressed metablock, and the empty stream.
        vec![2, 255, 255, 0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03],
        vec![2, 255, 255, 0x06],
        // RFC 8878: a raw block of 5 bytes, and a run of 100.
        vec![3, 255, 255, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, b'h', b'e', b'l', b'l', b'o'],
        vec![3, 255, 255, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 100, 0x23, 3, 0, b'x'],
    ]
}

/// Turns of client and server by protocol.
const EXCHANGES: &[(&str, &[&[&[u8]]])] = &[
    (
        "http",
        &[
            &[
                b"GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nCookie: a=b; c=d\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
                b"POST /b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: t\r\n\r\n",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            ],
            &[
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                b"\x81\x05hello",
            ],
            &[b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"],
            &[b"HEAD / HTTP/1.0\r\n\r\nGET /x HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end"],
        ],
    ),
    (
        "redis",
        &[
            &[
                b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
                b"+OK\r\n$1\r\nb\r\n",
                b"*1\r\n$4\r\nPING\r\n",
                b"-ERR no\r\n",
            ],
            &[
                b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
                b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n+proto\r\n:3\r\n",
                b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n",
                b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n_\r\n#t\r\n,1.5\r\n(123\r\n=5\r\ntxt:a\r\n~1\r\n|1\r\n+a\r\n+b\r\n:1\r\n",
            ],
            &[b"PING\r\n", b"+PONG\r\n", b"MULTI\r\nEXEC\r\n", b"+OK\r\n*-1\r\n"],
            &[b"*1\r\n$5\r\nPSYNC\r\n", b"+FULLRESYNC a 1\r\n$3\r\nabc*1\r\n$4\r\nPING\r\n"],
        ],
    ),
    ("tls", &[&[CLIENT_HELLO, SERVER_HELLO, b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x03abc", b"\x15\x03\x03\x00\x02\x02\x28"]]),
    ("icmp", &[&[&[8, 0, 0, 0, 0, 1, 0, 2, b'p', b'i', b'n', b'g'], &[0, 0, 0, 0, 0, 1, 0, 2, b'p', b'i', b'n', b'g']]]),
];

/// RFC 8446 section 4.1.2 with a server name, versions, protocols, groups, signatures and a key share.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x8f\x01\x00\x00\x8b\x03\x03\
0123456789abcdef0123456789abcdef\x20ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP\x00\x06\x13\x01\x13\x02\xc0\x2f\x01\x00\
\x00\x3c\x00\x00\x00\x10\x00\x0e\x00\x00\x0bexample.com\x00\x2b\x00\x05\x04\x03\x04\x03\x03\
\x00\x10\x00\x05\x00\x03\x02h2\x00\x0a\x00\x04\x00\x02\x00\x1d\x00\x0d\x00\x04\x00\x02\x04\x03";

/// RFC 8446 section 4.1.3.
const SERVER_HELLO: &[u8] = b"\x16\x03\x03\x00\x54\x02\x00\x00\x50\x03\x03\
fedcba9876543210fedcba9876543210\x20ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP\x13\x01\x00\x00\x08\x00\x2b\x00\x02\x03\x04\
\x00\x00";

const RECORD: &str = r#"{"http":true,"method":"GET","status_code":500,"request":{"headers":{"a":["b","c"]},
"body":"{\"items\":[{\"id\":1},{\"id\":2}]}"},"elapsed_time":1500,"timestamp":"2023-11-14T22:13:20Z"}"#;

const QUERIES: &[&str] = &[
    "http",
    "http and status_code >= 500 or dns",
    r#"request.headers["a"] == "b" && !(method in ["GET", "POST"])"#,
    r#"request.body.json().items[*].id == 2"#,
    r#"path.startsWith("/api") && path.matches("^/a.*$")"#,
    r#"r"Token.*" and limit(10)"#,
    r#"method == r"G.T" and redact("request.headers.a", "request.body.json().items[0].id")"#,
    r#"timestamp >= datetime("11/14/2023, 10:13:20.000 PM") and timestamp < now() - seconds(5)"#,
    r#"request.body.xml().a.b[0] == "c" or request.body contains "items""#,
    r#"[1, 2, 3].exists(x, x > 2) && size("abc") == 3 && {"a": 1}.a == 1"#,
    r#"src.ip == "10.0.0.1" and dst.port == 80 ? elapsed_time > 1000.0 : true"#,
    r#""a" + "b" == 'ab' && 1 + 2 * 3 % 4 - -5 < 0x10 && b"\x00" != b"" && null == null"#,
];
