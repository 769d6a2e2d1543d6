//! Disks that are full or cannot be written, on a small file system in memory: storing stops and says so, the books balance,
//! and it goes on when there is room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lanternfish_model::{Cause, Loss};
use lanternfish_store::{Config, Store, StoreError};
use support::*;

/// Runs a body on a file system of its own: the test program runs itself again in a mount namespace.
fn on_small_disk(test: &str, body: impl FnOnce(&Path)) {
    if let Some(path) = std::env::var_os(INSIDE) {
        body(&PathBuf::from(path));
        return;
    }
    if !try_run("unshare --mount mount -t tmpfs none /mnt") {
        println!("skipped: no right to make a mount namespace");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=8m none {} && exec \"$@\"", dir.path().display());
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, dir.path())
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed on its disk");
}

fn try_run(command: &str) -> bool {
    let mut words = command.split(' ');
    let program = words.next().unwrap();
    let result = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    result.is_ok_and(|status| status.success())
}

const INSIDE: &str = "LANTERNFISH_TEST_DISK";

/// Takes all room of a disk but so much.
fn fill(path: &Path, but: u64) -> PathBuf {
    let filler = path.join("filler");
    let mut file = File::create(&filler).unwrap();
    let mut length = 0u64;
    while file.write_all(&[7; 4096]).is_ok() {
        length += 4096;
    }
    file.set_len(length.saturating_sub(but)).unwrap();
    filler
}

/// Appends batches of ten; gives the next number.
fn feed(store: &Store, first: u64, count: u64) -> u64 {
    for part in 0..count {
        store.append(batches(first + part * 10..first + part * 10 + 10));
    }
    assert!(store.flush(PATIENCE));
    first + count * 10
}

fn lost(store: &Store) -> u64 {
    let loss = store.own_loss();
    assert!(loss.iter().all(|(cause, _)| cause == Cause::StoreFull), "{loss:?}");
    loss.count(Cause::StoreFull)
}

#[test]
fn storing_stops_before_the_disk_is_full() {
    on_small_disk("storing_stops_before_the_disk_is_full", |disk| {
        let path = disk.join("data");
        let opened = open(&path, Config { min_free_bytes: 2 << 20, ..config() });
        let mut next = feed(&opened, 1, 10);
        assert_eq!((lost(&opened), opened.status().problem), (0, None));
        let filler = fill(disk, 1 << 20);
        until("the problem", || opened.status().problem.is_some());
        let problem = opened.status().problem.unwrap();
        assert!(
            problem.contains("nothing is stored: the disk of") && problem.contains("storing stops below 2 MiB"),
            "{problem}"
        );
        next = feed(&opened, next, 20);
        assert_eq!((lost(&opened), opened.view().rows()), (200, 100));
        std::fs::remove_file(filler).unwrap();
        until("room", || opened.status().problem.is_none());
        next = feed(&opened, next, 5);
        let stored: Vec<u64> = (1..101).chain(301..351).collect();
        assert_eq!((numbers(&opened), next), (stored.clone(), 351));
        assert_eq!(opened.status().notes.len(), 2, "{:?}", opened.status().notes);
        drop(opened);
        assert_eq!(numbers(&open(&path, config())), stored);
    });
}

#[test]
fn a_write_that_fails_for_lack_of_room_leaves_whole_files() {
    on_small_disk("a_write_that_fails_for_lack_of_room_leaves_whole_files", |disk| {
        let path = disk.join("data");
        let opened = open(&path, Config { ring_bytes: 4 << 20, ..config() });
        let mut ring = opened.take_ring_writer().unwrap();
        let mut next = feed(&opened, 1, 10);
        // Room for some more batches, and for a piece of one.
        let filler = fill(disk, 40_000);
        next = feed(&opened, next, 100);
        assert!(opened.status().problem.unwrap().contains("nothing is stored: writing the tail failed"));
        let stored = numbers(&opened);
        assert!(stored.len() > 100 && stored.len() < 1100, "{}", stored.len());
        assert_eq!(stored.len() as u64 + lost(&opened), 1100);
        for number in 1..200 {
            ring.push(number, START, 1, 1, 1000, &[3; 1000]);
        }
        ring.flush();
        until("lost packets", || opened.ring().lost() > 0);
        // Another process finds what this one has.
        assert_eq!(numbers(&Store::read(&path, tables()).unwrap()), stored);
        std::fs::remove_file(filler).unwrap();
        until("room", || opened.status().problem.is_none());
        next = feed(&opened, next, 10);
        for number in 200..300 {
            ring.push(number, START, 1, 1, 1000, &[4; 1000]);
        }
        drop(ring);
        let packets = opened.ring().packets(&[], START, START).map(Result::unwrap);
        let packets: Vec<u64> = packets.map(|packet| packet.number).collect();
        assert_eq!(packets.len() as u64 + opened.ring().lost(), 299);
        assert_eq!(packets.last(), Some(&299));
        let all: Vec<u64> = stored.into_iter().chain(next - 100..next).collect();
        assert_eq!(numbers(&opened), all);
        assert!(opened.seal(PATIENCE));
        drop(opened);
        assert_eq!(numbers(&open(&path, config())), all);
    });
}

#[test]
fn sealing_waits_for_room() {
    on_small_disk("sealing_waits_for_room", |disk| {
        let path = disk.join("data");
        let opened = open(&path, config());
        feed(&opened, 1, 300);
        let filler = fill(disk, 8_000);
        assert!(!opened.seal(std::time::Duration::from_millis(300)));
        until("the problem", || opened.status().notes.iter().any(|note| note.contains("sealing part")));
        assert_eq!(numbers(&opened), (1..3001).collect::<Vec<_>>());
        assert_eq!(opened.own_loss(), Loss::default());
        std::fs::remove_file(filler).unwrap();
        until("segments", || opened.status().tail_rows == 0);
        assert_eq!(opened.status().segments, 2);
        assert_eq!(numbers(&opened), (1..3001).collect::<Vec<_>>());
        assert!(files(&path).iter().all(|path| path.extension().is_none_or(|extension| extension != "tmp")));
    });
}

#[test]
fn a_disk_that_cannot_be_written_is_read() {
    on_small_disk("a_disk_that_cannot_be_written_is_read", |disk| {
        let path = disk.join("data");
        store(&open(&path, config()), 1..101);
        assert!(try_run(&format!("mount -o remount,ro {}", disk.display())));
        let opened = open(&path, config());
        let problem = opened.status().problem.unwrap();
        assert!(problem.contains("Read-only file system"), "{problem}");
        assert!(opened.is_read_only());
        assert_eq!(numbers(&opened), (1..101).collect::<Vec<_>>());
        opened.append(batches(200..210));
        assert_eq!(opened.own_loss().count(Cause::StoreFailed), 10);
        assert!(opened.take_ring_writer().is_none());
        let made = opened.snapshots().create(&lanternfish_store::NewSnapshot {
            name: String::new(),
            from: START,
            to: START,
            filter: String::new(),
            is_filtered: false,
            has_packets: false,
        });
        assert!(matches!(made, Err(StoreError::ReadOnly(_))), "{made:?}");
        drop(opened);
        assert!(try_run(&format!("mount -o remount,rw {}", disk.display())));
        let opened = open(&path, config());
        assert_eq!((opened.status().problem, numbers(&opened).len()), (None, 100));
    });
}

/// A disk that becomes unwritable while storing goes on: an operator's mistake, or a failing disk.
#[test]
fn a_directory_that_goes_away_is_said() {
    on_small_disk("a_directory_that_goes_away_is_said", |disk| {
        let path = disk.join("data");
        let opened = open(&path, config());
        store(&opened, 1..11);
        std::fs::rename(path.join("tail"), disk.join("elsewhere")).unwrap();
        assert!(opened.seal(PATIENCE));
        opened.append(batches(11..21));
        assert!(opened.flush(PATIENCE));
        let problem = opened.status().problem.unwrap();
        assert!(problem.contains("writing the tail failed: No such file or directory"), "{problem}");
        assert_eq!(opened.own_loss().count(Cause::StoreFailed) + opened.view().rows(), 20);
        std::fs::rename(disk.join("elsewhere"), path.join("tail")).unwrap();
        until("another try", || opened.status().problem.is_none());
        store(&opened, 21..31);
        assert_eq!(numbers(&opened), (1..11).chain(21..31).collect::<Vec<_>>());
    });
}
