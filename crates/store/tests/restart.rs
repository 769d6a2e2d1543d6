//! A store that is closed and opened again, and what it says of directories that are not its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use lanternfish_model::{Cause, Loss};
use lanternfish_store::{Config, Store, StoreError};
use support::*;

#[test]
fn entries_outlive_restarts_in_the_tail_and_in_segments() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    {
        let opened = open(&path, config());
        assert_eq!(opened.next_packet_number(), 1);
        store(&opened, 1..100);
        assert_eq!(opened.status().tail_rows, 99);
        assert_eq!(numbers(&opened), (1..100).collect::<Vec<_>>());
    }
    {
        let opened = open(&path, config());
        assert!(opened.next_packet_number() > 99);
        assert_eq!(numbers(&opened), (1..100).collect::<Vec<_>>());
        store(&opened, 100..150);
        assert!(opened.seal(PATIENCE));
        assert_eq!((opened.status().tail_rows, opened.status().segments), (0, 2));
        assert_eq!(numbers(&opened), (1..150).collect::<Vec<_>>());
        store(&opened, 150..160);
    }
    for _ in 0..2 {
        let opened = open(&path, config());
        assert_eq!(numbers(&opened), (1..160).collect::<Vec<_>>());
        assert_eq!(opened.own_loss(), Loss::default());
        assert_eq!(opened.status().notes, Vec::<String>::new());
        assert_eq!(opened.status().problem, None);
        assert!(opened.seal(PATIENCE));
    }
    let tail = files(&path.join("tail"));
    assert!(tail.is_empty(), "{tail:?} is sealed");
}

#[test]
fn packets_are_never_numbered_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let mut last = 0;
    for round in 1..=3 {
        let opened = open(&path, config());
        let first = opened.next_packet_number();
        assert_eq!(first, last + 1, "a clean end leaves no hole");
        last = first + 1000 * round;
        opened.note_packet_number(last);
    }
    // Without a clean end the numbers go on well behind.
    std::fs::write(path.join("numbers"), format!("{last}\n")).unwrap();
    assert!(open(&path, config()).next_packet_number() > last + 1_000_000);
    // The numbers file is gone: what is stored tells.
    store(&open(&path, config()), 5_000_000..5_000_010);
    std::fs::remove_file(path.join("numbers")).unwrap();
    assert!(open(&path, config()).next_packet_number() > 5_000_009 + 1_000_000);
}

#[test]
fn what_was_lost_is_told_of_its_window_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut loss = Loss::default();
    loss.add(Cause::KernelDrop, 5);
    {
        let opened = open(dir.path(), config());
        opened.append_loss(START, &loss);
        assert_eq!(opened.loss(START, START), loss);
    }
    let opened = open(dir.path(), config());
    assert_eq!(opened.loss(START, START), loss);
    assert_eq!(opened.loss(START + 20_000_000_000, START + 40_000_000_000), Loss::default());
}

#[test]
fn everything_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let opened = open(&path, Config { ring_bytes: 1 << 20, ..config() });
    let mut ring = opened.take_ring_writer().unwrap();
    ring.push(1, START, 1, 1, 4, b"abcd");
    ring.flush();
    assert!(opened.ring().wait_for(1, PATIENCE));
    store(&opened, 1..20);
    assert!(opened.seal(PATIENCE));
    store(&opened, 20..30);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let all = files(&path);
    assert!(all.len() > 6, "{all:?}");
    for file in all {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.display());
    }
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), config());
    store(&opened, 1..20);
    let second = Store::open(dir.path(), config(), tables());
    let Err(error @ StoreError::Locked { .. }) = second else { panic!("{second:?}") };
    assert_eq!(error.to_string(), format!("{} is in use by process {}", dir.path().display(), std::process::id()));
    // It may read beside the one that writes.
    let beside = Store::read(dir.path(), tables()).unwrap();
    assert_eq!(numbers(&beside), (1..20).collect::<Vec<_>>());
    assert!(beside.is_read_only());
    beside.append(batches(1..3));
    assert_eq!(beside.own_loss().count(Cause::StoreFailed), 2);
    assert!(beside.snapshots().create(&snapshot()).is_err());
    drop(beside);
    store(&opened, 20..30);
    assert_eq!(numbers(&opened), (1..30).collect::<Vec<_>>());
}

fn snapshot() -> lanternfish_store::NewSnapshot {
    lanternfish_store::NewSnapshot {
        name: String::new(),
        from: START,
        to: START,
        filter: String::new(),
        is_filtered: false,
        has_packets: false,
    }
}

/// One who reads beside a writer that seals all the time sees each entry once.
#[test]
fn a_reader_beside_a_writer_sees_each_entry_once() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Config { segment_rows: 20, ..config() });
    let writer = std::thread::spawn(move || {
        for part in 0..60 {
            store(&opened, part * 10 + 1..part * 10 + 11);
        }
        opened
    });
    let mut most = 0;
    while !writer.is_finished() {
        let beside = match Store::read(dir.path(), tables()) {
            Ok(beside) => beside,
            Err(error) => panic!("{error}"),
        };
        let found = numbers(&beside);
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "an entry is there twice");
        assert_eq!(beside.own_loss(), Loss::default());
        // A batch of ten has entries of two protocols, and the newest may be half written.
        assert!(found.len() >= most, "{} entries after {most}", found.len());
        most = found.len();
    }
    drop(writer.join().unwrap());
    assert_eq!(numbers(&Store::read(dir.path(), tables()).unwrap()), (1..601).collect::<Vec<_>>());
}

#[test]
fn a_newer_versions_directory_is_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), config()));
    std::fs::write(dir.path().join("format"), "lanternfish data directory, format 7\n").unwrap();
    let before = listing(dir.path());
    for error in [Store::open(dir.path(), config(), tables()).err(), Store::read(dir.path(), tables()).err()] {
        let error = error.unwrap().to_string();
        assert!(error.contains("newer version (format 7, this one reads up to 1)"), "{error}");
    }
    assert_eq!(listing(dir.path()), before);
}

#[test]
fn a_directory_of_others_is_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("photo.jpg"), "x").unwrap();
    let error = Store::open(dir.path(), config(), tables()).err().unwrap().to_string();
    assert!(error.contains("is not a data directory: it has \"photo.jpg\" and no file `format`"), "{error}");
    assert_eq!(files(dir.path()).len(), 1);
    std::fs::write(dir.path().join("format"), "PNG\n").unwrap();
    let error = Store::open(dir.path(), config(), tables()).err().unwrap().to_string();
    assert!(error.contains("a file `format` that says \"PNG\""), "{error}");
    let missing = Store::read(&dir.path().join("none"), tables()).err().unwrap().to_string();
    assert!(missing.ends_with("does not exist"), "{missing}");
}

fn listing(dir: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    files(dir).into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Protocols that this version does not know are neither read nor removed, and are named.
#[test]
fn unknown_protocols_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), config()));
    let later = dir.path().join("segments/later");
    std::fs::create_dir(&later).unwrap();
    std::fs::write(later.join("x.parquet"), "?").unwrap();
    std::fs::write(dir.path().join("tail/later-00000001.arrows"), "?").unwrap();
    let opened = open(dir.path(), config());
    let notes = opened.status().notes;
    assert_eq!(notes.iter().filter(|note| note.contains("is of a protocol that is not known")).count(), 2, "{notes:?}");
    drop(opened);
    assert!(later.join("x.parquet").exists() && dir.path().join("tail/later-00000001.arrows").exists());
}

/// Rows wait for at most so long, however few there are.
#[test]
fn old_parts_are_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Config { segment_age: Duration::from_millis(100), ..config() });
    store(&opened, 1..20);
    until("segments", || opened.status().segments == 2);
    assert_eq!(numbers(&opened), (1..20).collect::<Vec<_>>());
}

/// More than the memory of the tail may hold is not taken, and counted.
#[test]
fn a_tail_that_is_too_long_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Config { tail_bytes: 64 << 10, ..config() });
    for part in 0..200 {
        opened.append(batches(part * 50 + 1..part * 50 + 51));
    }
    assert!(opened.flush(PATIENCE));
    let lost = opened.own_loss().count(Cause::StoreBehind);
    assert!(lost > 0);
    assert_eq!(opened.view().rows() + lost, 10_000);
    assert!(opened.status().tail_bytes <= 64 << 10);
}

/// On a quiet machine each batch has a row or two: they take no more memory than large ones, nor does what entries share.
#[test]
fn small_batches_are_joined() {
    let dir = tempfile::tempdir().unwrap();
    let small = open(&dir.path().join("small"), config());
    for number in 1..601 {
        small.append(batches([number]));
    }
    assert!(small.flush(PATIENCE));
    let large = open(&dir.path().join("large"), config());
    (0..3).for_each(|part| large.append(batches(part * 200 + 1..part * 200 + 201)));
    assert!(large.flush(PATIENCE));
    let expected: Vec<u64> = (1..601).collect();
    assert_eq!((numbers(&small), numbers(&large)), (expected.clone(), expected.clone()));
    let count = |store: &Store| store.view().tail().map(|(_, batches)| batches.len()).sum::<usize>();
    assert!(count(&small) < 60, "{} batches", count(&small));
    let bytes = [&small, &large].map(|store| store.status().tail_bytes);
    assert!(bytes[0] < bytes[1] * 2, "{bytes:?}");
    drop(small);
    let again = open(&dir.path().join("small"), config());
    assert_eq!(numbers(&again), expected);
    assert!(count(&again) <= 6, "{} batches", count(&again));
    assert!(again.seal(PATIENCE));
    assert_eq!(numbers(&again), expected);
}
