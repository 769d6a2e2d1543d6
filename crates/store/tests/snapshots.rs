//! Snapshots: a window that stays as it is, whatever happens to the store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lanternfish_model::{Cause, Loss, Timestamp};
use lanternfish_store::{Config, NewSnapshot, Store, StoreError};
use support::*;

fn at(number: u64) -> Timestamp {
    entry(number).timestamp
}

fn plan(from: u64, to: u64) -> NewSnapshot {
    NewSnapshot {
        name: "an outage\nof the \\ shop".to_owned(),
        from: at(from),
        to: at(to),
        filter: "http && status_code >= 500".to_owned(),
        is_filtered: false,
        has_packets: true,
    }
}

/// Two segments, a tail, packets in several files, and a loss; numbers 1 to 399.
fn filled(path: &Path) -> Store {
    let opened = open(path, Config { ring_bytes: 2 << 20, ..config() });
    let mut ring = opened.take_ring_writer().unwrap();
    ring.name_interface(1, 1, "eth0");
    for number in 1..400 {
        ring.push(number, at(number), 1, 1, 1000, &[number as u8; 1000]);
    }
    ring.flush();
    assert!(opened.ring().wait_for(399, PATIENCE));
    for part in [1..100, 100..200, 200..300] {
        store(&opened, part);
        assert!(opened.seal(PATIENCE));
    }
    store(&opened, 300..400);
    let mut loss = Loss::default();
    loss.add(Cause::KernelDrop, 5);
    opened.append_loss(at(150), &loss);
    opened
}

/// The numbers of a snapshot that lie in its window.
fn within(opened: &Store) -> Vec<u64> {
    let (from, to) = opened.view().window().unwrap();
    numbers(opened).into_iter().filter(|number| (from..=to).contains(&at(*number))).collect()
}

fn packets(opened: &Store) -> Vec<u64> {
    let (from, to) = opened.view().window().unwrap();
    opened.ring().packets(&[], from, to).map(|packet| packet.unwrap().number).collect()
}

#[test]
fn a_snapshot_stays_when_everything_else_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let opened = filled(&path);
    let made = opened.snapshots().create(&plan(150, 350)).unwrap();
    assert_eq!((made.name.as_str(), made.from, made.to), ("an outage\nof the \\ shop", at(150), at(350)));
    assert!(made.has_packets && made.bytes > 10_000);
    assert_eq!((made.rows, made.packets, made.packet_bytes), (201, Some(201), 201_000));
    drop(opened);
    // Retention takes all that there was, and the ring moves on.
    let opened = open(&path, Config { retention_bytes: 1, ring_bytes: 300_000, ..config() });
    until("retention", || opened.status().segments == 0);
    let mut ring = opened.take_ring_writer().unwrap();
    for number in 1000..3000 {
        ring.push(number, at(number), 1, 1, 1000, &[1; 1000]);
        if number % 200 == 0 {
            ring.flush();
            std::thread::sleep(Duration::from_millis(3));
        }
    }
    drop(ring);
    assert!(opened.ring().range().unwrap().first > 399);
    let snapshots = opened.snapshots();
    assert_eq!(snapshots.list().unwrap(), std::slice::from_ref(&made));
    assert_eq!(snapshots.find(&made.id).unwrap(), made);
    let frozen = Store::read(&snapshots.path(&made.id).unwrap(), tables()).unwrap();
    assert_eq!(within(&frozen), (150..351).collect::<Vec<_>>());
    assert_eq!(packets(&frozen), (150..351).collect::<Vec<_>>());
    assert_eq!(frozen.loss(at(150), at(150)).count(Cause::KernelDrop), 5);
    assert_eq!(frozen.status().notes, Vec::<String>::new());
    frozen.append(batches(1..3));
    assert_eq!(frozen.own_loss().count(Cause::StoreFailed), 2, "it is immutable");
}

#[test]
fn snapshots_are_listed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let opened = filled(dir.path());
    let snapshots = opened.snapshots();
    let made: Vec<_> =
        [(1, 50), (40, 60), (1, 399)].map(|(from, to)| snapshots.create(&plan(from, to)).unwrap()).into();
    assert_eq!(snapshots.list().unwrap(), made);
    snapshots.delete(&made[1].id).unwrap();
    assert_eq!(snapshots.list().unwrap(), [made[0].clone(), made[2].clone()]);
    for id in [made[1].id.as_str(), "", "..", "../../etc", "1/2", "999999999999999999999"] {
        assert!(matches!(snapshots.delete(id), Err(StoreError::NoSnapshot(_))), "{id:?}");
        assert!(matches!(snapshots.find(id), Err(StoreError::NoSnapshot(_))), "{id:?}");
    }
    assert_eq!(numbers(&opened), (1..400).collect::<Vec<_>>());
    let left = files(&dir.path().join("snapshots"));
    assert!(left.iter().all(|path| !path.to_string_lossy().contains(&format!("snapshots/{}", made[1].id))), "{left:?}");
}

#[test]
fn a_window_without_anything_is_an_empty_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let opened = filled(dir.path());
    let made = opened.snapshots().create(&plan(5000, 6000)).unwrap();
    assert_eq!(made.rows, 0);
    let frozen = Store::read(&opened.snapshots().path(&made.id).unwrap(), tables()).unwrap();
    assert_eq!((numbers(&frozen), packets(&frozen)), (Vec::new(), Vec::new()));
}

/// What a crash left of a snapshot under way is cleaned up, and the others stay.
#[test]
fn a_half_made_snapshot_goes() {
    let dir = tempfile::tempdir().unwrap();
    let made = filled(dir.path()).snapshots().create(&plan(1, 50)).unwrap();
    let half = dir.path().join("snapshots/.1234");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("segment"), "x").unwrap();
    let opened = open(dir.path(), config());
    assert_eq!(opened.snapshots().list().unwrap(), [made]);
    assert!(!half.exists());
}

#[test]
fn an_exported_snapshot_is_a_directory_to_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let opened = filled(&dir.path().join("data"));
    let made = opened.snapshots().create(&plan(150, 350)).unwrap();
    let archive = dir.path().join("snapshot.tar");
    opened.snapshots().export(&made.id, &mut std::fs::File::create(&archive).unwrap()).unwrap();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let status = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&out).status().unwrap();
    assert!(status.success());
    let frozen = Store::read(&out.join(&made.id), tables()).unwrap();
    assert_eq!(within(&frozen), (150..351).collect::<Vec<_>>());
    assert_eq!(packets(&frozen), (150..351).collect::<Vec<_>>());
}

/// While entries, packets and seals go on, each snapshot is whole.
#[test]
fn snapshots_are_made_while_everything_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Config { segment_rows: 30, ring_bytes: 1 << 20, ..config() });
    let mut ring = opened.take_ring_writer().unwrap();
    std::thread::scope(|scope| {
        let opened = &opened;
        scope.spawn(move || {
            for part in 0..40 {
                for number in part * 10 + 1..part * 10 + 11 {
                    ring.push(number, at(number), 1, 1, 100, &[1; 100]);
                }
                ring.flush();
                store(opened, part * 10 + 1..part * 10 + 11);
            }
        });
        for _ in 0..10 {
            let before = opened.view().rows();
            let made = opened.snapshots().create(&plan(1, 1000)).unwrap();
            let frozen = Store::read(&opened.snapshots().path(&made.id).unwrap(), tables()).unwrap();
            let found = within(&frozen);
            assert!(found.len() as u64 >= before);
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "an entry is there twice");
            let packets = packets(&frozen);
            assert!(packets.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a packet is missing");
            assert!(frozen.status().notes.is_empty(), "{:?}", frozen.status().notes);
        }
    });
}
