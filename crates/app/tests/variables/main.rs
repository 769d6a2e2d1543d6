//! Every variable of the filter language is real: each has a case in `cases.tsv` where it has a known value other than its
//! default.
//!
//! A case names a variable, a capture with flags of `read`, a filter that finds an entry, and the variable's value there.
//! Captures with a plain name lie beside this file (recorded by `e2e/record_variables.py`), those of `built:` are made in `built.rs`, and
//! `live` cases are run by `e2e/test_variables.py` on traffic of its own. `UPDATE_EXPECT=1` rewrites the values: read the diff.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod built;
mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

struct Case {
    variable: String,
    capture: String,
    filter: String,
    expected: String,
}

/// A field as `lanternfish fields` declares it.
struct Field {
    kind: String,
    pending: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/variables")
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.tsv")).unwrap();
    let case = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [variable, capture, filter, expected] = columns.as_slice() else { panic!("not four columns: {line}") };
        let owned = |text: &&str| (*text).to_owned();
        Case { variable: owned(variable), capture: owned(capture), filter: owned(filter), expected: owned(expected) }
    };
    text.lines().skip(1).map(case).collect()
}

/// Runs the program; gives its exit code, what it wrote, and what it said.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanternfish"));
    let output = command.env_clear().current_dir(folder()).stdin(Stdio::null()).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// All fields by each of their names.
fn fields() -> BTreeMap<String, Field> {
    let (_, out, _) = run(&["fields", "-o", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    let mut fields = BTreeMap::new();
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let others = row["aliases"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        for name in std::iter::once(text("name")).chain(others) {
            fields.insert(name, Field { kind: text("type"), pending: text("pending") });
        }
    }
    fields
}

/// The rows of the list of variables that is kept beside the project: name, type, group; `None` where it is not at hand.
fn shared_variables() -> Option<Vec<[String; 3]>> {
    let root = std::env::var_os("LANTERNFISH_SHARED").map(PathBuf::from).or_else(|| {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared")).find(|folder| folder.join("kfl").is_dir())
    });
    let text = root.and_then(|root| std::fs::read_to_string(root.join("kfl/variables.tsv")).ok());
    let Some(text) = text else {
        println!("skipped: kfl/variables.tsv is not at hand (set LANTERNFISH_SHARED)");
        return None;
    };
    let row = |line: &str| {
        let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        columns.try_into().unwrap_or_else(|_| panic!("not three columns: {line}"))
    };
    Some(text.lines().skip(1).map(row).collect())
}

/// The value of a field in a line of JSON; that of bytes is base64.
fn dig<'v>(entry: &'v Value, path: &str) -> Option<&'v Value> {
    let find = |path: &str| path.split('.').try_fold(entry, |value, name| value.get(name));
    find(path).or_else(|| find(&format!("{path}_b64")))
}

fn default_of(kind: &str) -> Value {
    match kind {
        "bool" => json!(false),
        "int" => json!(0),
        "[]string" => json!([]),
        "map" => json!({}),
        _ => json!(""),
    }
}

/// The test of a filter that a variable has a value.
fn comparison(variable: &str, kind: &str, value: &Value) -> String {
    match (kind, value) {
        ("timestamp", _) => format!("{variable} == timestamp({value})"),
        ("bytes", Value::String(text)) => {
            let escapes: String = from_base64(text).iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("{variable} == b\"{escapes}\"")
        }
        ("map", Value::Object(pairs)) => {
            let pair = |(name, value): (&String, &Value)| match value {
                Value::Array(items) => format!("{variable}[\"{name}\"].* == {}", Value::Array(items.clone())),
                text => format!("{variable}[\"{name}\"] == {text}"),
            };
            pairs.iter().map(pair).collect::<Vec<_>>().join(" && ")
        }
        _ => format!("{variable} == {value}"),
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(u32::from).collect();
    let group = |group: &[u32]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

#[test]
fn every_case_holds() {
    let fields = fields();
    let made = tempfile::tempdir().unwrap();
    let mut cases = cases();
    let mut wrong = Vec::new();
    for case in cases.iter_mut().filter(|case| case.capture != "live") {
        let Case { variable, capture, filter, expected } = case;
        let mut flags = capture.split(' ');
        let name = flags.next().unwrap_or_default();
        let flags: Vec<&str> = flags.collect();
        let path = match name.strip_prefix("built:") {
            Some(name) => {
                let path = made.path().join(name);
                std::fs::write(&path, built::capture(name).unwrap_or_else(|| panic!("{capture} is unknown"))).unwrap();
                path
            }
            None => folder().join(format!("{name}.pcap")),
        };
        let read = |filter: &str| {
            let mut arguments = vec!["read", path.to_str().unwrap(), "-f", filter, "-o", "jsonl", "--fields", variable];
            arguments.extend(&flags);
            let (code, out, error) = run(&arguments);
            assert_eq!(code, Some(0), "{variable}: {error}");
            out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
        };
        let found = read(filter);
        let Some(value) = found.first().and_then(|entry| dig(entry, variable)) else {
            wrong.push(format!("{variable}: nothing in {capture} by {filter}"));
            continue;
        };
        let field = fields.get(variable).unwrap_or_else(|| panic!("{variable} is not declared"));
        let shown = value.to_string();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            expected.clone_from(&shown);
        }
        if *value == default_of(&field.kind) {
            wrong.push(format!("{variable} in {capture} by {filter} is its default"));
        } else if shown != *expected {
            wrong.push(format!("{variable} in {capture} by {filter} is {shown}, not {expected}"));
        } else if read(&format!("({filter}) && {}", comparison(variable, &field.kind, value))).is_empty() {
            wrong.push(format!("a filter does not find {variable} in {capture}"));
        } else if !read(&format!("({filter}) && {variable} == {}", literal_default(&field.kind))).is_empty()
            && found.len() == 1
        {
            wrong.push(format!("a filter takes {variable} in {capture} for its default"));
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut text = "variable\tcapture\tfilter\tvalue\n".to_owned();
        for case in &cases {
            text.push_str(&[&*case.variable, &*case.capture, &*case.filter, &*case.expected].join("\t"));
            text.push('\n');
        }
        std::fs::write(folder().join("cases.tsv"), text).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn literal_default(kind: &str) -> &'static str {
    match kind {
        "bool" => "false",
        "int" => "0",
        "[]string" => "[]",
        "map" => "{}",
        "bytes" => "b\"\"",
        "timestamp" => "timestamp(\"1970-01-01T00:00:00Z\")",
        _ => "\"\"",
    }
}

#[test]
fn every_due_variable_has_a_case() {
    let fields = fields();
    let cases = cases();
    let covered: BTreeSet<&str> = cases.iter().map(|case| case.variable.as_str()).collect();
    for case in &cases {
        let field = fields.get(&case.variable).unwrap_or_else(|| panic!("{} is not declared", case.variable));
        assert!(field.pending.is_empty(), "{} has a case: it is no longer pending", case.variable);
    }
    // What the program declares is the list; the shared one, where it is at hand, may hold no name besides.
    let (_, out, _) = run(&["fields", "-o", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    let declared = rows.iter().map(|row| row["name"].as_str().unwrap().to_owned());
    let shared = shared_variables().unwrap_or_default().into_iter().map(|[name, ..]| name);
    let due = declared.chain(shared).filter(|name| fields.get(name).is_none_or(|field| field.pending.is_empty()));
    let missing: BTreeSet<String> = due.filter(|name| !covered.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "without a case in cases.tsv: {missing:?}");
}

#[test]
fn shared_variables_are_declared_with_their_types() {
    let fields = fields();
    for [name, kind, group] in shared_variables().unwrap_or_default() {
        let field = fields.get(&name).unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!(field.kind, kind, "{name}");
        let may_wait = group == "Protocol Detection" || LATER_GROUPS.contains(&group.as_str());
        assert!(may_wait || field.pending.is_empty(), "{name} of {group} is pending: {}", field.pending);
    }
}

#[test]
fn only_what_comes_later_is_pending() {
    let (_, out, _) = run(&["fields", "--pending", "-o", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let protocols: Vec<&str> =
            row["protocols"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let is_later = match protocols.as_slice() {
            [] => row["pending"] == "needs Kubernetes, which is not built yet",
            protocols => protocols.iter().all(|name| LATER_PROTOCOLS.contains(name)),
        };
        assert!(is_later, "{} is pending", row["name"]);
    }
}

/// What is pending is named with its reason, in the list and by a filter that uses it; what is not is no word worth.
#[test]
fn a_filter_with_a_pending_name_warns() {
    let fields = fields();
    let (code, listed, _) = run(&["fields", "--pending"]);
    assert_eq!(code, Some(0));
    for (name, field) in &fields {
        let query = match field.kind.as_str() {
            "bool" => format!("http || {name}"),
            "int" => format!("http || {name} > 0"),
            "timestamp" => format!("http || {name} > now()"),
            _ => format!("http || size({name}) > 0"),
        };
        let (code, out, error) = run(&["kfl", "check", &query]);
        assert_eq!((code, out.as_str()), (Some(0), ""), "{query}: {error}");
        let is_listed = listed.lines().any(|line| line.split_whitespace().next() == Some(name));
        if field.pending.is_empty() {
            assert_eq!(error, "", "{query}");
            assert!(!is_listed, "{name}");
        } else {
            let column = query.find(name.as_str()).unwrap() + 1;
            let expected = format!("column {column}: {name} has no values yet: {}", field.pending);
            assert!(error.contains(&expected), "{query}: {error}");
            let reason = listed.lines().find(|line| line.split_whitespace().next() == Some(name));
            // An alias is listed by its field's name.
            assert!(reason.is_none_or(|line| line.contains(&field.pending)), "{name}");
        }
    }
    let (code, _, error) =
        run(&["read", "http.pcap", "-f", "http && src.pod.name == \"\"", "-o", "csv", "--fields", "id"]);
    assert_eq!(code, Some(0));
    assert!(error.contains("src.pod.name has no values yet: needs Kubernetes"), "{error}");
}

/// The groups of variables whose protocol or source comes later.
const LATER_GROUPS: &[&str] =
    &["Kubernetes", "Labels and Annotations", "gRPC", "WebSocket", "Kafka", "AMQP", "LDAP", "RADIUS", "Diameter"];
/// The protocols that come later. Of HTTP/2, which gRPC needs, there is a word alone.
const LATER_PROTOCOLS: &[&str] =
    &["grpc", "websocket", "graphql", "http2", "kafka", "amqp", "ldap", "radius", "diameter"];
