//! The verbs on stored entries, over a directory that this process writes to as a running instance does.

#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../src/exit.rs"]
mod exit;
#[path = "../../src/instance/fixture.rs"]
mod fixture;
mod read;
mod snapshots;
#[path = "../../src/tables.rs"]
mod tables;
mod watch;

use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};

use fixture::{Fixture, shop};
use lanternfish_pcapfile::{Item, Reader};
use lanternfish_testkit::Capture;
use serde_json::Value;

/// The program with its output, over a data directory.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> (i32, Vec<u8>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanternfish"));
    let command = command.env_clear().current_dir("/").stdin(Stdio::null()).args(arguments);
    let output = command.arg("--data-dir").arg(dir).output().unwrap();
    (output.status.code().unwrap(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

/// The output of a verb that must do its work.
pub(crate) fn text(dir: &Path, arguments: &[&str]) -> String {
    let (code, out, error) = run(dir, arguments);
    assert_eq!(code, 0, "{arguments:?}: {error}");
    String::from_utf8(out).unwrap()
}

fn packets(file: Vec<u8>) -> usize {
    let mut reader = Reader::new(Box::new(Cursor::new(file))).unwrap();
    let mut count = 0;
    while let Some(item) = reader.next().unwrap() {
        count += usize::from(matches!(item, Item::Packet(_)));
    }
    count
}

#[test]
fn entries_come_newest_first_and_as_they_are_asked_for() {
    let fixture = Fixture::new(&shop());
    let dir = fixture.store.path();
    let paths = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["query", "http", "-o", "jsonl"], arguments].concat();
        let lines = text(dir, &arguments);
        lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(&[]), ["/two", "/three", "/one"]);
    assert_eq!(paths(&["--order", "oldest"]), ["/one", "/three", "/two"]);
    assert_eq!(paths(&["--limit", "2"]), ["/two", "/three"]);
    assert_eq!(paths(&["--order", "oldest", "--limit", "1"]), ["/one"]);
    assert_eq!(paths(&["--from", "2023-11-14T22:13:20.05Z"]), ["/two"]);
    assert_eq!(paths(&["--to", "2023-11-14T22:13:20.000305Z"]), ["/one"]);
    assert!(paths(&["--last", "15m"]).is_empty() && paths(&["--from", "-15m"]).is_empty());
    let csv = text(dir, &["query", "http and path == \"/one\"", "-o", "csv", "--fields", "method,path,status_code"]);
    assert_eq!(csv, "method,path,status_code\nGET,/one,200\n");
    let array: Value = serde_json::from_str(&text(dir, &["query", "http", "-o", "json"])).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 3);
    let redacted = text(dir, &["query", "http and redact(\"path\")", "-o", "jsonl"]);
    assert!(redacted.contains("\"path\":\"[REDACTED]\"") && !redacted.contains("\"path\":\"/"), "{redacted}");
    assert!(text(dir, &["query"]).lines().count() > 3);
}

#[test]
fn a_table_is_short_unless_more_is_asked_for() {
    let mut capture = Capture::ethernet();
    for port in 0..150 {
        let (a, b) = (format!("10.0.0.1:{}", 2000 + port), "10.0.0.2:3000".to_owned());
        let datagram =
            lanternfish_testkit::udp(lanternfish_testkit::endpoint(&a), lanternfish_testkit::endpoint(&b), b"x");
        capture.push(fixture::START + i64::from(port), lanternfish_testkit::frame(&datagram));
    }
    let fixture = Fixture::new(&capture);
    let lines = |arguments: &[&str]| {
        let (code, out, error) = run(fixture.store.path(), arguments);
        assert_eq!(code, 0);
        (String::from_utf8(out).unwrap().lines().count(), error)
    };
    let (count, error) = lines(&["query", "conn"]);
    assert!(count == 101 && error.contains("--limit N shows more"), "{count} {error}");
    let (count, error) = lines(&["query", "conn", "--limit", "1000"]);
    assert!(count == 151 && !error.contains("--limit"), "{count} {error}");
    assert_eq!(lines(&["query", "conn", "-o", "jsonl"]).0, 150);
}

#[test]
fn nothing_that_matches_does_not_look_like_nothing_that_was_seen() {
    let fixture = Fixture::new(&shop());
    let (code, out, error) = run(fixture.store.path(), &["query", "redis"]);
    assert_eq!(code, 0);
    assert!(String::from_utf8(out).unwrap().lines().count() <= 1);
    assert!(error.contains("no entry matches; ") && error.contains(" rows from 2023-11-14T22:13:20"), "{error}");
    assert!(error.contains("lost in this time: 7 packets (kernel drop)"), "{error}");
    let (_, _, error) = run(fixture.store.path(), &["map", "--last", "1m"]);
    assert!(error.contains("no entry matches in this time"), "{error}");
    let empty = Fixture::new(&Capture::ethernet());
    let (code, _, error) = run(empty.store.path(), &["query"]);
    assert!(code == 0 && error.contains("nothing is stored in"), "{error}");
}

#[test]
fn what_cannot_be_asked_is_said_with_what_helps() {
    let fixture = Fixture::new(&shop());
    let stranger = tempfile::tempdir().unwrap();
    std::fs::write(stranger.path().join("letter"), "dear").unwrap();
    let missing = stranger.path().join("missing");
    let stored = fixture.store.path();
    for (dir, arguments, code, message) in [
        (missing.as_path(), &["query"][..], 1, "does not exist: nothing was stored there yet"),
        (stranger.path(), &["map"], 1, "--data-dir takes a directory that `lanternfish` made"),
        (stored, &["query", "htpp"], 2, "column 1"),
        (stored, &["query", "--from", "yesterday"], 2, "expected a time such as 2026-03-14T22:00:00Z, now, or -15m"),
        (stored, &["query", "--from", "now", "--to", "-1h"], 2, "is empty"),
        (stored, &["query", "--last", "1h", "--from", "-1h"], 2, "cannot be used with"),
        (stored, &["query", "--last", "soon"], 2, "expected a duration such as"),
        (stored, &["query", "--limit", "0"], 2, "--limit"),
        (stored, &["query", "--fields", "pth"], 2, "unknown field `pth`"),
        (stored, &["query", "-o", "parquet", "--fields", "path"], 2, "no meaning with -o parquet"),
        (stored, &["query", "redact(\"path\")", "-o", "csv"], 2, "redact() needs -o json"),
        (stored, &["query", "--snapshot", "12"], 1, "there is no snapshot 12: `lanternfish snapshot list`"),
        (stored, &["map", "--group", "planet"], 2, "process, container"),
        (stored, &["export", "-o", "har", "--fields", "path"], 2, "no meaning with -o har"),
        (stored, &["export", "-o", "csv", "--whole-connection"], 2, "goes with -o pcapng"),
        (stored, &["export", "-o", "pcapng", "--limit", "1"], 2, "`limit(N)` in the filter"),
        (stored, &["export", "redact(\"path\")", "-o", "parquet"], 2, "redact() needs -o jsonl"),
        (stored, &["export", "", "/nowhere/at/all.jsonl"], 1, "cannot write /nowhere/at/all.jsonl"),
    ] {
        let (found, out, error) = run(dir, arguments);
        assert_eq!(found, code, "{arguments:?}: {error}");
        assert!(error.contains(message), "{arguments:?}: {error}");
        assert!(out.is_empty(), "{arguments:?}");
    }
}

#[test]
fn maps_come_in_four_forms() {
    let fixture = Fixture::new(&shop());
    let dir = fixture.store.path();
    let table = text(dir, &["map", "http"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().take(5).collect()).collect();
    assert_eq!(rows[0], ["FROM", "TO", "PROTOCOL", "CALLS", "ERRORS"]);
    assert_eq!(rows[1], ["10.0.0.1", "10.0.0.2", "http", "2", "0"]);
    assert_eq!(rows[2], ["10.0.0.3", "10.0.0.2", "http", "1", "0"]);
    let json: Value = serde_json::from_str(&text(dir, &["map", "-o", "json", "--group", "ip"])).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), 3);
    assert_eq!((&json["loss"]["total"], &json["edges"][0]["protocol"]), (&7.into(), &"http".into()));
    let dot = text(dir, &["map", "-o", "dot"]);
    assert!(
        dot.starts_with("digraph lanternfish {") && dot.contains("[label=\"10.0.0.2\"]") && dot.contains(" -> "),
        "{dot}"
    );
    let mermaid = text(dir, &["map", "-o", "mermaid", "--to", "2023-11-14T22:13:20.01Z"]);
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("|\"http 1 calls"), "{mermaid}");
}

#[test]
fn files_have_what_their_names_say() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new(&shop());
    let files = tempfile::tempdir().unwrap();
    let export = |arguments: &[&str], name: &str| {
        let path = files.path().join(name);
        let mut all = vec!["export", arguments.first().copied().unwrap_or_default(), path.to_str().unwrap()];
        all.extend(arguments.iter().skip(1));
        let (code, out, error) = run(fixture.store.path(), &all);
        assert!(code == 0 && out.is_empty(), "{all:?}: {error}");
        assert!(error.contains("lost in this time: 7 packets"), "{error}");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        (std::fs::read(&path).unwrap(), mode)
    };
    let (jsonl, mode) = export(&["http", "--limit", "2", "--order", "oldest"], "calls.jsonl");
    assert_eq!(String::from_utf8(jsonl).unwrap().lines().count(), 2);
    assert_ne!(mode & 0o044, 0, "others may read it where the umask lets them");
    let (csv, _) = export(&["http", "--fields", "path"], "calls.csv");
    assert_eq!(csv, b"path\n/two\n/three\n/one\n");
    let (har, _) = export(&[""], "calls.har");
    assert_eq!(serde_json::from_slice::<Value>(&har).unwrap()["log"]["entries"].as_array().unwrap().len(), 3);
    let (parquet, _) = export(&["http"], "calls.parquet");
    let rows = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet));
    assert_eq!(rows.unwrap().metadata().file_metadata().num_rows(), 3);
    let (capture, mode) = export(&["path == \"/one\""], "one.pcapng");
    assert_eq!((packets(capture), mode), (2, 0o600));
    let (capture, _) = export(&["path == \"/one\"", "--whole-connection"], "whole.pcapng");
    assert_eq!(packets(capture), 14);
    let (bytes, _) = export(&["http", "-o", "csv"], "calls.txt");
    assert!(bytes.starts_with(b"id,") || bytes.starts_with(b"timestamp,"), "{:?}", String::from_utf8_lossy(&bytes));
    let (code, out, _) = run(fixture.store.path(), &["export", "http", "-o", "pcapng"]);
    assert_eq!((code, packets(out)), (0, 6));
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 7, "no file is left half-written");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let fixture = Fixture::new(&fixture::noise(fixture::START, 2000));
    for arguments in [&["export", "", "-o", "pcapng", "--whole-connection"][..], &["query", "-o", "jsonl"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanternfish"));
        let command = command.env_clear().args(arguments).arg("--data-dir").arg(fixture.store.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
