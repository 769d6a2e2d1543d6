//! Snapshots by the program, with and without a running instance.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use lanternfish_store::NewSnapshot;
use serde_json::Value;

use super::fixture::{self, Fixture, shop};
use super::{packets, run, text};

#[test]
fn a_snapshot_is_made_asked_exported_and_deleted() {
    let dir = Fixture::new(&shop()).close();
    let dir = dir.path();
    let (code, out, error) =
        run(dir, &["snapshot", "create", "http", "--name", "a\nname", "--to", "2023-11-14T22:13:20.01Z"]);
    assert!(code == 0 && error.contains(" 17 packets, ") && error.contains("bookmark"), "{error}");
    let id = String::from_utf8(out).unwrap().trim().to_owned();
    assert!(id.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty(), "{id}");
    let list = text(dir, &["snapshot", "list"]);
    assert!(list.starts_with("ID ") && list.lines().count() == 2, "{list}");
    assert!(list.contains("a name") && list.contains("bookmark http") && list.contains(" 17 "), "{list}");
    let list: Value = serde_json::from_str(&text(dir, &["snapshot", "list", "-o", "json"])).unwrap();
    assert_eq!((&list[0]["id"], &list[0]["state"]), (&id.as_str().into(), &"ready".into()));
    let lines = text(dir, &["query", "http", "-o", "csv", "--fields", "path", "--snapshot", &id]);
    assert_eq!(lines, "path\n/three\n/one\n");
    let path = text(dir, &["snapshot", "open", &id]);
    assert_eq!(text(std::path::Path::new(path.trim()), &["query", "http", "-o", "csv", "--fields", "path"]), lines);
    let tar = run(dir, &["snapshot", "export", &id]).1;
    assert!(tar.len().is_multiple_of(512) && tar.windows(6).any(|part| part == b"ustar\0"));
    let (_, capture, error) = run(dir, &["snapshot", "export", &id, "-o", "pcapng"]);
    assert_eq!((&list[0]["packets"], packets(capture)), (&17.into(), 17), "{error}");
    assert!(text(dir, &["snapshot", "export", &id, "-o", "jsonl"]).lines().count() > 2);
    assert_eq!(text(dir, &["snapshot", "delete", &id]), "");
    assert_eq!(text(dir, &["snapshot", "list"]).lines().count(), 1);
    for verb in ["delete", "open", "export"] {
        let (code, _, error) = run(dir, &["snapshot", verb, &id]);
        assert!(code == 1 && error.contains(&format!("there is no snapshot {id}: ")), "{verb}: {error}");
    }
    assert_eq!(run(dir, &["snapshot", "delete", "../segments"]).0, 1);
    let (code, out, error) = run(dir, &["snapshot", "create", "path == \"/three\"", "--only-matching"]);
    assert!(code == 0 && error.contains("has 1 entry, ") && !error.contains("bookmark"), "{error}");
    let id = String::from_utf8(out).unwrap().trim().to_owned();
    assert!(text(dir, &["snapshot", "list"]).contains("only path == "));
    let all = text(dir, &["query", "", "-o", "csv", "--fields", "path", "--snapshot", &id]);
    assert_eq!(all, "path\n/three\n");
    let list: Value = serde_json::from_str(&text(dir, &["snapshot", "list", "-o", "json"])).unwrap();
    let (_, capture, error) = run(dir, &["snapshot", "export", &id, "-o", "pcapng"]);
    assert!(packets(capture.clone()) > 2, "{error}");
    assert_eq!(list[0]["packets"], packets(capture), "{error}");
    let (code, _, error) = run(dir, &["snapshot", "create", "--only-matching"]);
    assert!(code == 2 && error.contains("KFL"), "{error}");
    assert_eq!(text(dir, &["query", "http", "-o", "jsonl"]).lines().count(), 3, "what is stored stays");
}

#[test]
fn the_directory_of_snapshots_comes_from_a_variable_or_a_file_too() {
    let dir = Fixture::new(&shop()).close();
    let id = text(dir.path(), &["snapshot", "create"]);
    let configuration = tempfile::NamedTempFile::new().unwrap();
    let list = |variable: Option<&std::path::Path>, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lanternfish"));
        command.env_clear().current_dir("/").envs(variable.map(|path| ("LANTERNFISH_DATA_DIR", path)));
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(list(Some(dir.path()), &["snapshot", "list"]).contains(id.trim()));
    let file = configuration.path().to_str().unwrap();
    for table in ["", "[snapshot]\n"] {
        std::fs::write(file, format!("{table}data_dir = '{}'\nformat = 'json'\n", dir.path().display())).unwrap();
        for arguments in [["--config", file, "snapshot", "list"], ["snapshot", "--config", file, "list"]] {
            assert!(list(None, &arguments).starts_with("[\n"), "{table}{arguments:?}");
        }
    }
}

#[test]
fn a_window_without_packets_is_not_said_to_have_some() {
    let dir = Fixture::new(&shop()).close();
    let window = ["--from", "2023-11-14T23:00:00Z", "--to", "2023-11-14T23:01:00Z"];
    text(dir.path(), &[&["snapshot", "create"][..], &window].concat());
    let list: Value = serde_json::from_str(&text(dir.path(), &["snapshot", "list", "-o", "json"])).unwrap();
    assert_eq!((&list[0]["has_packets"], &list[0]["packets"]), (&false.into(), &0.into()));
    let list = text(dir.path(), &["snapshot", "list"]);
    assert!(list.contains(" none") && !list.contains("kept"), "{list}");
}

#[test]
fn a_snapshot_is_shown_where_the_instance_listens() {
    let dir = Fixture::new(&shop());
    let new = NewSnapshot {
        name: String::new(),
        from: fixture::START,
        to: fixture::START + 1_000_000_000,
        filter: String::new(),
        is_filtered: false,
        has_packets: true,
    };
    let id = dir.store.snapshots().create(&new).unwrap().id;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let open = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lanternfish"));
        let command = command.env_clear().current_dir("/").env("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22");
        let output =
            command.args(["snapshot", "open", id.trim(), "--data-dir"]).arg(dir.store.path()).output().unwrap();
        assert!(output.status.success());
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for scheme in ["http", "https"] {
        std::fs::write(dir.store.path().join("listen"), format!("{scheme}://{address}")).unwrap();
        let (out, error) = open();
        assert!(out.is_empty() && error.contains(&format!("{scheme}://{address}/?snapshot={}", id.trim())), "{error}");
        let tunnel = format!("ssh -L {0}:127.0.0.1:{0} this-machine", address.port());
        assert!(error.contains(&tunnel), "{error}");
    }
    drop(listener);
    let (out, error) = open();
    assert!(out.contains("/snapshots/") && error.contains("no instance runs"), "{out}{error}");
}

#[test]
fn a_store_in_use_without_an_interface_makes_no_snapshot() {
    let fixture = Fixture::new(&shop());
    for arguments in [&["snapshot", "create"][..], &["snapshot", "delete", "1"]] {
        let (code, _, error) = run(fixture.store.path(), arguments);
        let process = format!("is in use by process {}, whose machine interface does not answer", std::process::id());
        assert!(code == 1 && error.contains(&process), "{error}");
    }
    assert_eq!(text(fixture.store.path(), &["snapshot", "list"]).lines().count(), 1);
}

/// Answers one request, and gives its head and body.
fn answer_once(
    listener: TcpListener,
    status: &'static str,
    answer: &'static str,
) -> std::thread::JoinHandle<(String, String)> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let length = answer.len();
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{answer}").as_bytes()).unwrap();
        (head.to_lowercase(), String::from_utf8(body).unwrap())
    })
}

#[test]
fn the_running_instance_makes_and_deletes_them() {
    let fixture = Fixture::new(&shop());
    let listen = fixture.store.path().join("listen");
    let ask = |arguments: &[&str], status, answer| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::fs::write(&listen, format!("http://{address}")).unwrap();
        let answering = answer_once(listener, status, answer);
        let (code, out, error) = run(fixture.store.path(), arguments);
        let (head, body) = answering.join().unwrap();
        assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
        (code, String::from_utf8(out).unwrap(), error, head, body)
    };
    let made = r#"{"id":"77","entries":1234,"packets":1,"bytes":99}"#;
    let create = ["snapshot", "create", "http", "--name", "n", "--no-packets", "--from", "2023-11-14T22:13:20Z"];
    let (code, out, error, head, body) = ask(&create, "201 Created", made);
    assert_eq!((code, out.as_str()), (0, "77\n"), "{error}");
    assert!(error.contains("1,234 entries, 1 packet, 99 bytes"), "{error}");
    assert!(head.starts_with("post /api/v1/snapshots http/1.1") && head.contains("content-type: application/json"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["name"], &body["filter"], &body["packets"]), (&"n".into(), &"http".into(), &false.into()));
    assert_eq!(body["is_filtered"], Value::Bool(false));
    assert_eq!((&body["from"], &body["to"]), (&"2023-11-14T22:13:20.000000000Z".into(), &Value::Null));

    let (code, _, error, head, _) = ask(&["snapshot", "delete", "12"], "204 No Content", "");
    assert_eq!(code, 0, "{error}");
    assert!(head.starts_with("delete /api/v1/snapshots/12 http/1.1"), "{head}");

    let refused = r#"{"error":{"code":"forbidden","message":"not for you","hint":"ask nicely"}}"#;
    let (code, _, error, _, _) = ask(&["snapshot", "create"], "403 Forbidden", refused);
    assert!(code == 1 && error.contains("refused: not for you: ask nicely"), "{error}");

    let token = r#"{"error":{"code":"token_required","message":"a token is needed"}}"#;
    let (code, _, error, _, _) = ask(&["snapshot", "create"], "401 Unauthorized", token);
    assert!(code == 1 && error.contains("a token is needed: set LANTERNFISH_TOKEN to its token"), "{error}");

    let (code, _, error, _, _) = ask(&["snapshot", "create"], "500 Internal Server Error", "<html>");
    assert!(code == 1 && error.contains("refused: 500 Internal Server Error"), "{error}");

    std::fs::write(&listen, "https://127.0.0.1:1").unwrap();
    let (code, _, error) = run(fixture.store.path(), &["snapshot", "create"]);
    assert!(code == 1 && error.contains("speaks TLS"), "{error}");
}

#[test]
fn an_instance_that_ended_badly_is_not_waited_for() {
    let dir = Fixture::new(&shop()).close();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(dir.path().join("listen"), format!("http://{free}")).unwrap();
    let (code, out, error) = run(dir.path(), &["snapshot", "create", "--no-packets"]);
    assert_eq!(code, 0, "{error}");
    let id = String::from_utf8(out).unwrap();
    let list: Value = serde_json::from_str(&text(dir.path(), &["snapshot", "list", "-o", "json"])).unwrap();
    assert_eq!((&list[0]["id"], &list[0]["packets"]), (&id.trim().into(), &0.into()));
    let (code, out, error) = run(dir.path(), &["snapshot", "export", id.trim(), "-o", "pcapng"]);
    assert!(code == 1 && out.is_empty() && error.contains("has no packets"), "{error}");
}
