//! Files of every kind, whole, cut at every byte, and damaged.

use std::io::{self, Cursor, Read, Write};
use std::net::IpAddr;

use lanternfish_model::Timestamp;

use crate::{
    BUFFER_BYTES, Counters, Drops, Item, MAX_INTERFACE_CHANGES, MAX_INTERFACES, MAX_NOTES, PcapWriter, PcapngWriter,
    ReadError, Reader, Secrets,
};

type Seen = (i64, u32, u16, Vec<u8>, u32);

/// Everything that a file gives, in words, and its packets.
#[derive(Debug, Default)]
struct Everything {
    packets: Vec<Seen>,
    others: Vec<String>,
    counters: Counters,
    notes: Vec<&'static str>,
}

fn open(bytes: &[u8]) -> Result<Reader, ReadError> {
    Reader::new(Box::new(Cursor::new(bytes.to_vec())))
}

fn read_all(mut reader: Reader) -> Everything {
    let mut all = Everything::default();
    while let Some(item) = reader.next().expect("memory has no read errors") {
        match item {
            Item::Packet(packet) => {
                all.others.extend(packet.comments().map(|text| format!("packet comment {text}")));
                all.packets.push((
                    packet.time.ns(),
                    packet.interface,
                    packet.link,
                    packet.bytes.to_vec(),
                    packet.wire_len,
                ));
            }
            Item::Names(names) => all.others.extend(names.iter().map(|(ip, name)| format!("{ip} is {name}"))),
            Item::Secrets(Secrets { kind, bytes }) => all.others.push(format!("secrets {kind:08x} {}", bytes.len())),
            Item::Comment(comment) => all.others.push(format!("comment {:?} {}", comment.interface, comment.text)),
            Item::Drops(Drops { interface, received, dropped_by_interface, dropped_by_system }) => {
                let dropped = (dropped_by_interface, dropped_by_system);
                all.others.push(format!("drops of {interface}: {received:?} {dropped:?}"));
            }
        }
    }
    assert!(reader.next().unwrap().is_none(), "the end stays the end");
    all.counters = reader.counters();
    all.notes = reader.notes().iter().map(|note| note.what).collect();
    all
}

fn read(bytes: &[u8]) -> Everything {
    read_all(open(bytes).unwrap())
}

fn order32(is_big: bool, number: u32) -> [u8; 4] {
    if is_big { number.to_be_bytes() } else { number.to_le_bytes() }
}

fn order16(is_big: bool, number: u16) -> [u8; 2] {
    if is_big { number.to_be_bytes() } else { number.to_le_bytes() }
}

/// A pcap file with these packets: seconds, fraction, bytes.
fn pcap(magic: u32, is_big: bool, packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut file = order32(is_big, magic).to_vec();
    file.extend(order16(is_big, 2));
    file.extend(order16(is_big, 4));
    file.extend([0; 8]);
    file.extend(order32(is_big, 65_535));
    file.extend(order32(is_big, 1));
    for (seconds, fraction, bytes) in packets {
        let length = bytes.len() as u32;
        for number in [*seconds, *fraction, length, length + 10] {
            file.extend(order32(is_big, number));
        }
        if magic == 0xa1b2_cd34 {
            file.extend([0; 8]);
        }
        file.extend(*bytes);
    }
    file
}

fn many(count: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..=255).cycle().take(700).collect();
    let packets: Vec<_> = (0..count).map(|n| (1_700_000_000 + n, n, &bytes[..(n as usize * 37) % 700 + 1])).collect();
    pcap(0xa1b2_c3d4, false, &packets)
}

/// A pcapng block.
fn block(is_big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = order32(is_big, padded as u32 + 12);
    let mut block = [order32(is_big, kind), total].concat();
    block.extend(body);
    block.resize(8 + padded, 0);
    block.extend(total);
    block
}

fn option(is_big: bool, code: u16, value: &[u8]) -> Vec<u8> {
    let mut option = [order16(is_big, code), order16(is_big, value.len() as u16)].concat();
    option.extend(value);
    option.resize(option.len().next_multiple_of(4), 0);
    option
}

fn section(is_big: bool, options: &[u8]) -> Vec<u8> {
    let mut body = order32(is_big, 0x1a2b_3c4d).to_vec();
    body.extend(order16(is_big, 1));
    body.extend(order16(is_big, 0));
    body.extend([0xff; 8]);
    body.extend(options);
    block(is_big, 0x0a0d_0d0a, &body)
}

fn interface(is_big: bool, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
    let mut body = order16(is_big, link).to_vec();
    body.extend([0; 2]);
    body.extend(order32(is_big, snaplen));
    body.extend(options);
    block(is_big, 1, &body)
}

fn enhanced(is_big: bool, interface: u32, count: u64, bytes: &[u8], wire_len: u32, options: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [interface, (count >> 32) as u32, count as u32, bytes.len() as u32, wire_len] {
        body.extend(order32(is_big, number));
    }
    body.extend(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options);
    block(is_big, 6, &body)
}

/// A pcapng file with a bit of everything, its sections in both byte orders.
fn everything() -> Vec<u8> {
    let mut file = Vec::new();
    for big in [false, true] {
        let ns = [option(big, 2, b"eth0"), option(big, 9, &[9])].concat();
        let seconds: [u8; 8] = if big { 10i64.to_be_bytes() } else { 10i64.to_le_bytes() };
        let binary =
            [option(big, 9, &[0x80 | 10]), option(big, 14, &seconds), option(big, 1, b"an interface")].concat();
        file.extend(section(
            big,
            &[option(big, 1, b"first"), option(big, 1, b"second"), option(big, 4, b"made here")].concat(),
        ));
        file.extend(interface(big, 1, 0, &ns));
        file.extend(interface(big, 101, 64, &binary));
        file.extend(enhanced(big, 0, 1_700_000_000_000_000_001, b"abc", 60, &[]));
        let drops: [u8; 8] = if big { 3u64.to_be_bytes() } else { 3u64.to_le_bytes() };
        let options = [option(big, 1, b"look"), option(big, 4, &drops), vec![0; 4]].concat();
        file.extend(enhanced(big, 1, 5 * 1024 + 512, b"defgh", 5, &options));
        file.extend(block(big, 3, &[&order32(big, 6)[..], b"simple"].concat()));
        let old = [order16(big, 0), order16(big, 2)].concat();
        let numbers = [0, 2000, 3, 3].map(|number| order32(big, number)).concat();
        file.extend(block(big, 2, &[&old[..], &numbers, b"old"].concat()));
        let names = [
            option(big, 1, b"\x0a\0\0\x01one\0uno\0"),
            option(big, 2, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01six\0"),
        ];
        file.extend(block(big, 4, &[&names.concat()[..], &[0; 4]].concat()));
        file.extend(block(big, 10, &[&order32(big, Secrets::TLS_KEY_LOG)[..], &order32(big, 5), b"CLIEN"].concat()));
        file.extend(block(big, 0xbad, &[0; 8]));
        file.extend(block(big, 0x7777_7777, &[]));
        let counts = [option(big, 4, &drops), option(big, 5, &drops), option(big, 7, &drops)].concat();
        file.extend(block(big, 5, &[&[0; 12][..], &counts].concat()));
    }
    file
}

#[test]
fn pcap_is_read_in_every_variant() {
    let packets: [(u32, u32, &[u8]); 2] = [(1, 2, b"abc"), (u32::MAX, 4, b"")];
    for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1), (0xa1b2_cd34, 1000)] {
        for is_big in [false, true] {
            let all = read(&pcap(magic, is_big, &packets));
            let first = (1_000_000_000 + 2 * unit, 0, 1, b"abc".to_vec(), 13);
            let second = (i64::from(u32::MAX) * 1_000_000_000 + 4 * unit, 0, 1, Vec::new(), 10);
            assert_eq!(all.packets, [first, second]);
            assert_eq!(all.counters, Counters { packets: 2, ..Counters::default() });
        }
    }
}

#[test]
fn pcapng_is_read_with_all_its_blocks() {
    let file = everything();
    let mut reader = open(&file).unwrap();
    while reader.next().unwrap().is_some() {}
    let interfaces: Vec<_> =
        reader.interfaces().iter().map(|i| (i.link, i.snaplen, i.name.as_str(), i.dropped)).collect();
    let half = [(1, 0, "eth0", 6), (101, 64, "", 3)];
    assert_eq!(interfaces, half);
    assert_eq!(reader.dropped_packets(), 18);

    let all = read(&file);
    for half in all.packets.chunks(4) {
        assert_eq!(half[0], (1_700_000_000_000_000_001, 0, 1, b"abc".to_vec(), 60));
        assert_eq!(half[1], (15_500_000_000, 1, 101, b"defgh".to_vec(), 5));
        assert_eq!(half[2], (15_500_000_000, 0, 1, b"simple".to_vec(), 6));
        assert_eq!(half[3], (2000, 0, 1, b"old".to_vec(), 3));
    }
    let expected = [
        "comment None first".to_owned(),
        "comment None second".to_owned(),
        "comment Some(1) an interface".to_owned(),
        "packet comment look".to_owned(),
        "10.0.0.1 is one".to_owned(),
        "10.0.0.1 is uno".to_owned(),
        "2001:db8::1 is six".to_owned(),
        "secrets 544c534b 5".to_owned(),
        "drops of 0: Some(3) (Some(3), Some(3))".to_owned(),
    ];
    assert_eq!(all.others, [expected.clone(), expected].concat());
    assert_eq!(all.counters, Counters { packets: 8, other_blocks: 4, ..Counters::default() });
}

#[test]
fn compressed_files_are_read() {
    let file = many(5000);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::stream::encode_all(bytes, 1).unwrap();
    let plain = read(&file).packets;
    assert_eq!(plain.len(), 5000);
    // Two members after each other are one file.
    let (front, back) = file.split_at(file.len() / 2);
    for compressed in [
        gzip(&file),
        zstd(&file),
        zstd(&gzip(&file)),
        [gzip(front), gzip(back)].concat(),
        [zstd(front), zstd(back)].concat(),
    ] {
        assert_eq!(read(&compressed).packets, plain);
    }
    for compressed in [gzip(&file), zstd(&file)] {
        let cut = read(&compressed[..compressed.len() / 2]);
        assert!(cut.counters.is_truncated && (1..5000).contains(&cut.packets.len()));
        assert_eq!(cut.packets, plain[..cut.packets.len()]);
    }
    let mut deep = file;
    for _ in 0..6 {
        deep = gzip(&deep);
    }
    assert!(matches!(open(&deep), Err(ReadError::NotACapture { .. })));
}

#[test]
fn what_is_no_capture_is_an_error() {
    let text = |bytes: &[u8]| open(bytes).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(text(b""), "the capture is empty");
    assert_eq!(text(b"PK"), "the capture ends within its header");
    assert_eq!(text(b"PK\x03\x04 and more"), "neither pcap nor pcapng, it begins with 504b0304");
    assert_eq!(text(&many(1)[..20]), "the capture ends within its header");
    assert_eq!(
        text(&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4]),
        "neither pcap nor pcapng, it begins with 0a0d0d0a"
    );
    let mut swapped = many(1);
    swapped[4..8].copy_from_slice(&[0, 2, 0, 4]);
    assert_eq!(text(&swapped), "", "the version alone in the other byte order");
    let mut newer = many(1);
    newer[4] = 3;
    assert_eq!(text(&newer), "unknown version 3.4 of the capture format");
    assert!(text(&[0x1f, 0x8b, 8, 0, 0, 0]).starts_with("cannot read the capture: "));
}

#[test]
fn a_file_cut_at_any_byte_gives_all_packets_before_the_cut() {
    for file in [many(20), everything()] {
        let whole = read(&file).packets;
        for cut in 0..file.len() {
            let Ok(reader) = open(&file[..cut]) else {
                assert!(cut < 28);
                continue;
            };
            let all = read_all(reader);
            assert_eq!(all.packets, whole[..all.packets.len()], "cut at {cut}");
            assert_eq!(all.counters.is_truncated, all.counters.skipped_bytes > 0, "cut at {cut}");
            assert!(all.counters.skipped_bytes < 800);
        }
    }
}

#[test]
fn reading_goes_on_behind_damage() {
    let file = many(3000);
    let whole = read(&file).packets;
    // The lengths of a record far from the beginning and from the end.
    let at = 24 + whole[..1000].iter().map(|packet| 16 + packet.3.len()).sum::<usize>();
    for (offset, value) in [(8, 0xffff_ffffu32), (8, 0x0003_0000), (8, 2), (8, 0x0000_1000)] {
        let mut damaged = file.clone();
        damaged[at + offset..at + offset + 4].copy_from_slice(&value.to_le_bytes());
        let all = read(&damaged);
        assert!(all.packets.len() > 1990, "{value:x}: {}", all.packets.len());
        assert_eq!(all.packets[..1000], whole[..1000]);
        assert_eq!(all.packets.last(), whole.last());
        assert!(all.counters.notes > 0 && !all.counters.is_truncated, "{value:x}");
    }
    // A hole of zeros, as a full disk leaves it.
    let mut damaged = file.clone();
    damaged[at..at + 100_000].fill(0);
    let all = read(&damaged);
    assert!(all.packets.len() > 2600);
    assert_eq!(all.notes, ["corrupt record"]);
    assert!((100_000..101_000).contains(&all.counters.skipped_bytes));

    let mut writer = PcapngWriter::new(Vec::new(), "").unwrap();
    writer.interface(1, 0, "").unwrap();
    for (time, _, _, bytes, wire_len) in &whole {
        writer.packet(0, Timestamp::from_ns(*time), bytes, *wire_len, None).unwrap();
    }
    let file = writer.into_inner();
    let middle = file.len() / 8 * 4;
    for length in [1, 4, 100, 5000] {
        let mut damaged = file.clone();
        damaged[middle..middle + length].fill(0xff);
        let all = read(&damaged);
        assert!(all.packets.len() > 2975, "{length}: {}", all.packets.len());
        assert_eq!(all.packets.last(), whole.last());
        let mut shifted = file.clone();
        shifted.drain(middle..middle + length);
        let all = read(&shifted);
        assert!(all.packets.len() > 2975, "{length}: {}", all.packets.len());
        assert_eq!(all.packets.last(), whole.last());
    }
}

#[test]
fn blocks_that_contradict_themselves_are_passed_over() {
    let mut file = section(false, &[]);
    file.extend(enhanced(false, 0, 1, b"no interface", 12, &[]));
    file.extend(interface(false, 1, 0, &[]));
    let mut longer = enhanced(false, 0, 1, b"longer", 6, &[]);
    longer[20] = 200;
    file.extend(longer);
    file.extend(block(false, 6, b"short"));
    file.extend(enhanced(false, 0, 1, b"good", 4, &[]));
    let all = read(&file);
    assert_eq!(all.packets, [(1000, 0, 1, b"good".to_vec(), 4)]);
    let notes = ["packet of an unknown interface", "packet longer than its block", "packet block cut short"];
    assert_eq!(all.notes, notes);
    assert_eq!(all.counters.skipped_bytes, 44 + 40 + 20);
}

/// The link types, interfaces and sizes of the packets of a file, and what was wrong.
fn packets_of(file: &[u8]) -> (Vec<(u16, u32, usize)>, Counters) {
    let all = read(file);
    (all.packets.iter().map(|packet| (packet.2, packet.1, packet.3.len())).collect(), all.counters)
}

#[test]
fn the_number_of_sections_and_interfaces_has_no_bound() {
    // Sections one after the other, as where captures are joined.
    let one = [section(false, &[]), interface(false, 1, 0, &[]), enhanced(false, 0, 1, b"abc", 3, &[])].concat();
    let sections = 3 * MAX_INTERFACES;
    let (packets, counters) = packets_of(&one.repeat(sections));
    assert_eq!(counters, Counters { packets: sections as u64, ..Counters::default() });
    assert!(packets.iter().all(|packet| *packet == (1, 0, 3)));

    // Interfaces of one section, in groups that are alike.
    let mut file = section(false, &[]);
    for link in [1, 101, 113] {
        file.extend(interface(false, link, 0, &[]).repeat(MAX_INTERFACES));
    }
    let count = MAX_INTERFACES as u32;
    for id in [0, count - 1, count, 2 * count - 1, 3 * count - 1, 3 * count] {
        file.extend(enhanced(false, id, 1, b"abc", 3, &[]));
    }
    let (packets, counters) = packets_of(&file);
    let expected = [(1, 0), (1, count - 1), (101, count), (101, 2 * count - 1), (113, 3 * count - 1)];
    assert_eq!(packets, expected.map(|(link, id)| (link, id, 3)));
    assert_eq!((counters.notes, counters.skipped_bytes), (1, 36));
}

#[test]
fn interfaces_that_differ_have_a_limit() {
    let mut file = section(false, &[]);
    for number in 0..=MAX_INTERFACE_CHANGES as u32 {
        file.extend(interface(false, 1, number, &[]));
    }
    for id in [MAX_INTERFACE_CHANGES as u32, MAX_INTERFACE_CHANGES as u32 - 1, 0] {
        file.extend(enhanced(false, id, 1, b"abc", 3, &[]));
    }
    // The next section begins anew.
    file.extend([section(false, &[]), interface(false, 7, 0, &[]), enhanced(false, 0, 1, b"abc", 3, &[])].concat());
    let (packets, counters) = packets_of(&file);
    let last = MAX_INTERFACE_CHANGES as u32;
    assert_eq!(packets, [(1, last - 1, 3), (1, 0, 3), (7, 0, 3)]);
    assert_eq!((counters.notes, counters.skipped_bytes), (2, 20 + 36));
}

#[test]
fn an_interface_that_cannot_be_read_keeps_its_number() {
    let mut file = [section(false, &[]), block(false, 1, &[]), interface(false, 101, 0, &[])].concat();
    for id in [0, 1] {
        file.extend(enhanced(false, id, 1, b"abc", 3, &[]));
    }
    let (packets, counters) = packets_of(&file);
    assert_eq!((packets.as_slice(), counters.notes), (&[(101, 1, 3)][..], 2));
}

#[test]
fn a_large_block_is_read_and_its_memory_given_back() {
    let secrets = vec![7; 3 * BUFFER_BYTES];
    let mut writer = PcapngWriter::new(Vec::new(), "test").unwrap();
    writer.interface(1, 0, "").unwrap();
    writer.secrets(1, &secrets).unwrap();
    writer.packet(0, Timestamp::from_ns(5), b"behind", 6, None).unwrap();
    let all = read(&writer.into_inner());
    assert_eq!(all.others, [format!("secrets 00000001 {}", secrets.len())]);
    assert_eq!(all.packets, [(5, 0, 1, b"behind".to_vec(), 6)]);
}

#[test]
fn memory_that_is_held_stays_as_it_was() {
    let large = many(20_000);
    let mut compressed = zstd::stream::encode_all(&large[..], 1).unwrap();
    for (file, is_shared) in [(large.clone(), true), (std::mem::take(&mut compressed), false)] {
        let mut reader = open(&file).unwrap();
        let (mut held, mut seen) = (Vec::new(), 0);
        while let Some(item) = reader.next().unwrap() {
            let Item::Packet(packet) = item else { continue };
            assert_eq!(packet.bytes.len(), (seen * 37) % 700 + 1);
            seen += 1;
            if let Some((memory, start)) = packet.memory {
                held.push((std::sync::Arc::clone(memory), start, packet.bytes.to_vec()));
            }
            if held.len() > 5000 {
                held.drain(..4000);
            }
            // What was held is looked at long after the reader went on.
            let (memory, start, bytes) = match held.first() {
                Some(first) => first,
                None => continue,
            };
            assert_eq!(&memory[*start..*start + bytes.len()], bytes);
        }
        assert_eq!((seen, held.is_empty()), (20_000, !is_shared));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut writer = PcapngWriter::with_comment(Vec::new(), "test", "of the file").unwrap();
    let eth = writer.interface(1, 65_535, "eth0").unwrap();
    let raw = writer.interface(101, 0, "").unwrap();
    let names: [(IpAddr, &str); 2] = [([10, 0, 0, 1].into(), "one"), ("2001:db8::1".parse().unwrap(), "six")];
    writer.names(names).unwrap();
    writer.secrets(Secrets::TLS_KEY_LOG, b"CLIENT_RANDOM").unwrap();
    let time = Timestamp::from_ns(1_700_000_000_123_456_789);
    writer.packet(eth, time, b"abcde", 60, Some("a comment")).unwrap();
    writer.packet(raw, time + 1, b"", 0, None).unwrap();
    writer.statistics(eth, time, 10, 2).unwrap();
    writer.flush().unwrap();
    let all = read(&writer.into_inner());
    let packets = [(time.ns(), 0, 1, b"abcde".to_vec(), 60), (time.ns() + 1, 1, 101, Vec::new(), 0)];
    assert_eq!(all.packets, packets);
    let drops = "drops of 0: Some(10) (None, Some(2))";
    let others = [
        "comment None of the file",
        "10.0.0.1 is one",
        "2001:db8::1 is six",
        "secrets 544c534b 13",
        "packet comment a comment",
        drops,
    ];
    assert_eq!(all.others, others);

    let mut writer = PcapWriter::new(Vec::new(), 1, 65_535).unwrap();
    writer.packet(time, b"abcde", 60).unwrap();
    assert_eq!(read(&writer.into_inner()).packets, packets[..1]);
}

/// An input that gives few bytes at a time and breaks off with an error.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.position() as usize >= self.0.get_ref().len() {
            return Err(io::Error::other("cable pulled"));
        }
        let limit = buffer.len().min(self.1);
        self.0.read(&mut buffer[..limit])
    }
}

#[test]
fn an_input_that_trickles_and_fails_gives_its_packets_first() {
    let file = many(50);
    for step in [1, 7, 100] {
        let mut reader = Reader::new(Box::new(Trickle(Cursor::new(file.clone()), step))).unwrap();
        let mut count = 0;
        let error = loop {
            match reader.next() {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("the failure was hidden"),
                Err(error) => break error,
            }
        };
        assert_eq!((count, error.to_string().as_str()), (50, "cannot read the capture: cable pulled"));
        assert!(reader.next().unwrap().is_none());
    }
}

/// SplitMix64; the crate that builds test data depends on this one.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

#[test]
fn damaged_files_never_panic_and_always_end() {
    let mut random = Random(1);
    for file in [many(40), everything()] {
        for _ in 0..3000 {
            let mut damaged = file.clone();
            for _ in 0..random.below(6) + 1 {
                let at = random.below(damaged.len());
                match random.below(6) {
                    0 | 1 => damaged[at] ^= 1 << random.below(8),
                    2 => damaged[at] = 0xff,
                    3 => damaged.truncate(at.max(30)),
                    4 => drop(damaged.drain(at..(at + random.below(40)).min(damaged.len())).count()),
                    _ => drop(damaged.splice(at..at, file[..random.below(80)].iter().copied()).count()),
                }
                if damaged.len() < 30 {
                    break;
                }
            }
            let Ok(mut reader) = open(&damaged) else { continue };
            let mut given = 0;
            while let Some(item) = reader.next().unwrap() {
                if let Item::Packet(packet) = item {
                    given += packet.bytes.len();
                }
            }
            let counters = reader.counters();
            assert!(given as u64 + counters.skipped_bytes <= damaged.len() as u64);
            assert!(reader.notes().len() <= MAX_NOTES && counters.notes >= reader.notes().len() as u64);
        }
    }
}
