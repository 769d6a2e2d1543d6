//! The ring: what goes in comes out, whatever happens to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanternfish_model::{PacketRun, Timestamp};

use super::index::{index_path, load};
use super::{Ring, RingFiles, RingPacket, RingWriter};

/// 2026-03-14T22:00:00Z.
const START: i64 = 1_773_525_600_000_000_000;

fn at(number: u64) -> Timestamp {
    Timestamp::from_ns(START + number.cast_signed() * 1000)
}

/// The bytes of a packet: as many as its number says, all different.
fn bytes(number: u64) -> Vec<u8> {
    (0..number % 1400).map(|place| (place * 7 + number) as u8).collect()
}

fn open(dir: &Path) -> Ring {
    Ring(Arc::new(RingFiles::open(dir, true, 0, |path, error| panic!("{}: {error}", path.display()))))
}

fn writer(ring: &Ring, most: u64) -> RingWriter {
    ring.0.resize(most);
    RingWriter::start(Arc::clone(&ring.0)).unwrap()
}

/// Packets of two interfaces of different link types by turns.
fn push(writer: &mut RingWriter, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let (interface, link) = if number.is_multiple_of(3) { (7, 113) } else { (2, 1) };
        let packet = bytes(number);
        writer.push(number, at(number), interface, link, packet.len() as u32 + 10, &packet);
        // The disk is slower than a loop.
        if number.is_multiple_of(1000) {
            writer.flush();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    writer.flush();
}

fn check(packet: &RingPacket) {
    let number = packet.number;
    assert_eq!((packet.time, &packet.bytes), (at(number), &bytes(number)));
    assert_eq!(packet.wire_len, packet.bytes.len() as u32 + 10);
    let (link, name) = if number.is_multiple_of(3) { (113, "any") } else { (1, "eth0") };
    assert_eq!((packet.link, &*packet.interface), (link, name), "packet {number}");
}

fn numbers(ring: &Ring, runs: &[(u64, u64)], from: Timestamp, to: Timestamp) -> Vec<u64> {
    let runs: Vec<PacketRun> = runs.iter().map(|&(first, count)| PacketRun { first, count }).collect();
    let packets = ring.packets(&runs, from, to).map(Result::unwrap);
    packets
        .map(|packet| {
            check(&packet);
            packet.number
        })
        .collect()
}

fn all(ring: &Ring) -> Vec<u64> {
    numbers(ring, &[], Timestamp::MIN, Timestamp::MAX)
}

/// A ring of some MiB with packets 1 to 19,999 in several files.
fn filled(dir: &Path) -> Ring {
    let ring = open(dir);
    let mut writer = writer(&ring, 24 << 20);
    writer.name_interface(2, 1, "eth0");
    writer.name_interface(7, 113, "any");
    push(&mut writer, 1..20_000);
    drop(writer);
    assert_eq!(ring.lost(), 0);
    ring
}

#[test]
fn exact_packets_come_back_by_number_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let ring = filled(dir.path());
    assert!(ring.0.lock().len() > 3);
    for ring in [&ring, &open(dir.path())] {
        assert_eq!(all(ring), (1..20_000).collect::<Vec<_>>());
        let runs = [(15_000, 3), (5, 2), (6, 4), (12_345, 1), (30_000, 5), (9, 0)];
        let expected = [5, 6, 7, 8, 9, 12_345, 15_000, 15_001, 15_002];
        assert_eq!(numbers(ring, &runs, Timestamp::MIN, Timestamp::MAX), expected);
        assert_eq!(numbers(ring, &[], at(777), at(1204)), (777..=1204).collect::<Vec<_>>());
        assert_eq!(numbers(ring, &[(1000, 500)], at(777), at(1204)), (1000..=1204).collect::<Vec<_>>());
        assert_eq!(numbers(ring, &[(30_000, 1)], Timestamp::MIN, Timestamp::MAX), Vec::<u64>::new());
        let range = ring.range().unwrap();
        assert_eq!((range.first, range.last, range.from, range.to), (1, 19_999, at(1), at(19_999)));
    }
}

#[test]
fn any_reader_of_pcapng_reads_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let ring = filled(dir.path());
    let paths: Vec<_> = ring.0.lock().iter().map(|file| file.path.clone()).collect();
    let mut next = 1;
    for path in paths {
        let input = Box::new(std::fs::File::open(&path).unwrap());
        let mut reader = lanternfish_pcapfile::Reader::new(input).unwrap();
        while let Some(packet) = next_packet(&mut reader) {
            assert_eq!((packet.0, packet.1), (at(next), bytes(next)), "packet {next} of {}", path.display());
            next += 1;
        }
    }
    assert_eq!(next, 20_000);
}

#[test]
fn the_oldest_files_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let ring = open(dir.path());
    let most = 3 << 20;
    let mut writer = writer(&ring, most);
    writer.name_interface(2, 1, "eth0");
    writer.name_interface(7, 113, "any");
    push(&mut writer, 1..20_000);
    drop(writer);
    assert!(ring.bytes() <= most, "{}", ring.bytes());
    let on_disk: u64 =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(on_disk <= most + (64 << 10), "{on_disk} with its indexes");
    let left = all(&ring);
    assert!(left[0] > 10_000 && left.len() > 2000, "{} packets from {}", left.len(), left[0]);
    assert_eq!(left, (left[0]..20_000).collect::<Vec<_>>());
    assert_eq!(all(&open(dir.path())), left);
}

#[test]
fn packets_are_read_while_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let ring = open(dir.path());
    let mut writer = writer(&ring, 1 << 20);
    writer.name_interface(2, 1, "eth0");
    writer.name_interface(7, 113, "any");
    push(&mut writer, 1..11);
    assert!(ring.wait_for(10, Duration::from_secs(10)));
    assert!(!ring.wait_for(11, Duration::from_millis(20)));
    assert_eq!(all(&ring), (1..11).collect::<Vec<_>>());
    let packet = bytes(11);
    writer.push(11, at(11), 2, 1, packet.len() as u32 + 10, &packet);
    writer.tick(Instant::now());
    assert!(!ring.wait_for(11, Duration::from_millis(20)), "a block waits for a while");
    writer.tick(Instant::now() + Duration::from_secs(1));
    assert!(ring.wait_for(11, Duration::from_secs(10)));
    assert_eq!(all(&ring), (1..12).collect::<Vec<_>>());
}

#[test]
fn without_an_index_the_file_tells() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = filled(dir.path()).0.lock().iter().map(|file| file.path.clone()).collect();
    std::fs::remove_file(index_path(&paths[0])).unwrap();
    let index = index_path(&paths[1]);
    let records = std::fs::read(&index).unwrap();
    std::fs::write(&index, &records[..records.len() / 2 + 5]).unwrap();
    std::fs::write(index_path(&paths[2]), vec![0xff; 480]).unwrap();
    assert_eq!(all(&open(dir.path())), (1..20_000).collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_cut_anywhere_gives_what_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let ring = open(dir.path());
    let mut writer = writer(&ring, 1 << 20);
    writer.name_interface(2, 1, "eth0");
    writer.name_interface(7, 113, "any");
    push(&mut writer, 1..300);
    drop(writer);
    let path = ring.0.lock()[0].path.clone();
    let whole = std::fs::read(&path).unwrap();
    let mut most = 0;
    for cut in (200..whole.len()).step_by(whole.len() / 61) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let blocks = load(&path).unwrap();
        let has_packets = blocks.iter().any(super::index::Block::has_packets);
        let mut problem = false;
        let cut_ring = Ring(Arc::new(RingFiles::open(dir.path(), false, 0, |_, _| problem = true)));
        assert_eq!(problem, !has_packets);
        let left = all(&cut_ring);
        assert_eq!(left, (1..=left.len() as u64).collect::<Vec<_>>());
        assert!(left.len() >= most);
        most = left.len();
    }
    assert!(most > 250);
}

/// A writer that goes on after a restart does not touch what was there.
#[test]
fn a_ring_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4u64 {
        let ring = open(dir.path());
        let mut writer = writer(&ring, 8 << 20);
        writer.name_interface(2, 1, "eth0");
        writer.name_interface(7, 113, "any");
        push(&mut writer, round * 100 + 1..round * 100 + 101);
        drop(writer);
        assert_eq!(all(&ring), (1..=(round + 1) * 100).collect::<Vec<_>>());
        assert_eq!(ring.0.last_number(), (round + 1) * 100);
    }
}

#[test]
fn what_the_disk_does_not_take_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let ring = open(dir.path());
    let mut writer = writer(&ring, 1 << 20);
    writer.name_interface(2, 1, "eth0");
    writer.name_interface(7, 113, "any");
    push(&mut writer, 1..100);
    assert!(ring.wait_for(99, Duration::from_secs(10)));
    ring.0.is_full.store(true, std::sync::atomic::Ordering::Relaxed);
    push(&mut writer, 100..200);
    let end = Instant::now() + Duration::from_secs(10);
    while ring.lost() < 100 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!((ring.0.take_lost(), ring.0.take_lost(), ring.lost()), (100, 0, 100));
    ring.0.is_full.store(false, std::sync::atomic::Ordering::Relaxed);
    push(&mut writer, 200..300);
    drop(writer);
    let left = all(&ring);
    assert_eq!(left.len() as u64 + ring.lost(), 299);
    assert_eq!(left, (1..100).chain(200..300).collect::<Vec<_>>());
}

type Packet = (Timestamp, Vec<u8>);

fn next_packet(reader: &mut lanternfish_pcapfile::Reader) -> Option<Packet> {
    loop {
        match reader.next().unwrap()? {
            lanternfish_pcapfile::Item::Packet(packet) => return Some((packet.time, packet.bytes.to_vec())),
            _ => continue,
        }
    }
}
