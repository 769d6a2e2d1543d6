//! HTTP: bodies that are larger than they look, and lengths that lie.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lanternfish_model::Cause;
use lanternfish_testkit::Capture;

use crate::world::{AFTER, HOSTILE, Made, check, check_capture, hostile};

/// The bytes of a body that is `mib` MiB of zeros, compressed by `encode`.
fn zeros<W>(mib: usize, mut encoder: W, finish: impl Fn(W) -> Vec<u8>) -> Vec<u8>
where
    W: Write,
{
    let part = vec![0; 1 << 20];
    for _ in 0..mib {
        encoder.write_all(&part).unwrap();
    }
    finish(encoder)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// 64 MiB of zeros in each coding.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let best = Compression::best();
    let plain = zeros(64, GzEncoder::new(Vec::new(), best), |encoder| encoder.finish().unwrap());
    vec![
        ("deflate", zeros(64, ZlibEncoder::new(Vec::new(), best), |encoder| encoder.finish().unwrap())),
        ("deflate", zeros(64, DeflateEncoder::new(Vec::new(), best), |encoder| encoder.finish().unwrap())),
        ("zstd", zstd_zeros()),
        ("br", BROTLI_ZEROS.to_vec()),
        ("gzip, gzip", gzip(&plain)),
        ("gzip, gzip, gzip", gzip(&gzip(&plain))),
        ("gzip", plain),
    ]
}

/// A frame of zstd (RFC 8878 section 3.1.1): 512 blocks of 128 KiB, each a repeated byte.
fn zstd_zeros() -> Vec<u8> {
    // The frame header: no checksum, no dictionary, a window of 1 MiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50];
    for number in 0..512u32 {
        // The block header: last block, RLE (1), size 128 KiB.
        let header = u32::from(number == 511) | 1 << 1 | (128 << 10) << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// 64 MiB of zeros as the reference encoder of brotli (RFC 7932) makes them: four meta-blocks, the last of them empty.
const BROTLI_ZEROS: [u8; 108] = [
    0xcb, 0xff, 0xff, 0x3f, 0xf8, 0x27, 0x00, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x8f, 0xff, 0xff, 0x7f, 0xf0, 0x4f,
    0x00, 0xc4, 0x61, 0x11, 0x80, 0xee, 0xfd, 0x1f, 0xff, 0xff, 0xff, 0xe0, 0x9f, 0x00, 0x88, 0xc3, 0x02, 0x00, 0xdd,
    0xfb, 0x3f, 0xfe, 0xff, 0xff, 0xc1, 0x3f, 0x01, 0x10, 0x87, 0x05, 0x00, 0xba, 0xf7, 0x7f, 0xfc, 0xff, 0xff, 0x83,
    0x7f, 0x02, 0x20, 0x0e, 0x0b, 0x00, 0x74, 0xef, 0xff, 0xf8, 0xff, 0xff, 0x07, 0xff, 0x04, 0x40, 0x1c, 0x16, 0x00,
    0xe8, 0xde, 0xff, 0xf1, 0xff, 0xff, 0x0f, 0xfe, 0x09, 0x80, 0x38, 0x2c, 0x00, 0xd0, 0xbd, 0xff, 0xe3, 0xff, 0xff,
    0x1f, 0xfc, 0x13, 0x00, 0x71, 0x58, 0x00, 0xa0, 0x7b, 0xff, 0x67, 0x00, 0x03,
];

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes(), body].concat()
}

/// One request with a response of some bytes for each, on connections of their own; a second call behind each response.
fn answered(responses: &[Vec<u8>]) -> Capture {
    let mut capture = Capture::ethernet();
    for (number, response) in responses.iter().enumerate() {
        let conversation = hostile(number as u32)
            .handshake()
            .to_server(b"GET /hostile HTTP/1.1\r\nHost: a\r\n\r\n")
            .to_client(response)
            .to_server(b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
            .to_client(b"HTTP/1.1 204 No Content\r\n\r\n")
            .fin();
        capture = capture.merge(conversation.capture());
    }
    capture
}

alone! {
    fn bodies_that_grow_when_they_are_decompressed() {
        for (coding, body) in bombs() {
            assert!(body.len() < 100_000, "{coding}: {}", body.len());
            let head = format!("Content-Encoding: {coding}\r\nContent-Length: {}", body.len());
            check_capture(&answered(&[response(&head, &body)]), |seen| {
                let [bomb, second] = seen.others.as_slice() else { panic!("{:?}", seen.others) };
                assert_eq!((&bomb["path"], &second["path"]), (&"/hostile".into(), &"/second".into()), "{coding}");
                assert!(bomb["response"].to_string().len() < 500_000, "{coding}");
                assert!(bomb["notes"].to_string().contains("cut"), "{coding}: {}", bomb["notes"]);
                assert_eq!(seen.count(Cause::LimitReached), 1, "{coding}");
            });
        }
    }

    fn more_codings_than_anybody_uses() {
        let body = gzip(b"hello");
        let head = format!("Content-Encoding: {}gzip\r\nContent-Length: {}", "gzip, ".repeat(500), body.len());
        check_capture(&answered(&[response(&head, &body)]), |seen| {
            let [bomb, second] = seen.others.as_slice() else { panic!("{:?}", seen.others) };
            assert!(bomb["notes"].is_array() && second["notes"].is_null(), "{bomb}");
            assert_eq!(seen.count(Cause::LimitReached), 1, "{bomb}");
        });
    }

    /// A head line of 64 MiB; what comes behind the limit is passed over until a message begins again.
    fn a_head_that_never_ends() {
        for begin in ["GET / HTTP/1.1\r\nX: ", "GET /"] {
            let many = move || {
                let mut conversation = Some(hostile(0).step(100).handshake().to_server(begin.as_bytes()));
                let mut part = 0;
                move || {
                    // The conversation goes on where the part before it ended.
                    let next = conversation.take()?;
                    part += 1;
                    if part < 64 {
                        let (packets, rest) = next.to_server(&vec![b'a'; 1 << 20]).take_capture();
                        conversation = Some(rest);
                        return Some(packets);
                    }
                    let last = next.to_server(b"\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n");
                    Some(last.to_client(b"HTTP/1.1 204 No Content\r\n\r\n").fin().capture())
                }
            };
            check(|| Made::input(many()), |seen| {
                assert_eq!(seen.count(Cause::LimitReached), 1);
                assert!(seen.count(Cause::Resync) > 60 << 20);
                assert!(seen.of("http").iter().any(|call| call["path"] == "/second"), "{:?}", seen.others);
                assert!(seen.other_count <= 3);
            });
        }
    }

    fn a_head_of_many_fields() {
        let fields: String = (0..6000).map(|number| format!("X{number}: a\r\n")).collect();
        let head = response(&format!("{fields}Content-Length: 2"), b"ok");
        check_capture(&answered(&[head]), |seen| {
            assert_eq!(seen.count(Cause::LimitReached), 1, "{}", seen.report.ledger.stats());
            assert!(seen.of("http").iter().any(|call| call["path"] == "/second"));
        });
    }

    fn chunk_sizes_that_lie() {
        let sizes = ["ffffffffffffffff", "7fffffffffffffff", "11111111111111111111111111", "-5", "0x5", "9", "4", "", "5;"];
        let responses: Vec<Vec<u8>> = sizes
            .iter()
            .map(|size| response("Transfer-Encoding: chunked", format!("{size}\r\nhello\r\n0\r\n\r\n").as_bytes()))
            .collect();
        check_capture(&answered(&responses), |seen| {
            let hostile = |entry: &&&serde_json::Value| entry["path"] == "/hostile";
            assert_eq!(seen.of("http").iter().filter(hostile).count(), sizes.len());
            for call in seen.of("http").iter().filter(hostile) {
                let number = call["src"]["ip"].as_str().unwrap().rsplit('.').next().unwrap().parse::<usize>().unwrap();
                let is_fine = sizes[number] == "5;";
                assert_eq!(call["notes"].is_null(), is_fine, "{}: {call}", sizes[number]);
            }
        });
    }

    fn a_chunk_extension_that_never_ends() {
        let chunk = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1 << 20));
        check_capture(&answered(&[response("Transfer-Encoding: chunked", chunk.as_bytes())]), |seen| {
            assert!(seen.of("http").iter().any(|call| !call["notes"].is_null()), "{:?}", seen.others);
            assert!(seen.of("http").iter().any(|call| call["path"] == "/second"), "{:?}", seen.others);
        });
    }

    fn lengths_of_bodies_that_lie() {
        let lengths = ["18446744073709551615", "9223372036854775807", "99999999999999999999999999", "-5", "0x5", "6", "4", "5, 6"];
        let responses: Vec<Vec<u8>> =
            lengths.iter().map(|length| response(&format!("Content-Length: {length}"), b"hello")).collect();
        check_capture(&answered(&responses), |seen| {
            let paths: Vec<_> = seen.of("http").iter().filter_map(|call| call["path"].as_str().map(str::to_owned)).collect();
            for path in ["/hostile", "/second"] {
                assert_eq!(paths.iter().filter(|seen| *seen == path).count(), lengths.len(), "{path} of {paths:?}");
            }
            let noted = seen.of("http").iter().filter(|call| !call["notes"].is_null()).count();
            assert!(noted >= lengths.len() - 2, "{noted} {:?}", seen.others);
        });
    }

    /// A body of a length that nobody will ever send is followed without being kept.
    fn a_body_that_never_ends() {
        let many = || {
            let head = response("Content-Length: 9000000000000000000", b"");
            let begun = hostile(0).step(100).handshake().to_server(b"GET /hostile HTTP/1.1\r\n\r\n").to_client(&head);
            let mut conversation = Some(begun);
            let mut part = 0;
            move || {
                let next = conversation.take()?;
                part += 1;
                let (packets, rest) = next.to_client(&vec![b'a'; 1 << 20]).take_capture();
                conversation = (part < 64).then_some(rest);
                Some(packets)
            }
        };
        check(|| Made::input(many()), |seen| {
            let [call] = seen.others.as_slice() else { panic!("{:?}", seen.others) };
            assert_eq!(call["response_body_size"], 64 << 20);
            assert!(call["response"]["body"].as_str().unwrap().len() <= 64 << 10);
            assert_eq!(seen.count(Cause::LimitReached), 1);
        });
    }

    fn the_hostile_calls_end_before_the_good_ones_go_on() {
        let last = answered(&[Vec::new()]).packets.last().unwrap().time;
        assert!(HOSTILE < last && last < AFTER);
    }
}
