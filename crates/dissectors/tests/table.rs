//! The table of protocols, the folders and the field table agree with each other and with the names that are promised.

use std::collections::BTreeSet;
use std::path::Path;

use lanternfish_dissectors::{PROTOCOLS, pending::PENDING};
use lanternfish_model::{FieldTable, ProtocolSpec};

fn specs() -> Vec<&'static ProtocolSpec> {
    PROTOCOLS.iter().map(|protocol| protocol.spec()).chain(PENDING.iter().copied()).collect()
}

#[test]
fn folders_and_table_agree() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    let folders: BTreeSet<String> = folders.filter(|name| name != "template").collect();
    let table: BTreeSet<String> = PROTOCOLS.iter().map(|protocol| protocol.spec().name.to_owned()).collect();
    assert_eq!(folders, table);
    assert_eq!(table.len(), PROTOCOLS.len(), "a name stands twice");
}

#[test]
fn all_fields_join_and_are_documented() {
    let table = FieldTable::join(&specs()).unwrap();
    for spec in specs() {
        assert!(!spec.doc.is_empty() || spec.fields.is_empty(), "{} has no doc", spec.name);
        for field in spec.fields {
            let path = field.path;
            assert!(field.doc.ends_with('.'), "{path}: the doc is no sentence");
            assert!(!field.example.is_empty(), "{path} has no example");
            let is_pending = !spec.pending.is_empty();
            assert!(!is_pending || !field.pending.is_empty(), "{path} belongs to a pending protocol");
        }
    }
    assert!(table.iter().count() > 100);
}

#[test]
fn pending_protocols_are_not_dissected() {
    for spec in PENDING {
        assert!(!spec.pending.is_empty());
        assert!(PROTOCOLS.iter().all(|protocol| protocol.spec().name != spec.name), "{} is not pending", spec.name);
    }
}

/// The list of promised names lies beside the project; on a clone without it there is nothing to compare with.
#[test]
fn promised_names_have_their_types() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = std::env::var_os("LANTERNFISH_SHARED").map(Into::into);
    let candidates = beside.into_iter().chain([workspace.join("../shared"), workspace.join("../../shared")]);
    let found =
        candidates.into_iter().find_map(|folder| std::fs::read_to_string(folder.join("kfl/variables.tsv")).ok());
    let Some(list) = found else {
        println!("skipped: no kfl/variables.tsv beside the project");
        return;
    };
    let table = FieldTable::join(&specs()).unwrap();
    let mut missing = Vec::new();
    for line in list.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, kind, group] = columns[..] else { continue };
        // A protocol whose fields are not written yet is not held to them.
        let is_bare =
            PROTOCOLS.iter().any(|protocol| protocol.spec().title == group && protocol.spec().fields.is_empty());
        if is_bare {
            continue;
        }
        match table.find(name).map(|id| table.spec(id).kind) {
            Some(found) if found.name() == kind => {}
            Some(found) => missing.push(format!("{name} is {}, not {kind}", found.name())),
            None => missing.push(format!("{name} is unknown")),
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
