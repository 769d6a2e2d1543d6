//! Files that are torn, cut, changed or gone: said, counted, survived, and nothing is destroyed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lanternfish_model::{Cause, Loss};
use lanternfish_store::{Config, Store};
use support::*;

/// A closed directory with a tail of ten batches.
fn with_tail() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    store(&open(dir.path(), config()), 1..101);
    let tail = files(&dir.path().join("tail")).into_iter().find(|path| named(path).starts_with("one-")).unwrap();
    (dir, tail)
}

/// A closed directory with three segments of the protocol `one`.
fn with_segments() -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), config());
    for part in 0..3 {
        store(&opened, part * 50 + 1..part * 50 + 51);
        assert!(opened.seal(PATIENCE));
    }
    let segments = files(&dir.path().join("segments/one"));
    assert_eq!(segments.len(), 3);
    (dir, segments)
}

fn named(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Of ten batches with eight rows each of this protocol, so many numbers are there.
fn count_of_one(found: &[u64]) -> usize {
    found.iter().filter(|number| *number % 5 != 4).count()
}

#[test]
fn a_tail_that_is_cut_anywhere_keeps_what_is_whole() {
    let (dir, tail) = with_tail();
    let whole = std::fs::read(&tail).unwrap();
    let mut rows = Vec::new();
    for cut in (0..whole.len()).step_by(whole.len() / 97).chain([whole.len() - 1, whole.len()]) {
        let copy = tempfile::tempdir().unwrap();
        drop(open(copy.path(), config()));
        let path = copy.path().join("tail").join(named(&tail));
        std::fs::write(&path, &whole[..cut]).unwrap();
        let opened = open(copy.path(), config());
        let found = numbers(&opened);
        assert_eq!(count_of_one(&found) % 8, 0, "a batch is there or not");
        assert_eq!(found, (1..101).filter(|number| number % 5 != 4).take(found.len()).collect::<Vec<_>>());
        let torn = opened.own_loss().count(Cause::TailTorn);
        assert!(torn < 20_000 && (torn == 0) == opened.status().notes.is_empty());
        rows.push(found.len());
        // It goes on behind what is whole.
        store(&opened, 1001..1011);
        drop(opened);
        let again = open(copy.path(), config());
        assert_eq!(numbers(&again).len(), found.len() + 10);
        assert_eq!(again.own_loss(), Loss::default(), "what was torn is told once");
    }
    assert!(rows.is_sorted());
    assert_eq!((rows[0], *rows.last().unwrap()), (0, 80));
    drop(dir);
}

#[test]
fn a_changed_byte_in_the_tail_ends_it_there_and_is_kept_aside() {
    let (dir, tail) = with_tail();
    let bytes = std::fs::read(&tail).unwrap();
    let place = bytes.len() as u64 / 2;
    let file = std::fs::OpenOptions::new().write(true).open(&tail).unwrap();
    file.write_all_at(&[!bytes[place as usize]], place).unwrap();
    let opened = open(dir.path(), config());
    let count = count_of_one(&numbers(&opened));
    assert!((8..80).contains(&count), "{count}");
    let lost = opened.own_loss().count(Cause::TailTorn);
    let kept = files(&dir.path().join("aside"));
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::metadata(&kept[0]).unwrap().len(), lost);
    assert_eq!(opened.status().notes.len(), 1);
}

#[test]
fn what_is_no_tail_is_survived() {
    let (dir, tail) = with_tail();
    for garbage in [vec![0; 5000], vec![0xff; 5000], b"LFT1".to_vec(), Vec::new()] {
        std::fs::write(&tail, &garbage).unwrap();
        let opened = open(dir.path(), config());
        assert_eq!(count_of_one(&numbers(&opened)), 0);
        assert_eq!(opened.own_loss().count(Cause::TailTorn), garbage.len() as u64);
    }
}

#[test]
fn a_segment_that_cannot_be_read_is_set_aside_and_counted() {
    for damage in ["cut", "empty", "other"] {
        let (dir, segments) = with_segments();
        let whole = std::fs::read(&segments[1]).unwrap();
        match damage {
            "cut" => std::fs::write(&segments[1], &whole[..whole.len() / 2]).unwrap(),
            "empty" => std::fs::write(&segments[1], "").unwrap(),
            _ => std::fs::write(&segments[1], b"this is no segment at all").unwrap(),
        }
        let opened = open(dir.path(), config());
        assert_eq!(opened.own_loss().count(Cause::SegmentUnreadable), 40, "{damage}");
        assert_eq!(numbers(&opened).len(), 110);
        assert!(opened.status().notes[0].contains("its end is missing"), "{:?}", opened.status().notes);
        assert_eq!(named(&files(&dir.path().join("aside"))[0]), named(&segments[1]));
        drop(opened);
        assert_eq!(open(dir.path(), config()).own_loss(), Loss::default(), "it is counted once");
    }
}

#[test]
fn names_that_are_no_segments_are_left_alone() {
    let (dir, _) = with_segments();
    let strange = dir.path().join("segments/one/notes.parquet");
    std::fs::write(&strange, "mine").unwrap();
    let half = dir.path().join("segments/one/00000009.tmp");
    std::fs::write(&half, "half a segment").unwrap();
    let opened = open(dir.path(), config());
    assert_eq!(numbers(&opened).len(), 150);
    assert!(strange.exists() && !half.exists());
}

/// A crash between the name of a segment and the end of its tail file leaves both: the rows count once.
#[test]
fn a_tail_that_is_sealed_already_is_not_read_again() {
    let (dir, tail) = with_tail();
    let bytes = std::fs::read(&tail).unwrap();
    assert!(open(dir.path(), config()).seal(PATIENCE));
    assert!(!tail.exists());
    std::fs::write(&tail, bytes).unwrap();
    assert_eq!(numbers(&Store::read(dir.path(), tables()).unwrap()), (1..101).collect::<Vec<_>>());
    assert!(tail.exists(), "who reads changes nothing");
    assert_eq!(numbers(&open(dir.path(), config())), (1..101).collect::<Vec<_>>());
    assert!(!tail.exists());
}

#[test]
fn a_ledger_and_a_ring_that_are_damaged_are_survived() {
    let dir = tempfile::tempdir().unwrap();
    let with_ring = || Config { ring_bytes: 1 << 20, ..config() };
    {
        let opened = open(dir.path(), with_ring());
        let mut loss = Loss::default();
        loss.add(Cause::KernelDrop, 5);
        opened.append_loss(START, &loss);
        let mut ring = opened.take_ring_writer().unwrap();
        ring.push(7, START, 1, 1, 4, b"abcd");
    }
    let log = files(&dir.path().join("loss")).remove(0);
    let mut text = std::fs::read(&log).unwrap();
    text.splice(0..0, *b"\xff\xfe not a line\t\t\n12\tkernel drop\t99999999999999999999999\t\n");
    std::fs::write(&log, text).unwrap();
    let garbage = dir.path().join("ring/0000000005.pcapng");
    std::fs::write(&garbage, vec![7; 300_000]).unwrap();
    std::fs::write(dir.path().join("ring/0000000000.index"), vec![1; 47]).unwrap();
    let opened = open(dir.path(), with_ring());
    assert_eq!(opened.loss(START, START).count(Cause::KernelDrop), 5);
    assert!(opened.status().notes[0].contains("no packet can be read in it"), "{:?}", opened.status().notes);
    assert!(!garbage.exists() && dir.path().join("aside/0000000005.pcapng").exists());
    let packets: Vec<_> = opened.ring().packets(&[], START, START).map(Result::unwrap).collect();
    assert_eq!((packets.len(), packets[0].number, packets[0].bytes.as_slice()), (1, 7, &b"abcd"[..]));
    // New packets go to a file behind all that were there.
    let mut ring = opened.take_ring_writer().unwrap();
    ring.push(8, START, 1, 1, 4, b"efgh");
    drop(ring);
    assert!(dir.path().join("ring/0000000006.pcapng").exists());
    assert_eq!(opened.ring().packets(&[], START, START).count(), 2);
}

/// Aside there is room for so much; the newest stays.
#[test]
fn what_is_kept_aside_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), config()));
    let aside = dir.path().join("aside");
    std::fs::create_dir(&aside).unwrap();
    for number in 0..3 {
        let file = std::fs::File::create(aside.join(format!("old-{number}"))).unwrap();
        file.set_len(100 << 20).unwrap();
        let hour = std::time::Duration::from_secs(3600 * (4 - number));
        file.set_modified(std::time::SystemTime::now() - hour).unwrap();
    }
    std::fs::write(dir.path().join("tail/one-00000001.arrows"), "torn").unwrap();
    drop(open(dir.path(), config()));
    let names: Vec<String> = files(&aside).iter().map(|path| named(path)).collect();
    assert_eq!(names, ["old-1", "old-2", "one-00000001.torn"]);
}
