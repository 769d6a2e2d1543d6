//! What filters find on the captures beside this file: `queries.tsv` names a capture, a filter in one of the two forms of the
//! language, and how many entries it finds there.
//!
//! The numbers follow from what `e2e/record_variables.py` had sent. Connections and flows are entries too, with the names and
//! ports of their ends: a filter that does not say `http`, `conn` or the like finds the call, its connection and its flow.

use std::collections::BTreeSet;

use super::{folder, run};

struct Query {
    capture: String,
    filter: String,
    count: usize,
}

fn queries() -> Vec<Query> {
    let text = std::fs::read_to_string(folder().join("queries.tsv")).unwrap();
    let query = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [capture, filter, count] = columns.as_slice() else { panic!("not three columns: {line}") };
        Query { capture: (*capture).to_owned(), filter: (*filter).to_owned(), count: count.parse().unwrap() }
    };
    text.lines().skip(1).map(query).collect()
}

#[test]
fn every_query_finds_what_it_should() {
    let mut wrong = Vec::new();
    for Query { capture, filter, count } in queries() {
        let path = format!("{capture}.pcap");
        let (code, out, error) = run(&["read", &path, "-f", &filter, "-o", "csv", "--fields", "id"]);
        assert_eq!(code, Some(0), "{filter}: {error}");
        let found: BTreeSet<&str> = out.lines().skip(1).collect();
        if found.len() != count || out.lines().count() != count + 1 {
            wrong.push(format!("{filter} finds {} in {capture}, not {count}", out.lines().count() - 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recorded_capture_is_queried() {
    let queried: BTreeSet<String> = queries().into_iter().map(|query| format!("{}.pcap", query.capture)).collect();
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let captures: BTreeSet<String> = files.filter(|name| name.ends_with(".pcap")).collect();
    assert_eq!(queried, captures);
}
