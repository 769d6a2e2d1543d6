//! Capture files that are damaged, endless, or of a kind that nobody reads.

use std::io::{Cursor, Read, Write};

use lanternfish_model::Cause;
use lanternfish_testkit::Capture;

use crate::bench;
use crate::world::{Input, Seen, good_files, observe};

fn input(bytes: Vec<u8>) -> Input {
    Box::new(Cursor::new(bytes))
}

/// Sees a file on one thread and on several.
fn each(bytes: &[u8], expect: impl Fn(&Seen)) {
    for threads in [1, 3] {
        expect(&observe(input(bytes.to_vec()), threads));
    }
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let total = (body.len().next_multiple_of(4) as u32 + 12).to_le_bytes();
    let mut block = [&kind.to_le_bytes()[..], &total, body].concat();
    block.resize(8 + body.len().next_multiple_of(4), 0);
    block.extend_from_slice(&total);
    block
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")
}

/// An interface with times in nanoseconds.
fn interface(link: u16, snaplen: u32) -> Vec<u8> {
    let body =
        [&link.to_le_bytes()[..], &[0, 0], &snaplen.to_le_bytes(), &[9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]].concat();
    block(1, &body)
}

/// The packets of a capture as blocks on an interface.
fn packets(capture: &Capture, interface: impl Fn(usize) -> u32) -> Vec<u8> {
    let mut blocks = Vec::new();
    for (number, packet) in capture.packets.iter().enumerate() {
        let time = packet.time.ns() as u64;
        let length = packet.bytes.len() as u32;
        let words = [interface(number), (time >> 32) as u32, time as u32, length, packet.wire_len];
        let head: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        blocks.extend(block(6, &[&head[..], &packet.bytes].concat()));
    }
    blocks
}

/// The good calls in pcapng with blocks in their midst.
fn with_blocks(hostile: &[u8]) -> Vec<u8> {
    let (before, after) = good_files();
    [section(), interface(1, 0), packets(&before, |_| 0), hostile.to_vec(), packets(&after, |_| 0)].concat()
}

alone! {
    fn sections_without_number() {
        let (before, after) = good_files();
        let one = [section(), interface(1, 0)].concat();
        let file = [&one[..], &packets(&before, |_| 0), &one.repeat(40_000), &packets(&after, |_| 0)].concat();
        each(&file, |seen| {
            seen.assert_good();
            assert!(seen.report.ledger.is_lossless(), "{}", seen.report.ledger.stats());
        });
    }

    fn interfaces_without_number() {
        let (before, after) = good_files();
        let count = 60_000;
        let file = [
            section(),
            interface(1, 0).repeat(count),
            packets(&before, |_| count as u32 - 1),
            packets(&after, |_| count as u32 - 1),
        ]
        .concat();
        each(&file, |seen| {
            seen.assert_good();
            assert!(seen.report.ledger.is_lossless(), "{}", seen.report.ledger.stats());
        });
    }

    fn interfaces_that_all_differ() {
        let (before, after) = good_files();
        let many: Vec<u8> = (0..20_000).flat_map(|number| interface(1, number)).collect();
        let file = [section(), many, packets(&before, |_| 3), packets(&before, |_| 19_000), packets(&after, |_| 9000)].concat();
        each(&file, |seen| {
            seen.assert_good();
            assert!(seen.count(Cause::FileCorrupt) > 1000 && !seen.report.notes.is_empty());
        });
    }

    fn blocks_of_absurd_length() {
        for length in [0u32, 1, 4, 8, 11, 13, 28, 0x0100_0001, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            for kind in [1u32, 6, 0x0a0d_0d0a, 0x0bad, 77] {
                let lying = [&kind.to_le_bytes()[..], &length.to_le_bytes(), &[0xee; 64], &length.to_le_bytes()].concat();
                each(&with_blocks(&lying), |seen| {
                    seen.assert_good();
                    assert!(seen.count(Cause::FileCorrupt) > 0, "{kind} {length}");
                });
            }
        }
    }

    /// Captured lengths that say more than the block has, and option lists that do.
    fn packets_that_are_longer_than_their_blocks() {
        for captured in [65u32, 1000, u32::MAX] {
            let head: Vec<u8> = [0, 1, 1, captured, captured].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
            let lying = block(6, &[&head[..], &[0; 60]].concat());
            each(&with_blocks(&lying.repeat(100)), |seen| {
                seen.assert_good();
                assert_eq!(seen.count(Cause::FileCorrupt), 100 * lying.len() as u64);
                assert!(seen.report.notes.len() <= 64);
            });
        }
        let options = block(1, &[&[1, 0, 0, 0, 0, 0, 0, 0][..], &[2, 0, 0xff, 0xff, b'a', b'b', 0, 0]].concat());
        each(&with_blocks(&options), Seen::assert_good);
    }

    /// A block of the most bytes that are read, and one of more.
    fn blocks_of_many_bytes() {
        let (before, after) = good_files();
        let begin = [section(), interface(1, 0), packets(&before, |_| 0)].concat();
        let end = packets(&after, |_| 0);
        for (bytes, is_read) in [((16 << 20) - 12, true), (16 << 20, false)] {
            let length = (bytes as u32 + 12).to_le_bytes();
            let head = [&0x0badu32.to_le_bytes()[..], &length].concat();
            for threads in [1, 3] {
                let body = std::io::repeat(0).take(bytes);
                let file = Cursor::new([&begin[..], &head].concat()).chain(body);
                let file = file.chain(Cursor::new([&length[..], &end].concat()));
                let seen = observe(Box::new(file), threads);
                seen.assert_good();
                assert_eq!(seen.count(Cause::FileCorrupt) == 0, is_read);
            }
        }
    }

    fn noise_between_records() {
        let (before, after) = good_files();
        let mut random = lanternfish_testkit::Random::new(3);
        for count in [1, 3, 16, 1000, 3 << 20] {
            let noise = random.bytes(count);
            let pcap = [before.to_pcap(), noise.clone(), crate::world::records(&after)].concat();
            each(&pcap, |seen| {
                seen.assert_good();
                assert!(seen.count(Cause::FileCorrupt) >= count as u64);
            });
            each(&with_blocks(&noise), |seen| {
                seen.assert_good();
                assert!(seen.count(Cause::FileCorrupt) >= count as u64);
            });
        }
    }

    fn link_types_that_nobody_reads() {
        let (before, after) = good_files();
        let links = [2u16, 147, 162, 195, 4711, u16::MAX];
        let mut hostile = Vec::new();
        for (number, link) in links.iter().enumerate() {
            hostile.extend(interface(*link, 0));
            hostile.extend(packets(&before, |_| 1 + number as u32));
        }
        each(&with_blocks(&hostile), |seen| {
            seen.assert_good();
            assert_eq!(seen.count(Cause::UnknownLinkType), (links.len() * before.packets.len()) as u64);
        });
        let unknown = Capture { link: 4711, packets: [before.packets, after.packets].concat() };
        each(&unknown.to_pcap(), |seen| {
            assert_eq!(seen.count(Cause::UnknownLinkType), unknown.packets.len() as u64);
            assert!(seen.good.is_empty());
        });
    }

    /// Compressed files that end early keep what stands before their end.
    fn compressed_files_that_end_early() {
        let (before, after) = good_files();
        let mut whole = before;
        for number in 0..2000 {
            let (time, packet) = crate::world::syn(number, crate::world::HOSTILE + i64::from(number) * 1000);
            whole.push(time, packet);
        }
        whole.packets.extend(after.packets);
        let file = whole.to_pcapng();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&file).unwrap();
        let gzip = gzip.finish().unwrap();
        each(&gzip, Seen::assert_good);
        for length in (300..gzip.len()).step_by(997) {
            each(&gzip[..length], |seen| {
                assert!(seen.report.notes.iter().any(|note| note.contains("ends")), "{:?}", seen.report.notes);
                assert!(length < 2000 || seen.good.iter().any(|call| call["path"] == "/before"), "{length}");
            });
        }
        // Damage in the midst, and bytes behind the end.
        let mut damaged = gzip.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 8].fill(0x55);
        each(&damaged, |seen| assert!(!seen.report.notes.is_empty() && !seen.good.is_empty()));
        each(&[&gzip[..], b"no gzip"].concat(), Seen::assert_good);
    }

    /// A gzip file that holds a capture, then zeros without end: they are passed over, not kept.
    fn a_compressed_file_of_nothing() {
        let (before, after) = good_files();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&before.to_pcap()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..100 {
            encoder.write_all(&zeros).unwrap();
        }
        encoder.write_all(&crate::world::records(&after)).unwrap();
        let file = encoder.finish().unwrap();
        assert!(file.len() < 200_000);
        each(&file, |seen| {
            seen.assert_good();
            assert!(seen.count(Cause::FileCorrupt) > 90 << 20 || seen.report.packets > 1 << 20, "{:?}", seen.report.notes);
        });
    }

    /// What is no capture file, and an input that fails, end the run with an error; nothing panics.
    fn what_is_no_capture_file() {
        for bytes in [&b""[..], b"\xd4", b"\xd4\xc3\xb2\xa1", b"GET / HTTP/1.1\r\n\r\n and more than a header", &[0; 100]] {
            assert!(bench::try_run(bytes, 1).is_none() && bench::try_run(bytes, 3).is_none());
        }
        struct Failing(Cursor<Vec<u8>>);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(std::io::Error::other("gone")),
                    count => Ok(count),
                }
            }
        }
        for threads in [1, 3] {
            let input = Box::new(Failing(Cursor::new(good_files().0.to_pcap())));
            assert!(bench::stream(bench::settings(), input, threads, &mut |_| {}).is_none());
        }
    }
}
