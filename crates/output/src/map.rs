//! Maps and lists as JSON.
//!
//! A name that repeats has a list of values. What is not UTF-8 stands as base64 under the name with `_b64`, item by item: a
//! list or repeated name with both kinds is split in two. A map's name that is not UTF-8 is itself base64, with `_name_b64`.

use std::collections::HashMap;

use lanternfish_model::{ListRef, MapRef, Value};

use crate::buffer::Buffer;
use crate::{base64, escape};

/// Writes a map as an object.
pub(crate) fn object(out: &mut Buffer, map: MapRef<'_>, is_caseless: bool) {
    let start = out.len();
    out.byte(b'{');
    if !simple(out, map, is_caseless) {
        out.truncate(start);
        out.byte(b'{');
        any(out, map, is_caseless);
    }
    close(out, b'}');
}

/// Writes the members of a map of texts in which no name repeats; gives `false` where it turns out to be another.
fn simple(out: &mut Buffer, map: MapRef<'_>, is_caseless: bool) -> bool {
    let mut seen = Seen::default();
    for (name, value) in map.iter_bytes() {
        let is_text = if is_caseless { escape::text_lower(out, name) } else { escape::text(out, name) };
        if !is_text || !seen.is_new(name) {
            return false;
        }
        out.byte(b':');
        if !escape::text(out, value) {
            return false;
        }
        out.byte(b',');
    }
    true
}

/// The looks of names: length, beginning and end, without regard to case. Names that differ may look alike.
#[derive(Default)]
struct Seen {
    looks: [u32; FEW_NAMES],
    count: usize,
    /// A bit for each look.
    bits: u64,
}

impl Seen {
    /// Whether no name before looks like this one; `false` too where there are too many to tell.
    #[inline]
    fn is_new(&mut self, name: &[u8]) -> bool {
        let look = look(name);
        let bit = 1u64 << (look >> 26);
        if self.bits & bit != 0 && self.looks.iter().take(self.count).any(|known| *known == look) {
            return false;
        }
        self.bits |= bit;
        let Some(slot) = self.looks.get_mut(self.count) else { return false };
        *slot = look;
        self.count += 1;
        true
    }
}

#[inline]
fn look(name: &[u8]) -> u32 {
    let (first, last) = match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
        _ => (name.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)), 0),
    };
    // The bit that makes the case of a letter does not count.
    let (first, last) = (first | 0x2020_2020, last | 0x2020_2020);
    (first.wrapping_mul(0x9e37_79b1) ^ last ^ name.len() as u32).wrapping_mul(0x85eb_ca6b)
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
    for item in list.iter_bytes() {
        if escape::text(out, item) {
            out.byte(b',');
        } else {
            has_bytes = true;
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
        escape::string(out, name);
        out.byte(b':');
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

/// The most names that are compared each with each.
const FEW_NAMES: usize = 32;
