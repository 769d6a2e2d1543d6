//! The OpenAPI document: up to date in the repository, whole, and without references that lead nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::traffic;

fn document() -> Value {
    serde_json::to_value(lanternfish_api::openapi::document(traffic::table())).unwrap()
}

/// The dashboard makes its types from this file; `UPDATE_EXPECT=1` rewrites it.
#[test]
fn the_file_of_the_dashboard_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
    let text = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "web/openapi.json is stale: UPDATE_EXPECT=1 rewrites it; then make the types of web/ anew");
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, root: &Value, count: &mut usize) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{reference} leads nowhere");
                    *count += 1;
                }
                object.values().for_each(|value| walk(value, root, count));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, root, count)),
            _ => {}
        }
    }
    let document = document();
    let mut count = 0;
    walk(&document, &document, &mut count);
    assert!(count > 100, "only {count} references");
}

#[test]
fn every_operation_is_described() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{what} has no summary");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = &parameter["name"];
                assert!(parameter["description"].is_string(), "{what}: {name} has no description");
                let is_in_path = path.contains(&format!("{{{}}}", name.as_str().unwrap()));
                assert_eq!(parameter["in"] == "path", is_in_path, "{what}: {name}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{what}: {status} has no description");
            }
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "two operations have the same id");
    for path in [
        "/api/v1/entries",
        "/api/v1/entries/{id}",
        "/api/v1/entries/{id}/packets",
        "/api/v1/entries/{id}/pcap",
        "/api/v1/pcap",
        "/api/v1/map",
        "/api/v1/stats",
        "/api/v1/fields",
        "/api/v1/values",
        "/api/v1/kfl/check",
        "/api/v1/explain",
        "/api/v1/filters",
        "/api/v1/capture",
        "/api/v1/snapshots",
        "/api/v1/loss",
        "/api/v1/live",
        "/healthz",
        "/metrics",
        "/api/v1/openapi.json",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is missing");
    }
}
