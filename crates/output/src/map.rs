//! Maps and lists as JSON.
//!
//! A name that repeats has a list of values. What is not UTF-8 stands as base64 under the name with `_b64`, item by item: a
//! list or repeated name with both kinds is split in two. A map's name that is not UTF-8 is itself base64, with `_name_b64`.

use std::collections::HashMap;

use lanternfish_model::{ListRef, MapRef, Value};
use smallvec::SmallVec;

use crate::buffer::Buffer;
use crate::{base64, escape};

type Pairs<'a> = SmallVec<[(&'a str, &'a str); FEW_PAIRS]>;

/// Writes a map as an object.
pub(crate) fn object(out: &mut Buffer, map: MapRef<'_>, is_caseless: bool) {
    out.byte(b'{');
    match few_texts(map) {
        Some(pairs) => few(out, &pairs, is_caseless),
        None => any(out, map, is_caseless),
    }
    close(out, b'}');
}

/// Writes texts or bytes as members of an object: `"name":["text"],"name_b64":["base64"],`, each only where there is one.
///
/// `key` is `"name":` as [`crate::plan`] makes it.
pub(crate) fn list(out: &mut Buffer, key: &[u8], list: ListRef<'_>) {
    let mut has_bytes = false;
    let start = out.len();
    out.put(key);
    out.byte(b'[');
    let first = out.len();
    for item in list.iter() {
        match item {
            Value::Text(text) => {
                escape::string(out, text);
                out.byte(b',');
            }
            _ => has_bytes = true,
        }
    }
    if has_bytes && out.len() == first {
        out.truncate(start);
    } else {
        close(out, b']');
        out.byte(b',');
    }
    if has_bytes {
        key_b64(out, key);
        out.byte(b'[');
        for item in list.iter() {
            if let Value::Bytes(bytes) = item {
                quoted_base64(out, bytes);
                out.byte(b',');
            }
        }
        close(out, b']');
        out.byte(b',');
    }
}

/// Writes `"name":` as `"name_b64":`.
pub(crate) fn key_b64(out: &mut Buffer, key: &[u8]) {
    out.put(key.strip_suffix(b"\":").unwrap_or(key));
    out.put(b"_b64\":");
}

/// Writes bytes as a JSON string in base64.
pub(crate) fn quoted_base64(out: &mut Buffer, bytes: &[u8]) {
    out.byte(b'"');
    base64::encode(out, bytes);
    out.byte(b'"');
}

/// Ends an object or list whose members each end with a comma.
pub(crate) fn close(out: &mut Buffer, end: u8) {
    if out.last() == Some(b',') {
        out.replace_last(end);
    } else {
        out.byte(end);
    }
}

/// The pairs, where they are few and all of them text.
fn few_texts(map: MapRef<'_>) -> Option<Pairs<'_>> {
    let mut pairs = Pairs::new();
    for (name, value) in map.iter() {
        match (name, value) {
            (Value::Text(name), Value::Text(value)) if pairs.len() < FEW_PAIRS => pairs.push((name, value)),
            _ => return None,
        }
    }
    Some(pairs)
}

fn few(out: &mut Buffer, pairs: &[(&str, &str)], is_caseless: bool) {
    if !has_repeat(pairs) {
        for &(name, value) in pairs {
            member(out, name, is_caseless);
            escape::string(out, value);
            out.byte(b',');
        }
        return;
    }
    let is_same = |a: &str, b: &str| if is_caseless { a.eq_ignore_ascii_case(b) } else { a == b };
    for (position, &(name, value)) in pairs.iter().enumerate() {
        let (before, from) = pairs.split_at_checked(position).unwrap_or_default();
        if before.iter().any(|(known, _)| is_same(known, name)) {
            continue;
        }
        member(out, name, is_caseless);
        let later = from.get(1..).unwrap_or_default();
        let mut same = later.iter().filter(|(other, _)| is_same(other, name)).peekable();
        if same.peek().is_none() {
            escape::string(out, value);
            out.byte(b',');
            continue;
        }
        out.byte(b'[');
        escape::string(out, value);
        for (_, value) in same {
            out.byte(b',');
            escape::string(out, value);
        }
        out.put(b"],");
    }
}

/// Whether two names look alike: they have the same length, beginning and end, without regard to case. They need not be the same.
fn has_repeat(pairs: &[(&str, &str)]) -> bool {
    let mut looks = [0u32; FEW_PAIRS];
    for (slot, (name, _)) in looks.iter_mut().zip(pairs) {
        let byte = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or(0) | 0x20);
        let name = name.as_bytes();
        *slot = (name.len() as u32) << 16 | byte(name.first()) << 8 | byte(name.last());
    }
    let looks = looks.get(..pairs.len()).unwrap_or_default();
    let repeats = |(position, look): (usize, &u32)| {
        looks.iter().skip(position + 1).fold(false, |found, other| found | (other == look))
    };
    looks.iter().enumerate().any(repeats)
}

fn any(out: &mut Buffer, map: MapRef<'_>, is_caseless: bool) {
    let mut groups: Vec<(String, Vec<Value<'_>>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (name, value) in map.iter() {
        let mut name = match name {
            Value::Text(text) if is_caseless => text.to_ascii_lowercase(),
            Value::Text(text) => text.to_owned(),
            Value::Bytes(bytes) => {
                let mut encoded = Buffer::default();
                base64::encode(&mut encoded, bytes);
                format!("{}_name_b64", String::from_utf8_lossy(encoded.since(0)))
            }
            _ => continue,
        };
        if matches!(value, Value::Bytes(_)) {
            name.push_str("_b64");
        }
        let position = *known.entry(name).or_insert_with_key(|name| {
            groups.push((name.clone(), Vec::new()));
            groups.len() - 1
        });
        if let Some((_, values)) = groups.get_mut(position) {
            values.push(value);
        }
    }
    for (name, values) in &groups {
        member(out, name, false);
        let is_list = values.len() > 1;
        if is_list {
            out.byte(b'[');
        }
        for value in values {
            match value {
                Value::Text(text) => escape::string(out, text),
                Value::Bytes(bytes) => quoted_base64(out, bytes),
                _ => continue,
            }
            out.byte(b',');
        }
        if is_list {
            close(out, b']');
            out.byte(b',');
        }
    }
}

/// Writes `"name":`.
fn member(out: &mut Buffer, name: &str, is_lower: bool) {
    if is_lower {
        escape::string_lower(out, name);
    } else {
        escape::string(out, name);
    }
    out.byte(b':');
}

/// The most pairs that are compared each with each.
const FEW_PAIRS: usize = 32;
