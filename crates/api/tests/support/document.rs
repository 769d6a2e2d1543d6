//! The OpenAPI document as a judge of answers: each must be documented, and no member may be there that is not.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::client::Answer;
use super::traffic;

/// The document, and which operations were judged.
pub struct Document {
    document: Value,
    strict: Value,
    seen: BTreeSet<(String, String, String)>,
}

impl Document {
    pub fn new() -> Document {
        let document = lanternfish_api::openapi::document(traffic::table());
        let document = serde_json::to_value(document).unwrap();
        let mut strict = document["components"].clone();
        forbid_unknown(&mut strict);
        allow_parts(&document["components"], &mut strict["schemas"]);
        Document { document, strict, seen: BTreeSet::new() }
    }

    /// All operations: the path and the method.
    pub fn operations(&self) -> Vec<(String, String)> {
        let paths = self.document["paths"].as_object().unwrap();
        let of = |(path, item): (&String, &Value)| -> Vec<(String, String)> {
            item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())).collect()
        };
        paths.iter().flat_map(of).collect()
    }

    /// The statuses that an operation documents.
    pub fn statuses(&self, path: &str, method: &str) -> Vec<String> {
        self.operation(path, method)["responses"].as_object().unwrap().keys().cloned().collect()
    }

    /// Whether an operation was judged with a status.
    pub fn has_seen(&self, path: &str, method: &str, status: &str) -> bool {
        self.seen.contains(&(path.to_owned(), method.to_owned(), status.to_owned()))
    }

    fn operation(&self, path: &str, method: &str) -> &Value {
        let operation = &self.document["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not documented");
        operation
    }

    /// Judges an answer.
    pub fn judge(&mut self, method: &str, path: &str, answer: &Answer) {
        let status = answer.status.to_string();
        let response = &self.operation(path, method)["responses"][&status];
        assert!(response.is_object(), "{method} {path}: {status} is not documented: {}", answer.text());
        let kind = answer.header("content-type").split(';').next().unwrap().trim().to_owned();
        match response["content"].as_object() {
            None => assert!(answer.body.is_empty(), "{method} {path} {status} has a body that is not documented"),
            Some(content) => {
                let media = content.get(&kind);
                let media = media.unwrap_or_else(|| panic!("{method} {path} {status}: {kind} is not documented"));
                if kind == "application/json" && !is_binary(&media["schema"]) {
                    self.check(&media["schema"], &answer.json(), &format!("{method} {path} {status}"));
                }
            }
        }
        self.seen.insert((path.to_owned(), method.to_owned(), status));
    }

    /// Checks a value against a schema of the document by its name.
    pub fn check_named(&self, name: &str, value: &Value) {
        self.check(&json!({ "$ref": format!("#/components/schemas/{name}") }), value, name);
    }

    fn check(&self, schema: &Value, value: &Value, what: &str) {
        let mut schema = schema.clone();
        forbid_unknown(&mut schema);
        let root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": self.strict,
        });
        let validator = jsonschema::validator_for(&root).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
    }
}

/// Objects that do not say so have no members but those that they name.
fn forbid_unknown(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            // What is joined of parts has the members of all of them.
            if let Some(Value::Array(parts)) = object.get_mut("allOf") {
                let inner = parts.iter_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
                inner.for_each(forbid_unknown);
                object.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
                return;
            }
            let is_object = object.get("properties").is_some_and(Value::is_object) && object.contains_key("type");
            if is_object && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(forbid_unknown);
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_unknown),
        _ => {}
    }
}

/// What objects are joined of may have other members beside.
fn allow_parts(schema: &Value, strict: &mut Value) {
    match schema {
        Value::Object(object) => {
            for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                let name = part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
                if let Some(part) = name.and_then(|name| strict[name].as_object_mut()) {
                    part.remove("additionalProperties");
                }
            }
            object.values().for_each(|inner| allow_parts(inner, strict));
        }
        Value::Array(items) => items.iter().for_each(|inner| allow_parts(inner, strict)),
        _ => {}
    }
}

fn is_binary(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == "binary")
}

/// Names of all members of a value, with dots, for tests that look for one.
pub fn members(value: &Value) -> Vec<String> {
    fn walk(prefix: &str, object: &Map<String, Value>, out: &mut Vec<String>) {
        for (name, value) in object {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if let Value::Object(inner) = value {
                walk(&path, inner, out);
            }
            out.push(path);
        }
    }
    let mut out = Vec::new();
    if let Value::Object(object) = value {
        walk("", object, &mut out);
    }
    out
}
