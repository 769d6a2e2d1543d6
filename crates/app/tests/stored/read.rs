//! Capture files as Parquet: the rows of `read -o jsonl`, in its order.

use std::path::Path;
use std::process::{Command, Stdio};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use lanternfish_testkit::{Capture, TcpConversation, endpoint, frame, udp};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::fixture::START;

fn read(arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanternfish"));
    let output = command.env_clear().stdin(Stdio::null()).arg("read").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Calls and datagrams on many connections at once.
fn busy(connections: u16, offset_ns: i64) -> Capture {
    let mut all = Capture::ethernet();
    for number in 0..connections {
        let client = format!("10.0.{}.{}:4000", number / 250, number % 250 + 1);
        let get = format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000));
        let call = TcpConversation::new(&client, "10.1.0.1:80").at(START + offset_ns + i64::from(number) * 7_001);
        let call = call.handshake().to_server(get.as_bytes()).to_client(answer.as_bytes()).fin();
        all.packets.extend(call.capture().packets);
        let (a, b) = (endpoint(&client), endpoint("10.1.0.2:9999"));
        all.push(START + offset_ns + i64::from(number) * 9_001, frame(&udp(a, b, b"hello")));
    }
    all.merge(Capture::ethernet())
}

/// The ids and paths of a file, and its loss.
fn rows(file: &[u8]) -> (Vec<(u64, Option<String>)>, Value) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::copy_from_slice(file)).unwrap();
    let metadata = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let loss = metadata.iter().find(|pair| pair.key == "lanternfish.loss").unwrap().value.clone().unwrap();
    let mut rows = Vec::new();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        let paths = batch.column_by_name("path").map(|paths| paths.as_string::<i32>());
        for row in 0..batch.num_rows() {
            let path = paths.filter(|paths| paths.is_valid(row)).map(|paths| paths.value(row).to_owned());
            rows.push((ids.value(row).cast_unsigned(), path));
        }
    }
    (rows, serde_json::from_str(&loss).unwrap())
}

fn lines(arguments: &[&str]) -> Vec<(u64, Option<String>)> {
    let out = read(&[arguments, &["-o", "jsonl"]].concat());
    let of = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["id"].as_u64().unwrap(), line["path"].as_str().map(str::to_owned))
    };
    String::from_utf8(out).unwrap().lines().map(of).collect()
}

fn write(dir: &Path, name: &str, capture: &Capture) -> String {
    let path = dir.join(name);
    std::fs::write(&path, capture.to_pcapng()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn rows_are_those_of_the_lines_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let files = [write(dir.path(), "a", &busy(4000, 0)), write(dir.path(), "b", &busy(300, 60_000_000_000).cut(300))];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for extra in [&[][..], &["--all-revisions"], &["-f", "http and path != \"/7\""]] {
        let arguments = [&files, extra].concat();
        let one = read(&[&arguments[..], &["-o", "parquet", "--threads", "1"]].concat());
        let (found, loss) = rows(&one);
        assert!(found == lines(&arguments), "{extra:?}");
        assert!(loss["causes"].to_string().contains("cut by snaplen"), "{loss}");
        for threads in ["2", "3"] {
            let several = read(&[&arguments[..], &["-o", "parquet", "--threads", threads]].concat());
            assert!(several == one, "{extra:?} with {threads} threads");
        }
    }
}

#[test]
fn a_filter_may_limit_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "a", &busy(1000, 0));
    let arguments = [&file, "-f", "http and limit(700)"];
    for threads in ["1", "2"] {
        let (found, _) = rows(&read(&[&arguments[..], &["-o", "parquet", "--threads", threads]].concat()));
        assert!(found.len() == 700 && found == lines(&arguments), "{threads} threads");
    }
}

#[test]
fn an_empty_capture_is_an_empty_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "empty", &Capture::ethernet());
    let (found, loss) = rows(&read(&[&file, "-o", "parquet"]));
    assert!(found.is_empty() && loss["total"] == 0);
}
