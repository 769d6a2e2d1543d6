//! Values as plain text, for the cells of CSV and of tables.
//!
//! The items of a list are joined by `;`, a map is JSON, bytes that are not UTF-8 are `b64:` and base64, an absent value is empty.

use lanternfish_model::Value;

use crate::buffer::Buffer;
use crate::source::of_key;
use crate::time::TimeText;
use crate::{Column, address, base64, json, map};

/// Writes a value; tells whether it may hold any character.
#[inline]
pub(crate) fn value(out: &mut Buffer, times: &mut TimeText, value: Value<'_>, column: &Column) -> bool {
    match value {
        Value::Text(text) => out.put(text.as_bytes()),
        Value::Int(number) => {
            json::integer(out, number);
            return false;
        }
        Value::Ip(ip) => {
            address::ip(out, ip);
            return false;
        }
        Value::Time(time) => {
            times.write(out, time);
            return false;
        }
        Value::Absent => return false,
        Value::Bool(truth) => {
            out.put(if truth { b"true" } else { b"false" });
            return false;
        }
        Value::Double(number) => {
            json::double(out, number);
            return false;
        }
        Value::Bytes(bytes) => text_or_base64(out, bytes),
        Value::List(list) => joined(out, list.iter_bytes()),
        Value::Map(pairs) => match &column.key {
            Some(key) => joined(out, of_key(pairs, key, column.is_caseless)),
            None => map::object(out, pairs, column.is_caseless),
        },
    }
    true
}

fn joined<'a>(out: &mut Buffer, items: impl Iterator<Item = &'a [u8]>) {
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.byte(b';');
        }
        text_or_base64(out, item);
    }
}

fn text_or_base64(out: &mut Buffer, bytes: &[u8]) {
    if std::str::from_utf8(bytes).is_ok() {
        out.put(bytes);
    } else {
        out.put(b"b64:");
        base64::encode(out, bytes);
    }
}
