//! Selectors on JSON documents: `.name`, `["k"]`, `[n]`, `.*`, `..name`, `.json()` and `.xml()`, to read and to redact.

use serde_json::Value as Json;

use crate::decode::{self, Format};
use crate::limits::MAX_VISITS;

/// One step of a selector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Key {
        name: String,
        is_caseless: bool,
    },
    /// The n-th item, from the end where negative; of a path that is a text, the n-th segment.
    Index {
        number: i64,
        is_path: bool,
    },
    /// All items; of a path that is a text, all segments.
    Wild {
        is_path: bool,
    },
    /// All values of this name below, at any depth.
    Descend(String),
    /// All values below, at any depth.
    DescendAll,
    /// Decodes a text.
    Decode(Format),
}

impl Step {
    pub fn key(name: impl Into<String>) -> Step {
        Step::Key { name: name.into(), is_caseless: false }
    }

    /// Whether it may find several values.
    pub fn is_many(&self) -> bool {
        matches!(self, Step::Wild { .. } | Step::Descend(_) | Step::DescendAll)
    }
}

/// What a redacted value becomes.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// Calls `found` with each value that a selector finds; `left` bounds the values visited.
pub(crate) fn walk(json: &Json, steps: &[Step], left: &mut u32, found: &mut dyn FnMut(&Json)) {
    let Some(rest_of_budget) = left.checked_sub(1) else { return };
    *left = rest_of_budget;
    let Some((step, rest)) = steps.split_first() else {
        found(json);
        return;
    };
    match (step, json) {
        (Step::Key { name, is_caseless }, Json::Object(object)) => {
            if let Some(value) = key_of(object, name, *is_caseless).and_then(|key| object.get(&key)) {
                walk(value, rest, left, found);
            }
        }
        (Step::Index { number, .. }, Json::Array(items)) => {
            if let Some(item) = position(*number, items.len()).and_then(|at| items.get(at)) {
                walk(item, rest, left, found);
            }
        }
        (Step::Index { number, is_path: true }, Json::String(text)) => {
            if let Some(segment) = segment(text, *number) {
                walk(&Json::from(segment), rest, left, found);
            }
        }
        (Step::Wild { .. }, Json::Array(items)) => items.iter().for_each(|item| walk(item, rest, left, found)),
        (Step::Wild { .. }, Json::Object(object)) => object.values().for_each(|item| walk(item, rest, left, found)),
        (Step::Wild { is_path: true }, Json::String(text)) => {
            segments(text).for_each(|segment| walk(&Json::from(segment), rest, left, found));
        }
        (Step::Descend(_) | Step::DescendAll, Json::Object(object)) => {
            for (key, value) in object {
                if is_wanted(step, key) {
                    walk(value, rest, left, found);
                }
                walk(value, steps, left, found);
            }
        }
        (Step::Descend(_) | Step::DescendAll, Json::Array(items)) => {
            for item in items {
                if *step == Step::DescendAll {
                    walk(item, rest, left, found);
                }
                walk(item, steps, left, found);
            }
        }
        (Step::Decode(format), Json::String(text)) => {
            if let Some(decoded) = decode::decode(text, *format) {
                walk(&decoded, rest, left, found);
            }
        }
        _ => {}
    }
}

fn is_wanted(step: &Step, key: &str) -> bool {
    match step {
        Step::Descend(name) => name == key,
        _ => true,
    }
}

/// The key as it stands in the object: exact, else without regard to case; `@id` finds the XML attribute `-id`.
fn key_of(object: &serde_json::Map<String, Json>, name: &str, is_caseless: bool) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    let attribute = name.strip_prefix('@').map(|name| format!("-{name}"));
    if let Some(attribute) = attribute.filter(|attribute| object.contains_key(attribute)) {
        return Some(attribute);
    }
    if is_caseless { object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned() } else { None }
}

/// Replaces each value that a selector finds by `[REDACTED]`; whether anything changed. `left` bounds the visits.
pub(crate) fn redact(json: &mut Json, steps: &[Step], left: &mut u32) -> bool {
    // Beyond the budget all is hidden: too much rather than too little.
    let steps = match left.checked_sub(1) {
        Some(rest_of_budget) => {
            *left = rest_of_budget;
            steps
        }
        None => &[],
    };
    let Some((step, rest)) = steps.split_first() else {
        *json = Json::from(REDACTED);
        return true;
    };
    match (step, json) {
        (Step::Key { name, is_caseless }, Json::Object(object)) => {
            let key = key_of(object, name, *is_caseless);
            key.and_then(|key| object.get_mut(&key)).is_some_and(|value| redact(value, rest, left))
        }
        (Step::Index { number, .. }, Json::Array(items)) => {
            let at = position(*number, items.len());
            at.and_then(|at| items.get_mut(at)).is_some_and(|item| redact(item, rest, left))
        }
        (Step::Index { number, is_path: true }, Json::String(text)) if rest.is_empty() => {
            match segment(text, *number).map(|part| (part.as_ptr().addr() - text.as_ptr().addr(), part.len())) {
                Some((at, length)) => {
                    text.replace_range(at..at + length, REDACTED);
                    true
                }
                None => false,
            }
        }
        (Step::Wild { is_path: true }, json @ Json::String(_)) if rest.is_empty() => redact(json, rest, left),
        (Step::Wild { .. }, Json::Array(items)) => each(items.iter_mut(), rest, left),
        (Step::Wild { .. }, Json::Object(object)) => each(object.values_mut(), rest, left),
        (Step::Descend(_) | Step::DescendAll, Json::Object(object)) => {
            let mut is_changed = false;
            for (key, value) in object.iter_mut() {
                is_changed |= redact(value, steps, left);
                if is_wanted(step, key) {
                    is_changed |= redact(value, rest, left);
                }
            }
            is_changed
        }
        (Step::Descend(_) | Step::DescendAll, Json::Array(items)) => {
            let mut is_changed = false;
            for item in items {
                is_changed |= redact(item, steps, left);
                if *step == Step::DescendAll {
                    is_changed |= redact(item, rest, left);
                }
            }
            is_changed
        }
        (Step::Decode(format), Json::String(text)) => match decode::redact(text, *format, rest, left) {
            Some(redacted) => {
                *text = redacted;
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn each<'j>(items: impl Iterator<Item = &'j mut Json>, rest: &[Step], left: &mut u32) -> bool {
    let mut is_changed = false;
    for item in items {
        is_changed |= redact(item, rest, left);
    }
    is_changed
}

/// A fresh budget of visits.
pub(crate) fn budget() -> u32 {
    MAX_VISITS
}

/// The position that an index means in a list of a length.
pub(crate) fn position(number: i64, length: usize) -> Option<usize> {
    let at = if number < 0 { number.checked_add(i64::try_from(length).ok()?)? } else { number };
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// The segments of a URL path, without its query.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The n-th segment of a URL path.
pub(crate) fn segment(path: &str, number: i64) -> Option<&str> {
    match usize::try_from(number) {
        Ok(number) => segments(path).nth(number),
        Err(_) => segments(path).nth(position(number, segments(path).count())?),
    }
}

/// Reads the path of a `redact`: like a selector, but a name may hold any character save `.`, `[` and `(`.
pub(crate) fn parse_path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    let mut steps: Vec<Step> = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, next) = match after.trim_start().chars().next()? {
                quote @ ('"' | '\'') => {
                    let (name, next) = after.trim_start().strip_prefix(quote)?.split_once(quote)?;
                    steps.push(key_after(&steps, name));
                    ("", next.trim_start().strip_prefix(']')?)
                }
                _ => after.split_once(']')?,
            };
            match inside.trim() {
                "" => {}
                "*" => steps.push(wild_after(&steps)),
                number => steps.push(index_after(&steps, number.parse().ok()?)),
            }
            rest = next;
            continue;
        }
        let is_descend = rest.starts_with("..");
        rest = rest.strip_prefix("..").or_else(|| rest.strip_prefix('.')).unwrap_or(rest);
        if rest.starts_with('[') && !is_descend {
            continue;
        }
        let length = rest.find(['.', '[', '(']).unwrap_or(rest.len());
        let (name, next) = rest.split_at(length);
        rest = next;
        if let Some(after) = rest.strip_prefix('(') {
            rest = after.trim_start().strip_prefix(')')?;
            steps.push(Step::Decode(Format::of(name)?));
            continue;
        }
        steps.push(match (name.trim(), is_descend) {
            ("", _) => return None,
            ("*", false) => wild_after(&steps),
            ("*", true) => Step::DescendAll,
            (name, false) => key_after(&steps, name),
            (name, true) => Step::Descend(name.to_owned()),
        });
    }
    (!steps.is_empty()).then_some(steps)
}

/// Whether the last key names a URL path, whose text has segments.
fn is_path(steps: &[Step]) -> bool {
    matches!(steps.last(), Some(Step::Key { name, .. }) if name == "path" || name == "url")
}

/// A key in a record; header names are looked up without regard to case.
pub(crate) fn key_after(steps: &[Step], name: &str) -> Step {
    let is_caseless = matches!(steps.last(), Some(Step::Key { name, .. }) if name == "headers");
    Step::Key { name: name.to_owned(), is_caseless }
}

/// An index in a record.
pub(crate) fn index_after(steps: &[Step], number: i64) -> Step {
    Step::Index { number, is_path: is_path(steps) }
}

/// A wildcard in a record.
pub(crate) fn wild_after(steps: &[Step]) -> Step {
    Step::Wild { is_path: is_path(steps) }
}
