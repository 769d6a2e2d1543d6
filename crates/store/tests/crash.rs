//! Processes that are killed while they store: no more than a quarter of a second of entries is lost, and nothing comes twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lanternfish_model::Cause;
use lanternfish_store::{Config, Store};
use support::*;

const DIRECTORY: &str = "LANTERNFISH_TEST_DIRECTORY";
/// What may be lost by a crash.
const WINDOW: Duration = Duration::from_millis(250);

fn crash_config() -> Config {
    Config { segment_rows: 150, ring_bytes: 1 << 20, ..config() }
}

/// The process that is killed: it stores entries and packets as a capture does, and says which.
#[test]
fn writer() {
    let Some(path) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let store = open(&path, crash_config());
    let mut ring = store.take_ring_writer().unwrap();
    let mut next = store.next_packet_number();
    let mut output = std::io::stdout();
    loop {
        // Entries gather for as long as they may, then they are handed over.
        let numbers = next..next + 40;
        for number in numbers.clone() {
            ring.push(number, START + number.cast_signed(), 1, 1, 200, &number.to_le_bytes().repeat(25));
        }
        ring.tick(Instant::now());
        store.append(batches(numbers));
        next += 40;
        store.note_packet_number(next);
        writeln!(output, "stored {next}").unwrap();
        output.flush().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a writer run for a while and kills it; gives the first number of the run, and one behind the last that must be there
/// and the last that may be.
fn run_and_kill(path: &Path, time: Duration) -> (u64, u64, u64) {
    let mut child = start(path);
    let (sender, told) = std::sync::mpsc::channel();
    let output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("stored ") {
                let _ = sender.send((Instant::now(), number.parse::<u64>().unwrap()));
            }
        }
    });
    let mut lines = vec![told.recv_timeout(PATIENCE).unwrap()];
    std::thread::sleep(time);
    child.kill().unwrap();
    let killed = Instant::now();
    child.wait().unwrap();
    reader.join().unwrap();
    lines.extend(told.iter());
    let safe = lines.iter().rev().find(|(at, _)| *at + WINDOW <= killed).map_or(0, |(_, number)| *number);
    (lines[0].1 - 40, safe, lines.last().unwrap().1 + 40)
}

#[test]
fn a_killed_process_loses_a_quarter_of_a_second_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let mut runs = Vec::new();
    for time in [400, 900, 333, 1200, 50, 777] {
        runs.push(run_and_kill(&path, Duration::from_millis(time)));
        let opened = open(&path, crash_config());
        let found = numbers(&opened);
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "an entry is there twice");
        for (first, safe, end) in &runs {
            let of_run: Vec<u64> = found.iter().copied().filter(|number| (*first..*end).contains(number)).collect();
            assert!(of_run.len() as u64 >= safe.saturating_sub(*first), "{} of {first}..{safe}", of_run.len());
            // What is there has no holes but in the batch that was written last, of which one protocol may be missing.
            let whole = of_run.iter().zip(*first..).take_while(|(found, number)| *found == number).count() as u64;
            assert!(first + whole >= *safe, "a hole at {} before {safe}", first + whole);
        }
        let torn = opened.own_loss();
        assert!(torn.iter().all(|(cause, _)| cause == Cause::TailTorn), "{torn:?}");
        let packets: Vec<_> =
            opened.ring().packets(&[], START, START + i64::MAX / 4).collect::<Result<Vec<_>, _>>().unwrap();
        assert!(packets.iter().all(|packet| packet.bytes == packet.number.to_le_bytes().repeat(25)));
        assert!(packets.windows(2).all(|pair| pair[0].number < pair[1].number));
        let newest = packets.last().unwrap().number;
        let (first, safe, _) = *runs.last().unwrap();
        assert!(newest + 1 >= safe || safe == 0, "packets up to {newest}, entries of {first}..{safe}");
    }
    // Runs never give a number twice, so no id of an entry comes twice.
    assert!(runs.windows(2).all(|pair| pair[0].2 <= pair[1].0), "{runs:?}");
    // Nobody has to repair anything.
    let all = numbers(&Store::read(&path, tables()).unwrap());
    assert!(open(&path, crash_config()).seal(PATIENCE));
    assert_eq!(numbers(&Store::read(&path, tables()).unwrap()), all);
}
