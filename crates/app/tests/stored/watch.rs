//! `watch` where an instance runs: its entries are printed, and nothing is captured here.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::fixture::{Fixture, shop};
use super::run;

/// Answers one request with a body that ends with the connection; gives its first line.
fn answer(listener: &TcpListener, body: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut line) = (String::new(), String::new());
    reader.read_line(&mut first).unwrap();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    stream.write_all(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}").as_bytes()).unwrap();
    first
}

/// Runs `watch` beside an instance that says this of itself and then answers with these lines.
fn watch(arguments: &[&str], lines: &'static str) -> (i32, String, String, String) {
    let fixture = Fixture::new(&shop());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::fs::write(fixture.store.path().join("listen"), format!("http://{address}")).unwrap();
    let answering = std::thread::spawn(move || {
        let status = answer(&listener, r#"{"source":{"kind":"live"},"is_redacting":true}"#);
        assert_eq!(status, "GET /api/v1/status HTTP/1.1\r\n");
        answer(&listener, lines)
    });
    let (code, out, error) = run(fixture.store.path(), arguments);
    let asked = answering.join().unwrap();
    assert!(error.contains(&format!("from the instance at http://{address}")), "{error}");
    (code, String::from_utf8(out).unwrap(), error, asked)
}

#[test]
fn entries_of_the_running_instance_are_printed() {
    let (code, out, error, asked) = watch(
        &["watch", "path == \"/a b\"", "-o", "csv", "--fields", "id,path", "--redact"],
        "{\"text\":\"1,/a b\\n\",\"dropped\":0}\n{\"text\":\"\",\"dropped\":3}\n{\"text\":\"2,/a b\\n\",\"dropped\":0}\n",
    );
    assert_eq!(out, "id,path\n1,/a b\n2,/a b\n");
    assert_eq!(asked, "GET /api/v1/watch?filter=path+%3D%3D+%22%2Fa+b%22&format=csv&fields=id%2Cpath HTTP/1.1\r\n");
    assert!(code == 1 && error.contains("ended") && error.contains("3 entries were left out"), "{code}: {error}");
}

#[test]
fn a_document_is_whole_whenever_the_instance_ends() {
    let lines = "{\"text\":\",\\n{\\\"id\\\":1}\",\"dropped\":0}\n{\"text\":\",\\n{\\\"id\\\":2}\",\"dropped\":0}\n";
    let (_, out, _, _) = watch(&["watch", "-o", "json"], lines);
    let all: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(all, serde_json::json!([{"id": 1}, {"id": 2}]));
}

#[test]
fn a_limit_in_the_filter_ends_it() {
    let lines = "{\"text\":\"\",\"dropped\":0,\"is_last\":false}\n{\"text\":\"1\\n\",\"dropped\":0,\"is_last\":true}\n";
    let (code, out, error, _) = watch(&["watch", "http && limit(1)", "-o", "csv", "--fields", "id"], lines);
    assert_eq!((code, out.as_str()), (0, "id\n1\n"), "{error}");
    assert!(!error.contains("ended"), "{error}");
}

#[test]
fn what_the_instance_lost_meanwhile_is_told() {
    let fixture = Fixture::new(&shop());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::fs::write(fixture.store.path().join("listen"), format!("http://{address}")).unwrap();
    let loss = |count: u64| {
        format!(r#"{{"causes":[{{"stage":"capture","cause":"kernel drop","unit":"packets","count":{count}}}]}}"#)
    };
    let answering = std::thread::spawn(move || {
        let watching = r#"{"is_on":false,"interfaces":[],"bpf":""}"#;
        let status = format!(r#"{{"source":{{"kind":"live"}},"watching":{watching},"loss":{}}}"#, loss(5));
        answer(&listener, &status);
        answer(&listener, "{\"text\":\"\",\"dropped\":0,\"is_last\":true}\n");
        answer(&listener, &loss(1239))
    });
    let (code, _, error) = run(fixture.store.path(), &["watch", "limit(1)", "-o", "jsonl"]);
    assert_eq!(answering.join().unwrap(), "GET /api/v1/loss HTTP/1.1\r\n");
    assert!(code == 0 && error.contains("lost in this time: 1,234 packets (kernel drop)"), "{error}");
    assert!(error.contains("switched off"), "{error}");
}
