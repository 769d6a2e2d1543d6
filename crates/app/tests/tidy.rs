//! Keeps the structure true: which crate may depend on which, and which files may be how long.

#![allow(clippy::expect_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The allowed edges between the crates of the workspace; `model` is open to all, and `lanternfish` may use every one.
const EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &[]),
    ("pcapfile", &[]),
    ("capture", &["pcapfile"]),
    ("reassembly", &["wire"]),
    ("dissect", &["wire"]),
    ("dissectors", &["dissect", "wire"]),
    ("pairing", &[]),
    ("identity", &[]),
    ("filter", &[]),
    ("columns", &[]),
    ("store", &["columns", "pcapfile"]),
    ("query", &["columns", "filter", "servicemap", "store"]),
    ("output", &["pcapfile"]),
    ("servicemap", &[]),
    ("telemetry", &[]),
    ("api", &["filter", "query", "output", "servicemap", "telemetry"]),
    (
        "pipeline",
        &["capture", "wire", "reassembly", "dissect", "dissectors", "pairing", "identity", "filter", "telemetry"],
    ),
    ("testkit", &["wire", "pcapfile"]),
    ("bench-store", &["columns", "dissectors", "filter", "query", "store", "testkit"]),
];

/// The crates that may use `serde` or `serde_json`.
const SERDE: &[&str] = &["output", "filter", "api", "lanternfish"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn dependencies(package: &serde_json::Value) -> impl Iterator<Item = (&str, bool)> {
    package["dependencies"].as_array().into_iter().flatten().filter_map(|dependency| {
        let is_normal = dependency["kind"].is_null();
        Some((dependency["name"].as_str()?, is_normal))
    })
}

#[test]
fn crates_depend_only_on_what_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let full = package["name"].as_str().expect("name");
        let Some(name) = full.strip_prefix("lanternfish-") else { continue };
        let Some(may) = allowed.get(name) else {
            wrong.push(format!("{name} is not in the list of crates"));
            continue;
        };
        seen.insert(name.to_owned());
        for (dependency, is_normal) in dependencies(package) {
            let Some(other) = dependency.strip_prefix("lanternfish-") else {
                if is_normal && dependency.starts_with("serde") && !SERDE.contains(&name) {
                    wrong.push(format!("{name} uses {dependency}"));
                }
                continue;
            };
            if is_normal && other != "model" && !may.contains(&other) {
                wrong.push(format!("{name} depends on {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let listed: BTreeSet<String> = allowed.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, listed, "the list names crates that are not there");
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn files_say_what_they_are_and_stay_short() {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).expect("crates").flatten() {
        sources(&entry.path().join("src"), &mut files);
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a source file");
        let name = file.strip_prefix(root()).unwrap_or(file).display().to_string();
        let is_test = name.contains("tests");
        if !is_test && !text.starts_with("//!") {
            wrong.push(format!("{name} does not begin with //!"));
        }
        let lines = text.lines().count();
        if !is_test && !name.contains("/tables/") && lines > MAX_LINES {
            wrong.push(format!("{name} has {lines} lines"));
        }
        for word in ["todo!(", "unimplemented!(", "dbg!("] {
            if text.contains(word) {
                wrong.push(format!("{name} has {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Files longer than this hold more than one idea.
const MAX_LINES: usize = 600;
